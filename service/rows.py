"""A session that also takes rows by the table: whatever a transaction opens is written in one statement a table, when
something asks the database or at the end. The ORM alone writes object by object, at several times the cost of the commit, and
reads at several times the cost of the database."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import configure_mappers
from sqlalchemy.orm.attributes import instance_dict, instance_state, manager_of_class
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import Session as ModelSession
from sqlmodel import SQLModel

from service import asking
from service.asking import Asking, Question, Statement, by_key, held_by_key
from service.writing import (
    OF_KEY,
    Clash,
    columns_in,
    defaults_of,
    given_of,
    in_order,
    key_of,
    table_of,
    to_insert,
    to_update,
)

Row = TypeVar("Row", bound=SQLModel)
Found = TypeVar("Found")


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
        self._connection: Connection | None = None
        self._inserted: set[Table] = set()
        self._looked: tuple[tuple[int, int, int], frozenset[Table]] = ((0, 0, 0), frozenset())

    def put(self, model: type[SQLModel], *, replacing: tuple[str, ...] | None = None, **values: Any) -> None:
        """Write a row with the others of its table. `replacing`: these columns are set where its key is there already;
        with none of them nothing happens then."""
        clash = None if replacing is None else (replacing, None)
        self._rows.setdefault((table_of(model), clash), []).append(defaults_of(model) | values)

    def take_over(self, model: type[SQLModel], *, past: str, now: Any, **values: Any) -> None:
        """Write a row, in place of one with its key of which the column `past` is over. Where it isn't, writing raises
        Overtaken."""
        clash = (tuple(values), past)
        self._rows.setdefault((table_of(model), clash), []).append(defaults_of(model) | values | {"moment": now})

    def make(self, model: type[Row], **values: Any) -> Row:
        """An object to be written with the others of its table. Changing it until then costs no statement."""
        row = self._attached(model, defaults_of(model) | values)
        self._made.setdefault((model, values.get("task_id") or values["id"]), []).append(row)
        self._made_here.add(id(row))
        return row

    def _attached(self, model: type[Row], values: Mapping[str, Any]) -> Row:
        """An object as if it had been read. As make_transient_to_detached() and add() would, but for values that are not there
        and whatever hangs on the object: every value is there, and nothing hangs on it."""
        manager = manager_of_class(model)
        if not manager.mapper.configured:
            configure_mappers()
        row: Row = manager.new_instance()
        instance_dict(row).update(values)
        state = instance_state(row)
        state.key = state.mapper._identity_key_from_state(state)
        self._save_or_update_impl(state)
        return row

    def unwritten(self, model: type[Row], owner: str) -> list[Row]:
        """The objects of a kind that were made here, for the task of this id or as it, and are not in the database yet."""
        return self._made.get((model, owner), [])

    def all_unwritten(self, model: type[Row]) -> list[Row]:
        """The objects of a kind that were made here and are not in the database yet."""
        return [row for (kind, _), rows in self._made.items() if kind is model for row in rows]

    def has_inserted(self, model: type[SQLModel]) -> bool:
        """Whether rows of a kind were stored already that were not there before."""
        return table_of(model) in self._inserted

    def once(self, key: Hashable, read: Callable[[], Found], *, of: Sequence[type[SQLModel]] = ()) -> Found:
        """What `read` finds in the database, asked for once until something is written, or something `of` these where it is
        said: for a whole group the same people are on call. What was made here and is not written yet is not in it."""
        return self._once(key, read, frozenset(map(table_of, of)))

    def _once(self, key: Hashable, read: Callable[[], Found], tables: frozenset[Table]) -> Found:
        self._write_first(tables)
        if key not in self._read:
            with self.no_autoflush:
                self._read[key] = (read(), tables)
        found: Found = self._read[key][0]
        return found

    def _write_first(self, tables: frozenset[Table]) -> None:
        changed = self._changed_tables()
        if changed and (not tables or changed & tables):
            self.flush()

    def connection(self, *given: Any, **more: Any) -> Connection:
        """The connection of this transaction. SQLAlchemy looks it up each time for as long as a question takes."""
        if given or more or self._connection is None or self._connection.closed:
            self._connection = super().connection(*given, **more)
        return self._connection

    def ask(self, question: Question, **values: Any) -> list[Any]:
        """The rows that answer a question, as named tuples. What waits to be written to where it looks is written first."""
        if self.autoflush and question.tables & (self._put_tables() | self._changed_tables()):
            self.flush()
        return asking.ask(self.connection(), [(question, values)])[0]

    def do(self, question: Question, **values: Any) -> None:
        """Have rows deleted or changed, once everything is written that waits. Objects that were read stay as they are."""
        self.flush()
        prepared = asking.prepare(self.connection().dialect, question, values)
        asking.say(self.connection(), [prepared.statement])
        self._forget(question.tables)

    def ask_once(self, question: Question, **values: Any) -> list[Any]:
        """The same, as `once` asks: until something is written that it reads."""
        return self._once(_key(question, values), lambda: self.ask(question, **values), question.tables)

    def find(self, model: type[Row], question: Question, *, afresh: bool = False, **values: Any) -> list[Row]:
        """The objects that answer a question about the columns of a model, as `exec` would find them at several times the cost.
        `afresh`: as they are now, whatever was known of them. What was not asked for is read when it is looked at."""
        return [self._found(model, row._asdict(), afresh) for row in self.ask(question, **values)]

    def _found(self, model: type[Row], values: dict[str, Any], afresh: bool) -> Row:
        row: Row | None = self.identity_map.get(_identity(model, [values[name] for name in key_of(table_of(model))]))
        if row is None:
            row = self._attached(model, values)
            if unread := [name for name in columns_in(table_of(model)) if name not in values]:
                self.expire(row, unread)
        elif afresh:
            instance_dict(row).update(values)
            instance_state(row)._commit(instance_dict(row), values)
        return row

    def get(self, entity: type[Row], ident: Any, **more: Any) -> Row | None:  # type: ignore[override] # of a model, all here
        """The object with a key, from what this session knows or from the database."""
        values = _as_tuple(ident)
        known: Row | None = self.identity_map.get(_identity(entity, values))
        if any(more.values()) or (known is not None and instance_state(known).expired):
            return super().get(entity, ident, **more)
        if known is not None:
            return known
        return next(iter(self.find(entity, by_key(table_of(entity)), **_by_name(table_of(entity), values))), None)

    def refresh(self, instance: Any, *given: Any, **more: Any) -> None:
        """Read an object as it is now."""
        if given or more:
            return super().refresh(instance, *given, **more)
        table: Table = instance.__table__
        key = {name: instance_dict(instance)[name] for name in key_of(table)}
        if not self.find(type(instance), by_key(table), afresh=True, **key):
            raise InvalidRequestError(f"a row of {table.name} that was to be read again is not there any more")
        return None

    def ask_ahead(self, askings: Sequence[Asking]) -> None:
        """Ask in one go what `ask_once` will be asked for."""
        self._write_first(frozenset().union(*[question.tables for question, _ in askings]))
        missing = {key: each for each in askings if (key := _key(*each)) not in self._read}
        answers = asking.ask(self.connection(), list(missing.values()))
        for (key, (question, _)), rows in zip(missing.items(), answers, strict=True):
            self._read[key] = (rows, question.tables)

    def keep_at_hand(self, rows: Iterable[SQLModel]) -> None:
        """Keep objects to the end of the transaction, so that whoever asks for one by its id asks no database. Otherwise the
        session forgets what nobody holds."""
        self._at_hand.extend(rows)

    def remember(self, key: Hashable, found: Any, *, of: Sequence[type[SQLModel]] = ()) -> None:
        """What `once` would find for a key, asked for together with others, until something is written, or something `of`
        these where it is said."""
        self._read[key] = (found, frozenset(map(table_of, of)))

    def held(self, model: type[Row], key: Any) -> Row | None:
        """A row as it is once nobody else is writing it, held to the end of this transaction."""
        self.flush()
        values = _by_name(table_of(model), _as_tuple(key))
        return next(iter(self.find(model, held_by_key(table_of(model)), afresh=True, **values)), None)

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

    def _put_tables(self) -> set[Table]:
        return {table for table, _ in self._rows} | {table_of(model) for model, _ in self._made}

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write everything that waits."""
        if self._rows or self._made or self.identity_map._modified:
            self._write(())
        if self._new or self._deleted:
            self._forget(frozenset(row.__table__ for row in self._changed()))
            self._inserted |= {row.__table__ for row in self.new}
            super().flush(objects)

    def commit(self) -> None:
        """Write everything that waits, and commit. SQLAlchemy writes nothing where no object of its own was changed."""
        self.flush()
        super().commit()

    def flush_and_ask(self, question: Question, **values: Any) -> list[Any]:
        """Write everything that waits, and ask, with one answer for both where the database can give it."""
        prepared = asking.prepare(self.connection().dialect, question, values)
        return prepared.read(*self._flush_and([prepared.statement]))

    def flush_and_say(self, *words: str) -> None:
        """Write everything that waits, and say what has no parameters."""
        self._flush_and([Statement(each, [None]) for each in words])

    def _flush_and(self, then: Sequence[Statement]) -> list[Any]:
        if self._new or self._deleted:
            self.flush()
        return self._write(then)

    def _write(self, then: Sequence[Statement]) -> list[Any]:
        """The rows that wait and the changes of objects, and then some statements; their cursors. To wait for each answer took
        longer than the rest."""
        dialect = self.connection().dialect
        waiting, self._rows = self._rows, {}
        made, self._made = self._made, {}
        for (model, _), objects in made.items():
            waiting.setdefault((table_of(model), None), []).extend(map(_values, objects))
        # Beside what is new to SQLAlchemy they are left to it, which knows what must come before what.
        changed = {} if self._new or self._deleted else self._changes()
        order = in_order()
        inserts = sorted(waiting.items(), key=lambda item: order[item[0][0]])
        updates = sorted(changed.items(), key=lambda item: (order[item[0][0]], item[0][1]))
        self._forget(frozenset(table for table, _ in (*waiting, *changed)))
        self._inserted |= {table for table, _ in waiting}
        said = [to_insert(dialect, table, given_of(table, rows[0]), clash).of(rows) for (table, clash), rows in inserts]
        said += [to_update(dialect, table, names).of(rows) for (table, names), rows in updates]
        cursors = asking.say(self.connection(), [*said, *then])
        for ((table, clash), rows), cursor in zip(inserts, cursors, strict=False):
            if clash and clash[1] and cursor.rowcount < len(rows):
                raise Overtaken(table.name)
        for ((table, _), rows), cursor in zip(updates, cursors[len(inserts) :], strict=False):
            if cursor.rowcount < len(rows):
                raise StaleDataError(f"a row of {table.name} that was to be changed is not there any more")
        written = [row for objects in made.values() for row in objects]
        for row in [*written, *(() if self._new or self._deleted else self.dirty)]:
            # What was changed since it was made went in with it.
            instance_state(row)._commit_all(instance_dict(row), self.identity_map)
        self._made_here.clear()
        return cursors[len(said) :]

    def _changes(self) -> dict[tuple[Table, tuple[str, ...]], list[dict[str, Any]]]:
        """What was changed of objects that were read, by its columns; in the order of their keys, as SQLAlchemy writes it."""
        found: dict[tuple[Table, tuple[str, ...]], list[dict[str, Any]]] = {}
        for row in [row for row in self.dirty if id(row) not in self._made_here]:
            table: Table = row.__table__
            values, before = instance_dict(row), instance_state(row).committed_state
            names = tuple(name for name in columns_in(table) if name in before and before[name] != values[name])
            if names:
                key = {OF_KEY + name: values[name] for name in key_of(table)}
                found.setdefault((table, names), []).append(key | {name: values[name] for name in names})
        for rows in found.values():
            rows.sort(key=lambda row: [value for name, value in row.items() if name.startswith(OF_KEY)])
        return found

    def _forget(self, written: frozenset[Table]) -> None:
        """What was read of some tables that are written now, and of all."""
        self._looked = ((0, 0, 0), frozenset())
        if written:
            self._read = {key: read for key, read in self._read.items() if read[1] and not read[1] & written}


def _key(question: Question, values: Mapping[str, Any]) -> Hashable:
    given = (values[name] for name in sorted(values))  # in whatever order they were given
    return question, *[tuple(value) if isinstance(value, list) else value for value in given]


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _by_name(table: Table, key: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(key_of(table), key, strict=True))


def _identity(model: Any, values: Sequence[Any]) -> Any:
    return model.__mapper__.identity_key_from_primary_key(values)


def _values(row: SQLModel) -> dict[str, Any]:
    values = instance_dict(row)
    return {name: values[name] for name in columns_in(table_of(type(row)))}
