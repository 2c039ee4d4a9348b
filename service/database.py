"""The one place, with connecting.py, where SQLite and PostgreSQL differ: instants, transactions, claims and locks."""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    Select,
    bindparam,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from service import connecting
from service.asking import Asking, Question
from service.in_turn import InTurn
from service.privacy import Keyring, give_keys
from service.rows import Session

WAKE_CHANNEL = "callout_wake"
LISTEN_SECONDS = 0.5  # for how long at most a stop waits for the listener
SEEN_AS = "callout "
MIGRATION_LOCK = 20260105
Claimable = TypeVar("Claimable", bound=Select[Any])

# A process that is frozen or cut off in the middle of a transaction must not keep the others from the rows that it holds:
# PostgreSQL ends its session after so long without a word, and what it then tries to commit is refused. Ours says
# something at every few milliseconds. A wait for a lock outlasts that, so that whoever waited simply goes on.
SILENT, WAITING, WORKING = "5s", "15s", "60s"
# Said within the transaction, because a pooler gives each one another session.
BEGINNINGS = {
    "writing": f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = '{SILENT}'; "
    f"SET LOCAL lock_timeout = '{WAITING}'; SET LOCAL statement_timeout = '{WORKING}'",
    "unhurried": f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = '{WORKING}'",
    # Each statement sees what is committed when it begins, in a READ COMMITTED transaction or in none, so that one would only
    # cost two ways more. What reads by a cursor (`yield_per`) needs one.
    "reading": "",
    "at one moment": "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
}
ON_SQLITE = {"writing": "BEGIN IMMEDIATE", "unhurried": "BEGIN IMMEDIATE", "reading": "BEGIN", "at one moment": "BEGIN"}


class NotHeard(Exception):
    """The connection by which other processes are heard was lost."""


@lru_cache(maxsize=1000)  # of a transaction's moments most are its own
def as_sqlite_keeps(moment: datetime) -> str:
    """An instant as SQLite keeps it, such as `2026-11-20 15:41:00.000000`."""
    return _in_utc(moment).isoformat(" ", "microseconds")[: -len("+00:00")]


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. SQLite drops time zones, so what is naive is refused on the way in and UTC is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values; keep UTC."""
        return None if value is None else _in_utc(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """SQLite keeps text. The words are SQLAlchemy's own, put together at a fifth of what it takes to do so."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)
        return lambda value: None if value is None else as_sqlite_keeps(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Database:
    """One database: where it is, and how a transaction on it is opened."""

    def __init__(self, url: str, keyring: Keyring, *, direct_url: str = "") -> None:
        """`direct_url`: where PostgreSQL itself is, when `url` leads to a pooler that gives each transaction another session."""
        self.url = url
        self.engine = (
            connecting.sqlite(url) if url.startswith("sqlite") else connecting.postgresql(url, pooled=bool(direct_url))
        )
        give_keys(self.engine, keyring)
        # By which a process knows what it said itself, and others know whether it is still there.
        self.name = secrets.token_hex(8)
        self._seen = self.engine.dialect.name == "sqlite"
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._direct = (
            connecting.address_of(direct_url, "CALLOUT_DATABASE_DIRECT_URL") if direct_url else self.engine.url
        )
        begin = ON_SQLITE if self.is_sqlite else BEGINNINGS
        self._begun = {name: self.engine.execution_options(callout_begin=said) for name, said in begin.items()}
        # SQLite's busy handler sleeps: threads that write at once starve each other. One lock in the process queues
        # them fairly instead (measured: p99 31 ms instead of 235 ms with 16 writers).
        self._turn: AbstractContextManager[Any] = InTurn() if self.is_sqlite else nullcontext()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Write: commits at the end, rolls back on any error."""
        with self._turn, Session(self._begun["writing"], expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def setting_up(self) -> Iterator[Session]:
        """Write, one process at a time, what takes a while to be checked; several that start on an empty database take turns."""
        with self._turn, Session(self._begun["unhurried"], expire_on_commit=False) as session:
            hold(session, "setting up")
            yield session
            session.commit()

    @property
    def file(self) -> Path | None:
        """Where SQLite keeps it; None where it is no file."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read: nothing is kept."""
        with Session(self._begun["reading"], expire_on_commit=False) as session:
            yield session

    @contextmanager
    def reading_at_one_moment(self) -> Iterator[Session]:
        """Read what must agree with itself, however long that takes and whatever is committed meanwhile."""
        with Session(self._begun["at one moment"], expire_on_commit=False) as session:
            yield session

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection that changes the schema: one process at a time, the others wait.

        It waits for a table only for a while: everybody else's requests would queue behind it.
        """
        with self._turn, self._begun["unhurried"].begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK})
                connection.execute(text(f"SET LOCAL lock_timeout = '{WAITING}'"))
            yield connection

    def tell_others(self, session: Session) -> None:
        """Have every other process on the same PostgreSQL hear of this transaction when it commits."""
        if not self.is_sqlite:
            session.flush_and_say(f"NOTIFY {WAKE_CHANNEL}, '{self.name}'")

    def hear_others(self, changed: Callable[[], None], stopping: threading.Event) -> None:
        """Call `changed` at the beginning, because of whatever was committed while nobody listened, and then whenever another
        process commits. Raises NotHeard when the connection to PostgreSQL is lost."""
        # Loaded only where there is something to hear: it takes a start on SQLite as long as the migrations do.
        import psycopg  # noqa: PLC0415

        _, where = self.engine.dialect.create_connect_args(self._direct)
        try:
            named = {**connecting.CONNECTING, **where, "application_name": f"{SEEN_AS}{self.name}"}
            with psycopg.connect(**named, autocommit=True) as connection:
                connection.execute(f"LISTEN {WAKE_CHANNEL}")
                self._seen = True
                changed()
                while not stopping.is_set():
                    for said in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                        if said.payload != self.name:
                            changed()
        except psycopg.Error as error:
            raise NotHeard(type(error).__name__) from error
        finally:
            self._seen = False

    @property
    def seen_as(self) -> str | None:
        """The name of this process while others can see that it is there; None while they can't."""
        return self.name if self._seen else None

    def gone(self, names: set[str]) -> set[str]:
        """Those of some processes that are not there any more. PostgreSQL ends a connection as soon as the process at its other
        end has died; who can't see its own, because the roles differ, can't tell of any."""
        if self.is_sqlite:
            return names - {self.name}
        query = text("SELECT application_name FROM pg_stat_activity WHERE starts_with(application_name, :seen_as)")
        with self.reading() as session:
            rows = session.connection().execute(query, {"seen_as": SEEN_AS})
            there = {row.application_name.removeprefix(SEEN_AS) for row in rows}
        return names - there if self.name in there else set()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def skip_locked(statement: Claimable) -> Claimable:
    """Claim rows that no other replica is holding; on SQLite the transaction already holds the whole file."""
    return statement.with_for_update(skip_locked=True)


def written_out(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    """That a column holds one of some values, which stand in the statement itself. SQLite takes a partial index for no
    parameter; and a statement that PostgreSQL gets often is planned once for whatever its parameters may be
    (https://www.postgresql.org/docs/current/sql-prepare.html), so that a few among many rows are not found by their index."""
    listed: BindParameter[list[str]] = bindparam(None, list(values), unique=True, expanding=True, literal_execute=True)
    found: ColumnElement[bool] = column.in_(listed)
    return found


def inserting(session: Session, table: Any) -> Any:
    """An INSERT that may go on to say what happens where the row is there already: each database has its own."""
    kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return kind.insert(table)


HOLD = Question(
    text(
        "SELECT count(pg_advisory_xact_lock(number)) AS held FROM unnest(CAST(:numbers AS bigint[])) AS number"
    ).columns(held=Integer)
)


def hold(session: Session, name: str) -> None:
    """Wait until no other transaction holds `name`, and hold it to the end of this one."""
    for question, values in to_hold(session, [name]):
        session.ask(question, **values)


def to_hold(session: Session, names: Iterable[str]) -> list[Asking]:
    """What to ask so as to wait until no other transaction holds any of these, and hold them. In one order, so that two can't
    wait for each other. Nothing on SQLite, where a transaction holds the whole file."""
    numbers = sorted({_number(name) for name in names})
    return [(HOLD, {"numbers": numbers})] if numbers and session.get_bind().dialect.name == "postgresql" else []


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
