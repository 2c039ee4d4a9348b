"""The commands as an operator types them: each says what it did, or what was wrong and what would be right."""

import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from service.cli import COMMANDS
from service.errors import SettingsWrong
from service.flows.setup import SHIPPED_PARTNERSHIP
from service.runtime import build_runtime
from service.settings import SHIPPED_RULEBOOK, read_settings
from tests.fakes.notify import running_notify
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.live import environment
from tests.running import COMMAND, clean_environment, run, running_service

SECRET = {"CALLOUT_SECRET_KEY": "Zk3-" + "a8Jq0vP5xW" * 4}


def live(folder: Path) -> dict[str, str]:
    return {"CALLOUT_MODE": "live", "CALLOUT_DATABASE_URL": f"sqlite:///{folder}/live.db"} | SECRET


def test_a_city_is_switched_on_by_three_commands(tmp_path: Path) -> None:
    settings = live(tmp_path)
    early = run("apply", str(SHIPPED_PARTNERSHIP), folder=tmp_path, **settings)
    assert early.returncode == 1
    assert "callout migrate" in early.stderr
    assert run("migrate", folder=tmp_path, **settings).returncode == 0
    applied = run("apply", str(SHIPPED_PARTNERSHIP), folder=tmp_path, **settings)
    assert "worker amina: added" in applied.stdout
    again = run("apply", str(SHIPPED_PARTNERSHIP), folder=tmp_path, **settings)
    assert again.stdout == "nothing changed\n"
    made = run(
        "keys", "create", "--role", "supervisor", "--name", "Head", "--locality", "south", folder=tmp_path, **settings
    )
    key = made.stdout.splitlines()[-1]
    assert re.fullmatch(r"ck_[A-Za-z0-9_-]{43}", key)
    listed = run("keys", "list", folder=tmp_path, **settings)
    assert "south" in listed.stdout
    assert key not in listed.stdout
    name = made.stdout.split(":")[0]
    assert run("keys", "revoke", name, folder=tmp_path, **settings).returncode == 0
    assert "revoked" in run("keys", "list", folder=tmp_path, **settings).stdout
    verified = run("audit", "verify", folder=tmp_path, **settings)
    assert verified.returncode == 0
    assert "the audit holds" in verified.stdout


def test_the_command_itself_loads_nothing_that_only_one_of_its_commands_needs(tmp_path: Path) -> None:
    asked = "import sys, service.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    heavy = {"alembic", "api", "fastapi", "httpx", "notifiers", "pydantic", "rules", "sqlalchemy", "twilio", "uvicorn"}
    assert not heavy & set(loaded.stdout.split())


def test_a_start_loads_nothing_that_hardly_anybody_needs(tmp_path: Path) -> None:
    asked = (
        "import sys, typer, service.cli; service.cli.Commands(name='callout').get_command(None, 'serve'); "
        "start = set(sys.modules); from rules.calendar import holidays_of; holidays_of('GB-ENG', 2026); "
        "print('holidays.countries' in sys.modules, *start)"
    )
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    other_countries, *start = loaded.stdout.split()
    heavy = {"alembic", "apprise", "holidays", "icalendar", "psycopg", "recurring_ical_events", "rich", "twilio"}
    assert "service.engine" in start
    assert not heavy & set(start)
    assert other_countries == "False", "one country's holidays are asked for"


def test_what_is_no_command_is_said_in_a_line(tmp_path: Path) -> None:
    ended = run("serf", folder=tmp_path)
    assert ended.returncode == 2
    assert "No such command 'serf'" in ended.stderr
    told = run("--help", folder=tmp_path).stdout
    assert all(name in told for name in COMMANDS)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"CALLOUT_SECRET_KEY": ""}, "CALLOUT_SECRET_KEY"),
        ({"CALLOUT_SECRET_KEY": "short"}, "CALLOUT_SECRET_KEY"),
        ({"CALLOUT_SECRET_KEY": "changeme" * 8}, "CALLOUT_SECRET_KEY"),
        ({"CALLOUT_SECRET_KEY": "a" * 64}, "CALLOUT_SECRET_KEY"),
        ({"CALLOUT_MODE": "lively"}, "CALLOUT_MODE"),
        ({"CALLOUT_PUBLIC_URL": "callout.example.org"}, "CALLOUT_PUBLIC_URL"),
        ({"CALLOUT_DATABASE_URL": "mysql://x"}, "CALLOUT_DATABASE_URL"),
        ({"CALLOUT_TWILIO_ACCOUNT_SID": "AC1"}, "CALLOUT_TWILIO_AUTH_TOKEN"),
        ({"CALLOUT_TWILIO_AUTH_TOKEN": "t"}, "CALLOUT_TWILIO_ACCOUNT_SID"),
        ({"CALLOUT_TWILIO_ACCOUNT_SID": "AC1", "CALLOUT_TWILIO_AUTH_TOKEN": "t"}, "CALLOUT_TWILIO_FROM"),
        ({"CALLOUT_SMTP_URL": "smtp://mail.example.org"}, "CALLOUT_SMTP_FROM"),
        ({"CALLOUT_NOTIFY_API_KEY": "aaaa-key"}, "CALLOUT_NOTIFY_CALLBACK_TOKEN"),
        ({"CALLOUT_RATE_LIMIT": "many"}, "CALLOUT_RATE_LIMIT"),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], names: str
) -> None:
    for name, value in (live(tmp_path) | change).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsWrong, match=names) as wrong:
        build_runtime(read_settings())
    for secret in ("changeme", "aaaa", SECRET["CALLOUT_SECRET_KEY"]):
        assert secret not in wrong.value.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [("CALLOUT_SECRET_KEY", "changeme" * 8), ("CALLOUT_MODE", "lively"), ("CALLOUT_SMTP_URL", "smtp://x")],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    ended = run("serve", folder=tmp_path, **(live(tmp_path) | {name: value}))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"callout: {name.replace('URL', 'FROM')}")
    assert "Traceback" not in ended.stderr
    assert "changeme" not in ended.stderr


def test_a_port_that_is_taken_gets_one_line(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        ended = run("serve", "--port", str(port), folder=tmp_path)
    assert ended.returncode == 1
    assert str(port) in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_rulebook_is_checked_with_all_its_faults(tmp_path: Path) -> None:
    good = run("rules", "check", str(SHIPPED_RULEBOOK), folder=tmp_path)
    assert good.returncode == 0, good.stderr
    wrong = tmp_path / "wrong.yaml"
    text = SHIPPED_RULEBOOK.read_text(encoding="utf-8")
    (tmp_path / "term-dates.yaml").write_text(
        (SHIPPED_RULEBOOK.parent / "term-dates.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    wrong.write_text(
        text.replace("priority: high", "priority: urgent", 1)
        .replace("team: education-inclusion-{locality}", "team: educashun-{locality}")
        .replace("sms_label: Outreach response", "sms_label: Gang fight response"),
        encoding="utf-8",
    )
    bad = run("rules", "check", str(wrong), folder=tmp_path)
    assert bad.returncode == 1
    for word in ("urgent", "critical", "educashun", "Gang", "fight"):
        assert word in bad.stderr, bad.stderr
    for line in bad.stderr.strip().splitlines():
        assert re.match(rf"{re.escape(str(wrong))}:\d+: \S+: .+; expected .+", line), line


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, name: str) -> None:
    for command in (("rules", "check", name), ("apply", name)):
        ended = run(*command, folder=tmp_path, CALLOUT_DATABASE_URL=f"sqlite:///{tmp_path}/x.db")
        assert ended.returncode != 0
        assert name in ended.stderr
        assert "Traceback" not in ended.stderr


def test_the_doctor_finds_what_is_good_and_what_is_not(tmp_path: Path) -> None:
    with running_twilio() as twilio:
        settings = live(tmp_path) | _twilio(twilio)
        before = run("doctor", folder=tmp_path, **settings)
        assert before.returncode == 1
        assert "callout migrate" in before.stdout
        run("migrate", folder=tmp_path, **settings)
        run("apply", str(SHIPPED_PARTNERSHIP), folder=tmp_path, **settings)
        healthy = run("doctor", folder=tmp_path, **settings)
        assert healthy.returncode == 0, healthy.stdout
        for what in ("settings", "database", "schema", "partnership", "rulebook", "audit", "Twilio", "clock"):
            assert re.search(rf"^ok   {what}", healthy.stdout, re.MULTILINE), healthy.stdout
        wrong = run("doctor", folder=tmp_path, **(settings | {"CALLOUT_TWILIO_AUTH_TOKEN": "wrong"}))
        assert wrong.returncode == 1
        assert "BAD  Twilio" in wrong.stdout
        plain = run("doctor", folder=tmp_path, **(settings | {"CALLOUT_PUBLIC_URL": "http://callout.example.org"}))
        assert "BAD  public address" in plain.stdout


def test_the_doctor_asks_notify_and_sends_nothing(tmp_path: Path) -> None:
    with running_notify() as notify:
        settings = live(tmp_path) | notify.environment()
        healthy = run("doctor", folder=tmp_path, **settings)
        assert re.search(r'^ok   GOV\.UK Notify.*"callout_live"', healthy.stdout, re.MULTILINE), healthy.stdout
        assert re.search(r"^ok   email.*by GOV.UK Notify", healthy.stdout, re.MULTILINE), healthy.stdout
        mail = {"CALLOUT_SMTP_URL": "smtp://127.0.0.1:1", "CALLOUT_SMTP_FROM": "callout@callout.example.org"}
        both = run("doctor", folder=tmp_path, **(settings | mail))
        assert re.search(r"^ok   email.*by GOV.UK Notify, then the mail server", both.stdout, re.MULTILINE), both.stdout
        assert re.search(r"^BAD  email.*can't be reached", both.stdout, re.MULTILINE), both.stdout
        notify.sms.body = "Council: ((message)) ((name))"
        wrong = run("doctor", folder=tmp_path, **settings)
        assert wrong.returncode == 1
        assert re.search(r"^BAD  GOV\.UK Notify.*\(\(name\)\)", wrong.stdout, re.MULTILINE), wrong.stdout
        assert notify.notifications == []


def _twilio(twilio: FakeTwilio) -> dict[str, str]:
    class NoMail:
        url = ""

    found = environment("", twilio, NoMail())  # type: ignore[arg-type]
    return {name: value for name, value in found.items() if "TWILIO" in name or "PUBLIC" in name}


def test_a_sandbox_keeps_its_keys_and_its_data(tmp_path: Path) -> None:
    with running_service(tmp_path) as service, service.client("partner") as partner:
        keys = dict(service.keys)
        body = {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"}
        held = partner.post("/v1/incidents", json=body).json()["id"]
    with running_service(tmp_path) as service, service.client("partner") as partner:
        assert service.keys == keys
        assert partner.get(f"/v1/incidents/{held}").status_code == 200


def test_the_engine_runs_apart_from_the_api(tmp_path: Path) -> None:
    with running_service(tmp_path, CALLOUT_ENGINE="off") as service, service.client("partner") as partner:
        assert "engine" not in partner.get("/readyz").json()["checks"]
        body = {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"}
        assert partner.post("/v1/incidents", json=body).status_code == 201
        assert partner.get("/v1/sandbox/messages").json()["items"] == []
        engine = subprocess.Popen([str(COMMAND), "engine"], cwd=tmp_path, env=clean_environment({}))
        until = time.monotonic() + 20
        while not (sent := partner.get("/v1/sandbox/messages").json()["items"]):
            assert time.monotonic() < until
            threading.Event().wait(0.1)
        assert "TAKE" in sent[0]["text"]
        engine.terminate()
        assert engine.wait(20) == 0
