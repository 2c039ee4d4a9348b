"""How much room a text takes, counted as 3GPP TS 23.038 counts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers import gsm7


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 0),
        ("TAKE K7", 7),
        ("£5", 2),
        ("€5", 3),
        ("[K7]", 6),
        ("a\nb", 3),
        ("Siân", None),
        ("Zoë", None),
        ("café", 4),
        ("naïve", None),
        ("ok 👍", None),
        ("“quoted”", None),
    ],
)
def test_pound_takes_one_septet_and_euro_two(text: str, size: int | None) -> None:
    assert gsm7.septets(text) == size


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # An escape may not be parted from its character, so 76 euros and no half fit into a part of 153.
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("👍" * 35, 1),
        ("👍" * 36, 2),
    ],
    ids=lambda value: value[:1] + str(len(value)) if isinstance(value, str) else str(value),
)
def test_a_text_is_split_where_the_network_splits_it(text: str, parts: int) -> None:
    assert gsm7.segments(text) == parts


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("it’s “fine” – really…", 'it\'s "fine" - really...'),
        ("Siân Łukasz", "Sian ?ukasz"),
        ("non\u00a0breaking", "non breaking"),
        ("£ é ñ stay", "£ é ñ stay"),
        ("ok 👍", "ok ?"),
    ],
)
def test_what_phones_put_in_is_made_plain(typed: str, sent: str) -> None:
    assert gsm7.to_gsm7(typed) == sent


@given(st.text())
def test_whatever_is_typed_can_be_sent_in_the_cheap_alphabet(text: str) -> None:
    plain = gsm7.to_gsm7(text)
    assert gsm7.septets(plain) is not None
    assert gsm7.to_gsm7(plain) == plain
