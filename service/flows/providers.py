"""Providers that failed are asked whether they are back, so that no page has to find out."""

from datetime import datetime

import structlog

from notifiers.base import Channel, Notifier, SendError
from service.records import providers
from service.records.providers import Stands
from service.runtime import Runtime

log = structlog.get_logger()


def probe(runtime: Runtime) -> int:
    """Ask each provider that rested long enough, and each that a process now gone left as down; how many were asked."""
    with runtime.reading() as work:
        stand = providers.standing(work, runtime.notifiers)
        orphaned = {(each.channel, each.provider) for each in stand if _is_orphaned(runtime, each, work.now)}
    due = [
        (channel, notifier)
        for channel, serving in runtime.notifiers.items()
        for notifier in serving
        if runtime.standing.is_to_be_probed((channel, notifier.name)) or (channel, notifier.name) in orphaned
    ]
    for channel, notifier in due:
        _ask(runtime, channel, notifier)
    return len(due)


def _is_orphaned(runtime: Runtime, stands: Stands, now: datetime) -> bool:
    mine = runtime.standing.is_open((stands.channel, stands.provider))
    return not stands.up and not mine and not stands.is_watched(now)


def _ask(runtime: Runtime, channel: Channel, notifier: Notifier) -> None:
    key, why = (channel, notifier.name), None
    try:
        notifier.check()
    except SendError as error:
        why = error.reason
        runtime.standing.failed(key)
    else:
        runtime.standing.answered(key)
    log.info("provider asked", channel=channel.value, provider=notifier.name, up=why is None)
    with runtime.transaction() as work:
        providers.note(work, channel, notifier.name, up=why is None, why=why)
