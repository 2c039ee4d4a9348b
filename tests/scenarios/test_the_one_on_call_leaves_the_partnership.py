"""Whoever is paged is taken out of the partnership file: the next step is paged at once, and the old phone is a stranger's."""

from pathlib import Path
from typing import Any

from tests.live import PHONES, live_city, partnership_with
from tests.running import run


def test_the_next_one_is_paged_at_once_and_the_old_phone_takes_nothing(tmp_path: Path) -> None:
    with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db") as city:
        gone, backup = city.on_call(), city.backup()
        worker = next(slug for slug, phone in PHONES.items() if phone == gone)

        def without_them(file: dict[str, Any]) -> None:
            file["workers"] = [each for each in file["workers"] if each["slug"] != worker]
            for team in file["teams"]:
                team["rota"]["workers"] = [each for each in team["rota"]["workers"] if each != worker]

        task = city.report()["tasks"][0]
        city.twilio.wait_for_text(gone, task["code"])
        (tmp_path / "partnership.yaml").write_text(partnership_with(without_them), encoding="utf-8")
        applied = run("apply", "partnership.yaml", folder=tmp_path, **city.service.environment)
        assert applied.returncode == 0, applied.stderr
        call = city.twilio.wait_for_call(backup)

        assert city.twilio.text_in(gone, f"take {task['code']}").status_code == 200
        assert city.task(task["id"])["state"] == "open"
        city.twilio.press(call, "1")
        assert city.task(task["id"])["state"] == "acknowledged"
        assert len(city.twilio.texts_to(gone)) == 1
