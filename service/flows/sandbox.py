"""The sandbox: its demonstration incidents and on-screen phones. None of it exists in live mode."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from notifiers.base import InboundText
from rules.incident import IncidentReport, Person, Place
from service.clock import SandboxClock
from service.errors import Invalid
from service.models.access import AccessKey, Role
from service.models.ids import new_id
from service.models.people import Preference
from service.records import keys
from service.runtime import CLOCK_PREFERENCE, Runtime

AGO = timedelta(minutes=4)
DEMO_KEYS = {Role.PARTNER: "demo partner", Role.SUPERVISOR: "demo supervisor", Role.ADMIN: "demo admin"}


@dataclass(frozen=True)
class Kind:
    """A button of the sandbox page: an incident type with a title and an invented example."""

    type: str
    title: str
    setting: str
    summary: str
    age: int | None = None


KINDS = (
    Kind("weapon_in_school", "Weapon in school", "school", "Found in a bag at the gate; nobody hurt.", 14),
    Kind("drugs_in_school", "Drugs in school", "school", "Small bags found in a locker.", 15),
    Kind(
        "hospital_stabbing", "Stabbing, on a ward", "hospital", "Young person admitted tonight, awake, family told.", 16
    ),
    Kind("late_night_hotspot", "Late-night hotspot", "street", "Third disturbance at the same corner this week."),
    Kind("peer_conflict", "Peer conflict", "online", "Two groups, threats for after school tomorrow."),
    Kind("community_concern", "Something else", "community", "A shopkeeper is worried about a young person."),
)


def example(runtime: Runtime, kind: str, locality: str | None, *, drill: bool) -> IncidentReport:
    """An invented report of one kind. Raises Invalid for another kind."""
    found = next((k for k in KINDS if k.type == kind), None)
    if found is None:
        raise Invalid(
            f"type: the sandbox has no button for {kind!r}; one of {', '.join(k.type for k in KINDS)} is needed"
        )
    with runtime.reading() as work:
        listed = [
            place
            for place in work.policy.book.rulebook.places
            if place.kind == found.setting and (found.setting == "hospital" or place.locality == locality)
        ]
        where = sorted(listed, key=lambda place: place.locality != locality)
    place = Place(name=where[0].name, urn=where[0].urn, ods=where[0].ods) if where else None
    return IncidentReport(
        type=found.type,
        occurred_at=runtime.clock.now() - AGO,
        locality=locality,
        setting=found.setting,
        place=place,
        people=[Person(ref=f"p-demo-{found.age}", role="young_person", age=found.age)] if found.age else [],
        summary=found.summary,
        drill=drill,
    )


def phone_text(runtime: Runtime, sender: str, body: str) -> InboundText:
    """A text typed on an on-screen phone."""
    now = runtime.clock.now()
    return InboundText(provider="sandbox", provider_id=new_id("sbx", now), sender=sender, body=body, received_at=now)


def keep_clock(runtime: Runtime) -> None:
    """Remember how far the sandbox's clock is ahead, for the next start."""
    if isinstance(runtime.clock, SandboxClock):
        offset = runtime.clock.offset.total_seconds()
        with runtime.setting_up() as setup:
            setup.session.merge(Preference(name=CLOCK_PREFERENCE, value={"offset_seconds": offset}))


def demo_keys(runtime: Runtime) -> dict[Role, str]:
    """The keys of the demonstration: made from this sandbox's own secret, so that they can be printed at every start."""
    found = {}
    with runtime.setting_up() as setup:
        for role, name in DEMO_KEYS.items():
            secret = hmac.new(runtime.keyring.session_secret.encode(), name.encode(), hashlib.sha256).hexdigest()[:40]
            text = keys.PREFIX + secret
            if keys.find(setup.session, text) is None:
                key, text = keys.make(setup.session, role=role, name=name, localities=[], now=setup.now, secret=secret)
                setup.record("key.made", key.id, actor="sandbox", role=role.value)
            found[role] = text
    return found


def demo_partner(runtime: Runtime) -> AccessKey:
    """The partner in whose name the sandbox's buttons report."""
    text = demo_keys(runtime)[Role.PARTNER]
    with runtime.database.reading() as session:
        key = keys.find(session, text)
    if key is None:
        raise Invalid("the demonstration's partner key was revoked")
    return key
