"""Settings: `CALLOUT_…` variables from the environment or from `.env`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from notifiers import govuk_notify
from service.errors import SettingsWrong

SHIPPED_RULEBOOK = Path(__file__).parent.parent / "rules" / "books" / "bristol.yaml"
SHIPPED_PARTNERSHIP = SHIPPED_RULEBOOK.with_name("bristol-partnership.yaml")

SHIPPED_CODE_LISTS = SHIPPED_RULEBOOK.with_name("code-lists.yaml")

WEAKEST_SECRET = 32
GUESSABLE = ("changeme", "change-me", "secret", "password", "example", "default", "callout")


class Mode(StrEnum):
    """`sandbox` keeps everything on this machine; `live` pages real phones."""

    SANDBOX = "sandbox"
    LIVE = "live"


class Switch(StrEnum):
    """Whether this process also sends messages and watches deadlines."""

    ON = "on"
    OFF = "off"


def _plain_http_url(value: str) -> str:
    if not _is_http(value):
        raise ValueError("must be an address that begins with http:// or https://")
    return value.rstrip("/")


def _is_http(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


HttpAddress = Annotated[str, AfterValidator(_plain_http_url)]


class Settings(BaseSettings):
    """Everything that differs between one installation and another."""

    model_config = SettingsConfigDict(env_prefix="CALLOUT_", env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: str = "sqlite:///var/callout.db"
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
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_base: HttpAddress = "https://api.twilio.com"
    notify_api_key: SecretStr = SecretStr("")
    notify_api_base: HttpAddress = govuk_notify.API_BASE
    notify_callback_token: SecretStr = SecretStr("")
    notify_sms_template: str = ""
    notify_email_template: str = ""
    smtp_url: SecretStr = SecretStr("")
    smtp_from: str = ""
    sandbox_clock: AwareDatetime | None = Field(
        default=None, description="when a new sandbox's clock begins; now if not said"
    )
    rate_limit: int = Field(default=1200, ge=0, description="requests a minute for each key; 0 switches it off")
    rate_burst: int = Field(default=600, ge=1, description="requests a key may make at once")
    reconcile_seconds: int = Field(
        default=180, ge=1, le=3600, description="how often the provider is asked for texts that never reached us"
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
    def has_twilio(self) -> bool:
        """Whether an account at Twilio is configured."""
        return bool(self.twilio_account_sid)

    @property
    def has_notify(self) -> bool:
        """Whether a service of GOV.UK Notify is configured."""
        return bool(self.notify_api_key.get_secret_value())

    @property
    def has_mail_server(self) -> bool:
        """Whether a mail server is configured."""
        return bool(self.smtp_url.get_secret_value())

    @property
    def secrets(self) -> list[str]:
        """The secret keys, newest first: a comma lets an old one go on being read while a new one is written with."""
        return [part.strip() for part in self.secret_key.get_secret_value().split(",") if part.strip()]

    def checked(self) -> Self:
        """Refuse what must not go live; each fault names its variable. Raises SettingsWrong."""
        faults = [
            *self._provider_faults(),
            *self._notify_faults(),
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

    def _provider_faults(self) -> list[str]:
        faults = []
        token = self.twilio_auth_token.get_secret_value()
        if self.twilio_account_sid and not token:
            faults.append("CALLOUT_TWILIO_AUTH_TOKEN is not set, but CALLOUT_TWILIO_ACCOUNT_SID is")
        if token and not self.twilio_account_sid:
            faults.append("CALLOUT_TWILIO_ACCOUNT_SID is not set, but CALLOUT_TWILIO_AUTH_TOKEN is")
        if self.twilio_account_sid and not self.twilio_from:
            faults.append("CALLOUT_TWILIO_FROM is not set: the number or sender that texts come from")
        if self.has_mail_server and not self.smtp_from:
            faults.append("CALLOUT_SMTP_FROM is not set: the address that emails come from")
        return faults

    def _watch_faults(self) -> list[str]:
        address = self.deadman_url.get_secret_value()
        if not address or _is_http(address):
            return []
        return ["CALLOUT_DEADMAN_URL must be an address that begins with http:// or https://"]

    def _notify_faults(self) -> list[str]:
        key, token = self.notify_api_key.get_secret_value(), self.notify_callback_token.get_secret_value()
        given = {
            "CALLOUT_NOTIFY_API_KEY": key,
            "CALLOUT_NOTIFY_CALLBACK_TOKEN": token,
            "CALLOUT_NOTIFY_SMS_TEMPLATE": self.notify_sms_template,
            "CALLOUT_NOTIFY_EMAIL_TEMPLATE": self.notify_email_template,
        }
        if not any(given.values()):
            return []
        there = next(name for name, value in given.items() if value)
        faults = [f"{name} is not set, but {there} is" for name, value in given.items() if not value]
        if key and not govuk_notify.KEY.fullmatch(key):
            faults.append(
                "CALLOUT_NOTIFY_API_KEY is no key of GOV.UK Notify's: NAME-SERVICE-SECRET, the last two of them ids"
            )
        faults += [
            f"{name} is no template's id: GOV.UK Notify shows it on the template's page"
            for name, value in given.items()
            if name.endswith("_TEMPLATE") and value and not govuk_notify.ID.fullmatch(value)
        ]
        tokens = [part.strip() for part in token.split(",") if part.strip()]
        if not self.sandbox and any(weak(each) for each in tokens):
            faults.append(
                "CALLOUT_NOTIFY_CALLBACK_TOKEN is weak: at least 32 characters that nobody could guess are needed"
            )
        return faults


def weak(secret: str) -> bool:
    """Whether a secret is short, repetitive or holds a word that everybody tries first."""
    few_different = 10
    lowered = secret.lower()
    return (
        len(secret) < WEAKEST_SECRET
        or len(set(secret)) < few_different
        or any(lowered.startswith(word) for word in GUESSABLE)
    )


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsWrong, which names each variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsWrong(
            "\n".join(f"CALLOUT_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        ) from None
