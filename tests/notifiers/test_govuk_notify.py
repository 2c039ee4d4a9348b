"""GOV.UK Notify, against a stand-in on a real port: what is sent, what is refused, and what is asked for afterwards."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import requests
from notifications_python_client.errors import HTTPError
from pydantic import SecretStr, ValidationError

from notifiers.base import Channel, Message, SendError
from notifiers.govuk_notify import NotifyNotifier
from notifiers.govuk_notify_meanings import send_error
from tests.fakes.notify import FakeNotify
from tests.fakes.notify_rules import Refusal, Template
from tests.notifiers.at_notify import notifier_for

AT = datetime(2026, 11, 20, 15, 41, tzinfo=UTC)
LINK = "https://callout.example.org/t/a1B2c3"
WORDS = f"K7 HIGH Education response, South. TAKE K7 or PASS K7 {LINK}"
ID = "6c9e2a5e-41a4-4c5a-9d0e-0f6d6c9f7a11"


def page(to: str = "+447700900101", *, reference: str = "msg_0198") -> Message:
    return Message(
        reference=reference, channel=Channel.SMS, to=to, text=WORDS, link=LINK, written_at=AT, subject="not for a text"
    )


def email(to: str = "amina@example.org", subject: str | None = "Callout K7: answer needed by 16:11") -> Message:
    return Message(
        reference="msg_0199", channel=Channel.EMAIL, to=to, text=WORDS, link=LINK, written_at=AT, subject=subject
    )


def test_a_text_is_its_words_and_carries_our_reference(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    accepted = notifier.send(page())
    (sent,) = notify.notifications
    assert accepted.provider_id == sent.id
    assert not accepted.delivered
    assert (sent.type, sent.to, sent.body, sent.reference) == ("sms", "447700900101", WORDS, "msg_0198")


def test_an_email_has_a_subject_and_its_link_on_a_line_of_its_own(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    accepted = notifier.send(email())
    notifier.send(email(subject=None))
    first, second = notify.notifications
    assert accepted.provider_id == first.id
    assert (first.type, first.to, first.subject) == (
        "email",
        "amina@example.org",
        "Callout K7: answer needed by 16:11",
    )
    assert first.body == f"K7 HIGH Education response, South. TAKE K7 or PASS K7\n\n{LINK}"
    assert second.subject == "Callout"


def test_many_threads_never_share_a_client(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    notify.takes_seconds = 0.05
    accepted: list[str] = []

    def sender(number: int) -> None:
        accepted.extend(notifier.send(page(reference=f"msg_{number}_{each}")).provider_id for each in range(3))

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {sent.id for sent in notify.notifications} == set(accepted)
    assert len(accepted) == 18


def test_a_crash_after_the_sending_is_found_again(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    notify.lose_next_answer = 1
    with pytest.raises(SendError) as lost:
        notifier.send(page())
    assert not lost.value.permanent
    found = notifier.find(page())
    assert found is not None
    assert found.provider_id == notify.notifications[0].id
    assert notifier.find(page(reference="msg_another")) is None
    assert notify.looked_up == ["msg_0198", "msg_another"]


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("created", True),
        ("sending", True),
        ("pending", True),
        ("delivered", True),
        ("technical-failure", False),
        ("temporary-failure", False),
        ("permanent-failure", False),
    ],
)
def test_what_failed_is_not_counted_as_sent(
    notify: FakeNotify, notifier: NotifyNotifier, status: str, counts: bool
) -> None:
    notifier.send(page())
    notify.notifications[0].status = status
    assert (notifier.find(page()) is not None) is counts


def test_a_rate_limit_asks_to_wait_a_little(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    notify.minute_limit = 0
    with pytest.raises(SendError) as refused:
        notifier.send(page())
    assert (refused.value.permanent, refused.value.retry_after) == (False, 5.0)


@pytest.mark.parametrize(
    ("said", "permanent", "wait"),
    [
        (datetime(2026, 11, 20, 15, 41, tzinfo=UTC), True, None),
        (datetime(2026, 11, 20, 23, 54, 59, tzinfo=UTC), True, None),
        (datetime(2026, 11, 20, 23, 58, tzinfo=UTC), False, 121),
    ],
    ids=["afternoon", "evening", "before-midnight"],
)
def test_the_daily_limit_is_waited_for_only_when_midnight_is_near(
    notify: FakeNotify, notifier: NotifyNotifier, said: datetime, permanent: bool, wait: float | None
) -> None:
    notify.daily_limit, notify.date = 0, said
    with pytest.raises(SendError, match="daily limit") as refused:
        notifier.send(page())
    assert (refused.value.permanent, refused.value.retry_after) == (permanent, wait)


def test_a_clock_that_is_off_says_so(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    notify.clock_ahead = 45
    with pytest.raises(SendError, match="clock is more than 30 seconds off") as refused:
        notifier.send(page())
    assert not refused.value.permanent


def test_a_team_key_reaches_its_guests_alone(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    notify.key_type = "team"
    notify.guests = {"447700900101"}
    assert notifier.send(page()).provider_id
    with pytest.raises(SendError, match="guest list") as refused:
        notifier.send(page("+447700900102"))
    assert refused.value.permanent


def test_smoke_numbers_are_taken_and_leave_no_record(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    assert notifier.send(page("+447700900111")).provider_id
    assert notify.notifications == []


def test_an_answer_without_json_is_tried_again(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    notify.refuse_next.append(Refusal(200))
    with pytest.raises(SendError) as unread:
        notifier.send(page())
    assert not unread.value.permanent


def test_the_package_writes_nothing_of_a_message_into_the_log(
    notify: FakeNotify, notifier: NotifyNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    notify.refuse_next.append(Refusal(400, "ValidationError", "personalisation Zebedee is not of type object"))
    with pytest.raises(SendError) as refused:
        notifier.send(page())
    assert "Zebedee" not in caplog.text + refused.value.reason


@pytest.mark.parametrize(
    ("broken", "what", "unknown"),
    [
        (requests.ConnectTimeout(), "can't be reached", False),
        (requests.ReadTimeout(), "gave no answer", True),
        (requests.ConnectionError(), "gave no answer", True),
    ],
)
def test_no_answer_in_time_is_tried_again(broken: requests.RequestException, what: str, unknown: bool) -> None:
    with pytest.raises(HTTPError) as failed:
        raise HTTPError.create(broken) from broken
    refused = send_error(failed.value)
    assert (refused.permanent, refused.unknown) == (False, unknown)
    assert refused.reason == f"Notify {what} ({type(broken).__name__})"


@pytest.mark.parametrize(
    "key",
    ["", "key", "callout-live-1234", f"callout-{ID}", f"{ID}-{ID}"],
    ids=["none", "word", "cut", "one", "nameless"],
)
def test_what_is_no_key_is_refused_before_anything_is_sent(notify: FakeNotify, key: str) -> None:
    with pytest.raises(ValidationError, match="api_key"):
        notifier_for(notify, api_key=SecretStr(key))


def test_received_texts_are_listed_page_by_page_from_a_moment_on(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    for minute in range(600):
        notify.hears("+447700900101", f"text {minute}", at=AT + timedelta(minutes=minute))
    texts = notifier.received_since(AT + timedelta(minutes=100))
    assert [text.body for text in texts] == [f"text {minute}" for minute in range(100, 600)]
    assert texts[0].received_at == AT + timedelta(minutes=100)
    assert texts[0].sender == "+447700900101"
    assert texts[0].provider_id == notify.texts_in[100]["id"], "the id under which the callback came"
    assert notifier.received_since(AT - timedelta(days=7))[0].body == "text 0"


def test_nothing_received_is_an_empty_list(notifier: NotifyNotifier) -> None:
    assert notifier.received_since(AT) == []


def test_a_good_key_and_good_templates_have_no_shortcomings(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    assert notifier.shortcomings() == []
    assert notifier.key_name == "callout_live"
    assert notify.notifications == []


@pytest.mark.parametrize(
    ("sms", "email", "told"),
    [
        (Template("sms", "Hello"), None, ["lacks ((message))", "more than ((message))"]),
        (Template("sms", "Council: ((message))"), None, ["two segments"]),
        (Template("sms", "((message))((name))"), None, ["((name))"]),
        (Template("sms", "((message)) ((late??Hurry))"), None, ["((late))"]),
        (Template("email", "((message))", "x"), None, ["is one for email"]),
        (None, Template("email", "((Message))", "Callout"), ["lacks ((subject))"]),
    ],
)
def test_a_template_that_would_fail_is_told(
    notify: FakeNotify, sms: Template | None, email: Template | None, told: list[str]
) -> None:
    notify.sms, notify.email = sms or notify.sms, email or notify.email
    notifier = notifier_for(notify)
    found = notifier.shortcomings()
    notifier.close()
    assert len(found) == len(told)
    for words, shortcoming in zip(told, found, strict=True):
        assert words in shortcoming


def test_templates_of_another_service_and_a_wrong_key_are_told(notify: FakeNotify) -> None:
    elsewhere = notifier_for(notify, sms_template=UUID(ID))
    assert elsewhere.shortcomings() == [f"there is no sms template {ID} in this service"]
    elsewhere.close()
    notify.secret = ID
    wrong = notifier_for(notify)
    notify.secret = "0" * 36
    assert wrong.shortcomings() == ["there is no such API key (403 AuthError)"]
    wrong.close()
