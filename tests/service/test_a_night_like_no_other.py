"""A worker who is paged for very much at once: an answer costs what it is about, not what else is open."""

import pytest

from notifiers.base import InboundText
from rules.incident import IncidentReport
from service.flows import intake, replies
from service.models.tasks import Task, TaskState
from service.records import paging, people
from service.records.judging import Submission
from service.runtime import Runtime
from tests.running import counted

TEAM = "education-inclusion-south"


def reports(runtime: Runtime, numbers: range) -> None:
    occurred_at = runtime.clock.now().replace(minute=0, second=0, microsecond=0)
    given = {"type": "weapon_in_school", "occurred_at": occurred_at, "locality": "south"}
    each = [
        IncidentReport.model_validate(given | {"source_ref": f"r-{n}", "place": {"name": f"Example Academy {n}"}})
        for n in numbers
    ]
    intake.accept(runtime, [Submission(report=one, key_id="key_1", partner="A partner") for one in each])


def sought(runtime: Runtime) -> list[Task]:
    with runtime.reading() as work:
        return paging.seeking(work, people.on_call(work, TEAM)[0])


def say(runtime: Runtime, number: int, body: str) -> int:
    """Text it from the phone of whoever is on call; how many statements that took."""
    with runtime.reading() as work:
        phone = work.partnership.worker_by_slug[people.on_call(work, TEAM)[0]].phone
    text = InboundText(provider="sandbox", provider_id=f"text-{number}", sender=phone, body=body)
    with counted(runtime) as statements:
        replies.receive(runtime, text)
    return len(statements)


@pytest.mark.parametrize("words", ["TAKE {code}", "MORE {code}", "TAKE"])
def test_an_answer_costs_the_same_however_much_else_its_sender_is_paged_for(runtime: Runtime, words: str) -> None:
    reports(runtime, range(4))
    say(runtime, 0, "MORE " + sought(runtime)[0].code)  # loads what is loaded once
    few = say(runtime, 1, words.format(code=sought(runtime)[0].code))
    reports(runtime, range(4, 44))
    assert len(sought(runtime)) > 40
    assert say(runtime, 2, words.format(code=sought(runtime)[0].code)) <= few


def test_who_passed_or_has_it_is_sought_no_more(runtime: Runtime) -> None:
    reports(runtime, range(3))
    taken, passed, left = sought(runtime)
    say(runtime, 0, f"TAKE {taken.code}")
    say(runtime, 1, f"PASS {passed.code}")
    assert [task.code for task in sought(runtime)] == [left.code]
    with runtime.reading() as work:
        assert work.session.get_one(Task, taken.id).state == TaskState.ACKNOWLEDGED
