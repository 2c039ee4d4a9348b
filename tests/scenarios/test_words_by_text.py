"""Everything that a tired person may text, and what comes back."""

from tests.story import Story, code_in


def test_pass_pages_the_next_person_at_once_and_keeps_the_reason(story: Story) -> None:
    incident = story.report("weapon_in_school", locality="south")
    first = story.on_call("education-inclusion-south")
    second = story.phone("ben" if first.worker == "amina" else "amina")
    code = code_in(first.gets("TAKE"))
    first.texts(f"pass {code} at the dentist")
    first.gets(f"{code} passed")
    second.gets("TAKE")
    second.gets("TAKE", channel="voice")
    story.nothing_else()
    timeline = story.task(incident["tasks"][0]["id"])["timeline"]
    assert any(entry["event"] == "passed" and "at the dentist" in entry["detail"] for entry in timeline)
    assert any(entry["event"] == "step skipped" for entry in timeline)

    first.texts(f"take {code}")
    first.gets(f"{code} is yours")
    second.gets("is taken by")
    story.nothing_else()


def test_two_open_tasks_are_asked_about_and_nothing_changes(story: Story) -> None:
    for _ in range(2):
        story.report("weapon_in_school", locality="south")
    phone = story.on_call("education-inclusion-south")
    codes = [code_in(phone.gets("TAKE")) for _ in range(2)]
    phone.texts("ok")
    phone.gets("Which one?", *codes)
    phone.texts(f"{codes[1]} ok")
    phone.gets(f"{codes[1]} is yours")
    phone.texts("?")
    phone.gets("Yours:", *codes)
    story.nothing_else()


def test_more_sends_the_facts_again_and_the_link_works(story: Story) -> None:
    story.report("weapon_in_school", locality="south")
    phone = story.on_call("education-inclusion-south")
    code = code_in(phone.gets("TAKE"))
    phone.texts(f"more {code}")
    link = phone.gets("Education response", "Nobody has it").rsplit(" ", 1)[-1]
    assert "What is known" in story.partner.get(link).text
    story.nothing_else()


def test_a_code_that_has_ended_is_told_what_became_of_it(story: Story) -> None:
    incident = story.report("weapon_in_school", locality="south")
    phone = story.on_call("education-inclusion-south")
    code = code_in(phone.gets("TAKE"))
    story.supervisor.post(f"/v1/tasks/{incident['tasks'][0]['id']}/cancel", json={"reason": "mistake"})
    phone.gets("called off", "do not attend")
    phone.texts(f"take {code}")
    phone.gets(f"{code} was cancelled")
    phone.texts("take it all away")
    phone.gets("nothing is open for you")
    phone.texts("take b1")
    phone.gets("B1 is not a code of yours")
    story.nothing_else()


def test_off_is_told_to_the_lead_and_skips_the_worker(story: Story) -> None:
    first = story.on_call("education-inclusion-south")
    second = story.phone("ben" if first.worker == "amina" else "amina")
    first.texts("OFF")
    first.gets("off call", "is asked instead")
    story.phone("grace").gets("is off call")
    story.phone("dana").gets("is off call")
    story.forget_messages()
    story.report("weapon_in_school", locality="south")
    second.gets("TAKE")
    story.forget_messages()
    first.texts("on")
    first.gets("back on call")
    story.phone("grace").gets("back on call")


def test_who_goes_off_last_is_told_of_the_lead_who_is_asked_then(story: Story) -> None:
    first = story.on_call("education-inclusion-south")
    second = story.phone("ben" if first.worker == "amina" else "amina")
    second.texts("STOP")
    first.texts("off sick")
    first.gets("off call", "Grace", "is asked instead")
    story.forget_messages()
    story.report("weapon_in_school", locality="south")
    story.phone("grace").gets("TAKE")


def test_stop_hands_on_what_was_not_answered_and_tells_the_lead(story: Story) -> None:
    story.report("weapon_in_school", locality="south")
    first = story.on_call("education-inclusion-south")
    second = story.phone("ben" if first.worker == "amina" else "amina")
    first.gets("TAKE")
    first.texts("STOP")
    second.gets("TAKE")
    story.phone("grace").gets("no longer gets texts")
    story.phone("dana").gets("no longer gets texts")
    state = story.supervisor.get("/v1/teams/education-inclusion-south/on-call").json()
    assert first.worker in state["away"]


def test_a_stranger_gets_no_answer_and_changes_nothing(story: Story) -> None:
    story.report("weapon_in_school", locality="south")
    code = code_in(story.on_call("education-inclusion-south").gets("TAKE"))
    answer = story.partner.post("/v1/sandbox/reply", json={"from": "+447700900999", "text": f"take {code}"})
    assert answer.json()["meaning"] == "unknown number"
    story.nothing_else()
    actions = [entry["action"] for entry in story.supervisor.get("/v1/audit").json()["items"]]
    assert "text.unknown_number" in actions


def test_a_burst_of_unreadable_texts_is_not_answered_for_ever(story: Story) -> None:
    phone = story.phone("rosa")
    for number in range(12):
        phone.texts(f"lorem ipsum {number}")
    answered = [m for m in story.messages() if m["worker"] == "rosa"]
    assert 1 <= len(answered) <= 5
    story.advance("PT1H")
    phone.texts("list")
    phone.gets("Nothing open for you")


def test_an_auto_reply_is_not_answered(story: Story) -> None:
    story.phone("rosa").texts("Automatic reply: I am out of the office until Monday")
    story.advance("PT1M")
    story.nothing_else()
