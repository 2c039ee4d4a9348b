"""Further numbers of workers from which STOP came."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.create_table(
        "stopped_number",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("stopped_number")
