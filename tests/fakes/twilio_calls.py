"""Calls at the Twilio stand-in: what was dialled, what the voice says, and the keys that are pressed.

https://www.twilio.com/docs/voice/api/call-resource and https://www.twilio.com/docs/voice/twiml/gather.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from xml.etree import ElementTree

import httpx

PARAMETERS = {
    "To", "From", "Twiml", "Timeout", "StatusCallback", "StatusCallbackEvent", "MachineDetection", "AsyncAmd",
    "AsyncAmdStatusCallback",
}  # fmt: skip
LONGEST_TWIML = 4000


@dataclass
class Call:
    """One call that Twilio made."""

    to: str
    sender: str
    twiml: str
    status_callback: str
    sid: str = field(default_factory=lambda: "CA" + secrets.token_hex(16))
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "queued"

    @property
    def words(self) -> str:
        """What the voice says."""
        return heard(self.twiml)

    def answers_to(self) -> str:
        """Where a key that is pressed goes."""
        gather = ElementTree.fromstring(self.twiml).find("Gather")  # noqa: S314 - made by the service under test
        assert gather is not None, self.twiml
        assert gather.get("numDigits") == "1"
        return gather.attrib["action"]

    def resource(self, account: str) -> dict[str, Any]:
        """The call as Twilio's API shows it."""
        at = format_datetime(self.at)
        return {
            "sid": self.sid, "account_sid": account, "to": self.to, "from": self.sender, "status": self.status,
            "date_created": at, "date_updated": at, "start_time": at, "direction": "outbound-api", "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{account}/Calls/{self.sid}.json", "subresource_uris": {},
        }  # fmt: skip


def heard(twiml: str) -> str:
    """The words of a TwiML document, in order."""
    return " ".join(" ".join(ElementTree.fromstring(twiml).itertext()).split())  # noqa: S314 - made by the service under test


def call_of(form: dict[str, str], faults: list[str]) -> Call:
    """The call that a request asks for; what Twilio would not take is a fault."""
    unknown = set(form) - PARAMETERS
    if unknown:
        faults.append(f"unknown call parameters {sorted(unknown)}")
    if len(form.get("Twiml", "")) > LONGEST_TWIML:
        faults.append("the TwiML is too long")
    ElementTree.fromstring(form["Twiml"])  # noqa: S314 - made by the service under test
    return Call(to=form["To"], sender=form["From"], twiml=form["Twiml"], status_callback=form["StatusCallback"])


class Rings:
    """The part of the stand-in that rings phones."""

    account_sid: str
    public_url: str
    calls: list[Call]
    refuse_call: dict[str, int]
    faults: list[str]
    changed: threading.Condition
    call: Callable[..., httpx.Response]

    def wait_for_call(self, to: str, *, after: int = 0, within: float = 10) -> Call:
        """Wait until a number was rung, past the first `after` times."""

        def found() -> Call | None:
            return next(iter([call for call in self.calls if call.to == to][after:]), None)

        with self.changed:
            call = self.changed.wait_for(found, timeout=within)
        assert call, f"{to} was not rung; calls went to {[call.to for call in self.calls]}"
        return call

    def press(self, call: Call, key: str) -> str:
        """A key is pressed in a call; what the voice says then."""
        return self.press_at(call.answers_to().removeprefix(self.public_url), key, sid=call.sid)

    def press_at(self, path: str, key: str, *, sid: str = "CA" + "0" * 32) -> str:
        """A key goes to some address of the service; what the voice says then."""
        form = {"CallSid": sid, "AccountSid": self.account_sid, "Digits": key}
        answer = self.call(path, form)
        assert answer.status_code == HTTPStatus.OK, answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        return heard(answer.text)

    def end_call(self, call: Call, status: str, **extra: str) -> httpx.Response:
        """Tell the service how a call ended, or what answered it."""
        call.status = status
        form = {"CallSid": call.sid, "AccountSid": self.account_sid, "To": call.to, "From": call.sender}
        return self.call(call.status_callback.removeprefix(self.public_url), form | {"CallStatus": status} | extra)

    def dial(self, form: dict[str, str]) -> tuple[int, dict[str, Any] | str]:
        """Make a call, or refuse the number with a code."""
        if form.get("To", "") in self.refuse_call:
            code = self.refuse_call[form["To"]]
            return HTTPStatus.BAD_REQUEST, {"code": code, "message": "refused", "status": 400}
        call = call_of(form, self.faults)
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()
        return HTTPStatus.CREATED, call.resource(self.account_sid)

    def list_calls(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """The calls to a number, the newest first."""
        with self.changed:
            found = [call for call in self.calls if call.to in query.get("To", [call.to])]
        return {"calls": [call.resource(self.account_sid) for call in reversed(found)], "next_page_uri": None}
