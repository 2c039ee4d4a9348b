"""When a provider that fails is left alone for a while, so that the next message need not wait for it. Times are seconds of
any clock that only runs forward."""

from dataclasses import dataclass, replace

IN_A_ROW = 3
WINDOW = 60.0
RESTS = 15.0


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """One provider: its failures in a row, since when, and until when it is left alone."""

    failures: int = 0
    since: float = 0.0
    rests_until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is left alone while there is somebody else."""
        return self.rests_until is not None

    def is_to_be_probed(self, now: float) -> bool:
        """Whether it has rested, and may be asked whether it is there."""
        return self.rests_until is not None and now >= self.rests_until


def failed(breaker: Breaker, now: float) -> Breaker:
    """After one more failure: open when so many came in a row within a minute."""
    if breaker.is_open:
        return replace(breaker, failures=breaker.failures + 1, rests_until=now + RESTS)
    lasting = breaker.failures and now - breaker.since <= WINDOW
    failures, since = (breaker.failures + 1, breaker.since) if lasting else (1, now)
    return Breaker(failures=failures, since=since, rests_until=now + RESTS if failures >= IN_A_ROW else None)


def worked() -> Breaker:
    """After a success: nothing is held against it."""
    return Breaker()


def probed(breaker: Breaker, now: float) -> Breaker:
    """After it answered a question: the next message tries it, and one failure opens it again."""
    return Breaker(failures=IN_A_ROW - 1, since=now) if breaker.is_open else breaker
