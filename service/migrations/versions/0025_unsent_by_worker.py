"""What has not left, by the worker it goes to."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

IS_UNSENT = sa.text("state IN ('pending', 'sending')")


def upgrade() -> None:
    """Add what the release before does not know."""
    op.create_index(
        "ix_message_worker_unsent", "message", ["worker"], sqlite_where=IS_UNSENT, postgresql_where=IS_UNSENT
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_message_worker_unsent", table_name="message")
