"""Names of rows: a prefix that says what it is, and a UUIDv7 (RFC 9562), which sorts by the time it was made."""

import secrets
import uuid
from datetime import datetime

VERSION_7 = 0x7 << 76
VARIANT = 0b10 << 62


def new_id(prefix: str, now: datetime) -> str:
    """Such as `tsk_0193a1c2-…`: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    random_a, random_b = secrets.randbits(12), secrets.randbits(62)
    return f"{prefix}_{uuid.UUID(int=milliseconds << 80 | VERSION_7 | random_a << 64 | VARIANT | random_b)}"
