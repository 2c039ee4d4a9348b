"""Processes that share a database: any number on PostgreSQL, started at once; one on a SQLite file."""

import threading
from pathlib import Path

import pytest

from tests.conftest import empty_database
from tests.running import START_SECONDS, Service, free_port, run, start

SECRET = {"CALLOUT_SECRET_KEY": "for-tests-only-" + "x1y2z3" * 5}


def test_two_that_start_on_an_empty_database_at_once_both_come_up(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with empty_database(request, "postgresql", tmp_path) as url:
        started: list[Service] = []
        threads = [
            threading.Thread(target=lambda: started.append(start(tmp_path, CALLOUT_DATABASE_URL=url, **SECRET)))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(START_SECONDS)
        keys = [service.keys for service in started]
        assert [service.stop() for service in started] == [0, 0]
    assert keys[0] == keys[1]


def test_a_second_process_on_the_same_file_is_refused_and_commands_are_not(tmp_path: Path) -> None:
    service = start(tmp_path)
    try:
        for arguments in (("serve", "--port", str(free_port())), ("engine",)):
            second = run(*arguments, folder=tmp_path)
            assert second.returncode == 1, second.stdout
            assert f"another process (id {service.process.pid})" in second.stderr
            assert "PostgreSQL" in second.stderr
            assert len(second.stderr.splitlines()) == 1, "one clear line"
        assert run("audit", "verify", folder=tmp_path).returncode == 0
        made = run("keys", "create", "--role", "partner", "--name", "An example", folder=tmp_path)
        assert made.returncode == 0, made.stderr
    finally:
        service.kill()
    again = start(tmp_path)
    assert again.stop() == 0, "what a killed process held is free"
