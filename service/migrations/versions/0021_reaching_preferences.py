"""How workers want to be reached, in place of what the partnership file says."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.create_table(
        "reaching_preference",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=True),
        sa.Column("quiet", sa.JSON(), nullable=True),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("worker"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("reaching_preference")
