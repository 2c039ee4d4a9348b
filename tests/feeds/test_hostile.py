"""Whatever bytes arrive: a reading, or a fault that says so; never an exception, and no row that takes others with it."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.feeds import police_uk
from api.feeds.reading import Faulty, PassedOver, Reported, Retracted, masked
from api.imports import Kind, Unrecognised
from service.errors import Invalid
from tests.feeds.conftest import laid_out, read
from tests.feeds.test_fhir import encounter
from tests.feeds.test_files import ASSAULT, CRIME, HEADER, ISTV, NIGHT, POLICE, wardens
from tests.feeds.test_hl7v2 import message

READINGS = (Reported, Retracted, PassedOver, Faulty)
HEADS = st.sampled_from([(POLICE + "\n").encode(), (ISTV + "\n").encode(), (HEADER + "\n").encode(), b""])
BITS = st.sampled_from(
    [
        CRIME.encode(),
        ASSAULT.encode(),
        NIGHT.encode(),
        b'"',
        b",",
        b";",
        b"\r",
        b"\n",
        b"\0",
        b"\xff",
        b"\x81",
        b"\xef\xbb\xbf",
    ]
)


@settings(max_examples=150)
@given(HEADS, st.binary(max_size=300) | st.lists(BITS, max_size=12).map(b"".join))
@example((POLICE + "\n").encode(), b'"' * 200)
@example(b"", b"\xef\xbb\xbf")
def test_any_bytes_as_a_file_give_readings_or_are_not_recognised(head: bytes, body: bytes) -> None:
    try:
        layout = laid_out(head + body, lists=wardens())
    except Unrecognised:
        return
    assert all(isinstance(each, READINGS) for each in layout.readings)


@settings(max_examples=150)
@given(st.binary(max_size=300), st.integers(0, 600), st.integers(0, 60))
def test_any_bytes_as_a_message_give_readings(noise: bytes, at: int, cut: int) -> None:
    whole = message().encode()
    for body in (noise, b"MSH|^~\\&|" + noise, whole[:at] + noise + whole[at + cut :]):
        assert all(isinstance(each, READINGS) for each in read(body, Kind.HL7))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "identifier",
        "status",
        "class",
        "subject",
        "period",
        "reasonCode",
        "serviceProvider",
        "resourceType",
        "id",
        "entry",
    ]
)


@settings(max_examples=150)
@given(st.binary(max_size=200), st.dictionaries(FIELDS, JSON, max_size=3), st.sampled_from(["Encounter", "Bundle"]))
def test_any_bytes_as_a_resource_give_readings(noise: bytes, changes: dict[str, object], kind: str) -> None:
    changed = json.dumps(encounter(resourceType=kind) | changes).encode()
    for body in (noise, changed, changed + b"\n" + noise):
        try:
            found = read(body, Kind.FHIR)
        except Invalid:
            continue  # JSON must be in UTF-8
        assert all(isinstance(each, READINGS) for each in found)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["good", "short", "long", "quote", "month", "type"]), max_size=30))
def test_a_bad_row_never_takes_another_with_it(kinds: list[str]) -> None:
    made = {
        "good": CRIME,
        "short": "a,b",
        "long": CRIME + ",x",
        "quote": CRIME.replace("On or", '"On or'),
        "month": CRIME.replace("2026-07", "July"),
        "type": CRIME.replace("Violence and sexual offences", "Burglary"),
    }
    found = read("\n".join([",".join(police_uk.COLUMNS), *(made[kind] for kind in kinds)]))
    got = [type(each) for each in found if isinstance(each, Reported)]
    assert len(got) == kinds.count("good")


@given(st.text(max_size=50))
def test_a_mask_shows_shape_alone(text: str) -> None:
    assert not [sign for sign in masked(text) if (sign.isalpha() and sign != "x") or (sign.isdigit() and sign != "9")]
    assert len(masked(text)) == len(text)
