"""A lead, or the duty manager, closes a gap by a text: themself, or somebody they name, is put on call for it."""

from datetime import timedelta
from typing import Any

from rules import gap_words
from rules.gap_words import Named
from rules.rotation import Override, OverrideKind
from service.models.rotas import RotaGap
from service.partnership import DUTY_TEAM
from service.records import answers, contradictions, notices, paging, people, rota_watch, rotas, shift_notices
from service.work import Work

LONGEST = timedelta(hours=72)  # nobody is put on call for longer by a text of one line
GAPS_ROOM = 104


def answer(work: Work, sender: str, words: str) -> None:
    """Do what COVER and some words ask for, and say what was done, or what stands against it."""
    gaps = {row.number: row for row in rota_watch.open_gaps(work) if _may_close(work, sender, row)}
    gaps = {number: row for number, row in gaps.items() if row.ends_at > work.now}
    if not gaps:
        answers.say(work, sender, "cover_none")
        return
    named = [
        Named(number=number, names=(row.team, work.partnership.team_name(row.team))) for number, row in gaps.items()
    ]
    meant = gap_words.wanted(words, named)
    chosen = [gaps[number] for number in meant.numbers]
    if not chosen or len({row.team for row in chosen}) > 1:
        # Several gaps of one team are closed one after another, the next one first.
        lines = [f"{row.number} {_line(work, row)}" for row in chosen or gaps.values()]
        answers.say(work, sender, "cover_which", gaps=answers.fitting(lines, GAPS_ROOM))
        return
    who, why = _who(work, sender, chosen[0].team, meant.who)
    if who is None:
        answers.say(work, sender, "cover_not", why=why)
        return
    _put_on_call(work, sender, who, chosen[0])


def _may_close(work: Work, sender: str, row: RotaGap) -> bool:
    return sender == people.lead_of(work, row.team) or sender in people.members(work, DUTY_TEAM)


def _line(work: Work, row: RotaGap) -> str:
    times = rota_watch.times_of(work, row)
    return f"{times['team']} {times['since']}"


def _who(work: Work, sender: str, team: str, words: str) -> tuple[str | None, str]:
    """Who is to be on call, or why that is not known. Somebody of the team is meant before anybody else."""
    if not words:
        return sender, ""
    everybody = {slug: spec.name for slug, spec in work.partnership.worker_by_slug.items()}
    ours = {slug: everybody[slug] for slug in people.members(work, team)}
    found = gap_words.called(words, ours) or gap_words.called(words, everybody)
    if len(found) == 1:
        return found[0], ""
    return None, "several are called that; give the last name too" if found else "nobody here is called that"


def _put_on_call(work: Work, sender: str, who: str, row: RotaGap) -> None:
    starts_at = max(row.starts_at, work.now)
    change = Override(
        kind=OverrideKind.ADD, worker=who, starts_at=starts_at, ends_at=min(row.ends_at, starts_at + LONGEST)
    )
    why = _against(work, row.team, change)
    if why:
        answers.say(work, sender, "cover_not", why=why)
        return
    rotas.add_override(work, row.team, change, actor=sender)
    shift_notices.note(work, row.team, who, change.starts_at, change.ends_at)
    work.record("coverage.gap_covered", row.team, actor=sender, gap=row.id, worker=who)
    row.told = [person for person in row.told if person != sender]  # they know
    work.session.add(row)
    zone = work.partnership.zone
    times: dict[str, Any] = {
        "team": rota_watch.team_in_text(work, row.team),
        "since": paging.clock_time(change.starts_at, zone),
        "until": paging.clock_time(change.ends_at, zone),
    }
    answers.say(work, sender, "cover_done", who=None if who == sender else notices.name(work, who), **times)
    if who != sender:
        notices.tell(work, who, "cover_asked", who=notices.name(work, sender), **times)


def _against(work: Work, team: str, change: Override) -> str | None:
    """What stands against putting somebody on call, in words that fit a text."""
    name = notices.name(work, change.worker)
    gone = people.away(work).get(change.worker, "")
    if gone.startswith(("is off", "can't")):
        return f"{name} is off call or out of reach; ON puts them back"
    rotas.lock(work, team)
    if rotas.spec_of(work, team) is None:
        return "the duty manager has a list and no rota to change"
    if rotas.leave_between(work, change.starts_at, change.ends_at, change.worker):
        return f"{name} is on leave then"
    return f"{name} is on call then already" if any(contradictions.to(work, team, change)) else None
