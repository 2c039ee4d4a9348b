"""Who wrote a rulebook version and who put it in force, so that they can be asked to be two people."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not write."""
    op.add_column("rulebook_version", sa.Column("made_by_key", sa.String(), nullable=True))
    op.add_column("rulebook_version", sa.Column("activated_by", sa.String(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("rulebook_version", "activated_by")
    op.drop_column("rulebook_version", "made_by_key")
