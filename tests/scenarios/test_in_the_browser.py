"""The pages as people meet them: the sandbox that convinces in two minutes, the board on the wall, the task on a phone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsing import DESK, PHONE, fits_the_screen, keep_inside, no_barriers, picture, visitor
from tests.conftest import BEGINNING
from tests.live import City, live_city
from tests.packages import CHROMIUM
from tests.running import Service, running_service
from tests.story import Story, code_in

pytestmark = [
    pytest.mark.skipif(CHROMIUM.found() is None, reason=CHROMIUM.how),
    pytest.mark.xdist_group("browser"),
]
SOON = 5_000


@dataclass(frozen=True)
class Night:
    """A board in the middle of a story: its address, and the tasks' codes by what became of them."""

    story: Story
    url: str
    codes: dict[str, str]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path, CALLOUT_SANDBOX_CLOCK=BEGINNING) as service:
        yield service


@pytest.fixture
def story(sandbox: Service) -> Iterator[Story]:
    told = Story(sandbox)
    yield told
    told.close()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service to which nothing happens, for all tests that only look."""
    with running_service(tmp_path_factory.mktemp("quiet"), CALLOUT_SANDBOX_CLOCK=BEGINNING) as service:
        yield service


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A busy night that both boards look at."""
    with running_service(tmp_path_factory.mktemp("busy"), CALLOUT_SANDBOX_CLOCK=BEGINNING) as service:
        told = Story(service)
        yield Night(told, service.url, board_of_a_busy_night(told))
        told.close()


def handset(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=f"{name}\u2019s phone")


def text_on(phone: Locator, text: str) -> None:
    phone.get_by_role("textbox").fill(text)
    phone.get_by_role("textbox").press("Enter")


def move_on(page: Page, how_far: str) -> None:
    button = page.get_by_role("button", name=f"Move the clock on {how_far}")
    button.click()
    expect(button).to_be_enabled(timeout=SOON)


def test_a_head_of_service_is_convinced_in_two_minutes(sandbox: Service, chromium: Browser, story: Story) -> None:
    on_call = story.supervisor.get("/v1/teams/education-inclusion-south/on-call").json()
    first = {"amina": "Amina Example", "ben": "Ben Specimen"}[on_call["on_call"][0]]
    with visitor(chromium, DESK) as person:
        page = person.open(f"{sandbox.url}/sandbox")
        expect(page.get_by_text("nothing leaves this machine")).to_be_visible()
        no_barriers(page)
        panel = page.get_by_role("region", name="What is happening")
        phone = handset(page, first)

        page.get_by_role("button", name="Weapon in school, South").click()
        expect(phone).to_contain_text("Education response, South", timeout=SOON)
        taken = panel.get_by_role("article").filter(has_text="Education response")
        expect(taken).to_contain_text("Nobody yet")
        text_on(phone, "take")
        expect(phone).to_contain_text("is yours", timeout=SOON)
        expect(taken).to_contain_text(f"{first} has it", timeout=SOON)

        # The next one nobody answers: it climbs, is at risk, and then overdue.
        page.get_by_role("button", name="Stabbing, on a ward, North").click()
        silent = panel.get_by_role("article").filter(has_text="Hospital response")
        expect(silent).to_contain_text("step 1 of 4", timeout=SOON)
        lead = handset(page, "Priya Model")
        expect(lead).to_have_count(0)
        move_on(page, "5 minutes")
        expect(silent).to_contain_text("step 2 of 4", timeout=SOON)
        move_on(page, "5 minutes")
        expect(silent).to_contain_text("At risk", timeout=SOON)
        expect(lead).to_contain_text("Hospital response", timeout=SOON)
        text_on(phone, "contact")
        expect(phone).to_contain_text("contact noted", timeout=SOON)
        expect(taken).to_contain_text("Contact met", timeout=SOON)
        silent.get_by_role("button", name="Hide the timeline").click()
        no_barriers(page)
        picture(page, "sandbox")
        move_on(page, "30 minutes")
        expect(silent).to_contain_text("Acknowledge overdue", timeout=SOON)
        expect(silent).to_contain_text("Nobody yet")
        expect(taken).to_contain_text(f"{first} has it")
        expect(handset(page, "Dana Duty")).to_contain_text("OVERDUE", timeout=SOON)
        no_barriers(page)
        fits_the_screen(page)
        page.get_by_role("button", name=re.compile("^Show all")).click()
        expect(handset(page, "Maximiliana Featherstonehaugh-Example")).to_be_visible()
        keep_inside(page.locator("article > header"))


def test_the_sandbox_is_usable_on_a_phone(sandbox: Service, chromium: Browser) -> None:
    with visitor(chromium, PHONE) as person:
        page = person.open(f"{sandbox.url}/sandbox")
        page.get_by_role("button", name="Stabbing, on a ward, North").click()
        ringing = page.get_by_role("group", name="Incoming call")
        expect(ringing).to_contain_text("Hospital response", timeout=SOON)
        page.get_by_role("heading", name=re.compile("phones$")).evaluate("title => title.scrollIntoView()")
        expect(ringing).to_be_in_viewport(ratio=1)
        fits_the_screen(page)
        no_barriers(page)


def open_task(story: Story, kind: str, **fields: Any) -> dict[str, Any]:
    """Report an incident; the task that it opens."""
    found: dict[str, Any] = story.report(kind, **fields)["tasks"][0]
    return found


def change(story: Story, task: dict[str, Any], action: str, **body: str) -> None:
    answer = story.supervisor.post(f"/v1/tasks/{task['id']}/{action}", json=body)
    assert answer.status_code == 200, answer.text


def board_of_a_busy_night(story: Story) -> dict[str, str]:
    """Tasks of three localities in every state; their codes."""
    tasks = {
        "late": open_task(story, "weapon_in_school", locality="south"),
        "hospital": open_task(story, "stabbing", setting="hospital", place={"hospital": "riverside"}),
        "taken": open_task(story, "weapon_in_school", locality="north"),
        "paused": open_task(story, "weapon_in_school", place={"name": "St Elsewhere High School", "urn": "100002"}),
    }
    change(story, tasks["taken"], "acknowledge", worker="chidi")
    change(story, tasks["paused"], "acknowledge", worker="maximiliana")
    change(story, tasks["paused"], "pause", reason="the family asked for time")
    story.advance("PT8M")
    tasks["risky"] = open_task(story, "drugs_in_school", setting="school", locality="north")
    story.advance("PT24M")
    tasks["fresh"] = open_task(story, "weapon_in_school", locality="east-central")
    return {name: task["code"] for name, task in tasks.items()}


def codes_of(page: Page, locality: str) -> Locator:
    return page.get_by_role("region", name=locality, exact=True).get_by_role("heading", level=3)


def test_the_board_shows_the_worst_first_and_stays_live(busy: Night, chromium: Browser) -> None:
    codes = busy.codes
    with visitor(chromium, DESK) as person:
        page = person.open(f"{busy.url}/board")
        expect(codes_of(page, "North")).to_contain_text([codes["risky"], codes["taken"]])
        expect(codes_of(page, "East Central")).to_contain_text([codes["hospital"], codes["fresh"], codes["paused"]])
        expect(codes_of(page, "South")).to_contain_text([codes["late"]])
        for name, words in (
            ("late", "Acknowledge overdue"),
            ("risky", "At risk"),
            ("taken", "Chidi Instance has it"),
            ("paused", "Paused until"),
        ):
            expect(page.get_by_role("article", name=f"Task {codes[name]}")).to_contain_text(words)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()

        page.evaluate("document.body.dataset.neverReloaded = 'yes'")
        newest = open_task(busy.story, "drugs_in_school", setting="school", locality="south")["code"]
        expect(codes_of(page, "South")).to_contain_text([codes["late"], newest], timeout=SOON)
        expect(page.locator("body[data-never-reloaded]")).to_have_count(1)
        no_barriers(page)
        fits_the_screen(page)
        picture(page, "board")

        page.get_by_role("link", name="North", exact=True).click()
        expect(page).to_have_url(re.compile(r"/board\?locality=north$"))
        expect(codes_of(page, "North")).to_contain_text([codes["risky"], codes["taken"]])
        expect(page.get_by_role("article")).to_have_count(2)
        no_barriers(page)


def test_the_board_is_readable_on_a_phone(busy: Night, chromium: Browser) -> None:
    with visitor(chromium, PHONE) as person:
        page = person.open(f"{busy.url}/board")
        for code in busy.codes.values():
            expect(page.get_by_role("article", name=f"Task {code}").get_by_text(code, exact=True)).to_be_visible()
        fits_the_screen(page)
        no_barriers(page)


def test_a_quiet_board_says_all_clear(quiet: Service, chromium: Browser) -> None:
    with visitor(chromium, DESK) as person:
        page = person.open(f"{quiet.url}/board")
        expect(page.get_by_role("heading", name="All clear")).to_be_visible()
        no_barriers(page)


def test_a_task_is_taken_on_its_page_by_two_gestures(sandbox: Service, chromium: Browser, story: Story) -> None:
    task = story.report("weapon_in_school", locality="south", summary="in a bag, by the gate")["tasks"][0]
    page_text = story.on_call("education-inclusion-south").gets("TAKE")
    code = code_in(page_text)
    found = re.search(r"https?://\S+", page_text)
    assert found
    link = found[0]
    for _ in range(3):
        assert httpx.get(link, headers={"User-Agent": "a link preview"}).status_code == 200
    assert story.task(task["id"])["state"] == "open"

    with visitor(chromium, PHONE) as person:
        page = person.open(link)
        expect(page.get_by_role("heading", name=re.compile(code))).to_be_visible()
        expect(page.get_by_text("by the gate")).to_have_count(0)
        fits_the_screen(page)
        no_barriers(page)
        picture(page, "task")
        page.get_by_role("button", name=f"Take {code}").click()
        assert story.task(task["id"])["state"] == "open", "one gesture is what a mail scanner does"
        no_barriers(page)
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name=f"Take {code}").click()
        expect(page.get_by_role("status")).to_contain_text("It is yours")
        expect(page.get_by_role("button", name=f"Take {code}")).to_have_count(0)
        assert story.task(task["id"])["state"] == "acknowledged"
        no_barriers(page)

        page.get_by_role("button", name="Show the report").click()
        expect(page.get_by_text("by the gate")).to_be_visible()
        no_barriers(page)
        page.get_by_role("button", name="I have made contact").click()
        expect(page.get_by_role("status")).to_contain_text("Contact is recorded")
        page.get_by_role("radio", name="Plan agreed").check()
        page.get_by_role("button", name=f"Complete {code}").click()
        expect(page.get_by_text("This task is completed")).to_be_visible()
        no_barriers(page)
    done = story.task(task["id"])
    assert (done["state"], done["outcome"]) == ("completed", "plan_agreed")
    assert {m["milestone"]: m["state"] for m in done["sla"]}["contact"] == "met"


def test_a_link_that_is_none_says_what_to_do(quiet: Service, chromium: Browser) -> None:
    with visitor(chromium, PHONE, allowed=(404,)) as person:
        page = person.open(f"{quiet.url}/t/AAAAAAAAAAAAAAAA")
        expect(page.get_by_text("MORE", exact=True)).to_be_visible()
        no_barriers(page)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with live_city(tmp_path, f"sqlite:///{tmp_path}/live.db") as started:
        yield started


def test_live_supervisors_sign_in_with_their_key(city: City, chromium: Browser) -> None:
    url = city.service.url
    for absent in ("/sandbox", "/v1/sandbox/state"):
        assert httpx.get(url + absent).status_code == 404
    # The session's cookie is for https alone where the public address is https; on loopback it is carried all the same.
    with visitor(chromium, DESK, allowed=(401,)) as person:
        page = person.open(f"{url}/board?locality=south")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        no_barriers(page)
        picture(page, "sign-in")
        page.get_by_label("Your access key").fill("ck_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not known")
        no_barriers(page)
        page.get_by_label("Your access key").fill(city.service.keys["supervisor"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="All clear")).to_be_visible()
        assert page.url.endswith("/board?locality=south")
        expect(page.get_by_text("nothing leaves this machine")).to_have_count(0)
        code = city.report()["tasks"][0]["code"]
        expect(page.get_by_role("article", name=f"Task {code}")).to_be_visible(timeout=SOON)
        no_barriers(page)
