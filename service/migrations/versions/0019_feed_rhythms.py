"""How often a partner's feed is expected to speak."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.create_table(
        "feed_rhythm",
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("every_seconds", sa.Float(), nullable=False),
        sa.Column("during", sa.String(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("silent_task", sa.String(), nullable=True),
        sa.Column("refused_task", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["key_id"], ["access_key.id"]),
        sa.PrimaryKeyConstraint("key_id"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("feed_rhythm")
