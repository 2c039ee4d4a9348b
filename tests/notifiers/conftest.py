"""GOV.UK Notify's stand-in, and a notifier that sends by it."""

from collections.abc import Iterator

import pytest

from notifiers.govuk_notify import NotifyNotifier
from tests.fakes.notify import FakeNotify, running_notify
from tests.notifiers.at_notify import notifier_for


@pytest.fixture
def notify() -> Iterator[FakeNotify]:
    with running_notify(delivers=False) as running:
        yield running
        assert running.faults == []


@pytest.fixture
def notifier(notify: FakeNotify) -> Iterator[NotifyNotifier]:
    made = notifier_for(notify)
    yield made
    made.close()
