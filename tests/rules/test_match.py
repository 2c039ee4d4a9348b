"""Which pathways an incident opens, with the reason; what expressions may ask, and how their faults are told."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rules import rulebook
from rules.expression import ExpressionFault, compile_expression, constant
from rules.incident import IncidentReport, Place, facts
from rules.match import Judge
from rules.places import FoundPlace, KnownPlace, KnownPlaces, place_keys
from rules.rulebook import Rulebook

BOOKS = Path(rulebook.__file__).parent / "books"
LONDON = ZoneInfo("Europe/London")
MANY = 1000
BUDGET_SECONDS = 0.010


def values(kind: str = "fight", *, place: FoundPlace | None = None, **fields: Any) -> dict[str, Any]:
    body = {"type": kind, "occurred_at": "2026-11-20T21:30:00Z"} | fields
    report = IncidentReport.model_validate(body)
    return facts(report, zone=LONDON, partner="police", locality=report.locality, place=place, derived=False)


def book(*rules: dict[str, Any], pathways: tuple[str, ...] = ("outreach", "mediation")) -> Rulebook:
    pathway = {
        "title": "x",
        "sms_label": "Response",
        "team": "outreach",
        "sla": {"acknowledge": "30m"},
        "outcomes": ["gone_out"],
        "escalation": [{"page": "duty", "by": ["sms"]}],
    }
    return Rulebook.model_validate(
        {"rulebook": "x", "pathways": dict.fromkeys(pathways, pathway), "rules": list(rules)}
    )


def rule(name: str, when: str, *then: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "when": when, "then": list(then)} | more


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ('incident.type == "fight"', True),
        ('incident.type == "flight"', False),
        ('incident.type in ["fight", "stabbing"]', True),
        ("incident.hour >= 20", True),
        ('incident.weekday == "fri"', True),
        ('incident.setting == "street"', True),
        ('incident.locality != "north"', True),
        ("incident.people_count == 2 && incident.youngest == 14 && incident.oldest == 17", True),
        ('"victim" in incident.roles', True),
        ('incident.groups.exists(g, g.startsWith("g-"))', True),
        ('incident.attributes.weapon == "blade"', True),
        ("incident.attributes.count > 2", True),
        ('has(incident.attributes.nothing) && incident.attributes.nothing == "x"', False),
        ('incident.attributes.nothing == "x"', False),
        ("!incident.drill && !incident.derived", True),
        ('incident.occurred_at > timestamp("2026-11-01T00:00:00Z")', True),
    ],
)
def test_an_expression_asks_about_the_facts(when: str, matches: bool) -> None:
    incident = values(
        setting="street",
        locality="south",
        people=[{"ref": "a", "role": "victim", "age": 14}, {"ref": "b", "role": "witness", "age": 17}],
        groups=["g-19"],
        attributes={"weapon": "blade", "count": 3},
    )
    assert compile_expression(when).judge(incident).matched is matches


@pytest.mark.parametrize(
    ("when", "problem", "expected", "line"),
    [
        ('incident.seting == "x"', "incident.seting", "incident.setting", 1),
        ("incident.hour >= 20 &&\n  incident.zzz == 1", "incident.zzz", "one of incident.type", 2),
        ('incident.hour >= "20"', "can't compare", "same type", 1),
        ("incident.type", "not true or false", "incident.hour >= 20", 1),
        ("incident.type ==", "", "incident.type ==", 1),
        ("", "", "incident.type ==", 1),
        ('incident.summary == "x"', "incident.summary", "", 1),
        ('person.name == "x"', "person", "", 1),
    ],
)
def test_a_wrong_expression_says_where_and_what_would_be_right(
    when: str, problem: str, expected: str, line: int
) -> None:
    with pytest.raises(ExpressionFault) as fault:
        compile_expression(when)
    assert problem in fault.value.problem
    assert expected in fault.value.expected
    assert fault.value.line == line
    assert fault.value.column >= 1


@given(st.text(max_size=60))
def test_no_text_breaks_the_compiler(text: str) -> None:
    try:
        verdict = compile_expression(text).judge(values())
    except ExpressionFault:
        return
    assert isinstance(verdict.matched, bool)


@pytest.mark.parametrize(
    ("when", "always"),
    [
        ("1 == 2", False),
        ("true", True),
        ("false && incident.drill", False),
        ("incident.drill", None),
        ('incident.type == "a" && incident.type == "b"', None),
    ],
)
def test_a_condition_that_asks_nothing_is_seen_through(when: str, always: bool | None) -> None:
    assert constant(compile_expression(when)) is always


def test_every_rule_that_fits_decides_and_a_pathway_opens_once() -> None:
    judge = Judge(
        book(
            rule("one", 'incident.type == "fight"', "outreach"),
            rule("two", "incident.hour >= 20", "outreach", "mediation", reason="late at night"),
            rule("three", 'incident.type == "theft"', "mediation"),
        )
    )
    decisions = judge.judge(values())
    assert [(d.rule, d.pathway) for d in decisions] == [("one", "outreach"), ("two", "mediation")]
    assert decisions[0].reason == "rule one matched; rule two matched: late at night"
    assert decisions[1].reason == "rule two matched: late at night"


def test_a_rule_may_record_and_open_nothing() -> None:
    decisions = Judge(book(rule("note", 'incident.type == "fight"'))).judge(values())
    assert [(d.rule, d.pathway) for d in decisions] == [("note", None)]


def test_what_no_rule_knows_and_what_no_rule_fits_both_go_to_triage_with_the_reason() -> None:
    judge = Judge(book(rule("late", 'incident.type == "fight" && incident.hour < 6', "outreach")))
    (unfit,) = judge.judge(values())
    assert (unfit.rule, unfit.pathway) == (None, "triage")
    assert "none applies: late" in unfit.reason
    (unknown,) = judge.judge(values("unheard_of"))
    assert unknown.reason == "no rule knows the type unheard_of"


def test_a_rule_that_can_not_say_does_not_match_and_its_error_is_told() -> None:
    judge = Judge(book(rule("asks", 'incident.type == "fight" && incident.attributes.gone == "x"', "outreach")))
    (decision,) = judge.judge(values())
    assert decision.pathway == "triage"
    assert "asks (" in decision.reason
    assert "gone" in decision.reason


def test_a_rule_that_names_a_type_in_a_denial_still_sees_the_others() -> None:
    judge = Judge(book(rule("others", '!(incident.type == "fight")', "outreach")))
    assert judge.judge(values("theft"))[0].pathway == "outreach"
    assert judge.judge(values("fight"))[0].pathway == "triage"


def test_a_thousand_rules_are_judged_in_no_time() -> None:
    rules = [
        rule(f"r-{n}", f'incident.type == "kind_{n % 200}" && incident.hour >= {n % 24}', "outreach", "mediation")
        for n in range(MANY - 20)
    ]
    rules += [
        rule(f"any-{n}", f"incident.people_count > {n + 1} && incident.youngest < 18", "outreach") for n in range(20)
    ]
    judge = Judge(book(*rules))
    incident = values("kind_7")
    best = min(_seconds(judge, incident) for _ in range(20))
    assert best < BUDGET_SECONDS, f"{best * 1000:.1f} ms"


def _seconds(judge: Judge, incident: dict[str, Any]) -> float:
    started = time.perf_counter()
    judge.judge(incident)
    return time.perf_counter() - started


@pytest.mark.parametrize(
    ("kind", "fields", "pathways"),
    [
        ("weapon_in_school", {}, ["education-inclusion"]),
        ("drugs_in_school", {"setting": "school"}, ["education-inclusion"]),
        ("never_heard_of", {}, ["triage"]),
    ],
)
def test_the_shipped_rulebook_decides(kind: str, fields: dict[str, Any], pathways: list[str]) -> None:
    text = (BOOKS / "bristol.yaml").read_text(encoding="utf-8")
    loaded = rulebook.load(text, read=lambda name: (BOOKS / name).read_text(encoding="utf-8"))
    decisions = Judge(loaded.rulebook).judge(values(kind, **fields))
    assert [decision.pathway for decision in decisions] == pathways


def test_hour_and_weekday_are_local() -> None:
    summer = values(occurred_at="2026-07-03T23:30:00Z")
    assert (summer["hour"], summer["weekday"]) == (0, "sat")
    assert values(occurred_at="2026-11-20T23:30:00+05:00")["hour"] == 18


def test_what_is_missing_is_empty_and_an_unknown_age_is_no_age() -> None:
    found = values()
    assert (found["setting"], found["urn"], found["groups"], found["youngest"]) == ("", "", [], -1)


def test_a_moment_is_kept_in_utc() -> None:
    report = IncidentReport.model_validate({"type": "fight", "occurred_at": "2026-07-03T23:30:00+01:00"})
    assert report.occurred_at == datetime(2026, 7, 3, 22, 30, tzinfo=UTC)


PLACES = KnownPlaces(
    [
        KnownPlace(kind="school", name="Example Academy", urn="100000", postcode="BS4 1AA", locality="south"),
        KnownPlace(kind="hospital", slug="riverside", ods="ZZ901", locality="east-central"),
        KnownPlace(kind="area", postcode="BS4 1", locality="south"),
        KnownPlace(kind="area", postcode="BS4", locality="north"),
        KnownPlace(kind="area", postcode="BS4 1AB", locality="east-central"),
    ]
)


@pytest.mark.parametrize(
    ("given_place", "locality", "how"),
    [
        ({"urn": "100000"}, "south", "school URN 100000"),
        ({"ods": "zz901"}, "east-central", "NHS code ZZ901"),
        ({"hospital": "riverside"}, "east-central", "hospital riverside"),
        ({"name": "example ACADEMY"}, "south", "name"),
        ({"postcode": "bs41zz"}, "south", "postcode BS4 1"),
        ({"postcode": "BS4 1AB"}, "east-central", "postcode BS4 1AB"),
        ({"postcode": "BS4 9ZZ"}, "north", "postcode BS4"),
        ({"postcode": "BS1 1AA"}, None, ""),
        ({"urn": "999999", "postcode": "BS4 1ZZ"}, "south", "postcode BS4 1"),
        ({"name": "Nowhere"}, None, ""),
    ],
)
def test_a_place_is_found_by_the_surest_thing_given(
    given_place: dict[str, str], locality: str | None, how: str
) -> None:
    found = PLACES.find(Place.model_validate(given_place))
    assert (found.locality if found else None) == locality
    assert (found.how if found else "") == how


def test_a_known_place_is_the_same_however_it_was_found_and_an_area_is_none() -> None:
    by_urn, by_name = (PLACES.find(Place.model_validate(p)) for p in ({"urn": "100000"}, {"name": "Example Academy"}))
    assert by_urn
    assert by_name
    assert by_urn.identity == by_name.identity is not None
    area = PLACES.find(Place(postcode="BS4 1ZZ"))
    assert area
    assert area.identity is None


def test_two_places_are_the_same_when_they_share_an_identifier() -> None:
    one, other = Place(urn="100000", postcode="BS4 1AA"), Place(postcode="bs4 1aa", name="x")
    assert place_keys(one) & place_keys(other) == {"postcode:BS4 1AA"}
    assert place_keys(Place(name="High Street")) == set()


@pytest.mark.parametrize(
    "wrong", [{"kind": "school", "locality": "south"}, {"postcode": "BS41AA", "locality": "south"}]
)
def test_a_place_that_can_not_be_found_by_anything_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KnownPlace.model_validate(wrong)
