"""Indexes that also give the order in which rows are asked for, and of what is live alone."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

IS_LIVE = sa.text("state IN ('open', 'acknowledged')")
# By table: the columns whose index is followed by another one, in place of an index of their own.
FOLLOWED = {
    "task": ("id", ("state", "team", "locality", "pathway", "assignee")),
    "incident": ("id", ("key_id", "locality")),
    "received_text": ("at", ("sender",)),
}


def upgrade() -> None:
    """Add what the release before does not need, and take away what serves nobody any more."""
    for table, (then, columns) in FOLLOWED.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}_{then}", table, [column, then])
            op.drop_index(f"ix_{table}_{column}", table_name=table)
    for column in ("locality", "assignee"):
        op.create_index(f"ix_task_live_{column}", "task", [column], sqlite_where=IS_LIVE, postgresql_where=IS_LIVE)
    op.create_index(
        "ix_incident_derived",
        "incident",
        ["occurred_at"],
        sqlite_where=sa.text("derived IS 1"),
        postgresql_where=sa.text("derived IS true"),
    )
    op.drop_index("ix_received_text_worker", table_name="received_text")


def downgrade() -> None:
    """Take it back."""
    op.create_index("ix_received_text_worker", "received_text", ["worker"])
    op.drop_index("ix_incident_derived", table_name="incident")
    for column in ("locality", "assignee"):
        op.drop_index(f"ix_task_live_{column}", table_name="task")
    for table, (then, columns) in FOLLOWED.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])
            op.drop_index(f"ix_{table}_{column}_{then}", table_name=table)
