"""Derived incidents name their pattern and their parents; marks are found by when they happened."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not write: both columns may be empty."""
    op.add_column("incident", sa.Column("pattern", sa.String(), nullable=True))
    op.add_column("incident", sa.Column("parents", sa.JSON(), nullable=True))
    op.create_index(op.f("ix_incident_pattern"), "incident", ["pattern"], unique=False)
    op.create_index("ix_incident_mark_mark_occurred_at", "incident_mark", ["mark", "occurred_at"], unique=False)
    op.drop_index(op.f("ix_incident_mark_mark"), table_name="incident_mark")


def downgrade() -> None:
    """Take it back."""
    op.create_index(op.f("ix_incident_mark_mark"), "incident_mark", ["mark"], unique=False)
    op.drop_index("ix_incident_mark_mark_occurred_at", table_name="incident_mark")
    op.drop_index(op.f("ix_incident_pattern"), table_name="incident")
    op.drop_column("incident", "parents")
    op.drop_column("incident", "pattern")
