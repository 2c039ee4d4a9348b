"""Email, against a mail server on a real port."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from notifiers.base import Channel, Message
from notifiers.email import EmailNotifier, EmailSettings
from tests.fakes.smtp import FakeMail, running_mail

LINK = "https://callout.example.org/t/Xw3"


@pytest.fixture
def mail() -> Iterator[FakeMail]:
    with running_mail() as running:
        yield running


def notifier_for(mail: FakeMail) -> EmailNotifier:
    return EmailNotifier(EmailSettings(smtp_url=SecretStr(mail.url), sender="Callout <callout@callout.example.org>"))


def page() -> Message:
    return Message(
        reference="msg_0198",
        channel=Channel.EMAIL,
        to="amina@example.org",
        text=f"K7 HIGH <Education> response & more, South. TAKE K7 or PASS K7 {LINK}",
        subject="Callout K7: answer needed by 16:11 Fri 20 Nov",
        link=LINK,
        written_at=datetime(2026, 11, 20, 15, 41, tzinfo=UTC),
    )


def test_a_page_by_email_is_plain_text_and_html_with_one_link(mail: FakeMail) -> None:
    accepted = notifier_for(mail).send(page())
    sent = mail.mails[0]
    assert (sent["To"], sent["Subject"]) == ("amina@example.org", page().subject)
    assert sent["Message-ID"] == accepted.provider_id == "<msg_0198@callout.example.org>"
    assert sent["Auto-Submitted"] == "auto-generated"
    plain, rich = sent.get_body(("plain",)), sent.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().strip() == page().text
    html = rich.get_content()
    assert f'href="{LINK}"' in html
    assert "&lt;Education&gt; response &amp; more" in html
    assert "<img" not in html, "a picture would tell the sender's server who has read it"


def test_a_second_try_has_the_same_id_so_that_mail_systems_drop_it(mail: FakeMail) -> None:
    notifier = notifier_for(mail)
    assert notifier.send(page()).provider_id == notifier.send(page()).provider_id


@pytest.mark.parametrize("url", ["http://mail.example.org", "mail.example.org:25", "smtp://", ""])
def test_an_address_that_is_no_mail_server_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValidationError, match="smtp://user:password@mail"):
        EmailSettings(smtp_url=SecretStr(url), sender="x@example.org")
