"""What a worker's text means, in whatever dressing it comes."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules import reply
from rules.reply import (
    ALIASES,
    ALL,
    DIGITS,
    LETTERS,
    MAY_BE_SEVERAL,
    NEEDS_CODE,
    Ambiguous,
    Everything,
    Meant,
    Nothing,
    Reply,
    Several,
    Verb,
)


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
        ("OFF please", Verb.OFF, None, ""),
        ("Off, thanks", Verb.OFF, None, ""),
        ("off sick", Verb.OFF, None, ""),
        ("Off duty now", Verb.OFF, None, ""),
        ("on now", Verb.ON, None, ""),
        ("On call again, thank you", Verb.ON, None, ""),
        ("on call?", Verb.UNKNOWN, None, ""),
        ("on?", Verb.UNKNOWN, None, ""),
        ("off until Friday", Verb.UNKNOWN, None, ""),
        ("off to work", Verb.UNKNOWN, None, ""),
        ("take-K7", Verb.TAKE, "K7", ""),
        ("list them?", Verb.LIST, None, ""),
        ("on my way", Verb.UNKNOWN, None, ""),
        ("off to bed now", Verb.UNKNOWN, None, ""),
        ("stop calling me about this", Verb.UNKNOWN, None, ""),
        ("K7", Verb.UNKNOWN, None, ""),
        ("👍", Verb.UNKNOWN, None, ""),
    ],
)
def test_a_text_means(text: str, verb: Verb, code: str | None, words: str) -> None:
    assert reply.parse(text) == Reply(verb, code, words)


@pytest.mark.parametrize(
    ("text", "verb", "codes", "words"),
    [
        ("TAKE K7 M4", Verb.TAKE, ("K7", "M4"), ""),
        ("take k7 and m4", Verb.TAKE, ("K7", "M4"), ""),
        ("take k7, m4 & r3h.", Verb.TAKE, ("K7", "M4", "R3H"), ""),
        ("Take K7/M4", Verb.TAKE, ("K7", "M4"), ""),
        ("take k7 + m4", Verb.TAKE, ("K7", "M4"), ""),
        ("take k 7 m 4", Verb.TAKE, ("K7", "M4"), ""),
        ("takek7 m4", Verb.TAKE, ("K7", "M4"), ""),
        ("k7 and m4 take", Verb.TAKE, ("K7", "M4"), ""),
        ("OK #K7 #M4 on my way", Verb.TAKE, ("K7", "M4"), "on my way"),
        ("TAKE ALL: K7, M4", Verb.TAKE, ("K7", "M4"), ""),
        ("pass k7 and m4 and so on", Verb.PASS, ("K7", "M4"), "and so on"),
        ("no k7 m4 at court", Verb.PASS, ("K7", "M4"), "at court"),
        ("take k7 k7", Verb.TAKE, ("K7",), ""),
        ("take k7 and", Verb.TAKE, ("K7",), "and"),
        ("contact k7 m4", Verb.CONTACT, ("K7",), "m4"),
        ("done k7 plan agreed", Verb.DONE, ("K7",), "plan agreed"),
    ],
)
def test_several_codes_in_one_text_are_each_meant(text: str, verb: Verb, codes: tuple[str, ...], words: str) -> None:
    assert reply.parse(text) == Reply(verb, codes[0], words, further=codes[1:])


@pytest.mark.parametrize(
    ("text", "verb", "every", "words"),
    [
        ("TAKE ALL", Verb.TAKE, True, ""),
        (" “take all.” ", Verb.TAKE, True, ""),
        ("takeall", Verb.TAKE, True, ""),
        ("Take both", Verb.TAKE, True, ""),
        ("yes, all!", Verb.TAKE, True, ""),
        ("1 all", Verb.TAKE, True, ""),
        ("take all on my way", Verb.TAKE, True, "on my way"),
        ("PASS ALL", Verb.PASS, True, ""),
        ("no everything", Verb.PASS, True, ""),
        ("pass all, at court", Verb.PASS, True, "at court"),
        ("OK all good", Verb.TAKE, False, "all good"),
        ("no all fine here", Verb.PASS, False, "all fine here"),
        ("take it all away", Verb.TAKE, False, "it all away"),
        ("take all but k7", Verb.UNKNOWN, False, ""),
        ("pass all except the first", Verb.UNKNOWN, False, ""),
        ("more all", Verb.MORE, False, "all"),
        ("done all", Verb.DONE, False, "all"),
        ("all", Verb.UNKNOWN, False, ""),
    ],
)
def test_all_of_them_is_meant_only_where_it_is_said(text: str, verb: Verb, every: bool, words: str) -> None:
    assert reply.parse(text) == Reply(verb, None, words, every=every)


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("CALL FIRST", "voice"),
        ("first call", "voice"),
        ("“Ring first.”", "voice"),
        ("Phone me first, please", "voice"),
        ("text first", "sms"),
        ("FIRST: SMS", "sms"),
        ("e-mail first", "email"),
        ("first\nmail", "email"),
    ],
)
def test_a_channel_is_put_first_in_either_order_of_the_words(text: str, channel: str) -> None:
    assert reply.parse(text) == Reply(Verb.FIRST, None, channel)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("QUIET 22:00-07:00", "22:00-07:00"),
        ("quiet, 22-7.", "22-7"),
        ("Quiet: from 10 pm to 7 am", "from 10 pm to 7 am"),
        ("QUIET OFF", "OFF"),
        ("quiet", ""),
        ("quiet nights", "nights"),
        ("quiet 22", "22"),
    ],
)
def test_quiet_keeps_the_hours_as_they_are_written(text: str, words: str) -> None:
    assert reply.parse(text) == Reply(Verb.QUIET, None, words)


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("ok call first", Verb.TAKE),
        ("take k7, will call first", Verb.TAKE),
        ("no, text first", Verb.PASS),
        ("done k7 quiet 22-7", Verb.DONE),
        ("call first then go", Verb.UNKNOWN),
        ("k7 call first", Verb.UNKNOWN),
        ("first", Verb.UNKNOWN),
        ("call", Verb.UNKNOWN),
        ("first first", Verb.UNKNOWN),
        ("quiet night so far", Verb.UNKNOWN),
        ("quiet here since 10 but the lads are still about", Verb.UNKNOWN),
        ("quietly 22-7", Verb.UNKNOWN),
    ],
)
def test_what_only_holds_such_words_is_not_about_how_to_be_reached(text: str, verb: Verb) -> None:
    assert reply.parse(text).verb is verb


@given(st.text())
@example("quiet 99:99-1am")
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


@given(
    verb=st.sampled_from(sorted(MAY_BE_SEVERAL)),
    choice=st.randoms(use_true_random=False),
    codes=st.lists(CODE, min_size=1, max_size=6, unique=True),
    between=st.sampled_from([" ", ", ", " and ", " & ", "/", " + ", "; ", "\n", ",and "]),
    after=NOISE,
)
def test_codes_in_a_row_are_all_found_whatever_stands_between(
    verb: Verb, choice: random.Random, codes: list[str], between: str, after: str
) -> None:
    word = choice.choice(ALIASES[verb])
    assert reply.parse(f"{word} {between.join(codes)}{after}") == Reply(verb, codes[0], "", further=tuple(codes[1:]))


@given(
    verb=st.sampled_from(sorted(MAY_BE_SEVERAL)), choice=st.randoms(use_true_random=False), before=NOISE, after=NOISE
)
def test_dressing_does_not_hide_all(verb: Verb, choice: random.Random, before: str, after: str) -> None:
    dressed = f"{choice.choice(ALIASES[verb])} {choice.choice(ALL)}"
    dressed = "".join(letter.upper() if choice.random() < 0.5 else letter for letter in dressed)
    assert reply.parse(before + dressed + after) == Reply(verb, None, "", every=True)


@pytest.mark.parametrize(
    ("text", "open_codes", "meant"),
    [
        ("take k7", [], Meant("K7")),
        ("take k7", ["M3", "R4"], Meant("K7")),
        ("take", ["M3"], Meant("M3")),
        ("take", ["M3", "R4"], Ambiguous(("M3", "R4"))),
        ("take", [], Nothing()),
        ("take k7 m4", ["R4"], Several(("K7", "M4"))),
        ("take all", ["M3", "R4"], Everything()),
        ("take all", [], Everything()),
        ("ok all good", ["M3", "R4"], Ambiguous(("M3", "R4"))),
    ],
)
def test_which_task_is_meant(
    text: str, open_codes: list[str], meant: Meant | Several | Everything | Ambiguous | Nothing
) -> None:
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


def test_a_code_is_short_and_hard_to_confuse() -> None:
    chance = random.Random(7)
    taken: set[str] = set()
    for _ in range(400):
        code = next(code for code in reply.candidates(chance) if code not in taken)
        assert not set(code) & set("0O1IL5S8B2ZUVAE")
        taken.add(code)
    assert min(map(len, taken)) == 2
    assert max(map(len, taken)) <= 4


def test_every_code_is_read_in_whatever_dressing_it_comes() -> None:
    for code in reply.candidates(random.Random(7)):
        for text in (f"take {code.lower()}", f"TAKE{code}", f"take {code[0]} {code[1:]}", f"{code} ok."):
            assert reply.parse(text) == Reply(Verb.TAKE, code, ""), text
