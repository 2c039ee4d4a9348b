"""Settings that belong together: each that is missing or wrong is named, and two providers share the channels."""

from typing import Any

import pytest

from notifiers.base import Channel
from service.errors import SettingsWrong
from service.runtime import build_notifiers
from service.settings import Mode, Settings

NOTIFY = {
    "notify_api_key": "callout-6c9e2a5e-41a4-4c5a-9d0e-0f6d6c9f7a11-740e5834-3a29-46b4-9a6f-16142fde533a",
    "notify_callback_token": "Ww2-" + "p7Lr0vXy5k" * 4,
    "notify_sms_template": "f33517ff-2a88-4f6e-b855-c550268ce08a",
    "notify_email_template": "ceb50d92-100d-4b8b-b559-14fa3b091cda",
}
TWILIO = {"twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": "t", "twilio_from": "+447700900900"}
MAIL = {"smtp_url": "smtp://mail.example.org", "smtp_from": "callout@callout.example.org"}
LIVE = {"mode": Mode.LIVE, "secret_key": "Zk3-" + "a8Jq0vP5xW" * 4}


def settings(**values: Any) -> Settings:
    return Settings(**values)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"notify_api_key": ""}, "CALLOUT_NOTIFY_API_KEY is not set"),
        ({"notify_api_key": "ck_live"}, "CALLOUT_NOTIFY_API_KEY is no key"),
        ({"notify_callback_token": ""}, "CALLOUT_NOTIFY_CALLBACK_TOKEN is not set"),
        ({"notify_callback_token": "short"}, "CALLOUT_NOTIFY_CALLBACK_TOKEN is weak"),
        ({"notify_callback_token": NOTIFY["notify_callback_token"] + ",old"}, "CALLOUT_NOTIFY_CALLBACK_TOKEN is weak"),
        ({"notify_sms_template": ""}, "CALLOUT_NOTIFY_SMS_TEMPLATE is not set"),
        ({"notify_email_template": ""}, "CALLOUT_NOTIFY_EMAIL_TEMPLATE is not set"),
        ({"notify_email_template": "page"}, "CALLOUT_NOTIFY_EMAIL_TEMPLATE is no template's id"),
    ],
)
def test_what_notify_lacks_is_named(change: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        settings(**(LIVE | NOTIFY | change)).checked()
    assert fault in wrong.value.detail
    assert len(wrong.value.detail.splitlines()) == 1
    for secret in NOTIFY.values():
        assert secret not in wrong.value.detail


def test_one_setting_of_notify_names_all_the_others() -> None:
    with pytest.raises(SettingsWrong) as wrong:
        settings(**LIVE, notify_sms_template=NOTIFY["notify_sms_template"]).checked()
    for name in ("API_KEY", "CALLBACK_TOKEN", "EMAIL_TEMPLATE"):
        assert f"CALLOUT_NOTIFY_{name} is not set, but CALLOUT_NOTIFY_SMS_TEMPLATE is" in wrong.value.detail


@pytest.mark.parametrize(
    ("given", "sms", "email"),
    [
        (LIVE | NOTIFY, "notify", "notify"),
        (LIVE | TWILIO | MAIL, "twilio", "smtp"),
        (LIVE | NOTIFY | TWILIO | MAIL, "notify twilio", "notify smtp"),
        (LIVE | NOTIFY | TWILIO | MAIL | {"sms_providers": "twilio, notify"}, "twilio notify", "notify smtp"),
        (LIVE | NOTIFY | TWILIO | MAIL | {"email_providers": "smtp"}, "notify twilio", "smtp"),
        (LIVE, "", ""),
        (NOTIFY, "notify", "notify"),
        (TWILIO, "twilio", "sandbox"),
        ({}, "sandbox", "sandbox"),
    ],
    ids=[
        "notify",
        "twilio-and-mail",
        "all",
        "reordered",
        "left-out",
        "none",
        "notify-in-a-sandbox",
        "twilio-in-a-sandbox",
        "sandbox",
    ],
)
def test_each_channel_has_the_providers_that_are_configured_in_order(
    given: dict[str, Any], sms: str, email: str
) -> None:
    notifiers = build_notifiers(settings(**given).checked())
    names = {channel: " ".join(each.name for each in providers) for channel, providers in notifiers.items()}
    assert (names.get(Channel.SMS, ""), names.get(Channel.EMAIL, "")) == (sms, email)
    for providers in notifiers.values():
        for notifier in providers:
            notifier.close()


def test_an_order_that_names_somebody_unknown_is_refused() -> None:
    with pytest.raises(SettingsWrong) as wrong:
        settings(**LIVE, sms_providers="notify, smtp").checked()
    assert wrong.value.detail == ("CALLOUT_SMS_PROVIDERS: smtp does not serve this channel; it may name notify, twilio")
