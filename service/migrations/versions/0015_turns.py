"""Whose turn it is to be sent: by urgency, and fair among teams."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UNSENT = sa.text("state IN ('pending', 'sending')")


def upgrade() -> None:
    """Add what the release before does not know."""
    op.add_column("message", sa.Column("team", sa.String(), nullable=False, server_default=""))
    for name, columns in (
        ("ix_message_urgent", ["urgency", "due_at"]),
        ("ix_message_team", ["urgency", "team", "due_at"]),
    ):
        op.create_index(name, "message", columns, unique=False, sqlite_where=UNSENT, postgresql_where=UNSENT)


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_message_team", table_name="message")
    op.drop_index("ix_message_urgent", table_name="message")
    with op.batch_alter_table("message") as message:
        message.drop_column("team")
