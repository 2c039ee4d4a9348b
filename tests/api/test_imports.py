"""What partners' systems already speak, posted where reports go: hospital messages, encounters, files of the past."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.conftest import pointers, problem
from tests.feeds.test_fhir import encounter
from tests.feeds.test_files import ASSAULT, CRIME, ISTV, POLICE, rows
from tests.feeds.test_hl7v2 import NAMES, message
from tests.running import Service

HL7 = {"Content-Type": "application/hl7-v2"}
ER7 = {"Content-Type": "x-application/hl7-v2+er7; charset=utf-8"}
FHIR = {"Content-Type": "application/fhir+json"}
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def hospital(key_for: Callable[..., httpx.Client]) -> httpx.Client:
    """A partner of the test's own, so that its visits are nobody else's."""
    return key_for("partner")


def post(client: httpx.Client, content: str | bytes, headers: dict[str, str]) -> httpx.Response:
    return client.post("/v1/incidents", content=content, headers=headers)


def adt(event: str = "A04", **fields: Any) -> str:
    return message(event, **({"where": "ED^^^ZZ901"} | fields))


def test_a_registration_in_an_emergency_department_pages_a_navigator(hospital: httpx.Client) -> None:
    first = post(hospital, adt(), HL7)
    assert first.status_code == 201, first.text
    held = first.json()
    assert first.headers["location"] == f"/v1/incidents/{held['id']}"
    assert (held["type"], held["locality"], held["history"]) == ("hospital_stabbing", "east-central", False)
    assert [task["pathway"] for task in held["tasks"]] == ["hospital-navigation"]
    again = post(hospital, adt(), ER7)
    assert (again.status_code, again.json()["id"], again.json()["replayed"]) == (200, held["id"], True)
    update = post(hospital, adt("A08", control="MSG2", born="20121231"), HL7)
    assert (update.status_code, update.json()["id"], update.json()["revised"]) == (200, held["id"], True)
    assert update.json()["people"][0]["age"] == 13
    late = post(hospital, adt(), HL7)
    assert (late.status_code, late.json()["replayed"], late.json()["people"][0]["age"]) == (200, True, 13)
    cancelled = post(hospital, adt("A11", control="MSG3"), HL7)
    assert (cancelled.status_code, cancelled.json()["id"]) == (200, held["id"])
    assert cancelled.json()["status"] == "retracted"
    assert post(hospital, adt("A11", control="MSG3"), HL7).json()["status"] == "retracted"


def test_who_is_admitted_after_a_cancel_is_somebody_to_go_to_and_a_late_update_is_not(hospital: httpx.Client) -> None:
    held = post(hospital, adt(), HL7).json()
    post(hospital, adt("A11", control="MSG2"), HL7)
    assert post(hospital, adt("A08", control="MSG2"), HL7).json()["status"] == "retracted"
    assert "retracted" in problem(post(hospital, adt("A08", control="MSG3", born="20121231"), HL7), 409)["detail"]
    late = post(hospital, adt(), HL7)
    assert (late.status_code, late.json()["id"], late.json()["replayed"]) == (200, held["id"], True)
    anew = post(hospital, adt("A01", control="MSG4"), HL7)
    assert anew.status_code == 201, anew.text
    assert anew.json()["id"] != held["id"]
    assert [task["state"] for task in anew.json()["tasks"]] == ["open"]
    assert post(hospital, adt("A01", control="MSG4"), HL7).json()["id"] == anew.json()["id"]
    update = post(hospital, adt("A08", control="MSG5", born="20121231"), HL7).json()
    assert (update["id"], update["revised"]) == (anew.json()["id"], True)
    again = post(hospital, adt("A11", control="MSG6"), HL7).json()
    assert (again["id"], again["status"]) == (anew.json()["id"], "retracted")
    assert post(hospital, adt("A04", control="MSG7"), HL7).status_code == 201
    before = hospital.get(f"/v1/incidents/{held['id']}").json()
    assert (before["status"], before["source_ref"]) == ("retracted", held["source_ref"])


def test_a_cancel_takes_back_only_what_the_same_partner_reported(
    hospital: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    held = post(hospital, adt(), HL7).json()
    other = post(key_for("partner"), adt("A11"), HL7)
    assert (other.status_code, other.json()) == (200, {"passed_over": "nothing is held that it could take back"})
    assert hospital.get(f"/v1/incidents/{held['id']}").json()["status"] == "open"


def test_two_partners_never_have_the_same_pseudonym_for_somebody(key_for: Callable[..., httpx.Client]) -> None:
    refs = [
        {(held := post(client, adt(), HL7).json())["people"][0]["ref"], held["source_ref"]}
        for client in (key_for("partner"), key_for("partner"))
    ]
    assert not refs[0] & refs[1]


def test_an_encounter_is_reported_revised_and_taken_back(hospital: httpx.Client) -> None:
    first = hospital.post("/v1/incidents", content=json.dumps(encounter()), headers=FHIR)
    assert first.status_code == 201, first.text
    assert first.json()["tasks"][0]["pathway"] == "hospital-navigation"
    bundle = {"resourceType": "Bundle", "entry": [{"resource": encounter(period={"start": "2026-11-20T14:10:00Z"})}]}
    revised = post(hospital, json.dumps(bundle), FHIR)
    assert (revised.status_code, revised.json()["id"], revised.json()["revised"]) == (200, first.json()["id"], True)
    back = post(hospital, json.dumps(encounter(status="entered-in-error")), FHIR)
    assert (back.json()["id"], back.json()["status"]) == (first.json()["id"], "retracted")
    late = problem(post(hospital, json.dumps(encounter(status="finished")), FHIR), 409)
    assert "retracted" in late["detail"]
    anew = post(hospital, json.dumps(encounter()), FHIR)
    assert anew.status_code == 201, anew.text
    assert anew.json()["id"] != first.json()["id"]
    assert [task["state"] for task in anew.json()["tasks"]] == ["open"]


@pytest.mark.parametrize(
    ("content", "headers", "reason"),
    [
        (adt("A03"), HL7, "messages of the kind ADT^A03 are not taken"),
        (adt(reason="276853009^^SCT"), ER7, "self-inflicted"),
        (json.dumps(encounter(status="planned")), FHIR, "the encounter's status is planned: nobody has come"),
    ],
)
def test_what_is_not_for_us_is_understood_and_passed_over(
    hospital: httpx.Client, content: str, headers: dict[str, str], reason: str
) -> None:
    answer = post(hospital, content, headers)
    assert (answer.status_code, answer.json()) == (200, {"passed_over": reason})
    assert hospital.get("/v1/incidents").json()["items"] == []


@pytest.mark.parametrize(
    ("content", "headers", "pointer"),
    [
        (adt(visit=""), HL7, "/PV1/19"),
        ("hello", ER7, "/MSH"),
        ("", HL7, ""),
        (json.dumps(encounter(period={})), FHIR, "/period/start"),
        ("{cut", FHIR, ""),
        (b"\xff", FHIR, ""),
        (
            json.dumps({"resourceType": "Bundle", "entry": [{"resource": encounter(status="x")}]}),
            FHIR,
            "/entry/0/resource/status",
        ),
        ("colour,size\nred,7\n", CSV, ""),
        ("", CSV, ""),
    ],
)
def test_a_fault_is_told_by_a_pointer_and_kept_without_a_name(
    hospital: httpx.Client, supervisor: httpx.Client, content: str | bytes, headers: dict[str, str], pointer: str
) -> None:
    assert list(pointers(post(hospital, content, headers))) == [pointer]
    kept = supervisor.get("/v1/incidents/refused", params={"limit": 1}).json()["items"][0]
    assert kept["status"] == 422
    assert kept["problem"]["errors"][0]["pointer"] == pointer
    assert not [name for name in (*NAMES, "colour") if name in json.dumps(kept)]


def test_a_key_that_must_give_a_lawful_basis_is_told_so(key_for: Callable[..., httpx.Client]) -> None:
    strict = key_for("partner", needs_lawful_basis=True)
    assert list(pointers(post(strict, adt(), HL7))) == ["/lawful_basis"]


def test_only_partners_may_send_them(supervisor: httpx.Client, nobody: httpx.Client) -> None:
    problem(post(supervisor, adt(), HL7), 403)
    problem(post(nobody, adt(), HL7), 401)
    problem(post(nobody, rows(POLICE, CRIME), CSV), 401)
    problem(post(supervisor, adt(), {"Content-Type": "text/plain"}), 415)


def test_several_messages_at_once_are_answered_one_by_one(hospital: httpx.Client, supervisor: httpx.Client) -> None:
    file = adt() + adt("A03") + adt(visit="") + adt("A08", control="2", born="") + adt("A11", control="3")
    answer = post(hospital, file, HL7)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    items = told.pop("items")
    assert told == {
        "layout": "hl7",
        "encoding": "utf-8",
        "delimiter": None,
        "rows": 5,
        "recorded": 1,
        "replayed": 0,
        "revised": 1,
        "retracted": 1,
        "passed_over": {"messages of the kind ADT^A03 are not taken": 1},
        "refused": 1,
    }
    assert [item["status"] for item in items] == [201, 200, 422, 200, 200]
    assert [item["row"] for item in items] == [1, 8, 15, 22, 29]
    assert items[2]["problem"]["errors"][0]["pointer"] == "/PV1/19"
    assert items[0]["id"] == items[3]["id"] == items[4]["id"]
    kept = supervisor.get("/v1/incidents/refused", params={"limit": 1}).text
    assert "/PV1/19" in kept
    assert not [name for name in NAMES if name in kept]


def test_a_file_of_the_past_is_recorded_once_and_pages_nobody(hospital: httpx.Client) -> None:
    asb = CRIME.replace("a1,", ",").replace("Violence and sexual offences", "Anti-social behaviour")
    file = rows(
        POLICE, CRIME, asb, asb, asb.replace("2026-07", "July"), CRIME.replace("Violence and sexual offences", "Drugs")
    )
    told = post(hospital, file, CSV).json()
    assert (told["layout"], told["rows"], told["recorded"], told["refused"]) == ("police-uk", 5, 3, 1)
    assert told["passed_over"] == {"the crime type is not in the table": 1}
    assert [(item["row"], item["status"]) for item in told["items"]] == [
        (2, 201),
        (3, 201),
        (4, 201),
        (5, 422),
        (6, 200),
    ]
    again = post(hospital, file, CSV).json()
    assert (again["recorded"], again["replayed"]) == (0, 3)
    assert [item["id"] for item in again["items"]] == [item["id"] for item in told["items"]]
    held = hospital.get("/v1/incidents").json()["items"]
    assert {(item["history"], item["status"], len(item["tasks"])) for item in held} == {(True, "recorded", 0)}
    monthly = post(hospital, rows(ISTV, ASSAULT, ASSAULT), CSV).json()
    assert (monthly["layout"], monthly["recorded"]) == ("istv", 2)


def test_a_file_of_nothing_but_faults_is_answered_in_full_and_kept_in_part(
    hospital: httpx.Client, supervisor: httpx.Client
) -> None:
    told = post(hospital, rows(POLICE, *["x"] * 300), CSV).json()
    assert (told["refused"], len(told["items"])) == (300, 300)
    kept = supervisor.get("/v1/incidents/refused", params={"limit": 101}).json()["items"]
    assert [item["problem"]["detail"] for item in kept].count("200 more rows of this file were refused") == 1
    too_many = problem(post(hospital, rows(POLICE, *["x"] * 5001), CSV), 422)
    assert "at most 5,000 rows a request" in too_many["errors"][0]["detail"]


def test_a_long_file_is_taken_in_several_transactions(hospital: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:8]
    file = rows(POLICE, *(CRIME.replace("a1", f"{mark}{number}") for number in range(120)))
    assert post(hospital, file, CSV).json()["recorded"] == 120


def test_what_a_hospital_calls_its_patients_is_in_no_row_and_no_log(
    shared_service: Service, hospital: httpx.Client, supervisor: httpx.Client
) -> None:
    held = post(hospital, adt(), HL7).json()
    post(hospital, adt(visit=""), HL7)
    post(hospital, json.dumps(encounter(subject={"reference": "Patient/SURNAME"}, status="x")), FHIR)
    everything = hospital.get(f"/v1/incidents/{held['id']}").text + "".join(shared_service.output)
    everything += supervisor.get("/v1/incidents/refused", params={"limit": 200}).text
    everything += supervisor.get("/v1/audit").text
    assert not [name for name in (*NAMES, "V-2201") if name in everything]
