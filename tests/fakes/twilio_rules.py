"""What Twilio's documentation says of a request: how it is signed, what it may hold, and the code by which it is refused.

Messages: https://www.twilio.com/docs/messaging/api/message-resource. Signatures: https://www.twilio.com/docs/usage/webhooks/webhooks-security.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

E164 = re.compile(r"^\+[1-9]\d{7,14}$")
LONGEST_BODY = 1600
LONGEST_VALIDITY = 36_000
PARAMETERS = {"To", "From", "Body", "StatusCallback", "ValidityPeriod"}
STOPS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
STARTS = {"START", "YES", "UNSTOP"}


def sign(token: str, url: str, form: dict[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 over the address and the parameters, sorted by name, without separators."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


@dataclass(frozen=True)
class Refusal:
    """An answer in place of 201. Without a code it is what a gateway says, and no JSON."""

    status: int
    code: int | None = None
    message: str = "refused"


def refusal_of(form: dict[str, str], *, number: str, blocked: Collection[str]) -> Refusal | None:
    """What Twilio has against a text from the account's number; `blocked` are the phones that opted out."""
    checks = (
        ("To" in form, Refusal(400, 21604, "A 'To' phone number is required.")),
        ("From" in form, Refusal(400, 21603, "A 'From' phone number is required.")),
        (bool(form.get("Body")), Refusal(400, 21602, "Message body is required.")),
        (bool(E164.match(form.get("To", ""))), Refusal(400, 21211, "Invalid 'To' Phone Number")),
        (form.get("From") == number, Refusal(400, 21660, "The 'From' number does not belong to the account")),
        (form.get("To") != form.get("From"), Refusal(400, 21266, "'To' and 'From' can't be the same")),
        (
            len(form.get("Body", "")) <= LONGEST_BODY,
            Refusal(400, 21617, "The body exceeds the 1600 character limit"),
        ),
        (_is_address(form.get("StatusCallback")), Refusal(400, 21609, "Invalid 'StatusCallback' URL")),
        (
            1 <= int(form.get("ValidityPeriod", "1")) <= LONGEST_VALIDITY,
            Refusal(400, 30036, "The ValidityPeriod is invalid"),
        ),
        (
            form.get("To") not in blocked,
            Refusal(400, 21610, "Attempt to send to unsubscribed recipient"),
        ),
    )
    return next((refusal for good, refusal in checks if not good), None)


def _is_address(url: str | None) -> bool:
    return url is None or (urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).netloc))


def error_body(refusal: Refusal) -> dict[str, Any] | str:
    """The body of an answer that refuses."""
    if refusal.code is None:
        return "<html><body>upstream connect error</body></html>"
    more = f"https://www.twilio.com/docs/errors/{refusal.code}"
    return {"code": refusal.code, "message": refusal.message, "more_info": more, "status": refusal.status}
