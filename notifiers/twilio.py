"""SMS by Twilio: send over its own package with an httpx client; signed texts from phones and delivery reports."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

import httpx
from pydantic import BaseModel, SecretStr
from twilio.base.exceptions import TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from notifiers.base import (
    Accepted,
    BadCallback,
    Callback,
    Channel,
    InboundText,
    Message,
    Receipt,
    ReceiptState,
)
from notifiers.tls import trusted
from notifiers.twilio_meanings import CODES, no_answer, send_error

CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 10.0
SHORTEST_VALIDITY, LONGEST_VALIDITY = 60, 36000  # seconds; Twilio, "Create a Message resource", ValidityPeriod
CLOCKS_APART = timedelta(minutes=5)
LISTED = 50
MOST_RECEIVED = 500

STATES: dict[str, ReceiptState] = {
    "accepted": ReceiptState.SENT,
    "scheduled": ReceiptState.SENT,
    "queued": ReceiptState.SENT,
    "sending": ReceiptState.SENT,
    "sent": ReceiptState.SENT,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.FAILED,
    "failed": ReceiptState.FAILED,
    "canceled": ReceiptState.FAILED,
}
NEVER_LEFT = frozenset({"failed", "undelivered", "canceled"})


class TwilioSettings(BaseModel):
    """An account. `auth_token` may be `new,old` while it is rotated: the first is used, both are accepted."""

    account_sid: str
    auth_token: SecretStr
    from_number: str
    api_base: str = "https://api.twilio.com"
    public_url: str


class _OverHttpx(HttpClient):
    """Twilio's package over httpx: one HTTP stack, real time-outs, and an address that can be set."""

    def __init__(self, api_base: str) -> None:
        super().__init__(logging.getLogger(__name__), is_async=False, timeout=TOTAL_SECONDS)
        self._base = urlsplit(api_base)
        self.client = httpx.Client(verify=trusted(), timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS))

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request, at our address in place of Twilio's own."""
        address = urlunsplit(urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        answer = self.client.request(
            method,
            address,
            params=_plain(params),
            data=_plain(data),
            headers=dict(headers or {}),
            auth=auth,
            timeout=timeout or httpx.USE_CLIENT_DEFAULT,
            follow_redirects=allow_redirects,
        )
        return Response(answer.status_code, answer.text, dict(answer.headers))


def _plain(values: Mapping[str, object] | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None}


class TwilioAccount:
    """One account: its credentials, its connections, and the signature by which its callbacks are known. Safe to use from
    several threads: httpx.Client is, and nothing else is kept."""

    def __init__(self, settings: TwilioSettings) -> None:
        tokens = [token.strip() for token in settings.auth_token.get_secret_value().split(",") if token.strip()]
        self._http = _OverHttpx(settings.api_base)
        self.client = Client(settings.account_sid, tokens[0], http_client=self._http)
        self._validators = [RequestValidator(token) for token in tokens]

    def verified(self, callback: Callback) -> dict[str, str]:
        """The form, once its signature fits. It is made over the public address and *all* parameters, blank ones and
        those that Twilio adds without notice included: Twilio, "Webhooks Security"."""
        signature = next((v for k, v in callback.headers.items() if k.lower() == "x-twilio-signature"), "")
        try:
            pairs = parse_qsl(callback.body.decode("utf-8"), keep_blank_values=True)
        except UnicodeDecodeError:
            raise BadCallback("the body is not UTF-8") from None
        form = _Form()
        for name, value in pairs:
            form.setdefault(name, []).append(value)
        if not any(validator.validate(callback.url, form, signature) for validator in self._validators):
            raise BadCallback("the signature does not fit")
        return {name: values[0] for name, values in form.items()}

    def check(self) -> None:
        """Ask Twilio for the account itself. Raises SendError."""
        try:
            self.client.api.accounts(self.client.account_sid).fetch()
        except TwilioRestException as error:
            raise send_error(error) from None
        except (httpx.HTTPError, ValueError) as error:
            raise no_answer(error) from None

    def close(self) -> None:
        """Close the kept connections."""
        self._http.client.close()


class TwilioNotifier:
    """Texts from one sender."""

    name = "twilio"
    title = "Twilio"
    channels = frozenset({Channel.SMS})

    def __init__(self, settings: TwilioSettings) -> None:
        self._account = TwilioAccount(settings)
        self._sender = settings.from_number
        self._receipts = f"{settings.public_url}/v1/callbacks/twilio/status"

    def send(self, message: Message) -> Accepted:
        """Hand over one text. Our reference rides on the address that Twilio reports back to. Raises SendError."""
        try:
            sent = self._account.client.messages.create(
                to=message.to,
                from_=self._sender,
                body=message.text,
                status_callback=f"{self._receipts}?reference={message.reference}",
                validity_period=_validity(message),
            )
        except TwilioRestException as error:
            raise send_error(error) from None
        except (httpx.HTTPError, ValueError) as error:
            raise no_answer(error) from None
        return Accepted(provider_id=str(sent.sid))

    def find(self, message: Message) -> Accepted | None:
        """Twilio's own record of a text that we may have sent before a crash. Raises SendError."""
        since = message.written_at - CLOCKS_APART if message.written_at else None
        try:
            found = self._account.client.messages.list(to=message.to, date_sent_after=since, limit=LISTED)
        except TwilioRestException as error:
            raise send_error(error) from None
        except (httpx.HTTPError, ValueError) as error:
            raise no_answer(error) from None
        same = [m for m in found if m.body == message.text and str(m.status) not in NEVER_LEFT]
        return Accepted(provider_id=str(same[0].sid)) if same else None

    def received_since(self, moment: datetime) -> list[InboundText]:
        """Twilio's own record of the texts from phones, oldest first. Raises SendError."""
        try:
            found = self._account.client.messages.list(to=self._sender, date_sent_after=moment, limit=MOST_RECEIVED)
        except TwilioRestException as error:
            raise send_error(error) from None
        except (httpx.HTTPError, ValueError) as error:
            raise no_answer(error) from None
        texts = [
            InboundText(
                provider=self.name,
                provider_id=str(message.sid),
                sender=str(message.from_),
                body=message.body or "",
                received_at=message.date_sent or message.date_created,
            )
            for message in found
            if str(message.direction) == "inbound"
        ]
        return texts[::-1]

    def inbound(self, callback: Callback) -> InboundText:
        """A text from a phone. Raises BadCallback when it is not signed by this account."""
        form = self._account.verified(callback)
        sid, sender = form.get("MessageSid"), form.get("From")
        if not sid or not sender:
            raise BadCallback("MessageSid and From are needed")
        kind = form.get("OptOutType", "").upper()
        return InboundText(
            provider=self.name,
            provider_id=sid,
            sender=sender,
            body=form.get("Body", ""),
            opted_out={"STOP": True, "START": False}.get(kind),
        )

    def receipt(self, callback: Callback) -> Receipt:
        """A delivery report. Raises BadCallback when it is not signed by this account."""
        form = self._account.verified(callback)
        state = STATES.get(form.get("MessageStatus", ""))
        if state is None:
            raise BadCallback(f"MessageStatus is not one that is known: {form.get('MessageStatus', '')[:20]!r}")
        code = form.get("ErrorCode", "")
        meaning = CODES.get(int(code)) if code.isdigit() else None
        references = parse_qs(urlsplit(callback.url).query).get("reference")
        return Receipt(
            reference=references[0] if references else None,
            provider_id=form.get("MessageSid"),
            state=state,
            code=code or None,
            reason=meaning.reason if meaning else None,
            permanent=bool(meaning and meaning.permanent),
            opted_out=bool(meaning and meaning.opted_out),
        )

    def check(self) -> None:
        """Ask Twilio for the account itself. Raises SendError."""
        self._account.check()

    def close(self) -> None:
        """Close the kept connections."""
        self._account.close()


class _Form(dict[str, list[str]]):
    """A form in which a name may come twice, in the shape from which Twilio's validator reads all of its values."""

    def getlist(self, name: str) -> list[str]:
        """All values of a name."""
        return self[name]


def _validity(message: Message) -> int | None:
    """Seconds after which the network need not try any more: a page that arrives tomorrow helps nobody."""
    if message.expires_at is None or message.written_at is None:
        return None
    seconds = int((message.expires_at - message.written_at).total_seconds())
    return max(SHORTEST_VALIDITY, min(seconds, LONGEST_VALIDITY))
