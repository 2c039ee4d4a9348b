"""`callout doctor`: what an operator checks before trusting a start: settings, database, providers, clock."""

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from notifiers.base import TO_WORKERS
from notifiers.govuk_notify import NotifyNotifier
from service import schema
from service.clock import SystemClock
from service.errors import ServiceError, SettingsWrong
from service.flows import setup
from service.runtime import Runtime, build_runtime
from service.schema import Standing
from service.settings import Settings, read_settings

TIMEOUT = 10
MOST_SECONDS_OFF = 30  # providers refuse requests from clocks further off than this


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    detail: str


def examine() -> list[Finding]:
    """Look at everything; a fault in one does not keep the others from being looked at."""
    try:
        settings = read_settings()
        runtime = build_runtime(settings)
    except SettingsWrong as error:
        return [Finding("settings", False, line) for line in error.detail.splitlines()]
    try:
        return [
            Finding("settings", True, f"mode {settings.mode.value}, public address {settings.public_url}"),
            *_address(settings),
            *_database(runtime),
            *_providers(runtime),
        ]
    finally:
        runtime.close()


def _address(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.public_url)
    if not settings.sandbox and parts.scheme != "https":
        yield Finding("public address", False, "CALLOUT_PUBLIC_URL is not https: links and callbacks would travel open")


def _database(runtime: Runtime) -> Iterator[Finding]:
    try:
        with runtime.database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        yield Finding("database", True, f"{runtime.database.engine.dialect.name} answers")
        stands = schema.standing(runtime.database)
        yield Finding("schema", stands is not Standing.OLDER, stands.value)
        if stands is Standing.OLDER:
            return
        if setup.is_empty(runtime):
            yield Finding("partnership", runtime.settings.sandbox, "none is in force; run: callout apply FILE")
            return
        yield from _in_force(runtime)
        good, broken = setup.verify_audit(runtime)
        yield Finding("audit", broken is None, broken.why if broken else f"{good} entries hold")
    except SQLAlchemyError as error:
        yield Finding("database", False, f"can't be reached ({type(error).__name__}); check CALLOUT_DATABASE_URL")


def _in_force(runtime: Runtime) -> Iterator[Finding]:
    try:
        with runtime.reading() as work:
            numbers = len(work.partnership.workers)
            yield Finding("partnership", True, f"{work.partnership.partnership}, {numbers} workers")
            yield Finding("rulebook", True, work.policy.name)
    except (ServiceError, ValueError) as error:
        yield Finding("partnership and rulebook", False, str(error))


def _providers(runtime: Runtime) -> Iterator[Finding]:
    settings = runtime.settings
    if settings.has_notify:
        yield _notify(runtime)
    if settings.has_twilio:
        yield from _twilio(settings)
    if not settings.has_notify and not settings.has_twilio:
        nothing = "no provider: neither CALLOUT_NOTIFY_API_KEY nor CALLOUT_TWILIO_ACCOUNT_SID is set"
        yield Finding("texts", settings.sandbox, nothing)
    if settings.has_mail_server:
        yield _smtp(settings)
    elif not settings.has_notify and not settings.sandbox:
        yield Finding("email", True, "no mail server: CALLOUT_SMTP_URL is not set, so email steps are skipped")
    for channel in (each for each in TO_WORKERS if each in runtime.notifiers):
        providers = runtime.notifiers[channel]
        yield Finding(channel.value, True, f"by {', then '.join(each.title for each in providers)}")


def _notify(runtime: Runtime) -> Finding:
    notifier = next((each for each in runtime.providers if isinstance(each, NotifyNotifier)), None)
    if notifier is None:
        return Finding("GOV.UK Notify", False, "is set, and neither CALLOUT_SMS_PROVIDERS nor ..._EMAIL_... names it")
    faults = notifier.shortcomings()
    if faults:
        return Finding("GOV.UK Notify", False, "; ".join(faults))
    # Notify tells nobody of which kind a key is: the one who named it can tell.
    good = (
        f'the key "{notifier.key_name}" and both templates are good; whether it is a live key, only its name can tell'
    )
    return Finding("GOV.UK Notify", True, good)


def _twilio(settings: Settings) -> Iterator[Finding]:
    address = f"{settings.twilio_api_base}/2010-04-01/Accounts/{settings.twilio_account_sid}.json"
    token = settings.twilio_auth_token.get_secret_value().split(",")[0]
    try:
        answer = httpx.get(address, auth=(settings.twilio_account_sid, token), timeout=TIMEOUT)
    except httpx.HTTPError as error:
        yield Finding("Twilio", False, f"can't be reached ({type(error).__name__})")
        return
    good = answer.status_code == httpx.codes.OK
    detail = "the credentials are good" if good else f"answered {answer.status_code}; check CALLOUT_TWILIO_AUTH_TOKEN"
    yield Finding("Twilio", good, detail)
    if "date" in answer.headers:
        theirs: datetime = parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
        off = abs((SystemClock().now() - theirs).total_seconds())
        yield Finding("clock", off < MOST_SECONDS_OFF, f"{off:.0f} s from the provider's")


def _smtp(settings: Settings) -> Finding:
    parts = urlsplit(settings.smtp_url.get_secret_value())
    try:
        kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        with kind(parts.hostname or "", parts.port or 0, timeout=TIMEOUT) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Finding("email", False, f"the mail server can't be reached ({type(error).__name__})")
    return Finding("email", True, "the mail server answers")
