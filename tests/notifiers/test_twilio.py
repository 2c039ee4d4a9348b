"""Twilio, against a stand-in on a real port: what is sent, what comes back, and which callbacks are believed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from notifiers.base import BadCallback, Callback, Channel, Message, ReceiptState, SendError
from notifiers.twilio import TwilioNotifier, TwilioSettings
from notifiers.twilio_meanings import CODES
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.fakes.twilio_rules import Refusal, sign

PUBLIC = "https://callout.example.org"
AT = datetime(2026, 11, 20, 15, 41, tzinfo=UTC)


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with running_twilio(delivers=False) as running:
        yield running
        assert running.faults == []


@pytest.fixture
def notifier(twilio: FakeTwilio) -> Iterator[TwilioNotifier]:
    made = notifier_for(twilio)
    yield made
    made.close()


def notifier_for(twilio: FakeTwilio, token: str | None = None) -> TwilioNotifier:
    return TwilioNotifier(
        TwilioSettings(
            account_sid=twilio.account_sid,
            auth_token=SecretStr(token or twilio.auth_token),
            from_number=twilio.number,
            api_base=twilio.url,
            public_url=PUBLIC,
        )
    )


def page(to: str = "+447700900101", *, lives: timedelta = timedelta(hours=2)) -> Message:
    return Message(
        reference="msg_0198",
        channel=Channel.SMS,
        to=to,
        text="K7 HIGH Education response, South. £ stays one character.",
        written_at=AT,
        expires_at=AT + lives,
    )


def test_a_text_carries_our_reference_and_dies_when_it_is_stale(twilio: FakeTwilio, notifier: TwilioNotifier) -> None:
    accepted = notifier.send(page())
    text = twilio.texts[0]
    assert accepted.provider_id == text.sid
    assert (text.to, text.sender, text.body) == ("+447700900101", twilio.number, page().text)
    assert text.status_callback == f"{PUBLIC}/v1/callbacks/twilio/status?reference=msg_0198"
    assert text.validity_period == 7200


@pytest.mark.parametrize(("lives", "seconds"), [(timedelta(seconds=5), 60), (timedelta(days=2), 36_000)])
def test_the_validity_stays_within_what_twilio_allows(
    twilio: FakeTwilio, notifier: TwilioNotifier, lives: timedelta, seconds: int
) -> None:
    notifier.send(page(lives=lives))
    assert twilio.texts[0].validity_period == seconds


def test_a_crash_after_the_sending_is_found_again(twilio: FakeTwilio, notifier: TwilioNotifier) -> None:
    twilio.lose_next_answer = 1
    with pytest.raises(SendError) as lost:
        notifier.send(page())
    assert not lost.value.permanent
    found = notifier.find(page())
    assert found is not None
    assert found.provider_id == twilio.texts[0].sid
    assert notifier.find(page("+447700900102")) is None


def test_a_text_that_never_left_is_not_counted_as_sent(twilio: FakeTwilio, notifier: TwilioNotifier) -> None:
    notifier.send(page())
    twilio.texts[0].status = "failed"
    assert notifier.find(page()) is None


def test_a_number_that_is_none_is_refused_for_good(notifier: TwilioNotifier) -> None:
    with pytest.raises(SendError) as refused:
        notifier.send(page("07700"))
    assert (refused.value.permanent, refused.value.code) == (True, "21211")
    assert "07700" not in str(refused.value)


@pytest.mark.parametrize("code", [21610])
def test_an_opted_out_phone_says_so(twilio: FakeTwilio, notifier: TwilioNotifier, code: int) -> None:
    twilio.refuse_next.append(Refusal(400, code))
    with pytest.raises(SendError) as refused:
        notifier.send(page())
    assert refused.value.opted_out


def test_a_rate_limit_asks_to_wait(twilio: FakeTwilio, notifier: TwilioNotifier) -> None:
    twilio.refuse_next.append(Refusal(429, 20429))
    with pytest.raises(SendError) as refused:
        notifier.send(page())
    assert (refused.value.permanent, refused.value.retry_after) == (False, 1.0)


# The vector of Twilio's own documentation, computed by hand with HMAC-SHA1.
DOCUMENTED_TOKEN, DOCUMENTED_URL = "12345", "https://mycompany.com/myapp.php?foo=1&bar=2"
DOCUMENTED_FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}


def test_the_stand_in_signs_as_twilio_documents_it() -> None:
    assert sign(DOCUMENTED_TOKEN, DOCUMENTED_URL, DOCUMENTED_FORM) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def callback(form: dict[str, str], token: str, *, path: str = "/v1/callbacks/twilio/sms", query: str = "") -> Callback:
    url = PUBLIC + path + query
    headers = {"x-twilio-signature": sign(token, url, form)}
    return Callback(url=url, headers=headers, body=urlencode(form).encode())


FORM = {"MessageSid": "SM1", "From": "+447700900101", "Body": "take k7 + a note & more", "FromCity": "", "Novel": "x"}


def test_a_signed_text_is_read_with_blank_and_unknown_parameters(twilio: FakeTwilio, notifier: TwilioNotifier) -> None:
    text = notifier.inbound(callback(FORM, twilio.auth_token))
    assert (text.provider, text.provider_id, text.sender) == ("twilio", "SM1", "+447700900101")
    assert text.body == "take k7 + a note & more"
    assert text.opted_out is None


@pytest.mark.parametrize(("kind", "meant"), [("STOP", True), ("START", False), ("HELP", None)])
def test_opting_out_and_in_is_read_from_the_providers_own_word(
    twilio: FakeTwilio, notifier: TwilioNotifier, kind: str, meant: bool | None
) -> None:
    assert notifier.inbound(callback(FORM | {"OptOutType": kind}, twilio.auth_token)).opted_out is meant


@pytest.mark.parametrize("change", ["body", "token", "address", "missing", "bytes"])
def test_anything_that_was_changed_on_the_way_is_refused(
    twilio: FakeTwilio, notifier: TwilioNotifier, change: str
) -> None:
    good = callback(FORM, twilio.auth_token)
    bad = {
        "body": Callback(url=good.url, headers=good.headers, body=good.body.replace(b"k7", b"k8")),
        "token": callback(FORM, "another-token"),
        "address": Callback(url=good.url.replace("https", "http"), headers=good.headers, body=good.body),
        "missing": Callback(url=good.url, headers={}, body=good.body),
        "bytes": Callback(url=good.url, headers=good.headers, body=b"Body=\xff\xfe"),
    }[change]
    with pytest.raises(BadCallback):
        notifier.inbound(bad)


def test_both_tokens_are_believed_while_one_replaces_the_other(twilio: FakeTwilio) -> None:
    notifier = notifier_for(twilio, token="brand-new-token," + twilio.auth_token)
    for token in ("brand-new-token", twilio.auth_token):
        assert notifier.inbound(callback(FORM, token)).provider_id == "SM1"
    notifier.close()


def test_a_text_without_its_id_is_refused_even_when_signed(twilio: FakeTwilio, notifier: TwilioNotifier) -> None:
    with pytest.raises(BadCallback):
        notifier.inbound(callback({"From": "+447700900101", "Body": "take"}, twilio.auth_token))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", ReceiptState.SENT),
        ("sent", ReceiptState.SENT),
        ("delivered", ReceiptState.DELIVERED),
        ("read", ReceiptState.DELIVERED),
        ("undelivered", ReceiptState.FAILED),
        ("failed", ReceiptState.FAILED),
        ("canceled", ReceiptState.FAILED),
    ],
)
def test_each_status_means_how_far_the_text_got(
    twilio: FakeTwilio, notifier: TwilioNotifier, status: str, state: ReceiptState
) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": status}
    path, query = "/v1/callbacks/twilio/status", "?reference=msg_0198"
    receipt = notifier.receipt(callback(form, twilio.auth_token, path=path, query=query))
    assert (receipt.reference, receipt.provider_id, receipt.state) == ("msg_0198", "SM1", state)


def test_an_unknown_status_is_refused(twilio: FakeTwilio, notifier: TwilioNotifier) -> None:
    with pytest.raises(BadCallback, match="MessageStatus"):
        notifier.receipt(callback({"MessageSid": "SM1", "MessageStatus": "exploded"}, twilio.auth_token))


@pytest.mark.parametrize(("code", "meaning"), CODES.items())
def test_a_failed_receipt_says_why(twilio: FakeTwilio, notifier: TwilioNotifier, code: int, meaning: "object") -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": str(code)}
    receipt = notifier.receipt(callback(form, twilio.auth_token, path="/v1/callbacks/twilio/status"))
    assert receipt.code == str(code)
    assert receipt.reason == CODES[code].reason
    assert (receipt.permanent, receipt.opted_out) == (CODES[code].permanent, CODES[code].opted_out)
