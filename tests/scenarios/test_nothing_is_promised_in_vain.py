"""What was answered with 201 is on disk, and a stop finishes what is in hand: nothing is promised that a crash takes back."""

import sqlite3
import threading
from pathlib import Path

import psycopg
from sqlmodel import select

from service.models.outbox import MessageState, OutboxMessage
from service.runtime import build_runtime
from service.settings import Settings
from tests.live import live_city
from tests.running import Service
from tests.story import Story

# Both make the commit itself fail, after every statement of the transaction has gone well.
ON_SQLITE = """
CREATE TABLE nowhere (id TEXT PRIMARY KEY);
CREATE TABLE doomed (id TEXT REFERENCES nowhere (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER doom AFTER INSERT ON incident BEGIN INSERT INTO doomed VALUES ('x'); END;
"""
ON_POSTGRESQL = """
CREATE FUNCTION doom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON incident DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION doom();
"""
MEND = {"sqlite": "DROP TRIGGER doom", "postgresql": "DROP TRIGGER doom ON incident"}


def change(service: Service, *, sqlite: str, postgresql: str) -> None:
    url = service.environment["CALLOUT_DATABASE_URL"]
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript(sqlite)
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(postgresql.encode())


def test_a_commit_that_fails_is_never_answered_with_201(story: Story) -> None:
    change(story.service, sqlite=ON_SQLITE, postgresql=ON_POSTGRESQL)
    body = {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south", "source_ref": "D-1"}
    failed = story.partner.post("/v1/incidents", json=body)
    assert failed.status_code in {500, 503}
    assert "disk" not in failed.text
    story.advance("PT1H")
    story.nothing_else()

    change(story.service, sqlite=MEND["sqlite"], postgresql=MEND["postgresql"])
    again = story.partner.post("/v1/incidents", json=body)
    assert again.status_code == 201
    assert again.json()["replayed"] is False
    story.on_call("education-inclusion-south").gets("TAKE")


def test_a_stop_finishes_the_message_in_hand(tmp_path: Path, database_url: str) -> None:
    with live_city(tmp_path, database_url) as city:
        city.twilio.takes_seconds = 1.5
        city.twilio.delivers = False
        on_call = city.on_call()
        city.report()
        threading.Event().wait(0.4)
        assert city.twilio.texts_to(on_call) == [], "the provider is still taking it"
        assert city.service.stop() == 0
        (text,) = city.twilio.texts_to(on_call)

        values = {name.removeprefix("CALLOUT_").lower(): value for name, value in city.service.environment.items()}
        runtime = build_runtime(Settings(**values))  # type: ignore[arg-type]
        with runtime.reading() as work:
            message = work.session.exec(select(OutboxMessage)).one()
        runtime.close()
        assert (message.state, message.provider_id) == (MessageState.SENT, text.sid)
