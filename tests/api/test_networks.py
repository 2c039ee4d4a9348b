"""The networks that supervisors see: of their localities, in a period, or behind one task."""

import uuid
from collections.abc import Callable

import httpx

from tests.api.conftest import Report, problem


def test_two_schools_and_one_peer_group_show_as_one_network(
    report: Report, supervisor: httpx.Client, partner: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    mark = uuid.uuid4().hex[:6]
    person = {"ref": f"p-{mark}", "role": "witness"}
    south = report(groups=[f"g-{mark}"], place={"urn": "100000"}, people=[person])
    north = report(locality="north", groups=[f"g-{mark}"], place={"urn": "100004"})
    report(groups=[f"alone-{mark}"])
    items = supervisor.get("/v1/networks").json()["items"]
    (network,) = [item for item in items if south["id"] in item["incidents"]]
    assert set(network["incidents"]) == {south["id"], north["id"]}
    group = network["members"][0]
    assert (group["kind"], group["ref"], set(group["incidents"])) == ("group", f"g-{mark}", {south["id"], north["id"]})
    assert {"urn:100000", "urn:100004"} <= {m["ref"] for m in network["members"] if m["kind"] == "place"}
    assert {task["id"] for task in network["tasks"]} >= {south["tasks"][0]["id"], north["tasks"][0]["id"]}
    reported = {south["tasks"][0]["id"], north["tasks"][0]["id"]}
    assert [task["pathway"] for task in network["tasks"] if task["derived"]] == ["conflict-resolution"]
    assert not any(task["derived"] for task in network["tasks"] if task["id"] in reported)

    behind = supervisor.get("/v1/networks", params={"task": north["tasks"][0]["id"]}).json()["items"]
    assert [item["incidents"] for item in behind] == [network["incidents"]]
    only_south = key_for("supervisor", "south").get("/v1/networks").json()["items"]
    assert not [item for item in only_south if north["id"] in item["incidents"]]
    earlier = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    assert supervisor.get("/v1/networks", params=earlier).json()["items"] == []
    problem(partner.get("/v1/networks"), 403)
    problem(supervisor.get("/v1/networks", params={"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}), 422)


def test_two_reports_of_one_corner_meet_in_its_position(report: Report, supervisor: httpx.Client) -> None:
    mark = uuid.uuid4().hex[:6]
    corner = [{"lat": 51.42301, "lon": -2.59004}, {"lat": 51.42304, "lon": -2.58996}]
    ids = {report(groups=[f"g-{mark}"], place=place)["id"] for place in corner}
    items = supervisor.get("/v1/networks").json()["items"]
    (network,) = [item for item in items if ids <= set(item["incidents"])]
    (place,) = [member for member in network["members"] if member["kind"] == "place"]
    assert (place["ref"], set(place["incidents"])) == ("51.423,-2.590", ids)
