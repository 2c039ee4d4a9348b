"""What providers send us: texts from phones, and delivery reports. The signature is checked before anything is read."""

from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.access import RuntimeDep
from api.problems import ApiError, responses
from notifiers.base import BadCallback, Callback, Listens, Speaks
from service.flows import calls, delivery, replies
from service.runtime import Runtime

router = APIRouter(prefix="/v1/callbacks/twilio", tags=["Callbacks"])
log = structlog.get_logger()


class TwiML(Response):
    """What Twilio reads as an answer."""

    media_type = "text/xml"


EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": True},
                "example": {
                    "MessageSid": "SM0123456789abcdef0123456789abcdef",
                    "From": "+447700900101",
                    "Body": "take",
                },
            }
        },
    },
    "parameters": [
        {"name": "X-Twilio-Signature", "in": "header", "required": True, "schema": {"type": "string"}},
    ],
}
TWIML: dict[int | str, dict[str, Any]] = {
    200: {"description": "Taken; nothing is answered in line", "content": {"text/xml": {"example": EMPTY_TWIML}}}
}


@router.post(
    "/sms",
    summary="A text from a phone",
    response_class=TwiML,
    responses={**TWIML, **responses(403, 413)},
    openapi_extra=FORM,
)
async def twilio_sms(request: Request, runtime: RuntimeDep) -> Response:
    """Acted on once, however often it is delivered. The answer to the worker goes out as a text of its own."""
    callback = await as_sent(request, runtime)
    try:
        text = _twilio(runtime).inbound(callback)
    except BadCallback as refusal:
        raise _refused(refusal) from None
    await run_in_threadpool(replies.receive, runtime, text)
    return TwiML(EMPTY_TWIML)


@router.post(
    "/status",
    summary="A delivery report",
    response_class=TwiML,
    responses={**TWIML, **responses(403, 413)},
    openapi_extra=FORM,
)
async def twilio_status(request: Request, runtime: RuntimeDep) -> Response:
    """Of a text or a call. Late, repeated and out-of-order reports never move a message backwards."""
    callback = await as_sent(request, runtime)
    of_a_call = b"CallSid=" in callback.body
    try:
        carrier = _twilio_calls(runtime) if of_a_call else _twilio(runtime)
        receipt = carrier.receipt(callback)
    except BadCallback as refusal:
        raise _refused(refusal) from None
    if receipt is not None:
        await run_in_threadpool(delivery.take_receipt, runtime, receipt, by=carrier.name)
    return TwiML(EMPTY_TWIML)


@router.post(
    "/voice",
    summary="A key pressed in a call",
    response_class=TwiML,
    responses={**TWIML, **responses(403, 413)},
    openapi_extra=FORM,
)
async def twilio_voice(request: Request, runtime: RuntimeDep) -> Response:
    """1 takes the task, 2 passes it on, any other key hears the facts again. The answer is what the voice says."""
    callback = await as_sent(request, runtime)
    try:
        voice = _twilio_calls(runtime)
        press = voice.pressed(callback)
    except BadCallback as refusal:
        raise _refused(refusal) from None
    said = await run_in_threadpool(calls.pressed, runtime, press)
    return TwiML(voice.speak(said.words, reference=press.reference if said.waits else None))


async def as_sent(request: Request, runtime: Runtime) -> Callback:
    """The request as the provider signed it: over the public address, which a proxy in between does not know."""
    query = f"?{request.url.query}" if request.url.query else ""
    return Callback(
        url=f"{runtime.settings.public_url}{request.url.path}{query}",
        headers=dict(request.headers),
        body=await request.body(),
    )


def listener(runtime: Runtime, name: str) -> Listens | None:
    """The provider of this name, whatever channel it serves, if it is configured."""
    found = (each for each in runtime.providers if each.name == name and isinstance(each, Listens))
    return next(found, None)


def _twilio(runtime: Runtime) -> Listens:
    notifier = listener(runtime, "twilio")
    if notifier is None:
        raise BadCallback("no Twilio account is configured")
    return notifier


def _twilio_calls(runtime: Runtime) -> Speaks:
    for each in runtime.providers:
        if each.name == "twilio" and isinstance(each, Speaks):
            return each
    raise BadCallback("no Twilio account with a telephone number is configured")


def _refused(refusal: BadCallback) -> ApiError:
    log.warning("callback refused", why=str(refusal))
    return ApiError(
        403, "the signature does not fit; it must be made over CALLOUT_PUBLIC_URL with this account's token"
    )
