"""How rows are written: an INSERT or an UPDATE as the driver takes it. SQLAlchemy makes each once; to look all of it up for every
row took longer than the writing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Dialect, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from service.asking import Statement, Way, ways_in

# Which columns are set where a row's key is there already, and which column must lie in the past for that.
Clash = tuple[tuple[str, ...], str | None]
OF_KEY = "key_of_"  # before the name of a column, in the parameters of an UPDATE


@dataclass(frozen=True)
class Writing:
    """Its words, and its parameters in their order, each with what a value passes on its way."""

    words: str
    by_name: bool
    parameters: tuple[tuple[str, Way | None], ...]

    def of(self, rows: Iterable[Mapping[str, Any]]) -> Statement:
        """What is said to write some rows."""
        if self.by_name:
            given = [{name: way(row[name]) if way else row[name] for name, way in self.parameters} for row in rows]
            return Statement(self.words, given)
        return Statement(
            self.words, [tuple([way(row[name]) if way else row[name] for name, way in self.parameters]) for row in rows]
        )


@cache
def to_insert(dialect: Dialect, table: Table, names: tuple[str, ...], clash: Clash | None) -> Writing:
    """How rows with these columns are inserted."""
    return _as_given(dialect, _insert(dialect.name, table, clash).compile(dialect=dialect, column_keys=list(names)))


def _insert(dialect: str, table: Table, clash: Clash | None) -> Any:
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    if clash is None:
        return statement
    replacing, past = clash
    key = key_of(table)
    if not replacing:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={name: statement.excluded[name] for name in replacing if name not in key},
        where=table.c[past] <= bindparam("moment", type_=table.c[past].type) if past else None,
    )


@cache
def to_update(dialect: Dialect, table: Table, names: tuple[str, ...]) -> Writing:
    """How these columns of a row are changed; its key is given under names of its own."""
    mine = [table.c[name] == bindparam(OF_KEY + name, type_=table.c[name].type) for name in key_of(table)]
    return _as_given(dialect, table.update().where(*mine).compile(dialect=dialect, column_keys=list(names)))


def _as_given(dialect: Dialect, compiled: Any) -> Writing:
    order = compiled.positiontup or list(compiled.binds)
    ways = ways_in(dialect, compiled)
    parameters = tuple((name, ways[name]) for name in order)
    return Writing(str(compiled), not compiled.positional, parameters)


def given_of(table: Table, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a table that a row gives."""
    return tuple([name for name in columns_in(table) if name in row])


@cache
def columns_in(table: Table) -> tuple[str, ...]:
    """The names of a table's columns."""
    return tuple(column.name for column in table.columns)


@cache
def in_order() -> dict[Table, int]:
    """Tables by their place: a row that points to another comes after it."""
    return {table: place for place, table in enumerate(SQLModel.metadata.sorted_tables)}


@cache
def key_of(table: Table) -> tuple[str, ...]:
    """The columns of a table's key."""
    return tuple(column.name for column in table.primary_key)


@cache
def table_of(model: type[SQLModel]) -> Table:
    """Where a model's rows are."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def defaults_of(model: type[SQLModel]) -> dict[str, Any]:
    """What a row has in each column that it need not be given."""
    fixed, made = _default_values(model)
    return fixed | {name: make() for name, make in made.items()} if made else fixed


@cache
def _default_values(model: type[SQLModel]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    serial = [c.name for c in table_of(model).primary_key if c.autoincrement is True or _numbers_itself(c)]
    made = {name: field.default_factory for name, field in fields.items() if field.default_factory}
    fixed = {name: field.default for name, field in fields.items() if name not in made and name not in serial}
    return fixed, made  # type: ignore[return-value]


def _numbers_itself(column: Any) -> bool:
    return column is column.table._autoincrement_column
