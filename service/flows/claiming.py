"""Messages taken for the senders of this process: what is due, as fast as its providers' pace allows, what was written a moment
ago, and what a process that is gone had in hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from notifiers.base import Channel
from service.records import claims, turns
from service.records.claims import EVERYTHING, Claimed
from service.records.turns import Room
from service.runtime import Runtime
from service.work import Work

log = structlog.get_logger()

LOOKED_FOR_AGAIN = 0.5  # seconds


def claim(runtime: Runtime, limit: int, *, room: Room = EVERYTHING) -> list[Claimed]:
    """Take up to `limit` due messages for this sender: what there is room for, and what the providers' pace allows."""
    with runtime.transaction(quietly=True) as work:
        gather = timedelta(seconds=runtime.settings.gather_seconds)
        sender = runtime.database.seen_as
        return claims.claim(work, limit, settle=gather, room=paced(runtime, room), sender=sender)


def claim_new(runtime: Runtime, work: Work, room: Room, take: Callable[[Channel], bool]) -> list[Claimed]:
    """The pages that a transaction has just written, for this sender, who takes as many as there is room for."""
    gather = timedelta(seconds=runtime.settings.gather_seconds)
    return claims.claim_new(work, settle=gather, room=paced(runtime, room), sender=runtime.database.seen_as, take=take)


def put_back(runtime: Runtime, claimed: Sequence[Claimed]) -> None:
    """Leave to others what this process took and will not send any more."""
    if claimed:
        with runtime.transaction() as work:
            claims.put_back(work, claimed)


def drop(runtime: Runtime, claimed: Sequence[Claimed]) -> None:
    """Leave to whoever comes first what this process gave up in the middle, and what a transaction wrote of which nobody knows
    whether it was stored."""
    if claimed:
        with runtime.transaction(quietly=True) as work:
            claims.drop(work, claimed)


def hand_on(runtime: Runtime, wait: Callable[[float], object]) -> None:
    """Take over at once what processes had in hand that are gone. Whoever only lost its connection for a moment is not: it is
    looked for twice."""
    with runtime.reading() as work:
        gone = claims.senders(work) - {runtime.database.name}
    if gone:
        gone = runtime.database.gone(gone)
    if gone and not runtime.database.is_sqlite:
        wait(LOOKED_FOR_AGAIN)
        gone = runtime.database.gone(gone)
    if gone:
        log.warning("taking over from processes that are gone", processes=len(gone))
        with runtime.transaction() as work:
            claims.hand_on(work, gone)


def paced(runtime: Runtime, room: Room) -> Room:
    """The room that the providers' pace leaves."""
    channels = dict(room.channels)
    for channel, providers in runtime.notifiers.items():
        left = runtime.standing.left([each.name for each in providers])
        if left is not None:
            left -= room.unspent.get(channel, 0)
            channels[channel] = min(left, channels.get(channel, left))
    return replace(room, channels=channels)


def due_now(runtime: Runtime, *, room: Room = EVERYTHING) -> bool:
    """Whether anything waits for which there is room; a read, so that an idle service writes nothing."""
    with runtime.looking() as work:
        return turns.is_anything_due(work, paced(runtime, room))
