"""The tables, one file an aggregate. Importing this package knows them all, as migrations need."""

from service.models import (
    access,
    audit,
    convenings,
    errands,
    guardians,
    incidents,
    outbox,
    people,
    rotas,
    rulebooks,
    tasks,
    timers,
)

__all__ = [
    "access",
    "audit",
    "convenings",
    "errands",
    "guardians",
    "incidents",
    "outbox",
    "people",
    "rotas",
    "rulebooks",
    "tasks",
    "timers",
]
