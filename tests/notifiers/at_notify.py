"""A notifier for the stand-in of GOV.UK Notify."""

from typing import Any
from uuid import UUID

from pydantic import SecretStr

from notifiers.govuk_notify import NotifyNotifier, NotifySettings
from tests.fakes.notify import FakeNotify


def notifier_for(notify: FakeNotify, **changes: Any) -> NotifyNotifier:
    """`changes`: settings in place of those that the stand-in goes by."""
    values = {
        "api_key": SecretStr(notify.api_key),
        "callback_token": SecretStr(notify.callback_token),
        "sms_template": UUID(notify.sms.id),
        "email_template": UUID(notify.email.id),
        "api_base": notify.url,
    }
    return NotifyNotifier(NotifySettings(**(values | changes)))
