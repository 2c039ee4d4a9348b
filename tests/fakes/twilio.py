"""A stand-in for Twilio on a real port: it checks requests, signs callbacks and fails as Twilio's documentation says.

What its documentation says stands in twilio_rules.py, and what it does with calls in twilio_calls.py.
"""

import base64
import contextlib
import json
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx

from tests.fakes.twilio_calls import Call, Rings
from tests.fakes.twilio_rules import PARAMETERS, STARTS, STOPS, Refusal, error_body, refusal_of, sign
from tests.plain_http import NO_CERTIFICATES

API = re.compile(r"^/2010-04-01/Accounts/(?P<account>AC[0-9a-f]{32})(?P<kind>/Messages|/Calls)?\.json$")
BROKEN = Refusal(500, 20500, "An internal server error has occurred")


@dataclass
class Text:
    """One text that Twilio took over."""

    sid: str
    to: str
    sender: str
    body: str
    status_callback: str | None
    validity_period: int | None
    at: datetime
    status: str = "queued"


@dataclass
class FakeTwilio(Rings):
    """One account with one number. `webhook_base` is where the service really listens, behind its public address.

    `before_answering` is what happens between taking the next text and saying so; `never_arrives` are numbers for which
    requests get lost on their way here; `answers_by_itself` are phones that send these words back to whatever they get.
    """

    account_sid: str = field(default_factory=lambda: "AC" + secrets.token_hex(16))
    auth_token: str = field(default_factory=lambda: secrets.token_hex(16))
    number: str = "+447700900900"
    public_url: str = "https://callout.example.org"
    webhook_base: str = ""
    url: str = ""
    delivers: bool = True
    texts: list[Text] = field(default_factory=list)
    received: list[Text] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    refuse_number: dict[str, Refusal] = field(default_factory=dict)
    refuse_call: dict[str, int] = field(default_factory=dict)
    refuse_next: deque[Refusal] = field(default_factory=deque)
    lose_next_answer: int = 0
    fail_after_taking: int = 0
    before_answering: Callable[[Text], object] | None = None
    never_arrives: set[str] = field(default_factory=set)
    on_their_way: list[str] = field(default_factory=list)
    answers_by_itself: dict[str, str] = field(default_factory=dict)
    asked_about: list[str] = field(default_factory=list)
    down: bool = False
    takes_seconds: float = 0
    blocked: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _reporting: ThreadPoolExecutor = field(default_factory=ThreadPoolExecutor)

    def finish(self) -> None:
        """Make the reports that are still to be made; after this the service may stop."""
        self._reporting.shutdown()

    def texts_to(self, number: str) -> list[Text]:
        """What was sent to a number, oldest first."""
        with self.changed:
            return [text for text in self.texts if text.to == number]

    def wait_for_text(self, to: str, *words: str, after: int = 0, within: float = 10) -> Text:
        """Wait until a text with these words went to a number, past the first `after` of it."""

        def found() -> Text | None:
            fitting = [t for t in self.texts if t.to == to][after:]
            return next((t for t in fitting if all(word.lower() in t.body.lower() for word in words)), None)

        with self.changed:
            text = self.changed.wait_for(found, timeout=within)
        assert text, f"no text to {to} with {words}; it got {[t.body for t in self.texts_to(to)][after:]}"
        return text

    def text_lost(self, sender: str, body: str, *, ago: timedelta = timedelta(0)) -> None:
        """A text from a phone arrives at Twilio, and the service's address does not answer: Twilio logs that, and no more."""
        sid = "SM" + secrets.token_hex(16)
        with self.changed:
            self.received.append(Text(sid, self.number, sender, body, None, None, datetime.now(UTC) - ago, "received"))

    def text_in(self, sender: str, body: str, *, sid: str | None = None, via: str = "", **extra: str) -> httpx.Response:
        """A text from a phone arrives at Twilio and goes on to the service, signed; `via` is where one replica listens."""
        word = body.strip().upper()
        if word in STOPS:
            self.blocked.add(sender)
        if word in STARTS:
            self.blocked.discard(sender)
        sid = sid or "SM" + secrets.token_hex(16)
        with self.changed:
            self.received.append(Text(sid, self.number, sender, body, None, None, datetime.now(UTC), "received"))
        form = {
            "ToCountry": "GB", "ToState": "", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "", "FromZip": "",
            "SmsSid": sid, "FromState": "", "SmsStatus": "received", "FromCity": "", "Body": body, "FromCountry": "GB",
            "To": self.number, "ToZip": "", "NumSegments": "1", "MessageSid": sid, "AccountSid": self.account_sid,
            "From": sender, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        return self.call("/v1/callbacks/twilio/sms", form | extra, via=via)

    def report(self, text: Text, status: str, **extra: str) -> httpx.Response:
        """Tell the service how far a text got, at the address that came with it."""
        text.status = status
        assert text.status_callback, "the service gave no address to report to"
        path = text.status_callback.removeprefix(self.public_url)
        assert path != text.status_callback, f"{text.status_callback} is not at {self.public_url}"
        form = {
            "AccountSid": self.account_sid, "ApiVersion": "2010-04-01", "From": self.number, "To": text.to,
            "MessageSid": text.sid, "MessageStatus": status, "SmsSid": text.sid, "SmsStatus": status,
        }  # fmt: skip
        return self.call(path, form | extra)

    def call(self, path: str, form: dict[str, str], *, signature: str | None = None, via: str = "") -> httpx.Response:
        """One signed callback. The signature is over the public address; the request goes to where the service listens."""
        signed = signature if signature is not None else sign(self.auth_token, self.public_url + path, form)
        headers = {"X-Twilio-Signature": signed, "I-Twilio-Idempotency-Token": secrets.token_hex(16)}
        address = (via or self.webhook_base) + path
        return httpx.post(address, data=form, headers=headers, timeout=15, verify=NO_CERTIFICATES)

    def _take(self, handler: "_Handler", form: dict[str, str]) -> tuple[int, dict[str, Any] | str]:
        if form.get("To") in self.never_arrives:
            return self._lose(handler, form["To"])
        refusal = self._refusal(form)
        if refusal:
            return refusal.status, error_body(refusal)
        text = Text(
            sid="SM" + secrets.token_hex(16),
            to=form["To"],
            sender=form["From"],
            body=form["Body"],
            status_callback=form.get("StatusCallback"),
            validity_period=int(form["ValidityPeriod"]) if "ValidityPeriod" in form else None,
            at=datetime.now(UTC),
        )
        threading.Event().wait(self.takes_seconds)
        with self.changed:
            self.texts.append(text)
            self.changed.notify_all()
            happening, self.before_answering = self.before_answering, None
            if self.lose_next_answer:
                self.lose_next_answer -= 1
                handler.close_connection = True
                handler.connection.close()
                return 0, ""
        if happening:
            happening(text)
        if self.delivers and text.status_callback:
            self._reporting.submit(self._deliver, text)
        if text.to in self.answers_by_itself:
            self._reporting.submit(self.text_in, text.to, self.answers_by_itself[text.to])
        if self.fail_after_taking:
            self.fail_after_taking -= 1
            return BROKEN.status, error_body(BROKEN)
        return HTTPStatus.CREATED, self._resource(text)

    def _lose(self, handler: "_Handler", number: str) -> tuple[int, str]:
        """A request that gets no further than the network: its sender hears nothing, for as long as it waits."""
        with self.changed:
            self.on_their_way.append(number)
            self.changed.notify_all()
        with contextlib.suppress(OSError):
            handler.connection.recv(1)
        handler.close_connection = True
        return 0, ""

    def _deliver(self, text: Text) -> None:
        for status in ("sent", "delivered"):
            try:
                answer = self.report(text, status)
            except httpx.HTTPError as error:
                self.faults.append(f"{status}: {error!r}")
            else:
                if answer.status_code != HTTPStatus.OK:
                    self.faults.append(f"{status}: {answer.status_code} {answer.text}")

    def _refusal(self, form: dict[str, str]) -> Refusal | None:
        unknown = set(form) - PARAMETERS
        if unknown:
            self.faults.append(f"unknown parameters {sorted(unknown)}")
        if self.refuse_next:
            return self.refuse_next.popleft()
        if form.get("To", "") in self.refuse_number:
            return self.refuse_number[form["To"]]
        return refusal_of(form, number=self.number, blocked=self.blocked)

    def _list(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """Newest first, and no more than were asked for: there is no second page here."""
        to, after, size = query.get("To"), query.get("DateSent>"), int(query.get("PageSize", ["50"])[0])
        since = datetime.fromisoformat(after[0]) if after else None
        with self.changed:
            self.asked_about += to or []
            every = [text for text in [*self.texts, *self.received] if to is None or text.to in to]
        found = sorted((text for text in every if since is None or text.at >= since), key=lambda text: text.at)
        listed = found[::-1][:size]
        return {
            "messages": [self._resource(text) for text in listed], "end": max(0, len(listed) - 1), "start": 0,
            "page": 0, "page_size": size, "next_page_uri": None, "previous_page_uri": None,
            "first_page_uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages.json?PageSize={size}&Page=0",
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages.json?PageSize={size}&Page=0",
        }  # fmt: skip

    def _resource(self, text: Text) -> dict[str, Any]:
        at = format_datetime(text.at)
        direction = "inbound" if text.to == self.number else "outbound-api"
        return {
            "sid": text.sid, "account_sid": self.account_sid, "api_version": "2010-04-01", "body": text.body,
            "date_created": at, "date_sent": at, "date_updated": at, "direction": direction, "error_code": None,
            "error_message": None, "from": text.sender, "messaging_service_sid": None, "num_media": "0",
            "num_segments": "1", "price": None, "price_unit": "GBP", "status": text.status, "to": text.to,
            "subresource_uris": {}, "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{text.sid}.json",
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    twilio: FakeTwilio

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self._known():
            form = dict(parse_qsl(body, keep_blank_values=True))
            calls = self.path.endswith("/Calls.json")
            self._answer(*(self.twilio.dial(form) if calls else self.twilio._take(self, form)))

    def do_GET(self) -> None:
        if self._known():
            asked = urlsplit(self.path)
            account = {"sid": self.twilio.account_sid, "status": "active", "type": "Full"}
            lists = {"/Messages.json": self.twilio._list, "/Calls.json": self.twilio.list_calls}
            listed = next((answer for end, answer in lists.items() if asked.path.endswith(end)), None)
            self._answer(HTTPStatus.OK, listed(parse_qs(asked.query)) if listed else account)

    def _known(self) -> bool:
        if self.twilio.down:
            self._answer(503, error_body(Refusal(503)))
            return False
        path = API.match(urlsplit(self.path).path)
        pair = f"{self.twilio.account_sid}:{self.twilio.auth_token}"
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(pair.encode()).decode():
            self._answer(401, error_body(Refusal(401, 20003, "Authenticate")))
            return False
        if path is None or path["account"] != self.twilio.account_sid:
            self._answer(404, error_body(Refusal(404, 20404, "The requested resource was not found")))
            return False
        return True

    def _answer(self, status: int, content: dict[str, Any] | str) -> None:
        if not status:
            return
        is_json = isinstance(content, dict)
        body = (json.dumps(content) if is_json else str(content)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if is_json else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Twilio's own log is not ours to read."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was killed in the middle of a call is no fault here."""


@contextlib.contextmanager
def running_twilio(**options: Any) -> Iterator[FakeTwilio]:
    """A Twilio on a free port."""
    with running(FakeTwilio(**options)) as twilio:
        yield twilio


@contextlib.contextmanager
def running(twilio: FakeTwilio) -> Iterator[FakeTwilio]:
    """A Twilio that was made beforehand, on a free port."""
    handler = type("Handler", (_Handler,), {"twilio": twilio})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    twilio.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield twilio
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
