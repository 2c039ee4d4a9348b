"""Supervisors keep the list of community guardians."""

from collections.abc import Sequence

from service.errors import Fault, Invalid, NotFound
from service.models.guardians import Guardian, Trade
from service.numbers import e164
from service.records import guardians
from service.runtime import Runtime


def add(
    runtime: Runtime,
    *,
    name: str,
    organisation: str,
    trade: Trade,
    phone: str,
    locality: str,
    localities: Sequence[str],
    actor: str,
) -> Guardian:
    """Put somebody on the list of a locality that the supervisor sees. Raises Invalid, Conflict and NotFound."""
    if localities and locality not in localities:
        raise NotFound("there is no such locality among yours")
    try:
        number = e164(phone)
    except ValueError as error:
        raise Invalid("the content is wrong", (Fault("/phone", str(error)),)) from None
    with runtime.transaction() as work:
        return guardians.add(
            work, name=name, organisation=organisation, trade=trade, phone=number, locality=locality, actor=actor
        )


def remove(runtime: Runtime, guardian_id: str, *, localities: Sequence[str], actor: str) -> None:
    """Take somebody off the list: later texts of theirs are a stranger's. Raises NotFound."""
    with runtime.transaction() as work:
        guardians.remove(work, guardian_id, localities=localities, actor=actor)
