"""Whom a message is handed to next, and whom to ask first, from what its providers said so far."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Came(StrEnum):
    """What came of one try, or of one question."""

    TAKEN = "taken"
    REFUSED = "refused"  # this provider will never take this message
    FAILED = "failed"  # it did not take it now
    UNKNOWN = "unknown"  # nobody knows: no answer, or one from which it can't be told
    ABSENT = "absent"  # asked, it says that it does not have it


@dataclass(frozen=True, kw_only=True)
class Try:
    """What one provider said, the first time and the last, and how often it said just that."""

    provider: str
    came: Came
    at: datetime
    why: str = ""
    times: int = 1
    last: datetime | None = None


def added(tries: Sequence[Try], new: Try) -> tuple[Try, ...]:
    """The tries with one more. What a provider merely repeats is counted, so that two hours of trying stay a short list."""
    before = next((old for old in reversed(tries) if old.provider == new.provider), None)
    if before is None or (before.came, before.why) != (new.came, new.why):
        return (*tries, new)
    again = replace(before, times=before.times + 1, last=new.at)
    return tuple(again if old is before else old for old in tries)


def doubted_since(tries: Iterable[Try], provider: str) -> datetime | None:
    """Since when it is unknown whether a provider has the message; None when there is no doubt. Only the provider's own
    word ends it."""
    since: datetime | None = None
    for each in tries:
        if each.provider == provider and each.came is Came.UNKNOWN:
            since = since or each.at
        elif each.provider == provider and each.came in (Came.ABSENT, Came.TAKEN):
            since = None
    return since


def in_order(providers: Sequence[str], tries: Sequence[Try], *, avoided: Collection[str] = ()) -> tuple[str, ...]:
    """Whom to try, first to last: never who refused it for good; last of all whoever is to be avoided, and before them
    who left us in doubt. Avoided is not left out: there is always somebody to try."""
    refused = {each.provider for each in tries if each.came is Came.REFUSED}
    newest = {each.provider: each.came for each in sorted(tries, key=lambda each: each.last or each.at)}

    def rank(provider: str) -> int:
        if provider in avoided:
            return 2
        return 1 if newest.get(provider) in (Came.UNKNOWN, Came.ABSENT) else 0

    return tuple(sorted((each for each in providers if each not in refused), key=rank))


def waits_on(doubts: Iterable[datetime], now: datetime, patience: timedelta) -> bool:
    """Whether to go on asking rather than risk a second copy. Patience ends: a doubled page beats a lost one."""
    return any(now < since + patience for since in doubts)
