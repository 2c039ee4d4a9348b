"""A rulebook is refused whole: every fault in one run, with its line, its field and what would be right."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rules import rulebook
from rules.faults import Fault
from rules.rulebook import LoadedBook, RulebookRefused

BOOKS = Path(rulebook.__file__).parent / "books"
SHIPPED = (BOOKS / "bristol.yaml").read_text(encoding="utf-8")
TEAMS = {
    "education-inclusion-south": "south",
    "education-inclusion-north": "north",
    "outreach-south": "south",
    "outreach-north": "north",
}
# The rulebook of the documentation, with its two places of work.
SMALL = textwrap.dedent("""\
    rulebook: bristol
    calendars:
      school-day: {weekdays: mon-fri, hours: "08:00-16:30", holidays: GB-ENG, closed: term-dates.yaml}
    pathways:
      education-inclusion:
        title: Weapon or drugs in school
        sms_label: Education response
        team: education-inclusion-{locality}
        priority: high
        sla: {acknowledge: 30m, contact: {by: "10:00", on: next school-day}, complete: 24h}
        warn_at: 75%
        outcomes: [contact_made, plan_agreed, stays_in_school, withdrawn]
        escalation:
          - {page: on-call, by: [sms]}
          - {after: 5m,  page: on-call, by: [voice]}
          - {after: 10m, page: backup, by: [sms, voice]}
          - {after: 20m, page: lead, by: [sms, email]}
          - {after: 30m, page: duty, by: [sms, voice, email], repeat: 30m}
    rules:
      - {id: weapon-in-school, when: 'incident.type == "weapon_in_school"', then: [education-inclusion]}
      - {id: drugs-in-school,  when: 'incident.type == "drugs_in_school" && incident.setting == "school"', then: [education-inclusion]}
    patterns:
      - {id: street-hotspot, of: 'incident.setting == "street" && incident.hour >= 20', near: 400m, at_least: 3, window: 14d, quiet: 7d, raise: late_night_hotspot}
      - {id: peer-network,  of: 'incident.type in ["fight", "weapon_in_school", "stabbing"]', same: group, at_least: 2, window: 28d, raise: peer_conflict}
    duplicates: {window: 6h, same: [place, kind]}
    """)  # fmt: skip


def beside(name: str) -> str:
    return (BOOKS / name).read_text(encoding="utf-8")


def faults_of(text: str, teams: dict[str, str | None] | None = TEAMS) -> list[Fault]:
    return rulebook.check(text, read=beside, teams=teams)


def the_line(text: str, holding: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if holding in line)


def test_the_documented_rulebook_has_no_fault() -> None:
    assert faults_of(SMALL) == []
    book = rulebook.load(SMALL, read=beside)
    assert isinstance(book, LoadedBook)
    assert [rule.id for rule in book.rulebook.rules] == ["weapon-in-school", "drugs-in-school"]
    assert book.rulebook.patterns[0].near == 400
    assert book.rulebook.patterns[1].raises == "peer_conflict"


def test_the_shipped_rulebook_answers_all_four_rapid_responses_and_triage() -> None:
    book = rulebook.load(SHIPPED, read=beside).rulebook
    assert {"education-inclusion", "hospital-navigation", "late-night-outreach", "conflict-resolution"} <= set(
        book.pathways
    )
    assert book.pathway("triage").team == "duty"
    for pathway in book.pathways.values():
        assert pathway.escalation[-1].page == "duty"


# What is changed in the documented rulebook; the field that is named, a word of what is wrong, and of what would be right.
MISTAKES = [
    ("priority: high", "prioritty: high", "pathways.education-inclusion.prioritty", "no field", "priority"),
    ("priority: high", "priority: urgent", "pathways.education-inclusion.priority", "urgent", "critical"),
    ("incident.setting ==", "incident.seting ==", "rules.1.when", "seting", "setting"),
    ("incident.hour >= 20", 'incident.hour >= "20"', "patterns.0.of", "", ""),
    ('"weapon_in_school"\',', '"weapon_in_school" &&\',', "rules.0.when", "", ""),
    ("then: [education-inclusion]}\n  - {id: d", "then: [educaton-inclusion]}\n  - {id: d", "rules.0.then.0", "no pathway", "education-inclusion"),
    ("team: education-inclusion-{locality}", "team: educashun-{locality}", "pathways.education-inclusion.team", "no team", "education-inclusion"),
    ("team: education-inclusion-{locality}", "team: education-inclusion-{school}", "pathways.education-inclusion.team", "placeholder", "{locality}"),
    ("page: duty, by: [sms, voice, email], repeat: 30m", "page: lead, by: [sms]", "pathways.education-inclusion.escalation.4", "does not end with the duty manager", "page: duty"),
    ("{after: 20m, page: lead", "{after: 2m, page: lead", "pathways.education-inclusion.escalation.3.after", "before the one above", "10m"),
    ("page: backup", "page: back-up", "pathways.education-inclusion.escalation.2.page", "back-up", "backup"),
    ("by: [voice]", "by: [pigeon]", "pathways.education-inclusion.escalation.1.by.0", "pigeon", "voice"),
    ("after: 5m,", "after: 5 minuets,", "pathways.education-inclusion.escalation.1.after", "5 minuets", "30m"),
    ("acknowledge: 30m", "acknowledge: 30", "pathways.education-inclusion.sla.acknowledge", "30", "30m"),
    ("next school-day", "next scool-day", "pathways.education-inclusion.sla.contact", "no calendar scool-day", "school-day"),
    ('by: "10:00", on', 'by: "25:00", on', "pathways.education-inclusion.sla.contact.by", "25:00", "10:00"),
    ("warn_at: 75%", "warn_at: 175%", "pathways.education-inclusion.warn_at", "", "75%"),
    ("withdrawn]", "withdrawn, take]", "pathways.education-inclusion.outcomes.4", "take", "contact_made"),
    ("sms_label: Education response", "sms_label: '{name} response'", "pathways.education-inclusion.sms_label", "placeholder", "Education response"),
    ("sms_label: Education response", "sms_label: Education response for the young", "pathways.education-inclusion.sms_label", "24", "24"),
    ("{id: drugs-in-school,", "{id: weapon-in-school,", "rules.1.id", "two rules", "once"),
    ('"drugs_in_school" && incident.setting == "school"', '"a" && false', "rules.1.when", "never be reached", "some incident"),
    ('"drugs_in_school" && incident.setting == "school"', '"weapon_in_school"', "rules.1.when", "never decide", "another condition"),
    ("weekdays: mon-fri", "weekdays: mon-fry", "calendars.school-day.weekdays", "fry", "mon-fri"),
    ("holidays: GB-ENG", "holidays: GB-XXX", "calendars.school-day.holidays", "GB-XXX", "GB-ENG"),
    ("closed: term-dates.yaml", "closed: nowhere.yaml", "calendars.school-day.closed", "nowhere.yaml", "file"),
    ("near: 400m", "near: 400 yards", "patterns.0.near", "400 yards", "400m"),
    ("near: 400m, ", "", "patterns.0", "near", "400m"),
    ("at_least: 3", "at_least: 1", "patterns.0.at_least", "1", "2"),
    ("window: 6h", "window: a while", "duplicates.window", "a while", "30m"),
    ("[place, kind]", "[place, colour]", "duplicates.same.1", "colour", "kind"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "field", "problem", "expected"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_what_would_be_right(
    right: str, wrong: str, field: str, problem: str, expected: str
) -> None:
    assert SMALL.count(right) >= 1, f"{right} is not in the documented rulebook"
    text = SMALL.replace(right, wrong, 1)
    found = [fault for fault in faults_of(text) if fault.field == field]
    assert found, [(fault.field, fault.problem) for fault in faults_of(text)]
    assert problem in found[0].problem
    assert expected in found[0].expected
    assert found[0].line is not None
    changed = [n for n, (a, b) in enumerate(zip(SMALL.splitlines(), text.splitlines(), strict=False), 1) if a != b]
    assert found[0].line == changed[0]


def test_one_mistake_makes_one_fault_and_no_false_alarms() -> None:
    for right, wrong, field, _, _ in MISTAKES:
        faults = faults_of(SMALL.replace(right, wrong, 1))
        elsewhere = [fault for fault in faults if fault.field.split(".")[:2] != field.split(".")[:2]]
        # A rule that leads nowhere may leave its pathway without a user; that is a fault of its own.
        assert not elsewhere, (wrong, elsewhere)


def test_all_mistakes_are_found_in_one_run() -> None:
    text, fields = SMALL, set()
    apart = [MISTAKES[n] for n in (0, 2, 5, 8, 10, 13, 16, 19, 23, 26, 29, 30)]
    for right, wrong, field, _, _ in apart:
        assert right in text, right
        text = text.replace(right, wrong, 1)
        fields.add(field)
    faults = faults_of(text)
    assert fields <= {fault.field for fault in faults}
    lines = [fault.line or 0 for fault in faults]
    assert lines == sorted(lines)


def test_a_pathway_that_nobody_uses_is_a_fault() -> None:
    extra = SMALL.replace("rules:\n", "  spare:\n    title: x\n    sms_label: Spare\n    team: outreach-south\n    sla: {acknowledge: 5m}\n    outcomes: [ok_then]\n    escalation: [{page: duty, by: [sms]}]\nrules:\n", 1)  # fmt: skip
    faults = faults_of(extra)
    assert [(fault.field, fault.problem) for fault in faults] == [("pathways.spare", "nobody uses this pathway")]
    assert faults[0].line == the_line(extra, "spare:")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a rulebook"),
        ("- a list", "not a rulebook"),
        ("a: [1, 2", "not YAML"),
        ("\tx: 1", "not YAML"),
        ("rulebook: x", "missing"),
        ("rulebook: !!python/object/apply:os.system [ls]", "not YAML"),
        ("[" * 100_000, "nests deeper"),
        ("a: " + "{" * 50_000, "nests deeper"),
        ("- " * 60_000, "nests deeper"),
        ("a: &a [*a]", "nests deeper"),
        ("b0: &b0 [x]\n" + "".join(f"b{n}: &b{n} [{f'*b{n - 1}, ' * 9}]\n" for n in range(1, 9)), "more than"),
        ("a: \ud800", "half a character"),
    ],
)
def test_what_is_no_rulebook_is_said_to_be_none(text: str, problem: str) -> None:
    faults = faults_of(text)
    assert any(problem in fault.problem for fault in faults)
    with pytest.raises(RulebookRefused):
        rulebook.load(text, read=beside)


def test_a_part_may_be_written_once_and_named_again() -> None:
    twice = (
        SMALL.replace("education-inclusion:", "education-inclusion: &inclusion", 1)
        .replace("rules:\n", "  another: *inclusion\nrules:\n", 1)
        .replace("then: [education-inclusion]", "then: [education-inclusion, another]", 1)
    )
    book = rulebook.load(twice, read=beside).rulebook
    assert book.pathways["another"] == book.pathways["education-inclusion"]


def test_a_name_that_is_there_twice_is_a_fault() -> None:
    faults = faults_of(SMALL.replace("    priority: high\n", "    priority: high\n    priority: low\n"))
    assert ("pathways.education-inclusion.priority", "priority is there twice") in [
        (fault.field, fault.problem) for fault in faults
    ]


def test_on_is_a_key_and_no_truth_value() -> None:
    book = rulebook.load(SMALL, read=beside).rulebook
    contact = book.pathways["education-inclusion"].sla.contact
    assert contact is not None
    assert contact.calendar_named == "school-day"


_LINES = SHIPPED.splitlines()


@given(st.integers(0, len(_LINES) - 1), st.sampled_from(["drop", "double", "indent", "cut"]), st.integers(1, 60))
def test_a_damaged_file_is_refused_or_read_and_never_breaks_the_checker(number: int, how: str, at: int) -> None:
    lines = list(_LINES)
    match how:
        case "drop":
            del lines[number]
        case "double":
            lines.insert(number, lines[number])
        case "indent":
            lines[number] = "  " + lines[number]
        case _:
            lines[number] = lines[number][:at]
    text = "\n".join(lines)
    faults = rulebook.check(text, read=beside, teams=None)
    for fault in faults:
        assert fault.problem
        assert fault.expected
        assert not re.search(r"pydantic|Traceback|object at 0x", fault.problem)
    if not faults:
        assert rulebook.load(text, read=beside).rulebook.rulebook == yaml.safe_load(text)["rulebook"]
