"""Incidents that share a person or a peer group belong together, however long the chain; a place alone connects nothing."""

from hypothesis import given
from hypothesis import strategies as st

from rules.networks import CONNECTING, Node, Sighting, connected


def seen(incident: str, *nodes: str) -> Sighting:
    return Sighting(incident, frozenset(Node(*node.split(":", 1)) for node in nodes))


def test_a_chain_of_groups_and_people_is_one_network() -> None:
    (network,) = connected(
        [
            seen("a", "group:g1", "place:school"),
            seen("b", "group:g1", "person:p1"),
            seen("c", "person:p1", "place:park"),
            seen("d", "person:p9", "place:school"),
        ]
    )
    assert network.incidents == ("a", "b", "c")
    assert network.members[0] == (Node("group", "g1"), ("a", "b"))
    assert (Node("place", "park"), ("c",)) in network.members


def test_a_place_alone_connects_nobody() -> None:
    assert connected([seen("a", "place:school", "person:p1"), seen("b", "place:school", "person:p2")]) == []


NODES = st.frozensets(
    st.builds(Node, st.sampled_from(["person", "group", "place"]), st.sampled_from("abcdef")), max_size=3
)


@given(st.lists(NODES, max_size=12))
def test_two_incidents_are_in_one_network_exactly_when_a_path_leads_from_one_to_the_other(
    nodes: list[frozenset[Node]],
) -> None:
    sightings = [Sighting(str(number), each) for number, each in enumerate(nodes)]
    together = {incident: network.incidents for network in connected(sightings) for incident in network.incidents}
    for one in sightings:
        reached, grown = {one.incident}, True
        while grown:
            links = {n for s in sightings if s.incident in reached for n in s.nodes if n.kind in CONNECTING}
            more = {s.incident for s in sightings if s.nodes & links} | reached
            grown, reached = more != reached, more
        assert set(together.get(one.incident, (one.incident,))) == reached
