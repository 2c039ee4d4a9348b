"""A number that a provider calls no good: its worker's lead hears once and is told what to do, and coverage says so."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from notifiers.base import Receipt, ReceiptState
from service.flows import delivery, setup
from service.models.outbox import OutboxMessage
from service.models.people import WorkerState
from service.records import coverage
from service.settings import SHIPPED_PARTNERSHIP
from tests.service.test_second_provider import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path, sandbox_file: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, sandbox_file) as opened:
        yield opened


def fail(desk: Desk, page: OutboxMessage, *, permanent: bool = True) -> None:
    receipt = Receipt(
        reference=page.id,
        provider_id=page.provider_id,
        state=ReceiptState.FAILED,
        code="permanent-failure" if permanent else "temporary-failure",
        permanent=permanent,
    )
    delivery.take_receipt(desk.runtime, receipt)


def notices(desk: Desk) -> list[OutboxMessage]:
    with desk.runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
        return [row for row in rows if "fail for good" in row.text]


def reasons(desk: Desk, worker: str) -> set[str]:
    with desk.runtime.reading() as work:
        found = coverage.at_risk(work, work.now, work.now + timedelta(days=7))
        return {risk.reason for risk in found if risk.worker == worker}


def failing(desk: Desk) -> set[str]:
    with desk.runtime.reading() as work:
        rows = work.session.exec(select(WorkerState).where(col(WorkerState.number_failed_since).is_not(None)))
        return {row.worker for row in rows}


def test_a_permanent_failure_is_told_once_and_shows_in_coverage_until_something_arrives(desk: Desk) -> None:
    desk.report()
    page = desk.send()
    worker = page.worker or ""
    fail(desk, page)
    told = notices(desk)
    assert told
    assert worker not in {each.worker for each in told}
    assert "correct the number in the partnership file" in told[0].text
    assert reasons(desk, worker) == {"the number does not work (permanent-failure)"}

    desk.send()
    desk.report()
    with desk.runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).where(OutboxMessage.worker == worker)).all()
        again = next(row for row in rows if row.state == "pending" and row.channel == "sms")
    desk.send()
    fail(desk, again)
    assert len(notices(desk)) == len(told), "it is told once"

    receipt = Receipt(reference=page.id, provider_id=None, state=ReceiptState.DELIVERED)
    delivery.take_receipt(desk.runtime, receipt)
    assert failing(desk) == {worker}, "a failed message stays failed, so it proves nothing"
    desk.report()
    desk.send()
    with desk.runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).where(OutboxMessage.worker == worker)).all()
        arrived = next(row for row in rows if row.state == "sent" and row.channel == "sms")
    delivery.take_receipt(desk.runtime, Receipt(reference=arrived.id, provider_id=None, state=ReceiptState.DELIVERED))
    assert failing(desk) == set()


def test_a_phone_that_is_only_switched_off_is_no_bad_number(desk: Desk) -> None:
    desk.report()
    fail(desk, desk.send(), permanent=False)
    assert notices(desk) == []
    assert failing(desk) == set()


def test_a_corrected_number_is_believed(desk: Desk) -> None:
    desk.report()
    page = desk.send()
    fail(desk, page)
    with desk.runtime.reading() as work:
        phone = work.partnership.worker_by_slug[page.worker or ""].phone
    text = SHIPPED_PARTNERSHIP.read_text(encoding="utf-8").replace(phone, "+447700900777")
    setup.apply_partnership(desk.runtime, text, actor="tests")
    assert failing(desk) == set()
