"""compose.yaml, as far as it can be looked at without Docker: it is what a council starts first."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import Settings

TOP = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((TOP / "compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = composed["services"]
    return found


def test_two_replicas_stand_behind_a_proxy_and_start_after_the_schema(services: dict[str, Any]) -> None:
    callout = services["callout"]
    assert callout["deploy"]["replicas"] == 2
    assert "ports" not in callout, "only the proxy is reached from outside"
    assert callout["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["proxy"]["depends_on"] == ["callout"]
    assert all(port.startswith("127.0.0.1:") for port in services["proxy"]["ports"])


def test_every_setting_of_the_env_file_reaches_each_process(services: dict[str, Any]) -> None:
    for name in ("migrate", "callout"):
        assert services[name]["env_file"] == ".env", "a list of names would drop the settings that are not in it"
        given = services[name]["environment"]
        known = {f"CALLOUT_{field.upper()}" for field in Settings.model_fields}
        assert set(given) <= known
        assert {"CALLOUT_DATABASE_URL", "CALLOUT_SECRET_KEY", "CALLOUT_PUBLIC_URL"} <= set(given)
        assert ":?" in given["CALLOUT_SECRET_KEY"], "without it compose says what is missing, and starts nothing"
