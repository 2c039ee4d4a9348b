"""Files taken in by command: the same rows and ids as when they are posted, nothing twice, and no name in any row."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, col, select

from api import imports, posted
from api.access import Caller
from api.feeds import codelists
from api.imports import Outcome
from api.reports import Sent
from service.errors import Invalid
from service.models.access import Role
from service.models.incidents import Incident, RefusedReport
from service.models.tasks import Task
from service.runtime import Runtime
from service.settings import SHIPPED_CODE_LISTS
from tests.feeds.test_fhir import encounter
from tests.feeds.test_files import ASSAULT, CRIME, HEADER, ISTV, NIGHT, POLICE, WARDENS, rows
from tests.feeds.test_hl7v2 import NAMES, message
from tests.running import Service, run


def take(runtime: Runtime, body: bytes | str, kind: str, **options: Any) -> list[Outcome]:
    given = body.encode() if isinstance(body, str) else body
    chosen = {"key": None, "mapping": None, "all_history": False} | options
    return list(imports.from_file(runtime, io.BytesIO(given), kind=kind, **chosen).outcomes)


def test_history_from_a_file_pages_nobody_and_yet_completes_a_pattern_with_a_later_live_report(
    runtime: Runtime,
) -> None:
    layout = WARDENS.replace("name:", "history: true\nname:").replace("references: as_given", "")
    day = f"{runtime.clock.now():%d/%m/%Y}"
    nights = [NIGHT.replace("W-1", f"W-{n}").replace("24/10/2026", day) for n in (1, 2, 3)]
    outcomes = take(runtime, rows(HEADER, *nights), "csv", mapping=layout)
    assert [outcome.result for outcome in outcomes] == ["new"] * 3
    with runtime.reading() as work:
        assert work.session.exec(select(Task)).all() == []
        assert work.session.exec(select(Incident).where(col(Incident.derived))).all() == []
    live = layout.replace("history: true", "history: false").replace("name: night", "name: live")
    (outcome,) = take(runtime, rows(HEADER, nights[0].replace("W-1", "W-4")), "csv", mapping=live)
    assert outcome.result == "new"
    with runtime.reading() as work:
        (raised,) = work.session.exec(select(Incident).where(col(Incident.derived))).all()
        assert raised.pattern == "peer-network"
        assert {task.pathway for task in work.session.exec(select(Task)).all()} >= {"conflict-resolution"}


def test_all_of_an_archive_of_messages_can_be_taken_as_history(runtime: Runtime) -> None:
    (outcome,) = take(runtime, message(), "hl7", all_history=True)
    with runtime.reading() as work:
        held = work.session.get_one(Incident, outcome.incident_id)
        assert held.history
        assert work.session.exec(select(Task)).all() == []


def test_an_admission_after_a_cancel_in_one_file_begins_anew_and_only_once(runtime: Runtime) -> None:
    file = message() + message("A11", control="2") + message("A04", control="3") + message("A08", control="4", born="")
    first, again = take(runtime, file, "hl7"), take(runtime, file, "hl7")
    assert [outcome.result for outcome in first] == ["new", "retracted", "new", "revised"]
    assert first[2].incident_id == first[3].incident_id != first[0].incident_id
    assert [outcome.result for outcome in again] == ["replayed"] * 4


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "hl7",
            message()
            + message("A08", control="2", born="")
            + message(visit="V-2", control="3")
            + message("A11", visit="V-2"),
        ),
        ("fhir", json.dumps(encounter())),
        ("istv", rows(ISTV, ASSAULT, ASSAULT)),
        ("police-uk", rows(POLICE, CRIME, CRIME.replace("a1,", ","))),
    ],
)
def test_the_same_file_again_changes_nothing(runtime: Runtime, kind: str, body: str) -> None:
    first, again = take(runtime, body, kind), take(runtime, body, kind)
    assert "new" in {outcome.result for outcome in first}
    assert {outcome.result for outcome in again} <= {"replayed", "retracted"}
    assert [outcome.incident_id for outcome in first] == [outcome.incident_id for outcome in again]


def test_no_name_and_no_number_of_a_patient_is_in_any_row(runtime: Runtime) -> None:
    """Everything that is stored, with what is sealed unsealed."""
    caller = Caller(key_id="key_h", name="hospital", role=Role.PARTNER, localities=())
    lists = codelists.load(SHIPPED_CODE_LISTS)
    take(runtime, message() + message("A08", control="2") + message("A11"), "hl7")
    take(runtime, json.dumps(encounter(subject={"reference": "Patient/SURNAME"})), "fhir")
    take(runtime, rows(HEADER, NIGHT.replace("Kid A", "SURNAME")), "csv", mapping=WARDENS)
    for body, kind in (
        (message(visit=""), imports.Kind.HL7),
        (message().replace("EVN", "EVX") + message(visit="") + message(), imports.Kind.HL7),
        ("SURNAME", imports.Kind.HL7),
        (json.dumps(encounter(status="SURNAME"[:3], id="SURNAME")), imports.Kind.FHIR),
        ("{SURNAME", imports.Kind.FHIR),
        ("SURNAME,9434765919\n4471,x\n", None),
    ):
        try:
            posted.opened(Sent(body.encode(), kind), caller, runtime, lists)
        except Invalid:
            continue
    stored = []
    with runtime.reading() as work:
        for table in SQLModel.metadata.sorted_tables:
            stored += [repr(tuple(row)) for row in work.session.execute(table.select()).all()]
        assert len(work.session.exec(select(RefusedReport)).all()) >= 5
    assert any("hospital_stabbing" in row for row in stored)
    for name in (*NAMES, "V-2201"):
        # Ids and hashes are hexadecimal, and may hold a short number by chance.
        whole = re.compile(rf"(?<![0-9a-f]){re.escape(name)}(?![0-9a-f])")
        assert not [row for row in stored if whole.search(row)], name


def test_a_file_is_imported_in_a_readable_way_and_a_bad_row_by_its_line(tmp_path: Path) -> None:
    bad = CRIME.replace("2026-07", "July")
    asb = CRIME.replace("a1,", ",").replace("Violence and sexual offences", "Burglary")
    (tmp_path / "crime.csv").write_text(rows(POLICE, CRIME, bad, asb), encoding="utf-8")
    run("migrate", folder=tmp_path)
    run("apply", str(SHIPPED_CODE_LISTS.with_name("bristol-partnership.yaml")), folder=tmp_path)
    ended = run("import", "police-uk", "crime.csv", folder=tmp_path)
    assert ended.returncode == 1, ended.stderr
    assert "crime.csv:3: /Month: must be a month such as 2026-10" in ended.stderr
    for words in ("police-uk, utf-8, delimiter ','", "the crime type is not in the table", "refused", "recorded"):
        assert words in ended.stdout
    (tmp_path / "crime.csv").write_text(rows(POLICE, CRIME), encoding="utf-8")
    again = run("import", "police-uk", "crime.csv", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "held already" in again.stdout
    for arguments, says in (
        (("police-uk", "nowhere.csv"), "can't read nowhere.csv"),
        (("istv", "crime.csv"), "a layout that is known has istv: REPORTING PERIOD"),
        (("police-uk", "crime.csv", "--partner", "nobody"), "no active partner's key is named nobody"),
        (("police-uk", "crime.csv", "--mapping", "crime.csv"), "--mapping goes with csv alone"),
        (("csv", "crime.csv", "--mapping", "crime.csv"), "the file is refused"),
    ):
        refused = run("import", *arguments, folder=tmp_path)
        assert refused.returncode == 1, arguments
        assert says in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_partners_file_and_its_posted_messages_know_each_other(service: Service) -> None:
    with service.client("admin") as admin:
        made = admin.post("/v1/keys", json={"role": "partner", "name": "Riverside"}).json()
    headers = {"Authorization": f"Bearer {made['key']}", "Content-Type": "application/hl7-v2"}
    with service.client() as client:
        held = client.post("/v1/incidents", content=message(), headers=headers).json()
        (service.folder / "adt.hl7").write_text(message() + message("A11", control="9"), encoding="utf-8")
        ended = run("import", "hl7", "adt.hl7", "--partner", "Riverside", folder=service.folder)
        assert ended.returncode == 0, ended.stderr
        assert "taken back" in ended.stdout
        after = client.get(f"/v1/incidents/{held['id']}", headers=headers).json()
        assert after["status"] == "retracted"
        assert len(client.get("/v1/incidents", headers=headers).json()["items"]) == 1
