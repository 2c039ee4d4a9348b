"""People, groups and places that recur together: incidents that share a person or a peer group belong to one network.

Nobody is rated: a network says which reports are connected, and by what.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONNECTING = frozenset({"person", "group"})  # a school would connect all of its pupils


@dataclass(frozen=True, order=True)
class Node:
    """A person by reference, a peer group, or a place."""

    kind: str
    ref: str


@dataclass(frozen=True)
class Sighting:
    """An incident and what stands in it."""

    incident: str
    nodes: frozenset[Node]


@dataclass(frozen=True)
class Network:
    """Connected incidents, in their given order, and what stands in each: what recurs most comes first."""

    incidents: tuple[str, ...]
    members: tuple[tuple[Node, tuple[str, ...]], ...]


def connected(sightings: Sequence[Sighting]) -> list[Network]:
    """The networks of two or more incidents, the largest first."""
    parent = {sighting.incident: sighting.incident for sighting in sightings}

    def root(incident: str) -> str:
        while parent[incident] != incident:
            parent[incident] = parent[parent[incident]]
            incident = parent[incident]
        return incident

    first: dict[Node, str] = {}
    for sighting in sightings:
        for node in sighting.nodes:
            if node.kind in CONNECTING:
                parent[root(sighting.incident)] = root(first.setdefault(node, sighting.incident))
    parts: defaultdict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        parts[root(sighting.incident)].append(sighting)
    found = [_network(part) for part in parts.values() if len(part) > 1]
    return sorted(found, key=lambda network: (-len(network.incidents), network.incidents))


def _network(part: Iterable[Sighting]) -> Network:
    part = list(part)
    where: defaultdict[Node, list[str]] = defaultdict(list)
    for sighting in part:
        for node in sighting.nodes:
            where[node].append(sighting.incident)
    members = sorted(((node, tuple(seen)) for node, seen in where.items()), key=lambda item: (-len(item[1]), item[0]))
    return Network(tuple(sighting.incident for sighting in part), tuple(members))
