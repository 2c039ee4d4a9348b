"""Figures for Prometheus. Counters count what this process did; gauges are read from the rows when asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

FIRST_PAGE, ACKNOWLEDGED = "first page", "acknowledged"
TEST_ARRIVED, TEST_LOST, TEST_NOT_TAKEN = "arrived", "lost", "not_taken"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
ACKNOWLEDGE_SECONDS = (30, 60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 14400)

TEST_PAGES = {
    "callout_synthetic_seconds": "From before the POST of the latest test page to its receipt",
    "callout_synthetic_last_success_timestamp_seconds": "When a test page arrived last",
    "callout_synthetic_failing": "1 while test pages do not arrive",
}


@dataclass(eq=False)
class TestPageGauges:
    """How the latest test pages went; nothing at all while none are sent, so that no alert hangs on an old figure."""

    values: dict[str, float] = field(default_factory=dict)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges that are known, as the registry asks for them."""
        for name, value in self.values.items():
            yield GaugeMetricFamily(name, TEST_PAGES[name], value=value)


class Metrics:
    """One registry a runtime, so that two in one process don't share figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._incidents = Counter("callout_incidents", "Reports taken, by result", ["result"], registry=self.registry)
        self._messages = Counter(
            "callout_messages",
            "Messages by channel and what came of them",
            ["channel", "result"],
            registry=self.registry,
        )
        self._replies = Counter("callout_replies", "Texts from phones, by meaning", ["meaning"], registry=self.registry)
        self._first_page = Histogram(
            "callout_first_page_seconds",
            "From the opening of a task to its first page being handed over",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._acknowledged = Histogram(
            "callout_acknowledge_seconds",
            "From the opening of a task to the first worker taking it",
            buckets=ACKNOWLEDGE_SECONDS,
            registry=self.registry,
        )
        self._handed = Histogram(
            "callout_provider_seconds",
            "How long a provider took to answer, by what came of it",
            ["channel", "provider", "result"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._provider_up = Gauge(
            "callout_provider_up",
            "Whether a provider works, as the process that saw it last wrote down",
            ["channel", "provider"],
            registry=self.registry,
        )
        self._milestones = Gauge(
            "callout_open_milestones",
            "Unmet milestones of live tasks, by state",
            ["milestone", "state"],
            registry=self.registry,
        )
        self._tasks = Gauge(
            "callout_live_tasks",
            "Tasks not ended, by state, and by whether a report or a pattern opened them",
            ["state", "origin"],
            registry=self.registry,
        )
        self._lag = Gauge(
            "callout_lag_seconds", "How long the oldest due row has been waiting", ["queue"], registry=self.registry
        )
        self._deadman = Counter(
            "callout_deadman", "Fetches of the dead man's switch, by result", ["result"], registry=self.registry
        )
        self._queued = Gauge("callout_queued", "Rows that wait", ["queue"], registry=self.registry)
        self._tests = Counter(
            "callout_synthetic_tests", "Test pages that were judged, by result", ["result"], registry=self.registry
        )
        for result in (TEST_ARRIVED, TEST_LOST, TEST_NOT_TAKEN):
            self._tests.labels(result=result)
        self._test_pages = TestPageGauges()
        self.registry.register(self._test_pages)

    def taken_in(self, result: str) -> None:
        """A report was new, replayed, revised or refused."""
        self._incidents.labels(result=result).inc()

    def sent(self, channel: str, result: str) -> None:
        """A message was sent, retried or refused, or a receipt came."""
        self._messages.labels(channel=channel, result=result).inc()

    def replied(self, meaning: str) -> None:
        """A text from a phone was understood, or was not."""
        self._replies.labels(meaning=meaning).inc()

    def handed(self, channel: str, provider: str, result: str, seconds: float) -> None:
        """A provider took a message, refused it, failed, or left us in doubt."""
        self._handed.labels(channel=channel, provider=provider, result=result).observe(seconds)

    def providers_stand(self, up: dict[tuple[str, str], bool]) -> None:
        """Set how each provider of a channel stands."""
        self._provider_up.clear()
        for (channel, provider), works in up.items():
            self._provider_up.labels(channel=channel, provider=provider).set(works)

    def took(self, figure: str, seconds: float) -> None:
        """The first page of a task was handed over, a task was taken for the first time, or a test page was judged."""
        timed = {FIRST_PAGE: self._first_page, ACKNOWLEDGED: self._acknowledged}
        if figure in timed:
            timed[figure].observe(seconds)
        else:
            self._tests.labels(result=figure).inc()

    def deadman(self, result: str) -> None:
        """The address of the dead man's switch was reached, or was not."""
        self._deadman.labels(result=result).inc()

    def test_pages(self, *, seconds: float | None, worked_at: float | None, failing: bool) -> None:
        """Set how the latest test pages went: nothing is shown of what has not been."""
        given = {
            "callout_synthetic_seconds": seconds,
            "callout_synthetic_last_success_timestamp_seconds": worked_at,
            "callout_synthetic_failing": float(failing),
        }
        self._test_pages.values = {name: value for name, value in given.items() if value is not None}

    def no_test_pages(self) -> None:
        """The settings do without test pages."""
        self._test_pages.values = {}

    def standing(
        self,
        *,
        milestones: dict[tuple[str, str], int],
        tasks: dict[tuple[str, str], int],
        lag: dict[str, float],
        queued: dict[str, int],
    ) -> None:
        """Set the gauges from what the rows say now."""
        for gauge in (self._milestones, self._tasks, self._lag, self._queued):
            gauge.clear()
        for (milestone, state), number in milestones.items():
            self._milestones.labels(milestone=milestone, state=state).set(number)
        for (state, origin), number in tasks.items():
            self._tasks.labels(state=state, origin=origin).set(number)
        for queue, seconds in lag.items():
            self._lag.labels(queue=queue).set(seconds)
        for queue, number in queued.items():
            self._queued.labels(queue=queue).set(number)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
