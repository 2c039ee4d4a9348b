"""The audit, for supervisors of the whole area."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import col, select

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.problems import ApiError, responses
from api.shapes import AuditPage
from service.models.audit import AuditEntry

router = APIRouter(prefix="/v1/audit", tags=["Audit"])

_EXAMPLE = {
    "items": [
        {
            "seq": 7,
            "at": "2026-11-20T15:42:04Z",
            "actor": "callout",
            "action": "task.opened",
            "subject": "tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61",
            "hash": "6f1b…",
        }
    ],
    "next": None,
}


@router.get(
    "",
    response_model=AuditPage,
    summary="Read the audit",
    responses={**examples.answer(_EXAMPLE), **responses(401, 403, 422, 429)},
)
def read_audit(
    caller: SupervisorDep,
    runtime: RuntimeDep,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    subject: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9@._-]{1,80}$")] = None,
) -> dict[str, Any]:
    """Newest first. `callout audit verify` proves that no entry was changed, deleted or moved."""
    if caller.localities:
        raise ApiError(403, "the audit is for keys that see the whole area")
    with runtime.reading() as work:
        query = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(limit + 1)
        if before:
            query = query.where(col(AuditEntry.seq) < before)
        if subject:
            query = query.where(AuditEntry.subject == subject)
        rows = list(work.session.exec(query).all())
        return {
            "items": [
                {
                    "seq": row.seq,
                    "at": row.at,
                    "actor": row.actor,
                    "action": row.action,
                    "subject": row.subject,
                    "hash": row.hash,
                }
                for row in rows[:limit]
            ],
            "next": rows[limit - 1].seq if len(rows) > limit else None,
        }
