"""What is expected of a partner's feed, as an admin sets it."""

from rules.rhythm import Rhythm
from service.errors import Fault, Invalid, NotFound
from service.models.access import AccessKey, Role
from service.records import feeds
from service.runtime import Runtime
from service.work import Work


def expect(runtime: Runtime, key_id: str, rhythm: Rhythm, *, actor: str) -> None:
    """Expect a feed to speak at least so often. Raises NotFound, Invalid."""
    with runtime.transaction() as work:
        key = work.session.get(AccessKey, key_id)
        if key is None or key.revoked_at is not None:
            raise NotFound("there is no such key, or it is revoked")
        faults = _faults(work, rhythm)
        if key.role != Role.PARTNER:
            faults.append(Fault("", f"this key is a {key.role}'s, and only partners report"))
        if faults:
            raise Invalid("the content is wrong", tuple(faults))
        feeds.expect(work, key, rhythm)
        work.record("key.rhythm", key_id, actor=actor, **rhythm.model_dump(mode="json"))


def check(runtime: Runtime, rhythm: Rhythm) -> None:
    """Whether a rhythm fits the rulebook in force. Raises Invalid."""
    with runtime.reading() as work:
        faults = _faults(work, rhythm)
    if faults:
        raise Invalid("the content is wrong", tuple(faults))


def _faults(work: Work, rhythm: Rhythm) -> list[Fault]:
    known = work.policy.book.rulebook.calendars
    if rhythm.during is not None and rhythm.during not in known:
        named = ", ".join(known) or "none"
        return [Fault("/during", f"the rulebook has no calendar {rhythm.during!r}; it has: {named}")]
    if rhythm.spec(known) is None:
        return [Fault("/hours", "there is no time at which this rhythm would run")]
    return []


def expect_nothing(runtime: Runtime, key_id: str, *, actor: str) -> None:
    """Expect nothing of a feed any more. Raises NotFound."""
    with runtime.transaction() as work:
        if not feeds.expect_nothing(work, key_id):
            raise NotFound("nothing is expected of this key")
        work.record("key.rhythm_ended", key_id, actor=actor)


def spoke(runtime: Runtime, key_id: str) -> None:
    """A feed said something that was understood and is not for us: it speaks all the same."""
    with runtime.reading() as work:
        news = feeds.is_news(work, key_id)
    if news:
        with runtime.transaction() as work:
            feeds.heard(work, [key_id])
