"""Meetings of the workers of connected tasks, and who comes."""

import sqlalchemy as sa
from alembic import op

from service.database import UtcDateTime
from service.privacy import SealedText

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables that the release before does not know."""
    op.create_table(
        "convening",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("tasks", sa.JSON(), nullable=False),
        sa.Column("untaken", sa.JSON(), nullable=False),
        sa.Column("meets_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("place", SealedText(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("code", "task_id", "meets_at"):
        op.create_index(op.f(f"ix_convening_{column}"), "convening", [column], unique=False)
    op.create_table(
        "convening_asked",
        sa.Column("convening_id", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("coming", sa.Boolean(), nullable=True),
        sa.Column("answered_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("words", SealedText(), nullable=True),
        sa.ForeignKeyConstraint(["convening_id"], ["convening.id"]),
        sa.PrimaryKeyConstraint("convening_id", "worker"),
    )
    op.create_index(op.f("ix_convening_asked_worker"), "convening_asked", ["worker"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_table("convening_asked")
    op.drop_table("convening")
