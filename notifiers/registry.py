"""Which provider a kind means: a plain dict of settings model and class."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from notifiers.base import Notifier
from notifiers.email import EmailNotifier, EmailSettings
from notifiers.govuk_notify import NotifyNotifier, NotifySettings
from notifiers.sandbox import SandboxNotifier, SandboxSettings
from notifiers.twilio import TwilioNotifier, TwilioSettings
from notifiers.twilio_voice import TwilioVoice

KINDS: dict[str, tuple[type[BaseModel], Callable[[Any], Notifier]]] = {
    "sandbox": (SandboxSettings, SandboxNotifier),
    "twilio": (TwilioSettings, TwilioNotifier),
    "twilio-voice": (TwilioSettings, TwilioVoice),
    "notify": (NotifySettings, NotifyNotifier),
    "smtp": (EmailSettings, EmailNotifier),
}


def build(kind: str, values: Mapping[str, Any]) -> Notifier:
    """A provider from its settings. Raises pydantic.ValidationError, which names the setting that is wrong."""
    model, make = KINDS[kind]
    return make(model.model_validate(dict(values)))
