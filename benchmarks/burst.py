"""A thousand incidents in one second, and what is left of them when the process or the provider fails in the middle.

Every incident that was answered 201 must reach the provider; how many came twice, and how long the last one took.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import city, load, servers
from benchmarks.city import City, Provider
from benchmarks.load import Measured
from benchmarks.told import Verdict, middle, table, verdicts
from service.records.claims import LEASE
from service.settings import Settings

TEAMS = 900
LINK = re.compile(r"https?://\S+")  # its secret may begin like a code
CODE = re.compile(r"\b[FHJKMQRTWY][34679][A-Z0-9]*\b")
SLOW = 0.15  # seconds that a slow provider takes for a call
WITHIN = (
    LEASE.total_seconds() + 30
)  # after which a text that has not arrived is lost: what a killed sender held comes first
THREADS = Settings.model_fields["send_threads"].default
KINDS = ("sqlite", "postgresql")
NOTHING, SLOWLY = "nothing fails", "a call takes 150 ms"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a burst. Times in seconds."""

    asked: int
    accepted: int
    lost: int
    doubled: int
    rung: int  # told by a call as well as by a text, or by a call alone
    in_hand: int
    last_after: float  # from the first POST, or from when what had failed was back
    rate: float
    drained: float  # texts a second, from the first tenth of them to the last


def codes_in(text: str) -> list[str]:
    """The codes of a page: one, or several where pages to one worker were gathered."""
    return list(dict.fromkeys(CODE.findall(LINK.sub("", text))))


def is_call(text: str) -> bool:
    """Whether what the provider took is a call: it has no text, and is noted as it came."""
    return text.startswith("To=")


def settle(provider: Provider, wanted: set[str], *, within: float) -> list[tuple[float, str, str]]:
    """Wait until every code has reached the provider; what it took."""
    until = time.monotonic() + within
    while True:
        taken = [(at, to, text) for at, to, text in provider.record()["accepted"]]
        seen = {code for _, _, text in taken for code in codes_in(text)}
        if wanted <= seen or time.monotonic() > until:
            return taken
        servers.pause(0.25)


def told(taken: list[tuple[float, str, str]]) -> tuple[Counter[str], set[str]]:
    """In how many texts each code came, and the codes that came by a call."""
    texted = Counter(code for _, _, text in taken if not is_call(text) for code in codes_in(text))
    return texted, {code for _, _, text in taken if is_call(text) for code in codes_in(text)}


def burst(
    it: City, provider: Provider, *, count: int, within: float, meanwhile: Callable[[], None] | None = None
) -> Outcome:
    """Post at a thousand a second; `meanwhile` runs beside it once half is asked for, and may kill and restart."""
    provider.forget()
    restarted: list[float] = []
    half = threading.Event()

    def disturb() -> None:
        if half.wait(WITHIN) and meanwhile:
            meanwhile()
            restarted.append(time.monotonic())

    beside = threading.Thread(target=disturb)
    beside.start()

    def make(number: int) -> bytes:
        if number >= count // 2:
            half.set()
        return load.post(it.url, "/v1/incidents", city.report(number, teams=TEAMS, run="burst"), key=it.partner)

    measured: Measured = load.paced(it.url, make, rate=1000, count=count, connections=64)
    half.set()
    beside.join()
    answered = [json.loads(one.body)["tasks"][0]["code"] for one in measured.answers if one.status == 201]
    taken = settle(provider, set(answered), within=within)
    texted, rung = told(taken)
    begun = restarted[0] if restarted else min(one.at for one in measured.answers)
    return Outcome(
        asked=count,
        accepted=len(answered),
        lost=sum(code not in texted and code not in rung for code in answered),
        doubled=sum(number > 1 for number in texted.values()),
        rung=len(rung),
        in_hand=provider.record()["most_in_hand"],
        last_after=max((at for at, _, _ in taken), default=begun) - begun,
        rate=measured.rate,
        drained=drain(sorted(at for at, _, _ in taken)),
    )


def drain(arrived: list[float]) -> float:
    """Texts a second once the first tenth of them is through."""
    steady = arrived[len(arrived) // 10 :]
    return (len(steady) - 1) / (steady[-1] - steady[0]) if len(steady) > 1 and steady[-1] > steady[0] else 0.0


def restart(it: City) -> None:
    """A power cut, and the same process again."""
    it.servers[0].kill()
    it.servers[0].start()


def away(provider: Provider, seconds: float) -> None:
    """The provider answers 503 for a while."""
    provider.takes(status=503)
    servers.pause(seconds)
    provider.takes()


def down_and_killed(it: City, provider: Provider) -> None:
    """The provider is away, the process is killed, and both come back."""
    provider.takes(status=503)
    servers.pause(0.3)
    it.servers[0].kill()
    provider.takes()
    it.servers[0].start()


KILLED = ("kill -9 in the burst", "provider down, then kill -9", "a call takes 150 ms, and kill -9")
AWAY = "provider answers 503 for 5 s"
RESTARTED = KILLED[:2]  # a slow provider sets the pace itself
CASES: dict[str, tuple[float, Callable[[City, Provider], None] | None]] = {
    NOTHING: (0.0, None),
    SLOWLY: (SLOW, None),
    KILLED[0]: (0.0, lambda it, _provider: restart(it)),
    AWAY: (0.0, lambda _it, provider: away(provider, 5)),
    KILLED[1]: (0.0, down_and_killed),
    KILLED[2]: (SLOW, lambda it, _provider: restart(it)),
}


def one(kind: str, provider: Provider, name: str, *, count: int) -> Outcome:
    """One case on an empty database."""
    takes, fault = CASES[name]
    provider.takes()
    with city.city(kind, provider=provider, teams=TEAMS) as it:
        load.paced(
            it.url, lambda n: load.get(it.url, f"/v1/incidents?limit={n + 1}", key=it.partner), rate=50, count=10
        )
        provider.takes(seconds=takes)
        meanwhile = (lambda: fault(it, provider)) if fault else None
        return burst(it, provider, count=count, within=WITHIN, meanwhile=meanwhile)


def judged(found: dict[tuple[str, str], list[Outcome]], count: int) -> list[Verdict]:
    """The promised figures."""
    lines = []
    for kind in KINDS:
        quiet, slow = (found[name, kind] for name in (NOTHING, SLOWLY))
        accepted = min(one.accepted for one in quiet)
        last = middle([one.last_after for one in quiet])
        lost = sum(one.lost for (_, of), outcomes in found.items() if of == kind for one in outcomes)
        killed = [one for name in KILLED for one in found[name, kind]]
        most = max(one.doubled for one in killed)
        back = max(one.last_after for name in RESTARTED for one in found[name, kind])
        drained, could = middle([one.drained for one in slow]), THREADS / SLOW
        lines += [
            Verdict(f"{kind}: accepted", f"all {count:,}", f"{accepted:,}", accepted == count),
            Verdict(f"{kind}: the last handed over", "within 2 s of the first POST", f"{last:.1f} s", last <= 2),
            Verdict(
                f"{kind}: texts a second when a call takes 150 ms",
                f"at least 0.9 of {THREADS} calls at once: {0.9 * could:.0f}",
                f"{drained:.0f}",
                drained >= 0.9 * could,
            ),
            Verdict(f"{kind}: lost, in all cases", "0", str(lost), lost == 0),
            Verdict(
                f"{kind}: doubled after a kill",
                f"at most the {THREADS} calls in flight",
                str(most),
                all(one.doubled <= THREADS for one in killed),
            ),
            Verdict(f"{kind}: everything unsent is out", "within 1 s of being ready again", f"{back:.1f} s", back <= 1),
        ]
    return lines


def run(*, full: bool) -> str:
    """The section."""
    rounds, count = (3 if full else 1), 1000
    found: dict[tuple[str, str], list[Outcome]] = {}
    with city.provider() as provider:
        for _ in range(rounds):
            for name in CASES:
                for kind in KINDS:
                    found.setdefault((name, kind), []).append(one(kind, provider, name, count=count))
    rows = [
        [
            name,
            kind,
            sum(one.asked for one in outcomes),
            sum(one.accepted for one in outcomes),
            sum(one.lost for one in outcomes),
            sum(one.doubled for one in outcomes),
            sum(one.rung for one in outcomes),
            max(one.in_hand for one in outcomes),
            " / ".join(f"{one.last_after:.1f}" for one in outcomes),
            f"{middle([one.drained for one in outcomes]):,.0f}",
            f"{middle([one.rate for one in outcomes]):,.0f}",
        ]
        for (name, kind), outcomes in found.items()
    ]
    head = ["case", "database", "asked", "accepted", "lost", "doubled", "rung", "calls in hand", "last text after, s"]
    head += ["texts a second", "answers a second"]
    said = (
        f"{count:,} incidents posted at a thousand a second, {rounds} time{'s' if rounds > 1 else ''}. Where the service is "
        "killed, what is not accepted was never answered: its connection broke. Lost: answered 201, and nothing arrived within "
        f"{WITHIN:.0f} s. Doubled: a code that came in two texts. Rung: a phone that was called because no text left. The last "
        "text counts from the first POST, or from when the service was ready again or the provider was back."
    )
    return f"{verdicts(judged(found, count))}\n\n{said}\n\n{table(head, rows)}"


if __name__ == "__main__":
    print(run(full=False))
