"""Phones that answer by themselves: which texts are more likely theirs than their owner's."""

from notifiers.base import InboundText
from rules import automatic
from rules import reply as grammar
from rules.reply import Reply, Verb
from service.records import received, tasks
from service.work import Work

ENDS_SOMETHING = frozenset({Verb.CONTACT, Verb.DONE})


def speaks(work: Work, worker: str, text: InboundText, reply: Reply) -> bool:
    """Whether a text that begins like an answer is none: without a code it says of itself that a machine wrote it, or is
    said again and again, or takes a task ("Ok, I'm out of office until Monday") for somebody who is away, or reports on one
    ("Contact the office on ...") by somebody who holds none."""
    if reply.verb not in grammar.NEEDS_CODE or reply.code or not reply.words:
        return False
    reports = reply.verb in ENDS_SOMETHING and not tasks.held_by(work, worker)
    absent = reply.verb is Verb.TAKE and automatic.says_absent(text.body)
    return reports or absent or automatic.names_a_machine(text.body) or received.repeats(work, text)
