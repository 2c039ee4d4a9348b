"""What a worker's text means: the verb, the task's code, and the words after them, in whatever dressing it comes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from rules import wishes


class Verb(StrEnum):
    """What can be asked by text."""

    TAKE = "take"
    PASS = "pass"  # noqa: S105 - a word, not a secret
    CONTACT = "contact"
    DONE = "done"
    MORE = "more"
    LIST = "list"
    COVER = "cover"
    FIRST = "first"  # a channel is to be tried first
    QUIET = "quiet"
    OFF = "off"
    ON = "on"
    STOP = "stop"
    START = "start"
    HELP = "help"
    DIGITS = "digits"  # the answer to a code that was sent to prove a number
    UNKNOWN = "unknown"


ALIASES = {
    Verb.TAKE: ("take", "ack", "ok", "okay", "y", "yes", "1"),
    Verb.PASS: ("pass", "no", "n", "2"),
    Verb.CONTACT: ("contact", "met"),
    Verb.DONE: ("done",),
    Verb.MORE: ("more",),
    Verb.LIST: ("list", "?"),
    Verb.COVER: ("cover",),
    Verb.OFF: ("off",),
    Verb.ON: ("on",),
    # The words that carriers and Twilio act on themselves: Twilio, "Customizing users' opt-in and opt-out keywords".
    Verb.STOP: ("stop", "end", "quit", "cancel", "unsubscribe", "stopall", "revoke", "optout"),
    Verb.START: ("start", "unstop"),
    Verb.HELP: ("help", "info"),
}
WORDS = {word: verb for verb, words in ALIASES.items() for word in words}
# Of a longer text nobody knows whether it means the word: "On my way", "Off to see him now", "Off until Friday".
_POLITE = frozenset({"please", "pls", "thanks", "thank", "you", "thx", "ta", "cheers", "now", "duty", "call", "shift"})
MAY_FOLLOW = {Verb.OFF: _POLITE | {"sick", "ill", "unwell", "work"}, Verb.ON: _POLITE | {"again"}}
NEEDS_CODE = frozenset({Verb.TAKE, Verb.PASS, Verb.CONTACT, Verb.DONE, Verb.MORE})
MAY_BE_SEVERAL = frozenset({Verb.TAKE, Verb.PASS})
ALL = ("all", "both", "everything")
BUT = ("but", "except", "not", "apart", "without")
TAUGHT = ("take", "pass", "ack")

# Read aloud over a bad line and typed by a cold thumb: no vowels, so that no code is a word; none of the pairs 0/O, 1/I/L,
# 5/S, 8/B, 2/Z and U/V; of the letters that rhyme (B C D E G P T V) only T, of M and N only M, of F, S and X only F.
LETTERS = "FHJKMQRTWY"
DIGITS = "34679"
# L a letter, D a digit, E either. There are 50 of the first shape, for a quiet city, and 2.5 million of the last, for a
# country's open tasks.
SHAPES = ("LD", "LDL", "LDLD", "LDEEE", "LDEEEE")
_KINDS = {"L": LETTERS, "D": DIGITS, "E": LETTERS + DIGITS}
TRIES = 6

CODE = r"[a-z][0-9][a-z0-9]{0,4}"
_CODE = re.compile(CODE, re.IGNORECASE)
_SPLIT_CODE = re.compile(r"\b([a-z]) ([0-9][a-z0-9]{0,4})\b", re.IGNORECASE)
_GLUED = re.compile(
    rf"({'|'.join(sorted((w for v in NEEDS_CODE for w in ALIASES[v] if len(w) > 1), key=len, reverse=True))})[-.]?"
    rf"({CODE}|{'|'.join(ALL)})",
    re.IGNORECASE,
)
_CODES_APART = re.compile(rf"\b({CODE}) ?[&+/] ?(?={CODE}\b)", re.IGNORECASE)
_EDGE = " \t\r\n.,;:!#\"'`()[]{}<>*_-~/\\|«»“”‘’„…–—\u00a0\u200b\ufeff"
_PROOF = re.compile(r"(\d{3})[ -]?(\d{3})")


@dataclass(frozen=True)
class Reply:
    """A text, read. `code` is in capitals and may point nowhere; `words` are the note, the reason or the outcome.

    `further`: the codes after the first. `every`: no code, but ALL of them.
    """

    verb: Verb
    code: str | None
    words: str
    further: tuple[str, ...] = ()
    every: bool = False

    @property
    def says_which(self) -> bool:
        """Whether it says itself which task it is about."""
        return self.every or self.code is not None


@dataclass(frozen=True)
class Meant:
    """The code that is meant."""

    code: str


@dataclass(frozen=True)
class Several:
    """The codes that are meant, each for itself."""

    codes: tuple[str, ...]


@dataclass(frozen=True)
class Everything:
    """All that the sender is being asked for."""


@dataclass(frozen=True)
class Ambiguous:
    """Several could be meant, so nothing is done."""

    codes: tuple[str, ...]


@dataclass(frozen=True)
class Nothing:
    """There is nothing that could be meant."""


def parse(text: str) -> Reply:
    """Read a text. What can't be read is Verb.UNKNOWN; nothing raises."""
    whole = _of_signs(text.strip(_EDGE)) or _of_wishes(text)
    if whole:
        return whole
    words = _words(text)
    if not words:
        return Reply(Verb.UNKNOWN, None, "")
    verb, rest = _verb_first(words)
    if verb is None:
        codes, others = _codes(words)
        verb, rest = _verb_first([*others[:1], *codes, *others[1:]]) if codes and others else (None, [])
    if verb is None:
        return Reply(Verb.UNKNOWN, None, "")
    if verb not in NEEDS_CODE:
        return _about_no_task(verb, rest)
    if verb in MAY_BE_SEVERAL:
        return _about_several(verb, rest, taught=words[0].lower() in TAUGHT)
    code = rest[0].upper() if rest and _is_code(rest[0]) else None
    return Reply(verb, code, " ".join(rest[1:] if code else rest))


def _of_signs(text: str) -> Reply | None:
    """A text without a word: a question mark, or six digits."""
    proof = _PROOF.fullmatch(text)
    if proof:
        return Reply(Verb.DIGITS, None, proof[1] + proof[2])
    return Reply(Verb.LIST, None, "") if text == "?" else None


def _of_wishes(text: str) -> Reply | None:
    """A text about how its sender wants to be reached: the channel, or the hours as they are written."""
    channel = wishes.channel_first(_words(text))
    if channel:
        return Reply(Verb.FIRST, None, channel)
    quiet = wishes.after_quiet(text)
    return None if quiet is None else Reply(Verb.QUIET, None, quiet)


def _about_no_task(verb: Verb, rest: list[str]) -> Reply:
    if verb is Verb.COVER:
        return Reply(verb, None, " ".join(rest))
    may_follow = MAY_FOLLOW.get(verb, frozenset())
    is_it = verb in (Verb.LIST, Verb.HELP) or may_follow.issuperset(map(str.lower, rest))
    return Reply(verb if is_it else Verb.UNKNOWN, None, "")


def _about_several(verb: Verb, rest: list[str], *, taught: bool) -> Reply:
    every = bool(rest) and rest[0].lower() in ALL
    codes, others = _codes(rest[1:] if every else rest)
    if codes:
        # "Take all: K7, M4" names what it means.
        return Reply(verb, codes[0], " ".join(others), further=tuple(codes[1:]))
    if every and others and others[0].lower() in BUT:
        return Reply(Verb.UNKNOWN, None, "")
    # "OK, all good" is no more than an OK.
    if not every or (others and not taught):
        return Reply(verb, None, " ".join(rest))
    return Reply(verb, None, " ".join(others), every=True)


def _codes(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The codes at the beginning, each once, with or without AND between them, and the words after them."""
    codes: list[str] = []
    left = list(words)
    while left:
        and_another = bool(codes) and left[0].lower() == "and" and _is_code(left[1] if len(left) > 1 else "")
        if not and_another and not _is_code(left[0]):
            break
        word = left.pop(0)
        if not and_another:
            codes.append(word.upper())
    return list(dict.fromkeys(codes)), left


def _words(text: str) -> list[str]:
    spaced = " ".join(part.strip(_EDGE) for part in re.split(r"[\s,;:#]+", text))
    joined = _SPLIT_CODE.sub(r"\1\2", " ".join(_CODES_APART.sub(r"\1 ", spaced).split()))
    parts = joined.split()
    glued = _GLUED.fullmatch(parts[0]) if parts else None
    return [*glued.groups(), *parts[1:]] if glued else parts


def _verb_first(words: Sequence[str]) -> tuple[Verb | None, list[str]]:
    verb = WORDS.get(words[0].lower())
    return verb, list(words[1:])


def _is_code(word: str) -> bool:
    return _CODE.fullmatch(word) is not None


def which(reply: Reply, open_codes: Sequence[str]) -> Meant | Several | Everything | Ambiguous | Nothing:
    """Which task a reply is about: those it names, all of them, or the only one there is."""
    if reply.every:
        return Everything()
    if reply.code and reply.further:
        return Several((reply.code, *reply.further))
    if reply.code:
        return Meant(reply.code)
    if not open_codes:
        return Nothing()
    return Meant(open_codes[0]) if len(open_codes) == 1 else Ambiguous(tuple(open_codes))


def outcome(words: str, allowed: Sequence[str]) -> tuple[str | None, str]:
    """The outcome word at the beginning, with spaces, hyphens or underscores between its parts, and the note after it."""
    for word in sorted(allowed, key=len, reverse=True):
        pattern = r"[\s_-]*".join(re.escape(part) for part in re.split(r"[_-]", word))
        found = re.match(rf"{pattern}(?=$|[^a-z0-9])", words.strip(_EDGE), re.IGNORECASE)
        if found:
            return word, words.strip(_EDGE)[found.end() :].strip(_EDGE)
    return None, words


T = TypeVar("T")


class Chooser(Protocol):
    """Picks some of several, as random.Random does."""

    def choices(self, population: Sequence[T], *, k: int) -> list[T]:
        """So many of them, the same perhaps again."""
        ...


def candidates(choose: Chooser) -> list[str]:
    """Codes by chance, a few of each shape and the shortest first: one that nobody has is likely to be among them."""
    letters = [[choose.choices(_KINDS[kind], k=TRIES) for kind in shape] for shape in SHAPES]
    return list(dict.fromkeys("".join(code) for columns in letters for code in zip(*columns, strict=True)))
