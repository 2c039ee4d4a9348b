"""Settings: `CALLOUT_…` variables from the environment or from `.env`."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, Field, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from service.errors import SettingsWrong
from service.numbers import e164
from service.provider_settings import ProviderSettings
from service.setting_types import HttpAddress, is_http, weak

SHIPPED_RULEBOOK = Path(__file__).parent.parent / "rules" / "books" / "bristol.yaml"
SHIPPED_PARTNERSHIP = SHIPPED_RULEBOOK.with_name("bristol-partnership.yaml")

SHIPPED_CODE_LISTS = SHIPPED_RULEBOOK.with_name("code-lists.yaml")


class Mode(StrEnum):
    """`sandbox` keeps everything on this machine; `live` pages real phones."""

    SANDBOX = "sandbox"
    LIVE = "live"


class Switch(StrEnum):
    """Whether this process also sends messages and watches deadlines."""

    ON = "on"
    OFF = "off"


class Settings(ProviderSettings):
    """Everything that differs between one installation and another."""

    model_config = SettingsConfigDict(env_prefix="CALLOUT_", env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: str = "sqlite:///var/callout.db"
    database_direct_url: str = Field(
        default="", description="PostgreSQL itself, when the address above is a pooler's: what wakes replicas needs it"
    )
    mode: Mode = Mode.SANDBOX
    public_url: HttpAddress = "http://127.0.0.1:8000"
    secret_key: SecretStr = SecretStr("")
    rulebook: Path = SHIPPED_RULEBOOK
    code_lists: Path = Field(
        default=SHIPPED_CODE_LISTS, description="what the codes in partners' files and messages mean here"
    )
    calendars: Path = Field(
        default=Path("var/calendars"), description="the folder of the calendar files that rotas name as their source"
    )
    rulebook_review: Switch | None = Field(
        default=None,
        description="whether a second person puts a new rulebook in force; if not said, in live mode alone",
    )
    engine: Switch = Switch.ON
    sandbox_clock: AwareDatetime | None = Field(
        default=None, description="when a new sandbox's clock begins; now if not said"
    )
    rate_limit: int = Field(default=1200, ge=0, description="requests a minute for each key; 0 switches it off")
    rate_burst: int = Field(default=600, ge=1, description="requests a key may make at once")
    intake_queue: int = Field(
        default=400,
        ge=2,
        description="requests that may wait for an answer at once; a further one gets 503 and is not read, reads from half of it",
    )
    reconcile_seconds: int = Field(
        default=180, ge=1, le=3600, description="how often the provider is asked for texts that never reached us"
    )
    gather_seconds: int = Field(
        default=2,
        ge=0,
        le=30,
        description="pages for a phone that got another one within the last minute wait so long to leave as one text; 0: never",
    )
    receipt_seconds: int = Field(
        default=120, ge=1, le=3600, description="a page without a receipt goes out by the next channel after so long"
    )
    deadman_url: SecretStr = Field(
        default=SecretStr(""),
        description="fetched while the engine's rounds go well; its silence raises an alarm outside",
    )
    deadman_seconds: int = Field(default=60, ge=1, le=3600, description="how often it is fetched at most")
    ready_lag_seconds: int = Field(
        default=120, ge=1, le=86400, description="/readyz fails when what is due has waited for longer"
    )
    synthetic_hours: float = Field(
        default=0, ge=0, le=168, description="how often a test page goes to the test number; 0: never"
    )
    synthetic_number: str = Field(default="", description="a mobile number that answers no page, for test pages")
    synthetic_seconds: int = Field(
        default=180,
        ge=10,
        le=3600,
        description="within how long a test page's report must be taken, and then its text arrive, or the duty manager is paged",
    )
    send_threads: int = Field(default=8, ge=1, le=64, description="messages handed to providers at the same time")

    @property
    def sandbox(self) -> bool:
        """Whether the on-screen phones exist."""
        return self.mode is Mode.SANDBOX

    @property
    def reviews_rulebooks(self) -> bool:
        """Whether a new rulebook waits for a second person."""
        return self.rulebook_review is Switch.ON if self.rulebook_review else not self.sandbox

    @property
    def secrets(self) -> list[str]:
        """The secret keys, newest first: a comma lets an old one go on being read while a new one is written with."""
        return [part.strip() for part in self.secret_key.get_secret_value().split(",") if part.strip()]

    def checked(self) -> Self:
        """Refuse what must not go live; each fault names its variable. Raises SettingsWrong."""
        faults = [
            *self.provider_faults(live=not self.sandbox),
            *self._watch_faults(),
            *([] if self.sandbox else self._secret_faults()),
        ]
        if faults:
            raise SettingsWrong("\n".join(faults))
        return self

    def _secret_faults(self) -> list[str]:
        if not self.secrets:
            return [
                "CALLOUT_SECRET_KEY is not set: live mode needs a random one, such as from: "
                'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            ]
        return [
            "CALLOUT_SECRET_KEY is weak: at least 32 characters that nobody could guess are needed; make one with: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            for secret in self.secrets
            if weak(secret)
        ]

    def _watch_faults(self) -> list[str]:
        address = self.deadman_url.get_secret_value()
        faults = []
        if address and not is_http(address):
            faults.append("CALLOUT_DEADMAN_URL must be an address that begins with http:// or https://")
        if self.synthetic_hours:
            try:
                e164(self.synthetic_number)
            except ValueError as error:
                faults.append(f"CALLOUT_SYNTHETIC_NUMBER {error}: CALLOUT_SYNTHETIC_HOURS is set, and needs it")
            if not (self.sandbox or self.has_notify or self.has_twilio):
                faults.append("CALLOUT_SYNTHETIC_HOURS is set, but no provider of texts is: docs/providers.md says how")
        return faults


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsWrong, which names each variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsWrong(
            "\n".join(f"CALLOUT_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        ) from None
