"""What Twilio's errors mean for a message: worth another try, the next provider, or the next channel."""

from dataclasses import dataclass

import httpx
from twilio.base.exceptions import TwilioRestException

from notifiers.base import SendError

TOO_MANY = 429
UNAVAILABLE = 503
NEVER_ASKED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
REFUSED = range(400, 500)
ACCOUNT_TROUBLE = frozenset({401, 403, 404, 405, 408})


@dataclass(frozen=True)
class Meaning:
    """What one of Twilio's codes says of a number: https://www.twilio.com/docs/api/errors."""

    reason: str
    permanent: bool = False
    bad_address: bool = False
    opted_out: bool = False


CODES: dict[int, Meaning] = {
    20429: Meaning("too many requests"),
    21211: Meaning("not a valid number", permanent=True, bad_address=True),
    21214: Meaning("the number can't be reached", permanent=True),
    21217: Meaning("not a valid number", permanent=True, bad_address=True),
    21265: Meaning("a short code can't be texted", permanent=True),
    21408: Meaning("texts to this country are switched off", permanent=True),
    21421: Meaning("not a valid number", permanent=True, bad_address=True),
    21601: Meaning("the number can't get texts", permanent=True),
    21604: Meaning("no number was given", permanent=True),
    21610: Meaning("opted out", permanent=True, opted_out=True),
    21611: Meaning("the sender's queue is full"),
    21612: Meaning("no route from this sender to this number", permanent=True),
    21614: Meaning("not a mobile number", permanent=True, bad_address=True),
    21617: Meaning("the text is too long", permanent=True),
    30001: Meaning("the sender's queue is full"),
    30002: Meaning("the account is suspended"),
    30003: Meaning("the handset can't be reached"),
    30004: Meaning("blocked by the network", permanent=True),
    30005: Meaning("unknown number", permanent=True, bad_address=True),
    30006: Meaning("a landline, or a network that can't be reached", permanent=True),
    30007: Meaning("filtered by the network"),
    30008: Meaning("unknown error"),
    30410: Meaning("the network did not answer in time"),
}


def send_error(error: TwilioRestException) -> SendError:
    """A refusal in our words.

    A code that speaks of the number decides. A refusal of the account, a rate limit and trouble at Twilio mend with time
    or by an operator, so the text stays wanted. Any other 4xx would be answered the same for ever: the next channel.
    """
    meaning = CODES.get(error.code or 0)
    code = str(error.code or error.status)
    if meaning:
        wait = 1.0 if error.status == TOO_MANY else None
        return SendError(
            f"{meaning.reason} ({code})",
            permanent=meaning.permanent,
            bad_address=meaning.bad_address,
            opted_out=meaning.opted_out,
            code=code,
            retry_after=wait,
        )
    if error.status == TOO_MANY:
        return SendError("too many requests (429)", code=code, retry_after=1.0)
    permanent = error.status in REFUSED and error.status not in ACCOUNT_TROUBLE
    unknown = error.status not in REFUSED and error.status != UNAVAILABLE
    return SendError(f"Twilio answered {error.status} ({code})", permanent=permanent, unknown=unknown, code=code)


def no_answer(error: Exception) -> SendError:
    """No answer that can be read. Unless no connection was made, the message may have been taken."""
    unknown = not isinstance(error, NEVER_ASKED)
    what = "gave no answer" if unknown else "can't be reached"
    return SendError(f"Twilio {what} ({type(error).__name__})", unknown=unknown)
