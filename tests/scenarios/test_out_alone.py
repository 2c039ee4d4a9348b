"""An outreach worker is out alone: a check-in is missed, somebody goes, and later they call for help themself."""

from tests.story import Story, code_in


def test_a_missed_check_in_climbs_until_somebody_takes_it_and_sos_calls_everybody_at_once(story: Story) -> None:
    story.report("late_night_hotspot", locality="south")
    worker, lead, duty = story.on_call("outreach-south"), story.phone("tomasz"), story.phone("dana")
    worker.texts(f"take {code_in(worker.gets('TAKE'))}")
    worker.gets("is yours")
    worker.gets("please text SAFE by")
    story.advance("PT46M")
    worker.gets("Are you safe?", "SAFE or SOS")
    story.forget_messages()

    story.advance("PT5M")
    alarm = code_in(lead.gets("MISSED CHECK-IN"))
    lead.gets(alarm, channel="voice")
    story.nothing_else()
    story.advance("PT5M")
    duty.gets(f"TAKE {alarm}")
    duty.gets(alarm, channel="voice")
    duty.gets(alarm, channel="email")
    duty.texts(f"take {alarm}")
    duty.gets(f"{alarm} is yours")
    worker.gets("Dana Duty has your alarm")
    lead.gets(alarm, "taken by Dana")
    story.nothing_else()
    story.advance("PT20M")
    story.nothing_else()

    worker.texts("safe sorry, no signal")
    worker.gets("text SAFE again by")
    duty.gets(alarm, "has now texted SAFE", "over")
    lead.gets(alarm, "over")
    story.nothing_else()

    worker.texts("SOS")
    sos = code_in(lead.gets("SOS:", "TAKE"))
    duty.gets("SOS:", f"TAKE {sos}")
    for called in (lead, duty):
        called.gets("SOS", channel="voice")
        called.gets(sos, channel="email")
    worker.gets("call 999")
    duty.texts(f"take {sos}")
    duty.gets(f"{sos} is yours")
    worker.gets("Dana Duty has your alarm")
    lead.gets(sos, "taken by Dana")
    worker.texts("safe")
    worker.gets("stands until somebody has spoken to you")
    duty.gets(sos, "now texts SAFE")
    duty.texts(f"done {sos} found_safe")
    duty.gets(sos, "found_safe")
    tasks = story.supervisor.get("/v1/tasks", params={"purpose": "watch"}).json()["items"]
    assert {task["code"]: task["state"] for task in tasks} == {alarm: "cancelled", sos: "completed"}
