"""The watch over rotas: looked at every day and after every change, and said to whoever can do something."""

from datetime import timedelta

from sqlmodel import col, select

from service.engine import Engine
from service.models.audit import AuditEntry
from service.runtime import Runtime


def times_of(runtime: Runtime, action: str) -> list[str]:
    with runtime.reading() as work:
        query = select(AuditEntry).where(AuditEntry.action == action).order_by(col(AuditEntry.seq))
        zone = work.partnership.zone
        return [f"{entry.at.astimezone(zone):%H:%M}" for entry in work.session.exec(query)]


def test_the_rotas_are_looked_at_every_day_at_the_same_hour(runtime: Runtime) -> None:
    Engine(runtime).advance(timedelta(days=3))
    assert times_of(runtime, "coverage.checked") == ["09:00"] * 3
