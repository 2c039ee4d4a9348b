"""What the wallboard shows: live tasks by locality, worst first; and one task whole."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from string import ascii_uppercase
from typing import Any

from sqlmodel import col, select

from service.errors import NotFound
from service.models.incidents import Incident, Purpose
from service.models.tasks import LIVE, Task
from service.partnership import DUTY_TEAM
from service.records import convenings, milestones, networks, rota_watch, views
from service.work import Work

STATES = ("breached", "at_risk", "on_track", "paused")
NOWHERE = {"slug": "", "name": "Place unknown"}
ALL_LINES = 500
LOOKED_BACK = timedelta(days=28)
LAST = datetime.max.replace(tzinfo=UTC)


def board(work: Work, allowed: Sequence[str], only: str | None) -> dict[str, Any]:
    """The board of the localities that a supervisor may see; `only` narrows it to one of them."""
    names = work.partnership.locality_names
    seen = [slug for slug in names if not allowed or slug in allowed]
    shown = [slug for slug in seen if only in (None, slug)]
    rows = views.live_tasks(work, allowed)
    due = milestones.of_tasks(work, [task.id for task in rows])
    cards = [views.card(work, task, due[task.id]) for task in rows]
    columns: list[dict[str, Any]] = [{"slug": slug, "name": names[slug], "tasks": _of(cards, slug)} for slug in shown]
    lost = _of(cards, None) if not only and not allowed else []
    if lost:
        columns.append({**NOWHERE, "tasks": lost})
    visible = [
        card
        for column in columns
        for card in column["tasks"]
        if not card["drill"] and card["purpose"] == Purpose.RESPONSE
    ]
    return {
        "now": work.now.astimezone(work.partnership.zone),
        "timezone": work.partnership.timezone,
        "partnership": work.partnership.partnership,
        "localities": columns,
        "all_localities": [{"slug": slug, "name": names[slug]} for slug in seen],
        "locality": only,
        "gaps": _gaps(work, shown),
        "counts": {state: Counter(_state(card) for card in visible)[state] for state in STATES},
    }


def _gaps(work: Work, localities: Sequence[str]) -> list[dict[str, Any]]:
    """Where nobody would answer within the next three days; the duty manager, and a team of no locality, serve all."""
    teams = work.partnership.team_by_slug
    served = {slug: teams[slug].locality if slug in teams else None for slug in (*teams, DUTY_TEAM)}
    return [
        {
            "team_name": work.partnership.team_name(row.team),
            "now": row.starts_at <= work.now,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "reason": row.reason,
            "number": row.number,
        }
        for row in rota_watch.open_gaps(work)
        if row.ends_at > work.now and served.get(row.team) in (None, *localities)
    ]


def task_card(work: Work, task_id: str, allowed: Sequence[str]) -> dict[str, Any]:
    """One task as its supervisors see it, with the network behind it. Raises NotFound for one that they may not see."""
    task = work.session.get(Task, task_id)
    if task is None or (allowed and task.locality not in allowed):
        raise NotFound("there is no such task")
    shown = views.card(work, task, milestones.of_task(work, task.id), lines=ALL_LINES)
    found = networks.networks(work, start=work.now - LOOKED_BACK, end=work.now, localities=allowed, task=task.id)
    return {
        "now": work.now.astimezone(work.partnership.zone),
        "task": shown | {"locality_name": work.partnership.locality_name(task.locality)},
        "live": task.state in LIVE,
        "networks": [_lettered(work, network, task.id) for network in found],
        "convenings": [convenings.view(work, each) for each in convenings.of_task(work, task.id)],
    }


def _lettered(work: Work, network: dict[str, Any], task_id: str) -> dict[str, Any]:
    """A network whose incidents are called by letters, so that a table can say which of them each member stands in."""
    names = {name: _letter(number) for number, name in enumerate(network["incidents"])}
    rows = work.session.exec(select(Incident).where(col(Incident.id).in_(list(names)))).all()
    return {
        "incidents": sorted(
            (
                {"letter": names[row.id], "type": row.type, "at": row.occurred_at, "locality": row.locality}
                for row in rows
            ),
            key=lambda incident: incident["at"],
        ),
        "members": [
            member | {"letters": [names[name] for name in member["incidents"]]} for member in network["members"]
        ],
        "tasks": [
            entry
            | {
                "team_name": work.partnership.team_name(entry["team"]),
                "who": work.partnership.worker_name(entry["assignee"]) if entry["assignee"] else None,
                "here": entry["id"] == task_id,
            }
            for entry in network["tasks"]
        ],
    }


def _letter(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    more, rest = divmod(number, len(ascii_uppercase))
    return (_letter(more - 1) if more else "") + ascii_uppercase[rest]


def _of(cards: Sequence[dict[str, Any]], locality: str | None) -> list[dict[str, Any]]:
    mine = [card for card in cards if card["locality"] == locality]
    return sorted(mine, key=lambda card: (STATES.index(_state(card)), card["next"]["due_at"] if card["next"] else LAST))


def _state(card: dict[str, Any]) -> str:
    """The worst of a task: one that nobody took in time stays overdue, whatever is still ahead."""
    if card["paused_until"]:
        return "paused"
    states = {milestone["state"] for milestone in card["sla"]}
    return next((state for state in STATES if state in states), "on_track")
