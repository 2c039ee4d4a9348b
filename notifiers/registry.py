"""Which provider a kind means: a plain dict of settings model and class, by name, so that a vendor's package is loaded
only where that vendor is used."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from pydantic import BaseModel

from notifiers.base import Notifier

KINDS = {
    "sandbox": ("notifiers.sandbox:SandboxSettings", "notifiers.sandbox:SandboxNotifier"),
    "twilio": ("notifiers.twilio:TwilioSettings", "notifiers.twilio:TwilioNotifier"),
    "twilio-voice": ("notifiers.twilio:TwilioSettings", "notifiers.twilio_voice:TwilioVoice"),
    "notify": ("notifiers.govuk_notify:NotifySettings", "notifiers.govuk_notify:NotifyNotifier"),
    "smtp": ("notifiers.email:EmailSettings", "notifiers.email:EmailNotifier"),
    "apprise": ("notifiers.team_channels:TeamChannelsSettings", "notifiers.team_channels:TeamChannels"),
}


def build(kind: str, values: Mapping[str, Any]) -> Notifier:
    """A provider from its settings. Raises pydantic.ValidationError, which names the setting that is wrong."""
    model, make = map(resolve_name, KINDS[kind])
    settings: BaseModel = model.model_validate(dict(values))
    built: Notifier = make(settings)
    return built
