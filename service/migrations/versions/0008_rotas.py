"""Leave, secret addresses of calendars, and calendars of other systems as layers of rotas."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.create_table(
        "leave",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_leave_worker"), "leave", ["worker"], unique=False)
    op.create_index(op.f("ix_leave_ends_at"), "leave", ["ends_at"], unique=False)
    op.create_table(
        "calendar_link",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index(op.f("ix_calendar_link_team"), "calendar_link", ["team"], unique=False)
    op.create_index(op.f("ix_calendar_link_worker"), "calendar_link", ["worker"], unique=False)
    op.create_table(
        "calendar_source",
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("fitted", sa.String(), nullable=True),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("modified", sa.String(), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team", "layer"),
    )
    op.create_index(op.f("ix_calendar_source_due_at"), "calendar_source", ["due_at"], unique=False)
    op.create_table(
        "imported_shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_imported_shift_team"), "imported_shift", ["team"], unique=False)
    op.create_index(op.f("ix_imported_shift_ends_at"), "imported_shift", ["ends_at"], unique=False)


def downgrade() -> None:
    """Take it back."""
    for table in ("imported_shift", "calendar_source", "calendar_link", "leave"):
        op.drop_table(table)
