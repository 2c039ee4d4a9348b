"""Alembic's entry: runs the migrations on the connection that `service.schema` hands over."""

from alembic import context
from sqlmodel import SQLModel

import service.models

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()

__all__ = ["service"]
