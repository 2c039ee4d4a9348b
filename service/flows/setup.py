"""Putting things in place: the schema, the partnership file, the rulebook, and keys."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from notifiers import team_channels
from rules.faults import Fault as BookFault
from rules.faults import read_yaml
from rules.rulebook import LoadedBook, load
from service.errors import Fault, Forbidden, Invalid, NotFound
from service.models.access import AccessKey, Role
from service.models.people import PartnershipRow
from service.models.rulebooks import RulebookVersion
from service.models.tasks import LIVE
from service.partnership import Partnership, differences, moved_duties, read_partnership
from service.records import audit, inforce, keys, people, rota_changes, rulebooks, tasks, transitions
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP, SHIPPED_RULEBOOK
from service.work import SetUp


@dataclass(frozen=True)
class Applied:
    """What applying a file changed, a line each; nothing when it was in force already."""

    changes: list[str]


def apply_partnership(runtime: Runtime, text: str, *, actor: str) -> Applied:
    """Put a partnership file in force. Tasks held by somebody who is not in it any more are paged on. Raises Invalid."""
    new = read_partnership(text)
    _refuse_channels(new)
    with runtime.setting_up() as setup:
        row = setup.session.get(PartnershipRow, inforce.PARTNERSHIP, with_for_update=True)
        old = Partnership.model_validate_json(row.document) if row else None
        changes = differences(old, new)
        if changes:
            changes += moved_duties(old, new, setup.now) if old else []
            version = row.version + 1 if row else 1
            _put_in_force(setup, old, new, version, actor)
            setup.record("partnership.applied", new.partnership, actor=actor, version=version, changes=len(changes))
    with suppress(inforce.NotSetUp):  # before there is a rulebook there is no task
        _page_on_from_leavers(runtime)
    return Applied(changes)


def _put_in_force(setup: SetUp, old: Partnership | None, new: Partnership, version: int, actor: str) -> None:
    merged = PartnershipRow(
        id=inforce.PARTNERSHIP,
        version=version,
        # The release before refuses a field that it does not know, so what nobody uses is not written.
        document=new.model_dump_json(exclude_defaults=True),
        applied_at=setup.now,
        applied_by=actor,
    )
    setup.session.merge(merged)
    for spec in new.workers:
        was = old.worker_by_slug.get(spec.slug) if old else None
        if was and (was.phone != spec.phone or (spec.verified and not was.verified)):
            people.set_number_works(setup, spec.slug)
    if old is not None:
        rota_changes.of_everybody(setup, old)
        rota_changes.of_everybody(setup, new)


def _refuse_channels(new: Partnership) -> None:
    """Raises Invalid, which names the place and never the address: it holds a secret."""
    faults = tuple(
        Fault(f"/teams/{number}/channels/{place}", "is no address that apprise understands, such as slack://…")
        for number, team in enumerate(new.teams)
        for place, address in enumerate(team.channels)
        if not team_channels.is_understood(address)
    )
    if faults:
        raise Invalid("the partnership file is refused", faults)


def _page_on_from_leavers(runtime: Runtime) -> None:
    """What is held by somebody who is not in the file, or asked of them, goes on. That of an earlier file does, too: a process
    may end between a file and this."""
    with runtime.transaction() as work:
        # In the order in which everybody locks who locks several.
        for task_id in sorted(tasks.of_strangers(work)):
            task = tasks.lock(work, task_id)
            if task.state not in LIVE:
                continue
            strangers = tasks.strangers_asked(work, task)
            if task.assignee and task.assignee not in work.partnership.worker_by_slug:
                transitions.give_back(work, task)
            for worker in strangers:
                transitions.lose(work, task, worker)


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who writes or activates a rulebook, and by which key: two keys are taken for two people."""

    name: str
    key_id: str | None = None


def apply_rulebook(
    runtime: Runtime,
    text: str,
    *,
    read: Callable[[str], str],
    author: Author,
    why: str | None = None,
    strict: bool = True,
    reviewed: bool = False,
) -> tuple[int, list[BookFault]]:
    """Keep a rulebook that has no fault, and put it in force unless a second person has to; the number of its version.
    Raises Invalid with every fault.

    `strict` off is for the start of the service: a team that the partnership lost, or an address that makes a text cost
    twice, must not keep everybody from being paged. Tasks for that team go to the duty manager, and the faults come back
    to be shown. Nor does a start undo what somebody has put in force, a moment before or long ago.
    """
    with runtime.setting_up() as setup:
        current = rulebooks.in_force(setup.session)
        if not strict and current is not None and (current.activated_by or current.made_by) != START:
            return current.number, []
        faults = _faults(runtime, setup, text, read)
        if faults and (strict or _wrong_by_itself(text, read)):
            raise refused(faults)
        version, new = rulebooks.keep(
            setup.session,
            text,
            files=_files(text, read),
            name=str(read_yaml(text)["rulebook"]),
            why=why,
            actor=author.name,
            actor_key=author.key_id,
            now=setup.now,
        )
        if new:
            setup.record("rulebook.stored", _named(version), actor=author.name)
        if not reviewed or version.activated_at is not None:
            _activate(setup, version, author)
    return version.number, faults


def _wrong_by_itself(text: str, read: Callable[[str], str]) -> bool:
    """Whether the book itself has a fault, and not only how it fits this installation."""
    return bool(rulebooks.check(text, read=read, partnership=None, public_url=""))


def activate_rulebook(runtime: Runtime, number: int, *, author: Author, reviewed: bool) -> None:
    """Put a kept version in force. Raises NotFound; Forbidden where its writer may not do it alone; Invalid where it
    does not fit the partnership of today. A version that was in force before can be brought back by anybody."""
    with runtime.setting_up() as setup:
        version = setup.session.get(RulebookVersion, number, with_for_update=True)
        if version is None:
            raise NotFound("there is no such version")
        if reviewed and version.activated_at is None and version.made_by_key == author.key_id:
            raise Forbidden("a second person has to put a new version in force: use the key of somebody else")
        files: dict[str, str] = json.loads(version.files)
        faults = _faults(runtime, setup, version.source, lambda name: files[name])
        if faults:
            raise refused(faults)
        _activate(setup, version, author)


def checked_rulebook(runtime: Runtime, text: str, *, read: Callable[[str], str]) -> LoadedBook:
    """A rulebook that is fit to be put in force. Raises Invalid with every fault."""
    with runtime.setting_up() as setup:
        faults = _faults(runtime, setup, text, read)
    if faults:
        raise refused(faults)
    return load(text, read=read)


def _faults(runtime: Runtime, setup: SetUp, text: str, read: Callable[[str], str]) -> list[BookFault]:
    partnership = runtime.in_force.partnership(setup.session)
    return rulebooks.check(text, read=read, partnership=partnership, public_url=runtime.settings.public_url)


def _activate(setup: SetUp, version: RulebookVersion, author: Author) -> None:
    if rulebooks.activate(setup.session, version, actor=author.name, now=setup.now):
        setup.record("rulebook.activated", _named(version), actor=author.name)


def _named(version: RulebookVersion) -> str:
    return f"{version.name}@{version.number}"


def refused(faults: list[BookFault]) -> Invalid:
    """A rulebook's faults as the error that a caller is given."""
    found = tuple(
        Fault("/" + fault.field.replace(".", "/"), f"line {fault.line}: {fault.problem}; expected {fault.expected}")
        for fault in faults
    )
    return Invalid(f"the rulebook is refused: {len(faults)} fault{'s' if len(faults) > 1 else ''}", found)


def _files(text: str, read: Callable[[str], str]) -> dict[str, str]:
    calendars = (read_yaml(text).get("calendars") or {}).values()
    names = [c["closed"] for c in calendars if isinstance(c, dict) and isinstance(c.get("closed"), str)]
    return {name: read(name) for name in names}


def reader_beside(path: Path) -> Callable[[str], str]:
    """Reads the files that a rulebook names, from its own folder and nowhere else."""

    def read(name: str) -> str:
        if Path(name).name != name:
            raise OSError(f"{name}: only a file in the rulebook's own folder can be named")
        return (path.parent / name).read_text(encoding="utf-8")

    return read


def shipped_files(name: str) -> str:
    """The term dates and whatever else the shipped rulebook names, for a rulebook that comes without a folder."""
    return reader_beside(SHIPPED_RULEBOOK)(name)


def make_key(
    runtime: Runtime,
    *,
    role: Role,
    name: str,
    localities: list[str],
    actor: str,
    needs_lawful_basis: bool = False,
) -> tuple[AccessKey, str]:
    """A new key, and the text to give to its holder, which is shown only now."""
    with runtime.setting_up() as setup:
        key, text = keys.make(
            setup.session,
            role=role,
            name=name,
            localities=localities,
            now=setup.now,
            needs_lawful_basis=needs_lawful_basis,
        )
        setup.record("key.made", key.id, actor=actor, role=key.role, localities=localities)
    return key, text


def revoke_key(runtime: Runtime, key_id: str, *, actor: str) -> None:
    """End a key at once. Raises NotFound."""
    with runtime.setting_up() as setup:
        key = setup.session.get(AccessKey, key_id)
        if key is None:
            raise NotFound("there is no such key")
        if key.revoked_at is None:
            key.revoked_at = setup.now
            setup.session.add(key)
            setup.record("key.revoked", key.id, actor=actor)


def verify_audit(runtime: Runtime) -> tuple[int, audit.Broken | None]:
    """Follow the chain from its beginning to its end."""
    with runtime.database.reading_at_one_moment() as session:
        return audit.verify(session, runtime.keyring)


def is_empty(runtime: Runtime) -> bool:
    """Whether no partnership was ever applied."""
    with runtime.database.reading() as session:
        return session.get(PartnershipRow, inforce.PARTNERSHIP) is None


def partnership_in_force(runtime: Runtime) -> Partnership | None:
    """The partnership that was applied last, if one was."""
    with runtime.database.reading() as session:
        return runtime.in_force.partnership(session)


def load_rulebook(runtime: Runtime) -> list[BookFault]:
    """Put the settings' rulebook in force at the start, unless one was put there through the API since."""
    path = runtime.settings.rulebook
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"CALLOUT_RULEBOOK: can't read {path}: {error.strerror}") from None
    _, faults = apply_rulebook(runtime, text, read=reader_beside(path), author=Author(name=START), strict=False)
    return faults


START = "start"


def load_fictional_partnership(runtime: Runtime) -> None:
    """The shipped partnership of invented people, for a sandbox that has none."""
    apply_partnership(runtime, SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"), actor=START)
