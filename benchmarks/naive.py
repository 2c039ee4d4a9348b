"""What a first attempt does: one endpoint that commits one SQLModel row for each report, and judges and sends nothing.

python benchmarks/naive.py PORT DATABASE_URL
"""

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy import JSON, Column, event
from sqlmodel import Field, Session, SQLModel, create_engine


class Report(SQLModel):
    """A body of the size of an incident's."""

    type: str
    occurred_at: datetime
    source_ref: str | None = None
    locality: str | None = None
    setting: str | None = None
    place: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    people: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON))
    groups: list[str] = Field(default_factory=list, sa_column=Column(JSON))
    summary: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON))


class Kept(Report, table=True):
    """The row."""

    id: str = Field(default_factory=lambda: uuid4().hex, primary_key=True)


port, url = sys.argv[1:]
engine = create_engine(url, pool_size=40)
if url.startswith("sqlite"):

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _record: object) -> None:
        """A commit is on the disk when it returns, as in Callout."""
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 30000")


SQLModel.metadata.create_all(engine)
app = FastAPI()


def session() -> Iterator[Session]:
    """One for each request."""
    with Session(engine) as opened:
        yield opened


@app.post("/v1/incidents", status_code=201)
def take(report: Report, session: Annotated[Session, Depends(session)]) -> dict[str, str]:
    """Keep it."""
    kept = Kept.model_validate(report)
    session.add(kept)
    session.commit()
    return {"id": kept.id, "type": kept.type}


@app.get("/readyz")
def ready() -> dict[str, bool]:
    """Up."""
    return {"ready": True}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
