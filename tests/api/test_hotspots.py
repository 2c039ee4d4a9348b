"""Places that repeat, as supervisors and partners get them, and the planned work that an approval opens."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx

from tests.api.conftest import problem
from tests.running import Service

TIMES = [f"2026-11-{day:02d}T20:15:00Z" for day in (3, 5, 7, 9, 11, 13, 18)]


def fights(partner: httpx.Client, lat: float, lon: float, times: list[str], **fields: Any) -> None:
    """Fights at a place of their own, each reported with its position."""
    for at in times:
        body = {"type": "fight", "occurred_at": at, "locality": "south", "place": {"lat": lat, "lon": lon}} | fields
        assert partner.post("/v1/incidents", json=body).status_code == 201


def features(client: httpx.Client, **params: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """What a client is shown, by hexagon and band."""
    answer = client.get("/v1/hotspots", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    found = [feature["properties"] for feature in answer.json()["features"]]
    return {(each["hexagon"], each["band"]): each for each in found}


def only_new(before: dict[Any, Any], after: dict[Any, Any]) -> Any:
    (key,) = after.keys() - before.keys()
    return after[key]


def test_a_place_shows_with_its_kinds_its_reason_and_what_such_flags_were_worth(
    partner: httpx.Client, supervisor: httpx.Client
) -> None:
    before = features(supervisor)
    fights(partner, 51.4101, -2.6001, TIMES[:6])
    fights(partner, 51.4101, -2.6001, TIMES[:1], drill=True)
    fights(partner, 51.4101, -2.6001, TIMES[:1], type="weapon_in_school")
    place = only_new(before, features(supervisor))
    assert (place["band"], place["count"], place["kinds"]) == ("evening", 6, {"fight": 6})
    assert place["flags"] == [{"kind": "repeat", "reason": "6 incidents in 365 days; the policy flags 6 or more"}]
    assert (place["suppressed"], place["task"]) == (False, None)
    answer = supervisor.get("/v1/hotspots", params={"flagged": True, "band": "evening"}).json()
    assert "policy, not evidence" in answer["policy"]["note"].replace("a policy", "policy")
    assert answer["base_rates"]["repeat"]["known"] >= 1
    assert all(feature["properties"]["flags"] for feature in answer["features"])
    shape = next(f["geometry"] for f in answer["features"] if f["properties"]["hexagon"] == place["hexagon"])
    lons, lats = zip(*shape["coordinates"][0], strict=True)
    assert min(lons) < -2.6001 < max(lons)
    assert min(lats) < 51.4101 < max(lats)


def test_a_partner_sees_no_number_that_could_single_somebody_out(
    partner: httpx.Client, supervisor: httpx.Client
) -> None:
    before = features(supervisor)
    fights(partner, 51.4202, -2.6102, TIMES[:2])
    few = only_new(before, features(supervisor))
    before = features(supervisor)
    fights(partner, 51.4302, -2.6202, TIMES[:5])
    fights(partner, 51.4302, -2.6202, TIMES[5:6], type="robbery")
    mixed = only_new(before, features(supervisor))
    shown = features(partner)
    hidden = shown[few["hexagon"], "evening"]
    assert (hidden["count"], hidden["kinds"], hidden["flags"], hidden["suppressed"]) == (None, {}, [], True)
    partly = shown[mixed["hexagon"], "evening"]
    # Six in all and five of one kind would give the single one away.
    assert (partly["count"], partly["kinds"], partly["suppressed"]) == (6, {}, True)
    assert partly["flags"] == [{"kind": "repeat", "reason": None}]
    assert (partly["first"], partly["last"], partly["task"]) == (None, None, None)


def test_a_supervisor_counts_only_the_incidents_of_its_localities(
    partner: httpx.Client, supervisor: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    before = features(supervisor)
    fights(partner, 51.4402, -2.6302, TIMES[:2])
    fights(partner, 51.4402, -2.6302, TIMES[2:3], locality="north")
    hexagon = only_new(before, features(supervisor))["hexagon"]
    assert features(key_for("supervisor", "north"))[hexagon, "evening"]["count"] == 1
    assert features(supervisor)[hexagon, "evening"]["count"] == 3


def test_a_flag_becomes_a_planned_task_only_when_a_supervisor_approves_it(
    partner: httpx.Client, supervisor: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    before = features(supervisor)
    fights(partner, 51.4502, -2.6402, TIMES[:5])
    hexagon = only_new(before, features(supervisor))["hexagon"]
    path = f"/v1/hotspots/{hexagon}/approve"
    problem(partner.post(path, json={"band": "evening"}), 403)
    assert "nothing flags" in problem(supervisor.post(path, json={"band": "evening"}), 409)["detail"]
    fights(partner, 51.4502, -2.6402, TIMES[5:6])
    problem(supervisor.post(path, json={"band": "night"}), 404)
    problem(key_for("supervisor", "north").post(path, json={"band": "evening"}), 404)

    answer = supervisor.post(path, json={"band": "evening", "note": "in pairs"})
    assert answer.status_code == 201, answer.text
    task = answer.json()
    assert (task["pathway"], task["team"], task["certainty"]) == ("planned-outreach", "outreach-south", "possible")
    assert [step["milestone"] for step in task["sla"]] == ["acknowledge"]
    assert (task["derived"], task["expires_at"][:10]) == (True, "2026-12-04")
    said = {entry["event"]: entry["detail"] for entry in task["timeline"]}
    assert "6 incidents in 365 days" in said["pattern, not a report"]
    assert said["note"] == "in pairs"
    (incident_id,) = task["incidents"]
    incident = supervisor.get(f"/v1/incidents/{incident_id}").json()
    assert (incident["type"], incident["derived"]) == ("place_of_concern", True)
    assert incident["attributes"]["certainty"] == "possible"
    assert incident["decisions"][0]["reason"].startswith("approved by ")

    assert task["code"] in problem(supervisor.post(path, json={"band": "evening"}), 409)["detail"]
    assert features(supervisor)[hexagon, "evening"]["task"] == {"id": task["id"], "code": task["code"]}
    # What was planned is not one more incident there.
    assert features(supervisor)[hexagon, "evening"]["count"] == 6
    actions = [entry["action"] for entry in supervisor.get("/v1/audit", params={"limit": 50}).json()["items"]]
    assert "hotspot.approved" in actions


def test_a_hexagon_or_band_that_is_none_is_told(supervisor: httpx.Client, nobody: httpx.Client) -> None:
    problem(nobody.get("/v1/hotspots"), 401)
    problem(supervisor.get("/v1/hotspots", params={"band": "Tea Time"}), 422)
    problem(supervisor.post("/v1/hotspots/8919584d4abffff/approve", json={"band": "evening"}), 404)
    problem(supervisor.post("/v1/hotspots/nowhere/approve", json={"band": "evening"}), 422)
    problem(supervisor.post("/v1/hotspots/8919584d4abffff/approve", json={"band": "evening", "x": 1}), 422)


def test_the_map_page_plans_work_from_its_own_form_alone(
    shared_service: Service, partner: httpx.Client, supervisor: httpx.Client
) -> None:
    before = features(supervisor)
    fights(partner, 51.4602, -2.6502, TIMES[:6])
    hexagon = only_new(before, features(supervisor))["hexagon"]
    form = {"hexagon": hexagon, "band": "evening", "note": uuid.uuid4().hex}
    with httpx.Client(base_url=shared_service.url) as visitor:
        page = visitor.get("/board/map")
        assert page.status_code == 200
        assert hexagon in page.text
        assert "A policy, not evidence" in page.text
        elsewhere = visitor.post("/board/map", data=form, headers={"Origin": "https://example.org"})
        assert elsewhere.status_code == 401
        assert features(supervisor)[hexagon, "evening"]["task"] is None
        home = {"Origin": shared_service.url}
        assert visitor.post("/board/map", data=form, headers=home).status_code == 303
        assert features(supervisor)[hexagon, "evening"]["task"] is not None
        again = visitor.post("/board/map", data=form, headers=home)
        assert again.status_code == 409
        assert "planned there already" in again.text
