"""The table of codes: the shipped one can be defended, and one that is wrong stops the start with a line."""

from pathlib import Path

import pytest

from api.feeds import codelists
from api.feeds.codelists import CodeLists, fits
from service.errors import SettingsWrong
from service.settings import SHIPPED_CODE_LISTS
from tests.running import run

TEXT = SHIPPED_CODE_LISTS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("entry", "code", "holds"),
    [
        ("X99*", "X99", True),
        ("X99*", "x99.10", True),
        ("X99*", "X98", False),
        ("X93-X95", "X93", True),
        ("X93-X95", "X95.9", True),
        ("X93-X95", "X96", False),
        ("X93-X95", "Y94", False),
        ("X93-X95", "X9", False),
        ("X93-X95", "", False),
        ("276853009", "276853009", True),
        ("276853009", "2768530091", False),
    ],
)
def test_an_entry_is_a_code_a_range_or_a_beginning(entry: str, code: str, holds: bool) -> None:
    assert fits(entry, code) is holds


def test_the_shipped_table_keeps_self_inflicted_injuries_out_and_names_no_assault_in_snomed(lists: CodeLists) -> None:
    clinical = lists.clinical
    assert clinical.excluded([("icd-10", "X99"), ("snomed", "276853009")]) == "self-inflicted"
    assert all(clinical.excluded([("icd-10", f"X{number}")]) for number in range(60, 85))
    assert clinical.meaning([("icd-10", "X85")]) is None
    assert {entry.system for entry in clinical.codes} == {"icd-10"}
    assert clinical.system_of("http://HL7.org/fhir/sid/icd-10") == "icd-10"
    assert clinical.system_of("ICD9") is None


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("  type: assault\n", "  type: An assault\n", "line ", "/istv/type"),
        ("  role: patient", "  rule: patient", "line ", "there is no field rule"),
        ("{system: snomed, code", "{system: sct, code", "line ", "must be one of icd-10, snomed"),
        ("[SCT, SNOMED-CT,", "[SCT, I10,", "line ", "must lead to one system"),
        ("csv: []", "csv: [{name: x}]", "line ", "columns is missing"),
        ("police_uk:", "police:", "line ", "police_uk is missing"),
        ('"%d/%m/%Y %H:%M"', '"%d/%m"', "line ", "say day, month"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: str, says: str
) -> None:
    assert old in TEXT
    file = tmp_path / "codes.yaml"
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingsWrong) as refused:
        codelists.load(file)
    assert says in refused.value.detail
    assert line in refused.value.detail
    assert "CALLOUT_CODE_LISTS" in refused.value.detail


def test_a_wrong_table_stops_the_start_in_one_line_each(tmp_path: Path) -> None:
    ended = run("serve", folder=tmp_path, CALLOUT_CODE_LISTS=str(tmp_path / "nowhere.yaml"))
    assert ended.returncode == 1
    assert "CALLOUT_CODE_LISTS: can't read" in ended.stderr
    assert "Traceback" not in ended.stderr
