"""How a connection to either database is opened, tried before it is used, and begins a transaction."""

import selectors
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, PoolResetState

from service.away import READ_ONLY
from service.errors import SettingsWrong

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

RESTS_SINCE = "callout_rests_since"
ASKED_AFTER = 5.0  # seconds without use, in which a connection may have been cut off unseen

POOL: dict[str, Any] = {"pool_size": 12, "max_overflow": 12, "pool_timeout": 10}


def sqlite(url: str) -> Engine:
    """An engine on a file, which is made if it is not there. Raises SettingsWrong where it can't be."""
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


def postgresql(url: str, *, pooled: bool) -> Engine:
    """An engine on a server; `pooled`: by way of a pooler that gives each transaction another session."""
    address = address_of(url, "CALLOUT_DATABASE_URL")
    connecting: dict[str, Any] = {name: value for name, value in CONNECTING.items() if name not in address.query}
    if pooled:
        # A prepared statement belongs to a session, and the next transaction gets another one.
        connecting["prepare_threshold"] = None
    engine = create_engine(address, connect_args=connecting, hide_parameters=True, **POOL)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN could not carry the limits of the transaction; ours is issued below.
        connection.autocommit = True

    @event.listens_for(engine, "checkout")
    def _try(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        # Asking the server each time would be one in seven of the ways there and back of a small transaction. One that ended
        # has closed the connection, which then can be read from, as it can after a notice; a machine that went away without
        # a word is found by asking.
        rests_since = entry.info.get(RESTS_SINCE)
        try:
            if rests_since and (time.monotonic() - rests_since > ASKED_AFTER or _can_be_read(connection)):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    @event.listens_for(engine, "checkin")
    def _rests(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info[RESTS_SINCE] = time.monotonic()

    @event.listens_for(engine, "handle_error")
    def _moved(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True

    _begins_itself(engine)
    return engine


def address_of(url: str, name: str) -> URL:
    """Where a PostgreSQL is, as the setting `name` says. Raises SettingsWrong."""
    if not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        others = "sqlite:/// or " if name == "CALLOUT_DATABASE_URL" else ""
        raise SettingsWrong(f"{name} must begin with {others}postgresql://")
    return make_url(url).set(drivername="postgresql+psycopg")


def _can_be_read(connection: DBAPIConnection) -> bool:
    with selectors.DefaultSelector() as waiting:
        waiting.register(connection.fileno(), selectors.EVENT_READ)
        return bool(waiting.select(0))


def _begins_itself(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if said := connection.get_execution_options().get("callout_begin", "BEGIN"):
            connection.exec_driver_sql(said)
