"""A real browser that trusts nothing: an error in its console, a request that fails or a barrier for anybody fails the test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_core_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.packages import CHROMIUM

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
REPOSITORY = Path(__file__).parent.parent
BAD_ANSWER = 400
# The machine may have no way out: what a browser asks of the world by itself is switched off.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A page says by itself what its Content-Security-Policy stopped, also where the browser's console is silent.
TELL_REFUSALS = """
document.addEventListener("securitypolicyviolation", (stopped) =>
  console.error(`Content-Security-Policy: ${stopped.violatedDirective} stopped ${stopped.blockedURI}`));
"""


@dataclass
class Visitor:
    """One person's browser and what went wrong in it."""

    context: BrowserContext
    troubles: list[str] = field(default_factory=list)
    allowed: set[int] = field(default_factory=set)

    def open(self, url: str) -> Page:
        """A new tab that is listened to."""
        page = self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.goto(url)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        # The browser writes a line of its own for every answer of 4xx; those are judged by their status below.
        if message.type in ("error", "warning") and "the server responded with a status" not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        # Leaving a page ends its stream and what it was fetching; that is no fault. Nothing else may be cut off.
        if request.failure != "net::ERR_ABORTED" or request.resource_type not in ("eventsource", "fetch"):
            self.troubles.append(f"failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= BAD_ANSWER and response.status not in self.allowed:
            self.troubles.append(f"answer: {response.status} {response.url}")


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM.found(), args=FLAGS)
        yield running
        running.close()


@contextmanager
def visitor(running: Browser, viewport: dict[str, int], *, allowed: tuple[int, ...] = ()) -> Iterator[Visitor]:
    """A visitor with a screen of that size. Answers with the `allowed` statuses are part of the story."""
    context = running.new_context(viewport=viewport, locale="en-GB", timezone_id="Europe/London")  # type: ignore[arg-type]
    context.add_init_script(TELL_REFUSALS)
    person = Visitor(context, allowed=set(allowed))
    try:
        yield person
    finally:
        context.close()
    assert not person.troubles, "\n".join(person.troubles)


def no_barriers(page: Page) -> None:
    """axe-core finds nothing, by day and by night."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page)["violations"]
        told = [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]
        assert not told, f"{page.url} ({scheme}):\n" + "\n".join(told)
    page.emulate_media(color_scheme="light")


def fits_the_screen(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} pixels wider than the screen"


def keep_inside(parts: Locator) -> None:
    """What these parts hold does not run out of them."""
    told = [part.inner_text() for part in parts.all() if part.evaluate("e => e.scrollWidth > e.clientWidth")]
    assert not told, f"runs out of its place: {told}"


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where CALLOUT_SCREENSHOTS says, if it says so."""
    folder = os.environ.get("CALLOUT_SCREENSHOTS")
    if folder:
        target = REPOSITORY / folder
        target.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=target / f"{name}.png", animations="disabled")
