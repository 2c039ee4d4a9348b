"""Rulebooks: checked as a whole, kept as versions, one of them in force."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from notifiers import gsm7, wording
from rules import rulebook as language
from rules.faults import Fault
from rules.rulebook import LoadedBook
from service.models.rulebooks import RulebookVersion
from service.partnership import Partnership
from service.records import paging

LONGEST_CODE = "WWWW"
LONGEST_TIME = "00:00 Wed 30 Nov"
LONGEST_MILESTONE = "acknowledge"
LINK_LENGTH = len("/t/") + 16
# The texts in which a pathway's label stands; one for several tasks leaves it out where there is no room.
LABELLED = [name for name in wording.naming("label") if "codes" not in wording.fields(name)]


def check(text: str, *, read: Callable[[str], str], partnership: Partnership | None, public_url: str) -> list[Fault]:
    """Every fault of a rulebook in one run: its language, its names, and the texts that it would send."""
    teams = {team.slug: team.locality for team in partnership.teams} if partnership else None
    faults = language.check(text, read=read, teams=teams)
    named = {fault.field for fault in faults}
    worded = [fault for fault in _wording(text, partnership, public_url) if fault.field not in named]
    return sorted([*faults, *worded], key=lambda fault: fault.line or 0)


def _wording(text: str, partnership: Partnership | None, public_url: str) -> list[Fault]:
    document = language.written(text)
    if document is None:
        return []
    places = partnership.locality_names.values() if partnership else ("East Central",)
    place = max(places, key=lambda name: gsm7.septets(name) or gsm7.SINGLE, default="City-wide")
    faults = []
    for slug, (label, priority) in language.labels_in(document).items():
        field = f"pathways.{slug}.sms_label"
        line = document.lines.of(field.split("."))
        harm = wording.forbidden_in(label)
        if harm:
            faults.append(
                Fault(
                    line=line,
                    field=field,
                    problem=f"the text would name the harm: {', '.join(harm)}",
                    expected="a neutral label such as 'Education response'",
                )
            )
        longest, template = max((_length(name, label, priority, place, public_url), name) for name in LABELLED)
        if longest > gsm7.SINGLE:
            faults.append(
                Fault(
                    line=line,
                    field=field,
                    problem=f"the text {template!r} would take {longest} septets, which is more than one text",
                    expected=f"a label at least {longest - gsm7.SINGLE} shorter, or a shorter CALLOUT_PUBLIC_URL",
                )
            )
    return faults


def _length(template: str, label: str, priority: str, locality: str, public_url: str) -> int:
    longest = {
        "code": LONGEST_CODE,
        "priority": priority.upper(),
        "label": label,
        "locality": locality,
        "deadline": LONGEST_TIME,
        "milestone": LONGEST_MILESTONE,
        "who": "x" * paging.LONGEST_NAME,
        "state": "with " + "x" * paging.LONGEST_NAME,
        "link": public_url + "x" * LINK_LENGTH,
    }
    values = {field: longest[field] for field in wording.fields(template)}
    return gsm7.septets(wording.render(template, drill=True, **values).text) or gsm7.SINGLE + 1


def keep(
    session: Session,
    text: str,
    *,
    files: Mapping[str, str],
    name: str,
    why: str | None,
    actor: str,
    actor_key: str | None,
    now: datetime,
) -> tuple[RulebookVersion, bool]:
    """Keep a checked rulebook as a version; False when it is kept already."""
    stored = json.dumps(dict(files), sort_keys=True)
    digest = hashlib.sha256((text + stored).encode()).hexdigest()
    same = session.exec(
        select(RulebookVersion).where(RulebookVersion.digest == digest).order_by(col(RulebookVersion.number).desc())
    ).first()
    if same is not None:
        return same, False
    version = RulebookVersion(
        number=(session.exec(select(func.max(RulebookVersion.number))).one() or 0) + 1,
        name=name,
        digest=digest,
        source=text,
        files=stored,
        why=why,
        made_at=now,
        made_by=actor,
        made_by_key=actor_key,
    )
    session.add(version)
    session.flush()
    return version, True


def activate(session: Session, version: RulebookVersion, *, actor: str, now: datetime) -> bool:
    """Put a version in force, for new incidents; False when it is already."""
    current = in_force(session)
    if current is not None and current.number == version.number:
        return False
    version.activated_at, version.activated_by = now, actor
    session.add(version)
    session.flush()
    return True


def versions(session: Session) -> list[RulebookVersion]:
    """Every version, newest first."""
    return list(session.exec(select(RulebookVersion).order_by(col(RulebookVersion.number).desc())).all())


def in_force(session: Session) -> RulebookVersion | None:
    """The version that decides now."""
    return session.exec(
        select(RulebookVersion)
        .where(col(RulebookVersion.activated_at).is_not(None))
        .order_by(col(RulebookVersion.activated_at).desc(), col(RulebookVersion.number).desc())
        .limit(1)
    ).first()


def load_version(version: RulebookVersion) -> LoadedBook:
    """A kept version, ready to judge with."""
    files: dict[str, Any] = json.loads(version.files)
    return language.load(version.source, read=lambda name: str(files[name]))
