"""A past of any length: tasks that were really opened, taken and completed, copied by the database itself."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text
from sqlmodel import SQLModel

# The tables of which a task has rows, and the columns that name the rows.
TABLES: Mapping[str, tuple[str, ...]] = {
    "incident": ("id",),
    "task": ("id",),
    "task_incident": ("task_id", "incident_id"),
    "milestone": ("task_id",),
    "timeline_entry": ("task_id",),
    "page": ("id", "task_id"),
    "message": ("id", "task_id", "page_id"),
    "taker": ("task_id",),
}


def copy(
    connection: Connection,
    *,
    templates: Sequence[str],
    times: int,
    tables: Mapping[str, tuple[str, ...]] = TABLES,
) -> None:
    """Copy tasks, by their ids, with what else belongs to them; each copy a minute further in the past."""
    sqlite = connection.dialect.name == "sqlite"
    series = (
        f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {times}) SELECT n FROM s) AS numbers"  # noqa: S608 - ours
        if sqlite
        else f"generate_series(1, {times}) AS numbers(n)"
    )
    names = ", ".join(f"'{task}'" for task in templates)
    incidents = f"SELECT incident_id FROM task_incident WHERE task_id IN ({names})"  # noqa: S608 - ours
    of = {
        "incident": f"id IN ({incidents})",
        "incident_mark": f"incident_id IN ({incidents})",
        "task": f"id IN ({names})",
    }
    for name, keys in tables.items():
        columns = SQLModel.metadata.tables[name].columns
        values = {c.name: _copied(c.name, keys, sqlite=sqlite) for c in columns if not _numbers_itself(name, c.name)}
        listed = ", ".join(f'"{column}"' for column in values)
        where = of.get(name, f"task_id IN ({names})")
        copied = f"SELECT {', '.join(values.values())} FROM {name}, {series} WHERE {where}"  # noqa: S608 - ours
        connection.execute(text(f"INSERT INTO {name} ({listed}) {copied}"))


def _numbers_itself(table: str, column: str) -> bool:
    return (table, column) == ("timeline_entry", "id")


def _copied(column: str, keys: Sequence[str], *, sqlite: bool) -> str:
    if column in keys:
        padded = "printf('%010d', n)" if sqlite else "lpad(n::text, 10, '0')"
        return f'substr("{column}", 1, length("{column}") - 10) || {padded}'
    if column.endswith(("_at", "_until")) or column == "at":
        earlier = f"strftime('%Y-%m-%d %H:%M:%f000', \"{column}\", '-' || n || ' minutes')"
        return earlier if sqlite else f'"{column}" - make_interval(mins => n)'
    if column in ("provider_id", "idempotency_key", "source_ref"):
        return "NULL"
    return f'"{column}"'
