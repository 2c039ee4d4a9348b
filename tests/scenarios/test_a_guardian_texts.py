"""A night porter texts the service's number: triage gets it, thanks come back. A stranger's text does nothing."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import pointers, problem
from tests.running import Service
from tests.story import Story

GITA = {
    "name": "Gita Example",
    "organisation": "Example Hotel",
    "trade": "hotel",
    "phone": "07700 900180",
    "locality": "south",
}
NUMBER = "+447700900180"


@pytest.fixture
def told_here(shared_service: Service) -> Iterator[Story]:
    """A story among others, in which Gita is a guardian."""
    story = Story(shared_service)
    story.supervisor.post("/v1/guardians", json=GITA)
    story.forget_messages()
    yield story
    story.close()


def to_guardian(story: Story, number: str = NUMBER) -> list[str]:
    """The texts that went to a number that is no worker's, told once."""
    story.advance("PT1S")
    fresh = [m for m in story.messages() if m["to"] == number and m["id"] not in story.seen]
    story.seen |= {m["id"] for m in fresh}
    return [m["text"] for m in fresh]


def texts(story: Story, body: str, number: str = NUMBER) -> str:
    answer = story.partner.post("/v1/sandbox/reply", json={"from": number, "text": body})
    assert answer.status_code == 200
    meaning: str = answer.json()["meaning"]
    return meaning


def concerns(story: Story) -> list[dict[str, object]]:
    items = story.supervisor.get("/v1/incidents").json()["items"]
    return [item for item in items if item["type"] == "community_concern"]


def test_a_known_guardian_is_heard_and_a_stranger_is_not(story: Story) -> None:
    added = story.supervisor.post("/v1/guardians", json=GITA)
    assert added.status_code == 201, added.text
    assert added.json()["phone"] == NUMBER

    body = "Two men brought a girl of about 14, she looks scared, room 12"
    assert texts(story, body) == "community_concern"
    dana = story.phone("dana")
    page = dana.gets("Triage", "South")
    dana.gets("Triage", channel="email")
    (thanks,) = to_guardian(story)
    assert "Thank you" in thanks
    assert "999" in thanks
    said = page.partition("http")[0]  # a link has chance in it
    for word in ("girl", "room", "14"):
        assert word not in said
        assert word not in thanks
    (concern,) = concerns(story)
    assert concern["summary"] == body
    assert (concern["locality"], concern["setting"]) == ("south", "community")
    (task,) = concern["tasks"]  # type: ignore[misc]
    assert task["pathway"] == "triage"

    # The next part of the message belongs to the same concern: one update to whoever is sought, no second page.
    assert texts(story, "They left by taxi now") == "community_concern"
    dana.gets(task["code"], "new information")
    assert to_guardian(story) == []
    assert len(concerns(story)) == 2
    assert len(story.task(task["id"])["incidents"]) == 2

    assert texts(story, "Somebody should look here", "+447700900181") == "unknown number"
    assert to_guardian(story, "+447700900181") == []
    assert len(concerns(story)) == 2

    dana.texts(f"TAKE {task['code']}")
    dana.gets("is yours")
    dana.texts(f"DONE {task['code']} handled")
    dana.gets("handled")
    # A concern that comes when the one before is over opens a task of its own.
    texts(story, "They are back")
    dana.gets("Triage")
    dana.gets("Triage", channel="email")
    assert len(to_guardian(story)) == 1

    gone = story.supervisor.delete(f"/v1/guardians/{added.json()['id']}")
    assert gone.status_code == 204
    assert texts(story, "And again") == "unknown number"
    assert story.supervisor.get("/v1/guardians").json()["items"] == []
    story.nothing_else()


@pytest.mark.parametrize(
    ("body", "meaning", "answers"),
    [
        ("STOP", "guardian: no concern", 0),
        ("  ", "guardian: no concern", 0),
        ("start", "guardian: no concern", 0),
        ("HELP", "guardian: help", 1),
        ("?", "guardian: help", 1),
        ("Help, they are shouting at each other", "community_concern", 1),
        ("No idea what to do about the boys outside", "community_concern", 1),
        ("I'm driving a girl who is scared", "community_concern", 0),
        ("Take K7", "community_concern", 1),
    ],
)
def test_only_a_word_to_the_provider_is_no_concern(told_here: Story, body: str, meaning: str, answers: int) -> None:
    story = told_here
    assert texts(story, body) == meaning
    assert len(to_guardian(story)) == answers
    # The next concern is one of its own.
    story.advance("PT16M")
    story.forget_messages()


def test_the_list_is_kept_by_supervisors_of_the_locality(told_here: Story) -> None:
    supervisor, admin = told_here.supervisor, told_here.admin
    problem(told_here.partner.get("/v1/guardians"), 403)
    assert (
        "worker's" in problem(supervisor.post("/v1/guardians", json=GITA | {"phone": "+447700900101"}), 409)["detail"]
    )
    assert "already" in problem(supervisor.post("/v1/guardians", json=GITA), 409)["detail"]
    elsewhere = GITA | {"phone": "+447700900182", "locality": "west"}
    assert "south" in pointers(supervisor.post("/v1/guardians", json=elsewhere))["/locality"]
    assert "+447700900101" in pointers(supervisor.post("/v1/guardians", json=GITA | {"phone": "12"}))["/phone"]
    key = admin.post("/v1/keys", json={"role": "supervisor", "name": "North", "localities": ["north"]}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=told_here.service.url, headers=headers) as north:
        assert north.get("/v1/guardians").json()["items"] == []
        (listed,) = supervisor.get("/v1/guardians").json()["items"]
        problem(north.delete(f"/v1/guardians/{listed['id']}"), 404)
        problem(north.post("/v1/guardians", json=GITA | {"phone": "+447700900183"}), 404)
    audit = supervisor.get("/v1/audit", params={"limit": 100}).text
    assert "guardian.added" in audit
    for personal in ("Gita", "Example Hotel", "900180"):
        assert personal not in audit
