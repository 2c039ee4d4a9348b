"""Every notifier and every way to fail: which of them are worth another try, and which end with the next channel."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from notifiers import registry
from notifiers.base import Channel, Message, Notifier, SendError
from tests.fakes.notify import FakeNotify, running_notify
from tests.fakes.notify_rules import Refusal as NotifyRefusal
from tests.fakes.smtp import FakeMail, running_mail
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.fakes.twilio_rules import Refusal
from tests.running import free_port


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def twilio_with(
    stack: ExitStack, prepare: Callable[[FakeTwilio], None], base: str | None = None, kind: str = "twilio"
) -> Notifier:
    running = stack.enter_context(running_twilio(delivers=False))
    prepare(running)
    notifier = registry.build(
        kind,
        {
            "account_sid": running.account_sid,
            "auth_token": running.auth_token,
            "from_number": running.number,
            "api_base": base or running.url,
            "public_url": "https://callout.example.org",
        },
    )
    stack.callback(notifier.close)
    return notifier


def notify_with(stack: ExitStack, prepare: Callable[[FakeNotify], None], base: str | None = None) -> Notifier:
    running = stack.enter_context(running_notify(delivers=False))
    prepare(running)
    notifier = registry.build(
        "notify",
        {
            "api_key": running.api_key,
            "callback_token": running.callback_token,
            "sms_template": running.sms.id,
            "email_template": running.email.id,
            "api_base": base or running.url,
        },
    )
    stack.callback(notifier.close)
    return notifier


def email_with(stack: ExitStack, prepare: Callable[[FakeMail], None], url: str | None = None) -> Notifier:
    running = stack.enter_context(running_mail())
    prepare(running)
    values = {"smtp_url": SecretStr(url or running.url), "sender": "callout@callout.example.org"}
    return registry.build("smtp", values)


def answers(refusal: Refusal) -> Callable[[FakeTwilio], None]:
    return lambda running: running.refuse_next.append(refusal)


def refuses(answer: str) -> Callable[[FakeMail], None]:
    return lambda running: running.refuse.update({"*": answer})


AGAIN, NEXT_CHANNEL = False, True
TWILIO_FAILURES = [
    pytest.param(Refusal(400, code), permanent, id=f"twilio-{code}")
    for code, permanent in [
        (21211, NEXT_CHANNEL),
        (21408, NEXT_CHANNEL),
        (21610, NEXT_CHANNEL),
        (21612, NEXT_CHANNEL),
        (21614, NEXT_CHANNEL),
        (21617, NEXT_CHANNEL),
        (21611, AGAIN),
        (30001, AGAIN),
        (99999, NEXT_CHANNEL),
    ]
] + [
    pytest.param(Refusal(status, code), permanent, id=f"twilio-http-{status}")
    for status, code, permanent in [
        (401, 20003, AGAIN),
        (403, 20403, AGAIN),
        (404, 20404, AGAIN),
        (408, None, AGAIN),
        (429, 20429, AGAIN),
        (429, None, AGAIN),
        (500, 20500, AGAIN),
        (502, None, AGAIN),
        (503, None, AGAIN),
        (400, None, NEXT_CHANNEL),
    ]
]


TEAM_ONLY = "Can't send to this recipient using a team-only API key"
NOTIFY_FAILURES = [
    pytest.param(NotifyRefusal(status, kind, words), permanent, id=f"notify-{status}-{kind}-{number}")
    for number, (status, kind, words, permanent) in enumerate(
        [
            (400, "BadRequestError", TEAM_ONLY, NEXT_CHANNEL),
            (400, "BadRequestError", "Can't send to this recipient when service is in trial mode", NEXT_CHANNEL),
            (400, "BadRequestError", "Cannot send to international mobile numbers", NEXT_CHANNEL),
            (400, "BadRequestError", "Template not found", NEXT_CHANNEL),
            (400, "BadRequestError", "Missing personalisation: name", NEXT_CHANNEL),
            (400, "ValidationError", "phone_number Not a UK mobile number", NEXT_CHANNEL),
            (400, "ValidationError", "email_address Not a valid email address", NEXT_CHANNEL),
            (400, "NovelError", "novel", NEXT_CHANNEL),
            (401, "AuthError", "Unauthorized: authentication token must be provided", AGAIN),
            (403, "AuthError", "Error: Your system clock must be accurate to within 30 seconds", AGAIN),
            (403, "AuthError", "Invalid token: API key not found", AGAIN),
            (403, "BadRequestError", "Invalid token: API key not found", AGAIN),
            (404, "NoResultFound", "No result found", AGAIN),
            (429, "RateLimitError", "Exceeded rate limit for key type LIVE of 3000 requests per 60 seconds", AGAIN),
            (429, "TooManyRequestsError", "Exceeded send limits (sms: 250000) for today", NEXT_CHANNEL),
            (429, "NovelError", "novel", AGAIN),
            (500, "Exception", "Internal server error", AGAIN),
            (502, None, "", AGAIN),
            (503, None, "", AGAIN),
            (504, None, "", AGAIN),
        ]
    )
]


def failure(notifier: Notifier, channel: Channel, to: str) -> SendError:
    message = Message(reference="msg_1", channel=channel, to=to, text="K7 HIGH Education response, South.")
    with pytest.raises(SendError) as failed:
        notifier.send(message)
    assert to not in failed.value.reason, "an error goes into the log, so it holds no address"
    return failed.value


@pytest.mark.parametrize(("refusal", "permanent"), TWILIO_FAILURES)
def test_what_twilio_refuses(stack: ExitStack, refusal: Refusal, permanent: bool) -> None:
    notifier = twilio_with(stack, answers(refusal))
    assert failure(notifier, Channel.SMS, "+447700900101").permanent is permanent


def test_a_twilio_that_is_not_there_is_tried_again(stack: ExitStack) -> None:
    notifier = twilio_with(stack, lambda _: None, base=f"http://127.0.0.1:{free_port()}")
    refused = failure(notifier, Channel.SMS, "+447700900101")
    assert (refused.permanent, refused.unknown) == (AGAIN, False)


def test_a_twilio_that_breaks_off_may_have_taken_the_text(stack: ExitStack) -> None:
    notifier = twilio_with(stack, lambda running: setattr(running, "lose_next_answer", 1))
    refused = failure(notifier, Channel.SMS, "+447700900101")
    assert (refused.permanent, refused.unknown) == (AGAIN, True)


@pytest.mark.parametrize(
    ("status", "unknown"), [(500, True), (502, True), (504, True), (503, False), (429, False), (401, False)]
)
def test_after_which_answers_nobody_knows_whether_it_was_taken(stack: ExitStack, status: int, unknown: bool) -> None:
    twilio = twilio_with(stack, answers(Refusal(status)))
    notify = notify_with(stack, lambda running: running.refuse_next.append(NotifyRefusal(status, None, "")))
    for notifier in (twilio, notify):
        assert failure(notifier, Channel.SMS, "+447700900101").unknown is unknown


def test_a_number_that_is_wrong_for_anybody_is_told_from_one_that_this_provider_will_not_take(stack: ExitStack) -> None:
    wrong = {21211, 21217, 21421, 21614}
    for code in (*wrong, 21408, 21612, 21610):
        refused = failure(twilio_with(stack, answers(Refusal(400, code))), Channel.SMS, "+447700900101")
        assert refused.permanent
        assert refused.bad_address is (code in wrong)


def test_a_number_that_can_not_be_rung_is_the_next_channels(stack: ExitStack) -> None:
    notifier = twilio_with(
        stack, lambda running: running.refuse_call.update({"+447700900101": 21211}), kind="twilio-voice"
    )
    assert failure(notifier, Channel.VOICE, "+447700900101").permanent is NEXT_CHANNEL


def test_a_twilio_that_can_not_ring_is_tried_again(stack: ExitStack) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    notifier = twilio_with(stack, lambda _: None, base=base, kind="twilio-voice")
    assert failure(notifier, Channel.VOICE, "+447700900101").permanent is AGAIN


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
@pytest.mark.parametrize(("refusal", "permanent"), NOTIFY_FAILURES)
def test_what_notify_refuses(stack: ExitStack, refusal: NotifyRefusal, permanent: bool, channel: Channel) -> None:
    # The daily limit is worth waiting for just before midnight, so here it is noon.
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def refusing(running: FakeNotify) -> None:
        running.date = noon
        running.refuse_next.append(refusal)

    notifier = notify_with(stack, refusing)
    to = "+447700900101" if channel is Channel.SMS else "amina@example.org"
    assert failure(notifier, channel, to).permanent is permanent


@pytest.mark.parametrize("to", ["+4477009001", "+442079460000", "07700"])
def test_a_number_that_notify_can_not_text_is_refused_for_good(stack: ExitStack, to: str) -> None:
    assert failure(notify_with(stack, lambda _: None), Channel.SMS, to).permanent is NEXT_CHANNEL


def test_a_notify_that_is_not_there_is_tried_again(stack: ExitStack) -> None:
    notifier = notify_with(stack, lambda _: None, base=f"http://127.0.0.1:{free_port()}")
    refused = failure(notifier, Channel.SMS, "+447700900101")
    assert (refused.permanent, refused.unknown) == (AGAIN, False)
    assert "ConnectionError" in refused.reason


def test_a_notify_that_breaks_off_is_tried_again(stack: ExitStack) -> None:
    notifier = notify_with(stack, lambda running: setattr(running, "lose_next_answer", 1))
    refused = failure(notifier, Channel.SMS, "+447700900101")
    assert (refused.permanent, refused.unknown) == (AGAIN, True)


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        ("550 5.1.1 no such mailbox", NEXT_CHANNEL),
        ("553 5.1.3 bad address", NEXT_CHANNEL),
        ("450 4.2.1 mailbox busy", AGAIN),
        ("451 4.3.0 try later", AGAIN),
        ("421 4.3.2 closing", AGAIN),
    ],
)
def test_what_a_mail_server_refuses(stack: ExitStack, answer: str, permanent: bool) -> None:
    notifier = email_with(stack, refuses(answer))
    assert failure(notifier, Channel.EMAIL, "amina@example.org").permanent is permanent


def test_a_mail_server_that_is_not_there_is_tried_again(stack: ExitStack) -> None:
    url = f"smtp://127.0.0.1:{free_port()}?starttls=false"
    assert failure(email_with(stack, lambda _: None, url), Channel.EMAIL, "amina@example.org").permanent is AGAIN


def test_a_wrong_password_is_tried_again_because_an_operator_mends_it(stack: ExitStack) -> None:
    def with_wrong_password(running: FakeMail) -> None:
        running.url = running.url.replace("letter-box", "wrong")

    notifier = email_with(stack, with_wrong_password)
    assert failure(notifier, Channel.EMAIL, "amina@example.org").permanent is AGAIN


def test_every_kind_is_known_by_a_plain_word() -> None:
    assert set(registry.KINDS) == {"sandbox", "twilio", "twilio-voice", "notify", "smtp", "apprise"}
