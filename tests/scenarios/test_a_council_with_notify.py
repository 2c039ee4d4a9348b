"""A council's service: texts and emails go out by GOV.UK Notify, also where a Twilio account and a mail server are set."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from notifiers import gsm7
from tests.fakes.notify import FakeNotify, running_notify
from tests.live import PHONES, PUBLIC_URL, City, live_city
from tests.running import Service, running_service
from tests.story import Story, code_in

BEGINNING = "2026-11-20T15:00:00Z"


@dataclass
class Council:
    """A live city that has a service at GOV.UK Notify."""

    city: City
    notify: FakeNotify

    def events(self, task: str) -> list[str]:
        """What a task's timeline says, oldest first."""
        return [entry["event"] for entry in self.city.task(task)["timeline"]]

    def wait_for_event(self, task: str, event: str, within: float = 10) -> dict[str, str]:
        """Wait until a task's timeline says something; its first entry that does."""
        until = time.monotonic() + within
        while True:
            found = [entry for entry in self.city.task(task)["timeline"] if entry["event"] == event]
            if found:
                return dict(found[0])
            assert time.monotonic() < until, f"no {event}: {self.events(task)}"

    def log(self) -> str:
        """What the service has written so far."""
        return "".join(self.city.service.output)


@pytest.fixture
def council(tmp_path: Path, database_url: str) -> Iterator[Council]:
    """A council whose service runs, with nothing reported yet; its Twilio account has a name to send from and can't ring."""
    with running_notify() as notify:
        with live_city(tmp_path, database_url, CALLOUT_TWILIO_FROM="Callout", **notify.environment()) as city:
            notify.webhook_base = city.service.url
            try:
                yield Council(city, notify)
            finally:
                notify.finish()
            assert city.twilio.texts == []
            assert city.mail.mails == []
        assert notify.faults == []


def test_an_incident_becomes_a_conversation_by_notify(council: Council) -> None:
    notify, on_call = council.notify, council.city.on_call()
    incident = council.city.report(place={"name": "Example Academy", "urn": "100000"}, summary="found in a bag")
    task = incident["tasks"][0]
    page = notify.wait_for(on_call, "Education response", "South")
    code = code_in(page.body)
    assert code == task["code"]
    assert gsm7.segments(page.body) == 1
    assert re.search(rf"{PUBLIC_URL}/t/\S+", page.body)
    assert re.fullmatch(r"msg_[0-9a-f-]{36}", page.reference or ""), "a reference holds no personal data"
    delivered = council.wait_for_event(task["id"], "delivered")
    assert (delivered["actor"], delivered["channel"]) == ("notify", "sms")

    answers = notify.text_in(on_call, " take ", times=3)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    notify.wait_for(on_call, f"{code} is yours")
    assert len([sent for sent in notify.sent_to(on_call) if "is yours" in sent.body]) == 1
    notify.text_in(on_call, f"done {code} plan agreed")
    notify.wait_for(on_call, f"{code} is done")
    done = council.city.task(task["id"])
    assert (done["state"], done["outcome"]) == ("completed", "plan_agreed")

    log = council.log()
    assert '"sent"' in log
    for secret in (on_call, on_call[1:], notify.callback_token, notify.secret, "plan agreed", "Academy"):
        assert secret not in log, secret


def test_a_text_that_will_never_arrive_is_followed_by_an_email_at_once(council: Council) -> None:
    notify, on_call = council.notify, council.city.on_call()
    notify.fails[on_call.removeprefix("+")] = "permanent-failure"
    task = council.city.report()["tasks"][0]
    worker = next(slug for slug, phone in PHONES.items() if phone == on_call)
    mail = notify.wait_for(f"{worker}@example.org", task["code"])
    assert task["code"] in (mail.subject or "")
    assert re.fullmatch(rf".+\n\n{PUBLIC_URL}/t/\S+", mail.body)
    failed = council.wait_for_event(task["id"], "failed")
    assert "permanent-failure" in failed["detail"]
    council.wait_for_event(task["id"], "delivered")


def test_callbacks_that_are_wrong_late_or_repeated_do_no_harm(council: Council) -> None:
    notify, on_call = council.notify, council.city.on_call()
    task = council.city.report()["tasks"][0]
    page = notify.wait_for(on_call, "TAKE")
    council.wait_for_event(task["id"], "delivered")
    take = notify.hears(on_call, "take Zebedee")
    for authorization in ("", "Bearer", "Bearer wrong", f"Basic {notify.callback_token}", "Bearer é"):
        refused = notify.call("sms", take, authorization=authorization)
        assert_problem(refused, 403)
        assert_problem(notify.call("receipt", b"{", authorization=authorization), 403)
    for content in (b"", b"{", [], {}, take | {"id": "Zebedee"}, take | {"message": {"Zebedee": 1}}):
        assert_problem(notify.call("sms", content), 422)
    assert_problem(notify.call("receipt", {"id": page.id, "status": "Zebedee"}), 422)
    assert council.city.task(task["id"])["state"] == "open"

    for status in ("created", "sending", "pending", "delivered", "delivered", "temporary-failure", "permanent-failure"):
        assert notify.report(page, status).status_code == 200
    stranger = {"id": take["id"], "reference": "msg_of_nobody", "status": "permanent-failure"}
    assert notify.call("receipt", stranger).status_code == 200
    events = council.events(task["id"])
    assert events.count("delivered") == 1
    assert "failed" not in events
    assert "Zebedee" not in council.log()


def assert_problem(answer: httpx.Response, status: int) -> None:
    """The answer is an error as every other one, and quotes nothing."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Zebedee" not in answer.text


def test_a_crash_between_the_sending_and_its_answer_repeats_nothing(tmp_path: Path, database_url: str) -> None:
    with running_notify(delivers=False, takes_seconds=60) as notify:
        settings = {"CALLOUT_DATABASE_URL": database_url, "CALLOUT_SANDBOX_CLOCK": BEGINNING} | notify.environment()
        with running_service(tmp_path, **settings) as service:
            story = Story(service)
            on_call = PHONES[story.on_call("education-inclusion-south").worker]
            task = story.report("weapon_in_school", locality="south")["tasks"][0]
            page = notify.wait_for(on_call, "TAKE")
            story.close()
            service.kill()
        notify.hurry.set()
        with running_service(tmp_path, **settings) as service:
            story = Story(service)
            story.advance("PT3M")
            assert notify.looked_up == [page.reference], "Notify is asked once, by our reference"
            assert notify.sent_to(on_call) == [page]
            assert "sent" in [entry["event"] for entry in story.task(task["id"])["timeline"]]
            story.close()


def test_without_notify_its_addresses_are_not_there(service: Service) -> None:
    for what in ("sms", "receipt"):
        answer = httpx.post(f"{service.url}/v1/callbacks/notify/{what}", json={}, headers={"Authorization": "Bearer x"})
        assert_problem(answer, 404)
