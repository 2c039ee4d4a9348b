"""What GOV.UK Notify wants of a request, and what it answers when it does not get it.

https://docs.notifications.service.gov.uk/rest-api.html: tokens, parameters, errors, and the numbers that simulate a failure.
"""

import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

CLOCKS_APART = 30
LONGEST_TEXT = 918
MOBILE = re.compile(r"^(?:\+?44|0)(7\d{9})$")
MAILBOX = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
PLACEHOLDER = re.compile(r"\(\((\w+)\)\)")
ALLOWED = {
    "sms": {"phone_number", "template_id", "personalisation", "reference", "sms_sender_id"},
    "email": {
        "email_address", "template_id", "personalisation", "reference", "email_reply_to_id", "one_click_unsubscribe_url",
        "sanitise_content_for",
    },
}  # fmt: skip
SIMULATED = {
    "447700900003": "temporary-failure",
    "447700900002": "permanent-failure",
    "temp-fail@simulator.notify": "temporary-failure",
    "perm-fail@simulator.notify": "permanent-failure",
}
SMOKE = {
    "447700900000", "447700900111", "447700900222", "simulate-delivered@notifications.service.gov.uk",
    "simulate-delivered-2@notifications.service.gov.uk", "simulate-delivered-3@notifications.service.gov.uk",
}  # fmt: skip


@dataclass(eq=False)
class Refusal(Exception):
    """An answer in place of 201. Without a kind it is what a gateway says, and no JSON."""

    status: int
    kind: str | None = None
    message: str = "refused"


@dataclass
class Template:
    """A template as it is kept at Notify."""

    type: str
    body: str
    subject: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def placeholders(self) -> set[str]:
        """What it asks to be filled in."""
        return set(PLACEHOLDER.findall(f"{self.subject or ''} {self.body}"))


@dataclass
class Notification:
    """One message that Notify took over. `to` is a number as 447700900101, or a mailbox."""

    id: str
    type: str
    to: str
    body: str
    subject: str | None
    reference: str | None
    template: Template
    at: datetime
    status: str = "created"

    def taken(self, url: str) -> dict[str, Any]:
        """What Notify answers when it took it; `url` is where Notify stands."""
        return {
            "id": self.id, "reference": self.reference, "uri": f"{url}/v2/notifications/{self.id}",
            "content": {"body": self.body, "subject": self.subject, "from_number": "07700900900"},
            "template": {"id": self.template.id, "version": 1, "uri": f"{url}/v2/template/{self.template.id}"},
            "scheduled_for": None,
        }  # fmt: skip


def believe(authorization: str, *, service_id: str, secret: str, clock_ahead: float) -> None:
    """Check the JSON Web Token: whose it is, how it is signed, and how old it is. Raises Refusal."""
    token = authorization.removeprefix("Bearer ")
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options={"verify_iat": False})
    except jwt.PyJWTError:
        raise Refusal(403, "AuthError", "Invalid token: API key not found") from None
    if claims.get("iss") != service_id:
        raise Refusal(403, "AuthError", "Invalid token: service not found")
    if abs(time.time() + clock_ahead - claims.get("iat", 0)) > CLOCKS_APART:
        raise Refusal(403, "AuthError", "Error: Your system clock must be accurate to within 30 seconds")


def filled(kind: str, body: dict[str, Any], templates: list[Template]) -> tuple[Template, str, str | None]:
    """The template that a request asks for, with its words and its subject filled in. Raises Refusal."""
    if unknown := sorted(set(body) - ALLOWED[kind]):
        raise Refusal(400, "ValidationError", f"Additional properties are not allowed ({', '.join(unknown)})")
    try:
        wanted = str(uuid.UUID(body.get("template_id", "")))
    except ValueError:
        raise Refusal(400, "ValidationError", "template_id is not a valid UUID") from None
    given = body.get("personalisation", {})
    if not isinstance(given, dict):
        raise Refusal(400, "ValidationError", "personalisation is not of type object")
    template = next((each for each in templates if each.id == wanted), None)
    if template is None:
        raise Refusal(400, "BadRequestError", "Template not found")
    if template.type != kind:
        raise Refusal(400, "BadRequestError", f"{template.type} template is not suitable for {kind} notification")
    if missing := sorted(template.placeholders() - set(given)):
        raise Refusal(400, "BadRequestError", f"Missing personalisation: {', '.join(missing)}")

    def fill(text: str) -> str:
        return PLACEHOLDER.sub(lambda found: str(given[found[1]]), text)

    words = fill(template.body)
    if kind == "sms" and len(words) > LONGEST_TEXT:
        raise Refusal(400, "BadRequestError", f"Your message is {len(words)} characters; {LONGEST_TEXT} are allowed")
    return template, words, fill(template.subject) if template.subject else None


def address(kind: str, body: dict[str, Any]) -> str:
    """The number, as 447700900101, or the mailbox that a request names. Raises Refusal."""
    if kind == "email":
        mailbox = str(body.get("email_address", ""))
        if not MAILBOX.match(mailbox):
            raise Refusal(400, "ValidationError", "email_address Not a valid email address")
        return mailbox
    number = MOBILE.match(str(body.get("phone_number", "")))
    if not number:
        raise Refusal(400, "ValidationError", "phone_number Not a UK mobile number")
    return f"44{number[1]}"
