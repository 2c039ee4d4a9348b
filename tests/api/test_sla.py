"""How the deadlines stand now, and how they were kept: figures that leave drills and retracted work out."""

import csv
import io
from typing import Any

import httpx

from tests.api.conftest import Report, body_of

PERIOD = {"from": "2026-11-01T00:00:00Z", "to": "2027-02-01T00:00:00Z"}


def advance(client: httpx.Client, by: str) -> None:
    assert client.post("/v1/sandbox/clock", json={"advance": by}).status_code == 200


def spot(number: int) -> dict[str, Any]:
    return {"name": f"Invented Academy {number}", "lat": 51.40 + number / 100, "lon": -2.59}


def test_a_morning_of_three_tasks_is_told_in_figures(
    report: Report, partner: httpx.Client, supervisor: httpx.Client
) -> None:
    taken, late, waiting = (report(place=spot(n))["tasks"][0] for n in range(3))
    report(place=spot(3), drill=True)
    wrong = report(place=spot(4))
    partner.post(f"/v1/incidents/{wrong['id']}/retract", json={"reason": "wrong"})
    advance(partner, "PT10M")
    supervisor.post(f"/v1/tasks/{taken['id']}/acknowledge", json={"worker": "amina"})
    advance(partner, "PT15M")

    now = supervisor.get("/v1/sla").json()
    assert now["milestones"]["at_risk"] == 2
    assert now["milestones"]["met"] == 1
    assert now["by_pathway"]["education-inclusion"]["at_risk"] == 2
    assert now["by_locality"]["south"]["at_risk"] == 2
    assert {item["task"] for item in now["attention"]} == {late["id"], waiting["id"]}

    advance(partner, "PT10M")
    supervisor.post(f"/v1/tasks/{late['id']}/acknowledge", json={"worker": "ben"})
    now = supervisor.get("/v1/sla").json()
    assert now["attention"][0]["state"] == "breached"
    assert now["attention"][0]["task"] == waiting["id"]
    assert now["milestones"] == now["milestones"] | {"breached": 1, "met": 1, "met_late": 1}

    supervisor.post(f"/v1/tasks/{taken['id']}/complete", json={"outcome": "plan_agreed"})
    figures = supervisor.get("/v1/sla/report", params=PERIOD).json()
    row = figures["rows"][0]
    assert (row["key"], row["opened"], row["completed"], row["open"]) == ("education-inclusion", 3, 1, 2)
    assert row["milestones"]["acknowledge"] == {
        "met": 1,
        "missed": 2,
        "open": 0,
        "met_percent": 33.3,
        "median_minutes": row["milestones"]["acknowledge"]["median_minutes"],
        "p90_minutes": row["milestones"]["acknowledge"]["p90_minutes"],
    }
    assert 22 <= row["milestones"]["acknowledge"]["median_minutes"] <= 23
    assert 34.9 <= row["milestones"]["acknowledge"]["p90_minutes"] <= 36
    # Completed without contact on record: that counts as missed; of the other two it is still open.
    contact = row["milestones"]["contact"]
    assert (contact["met"], contact["missed"], contact["open"]) == (0, 1, 2)
    assert figures["total"] == row | {"key": "all"}


def test_the_same_figures_come_as_csv(report: Report, supervisor: httpx.Client) -> None:
    report("weapon_in_school", locality="north", place=spot(9))
    for by in ("pathway", "team", "locality", "week"):
        params = PERIOD | {"by": by}
        figures = supervisor.get("/v1/sla/report", params=params).json()
        answer = supervisor.get("/v1/sla/report", params=params, headers={"Accept": "text/csv"})
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row[by] for row in rows] == [row["key"] for row in figures["rows"]] + ["all"]
        for row, figure in zip(rows, [*figures["rows"], figures["total"]], strict=True):
            assert int(row["opened"]) == figure["opened"]
            percent = figure["milestones"]["acknowledge"]["met_percent"]
            assert row["acknowledge_met_percent"] == ("" if percent is None else str(percent))


def test_weeks_are_named_as_calendars_name_them(report: Report, supervisor: httpx.Client) -> None:
    report(place=spot(8))
    keys = [row["key"] for row in supervisor.get("/v1/sla/report", params=PERIOD | {"by": "week"}).json()["rows"]]
    assert "2026-W47" in keys


def test_a_period_without_tasks_has_no_percentages(supervisor: httpx.Client) -> None:
    empty = {"from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z"}
    figures = supervisor.get("/v1/sla/report", params=empty).json()
    assert figures["rows"] == []
    assert figures["total"]["milestones"]["acknowledge"]["met_percent"] is None


def test_a_partner_has_no_figures(partner: httpx.Client) -> None:
    assert partner.get("/v1/sla").status_code == 403
    assert partner.get("/v1/sla/report").status_code == 403
    assert partner.post("/v1/incidents", json=body_of(drill=True)).status_code == 201
