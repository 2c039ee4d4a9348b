"""Calendars of other systems, read again and again: fetched outside any transaction, kept with their shifts."""

import threading
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from rules.rosters import NoCalendarError, Roster, read_roster
from service import remote_calendar
from service.records import calendar_sources
from service.records.calendar_sources import Claimed
from service.remote_calendar import Fetched, Unreadable
from service.runtime import Runtime

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """For which days a calendar is read, and by whose clocks."""

    start: datetime
    end: datetime
    zone: ZoneInfo


def read_due(runtime: Runtime, stopping: threading.Event) -> int:
    """Read the calendars that are due, one after the other; how many there were."""
    done = 0
    while not stopping.is_set() and _is_due(runtime):
        with runtime.transaction() as work:
            claimed = calendar_sources.claim(work)
            start, end = calendar_sources.period(work)
            frame = _Frame(start=start, end=end, zone=work.partnership.zone)
        if claimed is None:
            break
        _read(runtime, claimed, frame, stopping)
        done += 1
    return done


def _is_due(runtime: Runtime) -> bool:
    with runtime.reading() as work:
        return calendar_sources.is_due(work)


def _read(runtime: Runtime, claimed: Claimed, frame: _Frame, stopping: threading.Event) -> None:
    fetched: Fetched | None = None
    try:
        fetched = remote_calendar.read(
            claimed.spec.source,
            runtime.settings.calendars,
            etag=claimed.etag,
            modified=claimed.modified,
            stopping=stopping,
        )
        text = claimed.document if fetched.text is None else fetched.text
        roster = _shifts(claimed, text or "", frame)
    except Unreadable as error:
        if not stopping.is_set():
            _failed(runtime, claimed, str(error), frame)
        return
    with runtime.transaction() as work:
        calendar_sources.keep(
            work, claimed, text=text or "", roster=roster, etag=fetched.etag, modified=fetched.modified
        )


def _failed(runtime: Runtime, claimed: Claimed, error: str, frame: _Frame) -> None:
    """The last good copy is read once more: days have passed, and people may have joined since it came."""
    log.warning("calendar could not be read", team=claimed.team, layer=claimed.layer, reason=error)
    try:
        roster = _shifts(claimed, claimed.document, frame) if claimed.document is not None else None
    except Unreadable:
        roster = None
    with runtime.transaction() as work:
        calendar_sources.fail(work, claimed, error, roster)


def _shifts(claimed: Claimed, text: str, frame: _Frame) -> Roster:
    source = claimed.spec.source
    try:
        return read_roster(
            text,
            claimed.people,
            match=source.match,
            begins=source.begins(),
            start=frame.start,
            end=frame.end,
            zone=frame.zone,
        )
    except NoCalendarError as error:
        raise Unreadable(str(error)) from None
    except Exception as error:
        # Calendars come from anywhere, and two libraries read them: whatever one of them stumbles over must leave the
        # last good copy in force.
        log.error("calendar not understood", team=claimed.team, layer=claimed.layer, kind=type(error).__name__)
        raise Unreadable(f"its events can't be understood ({type(error).__name__})") from None
