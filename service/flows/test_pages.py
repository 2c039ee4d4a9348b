"""The report of a test page, posted to our own public address as a partner posts: outside any transaction, until it is taken."""

import threading

import httpx
import structlog

from service.records import trials
from service.records.trials import Trial
from service.runtime import Runtime

log = structlog.get_logger()

PATIENCE_SECONDS = 15.0
LONGEST_REASON = 200


def post_due(runtime: Runtime, stopping: threading.Event) -> bool:
    """Post the report that waits to be posted; False when none does."""
    with runtime.reading() as work:
        if not trials.is_to_post(work):
            return False
    with runtime.transaction() as work:
        trial = trials.claim(work)
    if trial is None:
        return False
    why = _post(runtime, trial)
    if why and stopping.is_set():
        # Our own address may be going with this process: whoever comes next posts it when the lease is over.
        return True
    with runtime.transaction() as work:
        trials.posted(work, trial, why)
    return True


def _post(runtime: Runtime, trial: Trial) -> str | None:
    """Post once; why it was not taken, or None. A redirect is no taking: few partners' systems follow one with a body."""
    body = {"type": trials.TYPE, "occurred_at": trial.posted_at.isoformat() if trial.posted_at else None}
    headers = {"Authorization": f"Bearer {trials.credential(runtime.keyring, trial.id)}", "X-Request-Id": trial.id}
    address = f"{runtime.settings.public_url}/v1/incidents"
    try:
        answer = httpx.post(address, json=body, headers=headers, timeout=PATIENCE_SECONDS)
    except httpx.TimeoutException:
        why = f"{address} did not answer within {PATIENCE_SECONDS:.0f} s"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = f"{address} can't be reached ({type(error).__name__}: {error})"
    else:
        if answer.is_success:
            return None
        why = f"{address} answered {answer.status_code} {answer.reason_phrase}".rstrip()
    log.warning("the report of a test page was not taken", reason=why)
    return why[:LONGEST_REASON]
