"""A session that also takes rows by the table: whatever a transaction opens is written in one statement a table, when
something asks the database or at the end. The ORM alone writes object by object, at several times the cost of the commit."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm.attributes import instance_dict, instance_state, manager_of_class
from sqlmodel import Session as ModelSession
from sqlmodel import SQLModel

Row = TypeVar("Row", bound=SQLModel)
Found = TypeVar("Found")
# Which columns are set where a row's key is there already, and which column must lie in the past for that.
Clash = tuple[tuple[str, ...], str | None]


class Overtaken(Exception):
    """Another transaction took, a moment before, what this one was about to take."""


class Session(ModelSession):
    """What every record function works with."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._rows: dict[tuple[Table, Clash | None], list[dict[str, Any]]] = {}
        self._made: dict[tuple[type[SQLModel], str], list[Any]] = {}
        self._made_here: set[int] = set()
        self._read: dict[Hashable, tuple[Any, frozenset[Table]]] = {}
        self._at_hand: list[Any] = []
        self._inserted: set[Table] = set()
        self._looked: tuple[tuple[int, int, int], frozenset[Table]] = ((0, 0, 0), frozenset())

    def put(self, model: type[SQLModel], *, replacing: tuple[str, ...] | None = None, **values: Any) -> None:
        """Write a row with the others of its table. `replacing`: these columns are set where its key is there already;
        with none of them nothing happens then."""
        clash = None if replacing is None else (replacing, None)
        self._rows.setdefault((_table(model), clash), []).append(_defaults(model) | values)

    def take_over(self, model: type[SQLModel], *, past: str, now: Any, **values: Any) -> None:
        """Write a row, in place of one with its key of which the column `past` is over. Where it isn't, writing raises
        Overtaken."""
        clash = (tuple(values), past)
        self._rows.setdefault((_table(model), clash), []).append(_defaults(model) | values | {"moment": now})

    def make(self, model: type[Row], **values: Any) -> Row:
        """An object to be written with the others of its table. Changing it until then costs no statement."""
        row: Row = manager_of_class(model).new_instance()
        instance_dict(row).update(_defaults(model) | values)
        # As make_transient_to_detached() and add() would, but for values that are not there and whatever hangs on the object:
        # every value is there, and nothing hangs on it.
        state = instance_state(row)
        state.key = state.mapper._identity_key_from_state(state)
        self._save_or_update_impl(state)
        self._made.setdefault((model, values.get("task_id") or values["id"]), []).append(row)
        self._made_here.add(id(row))
        return row

    def unwritten(self, model: type[Row], owner: str) -> list[Row]:
        """The objects of a kind that were made here, for the task of this id or as it, and are not in the database yet."""
        return self._made.get((model, owner), [])

    def all_unwritten(self, model: type[Row]) -> list[Row]:
        """The objects of a kind that were made here and are not in the database yet."""
        return [row for (kind, _), rows in self._made.items() if kind is model for row in rows]

    def has_inserted(self, model: type[SQLModel]) -> bool:
        """Whether rows of a kind were stored already that were not there before."""
        return _table(model) in self._inserted

    def once(self, key: Hashable, read: Callable[[], Found], *, of: Sequence[type[SQLModel]] = ()) -> Found:
        """What `read` finds in the database, asked for once until something is written, or something `of` these where it is
        said: for a whole group the same people are on call. What was made here and is not written yet is not in it."""
        tables = frozenset(map(_table, of))
        changed = self._changed_tables()
        if changed and (not tables or changed & tables):
            self.flush()
        if key not in self._read:
            with self.no_autoflush:
                self._read[key] = (read(), tables)
        found: Found = self._read[key][0]
        return found

    def keep_at_hand(self, rows: Iterable[SQLModel]) -> None:
        """Keep objects to the end of the transaction, so that whoever asks for one by its id asks no database. Otherwise the
        session forgets what nobody holds."""
        self._at_hand.extend(rows)

    def remember(self, key: Hashable, found: Any, *, of: Sequence[type[SQLModel]] = ()) -> None:
        """What `once` would find for a key, asked for together with others, until something is written, or something `of`
        these where it is said."""
        self._read[key] = (found, frozenset(map(_table, of)))

    def held(self, model: type[Row], key: Any) -> Row | None:
        """A row as it is once nobody else is writing it, held to the end of this transaction."""
        self.flush()
        return self.get(model, key, with_for_update=True, populate_existing=True)

    def forget(self, about: str) -> None:
        """What `once` found for a key with this in it is asked for anew: others may have written meanwhile."""
        for key in [key for key in self._read if isinstance(key, tuple) and about in key]:
            del self._read[key]

    def _changed(self) -> list[Any]:
        return [*self.new, *self.deleted, *(row for row in self.dirty if id(row) not in self._made_here)]

    def _changed_tables(self) -> frozenset[Table]:
        """The tables of what is changed and not written. Until something is written there is only ever more of it, so that it
        is looked through again only where there is."""
        there_is = (len(self._new), len(self._deleted), len(self.identity_map._modified))
        if there_is != self._looked[0]:
            self._looked = (there_is, frozenset(row.__table__ for row in self._changed()))
        return self._looked[1]

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write everything that waits."""
        written = (
            {table for table, _ in self._rows} | {_table(model) for model, _ in self._made} | self._changed_tables()
        )
        self._looked = ((0, 0, 0), frozenset())
        self._inserted |= {table for table, _ in self._rows} | {_table(model) for model, _ in self._made}
        self._inserted |= {row.__table__ for row in self.new}
        if written:
            self._read = {key: read for key, read in self._read.items() if read[1] and not read[1] & written}
        if self._rows or self._made:
            self._write()
        super().flush(objects)

    def _write(self) -> None:
        waiting, self._rows = self._rows, {}
        made, self._made = self._made, {}
        for (model, _), rows in made.items():
            waiting.setdefault((_table(model), None), []).extend(map(_values, rows))
        order = _in_order()
        places = sorted(waiting, key=lambda place: order[place[0]])
        connection = self.connection()
        inserts = []
        for table, clash in places:
            rows = waiting[table, clash]
            insert = _insert(connection.dialect, table, _given(table, rows[0]), clash)
            inserts.append((insert, insert.values(rows)))
        for (table, clash), written in zip(places, _insert_all(connection, inserts), strict=True):
            if clash and clash[1] and written < len(waiting[table, clash]):
                raise Overtaken(table.name)
        for objects in made.values():
            for row in objects:
                # What was changed since it was made went in with it.
                instance_state(row)._commit_all(instance_dict(row), self.identity_map)
        self._made_here.clear()


@dataclass(frozen=True)
class _Insert:
    """An INSERT as the driver takes it: its words, and its parameters in their order, each with what a value passes on its
    way. SQLAlchemy makes it once; to look all of it up for every row took longer than the writing."""

    table: str
    words: str
    by_name: bool
    parameters: tuple[tuple[str, Callable[[Any], Any] | None], ...]

    def values(self, rows: Iterable[dict[str, Any]]) -> list[Any]:
        """What goes with the words."""
        if self.by_name:
            return [{name: way(row[name]) if way else row[name] for name, way in self.parameters} for row in rows]
        return [tuple([way(row[name]) if way else row[name] for name, way in self.parameters]) for row in rows]


@cache
def _insert(dialect: Dialect, table: Table, names: tuple[str, ...], clash: Clash | None) -> _Insert:
    compiled = _statement(dialect.name, table, clash).compile(dialect=dialect, column_keys=list(names))
    order = compiled.positiontup or list(compiled.binds)
    ways = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
    parameters = tuple((name, ways[name]) for name in order)
    return _Insert(table.name, str(compiled), not compiled.positional, parameters)


Inserts = Sequence[tuple[_Insert, list[Any]]]


def _insert_all(connection: Connection, inserts: Inserts) -> list[int]:
    """How many rows each insert has written. Straight by the driver, and on PostgreSQL with one answer for all (psycopg,
    "Pipeline mode support"): to wait for a dozen took longer than what was asked for. What goes wrong is said as SQLAlchemy
    says it, and whoever listens for its statements hears of these."""
    driver: Any = connection.connection.driver_connection
    at_once = driver.pipeline() if connection.dialect.name == "postgresql" else nullcontext()
    cursors = [driver.cursor() for _ in inserts]
    try:
        with at_once:
            for cursor, (insert, values) in zip(cursors, inserts, strict=True):
                for hear in connection.dispatch.before_cursor_execute:
                    hear(connection, cursor, insert.words, values, None, True)
                cursor.executemany(insert.words, values)
    except connection.dialect.loaded_dbapi.Error as error:
        names = ", ".join(insert.table for insert, _ in inserts)
        connection._handle_dbapi_exception(error, f"INSERT INTO {names}", None, None, None)
    return [cursor.rowcount for cursor in cursors]


def _statement(dialect: str, table: Table, clash: Clash | None) -> Any:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    if clash is None:
        return statement
    replacing, past = clash
    key = [column.name for column in table.primary_key]
    if not replacing:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={name: statement.excluded[name] for name in replacing if name not in key},
        where=table.c[past] <= bindparam("moment", type_=table.c[past].type) if past else None,
    )


def _given(table: Table, row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in table.columns.keys() if name in row)  # noqa: SIM118 - the columns are no dict


@cache
def _in_order() -> dict[Table, int]:
    """A row that points to another comes after it."""
    return {table: place for place, table in enumerate(SQLModel.metadata.sorted_tables)}


@cache
def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _defaults(model: type[SQLModel]) -> dict[str, Any]:
    fixed, made = _default_values(model)
    return fixed | {name: make() for name, make in made.items()} if made else fixed


@cache
def _default_values(model: type[SQLModel]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    serial = [c.name for c in _table(model).primary_key if c.autoincrement is True or _numbers_itself(c)]
    made = {name: field.default_factory for name, field in fields.items() if field.default_factory}
    fixed = {name: field.default for name, field in fields.items() if name not in made and name not in serial}
    return fixed, made  # type: ignore[return-value]


def _numbers_itself(column: Any) -> bool:
    return column is column.table._autoincrement_column


@cache
def _names(model: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in _table(model).columns)


def _values(row: SQLModel) -> dict[str, Any]:
    values = instance_dict(row)
    return {name: values[name] for name in _names(type(row))}
