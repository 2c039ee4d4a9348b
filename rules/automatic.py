"""Texts that a machine wrote, or somebody who is not there: what they begin with may look like an answer."""

import re

_MACHINE = r"auto(matic|mated)?[- ]?(reply|response)"
_NAMES_A_MACHINE = re.compile(_MACHINE, re.IGNORECASE)
_AUTOMATIC = re.compile(
    _MACHINE + r"|out of (the )?office|i('m| am) (currently )?(driving|away|on leave|in a meeting)"
    r"|can('t|not) (talk|answer) (right )?now",
    re.IGNORECASE,
)
_DAY = r"((next )?(mon|tues?|wed(nes)?|thu(rs?)?|fri|sat(ur)?|sun)(day)?\b|tomorrow|next week|(the )?\d+\w*)"
_NOT_THERE = (
    r"out of (the )?office(?= (un)?till?\b| from\b|\W*$)",
    r"on ((my|annual|sick|mat(ernity)?|pat(ernity)?|parental|study|compassionate) )?"
    r"(leave(?! it\b| with\b| of\b)|holidays?|hols|a/?l\b|toil\b|(a )?(rest )?day)",
    r"off (sick|today|this week)",
    r"not (working|back|in|on (duty|call|shift))\b(?!.*\b(but|so)\b)",
    rf"(away|off|back) (un)?till? ?{_DAY}(?!.*\b(but|so)\b)",
    rf"back (on |next |from )?{_DAY}\W*$",
)
# Of the sender, and at once after the OK: "Yes, Ben is on leave, I'll go" is about somebody else.
_ABSENT = re.compile(
    r"\W*(ok(ay)?|y|yes)\b\W*((sorry|thanks|thank you|but)\b\W*)*((i'?m|i am|am)\b\s*)?((currently|just|away)\b\s*)*"
    rf"({'|'.join(_NOT_THERE)})",
    re.IGNORECASE,
)


def looks_automatic(text: str) -> bool:
    """Whether a machine wrote this: answering it would make two machines talk for ever."""
    return _AUTOMATIC.search(text) is not None


def names_a_machine(text: str) -> bool:
    """Whether a text says of itself that nobody typed it. Somebody who is driving may still mean their OK."""
    return _NAMES_A_MACHINE.search(text) is not None


def says_absent(text: str) -> bool:
    """Whether its sender, or a phone for them, says that they are not there: such an OK takes nothing."""
    return _ABSENT.match(text) is not None
