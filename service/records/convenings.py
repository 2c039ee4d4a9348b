"""Bringing the workers of connected tasks together: one question to each of them, and who answers what."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from notifiers import gsm7, wording
from rules.reply import Reply, Verb
from service.database import hold
from service.errors import Conflict, Fault, Invalid
from service.models.convenings import Asked, Convening
from service.models.ids import new_id
from service.models.tasks import Task, is_live
from service.records import codes, networks, notices, outbox, paging, timeline
from service.work import Work

LOOKED_BACK = timedelta(days=28)
FURTHEST = timedelta(days=60)
OVER = timedelta(hours=1)
LONGEST_PLACE = 40
_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]?\s*[0-9][A-Z]{2}\b", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9][0-9 ]{4,}[0-9]")


def convene(work: Work, task: Task, *, at: datetime, place: str, localities: Sequence[str], actor: str) -> Convening:
    """Ask every assignee in the network behind a task to meet. Raises Invalid for a time or a place that a text can't
    hold, Conflict where there is no network, nobody to ask, or the same was asked already."""
    _check(work, at, place)
    hold(work.session, f"convene {task.id}")
    connected = _connected(work, task, localities)
    if connected == [task]:
        raise Conflict(f"{task.code} is the only open task in its network, so there is nobody to bring together")
    workers = list(dict.fromkeys(each.assignee for each in connected if each.assignee))
    if not workers:
        raise Conflict("nobody has taken any of the connected tasks yet, so there is nobody to ask")
    for earlier in of_task(work, task.id):
        if earlier.meets_at == at and earlier.place == place:
            raise Conflict(f"the same time and place was asked already: {earlier.code}")
    name = new_id("cnv", work.now)
    convening = Convening(
        id=name,
        code=codes.assign(work, name, until=at + OVER),
        task_id=task.id,
        tasks=[each.id for each in connected],
        untaken=[each.code for each in connected if not each.assignee],
        meets_at=at,
        place=place,
        made_by=actor,
        made_at=work.now,
    )
    work.session.add(convening)
    work.session.flush()
    when = paging.clock_time(at, work.partnership.zone)
    for worker in workers:
        work.session.add(Asked(convening_id=convening.id, worker=worker))
        notices.tell(work, worker, "convene", code=convening.code, at=when, where=place)
    for each in connected:
        timeline.note(work, each, "convened", f"{convening.code}: {when}, {place}", actor=actor)
    work.record("network.convened", convening.id, actor=actor, tasks=convening.tasks, asked=len(workers))
    return convening


def _check(work: Work, at: datetime, place: str) -> None:
    faults = []
    if not work.now < at <= work.now + FURTHEST:
        faults.append(Fault("/at", f"must lie ahead, by at most {FURTHEST.days} days"))
    fault = _place_fault(work, place)
    if fault:
        faults.append(Fault("/place", fault))
    if faults:
        raise Invalid("the content is wrong", tuple(faults))


def _place_fault(work: Work, place: str) -> str | None:
    """What a text may not hold: a school or another place of the rulebook's, an address, a number, a word for the harm."""
    if gsm7.septets(place) is None or len(place) > LONGEST_PLACE:
        return f"at most {LONGEST_PLACE} plain letters, such as City Hall, room 2"
    harm = wording.forbidden_in(place)
    if harm:
        return f"{harm[0]} is a word that no text may hold"
    if _POSTCODE.search(place) or _NUMBER.search(place):
        return "no postcodes and no telephone numbers: name a place that the workers know, such as City Hall, room 2"
    known = [listed.name for listed in work.policy.book.rulebook.places if listed.name]
    named = next((name for name in known if name.casefold() in place.casefold()), None)
    return (
        f"texts name no school and no hospital ({named}); meet somewhere else, or tell the place by telephone"
        if named
        else None
    )


def _connected(work: Work, task: Task, localities: Sequence[str]) -> list[Task]:
    """The live tasks in the networks behind a task, the task itself among them, the oldest first."""
    found = networks.networks(work, start=work.now - LOOKED_BACK, end=work.now, localities=localities, task=task.id)
    ids = {entry["id"] for network in found for entry in network["tasks"]} | {task.id}
    query = select(Task).where(col(Task.id).in_(ids), is_live())
    return list(work.session.exec(query.order_by(col(Task.opened_at))).all())


def of_task(work: Work, task_id: str) -> list[Convening]:
    """The convenings that a supervisor asked for from a task, the newest first."""
    query = select(Convening).where(Convening.task_id == task_id).order_by(col(Convening.id).desc())
    return list(work.session.exec(query).all())


def view(work: Work, convening: Convening) -> dict[str, Any]:
    """A convening with who was asked and what they answered."""
    rows = work.session.exec(select(Asked).where(Asked.convening_id == convening.id).order_by(col(Asked.worker))).all()
    words = {True: "yes", False: "no", None: None}
    return {
        "id": convening.id,
        "code": convening.code,
        "task": convening.task_id,
        "tasks": list(convening.tasks),
        "untaken": list(convening.untaken),
        "at": convening.meets_at,
        "place": convening.place,
        "made_by": convening.made_by,
        "made_at": convening.made_at,
        "asked": [
            {
                "worker": row.worker,
                "name": work.partnership.worker_name(row.worker),
                "answer": words[row.coming],
                "answered_at": row.answered_at,
                "words": row.words,
            }
            for row in rows
        ],
    }


def unanswered(work: Work, worker: str) -> list[str]:
    """The codes of meetings ahead to which a worker has not said anything, the next one first."""
    query = (
        select(Convening.code)
        .join(Asked, col(Asked.convening_id) == col(Convening.id))
        .where(Asked.worker == worker, col(Asked.coming).is_(None), col(Convening.meets_at) > work.now - OVER)
        .order_by(col(Convening.meets_at))
    )
    return list(work.session.exec(query).all())


def answer(work: Work, worker: str, code: str, reply: Reply) -> bool:
    """Record what a worker says to a meeting, and confirm it; a changed mind replaces what was said before. False: the
    code is no meeting's to which they were asked."""
    query = (
        select(Convening, Asked)
        .join(Asked, col(Asked.convening_id) == col(Convening.id))
        .where(Convening.code == code, Asked.worker == worker)
        .order_by(col(Convening.id).desc())
        .with_for_update(of=Asked)
    )
    found = work.session.exec(query).first()
    if found is None or reply.verb not in (Verb.TAKE, Verb.PASS):
        return False
    convening, asked = found
    when = paging.clock_time(convening.meets_at, work.partnership.zone)
    if convening.meets_at + OVER <= work.now:
        notices.tell(work, worker, "convene_over", purpose=outbox.ANSWER, code=code, at=when)
        return True
    asked.coming, asked.answered_at = reply.verb is Verb.TAKE, work.now
    asked.words = reply.words or None
    work.session.add(asked)
    said = "yes" if asked.coming else "no"
    for task in work.session.exec(select(Task).where(col(Task.id).in_(convening.tasks))).all():
        detail = f"{convening.code}: {work.partnership.worker_name(worker)} says {said}"
        timeline.note(work, task, "convening answered", detail, actor=worker, channel="sms")
    work.record("network.answered", convening.id, actor=worker, answer=said)
    notices.tell(work, worker, "convene_answered", purpose=outbox.ANSWER, code=code, at=when, said=said)
    return True
