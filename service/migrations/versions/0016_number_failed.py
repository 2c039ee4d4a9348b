"""Since when a provider says that a worker's number is no good."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.add_column("worker_state", sa.Column("number_failed_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("worker_state", sa.Column("number_failed_why", sa.String(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("worker_state") as state:
        state.drop_column("number_failed_why")
        state.drop_column("number_failed_since")
