"""A provider that is down: the next page does not wait for it, everybody can see it, and it comes back by itself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from notifiers.base import Channel
from rules.breaker import IN_A_ROW, RESTS
from service.flows import health, providers
from service.models.outbox import MessageState
from service.records import providers as rows
from service.settings import Switch
from service.standing import Standing
from tests.running import served
from tests.service.test_second_provider import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path, sandbox_file: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, sandbox_file) as opened:
        opened.seconds = 0.0
        opened.runtime = replace(opened.runtime, standing=Standing(seconds=lambda: opened.seconds))
        yield opened


def stands(desk: Desk) -> dict[tuple[str, str], bool]:
    with desk.runtime.reading() as work:
        return {(e.channel.value, e.provider): e.up for e in rows.standing(work, desk.runtime.notifiers)}


def note_all(desk: Desk, *, up: bool, channel: Channel | None = None) -> None:
    """What a breaker leaves behind when it opens or closes, for every provider, or those of a channel."""
    with desk.runtime.transaction() as work:
        for each in rows.standing(work, desk.runtime.notifiers):
            if channel in (None, each.channel):
                rows.note(work, each.channel, each.provider, up=up, why="it answered 503")


def break_notify(desk: Desk) -> None:
    desk.notify.down = True
    for _ in range(IN_A_ROW):
        desk.report()
        desk.send()


def test_a_dead_provider_is_left_alone_and_seen_and_asked_until_it_is_back(desk: Desk) -> None:
    assert set(stands(desk).values()) == {True}
    break_notify(desk)
    refused = desk.notify.refused
    assert (len(desk.twilio.texts), refused) == (IN_A_ROW, IN_A_ROW)
    assert stands(desk)["sms", "notify"] is False
    assert stands(desk)["email", "notify"] is True, "what serves two channels is judged for each"
    assert b'callout_provider_up{channel="sms",provider="notify"} 0.0' in health.figures(desk.runtime)
    assert b'callout_provider_up{channel="sms",provider="twilio"} 1.0' in health.figures(desk.runtime)

    desk.report()
    desk.send()
    assert (len(desk.twilio.texts), desk.notify.refused) == (IN_A_ROW + 1, refused), "nobody waited for the dead one"

    assert providers.probe(desk.runtime) == 0, "it has not rested yet"
    desk.seconds = RESTS
    assert providers.probe(desk.runtime) == 1
    assert stands(desk)["sms", "notify"] is False, "it was asked, and is still away"
    desk.notify.down = False
    desk.seconds = 2 * RESTS
    assert providers.probe(desk.runtime) == 1
    assert stands(desk)["sms", "notify"] is True
    desk.report()
    desk.send()
    assert desk.notify.notifications


def test_when_all_are_down_they_are_tried_all_the_same(desk: Desk) -> None:
    desk.twilio.down = True
    break_notify(desk)
    assert desk.runtime.standing.avoided(Channel.SMS) == {"notify", "twilio"}
    assert health.checks(desk.runtime)["providers"] == "ok", "the voice and the email still may work"
    desk.notify.down = False
    desk.wait(60)
    assert desk.send().state == MessageState.SENT
    assert stands(desk)["sms", "notify"] is True


def test_it_is_not_ready_when_no_provider_works(desk: Desk) -> None:
    note_all(desk, up=False)
    said = health.checks(desk.runtime)["providers"]
    assert said.startswith("none works; sms by GOV.UK Notify: it answered 503; sms by Twilio: it answered 503")


def test_its_probe_answers_503_until_one_provider_works_again(desk: Desk) -> None:
    alone = replace(desk.runtime, settings=desk.runtime.settings.model_copy(update={"engine": Switch.OFF}))
    with served(alone) as url, httpx.Client(base_url=url) as client:
        assert client.get("/readyz").status_code == 200
        note_all(desk, up=False)
        away = client.get("/readyz")
        assert away.status_code == 503
        assert away.json()["ready"] is False
        assert away.json()["checks"]["providers"].startswith("none works; ")
        assert client.get("/healthz").status_code == 200, "nothing is gained by starting it anew"
        note_all(desk, up=True, channel=Channel.SMS)
        assert client.get("/readyz").status_code == 200


def test_what_a_process_now_gone_left_as_down_is_asked_by_another(desk: Desk) -> None:
    break_notify(desk)
    desk.notify.down = False
    other = replace(desk.runtime, standing=Standing())
    assert providers.probe(other) == 0, "whoever left it alone still watches it"
    desk.wait(rows.UNWATCHED.total_seconds() + 1)
    assert providers.probe(other) == 1
    assert stands(desk)["sms", "notify"] is True
    with desk.runtime.reading() as work:
        (back,) = [e for e in rows.standing(work, desk.runtime.notifiers) if e.seen_at]
        assert back.since is not None
        assert work.now - back.since < timedelta(minutes=1)
