"""Two schools, one peer group, two workers who don't know of each other: a supervisor asks them to meet, and they answer."""

from typing import Any

import httpx
from playwright.sync_api import Browser

from tests.api.conftest import pointers, problem
from tests.browsing import DESK, fits_the_screen, no_barriers, picture, visitor
from tests.story import Phone, Story

AT = "2026-11-20T18:30:00Z"
WHERE = "City Hall, room 2"


def two_tasks(story: Story, groups: tuple[str, ...] = ("g-19",)) -> tuple[list[dict[str, Any]], list[Phone]]:
    """Two tasks about one peer group, in two localities, with whoever was paged for each."""
    found, phones = [], []
    for locality, urn in (("south", "100000"), ("north", "100004")):
        people = [{"ref": "p-77", "role": "witness"}]
        incident = story.report(
            "weapon_in_school", locality=locality, place={"urn": urn}, groups=list(groups), people=people
        )
        found.append(story.task(incident["tasks"][0]["id"]))
        phones.append(story.on_call(f"education-inclusion-{locality}"))
    # The same group in two schools also completes a pattern, whose task the mediators are paged for.
    story.advance("PT1S")
    story.forget_messages()
    return found, phones


def ask(story: Story, task: str, **fields: Any) -> httpx.Response:
    return story.supervisor.post("/v1/networks/convene", json={"task": task, "at": AT, "place": WHERE} | fields)


def answers(story: Story, convening: str) -> dict[str, str | None]:
    asked = story.supervisor.get(f"/v1/networks/convenings/{convening}").json()["asked"]
    return {each["worker"]: each["answer"] for each in asked}


def test_every_assignee_is_asked_once_and_answers_by_text(story: Story) -> None:
    (south, north), (one, other) = two_tasks(story)
    assert "nobody has taken" in problem(ask(story, south["id"]), 409)["detail"]
    for phone, task in ((one, south), (other, north)):
        phone.texts(f"TAKE {task['code']}")
        phone.gets("is yours")
    answer = ask(story, south["id"])
    assert answer.status_code == 201, answer.text
    asked = answer.json()
    code = asked["code"]
    assert {south["id"], north["id"]} <= set(asked["tasks"])
    assert [each["worker"] for each in asked["asked"]] == sorted([one.worker, other.worker])
    assert len(asked["untaken"]) == 1, "the mediators' task, which nobody has"
    text = one.gets(code, "18:30 Fri 20 Nov", WHERE)
    other.gets(code, WHERE)
    assert len(text) <= 160
    for word in ("g-19", "p-77", "Academy", "weapon"):
        assert word not in text
    assert "already" in problem(ask(story, south["id"]), 409)["detail"]

    one.texts(f"yes {code} running ten minutes late")
    one.gets(code, "you come")
    # A bare answer could mean the task or the meeting: nothing changes, and both are named.
    other.texts("ok")
    other.gets("Which one?", north["code"], code)
    other.texts(f"No {code}")
    other.gets(code, "you do not come")
    assert answers(story, asked["id"]) == {one.worker: "yes", other.worker: "no"}
    other.texts(f"ok {code}")
    other.gets(code, "you come")
    assert answers(story, asked["id"]) == {one.worker: "yes", other.worker: "yes"}
    said = [entry["detail"] for entry in story.task(south["id"])["timeline"] if "conven" in entry["event"]]
    assert len(said) == 4
    words = story.supervisor.get(f"/v1/networks/convenings/{asked['id']}").json()["asked"]
    assert "running ten minutes late" in [each["words"] for each in words]

    story.phone("dana").texts(f"OK {code}")
    story.phone("dana").gets("code")  # nobody asked the duty manager
    story.at("2026-11-20T19:31:00Z")
    story.forget_messages()
    one.texts(f"no {code}")
    one.gets(code, "that meeting was at 18:30")
    assert answers(story, asked["id"])[one.worker] == "yes"


def test_a_bare_yes_is_enough_where_nothing_else_is_open(story: Story) -> None:
    (south, _), (one, other) = two_tasks(story, groups=())  # one person connects them, and no mediators are sought
    one.texts(f"take {south['code']}")
    one.gets("is yours")
    asked = ask(story, south["id"]).json()
    one.gets(asked["code"])
    one.texts(f"done {south['code']} contact made")
    one.gets("contact_made")
    one.texts("Yes")
    one.gets(asked["code"], "you come")
    assert answers(story, asked["id"]) == {one.worker: "yes"}
    assert other.worker not in answers(story, asked["id"])


def test_what_a_text_can_not_say_is_refused_and_localities_hold(story: Story) -> None:
    (south, north), (one, _) = two_tasks(story)
    one.texts(f"take {south['code']}")
    one.gets("is yours")
    for place, why in (
        ("Example Academy, hall", "no school"),
        ("1 High Street, BS4 1AA", "no postcodes"),
        ("ring 07700 900101", "no telephone numbers"),
        ("the stabbing site", "no text may hold"),
        ("a room with a name that is longer than forty letters", "at most 40"),
        ("☕ corner", "at most 40"),
    ):
        assert why in pointers(ask(story, south["id"], place=place))["/place"], place
    assert "ahead" in pointers(ask(story, south["id"], at="2026-11-20T14:00:00Z"))["/at"]
    problem(story.partner.post("/v1/networks/convene", json={"task": south["id"], "at": AT, "place": WHERE}), 403)
    key = story.admin.post("/v1/keys", json={"role": "supervisor", "name": "N", "localities": ["north"]}).json()["key"]
    with httpx.Client(base_url=story.service.url, headers={"Authorization": f"Bearer {key}"}) as northern:
        body = {"task": south["id"], "at": AT, "place": WHERE}
        problem(northern.post("/v1/networks/convene", json=body), 404)
        problem(northern.get("/v1/networks/convenings", params={"task": south["id"]}), 404)
        assert northern.get("/v1/networks/convenings", params={"task": north["id"]}).json() == {"items": []}
    alone = story.report("weapon_in_school", locality="north", place={"urn": "100005"})["tasks"][0]
    assert "only open task" in problem(ask(story, alone["id"]), 409)["detail"]


def test_the_card_of_a_task_shows_its_network_and_asks(story: Story, chromium: Browser) -> None:
    (south, north), (one, other) = two_tasks(story)
    for phone, task in ((one, south), (other, north)):
        phone.texts(f"TAKE {task['code']}")
        phone.gets("is yours")
    with visitor(chromium, DESK, allowed=(409,)) as person:
        page = person.open(f"{story.service.url}/board")
        page.get_by_role("link", name=south["code"], exact=True).click()
        assert page.get_by_role("row", name="Group g-19").is_visible()
        assert page.get_by_role("link", name=north["code"], exact=True).is_visible()
        page.get_by_label("When").fill("2026-11-20T18:30")
        page.get_by_label("Where").fill("Example Academy")
        page.get_by_role("button", name="Ask them by text").click()
        assert "no school" in page.get_by_role("alert").inner_text()
        page.get_by_label("Where").fill(WHERE)
        page.get_by_role("button", name="Ask them by text").click()
        text = one.gets(WHERE)
        code = text.split(":")[0]
        one.texts(f"ok {code}")
        one.gets("you come")
        page.reload()
        asked = page.get_by_role("article").inner_text()
        assert "comes" in asked
        assert "no answer yet" in asked
        no_barriers(page)
        picture(page, "task-card")
        page.set_viewport_size({"width": 320, "height": 700})
        fits_the_screen(page)
    with visitor(chromium, DESK, allowed=(404,)) as person:
        missing = person.open(f"{story.service.url}/board/tasks/tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61")
        assert missing.get_by_role("heading", name="There is no such task").is_visible()
