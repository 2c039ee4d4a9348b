"""No index on whether a task is a drill: nearly none is, and SQLite read every task by it to find the few that are live."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What the release before asks is found by the state."""
    op.drop_index("ix_task_drill", table_name="task")


def downgrade() -> None:
    """Take it back."""
    op.create_index("ix_task_drill", "task", ["drill"], unique=False)
