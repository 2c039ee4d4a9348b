"""SAFE and SOS, as a calm and as a frightened thumb type them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.safety import LONGEST, SHORTEST, Safe, Sos, read


@pytest.mark.parametrize(
    "text",
    [
        "SOS", "sos", "sos!!", "SOS help", "help sos", "please SOS now", "S.O.S", "s o s", "S-O-S.", "sooos", "SOSSOS",
        "soss", "s0s", "take k7 sos", "999 sos999", "\nsos\n", "not safe", "I'm not safe", "im not safe here", "i am unsafe",
        "Im NOT  SAFE", "SAFE? no, sos",
    ],
)  # fmt: skip
def test_a_call_for_help_counts_in_any_form(text: str) -> None:
    assert read(text) == Sos()


@pytest.mark.parametrize(
    "text",
    [
        "so sorry", "Sosa is here", "DONE K7 false_alarm the sos was a mistake", "done k7 unsafe_to_contact", "take k7",
        "is it safe?", "the place is not safe for a visit", "", "safely home", "gas o sauna", "nosos",
    ],
)  # fmt: skip
def test_other_words_are_neither(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("SAFE", Safe()),
        ("safe!", Safe()),
        ("I'm safe", Safe()),
        ("im safe thanks", Safe()),
        ("ok safe", Safe()),
        ("safe all good, talking to 3 lads", Safe()),
        ("safe in 30", Safe(after=timedelta(minutes=30))),
        ("SAFE 45", Safe(after=timedelta(minutes=45))),
        ("safe 45m", Safe(after=timedelta(minutes=45))),
        ("safe, 20 mins", Safe(after=timedelta(minutes=20))),
        ("SAFE K7 45", Safe(after=timedelta(minutes=45))),
        ("SAFE K7", Safe()),
        ("safe 1h", Safe(after=timedelta(hours=1))),
        ("safe 2 hours", Safe(after=timedelta(hours=2))),
        ("safe 9999", Safe(after=LONGEST)),
        ("safe 1", Safe(after=SHORTEST)),
        ("safe home", Safe(last=True)),
        ("SAFE OFF", Safe(last=True)),
        ("safe 0", Safe(last=True)),
    ],
)
def test_safe_says_when_to_ask_again(text: str, safe: Safe) -> None:
    assert read(text) == safe


@given(st.text(), st.text(alphabet=" .,!?'\n", min_size=1))
def test_whatever_stands_around_it_sos_is_heard(words: str, between: str) -> None:
    assert read(words.replace("done", "") + between + "SOS" + between + words) == Sos()
