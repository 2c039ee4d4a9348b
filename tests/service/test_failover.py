"""The primary dies, its standby takes its place, and the service that knows both goes on with everything it has promised."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import httpx
import psycopg
import pytest
from sqlmodel import col, func, select

from service.flows import sandbox
from service.models.access import Role
from service.models.incidents import Incident
from service.models.outbox import UNSENT, OutboxMessage
from service.runtime import Runtime
from tests.postgres import Server, running_server
from tests.running import build_sandbox, open_sandbox, served, wait_until

pytestmark = pytest.mark.xdist_group("database-away")


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    with ExitStack() as stack:
        primary = stack.enter_context(running_server())
        address = primary.database("failover")
        build_sandbox(address).close()
        yield primary, stack.enter_context(primary.standby())


def waiting(runtime: Runtime) -> int:
    with runtime.reading() as work:
        count = select(func.count()).select_from(OutboxMessage).where(col(OutboxMessage.state).in_(UNSENT))
        return work.session.exec(count).one()


def receiver_of(standby: Server) -> int:
    """The process of a standby that takes what the primary has committed."""
    with psycopg.connect(standby.url) as connection:
        row = connection.execute("SELECT pid FROM pg_stat_wal_receiver").fetchone()
    assert row, "it follows"
    return int(row[0])


def grows(found: Sequence[str]) -> bool:
    """Whether more comes within a second."""
    before = len(found)
    threading.Event().wait(1)
    return len(found) > before


def test_what_was_accepted_is_on_the_new_primary_and_work_goes_on_by_itself(pair: tuple[Server, Server]) -> None:
    primary, standby = pair
    both = f"host={primary.socket_folder}&host={standby.socket_folder}"
    runtime = open_sandbox(f"postgresql://postgres:@/failover?{both}&target_session_attrs=read-write")
    headers = {"Authorization": f"Bearer {sandbox.demo_keys(runtime)[Role.PARTNER]}"}
    accepted: list[str] = []
    statuses: list[int] = []
    enough = threading.Event()

    def post(client: httpx.Client) -> None:
        while not enough.is_set():
            body = {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"}
            answer = client.post("/v1/incidents", json=body)
            statuses.append(answer.status_code)
            if answer.is_success:
                accepted.append(answer.json()["id"])

    with served(runtime) as address, httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        poster = threading.Thread(target=post, args=(client,))
        poster.start()
        try:
            wait_until(lambda: len(accepted) > 5)
            # What does not reach the standby any more is accepted no more.
            receiver = receiver_of(standby)
            os.kill(receiver, signal.SIGSTOP)
            wait_until(lambda: not grows(accepted))
            primary.stop("immediate")
            os.kill(receiver, signal.SIGCONT)
            wait_until(lambda: statuses[-1] == httpx.codes.SERVICE_UNAVAILABLE)
            standby.promote()
            before = len(accepted)
            wait_until(lambda: len(accepted) > before + 5)
        finally:
            enough.set()
            poster.join()
        assert set(statuses) == {httpx.codes.CREATED, httpx.codes.SERVICE_UNAVAILABLE}
        wait_until(lambda: runtime.database.seen_as is not None)
        wait_until(lambda: not waiting(runtime))
        wait_until(lambda: client.get("/readyz").status_code == httpx.codes.OK)
    with runtime.reading() as work:
        assert set(accepted) <= set(work.session.exec(select(Incident.id)))
    runtime.close()
