"""What the service itself reports: an incident and a task of its own, by no rule and in no figure."""

from rules.incident import IncidentReport
from rules.match import Decision
from rules.own_pathways import OWN_PATHWAYS
from rules.rulebook import Pathway
from service.models.incidents import Purpose
from service.models.tasks import LIVE, Task, TaskState
from service.records import incidents, tasks, timeline, transitions
from service.records.told import Located, tell
from service.work import Work

OURSELVES = "callout"


def report(
    work: Work,
    *,
    kind: str,
    pathway: str,
    team: str,
    locality: str | None,
    summary: str,
    reason: str,
    about: str | None = None,
    policy: Pathway | None = None,
    purpose: Purpose = Purpose.WATCH,
) -> Task:
    """Open a task for something that the service noticed, and page for it. `policy`: the pathway, unless it is our own."""
    noticed = IncidentReport(type=kind, occurred_at=work.now, locality=locality, summary=summary)
    incident = incidents.add(
        work,
        tell(
            work,
            noticed,
            partner=OURSELVES,
            located=Located(locality=locality, why="as the service knows it", place=None),
            derived=True,
        ),
        key_id=OURSELVES,
        content=incidents.content_of(noticed),
        purpose=purpose,
    )
    task = tasks.open_task(
        work,
        pathway=pathway,
        policy=policy or OWN_PATHWAYS[pathway],
        incident=incident,
        team=team,
        why_duty=None,
        reason=reason,
        about=about,
    )
    decision = Decision(None, pathway, reason)
    incidents.keep_decisions(incident, [incidents.decided(decision, "opened", task=task)])
    return task


def over(work: Work, task_id: str | None, why: str) -> None:
    """What a task was opened for is over: it ends if nobody has it, and whoever has it hears that there is news."""
    task = tasks.lock(work, task_id) if task_id else None
    if task is None or task.state not in LIVE:
        return
    if task.state == TaskState.OPEN:
        transitions.cancel(work, task, why, actor=timeline.SERVICE)
    else:
        timeline.note(work, task, "over", why)
        transitions.tell_holders(work, task, "updated")
