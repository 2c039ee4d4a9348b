"""Numbers and addresses that workers have shown to be theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.create_table(
        "contact_point",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_hash", sa.String(), nullable=True),
        sa.Column("code_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("sent_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("worker", "channel"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("contact_point")
