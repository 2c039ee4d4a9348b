"""Admission messages as integration engines send them: framed, cut, escaped, updated and cancelled."""

from datetime import UTC, datetime

import pytest

from api.feeds.reading import Faulty, PassedOver, Reading, Reported, Retracted
from api.imports import Kind
from tests.feeds.conftest import read

NAMES = ("SURNAME", "GIVENNAME", "9434765919", "MRN-4471", "1 HIGH STREET", "KINDLY AUNT")


def message(
    event: str = "A04",
    *,
    control: str = "MSG1",
    visit: str = "V-1",
    reason: str = "X99.1^Knife^I10",
    born: str = "20110317",
    came: str = "",
    end: str = "\r",
    **fields: str,
) -> str:
    """A message with everything that a patient's record has."""
    segments = [
        rf"MSH|^~\&|EPR|ZZ901|CALLOUT||20261120142500||ADT^{event}^ADT_A01|{control}|P|2.5.1",
        f"EVN|{event}|{fields.get('at', '20261120142400')}",
        f"PID|1||MRN-4471^^^ZZ901^MR~9434765919^^^NHS^NH||SURNAME^GIVENNAME||{born}|M|||1 HIGH STREET^^CITY",
        "NK1|1|KINDLY AUNT",
        f"PV1|1|{fields.get('kind', 'E')}|{fields.get('where', 'ED^^^ZZ902')}{'|' * 16}{visit}{'|' * 25}{came}",
        f"PV2|||{fields.get('admit', '')}",
        f"DG1|1||{reason}",
    ]
    return end.join(segments) + end


def one(text: str | bytes) -> Reading:
    (found,) = read(text, Kind.HL7)
    return found


def report(text: str | bytes) -> Reported:
    found = one(text)
    assert isinstance(found, Reported), found
    return found


def fault(text: str | bytes) -> tuple[str, str]:
    found = one(text)
    assert isinstance(found, Faulty), found
    return found.faults[0].pointer, found.faults[0].detail


def test_a_registration_becomes_a_report_without_a_name() -> None:
    found = report(message())
    told = found.report
    assert (told.type, told.occurred_at) == ("hospital_stabbing", datetime(2026, 11, 20, 14, 24, tzinfo=UTC))
    assert told.place is not None
    assert told.place.ods == "ZZ902"
    assert [(person.role, person.age) for person in told.people] == [("patient", 15)]
    assert told.people[0].ref.startswith("p-")
    assert told.source_ref is not None
    assert told.source_ref.startswith("p-")
    assert found.idempotency_key is not None
    assert not found.history
    for name in NAMES:
        assert name not in told.model_dump_json() + found.kept + found.idempotency_key


def test_the_same_visit_and_patient_have_the_same_pseudonyms_in_every_message_of_one_partner() -> None:
    first, update, other = (
        report(text)
        for text in (message(), message("A08", control="MSG2", came="20261120141000"), message(visit="V-2"))
    )
    assert first.report.source_ref == update.report.source_ref != other.report.source_ref
    assert first.report.people[0].ref == update.report.people[0].ref == other.report.people[0].ref
    assert first.idempotency_key != update.idempotency_key
    assert update.report.occurred_at == datetime(2026, 11, 20, 14, 10, tzinfo=UTC), "the admission's own time"
    assert update.report.attributes["time_from"] == "PV1-44"


def test_a_cancelled_visit_takes_its_report_back() -> None:
    found = one(message("A11", reason=""))
    assert isinstance(found, Retracted)
    assert found.source_ref == report(message()).report.source_ref


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_may_end_as_they_like_and_messages_may_be_framed(end: str) -> None:
    file = message(end=end) + message("A03", end=end) + "\x0b" + message(visit="V-2", end=end) + "\x1c\r\x0b"
    file += message(visit="V-3", end=end) + "\x1c\x0b" + message(visit="V-4", end=end)
    found = read(file, Kind.HL7)
    assert [type(each) for each in found] == [Reported, PassedOver, Reported, Reported, Reported]
    assert found[0].line == 1
    assert found[1].line == 8


def test_a_batch_in_its_envelope_is_its_messages() -> None:
    file = "FHS|^~\\&|X\rBHS|^~\\&|X\r" + message() + message(visit="V-2") + "BTS|2\rFTS|1\r"
    assert [type(each) for each in read(file, Kind.HL7)] == [Reported, Reported]


def test_a_bad_message_harms_no_other() -> None:
    file = message() + "MSH|broken\rPID|||SURNAME\r" + message(visit="") + message(visit="V-9")
    found = read(file, Kind.HL7)
    assert [type(each) for each in found] == [Reported, Faulty, Faulty, Reported]
    assert isinstance(found[1], Faulty)
    assert "SURNAME" not in found[1].kept
    assert isinstance(found[2], Faulty)
    assert found[2].kept.startswith("MSH|^~\\&|EPR|ZZ901"), "the header tells which message it was"
    assert not [name for name in NAMES if name in found[2].kept]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (message("A03"), "messages of the kind ADT^A03 are not taken"),
        (message().replace("ADT^A04^ADT_A01", "ORU^R01"), "messages of the kind ORU^R01 are not taken"),
        (message(kind="I"), "the visit is not to an emergency department (PV1-2 is not E)"),
        (message(reason="S52.5^Fracture^I10"), "no reason in PV2-3 or DG1-3 is in the table"),
        (message(reason="X99^Knife^L"), "no reason in PV2-3 or DG1-3 is in the table"),
        (message(reason=""), "no reason in PV2-3 or DG1-3 is in the table"),
        (message(reason="276853009^Self inflicted injury^SCT", admit="X99^Knife^I10"), "self-inflicted"),
        (message(reason="X78.1^Knife^I10"), "self-inflicted"),
    ],
)
def test_what_is_not_for_us_is_passed_over_with_its_reason(text: str, reason: str) -> None:
    found = one(text)
    assert isinstance(found, PassedOver)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("X99^^I10", "hospital_stabbing"),
        ("x991^^ICD10", "hospital_stabbing"),
        ("X94.0^^I10", "hospital_shooting"),
        ("Y04^^I10", "hospital_assault"),
        ("1^Local^L^X99.9^Knife^I10", "hospital_stabbing"),
        ("S01^Wound^I10~X99^Knife^I10", "hospital_stabbing"),
        ("Y04^^I10~X99^^I10", "hospital_stabbing"),
    ],
)
def test_the_table_says_what_a_reason_is_and_its_first_entry_decides(reason: str, kind: str) -> None:
    assert report(message(reason=reason)).report.type == kind
    assert report(message(reason="", admit=reason)).report.type == kind


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("202611201424", "2026-11-20T14:24:00+00:00"),
        ("20261120142459.1234", "2026-11-20T14:24:59+00:00"),
        ("202607011200", "2026-07-01T11:00:00+00:00"),
        ("20260701120000+0000", "2026-07-01T12:00:00+00:00"),
        ("202610250130", "2026-10-25T00:30:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_the_partnerships(time: str, moment: str) -> None:
    told = report(message(at=time)).report
    assert told.occurred_at.isoformat() == moment
    assert ("time_ambiguous" in told.attributes) == (time == "202610250130")


def test_an_age_is_that_at_the_event_and_a_bare_year_gives_two() -> None:
    assert report(message(born="20111121")).report.people[0].age == 14
    assert report(message(born="20111120")).report.people[0].age == 15
    for year in ("2011", "20110000", "201103"):
        person = report(message(born=year)).report.people[0]
        assert (person.age, person.age_band) == (None, "14-15")
    assert report(message(born="")).report.people[0].age is None


def without(segment: str) -> str:
    return "\r".join(line for line in message().split("\r") if not line.startswith(segment))


@pytest.mark.parametrize(
    ("text", "pointer", "says"),
    [
        (without("PID"), "/PID", "the segment PID is missing"),
        (without("PV1"), "/PV1", "the segment PV1 is missing"),
        (without("EVN"), "/EVN", "the segment EVN is missing"),
        (message(control=""), "/MSH/10", "known when it comes again"),
        (message(visit=""), "/PV1/19", "PID-18"),
        (message(visit='""'), "/PV1/19", "PID-18"),
        (message(kind=""), "/PV1/2", "patient class"),
        (message(at=""), "/EVN/2", "PV1-44"),
        (message(at="20261120"), "/EVN/2", "to the minute"),
        (message(at="202611201460"), "/EVN/2", "no day or hour"),
        (message(at="202603290130"), "/EVN/2", "clocks went forward"),
        (message(came="yesterday"), "/PV1/44", "to the minute"),
        (message(where="ED^^^The Infirmary"), "/PV1/3", "ZZ901"),
        (message().replace("MRN-4471^^^ZZ901^MR~9434765919^^^NHS^NH", ""), "/PID/3", "pseudonym"),
        (message(born="17/03/2011"), "/PID/7", "20110317"),
        (message(born="18990101"), "/PID/7", "older than 120"),
        (message(born="20300101"), "/PID/7", "younger than 0"),
        (message(born="20110231"), "/PID/7", "calendar"),
        ("hello\rworld", "/MSH", "must begin with MSH"),
        ("MSH", "/MSH", "must begin with MSH"),
        ("MSH|||||||", "/MSH/2", "differ"),
        ("PID|||4471\r" + message(), "/MSH", "must begin with MSH"),
    ],
)
def test_a_fault_names_the_segment_the_field_and_what_would_be_right(text: str, pointer: str, says: str) -> None:
    found = next(each for each in read(text, Kind.HL7) if isinstance(each, Faulty))
    assert found.faults[0].pointer == pointer
    assert says in found.faults[0].detail
    assert not [name for name in NAMES if name in found.faults[0].detail]


def test_text_in_windows_1252_is_read_and_a_byte_that_is_no_character_is_told() -> None:
    assert report(message().replace("SURNAME", "NAÏVE").encode("cp1252")).report.type == "hospital_stabbing"
    assert fault(message(visit="V-?").encode().replace(b"V-?", b"V-\x81")) == (
        "/PV1/19",
        "holds a byte that is no character of UTF-8 or Windows-1252",
    )
