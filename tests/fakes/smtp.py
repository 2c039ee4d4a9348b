"""A mail server on a real port that keeps what it takes, and refuses as RFC 5321 says when told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class FakeMail:
    """One mail server. `refuse` maps a mailbox, or `*` for all of them, to the answer it is given."""

    url: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd looks for
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a mailbox or refuse it."""
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        refusal = self.refuse.get(address) or self.refuse.get("*")
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        mail = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
        with self.changed:
            self.mails.append(mail)
            self.changed.notify_all()
        return "250 OK"

    def wait_for_mail(self, to: str, *, within: float = 10) -> EmailMessage:
        """Wait until a mail to an address has arrived."""

        def found() -> EmailMessage | None:
            return next((mail for mail in self.mails if mail["To"] == to), None)

        with self.changed:
            mail = self.changed.wait_for(found, timeout=within)
        assert mail, f"no mail to {to}; but to {[m['To'] for m in self.mails]}"
        return mail


class _AnyPort(Controller):
    """aiosmtpd probes the port it was given; the one it got is known only from the socket."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


USER, PASSWORD = "callout", "letter-box"


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
) -> AuthResult:
    good = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
    # Otherwise aiosmtpd takes the refusal for said, and says nothing.
    return AuthResult(success=good, handled=good)


@contextmanager
def running_mail() -> Iterator[FakeMail]:
    """A mail server on a free port that wants a login."""
    mail = FakeMail()
    controller = _AnyPort(
        mail,
        hostname="127.0.0.1",
        port=0,
        authenticator=_authenticate,
        # One mechanism: the real thing answers each wrong try only after some seconds.
        auth_exclude_mechanism=["LOGIN"],
        auth_require_tls=False,
    )
    controller.start()
    mail.url = f"smtp://{USER}:{PASSWORD}@127.0.0.1:{controller.port}?starttls=false"
    try:
        yield mail
    finally:
        controller.stop()
