"""What the service itself reports: incidents and tasks that are no partner's report, and the worker whom an alarm is about."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.add_column("incident", sa.Column("purpose", sa.String(), nullable=False, server_default="response"))
    op.add_column("task", sa.Column("purpose", sa.String(), nullable=False, server_default="response"))
    op.add_column("task", sa.Column("about", sa.String(), nullable=True))
    op.create_index(op.f("ix_task_about"), "task", ["about"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f("ix_task_about"), "task")
    op.drop_column("task", "about")
    op.drop_column("task", "purpose")
    op.drop_column("incident", "purpose")
