"""Rotas of several layers as tests write them."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from rules.layers import AnySpec, LayeredSpec
from rules.rotation import RotaSpec

LONDON = ZoneInfo("Europe/London")
STARTS = date(2026, 1, 5)
# Without restrictions: whatever stands above it leaves no gap.
NIGHTS: dict[str, Any] = {
    "name": "Evenings and nights",
    "rotation": "weekly",
    "handover": "Mon 09:00",
    "starts": STARTS,
    "workers": ["grace", "hana"],
}


def read(document: dict[str, Any]) -> RotaSpec | LayeredSpec:
    """A rota as a partnership file holds it. Raises ValidationError."""
    found: RotaSpec | LayeredSpec = TypeAdapter(AnySpec).validate_python(document)
    return found


def at(text: str) -> datetime:
    """An instant, from the time on the clocks in London unless it says otherwise."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=LONDON)
