"""A service that tests itself every six hours by a Twilio on a real port, moved by hand."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from service.engine import Engine
from service.models.errands import ErrandKind
from service.models.incidents import Purpose
from service.models.outbox import OutboxMessage
from service.models.tasks import Task
from service.records import errands, trials
from service.records.test_pages import Stands, standing
from service.records.trials import Trial
from service.runtime import Runtime
from tests.fakes.twilio import FakeTwilio, Text, running_twilio
from tests.running import free_port, open_sandbox, served

NUMBER = "+447700900990"
SECOND = timedelta(seconds=1)


@dataclass
class OnTrial:
    """A sandbox that tests itself every six hours, by a Twilio that says of a text only what a test lets it say."""

    runtime: Runtime
    twilio: FakeTwilio
    port: int
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Engine(self.runtime)

    @property
    def address(self) -> str:
        """Where reports to it go."""
        return self.runtime.settings.public_url

    def serve(self) -> AbstractContextManager[str]:
        """Let its public address be answered."""
        return served(self.runtime, port=self.port)

    def begin(self) -> Text:
        """Let a test begin that is due; its text."""
        before = len(self.texts)
        self.engine.advance(SECOND)
        assert len(self.texts) == before + 1
        return self.texts[-1]

    def ends(self, text: Text, status: str, **more: str) -> None:
        """The provider says what became of the text, and the test is judged."""
        assert self.twilio.report(text, status, **more).status_code == 200
        self.engine.advance(5 * SECOND)

    @property
    def texts(self) -> list[Text]:
        """What went to the test number, oldest first."""
        return self.twilio.texts_to(NUMBER)

    def tasks(self, purpose: Purpose) -> list[Task]:
        """The tasks that its tests opened, or its alarms."""
        with self.runtime.reading() as work:
            query = select(Task).where(Task.purpose == purpose.value).order_by(col(Task.opened_at))
            return list(work.session.exec(query).all())

    def stands(self) -> Stands:
        """How its tests stand."""
        with self.runtime.reading() as work:
            return standing(work)

    def written_for(self, task: Task) -> list[OutboxMessage]:
        """The messages of a task."""
        with self.runtime.reading() as work:
            return list(work.session.exec(select(OutboxMessage).where(OutboxMessage.task_id == task.id)).all())

    def trial(self) -> Trial:
        """The test that is under way."""
        with self.runtime.reading() as work:
            trial = trials.of(errands.get(work, ErrandKind.TEST_PAGE))
        assert trial
        return trial


def settings_for(twilio: FakeTwilio, port: int) -> dict[str, Any]:
    """The settings of a service on trial at a port."""
    twilio.public_url = twilio.webhook_base = f"http://127.0.0.1:{port}"
    return {
        "public_url": twilio.public_url,
        "engine": "off",  # the tests move it by hand
        "synthetic_hours": 6,
        "synthetic_number": "07700 900990",
        "twilio_account_sid": twilio.account_sid,
        "twilio_auth_token": twilio.auth_token,
        "twilio_from": twilio.number,
        "twilio_api_base": twilio.url,
    }


@contextmanager
def silent_twilio() -> Iterator[FakeTwilio]:
    """A Twilio that says nothing by itself of what becomes of a text."""
    with running_twilio(delivers=False) as running:
        yield running
        running.finish()
    assert running.faults == []


@contextmanager
def on_trial(database_url: str, twilio: FakeTwilio) -> Iterator[OnTrial]:
    """A sandbox that was brought up, on trial."""
    port = free_port()
    built = open_sandbox(database_url, **settings_for(twilio, port))
    yield OnTrial(built, twilio, port)
    built.close()
