"""A rulebook over the past: the one in force would have done just what it did, and a changed one differs where it was changed."""

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from rules import rulebook
from rules.incident import IncidentReport
from rules.rulebook import LoadedBook
from rules.simulate import Policy
from service.flows import intake, simulation
from service.flows.setup import reader_beside
from service.flows.simulation import BadLine, Rotas
from service.models.incidents import Incident
from service.records.incidents import is_second_report
from service.records.judging import Submission
from service.runtime import Runtime
from service.settings import SHIPPED_RULEBOOK
from tests.running import run

MANY = 100
TWO_AGENCIES = 0.2
SHIPPED = SHIPPED_RULEBOOK.read_text(encoding="utf-8")


def book(text: str) -> LoadedBook:
    return rulebook.load(text, read=reader_beside(SHIPPED_RULEBOOK))


@pytest.fixture(params=[20261120, 7])
def history(runtime: Runtime, request: pytest.FixtureRequest) -> Runtime:
    """Some weeks of reports, in the order in which they happened, some of them by two agencies."""
    chance = random.Random(request.param)
    at = runtime.clock.now() - timedelta(days=60)
    for number in range(MANY):
        at += timedelta(hours=chance.expovariate(1 / 9))
        report = IncidentReport.model_validate(
            {
                "type": chance.choice(
                    ["weapon_in_school", "drugs_in_school", "fight", "stabbing", "peer_conflict", "theft"]
                ),
                "occurred_at": at,
                "source_ref": f"H-{number}",
                "locality": chance.choice(["south", "north", None]),
                "setting": chance.choice(["school", "street"]),
                "place": {"lat": 51.42 + chance.random() / 60, "lon": -2.6 + chance.random() / 40},
                "groups": [f"g-{chance.randrange(15)}"],
                "people": [{"ref": f"p-{number}", "role": "witness"}],
                "drill": chance.random() < 0.05,
            }
        )
        intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])
        if chance.random() < TWO_AGENCIES:
            again = report.model_copy(update={"occurred_at": at + timedelta(minutes=20)})
            intake.accept(runtime, [Submission(report=again, key_id="key_y", partner="police")])
    return runtime


def test_the_rulebook_in_force_would_have_done_what_it_did(history: Runtime) -> None:
    with history.reading() as work:
        rows = list(work.session.exec(select(Incident).order_by(col(Incident.occurred_at))).all())
        partnership, active = work.partnership, work.policy.book
    derived = [row for row in rows if row.derived]
    assert len(derived) > 5, "the history should show some patterns"
    policy = Policy(active, zone=partnership.zone, staff=Rotas(partnership), answers=[])
    completes = {}
    for row in derived:
        completes.setdefault((row.parents or [])[-1], []).extend(decision["pathway"] for decision in row.decisions)
    for past in simulation.reported(history, start=None, end=None):
        happened = next(row for row in rows if row.id == past.id)
        opened = [decision["pathway"] for decision in happened.decisions if decision["pathway"]]
        assert sorted(policy.take(past)) == sorted(opened + completes.get(past.id, []))
    assert sum(policy.tally.patterns.values()) == len(derived)


def reported_in(history: Runtime) -> list[str]:
    with history.reading() as work:
        return list(work.session.exec(select(Incident.id).where(~col(Incident.derived))).all())


def test_the_same_rulebook_differs_in_nothing_and_a_changed_one_where_it_was_changed(history: Runtime) -> None:
    same = simulation.over_the_database(history, book(SHIPPED), start=None, end=None)
    assert (same["incidents"], same["differ"], same["examples"]) == (len(reported_in(history)), 0, [])
    assert same["active"] == same["candidate"]

    changed = SHIPPED.replace('type == "weapon_in_school"', 'type in ["weapon_in_school", "theft"]')
    assert changed != SHIPPED
    told = simulation.over_the_database(history, book(changed), start=None, end=None)
    with history.reading() as work:
        rows = list(work.session.exec(select(Incident).where(Incident.type == "theft")))
    every = {row.id for row in rows}
    thefts = {row.id for row in rows if not row.drill and not is_second_report(row)}
    assert {example["incident"] for example in told["examples"]} <= every
    assert told["differ"] == len(every)
    assert told["candidate"]["tasks"]["education-inclusion"] - told["active"]["tasks"]["education-inclusion"] == len(
        thefts
    )
    assert told["active"]["triage"] - told["candidate"]["triage"] == len(thefts)
    assert told["opened_by_candidate_alone"] == {"education-inclusion": told["differ"]}


def test_a_period_is_only_that_period(history: Runtime) -> None:
    now = history.clock.now()
    inside = simulation.over_the_database(
        history, book(SHIPPED), start=now - timedelta(days=40), end=now - timedelta(days=30)
    )
    assert 0 < inside["incidents"] < MANY
    assert now - timedelta(days=40) <= inside["from"] <= inside["to"] < now - timedelta(days=30)


def test_a_bad_line_is_told_by_its_number_and_harms_no_other() -> None:
    good = json.dumps({"type": "fight", "occurred_at": "2026-11-20T21:00:00Z", "source_ref": "F-1"})
    bad: list[BadLine] = []
    lines = [good, "", "{cut", '{"type": "fight", "occurred_at": "yesterday"}', "[]", good.replace("F-1", "F-2")]
    assert [past.id for past in simulation.from_lines(lines, bad.append)] == ["F-1", "F-2"]
    assert [line.number for line in bad] == [3, 4, 5]
    assert "occurred_at" in bad[1].problem


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    (tmp_path / "term-dates.yaml").write_text((SHIPPED_RULEBOOK.parent / "term-dates.yaml").read_text(encoding="utf-8"))
    (tmp_path / "new.yaml").write_text(SHIPPED.replace("acknowledge: 30m", "acknowledge: 10m", 1), encoding="utf-8")
    past = [
        json.dumps({"type": "weapon_in_school", "occurred_at": f"2026-11-{day:02d}T23:00:00Z", "locality": "south"})
        for day in range(1, 21)
    ]
    (tmp_path / "past.jsonl").write_text("\n".join(past), encoding="utf-8")
    table = run("rules", "simulate", "new.yaml", "--incidents", "past.jsonl", folder=tmp_path)
    assert table.returncode == 0, table.stderr
    assert "20 incidents, 01 Nov 2026 to 20 Nov 2026" in table.stdout
    assert "education-inclusion" in table.stdout
    told = json.loads(
        run("rules", "simulate", "new.yaml", "--incidents", "past.jsonl", "--json", folder=tmp_path).stdout
    )
    assert told["active"]["opened"] == told["candidate"]["opened"] == 20
    assert told["active"]["pages"]["night"] == told["active"]["pages"]["total"] == 20
    assert set(told["active"]["pages"]["by_worker"]) == {"amina", "ben"}

    (tmp_path / "past.jsonl").write_text("\n".join([*past, "{cut"]), encoding="utf-8")
    with_fault = run("rules", "simulate", "new.yaml", "--incidents", "past.jsonl", folder=tmp_path)
    assert with_fault.returncode == 1
    assert "past.jsonl:21: this is not JSON" in with_fault.stderr
    assert "20 incidents" in with_fault.stdout
    (tmp_path / "new.yaml").write_text(SHIPPED.replace("priority: high", "priority: urgent", 1), encoding="utf-8")
    refused = run("rules", "simulate", "new.yaml", "--incidents", "past.jsonl", folder=tmp_path)
    assert refused.returncode == 1
    assert "urgent" in refused.stderr
    missing = run("rules", "simulate", "new.yaml", "--incidents", "nowhere.jsonl", folder=tmp_path)
    assert missing.returncode == 1


def test_the_command_explains_rule_by_rule(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(
        '{"type": "drugs_in_school", "occurred_at": "2026-11-20T15:41:00Z"}', encoding="utf-8"
    )
    said = run("rules", "explain", "one.json", folder=tmp_path)
    assert said.returncode == 0, said.stderr
    assert 'no  drugs-in-school: incident.setting == "school"' in said.stdout
    assert 'true   incident.type == "drugs_in_school"' in said.stdout
    (tmp_path / "one.json").write_text('{"type": "weapon_in_school", "occurred_at": "now"}', encoding="utf-8")
    wrong = run("rules", "explain", "one.json", folder=tmp_path)
    assert wrong.returncode == 1
    assert "/occurred_at" in wrong.stderr
