"""The pages as people meet them: the sandbox that convinces in two minutes, the board on the wall, the task on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import HOW, executable
from tests.browsing import DESK, PHONE, browser, fits_the_screen, no_barriers, picture, visitor
from tests.conftest import BEGINNING
from tests.live import City, live_city
from tests.running import Service, running_service
from tests.story import Story, code_in

pytestmark = [
    pytest.mark.skipif(executable() is None, reason=HOW),
    pytest.mark.xdist_group("browser"),
]
SOON = 5_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path, CALLOUT_SANDBOX_CLOCK=BEGINNING) as service:
        yield service


@pytest.fixture
def story(sandbox: Service) -> Iterator[Story]:
    told = Story(sandbox)
    yield told
    told.close()


def handset(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=f"{name}\u2019s phone")


def text_on(phone: Locator, text: str) -> None:
    phone.get_by_role("textbox").fill(text)
    phone.get_by_role("textbox").press("Enter")


def test_a_head_of_service_is_convinced_in_two_minutes(sandbox: Service, chromium: Browser, story: Story) -> None:
    on_call = story.supervisor.get("/v1/teams/education-inclusion-south/on-call").json()
    names = {"amina": "Amina Example", "ben": "Ben Specimen"}
    first = names[on_call["on_call"][0]]
    with visitor(chromium, DESK) as person:
        page = person.open(f"{sandbox.url}/sandbox")
        expect(page.get_by_text("nothing leaves this machine")).to_be_visible()
        no_barriers(page)

        page.get_by_role("button", name="Weapon in school, South").click()
        phone = handset(page, first)
        expect(phone).to_contain_text("Education response, South", timeout=SOON)
        expect(phone).to_contain_text("TAKE")
        text_on(phone, "take")
        expect(phone).to_contain_text("is yours", timeout=SOON)
        panel = page.get_by_role("region", name="What is happening")
        expect(panel).to_contain_text(f"{first} has it", timeout=SOON)

        # The next one nobody answers.
        page.get_by_role("button", name=re.compile("North$")).first.click()
        expect(panel).to_contain_text("Nobody yet", timeout=SOON)
        page.get_by_role("button", name=re.compile("hotspot", re.IGNORECASE)).first.click()
        expect(panel.get_by_role("article")).to_have_count(3, timeout=SOON)
        page.get_by_role("button", name="Move the clock on 5 minutes").click()
        expect(panel).to_contain_text("step 2 of", timeout=SOON)
        no_barriers(page)
        picture(page, "sandbox")
        page.get_by_role("button", name="Move the clock on 30 minutes").click()
        expect(panel).to_contain_text("overdue", timeout=SOON)
        expect(handset(page, "Dana Duty")).to_contain_text("OVERDUE", timeout=SOON)
        no_barriers(page)
        fits_the_screen(page)


def test_the_sandbox_is_usable_on_a_phone(sandbox: Service, chromium: Browser) -> None:
    with visitor(chromium, PHONE) as person:
        page = person.open(f"{sandbox.url}/sandbox")
        page.get_by_role("button", name="Weapon in school, South").click()
        expect(page.get_by_role("article", name=re.compile("phone$")).first).to_contain_text("TAKE", timeout=SOON)
        fits_the_screen(page)
        no_barriers(page)


def board_of_a_busy_night(story: Story) -> dict[str, str]:
    """Some tasks in several states; their codes."""
    codes = {}
    for name, kind, fields in (
        ("late", "weapon_in_school", {"locality": "south"}),
        ("taken", "weapon_in_school", {"locality": "north"}),
        ("hospital", "stabbing", {"setting": "hospital", "place": {"hospital": "riverside"}}),
    ):
        codes[name] = story.report(kind, **fields)["tasks"][0]["code"]
    task = next(t for t in story.supervisor.get("/v1/tasks").json()["items"] if t["code"] == codes["taken"])
    story.supervisor.post(f"/v1/tasks/{task['id']}/acknowledge", json={"worker": "chidi"})
    story.advance("PT32M")
    codes["fresh"] = story.report("weapon_in_school", locality="east-central")["tasks"][0]["code"]
    return codes


def test_the_board_shows_the_worst_first_and_stays_live(sandbox: Service, chromium: Browser, story: Story) -> None:
    codes = board_of_a_busy_night(story)
    with visitor(chromium, DESK) as person:
        page = person.open(f"{sandbox.url}/board")
        expect(page.get_by_role("article", name=f"Task {codes['late']}")).to_contain_text("overdue", ignore_case=True)
        expect(page.get_by_role("article", name=f"Task {codes['taken']}")).to_contain_text("Chidi Instance has it")
        expect(page.get_by_role("list", name="Open tasks")).to_contain_text("overdue")

        before = page.get_by_role("article").count()
        newest = story.report("drugs_in_school", setting="school", locality="south")["tasks"][0]["code"]
        expect(page.get_by_role("article", name=f"Task {newest}")).to_be_visible(timeout=SOON)
        assert page.get_by_role("article").count() == before + 1
        south = page.get_by_role("region", name="South").get_by_role("article")
        expect(south.first).to_contain_text(codes["late"])
        no_barriers(page)
        fits_the_screen(page)
        picture(page, "board")

        page.get_by_role("link", name="North", exact=True).click()
        expect(page.get_by_role("article", name=f"Task {codes['taken']}")).to_be_visible()
        expect(page.get_by_role("article", name=f"Task {codes['late']}")).to_have_count(0)
        assert "locality=north" in page.url


def test_the_board_is_readable_on_a_phone(sandbox: Service, chromium: Browser, story: Story) -> None:
    codes = board_of_a_busy_night(story)
    with visitor(chromium, PHONE) as person:
        page = person.open(f"{sandbox.url}/board")
        expect(page.get_by_role("article", name=f"Task {codes['late']}")).to_be_visible()
        fits_the_screen(page)
        no_barriers(page)


def test_a_quiet_board_says_all_clear(sandbox: Service, chromium: Browser) -> None:
    with visitor(chromium, DESK) as person:
        page = person.open(f"{sandbox.url}/board")
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
        assert story.task(task["id"])["state"] == "acknowledged"
        no_barriers(page)

        page.get_by_role("button", name="Show the report").click()
        expect(page.get_by_text("by the gate")).to_be_visible()
        no_barriers(page)
        page.get_by_role("button", name="I have made contact").click()
        page.get_by_role("radio", name="Plan agreed").check()
        page.get_by_role("button", name=f"Complete {code}").click()
        expect(page.get_by_text("This task is completed")).to_be_visible()
        no_barriers(page)
    done = story.task(task["id"])
    assert (done["state"], done["outcome"]) == ("completed", "plan_agreed")
    assert {m["milestone"]: m["state"] for m in done["sla"]}["contact"] == "met"


def test_a_link_that_is_none_says_what_to_do(sandbox: Service, chromium: Browser) -> None:
    with visitor(chromium, PHONE, allowed=(404,)) as person:
        page = person.open(f"{sandbox.url}/t/AAAAAAAAAAAAAAAA")
        expect(page.get_by_text("MORE", exact=True)).to_be_visible()
        no_barriers(page)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with live_city(tmp_path, f"sqlite:///{tmp_path}/live.db") as started:
        yield started


def test_live_supervisors_sign_in_with_their_key(city: City, chromium: Browser) -> None:
    url = city.service.url
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
