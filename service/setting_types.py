"""What a setting may be: an address, a list in order, a secret that nobody guesses."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

WEAKEST_SECRET = 32
GUESSABLE = ("changeme", "change-me", "secret", "password", "example", "default", "callout")


def _plain_http_url(value: str) -> str:
    if not is_http(value):
        raise ValueError("must be an address that begins with http:// or https://")
    return value.rstrip("/")


def is_http(value: str) -> bool:
    """Whether a text is a web address."""
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _in_order(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


HttpAddress = Annotated[str, AfterValidator(_plain_http_url)]
Ordered = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_in_order)]


def weak(secret: str) -> bool:
    """Whether a secret is short, repetitive or holds a word that everybody tries first."""
    few_different = 10
    lowered = secret.lower()
    return (
        len(secret) < WEAKEST_SECRET
        or len(set(secret)) < few_different
        or any(lowered.startswith(word) for word in GUESSABLE)
    )
