"""What the wallboard shows: live tasks by locality, worst first."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from service.records import milestones, views
from service.work import Work

STATES = ("breached", "at_risk", "on_track", "paused")
NOWHERE = {"slug": "", "name": "Place unknown"}
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
    visible = [card for column in columns for card in column["tasks"] if not card["drill"]]
    return {
        "now": work.now.astimezone(work.partnership.zone),
        "timezone": work.partnership.timezone,
        "partnership": work.partnership.partnership,
        "localities": columns,
        "all_localities": [{"slug": slug, "name": names[slug]} for slug in seen],
        "locality": only,
        "counts": {state: Counter(_state(card) for card in visible)[state] for state in STATES},
    }


def _of(cards: Sequence[dict[str, Any]], locality: str | None) -> list[dict[str, Any]]:
    mine = [card for card in cards if card["locality"] == locality]
    return sorted(mine, key=lambda card: (STATES.index(_state(card)), card["next"]["due_at"] if card["next"] else LAST))


def _state(card: dict[str, Any]) -> str:
    """The worst of a task: one that nobody took in time stays overdue, whatever is still ahead."""
    if card["paused_until"]:
        return "paused"
    states = {milestone["state"] for milestone in card["sla"]}
    return next((state for state in STATES if state in states), "on_track")
