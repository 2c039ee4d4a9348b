"""Examples for the reference: one story, from the report to the task."""

from typing import Any

REPORT: dict[str, Any] = {
    "type": "weapon_in_school",
    "occurred_at": "2026-11-20T15:41:00Z",
    "source_ref": "CP-88213",
    "locality": "south",
    "setting": "school",
    "place": {"name": "Example Academy", "urn": "100000", "postcode": "BS4 1AA", "lat": 51.43, "lon": -2.59},
    "people": [{"ref": "p-7f3a", "role": "victim", "age": 14}],
    "groups": ["g-19"],
    "summary": "free text",
    "attributes": {"weapon": "knife"},
}

HL7 = (
    "MSH|^~\\&|EPR|ZZ901|CALLOUT||20261120142500||ADT^A04^ADT_A01|MSG00123|P|2.5.1\r"
    "EVN|A04|20261120142400\r"
    "PID|||4471^^^ZZ901^MR||||20110317|M\r"
    "PV1||E|ED^^^ZZ901||||||||||||||||V-2201\r"
    "DG1|1||X99^Assault by sharp object^I10\r"
)
CSV = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context\r\n"
    ",2026-09,Example Constabulary,Example Constabulary,-2.59,51.43,On or near Example Close,E01000001,"
    "Example 001A,Anti-social behaviour,,\r\n"
)

_SLA = [
    {
        "milestone": "acknowledge",
        "due_at": "2026-11-20T16:12:04Z",
        "warn_at": "2026-11-20T16:04:34Z",
        "met_at": None,
        "state": "on_track",
    },
    {
        "milestone": "contact",
        "due_at": "2026-11-23T10:00:00Z",
        "warn_at": "2026-11-22T17:25:31Z",
        "met_at": None,
        "state": "on_track",
    },
    {
        "milestone": "complete",
        "due_at": "2026-11-21T15:42:04Z",
        "warn_at": "2026-11-21T09:42:04Z",
        "met_at": None,
        "state": "on_track",
    },
]

_TASK_ID = "tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61"
_INCIDENT_ID = "inc_0193a1c2-7b1e-7c3d-8f4a-1b2c3d4e5f60"

INCIDENT: dict[str, Any] = {
    **REPORT,
    "lawful_basis": None,
    "drill": False,
    "id": _INCIDENT_ID,
    "status": "open",
    "received_at": "2026-11-20T15:42:04Z",
    "revision": 1,
    "rulebook": "bristol@1",
    "history": False,
    "derived": False,
    "purpose": "response",
    "pattern": None,
    "parents": [],
    "decisions": [
        {
            "rule": "weapon-in-school",
            "pathway": "education-inclusion",
            "reason": "rule weapon-in-school matched",
            "result": "opened",
            "task": _TASK_ID,
        }
    ],
    "tasks": [
        {
            "id": _TASK_ID,
            "code": "K7",
            "pathway": "education-inclusion",
            "team": "education-inclusion-south",
            "state": "open",
            "sla": _SLA,
        }
    ],
    "replayed": False,
    "revised": False,
}

TASK: dict[str, Any] = {
    "id": _TASK_ID,
    "code": "K7",
    "pathway": "education-inclusion",
    "priority": "high",
    "team": "education-inclusion-south",
    "locality": "south",
    "state": "open",
    "assignee": None,
    "incidents": [_INCIDENT_ID],
    "opened_at": "2026-11-20T15:42:04Z",
    "acknowledged_at": None,
    "completed_at": None,
    "outcome": None,
    "paused_until": None,
    "drill": False,
    "derived": False,
    "purpose": "response",
    "about": None,
    "certainty": "reported",
    "expires_at": None,
    "sla": _SLA,
    "escalation": {"step": 1, "next_at": "2026-11-20T15:47:04Z"},
    "check_in": None,
    "timeline": [
        {
            "at": "2026-11-20T15:42:04Z",
            "event": "paged",
            "actor": "callout",
            "channel": "sms",
            "detail": "Amina Example, step 1",
        }
    ],
}

PLANNED_TASK: dict[str, Any] = TASK | {
    "pathway": "planned-outreach",
    "priority": "low",
    "team": "outreach-south",
    "derived": True,
    "certainty": "possible",
    "expires_at": "2026-12-04T15:42:04Z",
}

HOTSPOTS: dict[str, Any] = {
    "type": "FeatureCollection",
    "at": "2026-11-20T15:42:04Z",
    "policy": {
        "types": ["fight", "stabbing"],
        "hexagon": 9,
        "bands": {"after_school": "15:00-19:00", "evening": "19:00-23:00", "night": "23:00-06:00"},
        "counter": {"window": "PT31536000S", "at_least": 6},
        "near_repeat": {"within": "PT604800S", "rings": 1, "at_least": 2},
        "pathway": "planned-outreach",
        "note": "These are the partnership's own settings: a policy, not evidence of what will happen.",
    },
    "base_rates": {
        "repeat": {"weeks": 12, "flagged": 24, "flagged_followed": 4, "known": 960, "known_followed": 41},
        "near_repeat": {"weeks": 12, "flagged": 11, "flagged_followed": 2, "known": 960, "known_followed": 41},
    },
    "features": [
        {
            "type": "Feature",
            "id": "8919584d4abffff:evening",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[-2.59, 51.43], [-2.588, 51.431], [-2.587, 51.43], [-2.59, 51.43]]],
            },
            "properties": {
                "hexagon": "8919584d4abffff",
                "band": "evening",
                "locality": "south",
                "count": 7,
                "kinds": {"fight": 6, "stabbing": 1},
                "first": "2026-01-12T20:10:00Z",
                "last": "2026-11-18T21:05:00Z",
                "flags": [{"kind": "repeat", "reason": "7 incidents in 365 days; the policy flags 6 or more"}],
                "suppressed": False,
                "task": None,
            },
        }
    ],
}

BATCH: dict[str, Any] = {
    "items": [
        {"status": 201, "id": _INCIDENT_ID, "problem": None},
        {
            "status": 422,
            "id": None,
            "problem": {
                "type": "about:blank",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "the content is wrong",
                "errors": [{"pointer": "/occurred_at", "detail": "an offset is needed, such as 2026-11-20T15:41:00Z"}],
            },
        },
    ]
}

REFUSED: dict[str, Any] = {
    "items": [
        {
            "id": "ref_0193a1c2-7b20-7c3d-8f4a-1b2c3d4e5f62",
            "at": "2026-11-20T15:42:04Z",
            "partner": "Example Academy",
            "status": 422,
            "problem": {
                "type": "about:blank",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "the content is wrong",
                "errors": [{"pointer": "/occurred_at", "detail": "an offset is needed, such as 2026-11-20T15:41:00Z"}],
            },
            "body": '{"type": "weapon_in_school", "occurred_at": "2026-11-20T15:41:00"}',
        }
    ]
}

NETWORKS: dict[str, Any] = {
    "items": [
        {
            "incidents": [_INCIDENT_ID, "inc_0193a1c2-7b23-7c3d-8f4a-1b2c3d4e5f65"],
            "members": [
                {
                    "kind": "group",
                    "ref": "g-19",
                    "incidents": [_INCIDENT_ID, "inc_0193a1c2-7b23-7c3d-8f4a-1b2c3d4e5f65"],
                },
                {"kind": "place", "ref": "urn:100000", "incidents": [_INCIDENT_ID]},
            ],
            "tasks": [
                {
                    "id": _TASK_ID,
                    "code": "K7",
                    "pathway": "education-inclusion",
                    "team": "education-inclusion-south",
                    "assignee": "amina",
                    "derived": False,
                }
            ],
        }
    ]
}

_TALLY: dict[str, Any] = {
    "tasks": {"education-inclusion": 12},
    "opened": 12,
    "triage": 0,
    "patterns": {"street-hotspot": 1},
    "pages": {"total": 14, "night": 0, "by_worker": {"amina": 9, "ben": 5}, "by_hour_of_week": {"fri 15": 4}},
    "expected_breaches": 0.4,
}

COMPARISON: dict[str, Any] = {
    "incidents": 40,
    "from": "2026-10-01T08:00:00Z",
    "to": "2026-11-20T15:41:00Z",
    "active": _TALLY,
    "candidate": _TALLY | {"tasks": {"education-inclusion": 13}, "opened": 13},
    "differ": 1,
    "opened_by_candidate_alone": {"education-inclusion": 1},
    "opened_by_active_alone": {},
    "examples": [{"incident": _INCIDENT_ID, "active": [], "candidate": ["education-inclusion"]}],
}

REPORT_FIGURES: dict[str, Any] = {
    "key": "education-inclusion",
    "opened": 12,
    "derived": 0,
    "completed": 9,
    "open": 2,
    "milestones": {
        "acknowledge": {
            "met": 11,
            "missed": 1,
            "open": 0,
            "met_percent": 91.7,
            "median_minutes": 3.5,
            "p90_minutes": 21.0,
        }
    },
}


def answer(
    example: Any, description: str = "Successful response", *, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """A documented success with an example."""
    return {status: {"description": description, "content": {"application/json": {"example": example}}}}
