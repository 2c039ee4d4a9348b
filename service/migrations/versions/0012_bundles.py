"""Messages know the words they were made from and, where they are bundled, the message that carries them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the release before does not know."""
    op.add_column("message", sa.Column("template", sa.String(), nullable=True))
    op.add_column("message", sa.Column("carrier_id", sa.String(), nullable=True))
    op.create_index(op.f("ix_message_carrier_id"), "message", ["carrier_id"], unique=False)
    op.create_index("ix_page_asked", "page", ["worker", "at"], unique=False)
    op.drop_index(op.f("ix_page_worker"), "page")


def downgrade() -> None:
    """Take it back."""
    op.create_index(op.f("ix_page_worker"), "page", ["worker"], unique=False)
    op.drop_index("ix_page_asked", "page")
    op.drop_index(op.f("ix_message_carrier_id"), "message")
    with op.batch_alter_table("message") as message:
        message.drop_column("carrier_id")
        message.drop_column("template")
