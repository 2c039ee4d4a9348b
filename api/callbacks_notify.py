"""What GOV.UK Notify sends us: texts from phones, and delivery reports. Its bearer token is checked before anything is read."""

from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.access import RuntimeDep
from api.callbacks import as_sent, listener
from api.problems import ApiError, responses
from notifiers.base import BadCallback, Listens, UnreadableCallback
from service.flows import delivery, replies
from service.runtime import Runtime

router = APIRouter(prefix="/v1/callbacks/notify", tags=["Callbacks"])
log = structlog.get_logger()

TAKEN: dict[int | str, dict[str, Any]] = {200: {"description": "Taken; the answer is empty"}}
STRING, MOMENT = {"type": "string"}, {"type": ["string", "null"], "format": "date-time"}


def _json(required: list[str], properties: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": True}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


TEXT = _json(
    ["id", "source_number", "message"],
    {
        "id": {"type": "string", "format": "uuid"},
        "source_number": STRING | {"description": "in international form without a plus: 447700900101"},
        "destination_number": STRING,
        "message": STRING,
        "date_received": MOMENT,
    },
    {
        "id": "6c9e2a5e-41a4-4c5a-9d0e-0f6d6c9f7a11",
        "source_number": "447700900101",
        "destination_number": "07700900900",
        "message": "take",
        "date_received": "2026-11-20T15:44:10.000000Z",
    },
)
REPORT = _json(
    ["id", "status"],
    {
        "id": {"type": "string", "format": "uuid"},
        "reference": {"type": ["string", "null"], "description": "our id of the message"},
        "to": STRING,
        "status": STRING | {"description": "delivered, permanent-failure, temporary-failure or technical-failure"},
        "notification_type": STRING,
        "created_at": STRING,
        "sent_at": MOMENT,
        "completed_at": MOMENT,
        "template_id": STRING,
        "template_version": {"type": "integer"},
    },
    {
        "id": "740e5834-3a29-46b4-9a6f-16142fde533a",
        "reference": "msg_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f62",
        "to": "07700900101",
        "status": "delivered",
        "notification_type": "sms",
        "created_at": "2026-11-20T15:42:05.000000Z",
        "sent_at": "2026-11-20T15:42:06.000000Z",
        "completed_at": "2026-11-20T15:42:09.000000Z",
        "template_id": "f33517ff-2a88-4f6e-b855-c550268ce08a",
        "template_version": 1,
    },
)


@router.post(
    "/sms",
    summary="A text from a phone, by GOV.UK Notify",
    response_class=Response,
    responses={**TAKEN, **responses(403, 404, 413, 422)},
    openapi_extra=TEXT,
)
async def notify_sms(request: Request, runtime: RuntimeDep) -> Response:
    """Sent with `Authorization: Bearer` and CALLOUT_NOTIFY_CALLBACK_TOKEN. Acted on once, however often it is delivered."""
    callback = await as_sent(request, runtime)
    try:
        text = _notify(runtime).inbound(callback)
    except BadCallback as refusal:
        raise _refused(refusal) from None
    await run_in_threadpool(replies.receive, runtime, text)
    return Response()


@router.post(
    "/receipt",
    summary="A delivery report, by GOV.UK Notify",
    response_class=Response,
    responses={**TAKEN, **responses(403, 404, 413, 422)},
    openapi_extra=REPORT,
)
async def notify_receipt(request: Request, runtime: RuntimeDep) -> Response:
    """Sent with the same token. Repeated and late reports never move a message backwards; one that is not final is
    taken, and changes nothing."""
    callback = await as_sent(request, runtime)
    try:
        notify = _notify(runtime)
        receipt = notify.receipt(callback)
    except BadCallback as refusal:
        raise _refused(refusal) from None
    if receipt is not None:
        await run_in_threadpool(delivery.take_receipt, runtime, receipt, by=notify.name)
    return Response()


def _notify(runtime: Runtime) -> Listens:
    notifier = listener(runtime, "notify")
    if notifier is None:
        raise ApiError(404, "GOV.UK Notify is not configured here")
    return notifier


def _refused(refusal: BadCallback) -> ApiError:
    log.warning("callback refused", why=str(refusal))
    if isinstance(refusal, UnreadableCallback):
        return ApiError(422, f"the callback {refusal}")
    return ApiError(403, "the bearer token does not fit; it must be CALLOUT_NOTIFY_CALLBACK_TOKEN")
