"""The credential of a test page, in somebody else's hands: it reports that one page, once, while its test is under way."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.models.incidents import Purpose
from service.records import trials
from tests.on_trial import OnTrial, on_trial, silent_twilio


@pytest.fixture
def tested(sandbox_file: Path, tmp_path: Path) -> Iterator[OnTrial]:
    """On SQLite: what is tested knows no database."""
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    with silent_twilio() as twilio, on_trial(f"sqlite:///{tmp_path}/callout.db", twilio) as begun:
        yield begun


@pytest.fixture
def holder(tested: OnTrial) -> Iterator[Callable[..., httpx.Response]]:
    """Somebody who has come by the credential of the test that is under way."""
    with tested.serve(), httpx.Client(base_url=tested.address) as client:

        def ask(method: str, path: str, credential: str, **more: Any) -> httpx.Response:
            return client.request(method, path, headers={"Authorization": f"Bearer {credential}"}, **more)

        yield ask


def test_its_credential_opens_nothing_else_and_nothing_twice(
    tested: OnTrial, holder: Callable[..., httpx.Response]
) -> None:
    text = tested.begin()
    trial = tested.trial()
    mine = trials.credential(tested.runtime.keyring, trial.id)
    page = {"type": "test_page", "occurred_at": str(trial.posted_at)}
    other = {"type": "weapon_in_school", "occurred_at": str(trial.posted_at), "locality": "south"}
    assert holder("POST", "/v1/incidents", mine, json=other).status_code == 403
    assert holder("POST", "/v1/incidents", mine, json=page | {"summary": "x"}).status_code == 403
    csv = {"content": "a,b\n1,2\n", "headers": {"Authorization": f"Bearer {mine}", "Content-Type": "text/csv"}}
    assert httpx.post(f"{tested.address}/v1/incidents", **csv).status_code == 403  # type: ignore[arg-type]
    assert holder("POST", "/v1/incidents/batch", mine, json={"incidents": [page]}).status_code == 401
    for path in ("/v1/incidents", "/v1/tasks", "/v1/watch", "/v1/keys"):
        assert holder("GET", path, mine).status_code == 401
    forged = mine[:-1] + ("0" if mine[-1] != "0" else "1")
    assert holder("POST", "/v1/incidents", forged, json=page).status_code == 401
    again = holder("POST", "/v1/incidents", mine, json=page)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    later = page | {"occurred_at": str(tested.runtime.clock.now())}
    assert holder("POST", "/v1/incidents", mine, json=later).status_code == 409
    tested.ends(text, "delivered")
    assert len(tested.texts) == 1
    assert holder("POST", "/v1/incidents", mine, json=page).status_code == 409
    assert len(tested.texts) == 1
    assert len(tested.tasks(Purpose.TEST)) == 1
