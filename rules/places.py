"""Places that the rulebook knows, and when two places are the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from rules.incident import Place, Slug


class KnownPlace(BaseModel):
    """A school, a hospital or an area, and the locality it lies in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["school", "hospital", "area"] = "area"
    slug: Slug | None = None
    name: str | None = None
    urn: Annotated[str, StringConstraints(pattern=r"^[0-9]{5,7}$")] | None = None
    ods: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{3,10}$", to_upper=True)] | None = None
    postcode: Annotated[str, StringConstraints(to_upper=True, strip_whitespace=True)] | None = None
    locality: Slug

    @model_validator(mode="after")
    def _findable(self) -> Self:
        if not any((self.slug, self.name, self.urn, self.ods, self.postcode)):
            raise ValueError("a place needs a slug, a name, a urn, an ods code or a postcode to be found by")
        if (
            self.postcode
            and " " not in self.postcode
            and self.postcode[-1].isalpha()
            and len(self.postcode) > len("BS11A")
        ):
            raise ValueError('write a postcode with its space: "BS4 1AA", a sector "BS4 1" or a district "BS4"')
        return self


@dataclass(frozen=True)
class FoundPlace:
    """A place of the rulebook's, and how a report led to it. `identity` is the same however it was found; an area has
    none, because two events in one area are two events."""

    kind: str
    slug: str | None
    locality: str
    how: str
    identity: str | None


class KnownPlaces:
    """The rulebook's places, looked up by whatever a report gives."""

    def __init__(self, places: Sequence[KnownPlace]) -> None:
        self._by: dict[tuple[str, str], KnownPlace] = {}
        for place in places:
            for key in _keys_of(place):
                self._by.setdefault(key, place)

    def find(self, place: Place | None) -> FoundPlace | None:
        """By URN, NHS code, hospital, name, and then by postcode, the longest part of it that is listed."""
        if place is None:
            return None
        asked = [
            ("urn", place.urn, "school URN"),
            ("ods", place.ods, "NHS code"),
            ("slug", place.hospital, "hospital"),
            ("name", place.name.casefold() if place.name else None, "name"),
            *(("postcode", part, "postcode") for part in _postcode_parts(place.postcode)),
        ]
        for key, value, words in asked:
            found = self._by.get((key, value)) if value else None
            if found:
                how = words if key == "name" else f"{words} {value}"
                identity = None if found.kind == "area" else "known:" + ":".join(_keys_of(found)[0])
                return FoundPlace(found.kind, found.slug, found.locality, how, identity)
        return None


def _keys_of(place: KnownPlace) -> list[tuple[str, str]]:
    values = {
        "urn": place.urn,
        "ods": place.ods,
        "slug": place.slug,
        "name": place.name.casefold() if place.name else None,
        # A school's own postcode is its address, not an area that it stands for.
        "postcode": place.postcode if place.kind == "area" else None,
    }
    return [(key, value) for key, value in values.items() if value]


def _postcode_parts(postcode: str | None) -> list[str]:
    """The unit, the sector and the district: "BS4 1AA", "BS4 1", "BS4"."""
    if not postcode:
        return []
    outward, inward = postcode.split()
    return [postcode, f"{outward} {inward[0]}", outward]


def place_keys(place: Place) -> set[str]:
    """What identifies a place: two reports that share one of these speak of the same place."""
    named = {
        "urn": place.urn,
        "ods": place.ods,
        "hospital": place.hospital,
        "uprn": place.uprn,
        "postcode": place.postcode,
    }
    return {f"{kind}:{value}" for kind, value in named.items() if value}
