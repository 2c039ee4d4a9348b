"""Which texts a machine wrote, or somebody who is not there, and which only read like theirs."""

import pytest

from rules import automatic
from rules.reply import Verb, parse


@pytest.mark.parametrize(
    "text", ["Auto-reply: back Monday", "I'm driving, will call", "Out of the office", "can't talk right now"]
)
def test_a_machines_answer_is_recognised(text: str) -> None:
    assert automatic.looks_automatic(text)


def test_only_what_says_that_a_machine_wrote_it_outweighs_an_answer() -> None:
    assert automatic.names_a_machine("Ok, thanks! This is an automatic reply")
    assert automatic.names_a_machine("Yes. Auto-response: back on Monday")
    assert not automatic.names_a_machine("Ok, I'm driving, there in ten")


ABSENT = """
Ok, I'm out of office until Monday
Yes, thank you. I am on annual leave
OK! On holiday, back on 12 January
ok I'm off until Mon
Okay. Back next week
Yes - not working until Thursday
Ok, I'm off till Monday
Ok I'm away till Tuesday
ok sorry I'm on A/L until Monday
Ok, on mat leave
yes but on compassionate leave
OK on TOIL today
ok off sick today
Yes but I'm not on call
ok not in until Monday
Ok away until tomorrow
Ok. Back Monday
OK, back on the 12th
"""
COMING = """
ok on my way
Ok, back in ten
yes, leaving now
ok will leave the office now
Ok I'm driving
yes off to it
Ok back on it
yes back from lunch, on my way
ok off from 6 but will go now
OK on leave of hospital
Ok on my way out of the office now
TAKE. Amina is on leave so I will go
take this one please, Amina is on leave
Ok, just out of the office, will be there in 20
Yes I'm out of office but can go
Yes. It's out of office hours but I'll call them
Yes, I'll take it. Amina is on leave
Yes I'll cover, Ben's on holiday
Ok mum on maternity leave will meet at school
Ok im on leave it with me
1 on leave it to me
Ok back from Montpelier now, on my way
Ok setting off from Monks Park
ok 5 mins away from 22 Park Street
Ok will pick up, just back on 76 bus
Yes im back on Monday shift now so will go
Yes I'm not off until 8
ok not off til 6 so can go
Ok I'm not back until 4 but will ring school now
Ok off til 6 but will go
"""


@pytest.mark.parametrize("text", ABSENT.strip().splitlines())
def test_an_ok_of_somebody_who_is_not_there_is_known(text: str) -> None:
    assert automatic.says_absent(text)


@pytest.mark.parametrize("text", COMING.strip().splitlines())
def test_an_ok_of_somebody_who_comes_is_an_ok(text: str) -> None:
    assert not automatic.says_absent(text)
    assert parse(text).verb is Verb.TAKE
