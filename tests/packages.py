"""What tests need beside Python, as Debian's packages: found on this machine, or installed where that can be done.

    python -m tests.packages

installs whatever is missing. Where this user may not, the tests that need it are skipped and say how to get it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A package by its name at Debian; `found`: the file of it that tests use, None where it isn't installed."""

    name: str
    tests: str
    found: Callable[[], str | None]

    @property
    def how(self) -> str:
        """Why a test without it is skipped."""
        return f"{self.name} is not installed; get it with: apt-get install {self.name}"


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def _pgbouncer() -> str | None:
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


CHROMIUM = Package("chromium", "of the pages", _chromium)
PGBOUNCER = Package("pgbouncer", "of poolers", _pgbouncer)


def main() -> None:
    """Install what is missing. Under CI it is an error when that can't be done: nothing is skipped there."""
    missing = [package for package in (CHROMIUM, PGBOUNCER) if not package.found()]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        names = [package.name for package in missing]
        print(f"Installing what the tests need beside Python (once): {', '.join(names)} ...", flush=True)
        for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
            subprocess.run(["apt-get", *step], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=False)
    for package in missing:
        if not package.found():
            print(f"{package.how}; the tests {package.tests} are skipped", file=sys.stderr)
    if os.environ.get("CI") == "true" and not all(package.found() for package in missing):
        sys.exit(1)


if __name__ == "__main__":
    main()
