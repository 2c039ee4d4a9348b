"""Which process has a message in hand."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.add_column("message", sa.Column("sender", sa.String(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("message", "sender")
