"""Calls by Twilio: what the voice says, which keys are heard, and what a call that ended tells."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from notifiers.base import BadCallback, Callback, Channel, Message, ReceiptState
from notifiers.twilio import TwilioSettings
from notifiers.twilio_voice import TwilioVoice
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.fakes.twilio_rules import sign

PUBLIC = "https://callout.example.org"
WORDS = "HIGH priority. Education response, South. Press 1 to take it, 2 to pass it on. The code is K7."


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with running_twilio(delivers=False) as running:
        yield running
        assert running.faults == []


@pytest.fixture
def voice(twilio: FakeTwilio) -> Iterator[TwilioVoice]:
    settings = TwilioSettings(
        account_sid=twilio.account_sid,
        auth_token=SecretStr(twilio.auth_token),
        from_number=twilio.number,
        api_base=twilio.url,
        public_url=PUBLIC,
    )
    made = TwilioVoice(settings)
    yield made
    made.close()


def page(written_at: datetime | None = None) -> Message:
    return Message(reference="msg_0198", channel=Channel.VOICE, to="+447700900101", text=WORDS, written_at=written_at)


def callback(twilio: FakeTwilio, path: str, form: dict[str, str], signature: str | None = None) -> Callback:
    url = PUBLIC + path
    signed = sign(twilio.auth_token, url, form) if signature is None else signature
    return Callback(url=url, headers={"X-Twilio-Signature": signed}, body=urlencode(form).encode())


def test_a_call_reads_the_facts_with_the_code_spelt_and_waits_for_a_key(twilio: FakeTwilio, voice: TwilioVoice) -> None:
    accepted = voice.send(page())
    call = twilio.wait_for_call("+447700900101")
    assert accepted.provider_id == call.sid
    assert call.words.startswith("HIGH priority. Education response, South.")
    assert "Press star to hear it again" in call.words
    assert '<say-as interpret-as="characters">K7</say-as>' in call.twiml
    assert call.answers_to() == f"{PUBLIC}/v1/callbacks/twilio/voice?reference=msg_0198"
    assert call.status_callback.endswith("/v1/callbacks/twilio/status?reference=msg_0198")


def test_words_are_said_as_they_are_and_never_read_as_markup(voice: TwilioVoice) -> None:
    spoken = voice.speak("K7 is taken by O'Neil <Hangup/> & Co")
    assert "&lt;Hangup/&gt; &amp; Co" in spoken
    assert "<Gather" not in spoken


def test_after_a_crash_twilio_is_asked_whether_it_rang(twilio: FakeTwilio, voice: TwilioVoice) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    assert voice.find(page(now)) is None
    voice.send(page(now))
    found = voice.find(page(now))
    assert found is not None
    assert found.provider_id == twilio.calls[0].sid
    assert voice.find(page(now + timedelta(minutes=5))) is None, "an earlier call is another page's"
    twilio.calls[0].status = "failed"
    assert voice.find(page(now)) is None


@pytest.mark.parametrize(
    ("form", "state"),
    [
        ({"CallStatus": "completed"}, ReceiptState.DELIVERED),
        ({"CallStatus": "ringing"}, ReceiptState.SENT),
        ({"CallStatus": "busy"}, ReceiptState.FAILED),
        ({"CallStatus": "no-answer"}, ReceiptState.FAILED),
        ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, ReceiptState.FAILED),
        ({"AnsweredBy": "machine_end_beep"}, ReceiptState.FAILED),
        ({"AnsweredBy": "fax"}, ReceiptState.FAILED),
        ({"AnsweredBy": "human"}, ReceiptState.SENT),
        ({"AnsweredBy": "unknown", "CallStatus": "completed"}, ReceiptState.DELIVERED),
    ],
)
def test_a_voicemail_box_is_no_answer(
    twilio: FakeTwilio, voice: TwilioVoice, form: dict[str, str], state: ReceiptState
) -> None:
    path = "/v1/callbacks/twilio/status?reference=msg_0198"
    receipt = voice.receipt(callback(twilio, path, {"CallSid": "CA1"} | form))
    assert (receipt.state, receipt.reference, receipt.provider_id) == (state, "msg_0198", "CA1")


def test_a_key_is_believed_only_with_the_accounts_signature(twilio: FakeTwilio, voice: TwilioVoice) -> None:
    path, form = "/v1/callbacks/twilio/voice?reference=msg_0198", {"CallSid": "CA1", "Digits": "1"}
    press = voice.pressed(callback(twilio, path, form))
    assert (press.provider_id, press.reference, press.key) == ("CA1", "msg_0198", "1")
    assert voice.pressed(callback(twilio, path, {"CallSid": "CA1"})).key == ""
    for bad in (
        callback(twilio, path, form, signature="AAAA"),
        callback(twilio, path.split("?", maxsplit=1)[0], form),
        callback(twilio, path, {"Digits": "1"}),
    ):
        with pytest.raises(BadCallback):
            voice.pressed(bad)
    with pytest.raises(BadCallback):
        voice.receipt(callback(twilio, path, {"CallSid": "CA1", "CallStatus": "levitating"}))
