"""Who is on call, who is away, and whose number a text came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import col, or_, select

from rules import rotation
from service.asking import Question, columns_of
from service.models.people import OverrideRow, PartnershipRow, WorkerState
from service.models.rotas import ImportedShift, Leave
from service.numbers import e164
from service.partnership import DUTY_TEAM, WorkerSpec
from service.records import rota_changes, rotas
from service.work import SetUp, Work

ROTA = (OverrideRow, ImportedShift, PartnershipRow)
NOT_THERE = Question(
    select(WorkerState.worker, WorkerState.off_since, WorkerState.unreachable_since, WorkerState.unreachable_why).where(
        or_(col(WorkerState.off_since).is_not(None), col(WorkerState.unreachable_since).is_not(None))
    )
)

EVERY = Question(select(*columns_of(WorkerState)))


def on_call(work: Work, team: str, at: datetime | None = None) -> list[str]:
    """Who is on call by the rota and its overrides, whether or not they can be reached."""
    return _by_rota(work, team, at or work.now, rotation.on_call)


def page_order(work: Work, team: str, at: datetime | None = None) -> list[str]:
    """Who is on call, and after them the rest of the rota: the backups."""
    return _by_rota(work, team, at or work.now, rotation.page_order)


def _by_rota(work: Work, team: str, at: datetime, ask: rotation.Asked) -> list[str]:
    return list(work.session.once((ask, team, at), lambda: _asked(work, team, at, ask), of=ROTA))


def _asked(work: Work, team: str, at: datetime, ask: rotation.Asked) -> list[str]:
    rota = rotas.rota_of(work, team, at, at)
    if rota is None:
        return list(work.partnership.members(team)) if team == DUTY_TEAM else []
    changes = rotas.overrides_of(work, team, at, at)
    people = ask(rota, changes, at=at, zone=work.partnership.zone)
    if team == DUTY_TEAM:
        people = list(dict.fromkeys([*people, *work.partnership.duty.workers]))
    return [slug for slug in people if slug in work.partnership.worker_by_slug]


def lead_of(work: Work, team: str) -> str | None:
    """The team's lead, if it has one."""
    spec = work.partnership.team_by_slug.get(team)
    return spec.lead if spec else None


def members(work: Work, team: str) -> list[str]:
    """Everybody who is in a team today."""
    return work.partnership.members(team, work.now.astimezone(work.partnership.zone).date())


def away(work: Work, at: datetime | None = None) -> dict[str, str]:
    """Workers who can't be paged, each with the reason: off and out of reach as of now, on leave at a moment."""
    at = at or work.now
    return work.session.once(("away", at), lambda: _away(work, at), of=[WorkerState, Leave])


def _away(work: Work, at: datetime) -> dict[str, str]:
    rows = work.session.ask_once(NOT_THERE)
    found = dict.fromkeys(rotas.on_leave(work, at), "is on leave")
    found |= {row.worker: "is off" for row in rows if row.off_since}
    found |= {row.worker: f"can't be reached ({row.unreachable_why})" for row in rows if row.unreachable_since}
    return found


def available_duty(work: Work) -> list[str]:
    """The duty manager who answers now: the first who can be paged; all of them when none can."""
    gone = away(work)
    order = page_order(work, DUTY_TEAM)
    return [slug for slug in order if slug not in gone][:1] or order


def by_phone(work: Work, number: str) -> WorkerSpec | None:
    """The worker with this number, in whatever form it is written."""
    try:
        return work.partnership.worker_by_phone.get(e164(number))
    except ValueError:
        return None


def is_first_number(work: Work, worker: str, number: str) -> bool:
    """Whether it is not a further number, of which it says little about a worker whether it works."""
    spec = work.partnership.worker_by_slug.get(worker)
    return spec is None or number not in [phone.number for phone in spec.phones]


def state_of(work: Work, worker: str) -> WorkerState:
    """What is known of a worker now."""
    return work.session.get(WorkerState, worker) or WorkerState(worker=worker)


def states(work: Work) -> Mapping[str, WorkerState]:
    """The same of everybody of whom anything is known."""
    return work.session.once("states", lambda: _states(work), of=[WorkerState])


def _states(work: Work) -> dict[str, WorkerState]:
    return {row.worker: row for row in work.session.find(WorkerState, EVERY)}


def _held(work: Work, worker: str) -> WorkerState:
    """The same, held to the end of this transaction: of two that note one thing at the same moment, one tells of it."""
    return work.session.held(WorkerState, worker) or WorkerState(worker=worker)


def set_off(work: Work, worker: str) -> bool:
    """Take a worker off call; False when they were off already."""
    state = _held(work, worker)
    if state.off_since:
        return False
    state.off_since = work.now
    work.session.add(state)
    work.record("worker.off", worker, actor=worker)
    rota_changes.of_worker(work, worker)
    return True


def set_on(work: Work, worker: str) -> bool:
    """Put a worker back on call; False when nothing kept them off it."""
    state = _held(work, worker)
    if not state.off_since and not state.unreachable_since:
        return False
    state.off_since = state.unreachable_since = state.unreachable_why = None
    work.session.add(state)
    work.record("worker.on", worker, actor=worker)
    rota_changes.of_worker(work, worker)
    return True


def set_unreachable(work: Work, worker: str, why: str) -> bool:
    """Note that texts no longer reach a worker; False when that was known."""
    state = _held(work, worker)
    if state.unreachable_since:
        return False
    state.unreachable_since, state.unreachable_why = work.now, why
    work.session.add(state)
    work.record("worker.unreachable", worker, actor="callout", why=why)
    rota_changes.of_worker(work, worker)
    return True


def set_number_failed(work: Work, worker: str, why: str) -> bool:
    """Note that a provider says of a worker's number that it is no good; False when that was known."""
    state = _held(work, worker)
    if state.number_failed_since:
        return False
    state.number_failed_since, state.number_failed_why = work.now, why
    work.session.add(state)
    work.record("worker.number_failed", worker, actor="callout", why=why)
    return True


def set_number_works(work: SetUp, worker: str) -> None:
    """Note that a text reached a worker's phone, or that it was verified again."""
    state = work.session.get(WorkerState, worker)
    if state and state.number_failed_since:
        state.number_failed_since = state.number_failed_why = None
        work.session.add(state)
        work.record("worker.number_works", worker, actor="callout")


def set_reachable(work: Work, worker: str) -> None:
    """Note that texts reach a worker again; whether they are on call stays as it was."""
    state = state_of(work, worker)
    if state.unreachable_since:
        state.unreachable_since = state.unreachable_why = None
        work.session.add(state)
        work.record("worker.reachable", worker, actor=worker)
        rota_changes.of_worker(work, worker)


def told_about(work: Work, worker: str) -> Sequence[str]:
    """Who hears that a worker is off or can't be reached: the leads of their teams, and the duty manager."""
    leads = [lead_of(work, team) for team in work.partnership.teams_of(worker)]
    people = [*(lead for lead in leads if lead), *available_duty(work)]
    return [slug for slug in dict.fromkeys(people) if slug != worker]
