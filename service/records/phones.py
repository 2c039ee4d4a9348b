"""The workers' on-screen phones: what went to each, and what was typed on it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from notifiers.base import Channel
from service.models.outbox import MessageState, OutboxMessage, ReceivedText
from service.models.tasks import Task, is_live
from service.partnership import DUTY_TEAM
from service.records import milestones, people, views
from service.work import Work

SHOWN = timedelta(days=3)
MOST = 10_000
ON_SCREEN = 600
THREAD = 40
RECENT = 6
LINES = 14


def messages(work: Work, limit: int = MOST) -> list[dict[str, Any]]:
    """What went out, newest last. `tasks` are those that a text is about: several where it carries several pages."""
    hidden = [MessageState.PENDING.value, MessageState.CANCELLED.value]
    query = (
        select(OutboxMessage, Task.code)
        .join(Task, col(Task.id) == col(OutboxMessage.task_id), isouter=True)
        .where(
            col(OutboxMessage.state).not_in(hidden),
            col(OutboxMessage.carrier_id).is_(None),
            OutboxMessage.channel != Channel.TEAM,
        )
        .order_by(col(OutboxMessage.written_at).desc(), col(OutboxMessage.id).desc())
        .limit(limit)
    )
    rows = list(reversed(work.session.exec(query).all()))
    carried = _carried(work, [row.id for row, _ in rows if row.task_id is None])
    return [
        {
            "id": row.id,
            "at": row.sent_at or row.written_at,
            "channel": row.channel,
            "to": row.address,
            "text": row.text,
            "subject": row.subject,
            "task": row.task_id,
            "tasks": [row.task_id] if row.task_id else carried[row.id],
            "code": code,
            "worker": row.worker,
            "state": row.state,
        }
        for row, code in rows
    ]


def _carried(work: Work, carriers: Sequence[str]) -> defaultdict[str | None, list[str | None]]:
    found: defaultdict[str | None, list[str | None]] = defaultdict(list)
    query = select(OutboxMessage.carrier_id, OutboxMessage.task_id).where(
        col(OutboxMessage.carrier_id).in_(carriers), OutboxMessage.state != MessageState.CANCELLED.value
    )
    for carrier, task in work.session.exec(query.order_by(col(OutboxMessage.task_id))).all():
        found[carrier].append(task)
    return found


def threads(work: Work) -> list[dict[str, Any]]:
    """Every worker's phone: its name, its duty now, and its last messages both ways."""
    sent: defaultdict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for message in messages(work, ON_SCREEN):
        shown = {key: message[key] for key in ("id", "at", "channel", "subject", "text", "state")}
        sent[message["worker"]].append(shown | {"direction": "out", "task": message["code"]})
    typed = select(ReceivedText).where(col(ReceivedText.at) > work.now - SHOWN).order_by(col(ReceivedText.at))
    for text in work.session.exec(typed).all():
        sent[text.worker].append(
            {
                "id": text.id,
                "at": text.at,
                "direction": "in",
                "channel": "sms",
                "subject": None,
                "text": text.body,
                "state": "received",
                "task": None,
            }
        )
    on_call = {team: people.on_call(work, team)[:1] for team in [*work.partnership.team_by_slug, DUTY_TEAM]}
    gone = people.away(work)
    return [
        {
            "worker": worker.slug,
            "name": worker.name,
            "phone": worker.phone,
            "teams": [work.partnership.team_name(team) for team in work.partnership.teams_of(worker.slug)],
            "on_call": [work.partnership.team_name(team) for team, first in on_call.items() if worker.slug in first],
            "status": "off" if gone.get(worker.slug) == "is off" else "unreachable" if worker.slug in gone else "on",
            "thread": sorted(sent[worker.slug], key=lambda message: message["at"])[-THREAD:],
        }
        for worker in work.partnership.workers
    ]


def cards(work: Work) -> list[dict[str, Any]]:
    """The open tasks and the few that ended last, with the end of their timelines."""
    ended = select(Task).where(~is_live()).order_by(col(Task.closed_at).desc()).limit(RECENT)
    rows: Sequence[Task] = [*reversed(views.live_tasks(work, ())), *work.session.exec(ended).all()]
    due = milestones.of_tasks(work, [task.id for task in rows])
    return [views.card(work, task, due[task.id], lines=LINES) for task in rows]
