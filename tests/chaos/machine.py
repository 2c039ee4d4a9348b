"""`callout` on a machine whose clock is set while it runs: the file named by MACHINE_CLOCK says by how many seconds it is off.
MACHINE_LEASE, where it is given, says for how many seconds a message is in hand, so that a test need not wait for two minutes.

What measures how long something takes goes on evenly, as it does on a real machine then. A library that is put between a
process and its system's clock (libfaketime) would also hold up or hurry every wait of a thread.
"""

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from service import clock
from service.cli import main
from service.records import claims

OFF = Path(os.environ["MACHINE_CLOCK"])


class OffTime(datetime):
    """The machine's clock, as the service reads it."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain instant is all that is asked for
        """This instant, by a clock that is off."""
        return datetime.now(tz) + timedelta(seconds=float(OFF.read_text()))


if __name__ == "__main__":
    clock.datetime = OffTime  # type: ignore[misc,attr-defined]  # the service reads the machine's clock in this one place
    claims.LEASE = timedelta(seconds=float(os.environ.get("MACHINE_LEASE", claims.LEASE.total_seconds())))
    main()
