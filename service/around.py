"""Who bears which mark at about which time: the one question for which SQLite and PostgreSQL need different words."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import String, text

from service.asking import Asking, Question
from service.database import UtcDateTime, as_sqlite_keeps
from service.models.incidents import Incident, IncidentMark
from service.rows import Session


class Around(NamedTuple):
    """A mark, and the time within which others that bear it are looked for."""

    mark: str
    since: datetime
    until: datetime


# Each mark is looked up by its index and no further than `most`, however many rows bear it.
_AROUND = {
    "postgresql": """
        FROM unnest(CAST(:marks AS text[]), CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[]))
            AS asked(mark, since, until)
        CROSS JOIN LATERAL (
            SELECT incident_id FROM incident_mark
            WHERE incident_mark.mark = asked.mark AND occurred_at BETWEEN asked.since AND asked.until
            ORDER BY occurred_at DESC LIMIT :most
        ) AS found
        JOIN incident ON incident.id = found.incident_id""",
    "sqlite": """
        FROM (SELECT value ->> 0 AS mark, value ->> 1 AS since, value ->> 2 AS until FROM json_each(:asked)) AS asked
        CROSS JOIN incident_mark AS found ON found.rowid IN (
            SELECT nearest.rowid FROM incident_mark AS nearest
            WHERE nearest.mark = asked.mark AND nearest.occurred_at BETWEEN asked.since AND asked.until
            ORDER BY nearest.occurred_at DESC LIMIT :most
        )
        JOIN incident ON incident.id = found.incident_id""",
}


def asking_around(session: Session, asked: Sequence[Around], most: int) -> list[Asking]:
    """What to ask for the newest incidents that bear each mark within its time and were not retracted: a row is the mark, the
    incident's id, when it occurred, whose it is and its type."""
    if not asked:
        return []
    dialect = session.get_bind().dialect.name
    if dialect == "postgresql":
        marks, since, until = (list(column) for column in zip(*asked, strict=True))
        return [(_question(dialect), {"marks": marks, "since": since, "until": until, "most": most})]
    rows = [[mark, *(as_sqlite_keeps(moment) for moment in within)] for mark, *within in asked]
    return [(_question(dialect), {"asked": json.dumps(rows), "most": most})]


@cache
def _question(dialect: str) -> Question:
    columns = "asked.mark, incident.id, incident.occurred_at, incident.key_id, incident.type"
    query = text(f"SELECT {columns} {_AROUND[dialect]} WHERE incident.retracted_at IS NULL")
    answer = query.columns(mark=String, id=String, occurred_at=UtcDateTime, key_id=String, type=String)
    return Question(answer, of=[Incident, IncidentMark])
