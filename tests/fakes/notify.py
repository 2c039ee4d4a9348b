"""A stand-in for GOV.UK Notify on a real port: it checks tokens and requests, calls back, and fails as its documentation says.

https://docs.notifications.service.gov.uk/rest-api.html. What a request must be stands in notify_rules.py.
"""

import json
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.fakes.notify_rules import (
    ALLOWED,
    SIMULATED,
    SMOKE,
    Notification,
    Refusal,
    Template,
    address,
    believe,
    filled,
)
from tests.plain_http import NO_CERTIFICATES

PAGE = 250
Answer = tuple[int, dict[str, Any]]


@dataclass
class FakeNotify:
    """One service with one key. `key_type` is test, team or live; only Notify knows it. `webhook_base` is where we listen."""

    service_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_type: str = "live"
    guests: set[str] = field(default_factory=set)
    callback_token: str = "the-token-that-notify-sends-Qx7-" + "k3" * 4
    webhook_base: str = ""
    url: str = ""
    delivers: bool = True
    minute_limit: int = 3000
    daily_limit: int = 250_000
    clock_ahead: float = 0
    date: datetime | None = None
    sms: Template = field(default_factory=lambda: Template("sms", "((message))"))
    email: Template = field(default_factory=lambda: Template("email", "((message))", "((subject))"))
    notifications: list[Notification] = field(default_factory=list)
    texts_in: list[dict[str, str]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    refuse_next: deque[Refusal] = field(default_factory=deque)
    fails: dict[str, str] = field(default_factory=dict)
    lose_next_answer: int = 0
    fail_after_taking: int = 0
    refuse_asking: bool = False
    down: bool = False
    refused: int = 0
    takes_seconds: float = 0
    hurry: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    faults: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _reporting: ThreadPoolExecutor = field(default_factory=ThreadPoolExecutor)

    @property
    def api_key(self) -> str:
        """The key as Notify shows it once."""
        return f"callout_{self.key_type}-{self.service_id}-{self.secret}"

    def environment(self) -> dict[str, str]:
        """The settings of an installation that uses this service."""
        return {
            "CALLOUT_NOTIFY_API_KEY": self.api_key,
            "CALLOUT_NOTIFY_API_BASE": self.url,
            "CALLOUT_NOTIFY_CALLBACK_TOKEN": self.callback_token,
            "CALLOUT_NOTIFY_SMS_TEMPLATE": self.sms.id,
            "CALLOUT_NOTIFY_EMAIL_TEMPLATE": self.email.id,
        }

    def finish(self) -> None:
        """Make the reports that are still to be made; after this the service may stop."""
        self._reporting.shutdown()

    def sent_to(self, to: str) -> list[Notification]:
        """What was sent to a number, in E.164, or to a mailbox, oldest first."""
        with self.changed:
            return [each for each in self.notifications if each.to == to.removeprefix("+")]

    def wait_for(self, to: str, *words: str, after: int = 0, within: float = 10) -> Notification:
        """Wait until a message with these words went to a number or a mailbox, past the first `after` of it."""

        def found() -> Notification | None:
            fitting = [each for each in self.notifications if each.to == to.removeprefix("+")][after:]
            return next((n for n in fitting if all(word.lower() in n.body.lower() for word in words)), None)

        with self.changed:
            sent = self.changed.wait_for(found, timeout=within)
        assert sent, f"nothing to {to} with {words}; it got {[n.body for n in self.sent_to(to)][after:]}"
        return sent

    def hears(self, sender: str, body: str, *, at: datetime | None = None) -> dict[str, str]:
        """A text from a phone arrives at Notify, which keeps it; the callback that it would make of it."""
        moment = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        kept = {
            "id": str(uuid.uuid4()), "user_number": sender.removeprefix("+"), "notify_number": "07700900900",
            "service_id": self.service_id, "content": body, "created_at": moment,
        }  # fmt: skip
        with self.changed:
            self.texts_in.append(kept)
        return {
            "id": kept["id"], "source_number": kept["user_number"], "destination_number": kept["notify_number"],
            "message": body, "date_received": moment,
        }  # fmt: skip

    def text_in(self, sender: str, body: str, *, times: int = 1) -> list[httpx.Response]:
        """A text from a phone arrives and goes on to the service, as often as Notify happens to deliver it."""
        heard = self.hears(sender, body)
        return [self.call("sms", heard) for _ in range(times)]

    def report(self, sent: Notification, status: str) -> httpx.Response:
        """Tell the service how far a message got."""
        sent.status = status
        at = sent.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = {
            "id": sent.id, "reference": sent.reference, "to": sent.to, "status": status, "created_at": at,
            "completed_at": at, "sent_at": at, "notification_type": sent.type, "template_id": sent.template.id,
            "template_version": 1,
        }  # fmt: skip
        return self.call("receipt", body)

    def call(self, what: str, body: Any, *, authorization: str | None = None) -> httpx.Response:
        """One callback with the bearer token."""
        given = authorization if authorization is not None else f"Bearer {self.callback_token}"
        headers = [(b"Authorization", given.encode()), (b"Content-Type", b"application/json")]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"{self.webhook_base}/v1/callbacks/notify/{what}"
        return httpx.post(path, content=content, headers=headers, timeout=15, verify=NO_CERTIFICATES)

    def _take(self, handler: "_Handler", kind: str, body: dict[str, Any]) -> Answer:
        if self.refuse_next:
            raise self.refuse_next.popleft()
        self._within_limits()
        to = address(kind, body)
        template, words, subject = filled(kind, body, [self.sms, self.email])
        if self.key_type == "team" and to not in self.guests:
            raise Refusal(400, "BadRequestError", "Can't send to this recipient using a team-only API key")
        sent = Notification(
            id=str(uuid.uuid4()),
            type=kind,
            to=to,
            body=words,
            subject=subject,
            reference=body.get("reference"),
            template=template,
            at=datetime.now(UTC),
        )
        if to in SMOKE:
            return 201, sent.taken(self.url)
        with self.changed:
            self.notifications.append(sent)
            self.changed.notify_all()
        self.hurry.wait(self.takes_seconds)
        if self.lose_next_answer:
            self.lose_next_answer -= 1
            handler.close_connection = True
            handler.connection.close()
            return 0, {}
        if self.fail_after_taking:
            self.fail_after_taking -= 1
            raise Refusal(500, "Exception", "Internal server error")
        if self.delivers and self.webhook_base:
            self._reporting.submit(self._deliver, sent)
        return 201, sent.taken(self.url)

    def _deliver(self, sent: Notification) -> None:
        try:
            answer = self.report(sent, self.fails.get(sent.to) or SIMULATED.get(sent.to, "delivered"))
        except httpx.HTTPError as error:
            self.faults.append(f"report: {error!r}")
        else:
            if answer.status_code != httpx.codes.OK:
                self.faults.append(f"report: {answer.status_code} {answer.text}")

    def _within_limits(self) -> None:
        self.asked += 1
        if self.asked > self.minute_limit:
            what = f"{self.key_type} of {self.minute_limit} requests per 60 seconds"
            raise Refusal(429, "RateLimitError", f"Exceeded rate limit for key type {what}")
        if self.key_type != "test" and len(self.notifications) >= self.daily_limit:
            raise Refusal(429, "TooManyRequestsError", f"Exceeded send limits (sms: {self.daily_limit}) for today")

    def _list(self, query: dict[str, list[str]]) -> Answer:
        reference = query.get("reference", [""])[0]
        self.looked_up.append(reference)
        if self.refuse_asking:
            raise Refusal(503, None, "")
        with self.changed:
            found = [each for each in self.notifications if reference in ("", each.reference)]
        kept = [
            {
                "id": each.id, "reference": each.reference, "type": each.type, "status": each.status, "body": each.body,
                "subject": each.subject, "phone_number": each.to, "template": {"id": each.template.id, "version": 1},
                "created_at": each.at.isoformat(), "sent_at": None, "completed_at": None,
            }
            for each in reversed(found)
        ]  # fmt: skip
        return 200, {"notifications": kept[:PAGE], "links": {"current": f"{self.url}/v2/notifications"}}

    def _received(self, query: dict[str, list[str]]) -> Answer:
        with self.changed:
            newest = list(reversed(self.texts_in))
        ids = [each["id"] for each in newest]
        begin = ids.index(query["older_than"][0]) + 1 if "older_than" in query else 0
        page = newest[begin : begin + PAGE]
        links = {"current": f"{self.url}/v2/received-text-messages"}
        if page:
            links["next"] = f"{self.url}/v2/received-text-messages?older_than={page[-1]['id']}"
        return 200, {"received_text_messages": page, "links": links}

    def _template(self, wanted: str) -> Answer:
        for each in (self.sms, self.email):
            if each.id == wanted:
                kept = {"id": each.id, "type": each.type, "body": each.body, "subject": each.subject, "version": 1}
                return 200, kept | {
                    "name": "Callout",
                    "created_by": "someone@example.org",
                    "letter_contact_block": None,
                }
        raise Refusal(404, "NoResultFound", "No result found")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    notify: FakeNotify

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        kind = self.path.removeprefix("/v2/notifications/")
        self._serve(lambda: self.notify._take(self, kind, body) if kind in ALLOWED else self._nothing())

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = parse_qs(asked.query)
        if asked.path == "/v2/notifications":
            self._serve(lambda: self.notify._list(query))
        elif asked.path == "/v2/received-text-messages":
            self._serve(lambda: self.notify._received(query))
        elif asked.path.startswith("/v2/template/"):
            self._serve(lambda: self.notify._template(asked.path.rsplit("/", 1)[-1]))
        else:
            self._serve(self._nothing)

    def _nothing(self) -> Answer:
        raise Refusal(404, "NoResultFound", "No result found")

    def _serve(self, answer: Any) -> None:
        try:
            if self.notify.down:
                self.notify.refused += 1
                raise Refusal(503, None, "")
            believe(
                self.headers.get("Authorization", ""),
                service_id=self.notify.service_id,
                secret=self.notify.secret,
                clock_ahead=self.notify.clock_ahead,
            )
            status, content = answer()
        except Refusal as refusal:
            status = refusal.status
            errors = [{"error": refusal.kind, "message": refusal.message}]
            content = {"status_code": status, "errors": errors} if refusal.kind else {}
        if not status:
            return
        body = json.dumps(content).encode() if content else b"<html><body>upstream connect error</body></html>"
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if content else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The moment that Notify says it is."""
        return (
            format_datetime(self.notify.date, usegmt=True) if self.notify.date else super().date_time_string(timestamp)
        )

    def log_message(self, *_: Any) -> None:
        """Notify's own log is not ours to read."""


@contextmanager
def running_notify(**options: Any) -> Iterator[FakeNotify]:
    """A GOV.UK Notify on a free port."""
    notify = FakeNotify(**options)
    handler = type("Handler", (_Handler,), {"notify": notify})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    notify.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield notify
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
