"""Incidents keep the hexagon in which they lie; a planned task says that it is only possible, and when it expires."""

import sqlalchemy as sa
from alembic import op

from service.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not write."""
    op.add_column("incident", sa.Column("hexagon", sa.String(), nullable=True))
    op.add_column("task", sa.Column("certainty", sa.String(), nullable=False, server_default="reported"))
    op.add_column("task", sa.Column("expires_at", UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("task", "expires_at")
    op.drop_column("task", "certainty")
    op.drop_column("incident", "hexagon")
