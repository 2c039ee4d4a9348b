"""On SQLite one process serves and one runs the engine (the same one, as a rule); a further one is refused."""

import errno
import os
from enum import IntEnum
from pathlib import Path

from service.database import Database
from service.errors import SettingsWrong

try:
    import fcntl
except ImportError:  # Windows, where a pilot has to look after this by itself
    fcntl = None  # type: ignore[assignment]


class Part(IntEnum):
    """What a process does, as the byte of the lock file that it holds."""

    SERVE = 0
    ENGINE = 1


def claim(database: Database, *parts: Part) -> None:
    """Hold parts of a SQLite file's work until this process ends, however it ends. Raises SettingsWrong: another has one.

    Commands such as `callout apply` need no part. PostgreSQL is shared by any number of processes.
    """
    path = database.file
    if path is None or fcntl is None:
        return
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for part in parts:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, part)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise SettingsWrong(f"can't lock {path}.lock: {error.strerror}; SQLite needs a local disk") from None
            raise SettingsWrong(_refusal(path, part, _pid(descriptor))) from None
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _pid(descriptor: int) -> str:
    return os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"


def _refusal(path: Path, part: Part, pid: str) -> str:
    what = "serves" if part is Part.SERVE else "runs the engine on"
    return (
        f"another process (id {pid}) already {what} {path}: a SQLite file takes one. "
        "Stop it, or use PostgreSQL, which any number of processes share"
    )
