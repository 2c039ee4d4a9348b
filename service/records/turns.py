"""Whose turn it is: the most urgent first, and among the equally urgent every team in its share."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, text
from sqlmodel import col, select

from notifiers.base import Channel
from service.database import skip_locked
from service.models.outbox import OutboxMessage, is_unsent
from service.records.outbox import PAGE
from service.work import Work

# Each step goes straight to the next team in the index: its cost is the number of teams, however many messages wait.
TEAMS = text("""
    WITH RECURSIVE found(team) AS (
        SELECT min(team) FROM message WHERE state IN ('pending', 'sending') AND urgency = :urgency
        UNION ALL
        SELECT (SELECT min(team) FROM message
                WHERE state IN ('pending', 'sending') AND urgency = :urgency AND team > found.team)
        FROM found WHERE found.team IS NOT NULL
    )
    SELECT team FROM found WHERE team IS NOT NULL
""")


@dataclass(frozen=True, kw_only=True)
class Room:
    """What may be handed over now: so many messages of a channel, where that is limited, and so many that are no pages."""

    channels: Mapping[Channel, int] = field(default_factory=dict)
    others: int | None = None


def next_up(work: Work, limit: int, room: Room) -> list[OutboxMessage]:
    """Up to `limit` due messages for which there is room, locked for this transaction.

    When more wait than can be taken, the least urgent of those that would be taken are shared out among the teams.
    """
    due = _due(work, room)
    by_urgency = select(OutboxMessage).where(*due).order_by(col(OutboxMessage.urgency), col(OutboxMessage.due_at))
    rows = list(work.session.exec(skip_locked(by_urgency.limit(limit))).all())
    if rows and len(rows) == limit:
        last = rows[-1].urgency
        before = [row for row in rows if row.urgency < last]
        rows = before + _shared(work, due, last, limit - len(before))
    return _fitting(rows, room)


def is_anything_due(work: Work, room: Room) -> bool:
    """Whether a due message waits for which there is room."""
    return work.session.exec(select(OutboxMessage.id).where(*_due(work, room)).limit(1)).first() is not None


def _due(work: Work, room: Room) -> list[ColumnElement[bool]]:
    due = [is_unsent(), col(OutboxMessage.due_at) <= work.now]
    full = [channel.value for channel, free in room.channels.items() if free <= 0]
    if full:
        due.append(col(OutboxMessage.channel).not_in(full))
    if room.others == 0:
        due.append(col(OutboxMessage.purpose) == PAGE)
    return due


def _shared(work: Work, due: Sequence[ColumnElement[bool]], urgency: int, places: int) -> list[OutboxMessage]:
    teams = [str(team) for (team,) in work.session.connection().execute(TEAMS, {"urgency": urgency})]
    random.shuffle(teams)
    rows: list[OutboxMessage] = []
    for number, team in enumerate(teams):
        share = -(-(places - len(rows)) // (len(teams) - number))
        mine = select(OutboxMessage).where(*due, OutboxMessage.urgency == urgency, OutboxMessage.team == team)
        rows += work.session.exec(skip_locked(mine.order_by(col(OutboxMessage.due_at)).limit(share))).all()
        if len(rows) >= places:
            break
    return rows


def _fitting(rows: Sequence[OutboxMessage], room: Room) -> list[OutboxMessage]:
    """Those for which there is room; what is left waits for the next round."""
    taken: Counter[str] = Counter()
    others = 0
    fitting = []
    for row in rows:
        free = room.channels.get(Channel(row.channel))
        is_other = row.purpose != PAGE
        if (free is not None and taken[row.channel] >= free) or (is_other and room.others == others):
            continue
        taken[row.channel] += 1
        others += is_other
        fitting.append(row)
    return fitting
