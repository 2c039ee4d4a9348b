"""H: a FastAPI POST with a Pydantic body and no database, on the same server. What Callout's figures are divided by."""

import sys
from datetime import datetime

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Report(BaseModel):
    """A body of the size of an incident's."""

    type: str
    occurred_at: datetime
    source_ref: str | None = None
    locality: str | None = None
    setting: str | None = None
    place: dict[str, object] | None = None
    people: list[dict[str, object]] = []
    groups: list[str] = []
    summary: str | None = None
    attributes: dict[str, object] = {}


app = FastAPI()


@app.post("/v1/incidents", status_code=201)
def take(report: Report) -> dict[str, str]:
    """Answer, and keep nothing."""
    return {"type": report.type, "occurred_at": report.occurred_at.isoformat()}


@app.get("/readyz")
def ready() -> dict[str, bool]:
    """Up."""
    return {"ready": True}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
