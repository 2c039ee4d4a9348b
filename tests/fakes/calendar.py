"""A server on a real port that publishes one calendar, as e-rosters and Google do, and fails when it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FakeCalendar:
    """What it serves. `status` other than 200 is a failure, `moved_to` sends the caller elsewhere; it may stay silent, or
    drip a byte at a time."""

    url: str = ""
    text: str = ""
    status: int = 200
    moved_to: str | None = None
    silent: bool = False
    drips: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, str]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    @property
    def etag(self) -> str:
        """Changes with the text."""
        return f'"{sha256(self.text.encode()).hexdigest()[:16]}"'


def _handler(calendar: FakeCalendar) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calendar.asked.append(dict(self.headers.items()))
            if calendar.silent:
                calendar.released.wait(30)
                return
            status = calendar.status
            if calendar.moved_to:
                status = 302
            elif status == 200 and self.headers.get("If-None-Match") == calendar.etag:
                status = 304
            body = calendar.text.encode() if status == 200 else b""
            calendar.sent.append(status)
            self.send_response(status)
            if calendar.moved_to:
                self.send_header("Location", calendar.moved_to)
            if status == 200:
                self.send_header("Content-Type", "text/calendar")
                self.send_header("ETag", calendar.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):
                for part in [bytes([byte]) for byte in body] if calendar.drips else [body]:
                    self.wfile.write(part)
                    if calendar.drips and calendar.released.wait(0.05):
                        return

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler


@contextmanager
def running_calendar() -> Iterator[FakeCalendar]:
    """A calendar on a free port of this machine."""
    calendar = FakeCalendar()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(calendar))
    calendar.url = f"http://127.0.0.1:{server.server_address[1]}/private-7f3a/roster.ics"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield calendar
    finally:
        calendar.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
