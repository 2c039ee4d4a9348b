"""What a tired lead types after COVER."""

import pytest

from rules import gap_words, reply
from rules.gap_words import Named, Wanted
from rules.reply import Reply, Verb

GAPS = [
    Named(number=1, names=("education-inclusion-south", "Education inclusion, South")),
    Named(number=2, names=("education-inclusion-north", "Education inclusion, North")),
    Named(number=4, names=("outreach-south", "Outreach, South")),
]


@pytest.mark.parametrize(
    ("words", "numbers", "who"),
    [
        ("1", (1,), ""),
        ("gap 4", (4,), ""),
        ("2 ben", (2,), "ben"),
        ("9", (), ""),
        ("education south", (1,), ""),
        ("education-inclusion-south", (1,), ""),
        ("the Outreach team", (4,), ""),
        ("edu north please", (2,), ""),
        ("outreach Ben Specimen", (4,), "ben specimen"),
        ("south", (1, 4), ""),
        ("", (1, 2, 4), ""),
        ("ben", (1, 2, 4), "ben"),
        ("outreach myself", (4,), ""),
    ],
)
def test_a_gap_is_meant_by_its_number_or_by_words_of_its_team(words: str, numbers: tuple[int, ...], who: str) -> None:
    assert gap_words.wanted(words, GAPS) == Wanted(numbers=numbers, who=who)


@pytest.mark.parametrize(
    ("words", "found"),
    [("ben", ["ben"]), ("BEN SPECIMEN", ["ben"]), ("sian", ["sian"]), ("amina", ["amina", "amina-2"]), ("be", [])],
)
def test_somebody_is_called_by_first_name_whole_name_or_slug(words: str, found: list[str]) -> None:
    people = {"ben": "Ben Specimen", "sian": "Siân Fiction", "amina": "Amina Example", "amina-2": "Amina Other"}
    assert gap_words.called(words, people) == found


def test_cover_keeps_whatever_follows_it() -> None:
    assert reply.parse("Cover: Education, south!") == Reply(Verb.COVER, None, "Education south")
    assert reply.parse("cover") == Reply(Verb.COVER, None, "")
