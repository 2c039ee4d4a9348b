"""Every text, with the longest that the shipped partnership can put into it: one segment, nobody named, no harm named."""

from pathlib import Path
from typing import Any

import pytest

from notifiers import gsm7, wording
from rules import rulebook
from service.flows.setup import SHIPPED_PARTNERSHIP, reader_beside
from service.partnership import read_partnership
from service.records import answers, convenings, covering, duty_lists, paging
from service.settings import SHIPPED_RULEBOOK

PARTNERSHIP = read_partnership(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
BOOK = rulebook.load(SHIPPED_RULEBOOK.read_text(encoding="utf-8"), read=reader_beside(SHIPPED_RULEBOOK)).rulebook
PATHWAYS = [*BOOK.pathways.values(), BOOK.pathway("triage")]

LINK = "https://callout.somewhere.example.org/t/" + "W" * 16
TIME = "00:00 Wed 30 Nov"
CODE = "WWWWWW"


def longest(words: list[str]) -> str:
    return max(words, key=lambda word: gsm7.septets(gsm7.to_gsm7(word)) or 0)


NAME = longest([wording.short_name(worker.name, paging.LONGEST_NAME) for worker in PARTNERSHIP.workers])
TEAM = longest([team.name for team in PARTNERSHIP.teams])
LONGEST: dict[str, Any] = {
    "code": CODE,
    "priority": "CRITICAL",
    "label": longest([pathway.sms_label for pathway in PATHWAYS]),
    "locality": longest([*PARTNERSHIP.locality_names.values(), PARTNERSHIP.locality_name(None)]),
    "deadline": TIME,
    "link": LINK,
    "milestone": "acknowledge",
    "who": NAME,
    "worker": NAME,
    "covering": NAME,
    "team": TEAM,
    "at": TIME,
    "since": TIME,
    "number": 99,
    "duties": "W" * duty_lists.DUTIES_ROOM,
    "digits": "000000",
    "reachable": False,
    "gaps": "W" * covering.GAPS_ROOM,
    "why": f"{NAME} is off call or out of reach; ON puts them back",
    "where": "W" * convenings.LONGEST_PLACE,
    "said": "no",
    "until": TIME,
    "how": "completed",
    "state": f"with {NAME}",
    "outcome": longest([word for pathway in PATHWAYS for word in pathway.outcomes]),
    "outcomes": longest([answers.fitting(pathway.outcomes, answers.OUTCOME_ROOM) for pathway in PATHWAYS]),
    "codes": (CODE,) * 500,
    "count": 500,
    "others": (CODE,) * 500,
    "over": (CODE,) * 500,
    "unknown": (CODE,) * 500,
    "all_of_them": "TAKE ALL",
    "mixed": True,
    "order": "email, then call, then text",
    "back": "EMAIL",
    "hours": "22:00-07:00",
    "only": True,
    "left": False,
}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "taken": [{"milestone": "contact"}, {"milestone": "complete"}, {"milestone": None, "deadline": None}],
    "reminder": [{"milestone": "contact"}, {"milestone": "complete"}],
    "warning": [{}, {"who": None}],
    "off": [{}, {"covering": None}],
    "off_notice": [{}, {"covering": None}],
    "contact_met": [{}, {"deadline": None}],
    "list": [{"codes": answers.fitting([f"{CODE} {TIME}"] * 20, answers.LIST_ROOM)}],
    "which": [{}, {"all_of_them": None}],
    "taken_several": [{}, {"others": ()}, {"codes": (), "count": 0, "deadline": None}],
    "passed_several": [{}, {"codes": (), "count": 0}],
    "gap": [{}, {"reachable": True}],
    "first": [{}, {"back": None}],
    "quiet": [{}, {"only": False}],
    "number_stopped": [{}, {"left": True}],
    "cover_done": [{}, {"who": None}],
}
EVERY = [(name, variant) for name in wording.names() for variant in VARIANTS.get(name, [{}])]


def rendered(name: str, variant: dict[str, Any], *, drill: bool = False) -> wording.Text:
    values = LONGEST | variant
    return wording.render(name, drill=drill, **{field: values[field] for field in wording.fields(name)})


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_every_text_is_one_segment_even_in_a_drill(name: str, variant: dict[str, Any]) -> None:
    worded = rendered(name, variant, drill=True)
    assert worded.text.startswith("DRILL ")
    assert worded.subject.startswith("DRILL ")
    assert gsm7.septets(worded.text) is not None, worded.text
    assert gsm7.segments(worded.text) == 1, f"{gsm7.septets(worded.text)}: {worded.text}"


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_no_text_names_the_harm(name: str, variant: dict[str, Any]) -> None:
    worded = rendered(name, variant)
    assert not wording.forbidden_in(worded.text + " " + worded.subject)


@pytest.mark.parametrize("name", wording.names())
def test_no_template_has_room_for_personal_data(name: str) -> None:
    assert wording.lint_template(name) == []
    assert wording.fields(name) <= set(LONGEST)


def test_a_page_holds_all_that_is_needed_to_answer_it() -> None:
    pathway = BOOK.pathways["education-inclusion"]
    page = wording.render(
        "page",
        code="K7",
        priority="HIGH",
        label=pathway.sms_label,
        locality="South",
        deadline="16:11 Fri 20 Nov",
        link="https://callout.example.org/t/Xw3",
    )
    assert page.text == (
        "K7 HIGH Education response, South. By 16:11 Fri 20 Nov. TAKE K7 or PASS K7 https://callout.example.org/t/Xw3"
    )
    assert page.subject == "Callout K7: answer needed by 16:11 Fri 20 Nov"


def test_a_placeholder_without_a_value_is_an_error_and_no_gap() -> None:
    with pytest.raises(Exception, match="deadline"):
        wording.render("page", code="K7", priority="HIGH", label="x", locality="South", link="y")


@pytest.mark.parametrize(
    ("codes", "others", "text"),
    [
        (("K7",), (), "K7 is yours. Due 16:11 Fri 20 Nov. MORE or DONE + code."),
        (
            ("K7", "M4"),
            ("R3",),
            "K7, M4 are yours. R3: with Ben Specimen already. Due 16:11 Fri 20 Nov. MORE or DONE + code.",
        ),
        ((), ("R3",), "R3: with Ben Specimen already."),
        (
            ("K7H",) * 99,
            ("R3F",) * 12,
            "K7H, K7H, K7H, K7H, K7H, K7H, K7H +92 are yours. R3F, R3F, R3F, R3F, R3F, R3F, R3F +5: "
            "with Ben Specimen already. Due 16:11 Fri 20 Nov. MORE or DONE + code.",
        ),
    ],
)
def test_a_list_is_cut_where_the_text_ends(codes: tuple[str, ...], others: tuple[str, ...], text: str) -> None:
    values: dict[str, Any] = {"codes": codes, "others": others, "over": (), "unknown": ()}
    deadline = "16:11 Fri 20 Nov" if codes else None
    said = wording.render("taken_several", count=len(codes), who="Ben Specimen", deadline=deadline, **values).text
    assert said == text
    assert gsm7.segments(said) == 1


@pytest.mark.parametrize("word", ["knife", "Stabbing", "weapons", "GANG", "victim's"])
def test_words_for_the_harm_are_found_in_any_form(word: str) -> None:
    assert wording.forbidden_in(f"Response to {word} today") == [word]


@pytest.mark.parametrize("word", ["Education response", "Begun", "harmony", "shotput", "therapeutic"])
def test_harmless_words_that_hold_one_are_let_through(word: str) -> None:
    assert wording.forbidden_in(word) == []


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Amina Example", "Amina Example"),
        ("Maximiliana Featherstonehaugh-Example", "Maximiliana F."),
        ("Wolfeschlegelsteinhausenbergerdorff", "Wolfeschlegelsteinha"),
        ("Siân Fiction", "Sian Fiction"),
    ],
)
def test_a_long_name_leaves_room_for_the_rest(name: str, short: str) -> None:
    assert wording.short_name(name, 20) == short


def test_templates_are_where_the_package_is() -> None:
    assert Path(wording.TEMPLATES).is_dir()
    assert len(wording.names()) > 25
