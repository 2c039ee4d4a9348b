"""The settings of the providers: whose accounts, in which order, and how hard they may be pressed."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from notifiers import govuk_notify_forms
from notifiers.base import TO_WORKERS, Channel
from service.setting_types import HttpAddress, Ordered, weak


class ProviderSettings(BaseSettings):
    """Everything about the providers that differs between one installation and another."""

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_base: HttpAddress = "https://api.twilio.com"
    notify_api_key: SecretStr = SecretStr("")
    notify_api_base: HttpAddress = govuk_notify_forms.API_BASE
    notify_callback_token: SecretStr = SecretStr("")
    notify_sms_template: str = ""
    notify_email_template: str = ""
    smtp_url: SecretStr = SecretStr("")
    smtp_from: str = ""
    sms_providers: Ordered = Field(
        default=("notify", "twilio"), description="who texts, in the order in which they are tried"
    )
    email_providers: Ordered = Field(default=("notify", "smtp"), description="who sends emails, in that order")
    voice_providers: Ordered = Field(default=("twilio",), description="who rings")
    doubt_seconds: int = Field(
        default=5,
        ge=0,
        le=60,
        description="for how long a provider that may have a message is asked before it goes by the next one all the same",
    )

    notify_rate: int = Field(default=3000, ge=0, description="messages a minute for this process; 0: no limit of ours")
    twilio_rate: int = Field(default=0, ge=0, description="texts and calls a minute; Twilio keeps a queue of its own")
    smtp_rate: int = Field(default=0, ge=0, description="emails a minute")

    @property
    def paces(self) -> dict[str, int]:
        """How many messages a minute each provider is given at most."""
        return {"notify": self.notify_rate, "twilio": self.twilio_rate, "smtp": self.smtp_rate}

    @property
    def has_twilio(self) -> bool:
        """Whether an account at Twilio is configured."""
        return bool(self.twilio_account_sid)

    @property
    def has_notify(self) -> bool:
        """Whether a service of GOV.UK Notify is configured."""
        return bool(self.notify_api_key.get_secret_value())

    @property
    def has_mail_server(self) -> bool:
        """Whether a mail server is configured."""
        return bool(self.smtp_url.get_secret_value())

    def providers_of(self, channel: Channel) -> tuple[str, ...]:
        """Who serves a channel where it is configured, in the order in which they are tried."""
        return {
            Channel.SMS: self.sms_providers,
            Channel.EMAIL: self.email_providers,
            Channel.VOICE: self.voice_providers,
        }[channel]

    def provider_faults(self, *, live: bool) -> list[str]:
        """What must not go live, or can't work; each fault names its variable."""
        return [*self._account_faults(), *self._notify_faults(live=live), *self._order_faults()]

    def _account_faults(self) -> list[str]:
        faults = []
        token = self.twilio_auth_token.get_secret_value()
        if self.twilio_account_sid and not token:
            faults.append("CALLOUT_TWILIO_AUTH_TOKEN is not set, but CALLOUT_TWILIO_ACCOUNT_SID is")
        if token and not self.twilio_account_sid:
            faults.append("CALLOUT_TWILIO_ACCOUNT_SID is not set, but CALLOUT_TWILIO_AUTH_TOKEN is")
        if self.twilio_account_sid and not self.twilio_from:
            faults.append("CALLOUT_TWILIO_FROM is not set: the number or sender that texts come from")
        if self.has_mail_server and not self.smtp_from:
            faults.append("CALLOUT_SMTP_FROM is not set: the address that emails come from")
        return faults

    def _notify_faults(self, *, live: bool) -> list[str]:
        key, token = self.notify_api_key.get_secret_value(), self.notify_callback_token.get_secret_value()
        given = {
            "CALLOUT_NOTIFY_API_KEY": key,
            "CALLOUT_NOTIFY_CALLBACK_TOKEN": token,
            "CALLOUT_NOTIFY_SMS_TEMPLATE": self.notify_sms_template,
            "CALLOUT_NOTIFY_EMAIL_TEMPLATE": self.notify_email_template,
        }
        if not any(given.values()):
            return []
        there = next(name for name, value in given.items() if value)
        faults = [f"{name} is not set, but {there} is" for name, value in given.items() if not value]
        if key and not govuk_notify_forms.KEY.fullmatch(key):
            faults.append(
                "CALLOUT_NOTIFY_API_KEY is no key of GOV.UK Notify's: NAME-SERVICE-SECRET, the last two of them ids"
            )
        faults += [
            f"{name} is no template's id: GOV.UK Notify shows it on the template's page"
            for name, value in given.items()
            if name.endswith("_TEMPLATE") and value and not govuk_notify_forms.ID.fullmatch(value)
        ]
        tokens = [part.strip() for part in token.split(",") if part.strip()]
        if live and any(weak(each) for each in tokens):
            faults.append(
                "CALLOUT_NOTIFY_CALLBACK_TOKEN is weak: at least 32 characters that nobody could guess are needed"
            )
        return faults

    def _order_faults(self) -> list[str]:
        known = {channel: type(self).model_fields[f"{channel.value}_providers"].default for channel in TO_WORKERS}
        return [
            f"CALLOUT_{channel.name}_PROVIDERS: {name} does not serve this channel; it may name {', '.join(names)}"
            for channel, names in known.items()
            for name in self.providers_of(channel)
            if name not in names
        ]
