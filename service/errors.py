"""What a caller can act on. The API turns each into its problem+json status; a reply turns it into words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a body: `pointer` is an RFC 6901 JSON pointer to it."""

    pointer: str
    detail: str


class ServiceError(Exception):
    """The base of every error that the caller can do something about."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(ServiceError):
    """It is not there, or this caller may not know that it is."""


class Forbidden(ServiceError):
    """This caller may not do that."""


class Conflict(ServiceError):
    """The state of things forbids that now."""


class TooSoon(ServiceError):
    """It was asked for too often; `seconds` says after how many it may be asked for again."""

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class Invalid(ServiceError):
    """The content is wrong; `faults` says where and what would be right."""

    def __init__(self, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.faults = faults


class SettingsWrong(ServiceError):
    """The service can't start with these settings. The text names the variable."""
