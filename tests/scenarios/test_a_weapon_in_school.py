"""The main job: an incident comes in, the right worker is paged, the reply takes the task, the clock is kept."""

from tests.story import Story, code_in

PLACE = {"name": "Example Academy", "urn": "100000"}


def test_the_on_call_worker_takes_it_makes_contact_and_completes(story: Story) -> None:
    incident = story.report("weapon_in_school", setting="school", place=PLACE, summary="in a bag")
    on_call = story.on_call("education-inclusion-south")
    code = code_in(on_call.gets("Education response", "South"))
    assert [task["code"] for task in incident["tasks"]] == [code]

    on_call.texts(" “take” ")
    on_call.gets(f"{code} is yours")
    on_call.texts(f"contact {code.lower()}")
    on_call.gets(f"{code}: contact noted")
    on_call.texts(f"done {code} nonsense")
    on_call.gets("which outcome", "contact_made")
    on_call.texts(f"done {code} Plan agreed, school holds the place open")
    on_call.gets(f"{code} is done: plan_agreed")
    story.nothing_else()

    task = story.task(incident["tasks"][0]["id"])
    assert task["state"] == "completed"
    assert task["outcome"] == "plan_agreed"
    assert [milestone["state"] for milestone in task["sla"]] == ["met", "met", "met"]
    events = [entry["event"] for entry in task["timeline"]]
    assert events.index("opened") < events.index("paged") < events.index("taken") < events.index("completed")


def test_silence_climbs_the_chain_to_the_duty_manager_and_repeats(story: Story) -> None:
    incident = story.report("weapon_in_school", locality="south")
    on_call = story.on_call("education-inclusion-south")
    backup = story.phone("ben" if on_call.worker == "amina" else "amina")
    on_call.gets("TAKE")
    story.advance("PT5M")
    on_call.gets("TAKE", channel="voice")
    story.advance("PT5M")
    backup.gets("TAKE")
    backup.gets("TAKE", channel="voice")
    story.advance("PT10M")
    story.phone("grace").gets("TAKE")
    story.phone("grace").gets("TAKE", channel="email")
    story.advance("PT3M")
    story.phone("grace").gets("acknowledge", "Nobody has it")
    story.nothing_else()

    story.advance("PT7M")
    for channel in ("sms", "voice", "email"):
        story.phone("dana").gets("PASS", channel=channel)
    for worker in ("grace", "dana"):
        story.phone(worker).gets("OVERDUE", "TAKE")
    story.nothing_else()
    story.advance("PT30M")
    for channel in ("sms", "voice", "email"):
        story.phone("dana").gets("TAKE", channel=channel)
    story.nothing_else()

    backup.texts("take")
    backup.gets("is yours")
    for worker in (on_call.worker, "grace", "dana"):
        story.phone(worker).gets("is taken by")
    story.nothing_else()
    sla = {milestone["milestone"]: milestone["state"] for milestone in story.task(incident["tasks"][0]["id"])["sla"]}
    assert sla["acknowledge"] == "met_late"
