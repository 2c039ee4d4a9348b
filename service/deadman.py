"""The outside dead man's switch: an address that is fetched while all is well, and raises the alarm when we fall silent."""

import threading
from collections.abc import Callable

import httpx
import structlog

from notifiers.tls import trusted
from service.runtime import Runtime

log = structlog.get_logger()

PATIENCE_SECONDS = 5


class DeadMansSwitch:
    """Fetches its address in a thread of its own, so that an address that answers slowly keeps no page waiting."""

    def __init__(self, runtime: Runtime, is_well: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._is_well = is_well
        self._round = threading.Event()
        self._stopping = threading.Event()

    def came_round(self) -> None:
        """A round of the engine went well."""
        self._round.set()

    def keep_fetching(self) -> None:
        """Fetch the address after a good round, at most once in `CALLOUT_DEADMAN_SECONDS`, until stopped."""
        settings = self._runtime.settings
        with httpx.Client(verify=trusted(), timeout=PATIENCE_SECONDS, follow_redirects=True) as client:
            while not self._stopping.is_set():
                self._round.wait()
                if not self._stopping.is_set() and self._is_well():
                    self._fetch(client, settings.deadman_url.get_secret_value())
                self._stopping.wait(settings.deadman_seconds)
                # A round from before the wait says nothing of now.
                self._round.clear()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._round.set()

    def _fetch(self, client: httpx.Client, address: str) -> None:
        try:
            client.get(address).raise_for_status()
        except httpx.HTTPError as error:
            # The address is a secret in itself, so only the kind of failure is said.
            log.warning("the dead man's switch can't be reached", reason=type(error).__name__)
            self._runtime.metrics.deadman("failed")
        else:
            self._runtime.metrics.deadman("reached")
