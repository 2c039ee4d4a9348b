"""Calls by Twilio: the facts of a page read out, with the code spelt, and a key that takes it or passes it on.

A call that is answered is no answer: a voicemail box and a pocket take calls too. Only a key counts.
"""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import Gather, Say, VoiceResponse

from notifiers.base import (
    Accepted,
    BadCallback,
    Callback,
    Channel,
    KeyPress,
    Message,
    Receipt,
    ReceiptState,
)
from notifiers.twilio import CLOCKS_APART, LISTED, TwilioAccount, TwilioSettings
from notifiers.twilio_meanings import no_answer, send_error

RINGS_SECONDS = 25  # shorter than most voicemail boxes wait
KEY_SECONDS = 8
VOICE, LANGUAGE = "Polly.Amy", "en-GB"
CODE = re.compile(r"\b([A-Z][0-9][A-Z0-9]{0,2})\b")

# https://www.twilio.com/docs/voice/api/call-resource#call-status-values
STATES: dict[str, ReceiptState] = {
    "queued": ReceiptState.SENT,
    "initiated": ReceiptState.SENT,
    "ringing": ReceiptState.SENT,
    "in-progress": ReceiptState.SENT,
    "completed": ReceiptState.DELIVERED,
    "busy": ReceiptState.FAILED,
    "no-answer": ReceiptState.FAILED,
    "canceled": ReceiptState.FAILED,
    "failed": ReceiptState.FAILED,
}
NEVER_RANG = frozenset({"failed", "canceled"})
MACHINES = ("machine", "fax")


class TwilioVoice:
    """Calls from one account's number."""

    name = "twilio"
    title = "Twilio"
    channels = frozenset({Channel.VOICE})

    def __init__(self, settings: TwilioSettings) -> None:
        self._account = TwilioAccount(settings)
        self._sender = settings.from_number
        self._base = f"{settings.public_url}/v1/callbacks/twilio"

    def send(self, message: Message) -> Accepted:
        """Ring one phone. Raises SendError."""
        report = f"{self._base}/status?reference={message.reference}"
        try:
            call = self._account.client.calls.create(
                to=message.to,
                from_=self._sender,
                twiml=self.speak(message.text, reference=message.reference),
                timeout=RINGS_SECONDS,
                status_callback=report,
                status_callback_event=["completed"],
                machine_detection="Enable",
                async_amd="true",
                async_amd_status_callback=report,
            )
        except TwilioRestException as error:
            raise send_error(error) from None
        except (httpx.HTTPError, ValueError) as error:
            raise no_answer(error) from None
        return Accepted(provider_id=str(call.sid))

    def find(self, message: Message) -> Accepted | None:
        """Twilio's own record of a call that we may have made before a crash. Raises SendError."""
        since = message.written_at - CLOCKS_APART if message.written_at else None
        try:
            found = self._account.client.calls.list(
                to=message.to, from_=self._sender, start_time_after=since, limit=LISTED
            )
        except TwilioRestException as error:
            raise send_error(error) from None
        except (httpx.HTTPError, ValueError) as error:
            raise no_answer(error) from None
        made = [
            call
            for call in found
            if str(call.status) not in NEVER_RANG
            and (message.written_at is None or call.date_created is None or call.date_created >= message.written_at)
        ]
        return Accepted(provider_id=str(made[0].sid)) if made else None

    def receipt(self, callback: Callback) -> Receipt:
        """How a call ended, or what answered it. Raises BadCallback when it is not signed by this account."""
        form = self._account.verified(callback)
        machine = form.get("AnsweredBy", "").startswith(MACHINES)
        status = form.get("CallStatus", "in-progress")
        if status not in STATES:
            raise BadCallback(f"CallStatus is not one that is known: {status[:20]!r}")
        references = parse_qs(urlsplit(callback.url).query).get("reference")
        return Receipt(
            reference=references[0] if references else None,
            provider_id=form.get("CallSid"),
            state=ReceiptState.FAILED if machine else STATES[status],
            code=None if machine else status,
            reason="answered by a machine" if machine else None,
        )

    def pressed(self, callback: Callback) -> KeyPress:
        """The key that was pressed. Raises BadCallback when it is not signed by this account."""
        form = self._account.verified(callback)
        references = parse_qs(urlsplit(callback.url).query).get("reference")
        if not form.get("CallSid") or not references:
            raise BadCallback("CallSid and our reference are needed")
        return KeyPress(provider_id=form["CallSid"], reference=references[0], key=form.get("Digits", ""))

    def speak(self, words: str, *, reference: str | None = None) -> str:
        """TwiML that says something, slowly, with codes spelt out; with a reference it then waits for a key."""
        response = VoiceResponse()
        if reference is None:
            response.append(_said(words))
            return str(response)
        gather = Gather(
            num_digits=1, timeout=KEY_SECONDS, action=f"{self._base}/voice?reference={reference}", method="POST"
        )
        gather.append(_said(words))
        gather.pause(length=1)
        gather.append(_said(f"{words} Press star to hear it again."))
        response.append(gather)
        response.append(_said("No key was pressed. Goodbye."))
        return str(response)

    def check(self) -> None:
        """Ask Twilio for the account itself. Raises SendError."""
        self._account.check()

    def close(self) -> None:
        """Close the kept connections."""
        self._account.close()


def _said(words: str) -> Say:
    say = Say(voice=VOICE, language=LANGUAGE)
    slow = say.prosody(rate="90%")
    for number, part in enumerate(CODE.split(words)):
        if number % 2:
            slow.say_as(part, interpret_as="characters")
        elif part:
            slow.append(part)
    return say
