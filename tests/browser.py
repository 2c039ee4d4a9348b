"""Chromium for the tests of the pages: found on this machine, or installed where that can be done."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW = "Chromium is not installed; get it with: apt-get install chromium"
# The machine may have no way out: what a browser asks of the world by itself is switched off.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str | None:
    """Where Chromium is, if it is anywhere."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def install() -> None:
    """Install it by apt where this user may; otherwise say how, and, under CI, fail: nothing is skipped there."""
    if executable():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing Chromium for the tests of the pages (once) ...", flush=True)
        for step in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(["apt-get", *step], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=False)
    if not executable():
        print(HOW + "; the tests of the pages are skipped", file=sys.stderr)
        if os.environ.get("CI") == "true":
            sys.exit(1)


if __name__ == "__main__" and "--install" in sys.argv:
    install()
