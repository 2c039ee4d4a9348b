"""Every story runs against `callout serve` in a process of its own, on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browsing import browser
from tests.running import Service
from tests.story import Story


@pytest.fixture
def story(service_on_each: Service) -> Iterator[Story]:
    """A story that has just begun: the fictional partnership, an idle service."""
    told = Story(service_on_each)
    yield told
    told.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for all tests of a file."""
    with browser() as running:
        yield running
