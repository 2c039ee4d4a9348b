"""What is expected of a partner's feed, as an admin sets it."""

from datetime import timedelta

from service.errors import Fault, Invalid, NotFound
from service.models.access import AccessKey, Role
from service.records import feeds
from service.runtime import Runtime

SHORTEST, LONGEST = timedelta(minutes=15), timedelta(days=92)


def expect(runtime: Runtime, key_id: str, every: timedelta, *, during: str | None, actor: str) -> None:
    """Expect a feed to speak at least so often; `during`: a calendar of the rulebook's, whose open time alone counts.
    Raises NotFound, Invalid."""
    faults = []
    if not SHORTEST <= every <= LONGEST:
        faults.append(Fault("/every", "must be at least 15 minutes and at most 92 days, such as PT24H"))
    with runtime.transaction() as work:
        key = work.session.get(AccessKey, key_id)
        if key is None or key.revoked_at is not None:
            raise NotFound("there is no such key, or it is revoked")
        if key.role != Role.PARTNER:
            faults.append(Fault("", f"this key is a {key.role}'s, and only partners report"))
        known = work.policy.book.rulebook.calendars
        if during is not None and during not in known:
            named = ", ".join(known) or "none"
            faults.append(Fault("/during", f"the rulebook has no calendar {during!r}; it has: {named}"))
        if faults:
            raise Invalid("the content is wrong", tuple(faults))
        feeds.expect(work, key, every, during)
        work.record("key.rhythm", key_id, actor=actor, every_seconds=every.total_seconds(), during=during)


def expect_nothing(runtime: Runtime, key_id: str, *, actor: str) -> None:
    """Expect nothing of a feed any more. Raises NotFound."""
    with runtime.transaction() as work:
        if not feeds.expect_nothing(work, key_id):
            raise NotFound("nothing is expected of this key")
        work.record("key.rhythm_ended", key_id, actor=actor)
