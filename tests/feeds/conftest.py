"""One partner's feed in Bristol's time, with pseudonyms that show what they were made of, and the shipped code lists."""

import hashlib
import io
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from api import imports
from api.feeds import codelists
from api.feeds.codelists import CodeLists
from api.feeds.reading import Feed, Reading
from api.imports import Kind, Layout
from service.settings import SHIPPED_CODE_LISTS

Read = Callable[..., list[Reading]]
SHIPPED = codelists.load(SHIPPED_CODE_LISTS)
FEED = Feed(
    zone=ZoneInfo("Europe/London"),
    pseudonym=lambda value: "p-" + hashlib.sha256(value.encode()).hexdigest()[:16],
)


def laid_out(body: bytes, kind: Kind | None = None, lists: CodeLists = SHIPPED) -> Layout:
    return imports.laid_out(io.BytesIO(body), kind, lists, FEED)


def read(body: bytes | str, kind: Kind | None = None, lists: CodeLists = SHIPPED) -> list[Reading]:
    """Everything that a body says."""
    return list(laid_out(body.encode() if isinstance(body, str) else body, kind, lists).readings)


@pytest.fixture
def lists() -> CodeLists:
    return SHIPPED
