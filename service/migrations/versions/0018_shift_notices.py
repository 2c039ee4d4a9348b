"""Shifts of which their workers were told."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.create_table(
        "shift_notice",
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team", "worker", "starts_at"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("shift_notice")
