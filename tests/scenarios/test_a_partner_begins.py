"""Everything in docs/partners.md, run as a school's developer would paste it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.flows.sandbox import DEMO_KEYS
from service.models.access import Role
from tests.running import COMMAND, Service, clean_environment

GUIDE = (Path(__file__).parent.parent.parent / "docs" / "partners.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def environment(service: Service) -> dict[str, str]:
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    return clean_environment(
        {"CALLOUT": service.url, "KEY": service.keys["partner"], "PARTNER": DEMO_KEYS[Role.PARTNER], "PATH": path}
    )


def pasted(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    ended = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


def test_the_whole_guide_works_from_top_to_bottom(service: Service, environment: dict[str, str]) -> None:
    shell = snippets("sh")
    assert len(shell) == 8
    answers = [json.loads(pasted(["bash", "-ec", snippet], environment)) for snippet in shell[:3]]
    first, batch, event = answers
    assert first["tasks"][0]["team"] == "education-inclusion-south"
    assert [item["status"] for item in batch["items"]] == [201, 422]
    assert event["type"] == "weapon_in_school"

    (script,) = snippets("python")
    said = pasted([sys.executable, "-c", script], environment)
    assert re.fullmatch(r"inc_\S+ open\n", said)
    assert said == pasted([sys.executable, "-c", script], environment), "sent again, it is the same incident"

    retracted = json.loads(pasted(["bash", "-ec", shell[3]], environment))
    assert retracted["status"] == "retracted"
    with service.client("partner") as partner:
        assert partner.get("/v1/incidents").json()["items"][0]["id"] == retracted["id"]


def test_what_a_hospital_and_a_file_send_is_taken_as_the_guide_says(
    service: Service, environment: dict[str, str]
) -> None:
    hl7, fhir, csv, command = snippets("sh")[4:]
    held = json.loads(pasted(["bash", "-ec", hl7], environment))
    assert [task["pathway"] for task in held["tasks"]] == ["hospital-navigation"]
    assert held["people"][0]["age"] == 15
    assert "SURNAME" not in json.dumps(held)
    assert json.loads(pasted(["bash", "-ec", fhir], environment)) == {"passed_over": "no reasonCode is in the table"}
    told = json.loads(pasted(["bash", "-ec", csv], environment, service.folder))
    assert (told["layout"], told["rows"], told["recorded"]) == ("police-uk", 2, 1)
    (mapping,) = snippets("yaml")
    (service.folder / "wardens.yaml").write_text(mapping, encoding="utf-8")
    said = pasted(["bash", "-ec", command], environment, service.folder)
    assert "night-wardens, utf-8, delimiter ';'" in said
    assert "some rows were refused" in said
    with service.client("partner") as partner:
        newest = partner.get("/v1/incidents").json()["items"][0]
    assert (newest["source_ref"], newest["type"], newest["locality"]) == ("W-1", "fight", "south")
    assert "Kid A" not in json.dumps(newest)


def test_the_flow_of_power_automate_posts_what_is_taken(service: Service) -> None:
    (text,) = snippets("json")
    filled = text.replace("@{parameters('CALLOUT')}", service.url).replace(
        "@{parameters('KEY')}", service.keys["partner"]
    )
    action: dict[str, Any] = json.loads(filled.replace("@{workflow()['run']['name']}", "08585"))
    for status in (201, 200):
        answer = httpx.request(action["method"], action["uri"], headers=action["headers"], json=action["body"])
        assert answer.status_code == status, answer.text
