"""A dispatcher types in twelve victims of one event, one after the other; nobody's phone buzzes twelve times."""

from typing import Any

from tests.story import Phone, Story


def texts_on(story: Story, phone: Phone) -> list[dict[str, Any]]:
    return [m for m in story.messages() if m["worker"] == phone.worker and m["channel"] == "sms"]


def test_twelve_posts_within_seconds_are_a_few_texts_to_a_team_and_one_answer(story: Story) -> None:
    opened = [story.report("weapon_in_school", locality="south")["tasks"][0]["id"] for _ in range(12)]
    phone = story.on_call("education-inclusion-south")
    first = phone.gets("TAKE", "PASS", "/t/")
    assert "tasks" not in first, "the first page is the ordinary one, and has left at once"
    story.advance("PT30S")
    paged = texts_on(story, phone)
    assert len(paged) <= 4
    assert {task for message in paged for task in message["tasks"]} == set(opened)

    phone.texts("TAKE ALL")
    phone.gets("are yours", "MORE or DONE + code")
    assert {story.task(task)["assignee"] for task in opened} == {phone.worker}
    story.advance("PT30S")
    for colleague in {m["worker"] for m in story.messages()} - {phone.worker}:
        on_theirs = texts_on(story, story.phone(colleague))
        assert len(on_theirs) <= 5
        assert sum("are taken by" in message["text"] for message in on_theirs) == 1
    whole_team = [
        e["detail"] for task in opened for e in story.task(task)["timeline"] if e["event"] == "whole team paged"
    ]
    assert len(whole_team) == 8
