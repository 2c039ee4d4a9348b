"""What a change to a rota contradicts: each contradiction with the person and the other change that it is about."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.conflicts import Clash, conflicts
from rules.rotation import Override, OverrideKind, RotaSpec

LONDON = ZoneInfo("Europe/London")
# A week each, by hand-over on Mondays at nine: amina from the 5th of January, ben from the 12th, chidi from the 19th.
ROTA = RotaSpec(rotation="weekly", handover="Mon 09:00", starts=date(2026, 1, 5), workers=["amina", "ben", "chidi"])
ADD, REMOVE, REPLACE = OverrideKind.ADD, OverrideKind.REMOVE, OverrideKind.REPLACE


def change(
    kind: OverrideKind, worker: str, instead_of: str | None = None, *, day: int = 6, days: float = 1
) -> Override:
    start = datetime(2026, 1, day, 12, tzinfo=UTC)
    return Override(
        kind=kind, worker=worker, instead_of=instead_of, starts_at=start, ends_at=start + timedelta(days=days)
    )


@pytest.mark.parametrize(
    ("made", "asked", "expected"),
    [
        ([], change(REPLACE, "ben", "amina"), []),
        ([], change(REPLACE, "dana", "amina"), []),
        ([], change(REPLACE, "ben", "chidi"), [("instead_of", Clash.NOT_ON_CALL, "chidi")]),
        # Ben's own week begins within the period, but he is never on call beside amina.
        ([], change(REPLACE, "ben", "amina", day=10, days=5), []),
        ([change(ADD, "dana")], change(REPLACE, "dana", "amina"), [("worker", Clash.ON_CALL_ALREADY, "dana")]),
        (
            [change(ADD, "dana", days=0.5)],
            change(REPLACE, "dana", "amina"),
            [("worker", Clash.ON_CALL_ALREADY, "dana")],
        ),
        ([change(ADD, "dana", day=8)], change(REPLACE, "dana", "amina"), []),
        ([change(REPLACE, "ben", "amina")], change(REPLACE, "chidi", "ben"), []),
        (
            [change(REPLACE, "ben", "amina")],
            change(REPLACE, "chidi", "amina", days=3),
            [("instead_of", Clash.TAKEN_OFF, "amina")],
        ),
        ([change(REPLACE, "ben", "amina")], change(REPLACE, "chidi", "amina", day=7, days=3), []),
        ([change(REMOVE, "amina")], change(REPLACE, "ben", "amina"), [("instead_of", Clash.TAKEN_OFF, "amina")]),
        ([change(REMOVE, "ben")], change(REPLACE, "ben", "amina"), [("worker", Clash.TAKEN_OFF, "ben")]),
        ([change(REMOVE, "ben")], change(ADD, "ben"), [("worker", Clash.TAKEN_OFF, "ben")]),
        ([], change(ADD, "ben"), []),
        ([], change(ADD, "amina"), [("worker", Clash.ON_CALL_ALREADY, "amina")]),
        # On call for a part of it: the rest is worth adding.
        ([], change(ADD, "amina", day=10, days=5), []),
        (
            [change(ADD, "amina", day=11, days=2)],
            change(ADD, "amina", day=10, days=3),
            [("worker", Clash.ON_CALL_ALREADY, "amina")],
        ),
        ([], change(REMOVE, "amina"), []),
        # A backup may be taken off too, and so may a stand-in who falls ill.
        ([], change(REMOVE, "chidi"), []),
        ([change(REPLACE, "dana", "amina")], change(REMOVE, "dana"), []),
        ([], change(REMOVE, "dana"), [("worker", Clash.NOT_IN_ROTA, "dana")]),
        ([change(REMOVE, "amina")], change(REMOVE, "amina", days=5), [("worker", Clash.TAKEN_OFF, "amina")]),
        (
            [change(REMOVE, "ben"), change(REMOVE, "amina")],
            change(REPLACE, "ben", "amina"),
            [("instead_of", Clash.TAKEN_OFF, "amina"), ("worker", Clash.TAKEN_OFF, "ben")],
        ),
    ],
)
def test_a_change_is_told_what_it_contradicts(
    made: list[Override], asked: Override, expected: list[tuple[str, Clash, str]]
) -> None:
    found = conflicts(ROTA, made, asked, zone=LONDON)
    assert [(conflict.field, conflict.why, conflict.worker) for conflict in found] == expected
    for conflict in found:
        assert (conflict.by in made) == (conflict.why is Clash.TAKEN_OFF)
        if conflict.why in (Clash.NOT_ON_CALL, Clash.ON_CALL_ALREADY):
            assert conflict.duties
