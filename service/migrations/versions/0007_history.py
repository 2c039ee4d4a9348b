"""Incidents that only tell of the past are known as such, and keep which messages a correction has replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not write."""
    op.add_column("incident", sa.Column("history", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("incident", sa.Column("messages", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("incident", "messages")
    op.drop_column("incident", "history")
