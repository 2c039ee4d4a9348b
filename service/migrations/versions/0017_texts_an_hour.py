"""The texts that a worker had in the last hour are counted without reading all that they ever had."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the wider index in the place of the narrow one."""
    op.create_index("ix_message_worker_sent", "message", ["worker", "sent_at"], unique=False)
    op.drop_index("ix_message_worker", table_name="message")


def downgrade() -> None:
    """Take it back."""
    op.create_index("ix_message_worker", "message", ["worker"], unique=False)
    op.drop_index("ix_message_worker_sent", table_name="message")
