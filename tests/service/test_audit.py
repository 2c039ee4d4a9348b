"""The record that can't be changed unseen: any edit, deletion or reordering breaks the chain and is named."""

import pytest
from sqlalchemy import Connection, event, text

from rules.incident import IncidentReport
from service.flows import intake, setup
from service.models.access import Role
from service.records.judging import Submission
from service.runtime import Runtime


@pytest.fixture
def kept(runtime: Runtime) -> int:
    """A record with some entries; how many."""
    for number in range(4):
        report = IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), source_ref=f"A-{number}")
        intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])
    setup.make_key(runtime, role=Role.PARTNER, name="Example Academy", localities=[], actor="tests")
    good, broken = setup.verify_audit(runtime)
    assert broken is None
    return good


def change(runtime: Runtime, *statements: str) -> None:
    """What somebody with the database's password could do."""
    with runtime.database.transaction() as session:
        for statement in statements:
            session.connection().execute(text(statement))


def test_every_act_leaves_an_entry(runtime: Runtime, kept: int) -> None:
    with runtime.database.reading() as session:
        actions = {row[0] for row in session.connection().execute(text("SELECT action FROM audit_entry"))}
    assert {"partnership.applied", "rulebook.activated", "incident.received", "task.opened", "key.made"} <= actions
    assert kept > 8


@pytest.mark.parametrize(
    ("statements", "names"),
    [
        (["UPDATE audit_entry SET actor = 'somebody' WHERE seq = 4"], 4),
        (["UPDATE audit_entry SET action = 'nothing' WHERE seq = 5"], 5),
        (["UPDATE audit_entry SET subject = 'inc_else' WHERE seq = 6"], 6),
        (
            [
                "UPDATE audit_entry SET detail = '{}' WHERE seq = (SELECT min(seq) FROM audit_entry WHERE detail <> '{}')"
            ],
            None,
        ),
        (["UPDATE audit_entry SET at = (SELECT at FROM audit_entry WHERE seq = 1) WHERE seq = 7"], 7),
        (["DELETE FROM audit_entry WHERE seq = 3"], 3),
        (["DELETE FROM audit_entry WHERE seq = 1"], 1),
        (
            [
                "UPDATE audit_entry SET seq = 1000 WHERE seq = 4",
                "UPDATE audit_entry SET seq = 4 WHERE seq = 5",
                "UPDATE audit_entry SET seq = 5 WHERE seq = 1000",
            ],
            4,
        ),
        (["UPDATE audit_entry SET hash = (SELECT hash FROM audit_entry WHERE seq = 2) WHERE seq = 5"], 5),
    ],
    ids=["actor", "action", "subject", "detail", "time", "deleted", "first-deleted", "swapped", "hash"],
)
def test_a_change_is_found_and_the_entry_named(
    runtime: Runtime, kept: int, statements: list[str], names: int | None
) -> None:
    change(runtime, *statements)
    good, broken = setup.verify_audit(runtime)
    assert broken is not None
    assert good < kept
    if names is not None:
        assert broken.seq == names
        assert f"entry {names}" in broken.why


def test_a_cut_off_end_is_found(runtime: Runtime, kept: int) -> None:
    change(runtime, f"DELETE FROM audit_entry WHERE seq > {kept - 2}")
    good, broken = setup.verify_audit(runtime)
    assert (good, broken and broken.seq) == (kept - 2, kept - 1)


def test_an_end_cut_off_with_a_new_head_can_not_be_made_without_the_key(runtime: Runtime, kept: int) -> None:
    change(
        runtime,
        f"DELETE FROM audit_entry WHERE seq = {kept}",
        f"INSERT INTO audit_entry (seq, at, actor, action, subject, detail, hash) "
        f"SELECT {kept}, at, actor, 'forged', subject, detail, hash FROM audit_entry WHERE seq = {kept - 1}",
    )
    _, broken = setup.verify_audit(runtime)
    assert broken is not None
    assert broken.seq == kept


def test_the_record_grows_by_one_for_one_act(runtime: Runtime, kept: int) -> None:
    setup.make_key(runtime, role=Role.ADMIN, name="Another", localities=[], actor="tests")
    assert setup.verify_audit(runtime) == (kept + 1, None)


def test_what_is_recorded_while_it_is_being_followed_is_no_fault(runtime: Runtime, kept: int) -> None:
    went_on: list[str] = []

    def go_on(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if "audit_head" in statement and not went_on:
            went_on.append(statement)
            setup.make_key(runtime, role=Role.ADMIN, name="Another", localities=[], actor="tests")

    event.listen(runtime.database.engine, "after_cursor_execute", go_on)
    assert setup.verify_audit(runtime) == (kept, None)
    assert went_on
    event.remove(runtime.database.engine, "after_cursor_execute", go_on)
    assert setup.verify_audit(runtime) == (kept + 1, None)
