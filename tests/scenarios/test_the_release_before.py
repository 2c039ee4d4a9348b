"""An upgrade is under way: the schema is the new one already, and a replica of the release before works beside a new one. It is
the code as it was before the newest migration came, out of the repository's history."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from service.schema import MIGRATIONS
from tests import running
from tests.conftest import empty_database
from tests.live import City, live_city

TOP = Path(__file__).parent.parent.parent
PARTS = ("api", "notifiers", "rules", "service")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=TOP, check=True, capture_output=True).stdout


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A folder with the code of the release before."""
    newest = max((MIGRATIONS / "versions").glob("[0-9]*.py"))
    try:
        added = git("log", "--format=%H", "--diff-filter=A", "-1", "--", str(newest)).decode().strip()
        code = git("archive", f"{added}^" if added else "HEAD", *PARTS)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and the repository's history: git fetch --unshallow")
    folder = tmp_path / "before"
    with tarfile.open(fileobj=BytesIO(code)) as archive:
        archive.extractall(folder)  # noqa: S202 - it is our own
    assert not (folder / newest.relative_to(TOP)).exists()
    return folder


@pytest.fixture
def city(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[City]:
    with empty_database(request, "postgresql", tmp_path) as url, live_city(tmp_path, url) as started:
        yield started


def test_it_takes_reports_pages_and_hears_answers_on_the_new_schema(city: City, before: Path, tmp_path: Path) -> None:
    new = city.service
    callout = (sys.executable, "-c", "from service.cli import main; main()")
    path = os.pathsep.join([str(before), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    old = running.launch(tmp_path, command=callout, **new.environment | {"PYTHONPATH": path})
    try:
        running.await_ready(old)
        old.keys = new.keys
        with old.client() as asked:
            assert asked.get("/readyz").json()["checks"]["schema"].startswith("ok: newer than this release")
        for service, other, place in ((old, new, "An old school"), (new, old, "A new school")):
            city.service, city.twilio.webhook_base = service, other.url
            phone = city.on_call()
            task = city.report(place={"name": place})["tasks"][0]
            city.twilio.wait_for_text(phone, task["code"])
            city.wait_for_event(task["id"], "delivered")
            assert city.twilio.text_in(phone, f"take {task['code']}").is_success
            city.twilio.wait_for_text(phone, f"{task['code']} is yours")
            assert city.twilio.text_in(phone, f"done {task['code']} contact made").is_success
            city.wait_for_event(task["id"], "completed")
        # Alone, it sends what the new one had still to send.
        assert new.stop() == 0
        city.service, city.twilio.webhook_base = old, old.url
        task = city.report(locality="north")["tasks"][0]
        city.twilio.wait_for_text(city.on_call("education-inclusion-north"), task["code"])
        city.wait_for_event(task["id"], "delivered")
    finally:
        city.twilio.finish()
        old.stop()
        city.service = new
    assert not [line for line in old.output if '"level": "error"' in line or "Traceback" in line]
