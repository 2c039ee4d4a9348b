"""SMS and email by GOV.UK Notify, over its own package; texts from phones and delivery reports, believed by a bearer token.

Facts come from https://docs.notifications.service.gov.uk/python.html. Notify has no validity period: a network may try for
72 hours, so it is the deadline in the text that ends its use. Texts to a number are blocked by the networks past 20 alike
or 100 in an hour.
"""

import hmac
import logging
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from notifications_python_client.errors import APIError
from notifications_python_client.notifications import NotificationsAPIClient
from pydantic import AfterValidator, AliasChoices, BaseModel, Field, SecretStr, ValidationError

from notifiers.base import (
    Accepted,
    BadCallback,
    Callback,
    Channel,
    InboundText,
    Message,
    PerNumber,
    Receipt,
    ReceiptState,
    SendError,
    UnreadableCallback,
)
from notifiers.govuk_notify_forms import API_BASE, KEY
from notifiers.govuk_notify_meanings import STATUSES, reached, send_error

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
NOT_FOUND = "404"
DIGITS = re.compile(r"\+?[0-9]{7,15}")
PLACEHOLDER = re.compile(r"\(\(\s*([^()?]+?)\s*(?:\?\?.*?)?\)\)", re.DOTALL)
PLACEHOLDERS = {Channel.SMS: frozenset({"message"}), Channel.EMAIL: frozenset({"subject", "message"})}

# The package's warnings quote Notify's answers, and those may quote what was sent.
logging.getLogger("notifications_python_client").setLevel(logging.CRITICAL)


def _api_key(key: SecretStr) -> SecretStr:
    if not KEY.fullmatch(key.get_secret_value()):
        raise ValueError("must be as Notify shows it once: NAME-SERVICE-SECRET, the last two of them ids")
    return key


class NotifySettings(BaseModel):
    """A service of Notify's and its two templates. `callback_token` may be `new,old` while it is rotated."""

    api_key: Annotated[SecretStr, AfterValidator(_api_key)]
    callback_token: SecretStr
    sms_template: UUID
    email_template: UUID
    api_base: str = API_BASE


class _Report(BaseModel):
    """A delivery report, as far as it is read."""

    id: UUID
    reference: str | None = None
    status: str


class _Text(BaseModel):
    """A text from a phone: the names differ between a callback and the list of received texts."""

    id: UUID
    sender: str = Field(validation_alias=AliasChoices("source_number", "user_number"), min_length=1)
    body: str = Field(validation_alias=AliasChoices("message", "content"))
    at: str | None = Field(default=None, validation_alias=AliasChoices("date_received", "created_at"))


Shape = TypeVar("Shape", bound=BaseModel)


class NotifyNotifier:
    """One service of Notify's. The package's client is not thread-safe, so each call has one to itself."""

    name = "notify"
    title = "GOV.UK Notify"
    channels = frozenset({Channel.SMS, Channel.EMAIL})
    per_number = PerNumber(alike=20, any=100)

    def __init__(self, settings: NotifySettings) -> None:
        tokens = settings.callback_token.get_secret_value().split(",")
        self._tokens = [token.strip().encode() for token in tokens if token.strip()]
        self._key = settings.api_key.get_secret_value()
        self._base = settings.api_base
        self._templates = {Channel.SMS: str(settings.sms_template), Channel.EMAIL: str(settings.email_template)}
        self._idle: deque[NotificationsAPIClient] = deque()

    def send(self, message: Message) -> Accepted:
        """Hand over one text or email. Our reference travels with it, and comes back in its report. Raises SendError."""
        template = self._templates[message.channel]
        with self._client() as client:
            if message.channel is Channel.EMAIL:
                words = {"subject": message.subject or "Callout", "message": _with_link_apart(message)}
                sent = client.send_email_notification(message.to, template, words, message.reference)
            else:
                words = {"message": message.text}
                sent = client.send_sms_notification(message.to, template, words, message.reference)
        return Accepted(provider_id=str(sent["id"]))

    def find(self, message: Message) -> Accepted | None:
        """Notify's own record of a message that we may have sent before a crash. Raises SendError."""
        with self._client() as client:
            found = client.get_all_notifications(reference=message.reference)["notifications"]
        alive = [each for each in found if reached(each["status"]).state is not ReceiptState.FAILED]
        return Accepted(provider_id=str(alive[0]["id"])) if alive else None

    def received_since(self, moment: datetime) -> list[InboundText]:
        """The texts from phones that Notify took since a moment, oldest first; it keeps them for 7 days.

        They carry the ids under which the callbacks come, so what was acted on is known. Raises SendError.
        """
        texts: list[InboundText] = []
        with self._client() as client:
            page = client.get_received_texts()["received_text_messages"]
            while page:
                texts += [self._text(_Text.model_validate(each)) for each in page]
                if (texts[-1].received_at or moment) < moment:
                    break
                page = client.get_received_texts(older_than=page[-1]["id"])["received_text_messages"]
        return [text for text in reversed(texts) if text.received_at is None or text.received_at >= moment]

    def inbound(self, callback: Callback) -> InboundText:
        """A text from a phone. Raises BadCallback, or UnreadableCallback when the token is right and the content is not."""
        self._verify(callback)
        return self._text(_read(callback, _Text))

    def receipt(self, callback: Callback) -> Receipt | None:
        """A delivery report, or None when nothing is final yet. Raises as `inbound` does."""
        self._verify(callback)
        report = _read(callback, _Report)
        if report.status not in STATUSES:
            raise UnreadableCallback("the status is not one that is known")
        came = reached(report.status)
        if came.state is None:
            return None
        return Receipt(
            reference=report.reference,
            provider_id=str(report.id),
            state=came.state,
            code=report.status if came.reason else None,
            reason=came.reason,
            permanent=came.permanent,
        )

    def shortcomings(self) -> list[str]:
        """What is wrong with the key, the clock or a template, in a sentence each. Asks Notify, and sends nothing."""
        found: list[str] = []
        for channel, template in self._templates.items():
            try:
                with self._client() as client:
                    kept = client.get_template(template)
            except SendError as error:
                if error.code != NOT_FOUND:
                    return [error.reason]
                found.append(f"there is no {channel.value} template {template} in this service")
            else:
                found += _faults_of(kept, channel)
        return found

    @property
    def key_name(self) -> str:
        """What the key was called when it was made: all that can be told of its kind, test, team or live."""
        named = KEY.fullmatch(self._key)
        return named["name"] if named else ""

    @contextmanager
    def _client(self) -> Iterator[NotificationsAPIClient]:
        try:
            client = self._idle.pop()
        except IndexError:
            client = NotificationsAPIClient(self._key, self._base, (CONNECT_SECONDS, READ_SECONDS))
        try:
            yield client
        except APIError as error:
            raise send_error(error) from None
        except (KeyError, TypeError, ValueError) as error:
            raise SendError(f"Notify answered what can't be read ({type(error).__name__})", unknown=True) from None
        finally:
            self._idle.append(client)

    def _verify(self, callback: Callback) -> None:
        given = next((v for k, v in callback.headers.items() if k.lower() == "authorization"), "")
        scheme, _, token = given.partition(" ")
        fits = [hmac.compare_digest(token.strip().encode(), known) for known in self._tokens]
        if scheme.lower() != "bearer" or not any(fits):
            raise BadCallback("the bearer token does not fit")

    def _text(self, text: _Text) -> InboundText:
        return InboundText(
            provider=self.name,
            provider_id=str(text.id),
            sender=_e164(text.sender),
            body=text.body,
            received_at=_moment(text.at),
        )

    def check(self) -> None:
        """Ask for a template, which any good key may see. Raises SendError."""
        with self._client() as client:
            client.get_template(self._templates[Channel.SMS])

    def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            self._idle.pop().request_session.close()


def _read(callback: Callback, shape: type[Shape]) -> Shape:
    try:
        return shape.model_validate_json(callback.body)
    except ValidationError as error:
        # The fields that are wrong, never what they hold.
        wrong = sorted({str(fault["loc"][0]) if fault["loc"] else "the whole" for fault in error.errors()})
        raise UnreadableCallback(f"can't be read: {', '.join(wrong)}") from None


def _with_link_apart(message: Message) -> str:
    """An email's words with the link on a line of its own, where a thumb finds it."""
    if not message.link or message.link not in message.text:
        return message.text
    return f"{message.text.replace(message.link, '').strip()}\n\n{message.link}"


def _e164(number: str) -> str:
    """A sender's number as E.164. Notify writes 447700900101; what is no number (a short code, a word) stays as it is."""
    if not DIGITS.fullmatch(number) or number.startswith("+"):
        return number
    return f"+44{number[1:]}" if number.startswith("0") else f"+{number}"


def _moment(text: str | None) -> datetime | None:
    """A time of Notify's, which is UTC where it does not say so; None when it can't be read: the text still counts."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _faults_of(template: dict[str, Any], channel: Channel) -> Iterator[str]:
    if template["type"] != channel:
        yield f"the {channel.value} template is one for {template['type']}"
        return
    text = f"{template.get('subject') or ''} {template['body']}"
    asked = {name.lower() for name in PLACEHOLDER.findall(text)}
    for missing in sorted(PLACEHOLDERS[channel] - asked):
        yield f"the {channel.value} template lacks (({missing}))"
    for extra in sorted(asked - PLACEHOLDERS[channel]):
        yield f"the {channel.value} template asks for (({extra})), which Callout doesn't give, so it would be refused"
    if channel is Channel.SMS and PLACEHOLDER.sub("", template["body"]).strip():
        yield "the sms template holds more than ((message)), so a text may need two segments"
