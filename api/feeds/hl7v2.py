"""HL7 v2 admission messages (ADT) from a hospital's integration engine: who came, when and why becomes a report without a
name; a cancelled visit takes it back, and an admission after that begins anew.

A01 and A04 (admitted, registered) and A08 (updated) report, A11 cancels: HL7 v2.5.1, chapter 3. Of a message only what is
used here is looked at, so that nothing else of a patient can enter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hl7

from api.feeds.codelists import Clinical
from api.feeds.reading import (
    Faulty,
    Feed,
    NotOurs,
    PassedOver,
    Reading,
    Reported,
    Retracted,
    Wrong,
    masked,
    report_of,
)
from api.feeds.rows import UNREADABLE
from api.feeds.times import Moment, NoTime, age_from_hl7, from_hl7

BEGIN, UPDATE, CANCEL = ("A01", "A04"), "A08", "A11"
EMERGENCY = "E"
# The minimal lower layer protocol frames a message by VT before it, and FS and CR after it.
FRAMING = re.compile(r"[\x0b\x1c]")
ENVELOPES = ("FHS", "BHS", "BTS", "FTS")
MOST_SEGMENTS = 1000
_HEADER = re.compile(r"MSH([^\w\s])([^\w\s])([^\w\s])([^\w\s])([^\w\s])[^\w\s]?\1", re.ASCII)
_SOURCES = {"place.ods": "/PV1/3", "people": "/PID/3", "lawful_basis": "/MSH"}


@dataclass(frozen=True)
class Block:
    """The segments of one message, and the line on which it begins."""

    line: int
    segments: list[str]


def messages_of(lines: Iterator[str]) -> Iterator[Block]:
    """The messages of a file, whatever ends their lines and frames them. What stands before the first is one of its own."""
    block: Block | None = None
    for number, line in enumerate(lines, 1):
        for segment in FRAMING.split(line.strip("\r\n")):
            if not segment.strip() or segment[:3] in ENVELOPES:
                continue
            if block is None or segment.startswith("MSH") or len(block.segments) >= MOST_SEGMENTS:
                if block is not None:
                    yield block
                block = Block(number, [])
            block.segments.append(segment)
    if block is not None:
        yield block


def read(lines: Iterator[str], table: Clinical, feed: Feed) -> Iterator[Reading]:
    """What a file's messages say."""
    for block in messages_of(lines):
        try:
            yield _reading(block, table, feed)
        except Wrong as wrong:
            yield Faulty(line=block.line, faults=(wrong.fault,), kept=_kept(block))
        except NotOurs as reason:
            yield PassedOver(line=block.line, reason=str(reason))


def _kept(block: Block) -> str:
    """The header as it came, and the shape of the rest: who a message is about must not be stored with what was wrong."""
    plain = [s if _HEADER.match(s) and n == 0 else s[:3] + masked(s[3:]) for n, s in enumerate(block.segments)]
    return "\n".join(plain)


def _reading(block: Block, table: Clinical, feed: Feed) -> Reading:
    message = _Message(block)
    kind, _, event = message.text("MSH", 9, required="the kind of message, such as ADT^A04").partition("^")
    event = event.partition("^")[0] or message.text("EVN", 1)
    if kind != "ADT" or event not in (*BEGIN, UPDATE, CANCEL):
        raise NotOurs(f"messages of the kind {_short(kind)}^{_short(event)} are not taken")
    control = message.text("MSH", 10, required="the id by which a message is known when it comes again")
    visit = _visit(message, feed)
    sender = "^".join(message.text("MSH", field) for field in (3, 4))
    known_by = feed.pseudonym(f"message\0{sender}\0{control}")
    if event == CANCEL:
        reason = "the visit was cancelled (A11)"
        return Retracted(line=block.line, source_ref=visit, reason=reason, idempotency_key=known_by)
    fields = _fields(message, table, feed)
    return Reported(
        line=block.line,
        report=report_of(fields | {"source_ref": visit}, _SOURCES),
        kept=_kept(block),
        idempotency_key=known_by,
        begins=event in BEGIN,
    )


def _fields(message: "_Message", table: Clinical, feed: Feed) -> dict[str, Any]:
    visit_class = message.text("PV1", 2, required=f"the patient class, such as {EMERGENCY} for an emergency")
    if message.first_of(visit_class) != EMERGENCY:
        raise NotOurs("the visit is not to an emergency department (PV1-2 is not E)")
    codings = list(_codings(message, table))
    why = table.excluded(codings)
    if why:
        raise NotOurs(why)
    found = table.meaning(codings)
    if found is None:
        raise NotOurs("no reason in PV2-3 or DG1-3 is in the table")
    entry, code = found
    moment, came_from = _moment(message, feed)
    attributes = {"source": "hl7v2", "reason": f"{entry.system}:{code}", "time_from": came_from}
    return {
        "type": entry.type,
        "occurred_at": moment.at,
        "setting": table.setting,
        "place": {"ods": _site(message)},
        "people": [_patient(message, table, feed, moment)],
        "attributes": attributes | ({"time_ambiguous": True} if moment.twice else {}),
        "lawful_basis": table.lawful_basis,
    }


def _codings(message: "_Message", table: Clinical) -> Iterator[tuple[str, str]]:
    """The coded reasons, by the table's names of their systems. A system that it does not name is none of them."""
    for segment, field in (("PV2", 3), ("DG1", 3)):
        for value in message.every(segment, field):
            parts = value.split(message.component)
            # CE and CWE: a code and its system, and in the fourth to sixth component the same in another system.
            for code, system in ((parts[0], parts[2:3]), (parts[3:4], parts[5:6])):
                text = code if isinstance(code, str) else "".join(code)
                known = table.system_of(system[0]) if system else None
                if text and known:
                    yield known, text


def _visit(message: "_Message", feed: Feed) -> str:
    for segment, field in (("PV1", 19), ("PID", 18)):
        value = message.text(segment, field)
        if value:
            return feed.pseudonym("\0".join(("visit", *message.identity_in(value))))
    message.need("PV1")
    raise Wrong("/PV1/19", "the visit's number is missing; it may also stand in PID-18")


def _moment(message: "_Message", feed: Feed) -> tuple[Moment, str]:
    """When the patient came. The admission's time stays the same through updates; the event's is that of the message."""
    for segment, field in (("PV1", 44), ("EVN", 2)):
        value = message.text(segment, field)
        if value:
            try:
                return from_hl7(message.first_of(value), feed.zone), f"{segment}-{field}"
            except NoTime as wrong:
                raise Wrong(f"/{segment}/{field}", str(wrong)) from None
    message.need("EVN")
    raise Wrong("/EVN/2", "the time of the event is missing; it may also stand in PV1-44")


def _site(message: "_Message") -> str:
    location = message.text("PV1", 3).split(message.component)
    site = location[3].partition(message.subcomponent)[0] if len(location) > 3 else ""  # noqa: PLR2004 - PL.4, the facility
    found = site or message.first_of(message.text("MSH", 4))
    if not found:
        raise Wrong("/PV1/3", "the site's NHS code is missing from its fourth component; it may also stand in MSH-4")
    if not re.fullmatch(r"[A-Za-z0-9]{3,10}", found, re.ASCII):
        where = "/PV1/3" if site else "/MSH/4"
        raise Wrong(where, "must be an NHS organisation or site code such as ZZ901")
    return found


def _patient(message: "_Message", table: Clinical, feed: Feed, moment: Moment) -> dict[str, Any]:
    identifier = message.text("PID", 3, required="a patient's identifier, which becomes a pseudonym here")
    who = feed.pseudonym("\0".join(("patient", *message.identity_in(identifier))))
    born = message.first_of(message.text("PID", 7))
    if not born:
        return {"ref": who, "role": table.role}
    try:
        age, band = age_from_hl7(born, moment.at, feed.zone)
    except NoTime as wrong:
        raise Wrong("/PID/7", str(wrong)) from None
    return {"ref": who, "role": table.role, "age": age, "age_band": band}


def _short(text: str) -> str:
    """A code of three letters or digits as it came; anything else might be what nobody should read."""
    return text if re.fullmatch(r"[A-Z0-9]{3}", text, re.ASCII) else "?"


class _Message:
    """One message: its fields by segment and number, as the standard counts them."""

    def __init__(self, block: Block) -> None:
        head = _HEADER.match(block.segments[0])
        if head is None:
            raise Wrong("/MSH", r"a message must begin with MSH and its separators: MSH|^~\&|")
        if len(set(head.groups())) != len(head.groups()):
            raise Wrong("/MSH/2", r"the separators must differ from each other: MSH|^~\&|")
        self.component, self.repetition, self.subcomponent = head[2], head[3], head[5]
        try:
            self._message = hl7.parse("\r".join(block.segments))
        except (hl7.HL7Exception, LookupError, ValueError):
            raise Wrong("/MSH", r"this is no HL7 v2 message: MSH|^~\&|…, a segment a line") from None

    def text(self, segment: str, number: int, *, required: str = "") -> str:
        """A field as it stands there, empty where it is not. Raises Wrong where it is `required` for what that says."""
        if required:
            self.need(segment)
        found = next(iter(self._fields(segment, number)), "")
        if required and not found:
            raise Wrong(f"/{segment}/{number}", f"is missing: {required}")
        return found

    def every(self, segment: str, number: int) -> list[str]:
        """Each repetition of a field in each of the segments of a name."""
        return [part for field in self._fields(segment, number) for part in field.split(self.repetition)]

    def need(self, segment: str) -> None:
        """Raise Wrong where a segment is not there."""
        if not any(str(found[0]) == segment for found in self._message):
            raise Wrong(f"/{segment}", f"the segment {segment} is missing")

    def first_of(self, field: str) -> str:
        """The first component of a field's first repetition."""
        return self.identity_in(field)[0]

    def identity_in(self, field: str) -> tuple[str, str]:
        """The first identifier in a field (CX), and who assigned it, if that is said."""
        parts = field.partition(self.repetition)[0].split(self.component)
        firsts = [part.partition(self.subcomponent)[0].strip() for part in parts]
        return firsts[0], firsts[3] if len(firsts) > 3 else ""  # noqa: PLR2004 - CX.4

    def _fields(self, segment: str, number: int) -> list[str]:
        found = [str(each[number]).strip() for each in self._message if str(each[0]) == segment and len(each) > number]
        for text in found:
            if UNREADABLE in text or any(sign < " " for sign in text):
                raise Wrong(f"/{segment}/{number}", "holds a byte that is no character of UTF-8 or Windows-1252")
        # Two quotation marks say that a field was emptied (HL7 v2.5.1, section 2.5.3).
        return ["" if text == '""' else text for text in found]
