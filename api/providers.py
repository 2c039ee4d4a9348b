"""How the providers stand, for supervisors."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.problems import responses
from service.records import providers

router = APIRouter(prefix="/v1/providers", tags=["Providers"])

_STANDING: dict[str, Any] = {
    "items": [
        {
            "channel": "sms",
            "provider": "notify",
            "name": "GOV.UK Notify",
            "place": 1,
            "state": "down",
            "since": "2026-11-20T15:41:07Z",
            "seen_at": "2026-11-20T15:43:22Z",
            "why": "Notify answered 503",
        },
        {
            "channel": "sms",
            "provider": "twilio",
            "name": "Twilio",
            "place": 2,
            "state": "up",
            "since": None,
            "seen_at": None,
            "why": None,
        },
    ]
}


class ProviderShape(BaseModel):
    """One provider of a channel; `place` is its turn. `seen_at`: when its state was last written down, for one that was
    ever down."""

    channel: str
    provider: str
    name: str
    place: int
    state: Literal["up", "down"]
    since: datetime | None
    seen_at: datetime | None
    why: str | None


class ProviderPage(BaseModel):
    """The providers by channel, in the order in which they are tried."""

    items: list[ProviderShape]


@router.get(
    "",
    response_model=ProviderPage,
    summary="How the providers stand",
    responses={**examples.answer(_STANDING), **responses(401, 403, 429)},
)
def read_providers(_caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """A provider is `down` after three failures in a row within a minute. Messages go by the next one then, and it is asked
    every fifteen seconds whether it is back; where nobody else serves the channel it goes on being tried."""
    with runtime.reading() as work:
        return {
            "items": [
                {
                    "channel": each.channel.value,
                    "provider": each.provider,
                    "name": each.title,
                    "place": each.place,
                    "state": "up" if each.up else "down",
                    "since": each.since,
                    "seen_at": each.seen_at,
                    "why": each.why,
                }
                for each in providers.standing(work, runtime.notifiers)
            ]
        }
