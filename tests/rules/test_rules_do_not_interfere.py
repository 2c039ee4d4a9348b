"""One rule's verdict is its own: the order of rules, other rules, other patterns and other fields never change it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules.explain import explain
from rules.expression import compile_expression, types_required
from rules.match import Judge
from rules.patterns import Seen, recurrence, watches
from rules.rulebook import TRIAGE, Pattern
from tests.rules.test_match import book, rule, values

TYPES = ["fight", "stabbing", "weapon_in_school", "threats"]
PATHWAYS = ("outreach", "mediation", "inclusion")

types = st.sampled_from(TYPES)
about_type = st.one_of(
    types.map('incident.type == "{}"'.format),
    types.map("incident.type == '{}'".format),
    types.map('"{}" == incident.type'.format),
    types.map('incident.type != "{}"'.format),
    st.lists(types, min_size=1, max_size=3).map(lambda names: f"incident.type in [{', '.join(map(repr, names))}]"),
    types.map('(incident.type == "{}") == false'.format),
    types.map("incident.setting == 'incident.type == \"{}\"'".format),
    types.map('incident.type in [incident.setting, "{}"]'.format),
)
about_else = st.sampled_from(
    [
        "incident.hour >= 20",
        'incident.setting == "street"',
        "incident.youngest < 16",
        '"g-1" in incident.groups',
        'incident.attributes["weapon"] == "knife"',
        "true",
    ]
)
leaves = st.one_of(about_type, about_else)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" && ".join),
        st.tuples(inner, inner).map(" || ".join),
        inner.map("!({})".format),
        inner.map("({})".format),
        st.tuples(inner, inner, inner).map(lambda three: "(({}) ? ({}) : ({}))".format(*three)),
        st.tuples(inner, inner).map(lambda two: f"{two[0]} // && {two[1]}"),
    ),
    max_leaves=5,
)
rules_of_a_book = st.lists(
    st.tuples(expressions, st.lists(st.sampled_from(PATHWAYS), max_size=2, unique=True)), min_size=1, max_size=6
)
facts_of_an_incident = st.builds(
    values,
    types,
    setting=st.sampled_from(["street", "school", "stabbing"]),
    groups=st.lists(st.sampled_from(["g-1", "g-2"]), max_size=2),
    attributes=st.sampled_from([{}, {"weapon": "knife"}, {"weapon": "none"}]),
)


def usable(text: str) -> bool:
    try:
        compile_expression(text)
    except ValueError:
        return False
    return True


def named(given_rules: list[tuple[str, list[str]]]) -> list[dict[str, Any]]:
    assume(all(usable(when) for when, _ in given_rules))
    return [rule(f"r-{number}", when, *then) for number, (when, then) in enumerate(given_rules)]


def opened(rules: list[dict[str, Any]], facts: dict[str, Any]) -> set[str | None]:
    return {decision.pathway for decision in Judge(book(*rules, pathways=PATHWAYS)).judge(facts)}


def verdicts(rules: list[dict[str, Any]], facts: dict[str, Any]) -> dict[str, bool]:
    return {each.rule: each.matched for each in explain(book(*rules, pathways=PATHWAYS), facts)}


@given(rules_of_a_book, facts_of_an_incident)
def test_asking_only_the_rules_of_a_type_decides_as_asking_every_rule(
    given_rules: list[tuple[str, list[str]]], facts: dict[str, Any]
) -> None:
    rules = named(given_rules)
    matched = [each for each in rules if compile_expression(each["when"]).judge(facts).matched]
    naive = {pathway for each in matched for pathway in each["then"] or [None]} or {TRIAGE}
    assert opened(rules, facts) == naive


@given(expressions, facts_of_an_incident)
def test_an_expression_holds_only_for_the_types_that_it_requires(text: str, facts: dict[str, Any]) -> None:
    assume(usable(text))
    required = types_required(text)
    if required and facts["type"] not in required:
        assert not compile_expression(text).judge(facts).matched


@given(rules_of_a_book, facts_of_an_incident, st.randoms(use_true_random=False))
def test_the_order_of_rules_changes_nothing(
    given_rules: list[tuple[str, list[str]]], facts: dict[str, Any], chance: Any
) -> None:
    rules = named(given_rules)
    other = chance.sample(rules, len(rules))
    assert opened(other, facts) == opened(rules, facts)
    assert verdicts(other, facts) == verdicts(rules, facts)


@given(rules_of_a_book, rules_of_a_book, facts_of_an_incident)
def test_other_rules_change_no_rule(
    given_rules: list[tuple[str, list[str]]], more: list[tuple[str, list[str]]], facts: dict[str, Any]
) -> None:
    rules = named(given_rules)
    others = [each | {"id": f"other-{number}"} for number, each in enumerate(named(more))]
    alone, together = verdicts(rules, facts), verdicts([*rules, *others], facts)
    assert {name: together[name] for name in alone} == alone
    assert opened(rules, facts) - {TRIAGE} <= opened([*rules, *others], facts)


@given(
    facts_of_an_incident,
    st.dictionaries(st.sampled_from(["postcode", "urn", "partner", "ods", "place_name"]), st.text(max_size=8)),
    rules_of_a_book,
)
def test_fields_that_no_rule_asks_about_change_nothing(
    facts: dict[str, Any], unrelated: dict[str, str], given_rules: list[tuple[str, list[str]]]
) -> None:
    rules = named(given_rules)
    assert verdicts(rules, facts | unrelated) == verdicts(rules, facts)
    assert opened(rules, facts | unrelated) == opened(rules, facts)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(2, 4), st.integers(1, 20))
def test_a_pattern_sees_the_same_whatever_other_patterns_there_are(days: list[int], at_least: int, window: int) -> None:
    spec = {"id": "a", "of": 'incident.type == "fight"', "same": "group", "at_least": at_least, "window": f"{window}d"}
    other = {"id": "b", "of": "true", "same": "person", "at_least": 2, "window": "1d", "raise": "other"}
    one, another = (Pattern.model_validate(each) for each in (spec | {"raise": "raised"}, other))
    start = datetime(2026, 11, 1, tzinfo=UTC)
    seen = [Seen(incident=str(n), occurred_at=start + timedelta(days=day)) for n, day in enumerate(days)]
    alone = [recurrence(watch.spec, seen[-1], seen[:-1]) for watch in watches([one])]
    for order in ([one, another], [another, one]):
        found = {watch.spec.id: recurrence(watch.spec, seen[-1], seen[:-1]) for watch in watches(order)}
        assert found["a"] == alone[0]


@pytest.mark.parametrize(
    "when",
    [
        "incident . hour == 21",
        "incident\n.hour == 21",
        "incident // the local one\n.hour == 21",
        ".incident.hour == 21",
    ],
)
def test_a_field_is_handed_over_however_it_is_written(when: str) -> None:
    assert compile_expression(when).judge(values()).matched


@pytest.mark.parametrize(
    ("when", "required"),
    [
        ('incident.type == "fight"', {"fight"}),
        ('incident.type == "fight" && incident.hour > 20', {"fight"}),
        ("incident.hour > 20 && incident.type in [\"fight\", 'threats']", {"fight", "threats"}),
        ('incident.type == "fight" || incident.type == "threats" && incident.hour > 20', {"fight", "threats"}),
        ('incident.type == "fight" || incident.hour > 20', set()),
        ('!(incident.type == "fight")', set()),
        ('(incident.type == "fight") == false', set()),
        ('incident.hour > 20 // && incident.type == "fight"', set()),
        ('incident.hour > 20 ? incident.type == "fight" : true', set()),
        ("incident.setting == 'incident.type == \"fight\"'", set()),
    ],
)
def test_a_rule_is_found_by_the_types_that_it_requires(when: str, required: set[str]) -> None:
    assert types_required(when) == required
    assert compile_expression(when).types == required
