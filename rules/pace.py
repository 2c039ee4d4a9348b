"""How fast a provider may be given messages, so that a rolling minute never holds more than it takes. Times are seconds."""

from dataclasses import dataclass, replace

AT_ONCE = 0.25  # the share of a minute's messages that may go in one go; the rest is spread over the minute
MINUTE = 60.0


@dataclass(frozen=True, kw_only=True)
class Pace:
    """A bucket of `left` messages at a moment, filled evenly. It may go below nothing: what must go, goes."""

    a_minute: int
    left: float
    at: float

    def at_moment(self, now: float) -> "Pace":
        """What there is now."""
        filled = self.left + (now - self.at) * self.a_minute * (1 - AT_ONCE) / MINUTE
        return replace(self, left=min(filled, self.a_minute * AT_ONCE), at=max(now, self.at))

    def spent(self, now: float) -> "Pace":
        """After one more message."""
        current = self.at_moment(now)
        return replace(current, left=current.left - 1)


def full(a_minute: int, now: float) -> Pace:
    """A provider that was given nothing yet."""
    return Pace(a_minute=a_minute, left=a_minute * AT_ONCE, at=now)
