"""A worker's telephone numbers as the partnership file writes them: what each takes, and when it is left in peace."""

from datetime import datetime, time
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from notifiers.base import Channel
from rules.windows import Hours, HoursOfDay


@lru_cache(
    maxsize=10_000
)  # a tenth of what reading a partnership takes, for each of the times that its numbers are read
def e164(number: str) -> str:
    """A telephone number as E.164, such as +447700900101. Raises ValueError."""
    try:
        parsed = phonenumbers.parse(number, "GB")
    except phonenumbers.NumberParseException:
        raise ValueError("is not a telephone number; write it as +447700900101") from None
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("has too many or too few digits; write it as +447700900101")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _each_once(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    for channel in channels:
        if channel is Channel.TEAM:
            raise ValueError("sms, voice and email reach a worker; team does not")
        if channels.count(channel) > 1:
            raise ValueError(f"{channel.value} is there twice")
    return channels


def _by_phone(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    if not channels or Channel.EMAIL in channels:
        raise ValueError("a number takes sms, voice or both")
    return channels


def _some_hours(hours: Hours) -> Hours:
    if hours[0] == hours[1]:
        raise ValueError("begins and ends at the same time; leave out a number that is never to be used")
    return hours


ChannelOrder = Annotated[tuple[Channel, ...], AfterValidator(_each_once)]
QuietHours = Annotated[HoursOfDay, AfterValidator(_some_hours)]
Number = Annotated[str, AfterValidator(e164)]


class PhoneSpec(BaseModel):
    """A further number of a worker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Number
    quiet: QuietHours | None = None
    channels: Annotated[ChannelOrder, AfterValidator(_by_phone)] = Field(
        default=(Channel.SMS, Channel.VOICE), description="what the number takes: sms, voice or both"
    )


def is_quiet(hours: Hours | None, at: datetime, zone: ZoneInfo) -> bool:
    """Whether an instant falls into hours of local time, which may pass midnight; no hours are never on."""
    if hours is None:
        return False
    start, end = hours
    moment: time = at.astimezone(zone).time()
    return start <= moment < end if start < end else moment >= start or moment < end
