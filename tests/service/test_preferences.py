"""What a worker wants stands over the partnership file, for the numbers that it was said of, until it is taken back."""

from datetime import time, timedelta

import pytest
from sqlmodel import col, select

from notifiers.base import Channel
from rules.windows import Hours
from service.errors import Invalid, NotFound
from service.flows import workers
from service.flows.actions import Scope
from service.models.audit import AuditEntry
from service.records.preferences import Wish
from service.runtime import Runtime
from tests.service.test_contacts import SCOPE
from tests.service.test_deadlines import on_call, open_task
from tests.service.test_reaching import SECOND, paged, phone_of, prefer, ways

NIGHT: Hours = (time(22), time(7))


@pytest.fixture
def at_night(runtime: Runtime) -> Runtime:
    """Half past midnight in London."""
    local = runtime.clock.now() + timedelta(days=1)
    runtime.clock.advance_to(local.replace(hour=0, minute=30))  # type: ignore[attr-defined]
    return runtime


def test_the_order_and_the_quiet_numbers_that_were_set_count_from_the_next_page_on(at_night: Runtime) -> None:
    worker = on_call(at_night)
    prefer(at_night, worker, channels=["sms"], phones=[{"number": SECOND}])
    phone, email = phone_of(at_night, worker), f"{worker}@example.org"
    told = workers.prefer(at_night, SCOPE, worker, Wish(channels=(Channel.VOICE, Channel.EMAIL), quiet=[(1, NIGHT)]))
    assert told["channels"] == ["voice", "email", "sms"]
    assert told["quiet"] == [{"number": 1, "hours": "22:00-07:00"}]
    assert ways(at_night, worker) == [
        ("voice", SECOND, False),
        ("email", email, False),
        ("sms", SECOND, False),
        ("voice", phone, True),
        ("sms", phone, True),
    ]
    open_task(at_night)
    assert paged(at_night) == [("sms", SECOND)]
    workers.prefer_the_file(at_night, SCOPE, worker)
    workers.prefer_the_file(at_night, SCOPE, worker)
    assert [way[:2] for way in ways(at_night, worker)][:2] == [("sms", phone), ("sms", SECOND)]
    with at_night.reading() as work:
        query = select(AuditEntry.action).where(AuditEntry.subject == worker).order_by(col(AuditEntry.seq))
        assert work.session.exec(query).all()[-2:] == ["worker.preferences_set", "worker.preferences_dropped"]


def test_what_is_left_out_is_as_the_file_says_and_an_empty_list_lets_no_number_be_quiet(at_night: Runtime) -> None:
    prefer(at_night, "ben", quiet="22:00-07:00", channels=["voice"], phones=[{"number": SECOND}])
    phone = phone_of(at_night, "ben")
    workers.prefer(at_night, SCOPE, "ben", Wish(channels=(Channel.EMAIL,), quiet=None))
    found = ways(at_night, "ben")
    assert found[0][0] == "email"
    assert ("sms", phone, True) in found
    workers.prefer(at_night, SCOPE, "ben", Wish(channels=None, quiet=[]))
    found = ways(at_night, "ben")
    assert found[0] == ("voice", phone, False)
    assert {quiet for *_, quiet in found} == {False}


def test_quiet_hours_belong_to_the_number_and_not_to_its_place(at_night: Runtime) -> None:
    prefer(at_night, "ben", phones=[{"number": SECOND}])
    workers.prefer(at_night, SCOPE, "ben", Wish(channels=None, quiet=[(2, NIGHT)]))
    old = phone_of(at_night, "ben")
    prefer(at_night, "ben", phone=SECOND, phones=[{"number": old}])
    assert {address for _, address, quiet in ways(at_night, "ben") if quiet} == {SECOND}


def test_where_every_number_is_quiet_a_page_goes_out_all_the_same(at_night: Runtime) -> None:
    worker = on_call(at_night)
    workers.prefer(at_night, SCOPE, worker, Wish(channels=None, quiet=[(1, NIGHT)]))
    open_task(at_night)
    assert paged(at_night) == [("sms", phone_of(at_night, worker))]


def test_what_is_wrong_is_named_and_nothing_is_kept(runtime: Runtime) -> None:
    prefer(runtime, "ben", email=None)
    wish = Wish(channels=(Channel.SMS, Channel.EMAIL), quiet=[(1, NIGHT), (2, NIGHT), (1, NIGHT)])
    with pytest.raises(Invalid) as wrong:
        workers.prefer(runtime, SCOPE, "ben", wish)
    assert {fault.pointer: fault.detail for fault in wrong.value.faults} == {
        "/channels/1": "the partnership file has no email address for this worker; leave email out",
        "/quiet/1/number": "the partnership file has one number: 1",
        "/quiet/2/number": "number 1 is there twice; give it once",
    }
    with runtime.reading() as work:
        [ben] = [each for each in workers.listed(work, SCOPE) if each["slug"] == "ben"]
    assert ben["preferences"] == {
        "channels": ["sms", "voice", "email"],
        "quiet": [],
        "set_by": None,
        "set_at": None,
    }
    with pytest.raises(NotFound):
        workers.prefer(runtime, Scope(actor="tests", localities=("north",)), "amina", wish)
