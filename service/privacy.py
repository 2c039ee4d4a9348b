"""Where personal data is sealed and opened: encrypted columns, blind indexes, and the keys made from CALLOUT_SECRET_KEY."""

import base64
import hmac
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Text
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.types import TypeDecorator


class Keyring:
    """The keys of one installation. The first secret writes; the others are still read while keys are rotated."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._sealing, *others = [Fernet(base64.urlsafe_b64encode(_derive(s, "seal"))) for s in secrets]
        self._opening = MultiFernet([self._sealing, *others])
        # Blind indexes and the audit chain must give the same value for the same input for years, and a voucher on every
        # replica, so they hang on the oldest secret: rotating means putting the new one in front.
        self._index = _derive(secrets[-1], "index")
        self._chain = _derive(secrets[-1], "audit")
        self._voucher = _derive(secrets[-1], "voucher")
        self.session_secret = _derive(secrets[0], "session").hex()

    def seal(self, text: str) -> str:
        """Encrypt a text."""
        return self._sealing.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt a sealed text. Raises ValueError when none of the keys fits."""
        try:
            return self._opening.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise ValueError(
                "a stored text can't be opened: CALLOUT_SECRET_KEY is not the one it was sealed with"
            ) from None

    def fingerprint(self, kind: str, value: str) -> str:
        """A keyed hash by which equal values are found without being readable: 32 hexadecimal digits."""
        return _keyed(self._index, f"{kind}\0{value}".encode())[:32]

    def vouch(self, purpose: str, value: str) -> str:
        """What only this installation can have said of a value: 64 hexadecimal digits. Every replica says the same, in the
        middle of a rotation too."""
        return _keyed(self._voucher, f"{purpose}\0{value}".encode())

    def chain(self, data: bytes) -> str:
        """The keyed hash of one link of the audit chain: only a holder of the key can make one that fits."""
        return _keyed(self._chain, data)


def _keyed(key: bytes, data: bytes) -> str:
    return hmac.digest(key, data, "sha256").hex()


def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"callout {purpose}".encode()).derive(
        secret.encode()
    )


class SealedText(TypeDecorator[str]):
    """A column whose text is encrypted at rest with the keyring of the engine that reads it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Seal on the way in."""
        return None if value is None else _keyring(dialect).seal(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Open on the way out."""
        return None if value is None else _keyring(dialect).open(value)


_ATTRIBUTE = "callout_keyring"


def give_keys(engine: Engine, keyring: Keyring) -> None:
    """Let this engine's sealed columns be written and read. The keys ride on its dialect, so no global holds them."""
    setattr(engine.dialect, _ATTRIBUTE, keyring)


def _keyring(dialect: Dialect) -> Keyring:
    keyring: Keyring = getattr(dialect, _ATTRIBUTE)
    return keyring
