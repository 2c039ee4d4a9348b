"""What GOV.UK Notify's errors and statuses mean for a message: worth another try, or the next channel.

Facts come from https://docs.notifications.service.gov.uk/python.html.
"""

from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import requests
from notifications_python_client.errors import APIError
from urllib3.exceptions import MaxRetryError

from notifiers.base import ReceiptState, SendError

RATE_WAIT = 5.0  # seconds; the limit of 3,000 a minute rolls, so there is room again soon
WORTH_WAITING = timedelta(minutes=5)
TOO_MANY = 429
UNAVAILABLE = 503
REFUSED = range(400, 500)
ACCOUNT_TROUBLE = frozenset({401, 403, 404, 405, 408})
DAILY = "TooManyRequestsError"


@dataclass(frozen=True)
class Meaning:
    """What one kind of Notify's errors says of a message."""

    reason: str
    permanent: bool = False
    bad_address: bool = False


_KEY_OR_CLOCK = Meaning("the API key was refused, or this machine's clock is more than 30 seconds off")
ERRORS: dict[tuple[int, str], Meaning] = {
    (400, "BadRequestError"): Meaning("Notify won't send this", permanent=True),
    (400, "ValidationError"): Meaning("Notify can't send this", permanent=True),
    (400, "InvalidPhoneError"): Meaning("not a number that can be texted", permanent=True, bad_address=True),
    (400, "InvalidEmailError"): Meaning("not an email address", permanent=True, bad_address=True),
    (401, "AuthError"): _KEY_OR_CLOCK,
    (403, "AuthError"): _KEY_OR_CLOCK,
    (403, "BadRequestError"): _KEY_OR_CLOCK,
    (429, "RateLimitError"): Meaning("too many messages in one minute"),
    (429, DAILY): Meaning("the daily limit is reached"),
}

# Notify asks not to decide by the words of its errors, which change. These only tell an operator more in the log.
EXPLAINED: tuple[tuple[str, str], ...] = (
    ("team-only", "a team key reaches the team and its guest list alone"),
    ("trial mode", "the service is in trial mode"),
    ("system clock", "this machine's clock is more than 30 seconds off"),
    ("api key not found", "there is no such API key"),
    ("api key revoked", "the API key was revoked"),
    ("template", "the template is gone or of the other kind"),
    ("missing personalisation", "the template asks for what Callout doesn't give"),
    ("international", "texts to other countries are switched off"),
    ("phone_number", "not a number that can be texted"),
    ("email_address", "not an email address"),
)


@dataclass(frozen=True)
class Reached:
    """What a status says: how far a message got, if that is final."""

    state: ReceiptState | None
    reason: str | None = None
    permanent: bool = False


STATUSES: dict[str, Reached] = {
    "created": Reached(None),
    "sending": Reached(None),
    "pending": Reached(None),
    "sent": Reached(ReceiptState.SENT),  # to another country; no more will be known
    "delivered": Reached(ReceiptState.DELIVERED),
    "permanent-failure": Reached(ReceiptState.FAILED, "no such number or mailbox, or the network refused it", True),
    "temporary-failure": Reached(ReceiptState.FAILED, "switched off, out of reach or full"),
    "technical-failure": Reached(ReceiptState.FAILED, "trouble between Notify and the network"),
}


def send_error(error: APIError) -> SendError:
    """A refusal in our words.

    What Notify says of this message (400) would be said again for ever: the next channel. A refusal of the key, a rate
    limit, trouble at Notify and no answer at all mend with time or by an operator, so the message stays wanted.
    """
    if error.response is None:
        return _no_answer(error.__cause__)
    status = error.status_code
    if status not in REFUSED:
        return SendError(f"Notify answered {status}", unknown=status != UNAVAILABLE, code=str(status))
    kind, words = _first_of(error)
    meaning = ERRORS.get((status, kind))
    if meaning is None:
        permanent = status not in ACCOUNT_TROUBLE and status != TOO_MANY
        return SendError(f"Notify answered {status}", permanent=permanent, code=str(status))
    if kind == DAILY:
        return _over_for_today(meaning, error.response.headers.get("Date", ""))
    told = next((plain for theirs, plain in EXPLAINED if theirs in words.lower()), meaning.reason)
    wait = RATE_WAIT if status == TOO_MANY else None
    return SendError(
        f"{told} ({status} {kind})",
        permanent=meaning.permanent,
        bad_address=meaning.bad_address,
        code=kind,
        retry_after=wait,
    )


def _no_answer(cause: BaseException | None) -> SendError:
    """Unless no connection was made, the message may have been taken."""
    inner = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else None
    unknown = not isinstance(cause, requests.ConnectTimeout) and not isinstance(inner, MaxRetryError)
    what = "gave no answer" if unknown else "can't be reached"
    return SendError(f"Notify {what} ({type(cause).__name__})", unknown=unknown)


def _over_for_today(meaning: Meaning, at: str) -> SendError:
    """The daily limit ends at midnight UTC, by Notify's own clock. Who is paged can't wait that long: the next channel,
    unless it is minutes."""
    reason = f"{meaning.reason} (429 {DAILY})"
    try:
        theirs = parsedate_to_datetime(at).astimezone(UTC)
    except ValueError:
        return SendError(reason, permanent=True, code=DAILY)
    midnight = theirs.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    if midnight - theirs > WORTH_WAITING:
        return SendError(reason, permanent=True, code=DAILY)
    return SendError(reason, code=DAILY, retry_after=(midnight - theirs).total_seconds() + 1)


def _first_of(error: APIError) -> tuple[str, str]:
    """The kind and the words of the first of Notify's errors."""
    said = error.message
    first = said[0] if isinstance(said, list) and said else {}
    return (str(first.get("error", "")), str(first.get("message", ""))) if isinstance(first, dict) else ("", "")


def reached(status: str) -> Reached:
    """How far a message with this status got; an unknown one is not final."""
    return STATUSES.get(status, Reached(None))
