"""The senders' hands, and the few pages that lie beside them: no more than leave at once, the most urgent first."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlmodel import col, select

from notifiers.base import Channel, Message
from service.flows import claiming
from service.models.outbox import MessageState, OutboxMessage
from service.records import outbox
from service.records.claims import Claimed
from service.runtime import Runtime
from service.slots import AHEAD, AHEAD_SECONDS, RESERVED, Slots
from tests.service.test_turns import queue

THREADS = 4


def page(name: str, *, urgency: int = 0, channel: Channel = Channel.SMS) -> Claimed:
    now = datetime.now(UTC)
    message = Message(reference=name, channel=channel, to="+447700900101", text=name, written_at=now)
    return Claimed(message=message, turn=1, until=now, is_page=True, urgency=urgency)


def send_one(slots: Slots, claimed: Claimed, *, seconds: float = 0) -> None:
    """One message from end to end."""
    slots.take(claimed)
    slots.put(claimed)
    taken = slots.take_up()
    assert taken is claimed
    threading.Event().wait(seconds)
    slots.give_back(taken)


def filled(slots: Slots, number: int) -> list[Claimed]:
    """Pages for which there was a place, all of them begun as far as hands are free."""
    taken = [page(f"p{n}") for n in range(number) if slots.take_page(Channel.SMS)]
    for each in taken:
        slots.put(each)
    while slots.take_up() is not None:
        pass
    return taken


def test_nothing_lies_beside_the_hands_until_it_is_known_how_long_a_message_takes() -> None:
    slots = Slots(THREADS)
    assert len(filled(slots, 100)) == THREADS
    assert slots.busy == THREADS


def test_with_a_quick_provider_a_few_pages_lie_beside_each_hand() -> None:
    slots = Slots(THREADS)
    send_one(slots, page("first"))
    assert len(filled(slots, 100)) == THREADS * (1 + AHEAD)
    assert slots.busy == THREADS, "begun is no more than before"
    free, room = slots.free()
    assert free == RESERVED, "which pages of other channels may have"
    assert room.channels[Channel.SMS] == 0
    assert room.unspent[Channel.SMS] == THREADS * AHEAD, "of a provider's pace they have had nothing yet"
    assert not slots.is_low


def test_with_a_slow_provider_only_what_leaves_in_time_lies_there() -> None:
    slots = Slots(THREADS)
    send_one(slots, page("first"), seconds=AHEAD_SECONDS)
    assert THREADS <= len(filled(slots, 100)) <= THREADS * 2
    slots = Slots(THREADS)
    send_one(slots, page("first"), seconds=AHEAD_SECONDS * (THREADS + 1))
    assert len(filled(slots, 100)) == THREADS, "nothing would: all of it is left to whoever is free first"


def test_the_most_urgent_is_taken_up_first_and_another_channel_finds_a_hand() -> None:
    slots = Slots(THREADS)
    send_one(slots, page("first"))
    begun = filled(slots, THREADS)
    for each in (page("normal", urgency=2), page("critical"), page("high", urgency=1)):
        slots.take(each)
        slots.put(each)
    assert slots.take_up() is None
    call = page("call", urgency=3, channel=Channel.VOICE)
    slots.take(call)
    slots.put(call)
    assert slots.take_up() is call
    names = []
    for each in begun[:3]:
        slots.give_back(each)
        taken = slots.take_up()
        assert taken
        names.append(taken.message.reference)
    assert names == ["critical", "high", "normal"]


def test_a_message_that_was_claimed_again_gives_both_hands_back() -> None:
    """Its lease ended while its provider took its time, as when a clock is set."""
    slots = Slots(THREADS)
    first = page("late")
    second = replace(first, turn=2)
    for each in (first, second):
        slots.take(each)
        slots.put(each)
        assert slots.take_up() is each
    slots.give_back(first)
    slots.give_back(second)
    assert slots.busy == 0


def test_a_hand_is_free_before_it_is_written_down_but_the_place_is_not() -> None:
    slots = Slots(THREADS)
    send_one(slots, page("first"))
    held = filled(slots, 100)
    for sent in held[:THREADS]:
        slots.let_go(sent)
        slots.let_go(sent)
    assert slots.busy == 0, "let go once, however often it is said"
    assert slots.take_up() is held[THREADS]
    assert not slots.take_page(Channel.SMS), "what is not written down yet counts as held"
    slots.give_back(held[0])
    assert slots.take_page(Channel.SMS)
    assert slots.busy == 1, "the hand that was let go is not given back once more"


def test_what_found_no_room_is_looked_for_again_when_there_is_some() -> None:
    slots = Slots(THREADS)
    held = filled(slots, 100)
    _, lacking = slots.free()
    assert (lacking.full, lacking.others) == ([Channel.SMS.value], 0)
    only_news = replace(lacking, channels={})
    assert not slots.has_room_now(lacking)
    slots.give_back(held[0])
    assert slots.has_room_now(lacking)
    filled(slots, 1)
    assert not slots.has_room_now(only_news), "a page has its place"
    slots.give_back(held[1])
    assert slots.has_room_now(only_news)


def test_what_lies_beside_hands_that_a_slow_provider_keeps_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = Slots(THREADS)
    send_one(slots, page("first"))
    held = filled(slots, 100)
    assert slots.overdue() == []
    monkeypatch.setattr("service.slots.LAIN_SECONDS", 0.0)
    overdue = slots.overdue()
    assert {each.message.reference for each in overdue} == {each.message.reference for each in held[THREADS:]}
    assert not slots.take_page(Channel.VOICE), "until they are in the outbox again, they keep their places"
    for each in overdue:
        slots.give_back(each)
    assert slots.is_low
    _, room = slots.free()
    assert room.full == [Channel.SMS.value], "of what is slow nothing is laid down here"
    assert slots.take_page(Channel.VOICE), "and a phone can be rung"


def test_what_finds_no_hand_after_all_lies_there_again() -> None:
    slots = Slots(THREADS)
    send_one(slots, page("first"))
    filled(slots, THREADS - 1)
    last = page("last")
    slots.take(last)
    slots.put(last)
    assert slots.take_up() is last
    busy = slots.busy
    slots.lay_back(last)
    assert slots.busy == busy - 1
    assert slots.clear() == [last]


def test_what_is_no_page_never_has_all_the_hands() -> None:
    slots = Slots(THREADS)
    for number in range(THREADS + 1):
        news = replace(page(f"n{number}"), is_page=False)
        slots.take(news)
        slots.put(news)
    assert [slots.take_up() is not None for _ in range(THREADS + 1)] == [True] * THREADS + [False]


def test_who_stops_leaves_to_others_what_no_hand_had_taken_up(runtime: Runtime) -> None:
    queue(runtime, 3, team="north", purpose=outbox.PAGE, urgency=0)
    slots = Slots(1)
    for claimed in claiming.claim(runtime, 3):
        slots.take(claimed)
        slots.put(claimed)
    begun = slots.take_up()
    assert begun
    left = slots.clear()
    claiming.put_back(runtime, left)
    with runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
    assert {row.id for row in rows if row.state == MessageState.PENDING} == {each.message.reference for each in left}
    again = claiming.claim(runtime, 9)
    assert [each.again for each in again] == [False, False], "no provider has to be asked for what was never sent"
    slots.give_back(begun)
    slots.wait_until_idle()
