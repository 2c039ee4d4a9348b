"""What do the flags on places catch? Flags of week N against week N+1, beside a plain count that may name as many places.

    python benchmarks/hotspots_evaluation.py [--weeks 100] [--seeds 3] [--burkitt FOLDER]

Synthetic processes with known truth, on one city of hexagons: the same risk everywhere; a few places of higher risk; the
same with near-repeats (each incident sets off others close by within days); and places whose risk moves every quarter.
For each week the policy flags places by what happened before it; the plain count names the same number of places, those
with the most incidents in the last four weeks (ties by chance). A hit is an incident of the week after in a named place.
`--burkitt`: a folder with burkitt.dbf of libpysal's examples, a real point pattern in space and time. It is a disease, not
violence: it only shows how the policy behaves on something that nobody made up.
"""

import argparse
import random
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import h3

from rules.hotspots import RESOLUTION, Event, NearRepeat, PlacePolicy, TrailingCounter, flagged

ZONE = ZoneInfo("UTC")
START = datetime(2024, 1, 1, 20, 30, tzinfo=UTC)
WEEK, MONTH = timedelta(weeks=1), timedelta(weeks=4)
CITY = sorted(h3.grid_disk(h3.latlng_to_cell(51.4545, -2.5879, RESOLUTION), 14))  # 631 hexagons, about 66 km2
A_WEEK = 9
HELD_BY_THIRTY, SETS_OFF = 0.5, 0.4
BOTH = PlacePolicy(
    types=["fight"], pathway="planned", counter=TrailingCounter(window=timedelta(days=365), at_least=6),
    near_repeat=NearRepeat(within=timedelta(days=7), rings=1, at_least=2),
)  # fmt: skip
POLICIES = {
    "counter": BOTH.model_copy(update={"near_repeat": None}),
    "near repeat": BOTH.model_copy(update={"counter": None}),
    "both": BOTH,
}


@dataclass
class Score:
    """What was named over all weeks, and what of the week after fell into it."""

    weeks: int = 0
    named: int = 0
    events: int = 0
    caught: int = 0
    caught_by_count: int = 0
    caught_by_both: int = 0


def event(cell: str, days: float) -> Event:
    """An incident in one band of the day, so that the bands take nothing away from either side."""
    return Event(hexagon=cell, at=START + timedelta(days=days), kind="fight")


def uniform(chance: random.Random, weeks: int) -> list[Event]:
    """The same risk in every hexagon."""
    return [event(chance.choice(CITY), chance.uniform(0, weeks * 7)) for _ in range(weeks * A_WEEK)]


def places_of_risk(chance: random.Random, weeks: int, share: float = 1.0) -> list[Event]:
    """Thirty hexagons hold half of the incidents, as S. Yorkshire's two per cent did."""
    hot = chance.sample(CITY, 30)
    where = [
        chance.choice(hot if chance.random() < HELD_BY_THIRTY else CITY) for _ in range(int(weeks * A_WEEK * share))
    ]
    return [event(cell, chance.uniform(0, weeks * 7)) for cell in where]


def near_repeats(chance: random.Random, weeks: int) -> list[Event]:
    """The same, and each incident sets off another with a chance of 0.4, within a ring and on average three days."""
    found, young = [], places_of_risk(chance, weeks, share=0.6)
    while young:
        found += young
        young = [
            Event(
                hexagon=chance.choice(sorted(h3.grid_disk(parent.hexagon, 1))),
                at=parent.at + timedelta(days=chance.expovariate(1 / 3)),
                kind="fight",
            )
            for parent in young
            if chance.random() < SETS_OFF
        ]
    return found


def moving(chance: random.Random, weeks: int) -> list[Event]:
    """Places of risk that are others every thirteen weeks."""
    found = []
    for quarter in range(0, weeks, 13):
        part = places_of_risk(chance, min(13, weeks - quarter))
        found += [event(each.hexagon, (each.at - START).days + quarter * 7) for each in part]
    return found


def burkitt(folder: Path) -> list[Event]:
    """Cases of Burkitt's lymphoma in the West Nile district, 1961 to 1975 (libpysal's example), on the scale of this
    policy: a quarter of a year becomes a week and about six kilometres a hexagon, so that 188 cases are not too few."""
    body = (folder / "burkitt.dbf").read_bytes()
    rows, head, size = struct.unpack("<IHH", body[4:12])
    fields, at = {}, 1
    for start in range(32, head - 1, 32):
        name, width = body[start : start + 11].split(b"\0")[0].decode(), body[start + 16]
        fields[name], at = (at, width), at + width

    def value(row: int, name: str) -> float:
        start, width = fields[name]
        return float(body[head + row * size + start :][:width])

    cases = [(value(n, "X"), value(n, "Y"), value(n, "T")) for n in range(rows)]
    west, south, first = (min(case[n] for case in cases) for n in range(3))
    return [
        event(h3.latlng_to_cell((y - south) * 0.0005, (x - west) * 0.0005, RESOLUTION), (t - first) / 91 * 7)
        for x, y, t in cases
    ]


def evaluate(policy: PlacePolicy, events: Sequence[Event], weeks: int, chance: random.Random) -> Score:
    """From the first week after a half year of past."""
    score = Score()
    for week in range(min(26, weeks // 2), weeks):
        now = START + WEEK * week
        named = {cell for cell, _ in flagged(policy, events, now=now, zone=ZONE)}
        after = [each.hexagon for each in events if now <= each.at < now + WEEK]
        month = Counter(each.hexagon for each in events if now - MONTH <= each.at < now)
        ranked = sorted(month, key=lambda cell: (-month[cell], chance.random()))
        counted = set(ranked[: len(named)])
        score.weeks += 1
        score.named += len(named)
        score.events += len(after)
        score.caught += sum(cell in named for cell in after)
        score.caught_by_count += sum(cell in counted for cell in after)
        score.caught_by_both += sum(cell in named and cell in counted for cell in after)
    return score


def told(name: str, policy: str, score: Score, cells: int) -> str:
    """A line of the table. `times chance`: how many times what the same area named blindly would have caught."""
    area = score.named / max(score.weeks * cells, 1)
    hits, plain = score.caught / max(score.events, 1), score.caught_by_count / max(score.events, 1)
    lift = hits / area if area else 0.0
    return (
        f"| {name} | {policy} | {score.named / max(score.weeks, 1):.1f} | {area:.1%} | {hits:.1%} | {plain:.1%} | "
        f"{lift:.1f} | {plain / area if area else 0:.1f} |"
    )


PROCESSES: dict[str, Callable[[random.Random, int], list[Event]]] = {
    "same risk everywhere": uniform,
    "places of risk": places_of_risk,
    "places of risk, near-repeats": near_repeats,
    "places of risk that move": moving,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--burkitt", type=Path)
    given = parser.parse_args()
    print(
        "| process | flags by | places a week | share of area | flags catch | plain count catches | times chance | count |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, process in PROCESSES.items():
        for label, policy in POLICIES.items():
            total = Score()
            for seed in range(given.seeds):
                score = evaluate(policy, process(random.Random(seed), given.weeks), given.weeks, random.Random(seed))
                for part, value in vars(score).items():
                    setattr(total, part, getattr(total, part) + value)
            print(told(name, label, total, len(CITY)), flush=True)
    if given.burkitt:
        real = burkitt(given.burkitt)
        weeks, cells = int((max(each.at for each in real) - START) / WEEK), len({each.hexagon for each in real})
        for label, policy in POLICIES.items():
            print(told("Burkitt's lymphoma (real)", label, evaluate(policy, real, weeks, random.Random(0)), cells))


if __name__ == "__main__":
    main()
