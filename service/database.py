"""The one place where SQLite and PostgreSQL differ: engines, instants, transactions, claims and locks."""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    BindParameter,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    ExceptionContext,
    Select,
    bindparam,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState
from sqlalchemy.types import TypeDecorator

from service.away import READ_ONLY
from service.errors import SettingsWrong
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
}
# A connection to a machine that went away without a word is given up after about twenty seconds. Of libpq:
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
CONNECTING = {
    "application_name": "callout",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

POOL: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 12, "max_overflow": 12, "pool_timeout": 10}


class NotHeard(Exception):
    """The connection by which other processes are heard was lost."""


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
        self.engine = _sqlite(url) if url.startswith("sqlite") else _postgresql(url, pooled=bool(direct_url))
        give_keys(self.engine, keyring)
        # By which a process knows what it said itself, and others know whether it is still there.
        self.name = secrets.token_hex(8)
        self._seen = self.engine.dialect.name == "sqlite"
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._direct = _address(direct_url, "CALLOUT_DATABASE_DIRECT_URL") if direct_url else self.engine.url
        begin = {name: "BEGIN IMMEDIATE" if self.is_sqlite else said for name, said in BEGINNINGS.items()}
        self._writing = self.engine.execution_options(callout_begin=begin["writing"])
        self._unhurried = self.engine.execution_options(callout_begin=begin["unhurried"])
        # SQLite's busy handler sleeps: threads that write at once starve each other. One lock in the process queues
        # them fairly instead (measured: p99 31 ms instead of 235 ms with 16 writers).
        self._turn: AbstractContextManager[Any] = InTurn() if self.is_sqlite else nullcontext()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Write: commits at the end, rolls back on any error."""
        with self._turn, Session(self._writing, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def setting_up(self) -> Iterator[Session]:
        """Write, one process at a time, what takes a while to be checked; several that start on an empty database take turns."""
        with self._turn, Session(self._unhurried, expire_on_commit=False) as session:
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
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection that changes the schema: one process at a time, the others wait.

        It waits for a table only for a while: everybody else's requests would queue behind it.
        """
        with self._turn, self._unhurried.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK})
                connection.execute(text(f"SET LOCAL lock_timeout = '{WAITING}'"))
            yield connection

    def tell_others(self, session: Session) -> None:
        """Have every other process on the same PostgreSQL hear of this transaction when it commits."""
        if not self.is_sqlite:
            session.connection().execute(text(f"NOTIFY {WAKE_CHANNEL}, '{self.name}'"))

    def hear_others(self, changed: Callable[[], None], stopping: threading.Event) -> None:
        """Call `changed` at the beginning, because of whatever was committed while nobody listened, and then whenever another
        process commits. Raises NotHeard when the connection to PostgreSQL is lost."""
        # Loaded only where there is something to hear: it takes a start on SQLite as long as the migrations do.
        import psycopg  # noqa: PLC0415

        _, where = self.engine.dialect.create_connect_args(self._direct)
        try:
            named = {**CONNECTING, **where, "application_name": f"{SEEN_AS}{self.name}"}
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


def hold(session: Session, name: str) -> None:
    """Wait until no other transaction holds `name`, and hold it to the end of this one."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _number(name)})


def hold_all(session: Session, names: Iterable[str]) -> None:
    """Wait until no other transaction holds any of these, and hold them. In one order, so that two can't wait for each
    other."""
    numbers = sorted({_number(name) for name in names})
    if numbers and session.get_bind().dialect.name == "postgresql":
        asked = text("SELECT count(pg_advisory_xact_lock(number)) FROM unnest(CAST(:numbers AS bigint[])) AS number")
        session.connection().execute(asked, {"numbers": numbers})


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        folder = Path(path).resolve().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with Path(path).open("ab"):
                pass
        except OSError as error:
            raise SettingsWrong(
                f"CALLOUT_DATABASE_URL: can't write {path}: {error.strerror}. Give a folder that this user may write to"
            ) from None
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN is DEFERRED and comes too late; ours is issued below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "reset")
    def _end(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _state: PoolResetState) -> None:
        # A COMMIT that fails may leave SQLite's transaction open (https://www.sqlite.org/lang_transaction.html), with the
        # lock on the file; SQLAlchemy takes it for ended.
        if connection.in_transaction:
            connection.rollback()

    _begins_itself(engine)
    return engine


def _postgresql(url: str, *, pooled: bool) -> Engine:
    address = _address(url, "CALLOUT_DATABASE_URL")
    connecting: dict[str, Any] = {name: value for name, value in CONNECTING.items() if name not in address.query}
    if pooled:
        # A prepared statement belongs to a session, and the next transaction gets another one.
        connecting["prepare_threshold"] = None
    engine = create_engine(address, connect_args=connecting, hide_parameters=True, **POOL)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN could not carry the limits of the transaction; ours is issued below.
        connection.autocommit = True

    @event.listens_for(engine, "handle_error")
    def _moved(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True

    _begins_itself(engine)
    return engine


def _address(url: str, name: str) -> URL:
    if not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        others = "sqlite:/// or " if name == "CALLOUT_DATABASE_URL" else ""
        raise SettingsWrong(f"{name} must begin with {others}postgresql://")
    return make_url(url).set(drivername="postgresql+psycopg")


def _begins_itself(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("callout_begin", "BEGIN"))
