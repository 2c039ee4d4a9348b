"""Rotas as calendars: files that Outlook and Google read, and secret addresses that can be revoked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar, Event

from tests.api.conftest import problem
from tests.running import Service

TEAM = "/v1/teams/outreach-south"


def events(answer: httpx.Response) -> list[Event]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return list(Calendar.from_ical(answer.content).walk("VEVENT"))


def told(event: Event) -> tuple[str, str, str]:
    return f"{event['SUMMARY']}", f"{event['DTSTART'].dt:%d %b %H:%M}", f"{event['DTEND'].dt:%d %b %H:%M}"


def test_the_file_is_one_that_outlook_and_google_subscribe_to(supervisor: httpx.Client) -> None:
    answer = supervisor.get(f"{TEAM}/rota.ics")
    found = events(answer)
    text = answer.content.decode()
    lines = text.split("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert lines[0] == "BEGIN:VCALENDAR"
    head = lines[: lines.index("BEGIN:VEVENT")]
    assert {
        "VERSION:2.0",
        "METHOD:PUBLISH",
        "CALSCALE:GREGORIAN",
        "X-WR-CALNAME:On call: Outreach\\, South",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    } <= set(head)
    assert any(line.startswith("PRODID:") for line in head)
    assert len({str(event["UID"]) for event in found}) == len(found) > 150
    for event in found:
        assert event["DTSTAMP"].dt.utcoffset() == timedelta(0)
        assert event["DTSTART"].dt.utcoffset() == timedelta(0)
        assert event["DTSTART"].to_ical().endswith(b"Z")
        assert event["DTEND"].dt > event["DTSTART"].dt


def test_hand_over_stays_at_the_hour_on_the_wall_when_the_clocks_change(supervisor: httpx.Client) -> None:
    # 2027-03-28 is the Sunday on which the clocks go forward.
    hours = {
        event["DTSTART"].dt.date().isoformat(): event["DTSTART"].dt.hour
        for event in events(supervisor.get(f"{TEAM}/rota.ics"))
    }
    assert (hours["2027-03-27"], hours["2027-03-28"]) == (16, 15)


def test_a_shift_keeps_its_uid_and_a_stand_ins_shift_is_another(supervisor: httpx.Client) -> None:
    before = {str(event["UID"]): told(event) for event in events(supervisor.get(f"{TEAM}/rota.ics"))}
    again = {str(event["UID"]): told(event) for event in events(supervisor.get(f"{TEAM}/rota.ics"))}
    assert again == before

    at = {"at": "2027-02-03T18:00:00Z"}
    on_call = supervisor.get(f"{TEAM}/on-call", params=at).json()["on_call"][0]
    change = {
        "kind": "replace",
        "worker": "rosa",
        "instead_of": on_call,
        "starts_at": "2027-02-03T20:00:00Z",
        "ends_at": "2027-02-03T22:00:00Z",
    }
    made = supervisor.post(f"{TEAM}/overrides", json=change)
    assert made.status_code == 201, made.text
    after = {str(event["UID"]): told(event) for event in events(supervisor.get(f"{TEAM}/rota.ics"))}
    name = {"sian": "Siân Fiction", "leroy": "Leroy Figment"}[on_call]
    assert sorted(set(after.values()) - set(before.values())) == sorted(
        [
            ("Rosa Invented: Outreach, South", "03 Feb 20:00", "03 Feb 22:00"),
            (f"{name}: Outreach, South", "03 Feb 16:00", "03 Feb 20:00"),
            (f"{name}: Outreach, South", "03 Feb 22:00", "04 Feb 16:00"),
        ]
    )
    changed = [uid for uid in before.keys() & after.keys() if before[uid] != after[uid]]
    assert [after[uid][1:] for uid in changed] == [("03 Feb 16:00", "03 Feb 20:00")], "the shift that was cut short"
    rosa = events(supervisor.get("/v1/workers/rosa/rota.ics"))
    assert ("On call: Outreach, South", "03 Feb 20:00", "03 Feb 22:00") in map(told, rosa)
    assert supervisor.delete(f"{TEAM}/overrides/{made.json()['id']}").status_code == 204


def test_a_gap_stands_in_the_calendar_too(supervisor: httpx.Client) -> None:
    for worker in ("leroy", "sian"):
        away = {
            "kind": "remove",
            "worker": worker,
            "starts_at": "2027-02-10T00:00:00Z",
            "ends_at": "2027-02-11T00:00:00Z",
        }
        assert supervisor.post(f"{TEAM}/overrides", json=away).status_code == 201
    found = [told(event) for event in events(supervisor.get(f"{TEAM}/rota.ics"))]
    assert ("NOBODY ON CALL: Outreach, South", "10 Feb 00:00", "11 Feb 00:00") in found


@pytest.mark.parametrize("path", ["/v1/teams/outreach-south", "/v1/workers/sian"])
def test_a_secret_address_shows_the_calendar_without_a_key_until_it_is_revoked(
    supervisor: httpx.Client, nobody: httpx.Client, shared_service: Service, path: str
) -> None:
    made = supervisor.post(f"{path}/calendar-links")
    assert made.status_code == 201, made.text
    link: dict[str, Any] = made.json()
    address = link.pop("url").removeprefix("http://127.0.0.1:8000")
    token = address.removeprefix("/calendars/").removesuffix(".ics")
    assert len(token) >= 43
    answer = nobody.get(address)
    # The stamp says when the file was made; everything else is the same by key.
    by_key = {str(e["UID"]): told(e) for e in events(supervisor.get(f"{path}/rota.ics"))}
    assert {str(e["UID"]): told(e) for e in events(answer)} == by_key
    stamp = events(answer)[0]["DTSTAMP"].dt
    assert abs(stamp - datetime(2026, 11, 20, 15, tzinfo=UTC)) < timedelta(days=1)

    assert link in supervisor.get("/v1/calendar-links").json()["items"]
    assert token not in supervisor.get("/v1/calendar-links").text
    assert supervisor.delete(f"/v1/calendar-links/{link['id']}").status_code == 204
    assert supervisor.delete(f"/v1/calendar-links/{link['id']}").status_code == 204
    gone = problem(nobody.get(address), 404)
    assert gone == problem(nobody.get("/calendars/guessed.ics"), 404)
    assert gone == problem(nobody.get(f"/calendars/{'%00' * 3}.ics"), 404)
    assert link not in supervisor.get("/v1/calendar-links").json()["items"]
    assert not [line for line in shared_service.output if token in line], "an address is a secret, in logs too"


def test_calendars_are_for_those_who_see_the_team(
    partner: httpx.Client, supervisor: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    north = key_for("supervisor", "north")
    problem(partner.get(f"{TEAM}/rota.ics"), 403)
    problem(north.get(f"{TEAM}/rota.ics"), 404)
    problem(north.get("/v1/workers/amina/rota.ics"), 404)
    problem(north.post(f"{TEAM}/calendar-links"), 404)
    problem(supervisor.get("/v1/teams/duty/rota.ics"), 404)
    problem(supervisor.get("/v1/workers/nobody/rota.ics"), 404)
    link = supervisor.post(f"{TEAM}/calendar-links").json()
    assert link["id"] not in north.get("/v1/calendar-links").text
    problem(north.delete(f"/v1/calendar-links/{link['id']}"), 404)
    assert events(north.get("/v1/workers/leroy/rota.ics"))
