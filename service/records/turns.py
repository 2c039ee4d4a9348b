"""Whose turn it is: the most urgent first, and among the equally urgent every team in its share."""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, bindparam, text
from sqlmodel import col, select

from notifiers.base import Channel
from service.asking import Question, columns_of
from service.database import UtcDateTime, skip_locked
from service.models.outbox import OutboxMessage, is_unsent
from service.records.outbox import PAGE
from service.work import SetUp, Work

# Each step goes straight to the next team in the index, round from the one after `after`: its cost is the number of places,
# however many teams and messages wait.
TEAMS = Question(
    text("""
    WITH RECURSIVE found(team, number) AS (
        SELECT coalesce(
            (SELECT min(team) FROM message
             WHERE state IN ('pending', 'sending') AND urgency = :urgency AND team > :after),
            (SELECT min(team) FROM message WHERE state IN ('pending', 'sending') AND urgency = :urgency)
        ), 1
        UNION ALL
        SELECT coalesce(
            (SELECT min(team) FROM message
             WHERE state IN ('pending', 'sending') AND urgency = :urgency AND team > found.team),
            (SELECT min(team) FROM message WHERE state IN ('pending', 'sending') AND urgency = :urgency)
        ), found.number + 1
        FROM found WHERE found.team IS NOT NULL AND found.number < :places
    )
    SELECT DISTINCT team FROM found WHERE team IS NOT NULL
""").columns(team=String),
    of=[OutboxMessage],
)


def _shares(words: str) -> Question:
    due = text(words).bindparams(bindparam("now", type_=UtcDateTime))
    return Question(due.columns(id=String), of=[OutboxMessage])


# Of each team in the order given the few that are due for longest, until there are enough.
SHARES = {
    "postgresql": _shares("""
        SELECT found.id FROM unnest(CAST(:teams AS text[])) WITH ORDINALITY AS asked(team, place)
        CROSS JOIN LATERAL (
            SELECT id FROM message
            WHERE state IN ('pending', 'sending') AND urgency = :urgency AND team = asked.team AND due_at <= :now
                AND (NOT :only_pages OR purpose = 'page') AND channel <> ALL(CAST(:full AS text[]))
            ORDER BY due_at LIMIT :share
        ) AS found
        ORDER BY asked.place LIMIT :places"""),
    "sqlite": _shares("""
        SELECT found.id FROM json_each(:teams) AS asked CROSS JOIN message AS found ON found.rowid IN (
            SELECT nearest.rowid FROM message AS nearest
            WHERE nearest.state IN ('pending', 'sending') AND nearest.urgency = :urgency AND nearest.team = asked.value
                AND nearest.due_at <= :now AND (NOT :only_pages OR nearest.purpose = 'page')
                AND nearest.channel NOT IN (SELECT value FROM json_each(:full))
            ORDER BY nearest.due_at LIMIT :share
        )
        LIMIT :places"""),
}


@dataclass(frozen=True, kw_only=True)
class Room:
    """What may be taken now: so many messages of a channel, where that is limited, and so many that are no pages. `unspent`: what
    of each channel was taken before and has not been given to a provider yet."""

    channels: Mapping[Channel, int] = field(default_factory=dict)
    others: int | None = None
    unspent: Mapping[Channel, int] = field(default_factory=dict)

    @property
    def full(self) -> list[str]:
        """The channels by which nothing may be handed over now."""
        return [channel.value for channel, free in self.channels.items() if free <= 0]

    @property
    def asks(self) -> tuple[bool, bool]:
        """Whether a channel is full, and whether nothing but pages may go."""
        return bool(self.full), self.others == 0


def next_up(work: Work, limit: int, room: Room) -> list[OutboxMessage]:
    """Up to `limit` due messages for which there is room, locked for this transaction.

    When more wait than can be taken, the least urgent of those that would be taken are shared out among the teams.
    """
    asking, values = _asking(room.asks), _values(work, room)
    first = work.session.ask(asking.first, **values, most=limit)
    ids = [row.id for row in first]
    if first and len(first) == limit:
        last = first[-1].urgency
        before = [row.id for row in first if row.urgency < last]
        ids = list(dict.fromkeys([*before, *_shared(work, room, last, limit - len(before)), *ids]))[:limit]
    if not ids:
        return []
    # Whole messages are read only here: opening what is sealed in them is the dearest part of a claim.
    place = {name: number for number, name in enumerate(ids)}
    rows = work.session.find(OutboxMessage, asking.whole, **values, ids=ids)
    return fitting(sorted(rows, key=lambda row: place[row.id]), room)


def is_anything_due(work: SetUp, room: Room) -> bool:
    """Whether a due message waits for which there is room."""
    return bool(work.session.ask(_asking(room.asks).anything, **_values(work, room)))


class _Asking(NamedTuple):
    """Whether anything is due, which messages are, the most urgent first, and those of some ids that still are."""

    anything: Question
    first: Question
    whole: Question


@cache
def _asking(asks: tuple[bool, bool]) -> _Asking:
    """A limit that does not hold is not in the questions."""
    due = _due(*asks)
    first: Any = select(OutboxMessage.id, OutboxMessage.urgency).where(*due)
    first = first.order_by(col(OutboxMessage.urgency), col(OutboxMessage.due_at)).limit(bindparam("most"))
    asked = col(OutboxMessage.id).in_(bindparam("ids", expanding=True))
    whole = select(*columns_of(OutboxMessage)).where(*due, asked)
    anything = select(OutboxMessage.id).where(*due).limit(1)
    return _Asking(Question(anything), Question(skip_locked(first)), Question(skip_locked(whole)))


def _due(some_full: bool, only_pages: bool) -> list[ColumnElement[bool]]:
    due = [is_unsent(), col(OutboxMessage.due_at) <= bindparam("now", type_=UtcDateTime)]
    if some_full:
        due.append(col(OutboxMessage.channel).not_in(bindparam("full", expanding=True)))
    if only_pages:
        due.append(col(OutboxMessage.purpose) == PAGE)
    return due


def _values(work: SetUp, room: Room) -> dict[str, Any]:
    return {"now": work.now} | ({"full": room.full} if room.full else {})


def _shared(work: Work, room: Room, urgency: int, places: int) -> list[str]:
    """The ids of a share of each of some teams, as many teams as there are places. Which ones is left to chance."""
    dialect = work.session.connection().dialect.name
    known = ["", *work.partnership.team_by_slug]
    after = random.choice(known)  # noqa: S311 - it keeps no secret
    teams = [row.team for row in work.session.ask(TEAMS, urgency=urgency, after=after, places=places)]
    random.shuffle(teams)
    as_kept = list if dialect == "postgresql" else json.dumps
    values = {
        "teams": as_kept(teams),
        "full": as_kept(room.full),
        "only_pages": room.others == 0,
        "urgency": urgency,
        "now": work.now,
        "share": -(-places // max(len(teams), 1)),
        "places": places,
    }
    return [row.id for row in work.session.ask(SHARES[dialect], **values)]


def fitting(rows: Sequence[OutboxMessage], room: Room) -> list[OutboxMessage]:
    """Those for which there is room; what is left waits for the next round."""
    taken: Counter[str] = Counter()
    others = 0
    found = []
    for row in rows:
        free = room.channels.get(Channel(row.channel))
        is_other = row.purpose != PAGE
        if (free is not None and taken[row.channel] >= free) or (is_other and room.others == others):
            continue
        taken[row.channel] += 1
        others += is_other
        found.append(row)
    return found
