"""A calendar of another system as a rota's source: read again and again, and its last good copy when it can't be."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import select

from rules.layers import SourceSpec
from service import remote_calendar
from service.flows import coverage, rostering, rosters, setup
from service.flows.actions import Scope
from service.models.rotas import CalendarSource, ImportedShift
from service.records import people
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP
from tests.fakes.calendar import FakeCalendar, running_calendar
from tests.running import Service, free_port

SCOPE = Scope(actor="tests")
TEAM = "hospital-navigators-riverside"
FRIDAY = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
HOUR = timedelta(hours=1)
GO_ON = threading.Event()


def event(uid: str, day: str, start: str, end: str, summary: str, more: str = "") -> str:
    return (
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261101T000000Z\r\nDTSTART;TZID=Europe/London:{day}T{start}00\r\n"
        f"DTEND;TZID=Europe/London:{day}T{end}00\r\nSUMMARY:{summary}\r\n{more}END:VEVENT\r\n"
    )


def calendar(*events: str) -> str:
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n{''.join(events)}END:VCALENDAR\r\n"


EVERY_DAY = "RRULE:FREQ=DAILY\r\n"
OWEN = calendar(event("1", "20261101", "0800", "2000", "Owen Placeholder", EVERY_DAY))
FARAH = calendar(event("1", "20261101", "0800", "2000", "Farah Pattern", EVERY_DAY))


@pytest.fixture
def source() -> Iterator[FakeCalendar]:
    """A published calendar."""
    with running_calendar() as found:
        found.text = OWEN
        yield found


def with_source(ical: str, **options: Any) -> dict[str, Any]:
    shipped = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    document: dict[str, Any] = json.loads(json.dumps(shipped, default=str))
    team = next(team for team in document["teams"] if team["slug"] == TEAM)
    team["rota"] = {
        "layers": [
            {"name": "E-roster", "source": {"ical": ical} | options, "workers": ["owen", "farah"]},
            {"name": "Nights", "rotation": "daily", "handover": "08:00", "starts": "2026-01-05", "workers": ["priya"]},
        ]
    }
    return document


def apply(runtime: Runtime, ical: str, **options: Any) -> None:
    setup.apply_partnership(runtime, yaml.safe_dump(with_source(ical, **options)), actor="tests")


def on_call(runtime: Runtime, at: datetime = FRIDAY) -> list[str]:
    with runtime.reading() as work:
        return people.on_call(work, TEAM, at)


def later(runtime: Runtime, by: timedelta) -> None:
    runtime.clock.set_to(runtime.clock.now() + by)  # type: ignore[attr-defined]


def row(runtime: Runtime) -> CalendarSource:
    with runtime.reading() as work:
        return work.session.exec(select(CalendarSource)).one()


@pytest.fixture
def friday(runtime: Runtime) -> Runtime:
    """The sandbox on a Friday at noon."""
    runtime.clock.set_to(FRIDAY)  # type: ignore[attr-defined]
    return runtime


def test_a_published_calendar_says_who_is_on_call(friday: Runtime, source: FakeCalendar) -> None:
    apply(friday, source.url)
    assert on_call(friday) == ["priya"], "not read yet: the layer below has it"
    assert rosters.read_due(friday, GO_ON) == 1
    assert on_call(friday) == ["owen"]
    assert on_call(friday, FRIDAY + 9 * HOUR) == ["priya"]
    assert on_call(friday, FRIDAY + timedelta(days=120)) == ["owen"]
    assert rosters.read_due(friday, GO_ON) == 0, "it is asked every quarter of an hour, not more"
    with friday.reading() as work:
        order = people.page_order(work, TEAM, FRIDAY)
    assert order == ["owen", "priya", "farah"]


def test_it_is_fetched_again_only_if_it_has_changed(friday: Runtime, source: FakeCalendar) -> None:
    apply(friday, source.url)
    rosters.read_due(friday, GO_ON)
    before = row(friday)
    with friday.reading() as work:
        kept = {shift.id for shift in work.session.exec(select(ImportedShift))}
    later(friday, timedelta(minutes=16))
    rosters.read_due(friday, GO_ON)
    assert source.sent == [200, 304]
    assert row(friday).fetched_at > before.fetched_at  # type: ignore[operator]
    with friday.reading() as work:
        assert {shift.id for shift in work.session.exec(select(ImportedShift))} == kept, "nothing was written again"
    source.text = FARAH
    later(friday, timedelta(minutes=16))
    rosters.read_due(friday, GO_ON)
    assert source.sent == [200, 304, 200]
    assert on_call(friday) == ["farah"]


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        ({"status": 503}, "it answered 503"),
        ({"status": 404}, "it answered 404"),
        ({"text": "<html><body>Please sign in</body></html>"}, "not an iCalendar file"),
        ({"text": "x" * (remote_calendar.MOST_BYTES + 1)}, "larger than 2 MiB"),
        ({"moved_to": "http://roster.example.org/other.ics"}, "not https"),
        ({"moved_to": "/private-7f3a/roster.ics"}, "redirects more than 3 times"),
    ],
)
def test_the_last_good_copy_is_used_while_the_source_fails_and_that_is_said(
    friday: Runtime, source: FakeCalendar, failure: dict[str, Any], says: str
) -> None:
    apply(friday, source.url)
    rosters.read_due(friday, GO_ON)
    later(friday, timedelta(hours=1))
    for name, value in failure.items():
        setattr(source, name, value)
    rosters.read_due(friday, GO_ON)
    assert on_call(friday, FRIDAY + HOUR) == ["owen"]
    with friday.reading() as work:
        [told] = coverage.of_period(work, SCOPE, FRIDAY, FRIDAY + HOUR)["sources"]
        [note] = rostering.on_call(work, SCOPE, TEAM, FRIDAY)["notes"]
    assert says in told["error"]
    assert (told["fetched_at"] - FRIDAY) < timedelta(minutes=1) < (told["failing_since"] - FRIDAY)
    assert f"the calendar of E-roster can't be read since 13:00 Fri 20 Nov: {told['error']}" in note
    assert "its copy of 12:00 Fri 20 Nov is used" in note
    assert "127.0.0.1" not in str(told) + note, "an address of a calendar is a secret"

    # Days later it still fails, and the copy still has shifts: they recur.
    later(friday, timedelta(days=30))
    rosters.read_due(friday, GO_ON)
    assert on_call(friday, FRIDAY + timedelta(days=210)) == ["owen"]
    source.status, source.text, source.moved_to = 200, FARAH, None
    later(friday, timedelta(minutes=6))
    rosters.read_due(friday, GO_ON)
    assert on_call(friday) == ["farah"]
    with friday.reading() as work:
        assert rostering.on_call(work, SCOPE, TEAM, FRIDAY)["notes"] == []


def test_a_source_that_never_answered_leaves_the_layer_empty_and_is_told(friday: Runtime, source: FakeCalendar) -> None:
    source.status = 503
    apply(friday, source.url)
    rosters.read_due(friday, GO_ON)
    assert on_call(friday) == ["priya"]
    with friday.reading() as work:
        [note] = rostering.on_call(work, SCOPE, TEAM, FRIDAY)["notes"]
    assert note.endswith("it answered 503; it was never read")


@pytest.mark.parametrize("how", ["silent", "drips"])
def test_a_source_that_is_too_slow_is_left_alone(source: FakeCalendar, how: str) -> None:
    setattr(source, how, True)
    spec = SourceSpec(ical=source.url)
    with pytest.raises(remote_calendar.Unreadable, match="did not answer in time"):
        remote_calendar.read(spec, Path(), etag=None, modified=None, stopping=GO_ON, patience=0.2)
    source.drips, source.silent = True, False
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(remote_calendar.Unreadable, match="stopped"):
        remote_calendar.read(spec, Path(), etag=None, modified=None, stopping=stopping, patience=2)


def test_nobody_there_is_a_failure_like_another() -> None:
    spec = SourceSpec(ical=f"http://127.0.0.1:{free_port()}/secret.ics")
    with pytest.raises(remote_calendar.Unreadable, match=r"^it could not be reached \(ConnectError\)$"):
        remote_calendar.read(spec, Path(), etag=None, modified=None, stopping=GO_ON)


def test_a_running_service_reads_its_calendars_by_itself(service: Service, source: FakeCalendar) -> None:
    source.text = calendar(event("1", "20260101", "0000", "2359", "Owen Placeholder", EVERY_DAY))
    pause = threading.Event()
    with service.client("admin") as admin:
        assert admin.put("/v1/partnership", json=with_source(source.url)).status_code == 200
        until = time.monotonic() + 20
        while admin.get(f"/v1/teams/{TEAM}/on-call").json()["on_call"] != ["owen"]:
            assert time.monotonic() < until, "".join(service.output[-20:])
            pause.wait(0.2)
    assert not [line for line in service.output if "private-7f3a" in line], "an address of a calendar is a secret"


def test_a_file_is_read_from_the_calendars_folder_alone(friday: Runtime, tmp_path: Path) -> None:
    folder = tmp_path / friday.settings.calendars
    folder.mkdir(parents=True)
    apply(friday, "roster.ics")
    rosters.read_due(friday, GO_ON)
    assert row(friday).error == "the file can't be read: No such file or directory"
    (folder / "roster.ics").write_text(OWEN, encoding="utf-8")
    later(friday, timedelta(minutes=6))
    rosters.read_due(friday, GO_ON)
    assert on_call(friday) == ["owen"]
    (folder / "roster.ics").write_text("x" * (remote_calendar.MOST_BYTES + 1), encoding="utf-8")
    later(friday, timedelta(minutes=6))
    rosters.read_due(friday, GO_ON)
    assert row(friday).error == "the file is larger than 2 MiB"
    assert on_call(friday) == ["owen"]


def test_an_event_that_names_nobody_known_is_told_and_kept_sealed(friday: Runtime, source: FakeCalendar) -> None:
    source.text = calendar(
        event("1", "20261120", "0800", "2000", "Zebedee Agency"),
        event("2", "20261121", "0800", "2000", "Owen Placeholder"),
        "BEGIN:VEVENT\r\nUID:3\r\nSUMMARY:no beginning\r\nEND:VEVENT\r\n",
    )
    apply(friday, source.url)
    rosters.read_due(friday, GO_ON)
    with friday.reading() as work:
        found = coverage.of_period(work, SCOPE, FRIDAY, FRIDAY + timedelta(days=2))
        assert "Zebedee" not in str(work.session.connection().exec_driver_sql("SELECT * FROM imported_shift").all())
        assert "Zebedee" not in str(work.session.connection().exec_driver_sql("SELECT * FROM calendar_source").all())
    eight = FRIDAY - 4 * HOUR
    assert found["unknown"] == [
        {
            "team": TEAM,
            "layer": "E-roster",
            "event": "Zebedee Agency",
            "starts_at": eight,
            "ends_at": eight + 12 * HOUR,
        }
    ]
    assert found["sources"][0]["skipped"] == 1
    assert on_call(friday) == ["priya"]
    assert on_call(friday, FRIDAY + 24 * HOUR) == ["owen"]


def test_another_address_begins_afresh_and_one_that_is_gone_is_forgotten(friday: Runtime, source: FakeCalendar) -> None:
    apply(friday, source.url)
    rosters.read_due(friday, GO_ON)
    with running_calendar() as other:
        other.status = 500
        apply(friday, other.url)
        rosters.read_due(friday, GO_ON)
        assert on_call(friday) == ["priya"], "the copy of another calendar is no copy of this one"
        assert "If-None-Match" not in other.asked[0]
    setup.apply_partnership(friday, SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"), actor="tests")
    assert rosters.read_due(friday, GO_ON) == 0
    with friday.reading() as work:
        assert work.session.exec(select(CalendarSource)).all() == []
        assert work.session.exec(select(ImportedShift)).all() == []


def test_a_service_that_stops_blames_no_calendar(friday: Runtime, source: FakeCalendar) -> None:
    apply(friday, source.url)
    stopping = threading.Event()
    rosters.read_due(friday, GO_ON)
    stopping.set()
    later(friday, timedelta(hours=1))
    assert rosters.read_due(friday, stopping) == 0
    assert row(friday).failing_since is None
