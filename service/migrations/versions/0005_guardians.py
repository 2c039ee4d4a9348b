"""The list of community guardians."""

import sqlalchemy as sa
from alembic import op

from service.database import UtcDateTime
from service.privacy import SealedText

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table that the release before does not know."""
    op.create_table(
        "guardian",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", SealedText(), nullable=False),
        sa.Column("organisation", SealedText(), nullable=False),
        sa.Column("trade", sa.String(), nullable=False),
        sa.Column("phone", SealedText(), nullable=False),
        sa.Column("phone_mark", sa.String(), nullable=False),
        sa.Column("locality", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("removed_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_guardian_phone_mark"), "guardian", ["phone_mark"], unique=False)
    op.create_index(op.f("ix_guardian_locality"), "guardian", ["locality"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_table("guardian")
