"""What a worker's text means, in whatever dressing it comes."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules import reply
from rules.reply import ALIASES, DIGITS, LETTERS, NEEDS_CODE, Ambiguous, Meant, Nothing, Reply, Verb


@pytest.mark.parametrize(
    ("text", "verb", "code", "words"),
    [
        ("TAKE K7", Verb.TAKE, "K7", ""),
        ("take", Verb.TAKE, None, ""),
        (" “Take” ", Verb.TAKE, None, ""),
        ("take k7.", Verb.TAKE, "K7", ""),
        ("Take #K7!", Verb.TAKE, "K7", ""),
        ("'take k7'", Verb.TAKE, "K7", ""),
        ("takek7", Verb.TAKE, "K7", ""),
        ("take k 7", Verb.TAKE, "K7", ""),
        ("TAKE: K7", Verb.TAKE, "K7", ""),
        ("k7 take", Verb.TAKE, "K7", ""),
        ("take k7h3", Verb.TAKE, "K7H3", ""),
        ("take\nk7\non my way", Verb.TAKE, "K7", "on my way"),
        ("take k7 on my way, ten minutes", Verb.TAKE, "K7", "on my way ten minutes"),
        ("ack k7", Verb.TAKE, "K7", ""),
        ("OK", Verb.TAKE, None, ""),
        ("y", Verb.TAKE, None, ""),
        ("YES K7", Verb.TAKE, "K7", ""),
        ("1", Verb.TAKE, None, ""),
        ("1 k7", Verb.TAKE, "K7", ""),
        ("Pass", Verb.PASS, None, ""),
        ("no k7 at another call", Verb.PASS, "K7", "at another call"),
        ("2", Verb.PASS, None, ""),
        ("N", Verb.PASS, None, ""),
        ("contact K7", Verb.CONTACT, "K7", ""),
        ("MET k7 with mum", Verb.CONTACT, "K7", "with mum"),
        ("done k7 plan agreed", Verb.DONE, "K7", "plan agreed"),
        ("DONE plan_agreed", Verb.DONE, None, "plan_agreed"),
        ("done", Verb.DONE, None, ""),
        ("more k7", Verb.MORE, "K7", ""),
        ("list", Verb.LIST, None, ""),
        ("?", Verb.LIST, None, ""),
        ("OFF", Verb.OFF, None, ""),
        ("on", Verb.ON, None, ""),
        ("Stop", Verb.STOP, None, ""),
        ("UNSUBSCRIBE", Verb.STOP, None, ""),
        ("start", Verb.START, None, ""),
        ("HELP", Verb.HELP, None, ""),
        ("", Verb.UNKNOWN, None, ""),
        ("...", Verb.UNKNOWN, None, ""),
        ("who is this", Verb.UNKNOWN, None, ""),
        ("taken", Verb.UNKNOWN, None, ""),
        ("on my way", Verb.UNKNOWN, None, ""),
        ("off to bed now", Verb.UNKNOWN, None, ""),
        ("stop calling me about this", Verb.UNKNOWN, None, ""),
        ("K7", Verb.UNKNOWN, None, ""),
        ("👍", Verb.UNKNOWN, None, ""),
    ],
)
def test_a_text_means(text: str, verb: Verb, code: str | None, words: str) -> None:
    assert reply.parse(text) == Reply(verb, code, words)


@given(st.text())
@example("take \u200bk7")
@example("\x00")
def test_no_text_whatever_breaks_the_reader(text: str) -> None:
    found = reply.parse(text)
    assert found.verb in Verb
    assert found.code is None or found.code == found.code.upper()


CODE = st.builds(
    lambda a, b, c: a + b + c, st.sampled_from(LETTERS), st.sampled_from(DIGITS), st.sampled_from(["", "H", "F3"])
)
NOISE = st.text(alphabet=" \t.,!#\"'“”‘’", max_size=3)


@given(
    verb=st.sampled_from(sorted(NEEDS_CODE)),
    choice=st.randoms(use_true_random=False),
    code=CODE,
    before=NOISE,
    between=NOISE,
    after=NOISE,
)
def test_dressing_changes_nothing(
    verb: Verb, choice: random.Random, code: str, before: str, between: str, after: str
) -> None:
    word = choice.choice(ALIASES[verb])
    dressed = "".join(letter.upper() if choice.random() < 0.5 else letter for letter in f"{word} {between}{code}")
    assert reply.parse(before + dressed + after) == Reply(verb, code, "")


@pytest.mark.parametrize(
    ("text", "open_codes", "meant"),
    [
        ("take k7", [], Meant("K7")),
        ("take k7", ["M3", "R4"], Meant("K7")),
        ("take", ["M3"], Meant("M3")),
        ("take", ["M3", "R4"], Ambiguous(("M3", "R4"))),
        ("take", [], Nothing()),
    ],
)
def test_which_task_is_meant(text: str, open_codes: list[str], meant: Meant | Ambiguous | Nothing) -> None:
    assert reply.which(reply.parse(text), open_codes) == meant


@pytest.mark.parametrize(
    ("words", "outcome", "note"),
    [
        ("contact_made", "contact_made", ""),
        ("Contact made", "contact_made", ""),
        ("CONTACT-MADE, all calm", "contact_made", "all calm"),
        ("contactmade", "contact_made", ""),
        ("withdrawn", "withdrawn", ""),
        ("withdrawnish", None, "withdrawnish"),
        ("nothing", None, "nothing"),
        ("", None, ""),
    ],
)
def test_an_outcome_is_found_at_the_beginning(words: str, outcome: str | None, note: str) -> None:
    assert reply.outcome(words, ["contact_made", "withdrawn"]) == (outcome, note)


def test_the_longer_of_two_outcomes_that_begin_alike_is_meant() -> None:
    assert reply.outcome("met engaged fully", ["met", "met_engaged"]) == ("met_engaged", "fully")


@pytest.mark.parametrize(
    "text", ["Auto-reply: back Monday", "I'm driving, will call", "Out of the office", "can't talk right now"]
)
def test_a_machines_answer_is_recognised(text: str) -> None:
    assert reply.looks_automatic(text)


def test_a_code_is_short_hard_to_confuse_and_never_one_that_is_taken() -> None:
    chance = random.Random(7)
    taken: set[str] = set()
    for _ in range(400):
        code = reply.new_code(taken.__contains__, chance)
        assert code not in taken
        assert reply.parse(f"take {code.lower()}") == Reply(Verb.TAKE, code, "")
        assert not set(code) & set("0O1IL5S8B2ZUVAE")
        taken.add(code)
    assert min(map(len, taken)) == 2
    assert max(map(len, taken)) <= 3


def test_when_every_code_is_taken_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="every task code"):
        reply.new_code(lambda _: True, random.Random(1))
