"""The first schema: access, people, rulebooks, incidents, tasks, timers, outbox and audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BEGINNING = "0" * 64


def upgrade() -> None:
    """Make every table, and the beginning of the audit chain."""
    op.create_table(
        "access_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("localities", sa.JSON(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("needs_lawful_basis", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"], unique=False)
    op.create_index(op.f("ix_audit_entry_subject"), "audit_entry", ["subject"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("source_ref", sa.String(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locality", sa.String(), nullable=True),
        sa.Column("locality_why", sa.String(), nullable=False),
        sa.Column("place_kind", sa.String(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("rulebook", sa.String(), nullable=False),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("derived", sa.Boolean(), nullable=False),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_id", "idempotency_key"),
        sa.UniqueConstraint("key_id", "source_ref"),
    )
    op.create_index(op.f("ix_incident_key_id"), "incident", ["key_id"], unique=False)
    op.create_index(op.f("ix_incident_locality"), "incident", ["locality"], unique=False)
    op.create_index(op.f("ix_incident_occurred_at"), "incident", ["occurred_at"], unique=False)
    op.create_index(op.f("ix_incident_received_at"), "incident", ["received_at"], unique=False)
    op.create_index(op.f("ix_incident_type"), "incident", ["type"], unique=False)
    op.create_table(
        "partnership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "preference",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "received_text",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "provider_id"),
    )
    op.create_index(op.f("ix_received_text_at"), "received_text", ["at"], unique=False)
    op.create_index(op.f("ix_received_text_sender"), "received_text", ["sender"], unique=False)
    op.create_index(op.f("ix_received_text_worker"), "received_text", ["worker"], unique=False)
    op.create_table(
        "refused_report",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("problem", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_refused_report_at"), "refused_report", ["at"], unique=False)
    op.create_index(op.f("ix_refused_report_key_id"), "refused_report", ["key_id"], unique=False)
    op.create_table(
        "rota_override",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("instead_of", sa.String(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_rota_override_ends_at"), "rota_override", ["ends_at"], unique=False)
    op.create_index(op.f("ix_rota_override_team"), "rota_override", ["team"], unique=False)
    op.create_table(
        "rulebook_version",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("files", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(op.f("ix_rulebook_version_activated_at"), "rulebook_version", ["activated_at"], unique=False)
    op.create_index(op.f("ix_rulebook_version_digest"), "rulebook_version", ["digest"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("pathway", sa.String(), nullable=False),
        sa.Column("pathway_policy", sa.JSON(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("locality", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("assignee", sa.String(), nullable=True),
        sa.Column("needs", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("next_page_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_paged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("derived", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_task_assignee"), "task", ["assignee"], unique=False)
    op.create_index(op.f("ix_task_code"), "task", ["code"], unique=False)
    op.create_index(op.f("ix_task_drill"), "task", ["drill"], unique=False)
    op.create_index(op.f("ix_task_locality"), "task", ["locality"], unique=False)
    op.create_index(op.f("ix_task_opened_at"), "task", ["opened_at"], unique=False)
    op.create_index(op.f("ix_task_pathway"), "task", ["pathway"], unique=False)
    op.create_index(op.f("ix_task_state"), "task", ["state"], unique=False)
    op.create_index(op.f("ix_task_team"), "task", ["team"], unique=False)
    op.create_table(
        "task_code",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("free_after", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "worker_state",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("off_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unreachable_why", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("worker"),
    )
    op.create_table(
        "incident_mark",
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident.id"],
        ),
        sa.PrimaryKeyConstraint("incident_id", "mark"),
    )
    op.create_index(op.f("ix_incident_mark_mark"), "incident_mark", ["mark"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=True),
        sa.Column("page_id", sa.String(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_message_page_id"), "message", ["page_id"], unique=False)
    op.create_index(op.f("ix_message_provider_id"), "message", ["provider_id"], unique=False)
    op.create_index(op.f("ix_message_task_id"), "message", ["task_id"], unique=False)
    op.create_index(
        "ix_message_unsent",
        "message",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'sending')"),
    )
    op.create_index(op.f("ix_message_worker"), "message", ["worker"], unique=False)
    op.create_index(op.f("ix_message_written_at"), "message", ["written_at"], unique=False)
    op.create_table(
        "milestone",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("task_id", "name"),
    )
    op.create_index(op.f("ix_milestone_due_at"), "milestone", ["due_at"], unique=False)
    op.create_table(
        "page",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_page_task_id"), "page", ["task_id"], unique=False)
    op.create_index(op.f("ix_page_worker"), "page", ["worker"], unique=False)
    op.create_table(
        "taker",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("task_id", "worker"),
    )
    op.create_table(
        "task_incident",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("joined", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident.id"],
        ),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("task_id", "incident_id"),
    )
    op.create_index(op.f("ix_task_incident_incident_id"), "task_incident", ["incident_id"], unique=False)
    op.create_table(
        "task_link",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_task_link_task_id"), "task_link", ["task_id"], unique=False)
    op.create_table(
        "timeline_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_timeline_entry_task_id"), "timeline_entry", ["task_id"], unique=False)
    op.create_table(
        "timer",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["task.id"],
        ),
        sa.PrimaryKeyConstraint("task_id", "kind", "milestone"),
    )
    op.create_index(op.f("ix_timer_due_at"), "timer", ["due_at"], unique=False)
    op.execute(f"INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '{BEGINNING}')")  # noqa: S608 - our own constant


def downgrade() -> None:
    """Drop everything."""
    op.drop_index(op.f("ix_timer_due_at"), table_name="timer")
    op.drop_table("timer")
    op.drop_index(op.f("ix_timeline_entry_task_id"), table_name="timeline_entry")
    op.drop_table("timeline_entry")
    op.drop_index(op.f("ix_task_link_task_id"), table_name="task_link")
    op.drop_table("task_link")
    op.drop_index(op.f("ix_task_incident_incident_id"), table_name="task_incident")
    op.drop_table("task_incident")
    op.drop_table("taker")
    op.drop_index(op.f("ix_page_worker"), table_name="page")
    op.drop_index(op.f("ix_page_task_id"), table_name="page")
    op.drop_table("page")
    op.drop_index(op.f("ix_milestone_due_at"), table_name="milestone")
    op.drop_table("milestone")
    op.drop_index(op.f("ix_message_written_at"), table_name="message")
    op.drop_index(op.f("ix_message_worker"), table_name="message")
    op.drop_index(
        "ix_message_unsent",
        table_name="message",
        sqlite_where=sa.text("state IN ('pending', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'sending')"),
    )
    op.drop_index(op.f("ix_message_task_id"), table_name="message")
    op.drop_index(op.f("ix_message_provider_id"), table_name="message")
    op.drop_index(op.f("ix_message_page_id"), table_name="message")
    op.drop_table("message")
    op.drop_index(op.f("ix_incident_mark_mark"), table_name="incident_mark")
    op.drop_table("incident_mark")
    op.drop_table("worker_state")
    op.drop_table("task_code")
    op.drop_index(op.f("ix_task_team"), table_name="task")
    op.drop_index(op.f("ix_task_state"), table_name="task")
    op.drop_index(op.f("ix_task_pathway"), table_name="task")
    op.drop_index(op.f("ix_task_opened_at"), table_name="task")
    op.drop_index(op.f("ix_task_locality"), table_name="task")
    op.drop_index(op.f("ix_task_drill"), table_name="task")
    op.drop_index(op.f("ix_task_code"), table_name="task")
    op.drop_index(op.f("ix_task_assignee"), table_name="task")
    op.drop_table("task")
    op.drop_index(op.f("ix_rulebook_version_digest"), table_name="rulebook_version")
    op.drop_index(op.f("ix_rulebook_version_activated_at"), table_name="rulebook_version")
    op.drop_table("rulebook_version")
    op.drop_index(op.f("ix_rota_override_team"), table_name="rota_override")
    op.drop_index(op.f("ix_rota_override_ends_at"), table_name="rota_override")
    op.drop_table("rota_override")
    op.drop_index(op.f("ix_refused_report_key_id"), table_name="refused_report")
    op.drop_index(op.f("ix_refused_report_at"), table_name="refused_report")
    op.drop_table("refused_report")
    op.drop_index(op.f("ix_received_text_worker"), table_name="received_text")
    op.drop_index(op.f("ix_received_text_sender"), table_name="received_text")
    op.drop_index(op.f("ix_received_text_at"), table_name="received_text")
    op.drop_table("received_text")
    op.drop_table("preference")
    op.drop_table("partnership")
    op.drop_index(op.f("ix_incident_type"), table_name="incident")
    op.drop_index(op.f("ix_incident_received_at"), table_name="incident")
    op.drop_index(op.f("ix_incident_occurred_at"), table_name="incident")
    op.drop_index(op.f("ix_incident_locality"), table_name="incident")
    op.drop_index(op.f("ix_incident_key_id"), table_name="incident")
    op.drop_table("incident")
    op.drop_table("audit_head")
    op.drop_index(op.f("ix_audit_entry_subject"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_at"), table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_table("access_key")
