"""Files of rows: police.uk, ISTV, and what a partner's own spreadsheet writes."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from api import imports
from api.feeds import codelists, police_uk
from api.feeds.codelists import CodeLists
from api.feeds.mapping import Mapping
from api.feeds.reading import Faulty, PassedOver, Reported
from api.feeds.rows import LINES_IN_A_ROW
from api.imports import Kind, Unrecognised
from rules import hotspots
from service.errors import Invalid
from tests.feeds.conftest import FEED, SHIPPED, laid_out, read

POLICE = ",".join(police_uk.COLUMNS)
CRIME = (
    "a1,2026-07,Example Constabulary,Example Constabulary,-2.59,51.43,On or near Example Close,E01000001,"
    "Example 001A,Violence and sexual offences,Under investigation,"
)
ISTV = (
    "REPORTING PERIOD START DATE,REPORTING PERIOD END DATE,SITE CODE (OF TREATMENT),"
    "ARRIVAL DATE AND TIME AT ACCIDENT AND EMERGENCY DEPARTMENT,ASSAULT DATE AND TIME,ASSAULT METHOD,"
    "ASSAULT METHOD OTHER DESCRIPTION,ASSAULT LOCATION TYPE,ASSAULT LOCATION DESCRIPTION"
)
ASSAULT = "2026-10-01,2026-10-31,ZZ901,2026-10-24T23:02:00,2026-10-24 22:30,06,bottle,10,outside the station"


def rows(*lines: str, end: str = "\r\n") -> str:
    return end.join(lines) + end


def test_a_crime_of_a_month_is_history_and_is_in_no_band_of_the_day() -> None:
    (found,) = read(rows(POLICE, CRIME))
    assert isinstance(found, Reported)
    assert found.history
    told = found.report
    assert (told.type, told.source_ref) == ("violence", "a1")
    assert told.occurred_at == datetime(2026, 7, 1, 11, tzinfo=UTC), "noon in summer time"
    assert told.attributes["time_precision"] == "month"
    assert told.place is not None
    assert (told.place.lat, told.place.lon, told.place.text) == (51.43, -2.59, "On or near Example Close")
    assert hotspots.hexagon_of(told, None) is None


def test_equal_rows_without_an_id_are_several_events_and_the_same_file_gives_the_same_ids() -> None:
    nameless = CRIME.replace("a1,", ",").replace("Violence and sexual offences", "Anti-social behaviour")
    file = rows(POLICE, nameless, nameless, nameless.replace("-2.59", "-2.60"))
    first, again = ([each.report.source_ref for each in read(file) if isinstance(each, Reported)] for _ in range(2))
    assert first == again
    assert len(set(first)) == 3


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        (CRIME.replace("2026-07", "2026-13"), "/Month"),
        (CRIME.replace("2026-07", "0000-07"), "/Month"),
        (CRIME.replace("2026-07", "July"), "/Month"),
        (CRIME.replace("51.43", ""), "/Latitude"),
        (CRIME.replace("51.43", "north"), "/Latitude"),
        (CRIME.replace("51.43", "nan"), "/Latitude"),
        (CRIME.replace("51.43", "151.43"), "/Latitude"),
        (CRIME.replace("Violence and sexual offences", ""), "/Crime type"),
        (CRIME.replace("a1", "a" * 129), "/Crime ID"),
        (CRIME + ",one more", ""),
        (CRIME.replace("On or near Example Close", "x\0y"), "/Location"),
    ],
)
def test_a_bad_row_is_told_and_harms_no_other(row: str, pointer: str) -> None:
    before, bad, after = read(rows(POLICE, CRIME, row, CRIME))
    assert isinstance(before, Reported)
    assert isinstance(after, Reported)
    assert isinstance(bad, Faulty), bad
    assert (bad.line, bad.faults[0].pointer) == (3, pointer)


def test_other_crimes_are_passed_over() -> None:
    (found,) = read(rows(POLICE, CRIME.replace("Violence and sexual offences", "Shoplifting")))
    assert found == PassedOver(line=2, reason="the crime type is not in the table")


def test_a_row_without_a_point_is_taken_without_one() -> None:
    (found,) = read(rows(POLICE, CRIME.replace("-2.59,51.43", ",")))
    assert isinstance(found, Reported)


def test_an_assault_seen_in_hospital_is_history_by_the_table(lists: CodeLists) -> None:
    (plain,) = read(rows(ISTV, ASSAULT))
    assert isinstance(plain, Reported)
    told = plain.report
    assert plain.history
    assert (told.type, told.setting, told.summary) == ("assault", None, "bottle")
    assert told.occurred_at == datetime(2026, 10, 24, 21, 30, tzinfo=UTC)
    assert told.place is not None
    assert (told.place.ods, told.place.text) == ("ZZ901", "outside the station")
    assert told.attributes == {
        "source": "istv",
        "method": "06",
        "location": "10",
        "arrived_at": "2026-10-24T22:02:00+00:00",
    }
    table = lists.istv.model_dump() | {"methods": {"06": {"type": "stabbing", "weapon": "glass"}}}
    known = lists.model_copy(update={"istv": lists.istv.model_validate(table | {"locations": {"10": "home"}})})
    (found,) = read(rows(ISTV, ASSAULT), lists=known)
    assert isinstance(found, Reported)
    assert (found.report.type, found.report.setting, found.report.attributes["weapon"]) == ("stabbing", "home", "glass")


def test_the_shorter_names_of_elements_and_british_dates_are_known() -> None:
    header = ISTV.replace("(OF TREATMENT)", "").replace("ACCIDENT AND EMERGENCY DEPARTMENT", "A&E").title()
    (found,) = read(rows(header, ASSAULT.replace("2026-10-24 22:30", "24/10/2026 22:30")))
    assert isinstance(found, Reported)
    assert found.report.occurred_at == datetime(2026, 10, 24, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ("ZZ901", "", "/SITE CODE (OF TREATMENT)"),
        ("ZZ901", "The Infirmary", "/SITE CODE (OF TREATMENT)"),
        ("2026-10-24 22:30", "", "/ASSAULT DATE AND TIME"),
        ("2026-10-24 22:30", "24 Oct", "/ASSAULT DATE AND TIME"),
        ("2026-10-24 22:30", "2026-10-25 22:30", "/ASSAULT DATE AND TIME"),
        (",06,", ",,", "/ASSAULT METHOD"),
        (",10,", ",,", "/ASSAULT LOCATION TYPE"),
        ("2026-10-01", "October", "/REPORTING PERIOD START DATE"),
        ("2026-10-24T23:02:00", "late", "/ARRIVAL DATE AND TIME AT ACCIDENT AND EMERGENCY DEPARTMENT"),
    ],
)
def test_an_element_that_is_missing_or_wrong_is_named(old: str, new: str, pointer: str) -> None:
    bad, good = read(rows(ISTV, ASSAULT.replace(old, new), ASSAULT))
    assert isinstance(bad, Faulty), bad
    assert bad.faults[0].pointer == pointer
    assert isinstance(good, Reported)


WARDENS = """
name: night-wardens
columns:
  "Ref": source_ref
  "Date": occurred_at
  "Time": occurred_at
  "What": type
  "Postcode": place.postcode
  "Who": people.ref
  "Age": people.age
  "Group": groups
  "Weapon": attributes.weapon
constants: {setting: street, people.role: subject, locality: south}
values:
  type: {Fight: fight, Knife: stabbing}
dates: ["%d/%m/%Y %H:%M"]
"""
HEADER = "Ref;Date;Time;What;Postcode;Who;Age;Group;Weapon;Notes"
NIGHT = 'W-1;24/10/2026;22:30;Fight;BS4 1AA;Kid A;14;Group X;none;"said ""no""\nand left"'


def wardens(text: str = WARDENS) -> CodeLists:
    mapping: Mapping = codelists.read(text, Mapping)
    return SHIPPED.model_copy(update={"csv": [mapping]})


def test_a_mapping_makes_reports_of_a_partners_own_columns() -> None:
    layout = laid_out(rows(HEADER, NIGHT).encode(), lists=wardens())
    assert (layout.name, layout.delimiter, layout.encoding) == ("night-wardens", ";", "utf-8")
    (found,) = layout.readings
    assert isinstance(found, Reported)
    assert not found.history
    told = found.report
    assert (told.type, told.source_ref, told.setting, told.locality) == ("fight", "W-1", "street", "south")
    assert told.occurred_at == datetime(2026, 10, 24, 21, 30, tzinfo=UTC)
    assert told.attributes == {"weapon": "none"}
    assert told.place is not None
    assert told.place.postcode == "BS4 1AA"
    (person,) = told.people
    assert (person.role, person.age) == ("subject", 14)
    everything = told.model_dump_json()
    assert not [raw for raw in ("Kid A", "Group X", "and left") if raw in everything]
    assert [group[:2] for group in told.groups] == ["p-"]


def test_references_that_are_pseudonyms_already_stay() -> None:
    (found,) = read(rows(HEADER, NIGHT), lists=wardens(WARDENS + "references: as_given\n"))
    assert isinstance(found, Reported)
    assert (found.report.people[0].ref, found.report.groups) == ("Kid A", ["Group X"])


def test_an_empty_cell_is_as_if_it_were_not_there() -> None:
    (found,) = read(rows(HEADER, "W-1;24/10/2026;22:30;Fight;;;;;;"), lists=wardens())
    assert isinstance(found, Reported)
    assert (found.report.people, found.report.groups, found.report.place) == ([], [], None)


@pytest.mark.parametrize(
    ("old", "new", "pointer"),
    [
        ("Fight", "Brawl", "/What"),
        ("Fight", "", "/What"),
        ("24/10/2026", "10/24/2026", "/Date"),
        ("22:30", "", "/Date"),
        ("14;", "young;", "/Age"),
        ("14;", "140;", "/Age"),
        ("BS4 1AA", "Bristol", "/Postcode"),
        ("W-1", "W" * 129, "/Ref"),
    ],
)
def test_a_cell_that_does_not_fit_is_named_by_its_column(old: str, new: str, pointer: str) -> None:
    bad, good = read(rows(HEADER, NIGHT.replace(old, new), NIGHT), lists=wardens())
    assert isinstance(bad, Faulty), bad
    assert bad.faults[0].pointer == pointer
    assert (good.line, type(good)) == (4, Reported), "a quoted line break does not put the counting out"
    assert "Kid A" not in bad.kept


def test_a_quote_that_is_never_closed_costs_its_own_row_alone() -> None:
    many = [CRIME] * (LINES_IN_A_ROW * 2)
    found = read(rows(POLICE, CRIME, CRIME.replace("On or near", '"On or near').replace(",-2.59", ',"-2.59'), *many))
    assert [type(each) for each in found].count(Faulty) == 1
    assert [each.line for each in found] == list(range(2, len(found) + 2))
    last = read(rows(POLICE, CRIME, f'"{CRIME}', CRIME))
    assert [(type(each), each.line) for each in last] == [(Reported, 2), (Faulty, 3), (Reported, 4)]


def test_a_mark_at_the_beginning_and_windows_1252_are_read_and_said() -> None:
    marked = laid_out(b"\xef\xbb\xbf" + rows(POLICE, CRIME).encode())
    assert (marked.name, marked.encoding, len(list(marked.readings))) == ("police-uk", "utf-8", 1)
    old = laid_out(rows(POLICE, CRIME.replace("Close", "Café")).encode("cp1252"))
    assert old.encoding == "windows-1252"
    (found,) = old.readings
    assert isinstance(found, Reported)
    assert found.report.place is not None
    assert found.report.place.text == "On or near Example Café"
    (bad,) = read(rows(POLICE, CRIME).encode().replace(b"Close", b"\x81"))
    assert isinstance(bad, Faulty)
    assert bad.faults[0].pointer == "/Location"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header_row(delimiter: str) -> None:
    header, night = (line.replace(";", delimiter) for line in (HEADER, NIGHT))
    layout = laid_out(
        rows(header + delimiter + '"What else, if anything, was seen; by whom"', night + delimiter).encode(),
        lists=wardens(),
    )
    assert layout.delimiter == delimiter
    assert [type(each) for each in layout.readings] == [Reported]


def test_a_file_that_fits_nothing_says_what_was_seen_and_what_is_known() -> None:
    with pytest.raises(Unrecognised) as refused:
        read(b"colour,size\nred,7\n", lists=wardens())
    told = refused.value.faults[0].detail
    for part in ("colour, size", "police-uk: Crime ID", "istv: REPORTING PERIOD START DATE", "night-wardens: Ref"):
        assert part in told
    assert "colour" not in str(refused.value.kept.faults)
    with pytest.raises(Unrecognised):
        read(b"", lists=wardens())
    with pytest.raises(Unrecognised):
        read(rows(POLICE, CRIME), Kind.ISTV)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("name: night-wardens", "name: Night Wardens", "/name"),
        ("source_ref", "ref", "must be one of type, occurred_at"),
        ('"Weapon": attributes.weapon', '"Weapon": setting', "setting is given by a column and as a constant"),
        ('  "What": type\n', "", "nothing leads to type"),
        ('  "Date": occurred_at\n  "Time": occurred_at\n', "", "nothing leads to occurred_at"),
        ("people.role: subject, ", "", "must have people.ref and people.role"),
        ("%d/%m/%Y %H:%M", "%d/%m/%Y", "say day, month, year, hour and minute"),
        ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M %Q", "letters of strptime"),
        ("Fight: fight", "Fight: Fight!", "must be a word"),
        ("values:\n  type:", "values:\n  setting:", "must be given by a column"),
        ('"Age": people.age', '"Age": place.postcode', "given by two columns"),
        ("dates:", "date:", "there is no field date"),
        ("dates:", "constants: {}\ndates:", "is there twice"),
        ("name:", "name: [", "this is not YAML"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_with_its_line(old: str, new: str, says: str) -> None:
    assert WARDENS.replace(old, new) != WARDENS
    with pytest.raises(Invalid) as refused:
        wardens(WARDENS.replace(old, new))
    told = " ".join(f"{fault.pointer} {fault.detail}" for fault in refused.value.faults)
    assert says in told
    assert "line " in told


def test_a_long_file_is_read_a_row_at_a_time() -> None:
    class Endless(io.RawIOBase):
        """A file that would fill any memory."""

        asked = 0

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            self.asked += 1
            piece = (CRIME + "\n").encode() if self.asked > 1 else (POLICE + "\n").encode()
            into[: len(piece)] = piece
            return len(piece)

    stream = Endless()
    found = police_uk.read(imports.rows.lines_of(stream, "utf-8"), SHIPPED.police_uk, FEED)  # type: ignore[arg-type]
    for _ in range(10):
        assert isinstance(next(found), Reported)
    assert stream.asked < 200
