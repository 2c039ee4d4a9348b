"""The weekdays and hours in which a partner's feed is expected to speak, and since when it is silent."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.add_column("feed_rhythm", sa.Column("weekdays", sa.String(), nullable=True))
    op.add_column("feed_rhythm", sa.Column("hours", sa.String(), nullable=True))
    op.add_column("feed_rhythm", sa.Column("silent_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take it back."""
    for column in ("silent_since", "hours", "weekdays"):
        op.drop_column("feed_rhythm", column)
