"""Questions that are asked again and again, put to the driver as they are: SQLAlchemy makes their words once. What it does for
each asking took it several times as long as the database."""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Float, Numeric, SelectBase, Table, UpdateBase, bindparam, select
from sqlalchemy.sql import visitors

Way = Callable[[Any], Any]


class Question:
    """A SELECT of columns, or a DELETE or an UPDATE that gives nothing back, whose parameters are `bindparam`s by name; one that
    is a list is `expanding`, and may be empty. Nothing else in it may differ from one asking to the next. `of`: what it is
    about, where its words don't say so to SQLAlchemy."""

    def __init__(self, statement: SelectBase | UpdateBase, *, of: Sequence[Any] = ()) -> None:
        self.statement = statement
        self._of = of

    # A start asks few of them, so that nothing is found out before it is needed.
    @cached_property
    def tables(self) -> frozenset[Table]:
        """What it is about."""
        named = (part for part in visitors.iterate(self.statement) if isinstance(part, Table))
        return frozenset((*named, *(model.__table__ for model in self._of)))

    @cached_property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Its parameters: those that are lists, and the others."""
        binds = [bind for bind in self.statement.compile().binds.values() if bind.required]
        return tuple(bind.key for bind in binds if bind.expanding), tuple(
            bind.key for bind in binds if not bind.expanding
        )

    @cached_property
    def columns(self) -> list[Any]:
        """What it asks for."""
        return list(self.statement.selected_columns) if isinstance(self.statement, SelectBase) else []

    @cached_property
    def has_fractions(self) -> bool:
        """Whether a column is no whole number."""
        return any(isinstance(column.type, Numeric | Float) for column in self.columns)

    @cached_property
    def row(self) -> Any:
        """What each row of its answer is made to."""
        return _row([str(column.key) for column in self.columns])


def _row(names: Sequence[str]) -> Any:
    make: Any = namedtuple  # whose names are known only here
    return make("Row", names, rename=True)


def columns_of(model: Any) -> list[Any]:
    """Every column of a table, for a question that reads its rows and changes none."""
    return list(model.__table__.columns)


@cache
def by_key(table: Table) -> Question:
    """The row with a key, of which each column is a parameter."""
    return Question(_keyed(table))


@cache
def held_by_key(table: Table) -> Question:
    """The same, once nobody else is writing it."""
    return Question(_keyed(table).with_for_update())


def _keyed(table: Table) -> Any:
    return select(*table.columns).where(*(column == bindparam(column.name) for column in table.primary_key))


Asking = tuple[Question, Mapping[str, Any]]


@dataclass(frozen=True)
class _Place:
    """Where a parameter is found: by its name, and within a list by its place. `way`: what a value passes on its way."""

    name: str
    place: int | None = None
    way: Way | None = None

    def value(self, values: Mapping[str, Any]) -> Any:
        found = values[self.name] if self.place is None else values[self.name][self.place]
        return self.way(found) if self.way else found


@dataclass(frozen=True)
class _Form:
    """A question as one driver takes it: its words and its parameters."""

    words: str
    by_name: bool
    parameters: tuple[tuple[str, Any], ...]

    def given(self, values: Mapping[str, Any]) -> Any:
        found = [(name, at.value(values) if isinstance(at, _Place) else at) for name, at in self.parameters]
        return dict(found) if self.by_name else [value for _, value in found]


class Statement(NamedTuple):
    """What is said to a driver: its words, and the parameters of each time that it is said."""

    words: str
    given: Sequence[Any]


class Prepared(NamedTuple):
    """A question with its values, ready to be said."""

    dialect: Dialect
    question: Question
    statement: Statement

    def read(self, cursor: Any) -> list[Any]:
        """The rows of the answer, as named tuples."""
        make, found = self.question.row._make, cursor.fetchall()
        if not found:
            return []
        kinds = tuple(column[1] for column in cursor.description) if self.question.has_fractions else None
        ways = _back(self.dialect, self.question, kinds)
        if not ways:
            return [make(row) for row in found]
        return [make(_brought(list(row), ways)) for row in found]


def ask(connection: Connection, askings: Sequence[Asking]) -> list[list[Any]]:
    """The rows that answer each of some questions that know nothing of each other."""
    prepared = [prepare(connection.dialect, *each) for each in askings]
    cursors = say(connection, [each.statement for each in prepared])
    return [each.read(cursor) for each, cursor in zip(prepared, cursors, strict=True)]


def prepare(dialect: Dialect, question: Question, values: Mapping[str, Any]) -> Prepared:
    """A question with its values."""
    lists, _ = question.names
    lengths = tuple(_room(len(values[name])) for name in lists)
    filled = dict(values)
    for name, length in zip(lists, lengths, strict=True):
        filled[name] = [*values[name], *values[name][-1:] * (length - len(values[name]))]
    form = _form(dialect, question, lengths)
    return Prepared(dialect, question, Statement(form.words, [form.given(filled)]))


def _room(length: int) -> int:
    """How many places a list is given, so that there are few forms of each question: an eighth too many at most, because a
    database takes more values for more rows."""
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step


@lru_cache(maxsize=1000)
def _form(dialect: Dialect, question: Question, lengths: tuple[int, ...]) -> _Form:
    lists, others = question.names
    places: dict[str, Any] = {name: _Place(name) for name in others}
    for name, length in zip(lists, lengths, strict=True):
        places[name] = [_Place(name, place) for place in range(length)]
    compiled = question.statement.compile(dialect=dialect)
    expanded = compiled.construct_expanded_state(places)
    ways = ways_in(dialect, compiled)
    parameters = []
    for name in expanded.positiontup or expanded.parameters:
        value: Any = expanded.parameters[name]
        way = ways.get(value.name if isinstance(value, _Place) else name)
        if way is not None:
            value = replace(value, way=way) if isinstance(value, _Place) else way(value)
        parameters.append((name, value))
    return _Form(expanded.statement, not compiled.positional, tuple(parameters))


def ways_in(dialect: Dialect, compiled: Any) -> dict[str, Way | None]:
    """What the parameters of a statement pass on their way to the driver, by name."""
    return {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}


@lru_cache(maxsize=1000)
def _back(dialect: Dialect, question: Question, kinds: tuple[int, ...] | None) -> list[tuple[int, Way]]:
    """What columns pass on their way back, where they pass anything. `kinds`: as the driver has them, on which what becomes of a
    fraction depends."""
    ways: list[tuple[int, Way]] = []
    for place, column in enumerate(question.columns):
        way = column.type.dialect_impl(dialect).result_processor(dialect, kinds[place] if kinds else None)
        if way is not None:
            ways.append((place, way))
    return ways


def _brought(values: list[Any], ways: Iterable[tuple[int, Way]]) -> list[Any]:
    for place, way in ways:
        values[place] = way(values[place])
    return values


def say(connection: Connection, statements: Sequence[Statement]) -> list[Any]:
    """The driver's cursors after some statements; PostgreSQL gives one answer for all (psycopg, "Pipeline mode support"). What
    goes wrong is said as SQLAlchemy says it, and whoever listens for its statements hears of these."""
    driver: Any = connection.connection.driver_connection
    cursors = [driver.cursor() for _ in statements]
    at_once = len(statements) > 1 and connection.dialect.name == "postgresql"
    try:
        with driver.pipeline() if at_once else nullcontext():
            for cursor, (words, given) in zip(cursors, statements, strict=True):
                many = len(given) > 1
                said, execute = (given, cursor.executemany) if many else (given[0], cursor.execute)
                for hear in connection.dispatch.before_cursor_execute:
                    hear(connection, cursor, words, said, None, many)
                execute(words, said)
                for hear in connection.dispatch.after_cursor_execute:
                    hear(connection, cursor, words, said, None, many)
    except connection.dialect.loaded_dbapi.Error as error:
        connection._handle_dbapi_exception(error, "; ".join(each.words for each in statements), None, None, None)
    return cursors
