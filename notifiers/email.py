"""Email by any mail server (RFC 5321): plain text and HTML, one recipient, a plain subject."""

import html
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, SecretStr

from notifiers.base import Accepted, Channel, Message, SendError

TIMEOUT_SECONDS = 15
PERMANENT = range(500, 600)
ADDRESS_CODES = frozenset({550, 551, 553})  # RFC 5321 section 4.2.3: the mailbox itself is refused


def _mail_address(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be like smtp://user:password@mail.example.org:587?starttls=true")
    return url


class EmailSettings(BaseModel):
    """The mail server: `smtp://…?starttls=true|false` (true if not said), or `smtps://…`."""

    smtp_url: Annotated[SecretStr, AfterValidator(_mail_address)]
    sender: str


class EmailNotifier:
    """Opens a connection for each message: pages by email are few, and a kept connection is one more thing to lose."""

    name = "smtp"
    title = "the mail server"
    channels = frozenset({Channel.EMAIL})

    def __init__(self, settings: EmailSettings) -> None:
        parts = urlsplit(settings.smtp_url.get_secret_value())
        self._sender = settings.sender
        self._implicit_tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._implicit_tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._starttls = parse_qs(parts.query).get("starttls", ["true"])[0].lower() != "false"

    def send(self, message: Message) -> Accepted:
        """Hand one message to the mail server. Raises SendError: permanent when the mailbox itself is refused."""
        mail = self._written(message)
        try:
            with self._connect() as server:
                server.send_message(mail, from_addr=self._sender, to_addrs=[message.to])
        except smtplib.SMTPRecipientsRefused as refused:
            code, _ = next(iter(refused.recipients.values()))
            raise SendError(f"the mailbox was refused ({code})", permanent=code in PERMANENT, code=str(code)) from None
        except smtplib.SMTPResponseException as answer:
            code = answer.smtp_code
            raise SendError(
                f"the mail server answered {code}", permanent=code in ADDRESS_CODES, code=str(code)
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise SendError(f"the mail server can't be reached ({type(error).__name__})") from None
        return Accepted(provider_id=str(mail["Message-ID"]))

    def check(self) -> None:
        """Log in, and leave. Raises SendError."""
        try:
            with self._connect() as server:
                server.noop()
        except (OSError, smtplib.SMTPException) as error:
            raise SendError(f"the mail server can't be reached ({type(error).__name__})") from None

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._implicit_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            if self._starttls and not self._implicit_tls:
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _written(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.to
        mail["Subject"] = message.subject or "Callout"
        if message.written_at:
            mail["Date"] = format_datetime(message.written_at)
        # The same id on a second try: mail systems that saw the first one drop it.
        mail["Message-ID"] = f"<{message.reference}@{self._sender.rsplit('@', 1)[-1].rstrip('>')}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text + "\n")
        mail.add_alternative(_as_html(message), subtype="html")
        return mail

    def close(self) -> None:
        """Nothing is held."""


def _as_html(message: Message) -> str:
    words = message.text.replace(message.link, "").strip() if message.link else message.text
    button = (
        f'<p><a href="{html.escape(message.link)}" style="display:inline-block;padding:12px 20px;background:#0f3d4c;'
        'color:#ffffff;text-decoration:none;border-radius:4px;font-weight:bold">Open the task</a></p>'
        if message.link
        else ""
    )
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>Callout</title></head>'
        '<body style="font-family:sans-serif;font-size:18px;line-height:1.5;color:#111111">'
        f"<p>{html.escape(words)}</p>{button}"
        '<p style="color:#505a5f;font-size:15px">Sent by Callout. Please leave names out of any answer.</p></body></html>'
    )
