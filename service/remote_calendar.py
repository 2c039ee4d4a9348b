"""Fetches a calendar that another system publishes: bounded in time, size and redirects, and only if it has changed."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

from notifiers.tls import trusted
from rules.layers import SourceSpec, is_address

PATIENCE = 5.0  # seconds for each step of a conversation; three times as many for the whole
MOST_BYTES = 2 * 1024 * 1024
MOST_REDIRECTS = 3
MOVED = frozenset({301, 302, 303, 307, 308})


class Unreadable(Exception):
    """A calendar could not be fetched or read. Its text holds no address: addresses of calendars are secrets."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What came: the text, or none when it is what we have already; and what to ask with next time."""

    text: str | None
    etag: str | None = None
    modified: str | None = None


def read(
    source: SourceSpec,
    folder: Path,
    *,
    etag: str | None,
    modified: str | None,
    stopping: threading.Event,
    patience: float = PATIENCE,
) -> Fetched:
    """A calendar from its address or its file. Raises Unreadable, at once when the service is stopping."""
    if not source.is_address:
        return Fetched(text=_from_file(folder / source.ical))
    try:
        return _from_address(source.ical, etag, modified, stopping, patience)
    except httpx.TimeoutException:
        raise Unreadable("it did not answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreadable(f"it could not be reached ({type(error).__name__})") from None


def _from_file(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unreadable("the file is larger than 2 MiB")
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise Unreadable(f"the file can't be read: {error.strerror}") from None


def _from_address(
    address: str, etag: str | None, modified: str | None, stopping: threading.Event, patience: float
) -> Fetched:
    address = address.replace("webcal://", "https://", 1)
    asked = {"Accept": "text/calendar, */*;q=0.1", "User-Agent": "Callout"}
    asked |= {"If-None-Match": etag} if etag else {}
    asked |= {"If-Modified-Since": modified} if modified else {}
    until = time.monotonic() + 3 * patience
    with httpx.Client(verify=trusted(), timeout=patience, headers=asked) as client:
        for _ in range(MOST_REDIRECTS + 1):
            with client.stream("GET", address) as answer:
                if answer.status_code in MOVED:
                    address = urljoin(address, answer.headers.get("location", ""))
                    if not is_address(address):
                        raise Unreadable("it redirects to an address that is not https")
                    continue
                if answer.status_code == httpx.codes.NOT_MODIFIED and (etag or modified):
                    return Fetched(text=None, etag=etag, modified=modified)
                if answer.status_code != httpx.codes.OK:
                    raise Unreadable(f"it answered {answer.status_code}")
                return Fetched(
                    text=_body(answer, until, stopping),
                    etag=answer.headers.get("etag"),
                    modified=answer.headers.get("last-modified"),
                )
    raise Unreadable(f"it redirects more than {MOST_REDIRECTS} times")


def _body(answer: httpx.Response, until: float, stopping: threading.Event) -> str:
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > MOST_BYTES:
            raise Unreadable("it is larger than 2 MiB")
        if time.monotonic() > until:
            raise Unreadable("it did not answer in time")
        if stopping.is_set():
            raise Unreadable("the service was stopped meanwhile")
    return body.decode("utf-8-sig", "replace")
