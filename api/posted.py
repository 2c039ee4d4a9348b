"""What a partner's system posts that is no JSON of ours. One message is answered like any report; a file, or several messages
at once, row by row."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api import imports
from api.access import Caller
from api.feeds.codelists import CodeLists
from api.feeds.reading import Faulty, PassedOver, Reported, masked
from api.imports import NOTHING_HELD, PASSED_OVER, Layout, Outcome, Partner, Unrecognised
from api.refusals import Refusal, keep_refused, told
from api.reports import Arrived, Sent
from api.shapes import IncidentShape
from service.errors import Fault, Invalid
from service.flows import feeds
from service.models.incidents import Incident
from service.records import views
from service.runtime import Runtime

NO_MESSAGE = Fault("", "there is no message in it")
MOST_KEPT = 100
COUNTED = {"new": "recorded", "replayed": "replayed", "revised": "revised", "retracted": "retracted"}


class PassedOverShape(BaseModel):
    """A message that was understood, but is not for us. Nothing was kept."""

    passed_over: str


class ImportedRow(BaseModel):
    """What became of one row: its incident, what was wrong with it, or, with neither, that it was passed over."""

    row: int = Field(description="the line on which it begins, from 1; in a FHIR Bundle the number of the entry")
    status: int
    id: str | None
    problem: dict[str, Any] | None


class ImportShape(BaseModel):
    """What became of a file."""

    layout: str = Field(description="police-uk, istv, hl7, fhir, or the name of a csv layout")
    encoding: Literal["utf-8", "windows-1252"]
    delimiter: str | None
    rows: int
    recorded: int
    replayed: int
    revised: int
    retracted: int
    passed_over: dict[str, int] = Field(description="how many rows were not for us, by the reason")
    refused: int
    items: list[ImportedRow]


def opened(sent: Sent, caller: Caller, runtime: Runtime, lists: CodeLists) -> Arrived | JSONResponse:
    """The one report in a body, to be taken like any other; or, where it is something else, the answer.

    Raises Invalid, and keeps the shape of what was wrong.
    """
    feed = imports.feed_of(runtime, caller.name)
    partner = Partner(key_id=caller.key_id, name=caller.name, needs_lawful_basis=caller.needs_lawful_basis)
    try:
        layout = imports.of_bytes(sent.body, sent.kind, lists, feed)
    except Unrecognised as error:
        keep_refused(caller, runtime, [Refusal(told(error.kept), "")])
        raise
    except Invalid as error:
        keep_refused(caller, runtime, [Refusal(told(error), masked(sent.body.decode("utf-8", "replace")))])
        raise
    if sent.kind is None:
        return _file(layout, imports.take(runtime, layout.readings, partner), caller, runtime)
    readings = list(layout.readings)
    if len(readings) > 1:
        return _file(layout, imports.take(runtime, readings, partner), caller, runtime)
    only = readings[0] if readings else Faulty(line=1, faults=(NO_MESSAGE,), kept="")
    if isinstance(only, Reported):
        return Arrived(only.report, only.idempotency_key, only.begins)
    if isinstance(only, PassedOver):
        feeds.spoke(runtime, caller.key_id)
        return _passed_over(only.reason, runtime)
    if isinstance(only, Faulty):
        wrong = Invalid("the content is wrong", only.faults)
        keep_refused(caller, runtime, [Refusal(told(wrong), only.kept)])
        raise wrong
    (outcome,) = imports.take(runtime, [only], partner)
    return _taken_back(outcome, runtime)


def _passed_over(reason: str, runtime: Runtime) -> JSONResponse:
    runtime.metrics.taken_in(PASSED_OVER)
    return JSONResponse(PassedOverShape(passed_over=reason).model_dump())


def _taken_back(outcome: Outcome, runtime: Runtime) -> JSONResponse:
    if outcome.incident_id is None:
        return JSONResponse(PassedOverShape(passed_over=NOTHING_HELD).model_dump())
    with runtime.reading() as work:
        view = views.incident_view(work, work.session.get_one(Incident, outcome.incident_id))
    return JSONResponse(IncidentShape.model_validate(view).model_dump(mode="json"))


def _file(layout: Layout, outcomes: Iterable[Outcome], caller: Caller, runtime: Runtime) -> JSONResponse:
    results: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    items: list[dict[str, Any]] = []
    refusals = []
    for outcome in outcomes:
        results[outcome.result] += 1
        if outcome.reason:
            reasons[outcome.reason] += 1
        if outcome.problem:
            refusals.append(Refusal(outcome.problem, outcome.kept))
        items.append(
            {"row": outcome.line, "status": _status(outcome), "id": outcome.incident_id, "problem": outcome.problem}
        )
    keep_refused(caller, runtime, _some(refusals))
    shape = ImportShape(
        layout=layout.name,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        rows=len(items),
        passed_over=dict(reasons),
        refused=results["refused"],
        items=items,
        **{name: results[result] for result, name in COUNTED.items()},
    )
    return JSONResponse(shape.model_dump(mode="json"))


def _some(refusals: list[Refusal]) -> list[Refusal]:
    """Enough to see what is wrong with a feed: a file whose every row is wrong need not be kept row by row."""
    if len(refusals) <= MOST_KEPT:
        return refusals
    more = Invalid(f"{len(refusals) - MOST_KEPT:,} more rows of this file were refused")
    return [*refusals[:MOST_KEPT], Refusal(told(more), "")]


def _status(outcome: Outcome) -> int:
    if outcome.problem:
        return int(outcome.problem["status"])
    return 201 if outcome.result == "new" else 200
