"""How the providers stand, as the last process that saw a change wrote it down: for boards and probes on every replica."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from notifiers.base import TO_WORKERS, Channel, Notifier
from service.models.people import Preference
from service.work import Work

PREFIX = "provider "
# Whoever left a provider alone asks it four times a minute. Silence for longer means that this process is gone.
UNWATCHED = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Stands:
    """One provider of a channel; `place` is its turn in the order. `why` is what it said last when it is down."""

    channel: Channel
    provider: str
    title: str
    place: int
    up: bool
    since: datetime | None = None
    seen_at: datetime | None = None
    why: str | None = None

    def is_watched(self, now: datetime) -> bool:
        """Whether somebody has lately asked it."""
        return self.seen_at is not None and now < self.seen_at + UNWATCHED


def note(work: Work, channel: Channel, provider: str, *, up: bool, why: str | None) -> None:
    """Write down how a provider stands; since when is kept while that stays the same."""
    name = f"{PREFIX}{channel.value} {provider}"
    row = work.session.get(Preference, name) or Preference(name=name, value={})
    since = row.value["since"] if row.value.get("up") is up else work.now.isoformat()
    row.value = {"up": up, "since": since, "seen": work.now.isoformat(), "why": why}
    with suppress(IntegrityError), work.session.begin_nested():  # another replica said so in the same moment
        work.session.add(row)


def standing(work: Work, notifiers: Mapping[Channel, Sequence[Notifier]]) -> list[Stands]:
    """Every configured provider, by channel and in order; one of which nobody wrote is up."""
    query = select(Preference).where(col(Preference.name).startswith(PREFIX))
    kept = {row.name: row.value for row in work.session.exec(query).all()}
    return [
        _stands(channel, notifier, place, kept.get(f"{PREFIX}{channel.value} {notifier.name}", {}))
        for channel, providers in notifiers.items()
        if channel in TO_WORKERS
        for place, notifier in enumerate(providers, start=1)
    ]


def _stands(channel: Channel, notifier: Notifier, place: int, kept: Mapping[str, object]) -> Stands:
    return Stands(
        channel=channel,
        provider=notifier.name,
        title=notifier.title,
        place=place,
        up=bool(kept.get("up", True)),
        since=datetime.fromisoformat(str(kept["since"])) if kept else None,
        seen_at=datetime.fromisoformat(str(kept["seen"])) if kept else None,
        why=str(kept["why"]) if kept.get("why") else None,
    )
