"""Whose turn it is: urgency first, every team in its share, pages never behind news, and only as much as can be sent."""

import tracemalloc
from collections import Counter

import pytest
from sqlmodel import insert

from notifiers.base import Channel
from service.flows import claiming
from service.models.ids import new_id
from service.models.outbox import OutboxMessage
from service.records import outbox
from service.records.turns import Room
from service.runtime import Runtime
from service.slots import RESERVED, Slots


def queue(
    runtime: Runtime,
    number: int,
    *,
    team: str = "",
    purpose: str = outbox.NOTICE,
    channel: str = "sms",
    urgency: int = 20,
) -> None:
    now = runtime.clock.now()
    with runtime.transaction() as work:
        rows = [
            {
                "id": new_id("msg", now), "team": team, "purpose": purpose, "channel": channel, "address": "+447700900101",
                "text": f"{team} {number}", "urgency": urgency, "state": "pending", "written_at": now, "due_at": now,
                "attempts": 0,
            }
            for _ in range(number)
        ]  # fmt: skip
        work.session.connection().execute(insert(OutboxMessage), rows)


def teams_of(runtime: Runtime, limit: int) -> Counter[str]:
    return Counter(each.message.text.split()[0] for each in claiming.claim(runtime, limit))


def test_a_team_with_a_long_queue_does_not_starve_the_others(runtime: Runtime) -> None:
    queue(runtime, 200, team="north", purpose=outbox.PAGE, urgency=1)
    queue(runtime, 3, team="south", purpose=outbox.PAGE, urgency=1)
    queue(runtime, 30, team="west", purpose=outbox.PAGE, urgency=1)
    first = teams_of(runtime, 9)
    assert (first["south"], first["north"], first["west"]) == (3, 3, 3)
    second = teams_of(runtime, 10)
    assert min(second["north"], second["west"]) >= 3


def test_what_is_more_urgent_goes_first_whosever_it_is(runtime: Runtime) -> None:
    queue(runtime, 20, team="north", purpose=outbox.PAGE, urgency=1)
    queue(runtime, 4, team="south", purpose=outbox.PAGE, urgency=3)
    queue(runtime, 2, team="west", purpose=outbox.PAGE, urgency=0)
    assert teams_of(runtime, 6) == Counter(north=4, west=2)


def test_what_there_is_no_room_for_is_not_taken(runtime: Runtime) -> None:
    queue(runtime, 5, team="news")
    queue(runtime, 5, team="text", purpose=outbox.PAGE, urgency=1)
    queue(runtime, 5, team="call", purpose=outbox.PAGE, channel="voice", urgency=1)
    room = Room(channels={Channel.SMS: 2, Channel.VOICE: 1}, others=0)
    taken = Counter(each.message.text.split()[0] for each in claiming.claim(runtime, 10, room=room))
    assert taken == Counter(text=2, call=1)
    assert claiming.due_now(runtime, room=room)
    nothing = Room(channels=dict.fromkeys(Channel, 0), others=0)
    assert not claiming.due_now(runtime, room=nothing)
    assert claiming.claim(runtime, 10, room=nothing) == []


def test_a_hand_is_kept_free_for_pages_and_for_the_other_channels(runtime: Runtime) -> None:
    slots = Slots(4)
    queue(runtime, 20, team="news")
    free, room = slots.free()
    assert (free, room.others) == (4 + RESERVED, 4)
    for claimed in claiming.claim(runtime, free, room=room):
        slots.take(claimed)
    free, room = slots.free()
    assert (free, room.others) == (RESERVED, 0), "news has all it may have"
    queue(runtime, 9, team="page", purpose=outbox.PAGE, urgency=1)
    pages = claiming.claim(runtime, free, room=room)
    assert [each.is_page for each in pages] == [True] * RESERVED

    slots = Slots(4)
    for claimed in claiming.claim(runtime, 4):
        slots.take(claimed)
    free, room = slots.free()
    assert (free, room.channels[Channel.SMS], room.channels[Channel.VOICE]) == (RESERVED, 0, 4)


@pytest.mark.parametrize("waiting", [10_000])
def test_ten_thousand_queued_messages_hold_no_more_memory_than_a_hundred(runtime: Runtime, waiting: int) -> None:
    def peak() -> int:
        tracemalloc.start()
        claimed = claiming.claim(runtime, 10)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(claimed) == 10
        return most

    queue(runtime, 100, team="south")
    claiming.claim(runtime, 10)
    few = peak()
    queue(runtime, waiting, team="north")
    assert peak() < 1.5 * few
