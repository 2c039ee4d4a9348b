"""Somebody new is put on a rota: their number counts once they have shown, by text, that it is theirs."""

import re
from typing import Any

from tests.story import Story

TEAM = "education-inclusion-south"
A_MONTH = {"from": "2026-11-20T15:00:00Z", "to": "2026-12-20T15:00:00Z"}


def joins(story: Story, slug: str, name: str, phone: str) -> None:
    document = story.admin.get("/v1/partnership").json()
    document["workers"].append({"slug": slug, "name": name, "phone": phone})
    team = next(team for team in document["teams"] if team["slug"] == TEAM)
    team["rota"]["workers"].append(slug)
    answer = story.admin.put("/v1/partnership", json=document)
    assert answer.status_code == 200, answer.text
    assert f"worker {slug}: added" in answer.json()["changes"]


def is_verified(story: Story, slug: str) -> bool:
    items: list[dict[str, Any]] = story.supervisor.get("/v1/workers").json()["items"]
    worker = next(worker for worker in items if worker["slug"] == slug)
    (number,) = (channel for channel in worker["channels"] if channel["channel"] == "sms")
    return bool(number["verified"])


def reasons(story: Story, slug: str) -> set[str]:
    found = story.supervisor.get("/v1/coverage", params=A_MONTH).json()["at_risk"]
    return {risk["reason"] for risk in found if risk["worker"] == slug}


def test_a_new_workers_number_counts_once_they_text_the_code(story: Story) -> None:
    joins(story, "nia", "Nia Newcomer", "+447700900114")
    assert not is_verified(story, "nia")
    assert reasons(story, "nia") == {"the number is not verified"}

    answer = story.supervisor.post("/v1/workers/nia/verify", json={"channel": "sms"})
    assert answer.status_code == 202, answer.text
    phone = story.phone("nia")
    found = re.match(r"\d{6}\b", phone.gets("is your code"))
    assert found
    digits = found[0]
    phone.texts(f"{(int(digits) + 1) % 1_000_000:06}")
    phone.gets("not right")
    assert not is_verified(story, "nia")

    phone.texts(digits)
    phone.gets("this number is verified")
    assert is_verified(story, "nia")
    assert reasons(story, "nia") == set()
    story.nothing_else()
    actions = [entry["action"] for entry in story.supervisor.get("/v1/audit").json()["items"]]
    assert "contact.verified" in actions
