"""What GOV.UK Notify calls back with: which callbacks are believed, and how texts and receipts are read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from notifiers.base import BadCallback, Callback, ReceiptState, UnreadableCallback
from notifiers.govuk_notify import NotifyNotifier
from tests.fakes.notify import FakeNotify
from tests.notifiers.at_notify import notifier_for

ID = "6c9e2a5e-41a4-4c5a-9d0e-0f6d6c9f7a11"


def callback(body: Any, authorization: str) -> Callback:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Callback(url="https://x", headers={"authorization": authorization}, body=content)


def signed(notify: FakeNotify, body: Any) -> Callback:
    return callback(body, f"Bearer {notify.callback_token}")


TEXT = {
    "id": ID, "source_number": "447700900101", "destination_number": "07700900900", "message": "take k7, née",
    "date_received": "2026-11-20T15:44:10.250000Z",
}  # fmt: skip


def test_a_text_is_read_with_its_number_in_e164_and_its_moment(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    text = notifier.inbound(signed(notify, TEXT | {"novel": 1}))
    assert (text.provider, text.provider_id, text.sender) == ("notify", ID, "+447700900101")
    assert text.body == "take k7, née"
    assert text.received_at == datetime(2026, 11, 20, 15, 44, 10, 250_000, tzinfo=UTC)
    assert text.opted_out is None


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("447700900101", "+447700900101"),
        ("07700900101", "+447700900101"),
        ("+447700900101", "+447700900101"),
        ("33612345678", "+33612345678"),
        ("60006", "60006"),
        ("Vodafone", "Vodafone"),
    ],
)
def test_every_form_of_a_number_is_understood(
    notify: FakeNotify, notifier: NotifyNotifier, number: str, read: str
) -> None:
    assert notifier.inbound(signed(notify, TEXT | {"source_number": number})).sender == read


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-11-20 15:44:10.000000", datetime(2026, 11, 20, 15, 44, 10, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_text_counts_even_when_its_moment_can_not_be_read(
    notify: FakeNotify, notifier: NotifyNotifier, given: str | None, read: datetime | None
) -> None:
    assert notifier.inbound(signed(notify, TEXT | {"date_received": given})).received_at == read


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic eDp5", "Bearer é"])
def test_a_wrong_token_is_refused_before_the_content_is_read(notifier: NotifyNotifier, authorization: str) -> None:
    for content in (TEXT, b"not JSON"):
        for read in (notifier.inbound, notifier.receipt):
            with pytest.raises(BadCallback, match="token") as refused:
                read(callback(content, authorization))
            assert not isinstance(refused.value, UnreadableCallback)


def test_both_tokens_are_believed_while_one_replaces_the_other(notify: FakeNotify) -> None:
    notifier = notifier_for(notify, callback_token=SecretStr(f"brand-new-token, {notify.callback_token}"))
    for token in ("brand-new-token", notify.callback_token):
        assert notifier.inbound(callback(TEXT, f"Bearer {token}")).provider_id == ID


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"{", "the whole"),
        ([], "the whole"),
        ({}, "id, message, source_number"),
        (TEXT | {"id": "Zebedee"}, "id"),
        (TEXT | {"source_number": ""}, "source_number"),
        (TEXT | {"message": {"Zebedee": 1}}, "message"),
    ],
)
def test_what_can_not_be_read_is_named_and_never_quoted(
    notify: FakeNotify, notifier: NotifyNotifier, content: Any, named: str
) -> None:
    with pytest.raises(UnreadableCallback, match=named) as unread:
        notifier.inbound(signed(notify, content))
    assert "Zebedee" not in str(unread.value)


@pytest.mark.parametrize(
    ("status", "state", "permanent"),
    [
        ("sent", ReceiptState.SENT, False),
        ("delivered", ReceiptState.DELIVERED, False),
        ("permanent-failure", ReceiptState.FAILED, True),
        ("temporary-failure", ReceiptState.FAILED, False),
        ("technical-failure", ReceiptState.FAILED, False),
    ],
)
def test_each_final_status_means_how_far_the_message_got(
    notify: FakeNotify, notifier: NotifyNotifier, status: str, state: ReceiptState, permanent: bool
) -> None:
    receipt = notifier.receipt(signed(notify, {"id": ID, "reference": "msg_0198", "status": status, "to": "x"}))
    assert receipt is not None
    assert (receipt.reference, receipt.provider_id, receipt.state) == ("msg_0198", ID, state)
    assert receipt.permanent is permanent
    assert (receipt.code, bool(receipt.reason)) == ((status, True) if state is ReceiptState.FAILED else (None, False))


@pytest.mark.parametrize("status", ["created", "sending", "pending"])
def test_what_is_not_final_is_no_receipt(notify: FakeNotify, notifier: NotifyNotifier, status: str) -> None:
    assert notifier.receipt(signed(notify, {"id": ID, "reference": None, "status": status})) is None


def test_an_unknown_status_can_not_be_read(notify: FakeNotify, notifier: NotifyNotifier) -> None:
    with pytest.raises(UnreadableCallback, match="status"):
        notifier.receipt(signed(notify, {"id": ID, "status": "exploded"}))
