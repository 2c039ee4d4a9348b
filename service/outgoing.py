"""What leaves this process: due messages are taken from the outbox, what was written a moment ago is taken at once, and senders'
hands give them to their providers."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from notifiers.base import Asks
from service.away import is_gone
from service.flows import claiming, delivery
from service.gathered import Gathered
from service.models.outbox import OutboxMessage
from service.records.claims import Claimed
from service.records.turns import Room
from service.rounds import Rounds
from service.runtime import Load, Runtime
from service.slots import NO_ROOM, Slots
from service.work import Work

COMPANY_SECONDS = 0.005  # while others are on their way: three written down at once cost little more than one
AWAY_SECONDS = 1.0  # until what a database that is away did not take is tried again
LOCKED_SECONDS = 0.05  # until messages that others hold just now are looked for again


class Outgoing:
    """Takes messages and sends them, in threads of its own. `failed` hears of what keeps them from being sent."""

    def __init__(self, runtime: Runtime, failed: Callable[..., None]) -> None:
        self._runtime = runtime
        self._failed = failed
        self._slots = Slots(runtime.settings.send_threads)
        self._senders = ThreadPoolExecutor(self._slots.most, thread_name_prefix="send")
        self._sent = Gathered[delivery.Sending](
            "settling",
            self._write_down,
            company=lambda: COMPANY_SECONDS if self._slots.busy else 0,
            hopeless=is_gone,
        )
        self._dropped: deque[Claimed] = deque()  # given up in the middle, and to fall due again
        self.rounds = Rounds("sending", self._send_due, lambda error: failed(error, "sending what is due failed"))
        # Of what messages may wait that came before what is written now: what there was no room for when they were looked for.
        self._lacking: Room | None = NO_ROOM
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin: first of all with what an earlier process left behind."""
        self._sent.start()
        self.rounds.start()
        self._runtime.senders.hands = self

    def stop(self, within: float) -> None:
        """Finish the messages in hand and stop; what is not begun is left to others."""
        self._stopping.set()
        self._runtime.senders.hands = None
        self.rounds.stop(within)
        self._senders.shutdown(wait=True)
        self._sent.stop()
        try:
            claiming.put_back(self._runtime, self._slots.clear())
            self._let_dropped_fall_due()
        except SQLAlchemyError as error:
            # Whoever starts next takes it over.
            self._failed(error, "leaving messages to others failed")

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Nothing is in hand, and nothing is taken."""
        with self.rounds.held:
            hands, self._runtime.senders.hands = self._runtime.senders.hands, None
            try:
                self._slots.wait_until_idle()
                yield
            finally:
                self._runtime.senders.hands = hands

    @property
    def takes_at_once(self) -> bool:
        """Whether a page that is written now is sent without a look into the outbox: nothing waits before it."""
        return self._runtime.senders.hands is self and not self._pages_wait

    @property
    def _pages_wait(self) -> bool:
        return self._lacking is not None and bool(self._lacking.full)

    def take(self, work: Work) -> Load:
        """The pages that a transaction has just written, unless others wait before them."""
        fresh = len(work.session.all_unwritten(OutboxMessage))
        claimed: list[Claimed] = []
        if fresh and not self._pages_wait:
            _, room = self._slots.free()
            claimed = claiming.claim_new(self._runtime, work, room, self._slots.take_page)
        return Load(claimed=claimed, rest=len(claimed) < fresh or work.session.has_inserted(OutboxMessage))

    def put_back(self, load: Load, why: BaseException) -> None:
        """They were not stored; or they were, where the connection broke in the middle of that."""
        for each in load.claimed:
            self._slots.give_back(each)
        if isinstance(why, Exception) and is_gone(why):
            self._dropped.extend(load.claimed)

    def send(self, load: Load) -> None:
        """They were stored, so they are sent."""
        for each in load.claimed:
            self._slots.put(each)
        self._take_up()
        if load.rest:
            self.rounds.wake()

    def _send_due(self) -> None:
        self._let_dropped_fall_due()
        self._put_overdue_back()
        while not self._stopping.is_set():
            free, room = self._slots.free()
            lacking: Room | None = NO_ROOM
            if free > 0 and self._slots.is_low:
                if claiming.due_now(self._runtime, room=room):
                    taken = claiming.claim(self._runtime, free, room=room)
                    for claimed in taken:
                        self._slots.take(claimed)
                        self._slots.put(claimed)
                    self._take_up()
                    if not taken:
                        self._stopping.wait(LOCKED_SECONDS)
                    continue
                left = claiming.paced(self._runtime, room)
                lacking = left if left.full or left.others == 0 else None
            before, self._lacking = self._lacking, lacking
            if lacking is None or (before and (before.full, before.others) == (lacking.full, lacking.others)):
                return
            # Whoever is free from now on wakes us; who was a moment ago did not know of it.

    def _take_up(self) -> None:
        while (claimed := self._slots.take_up()) is not None:
            try:
                self._senders.submit(self._send_on, claimed)
            except RuntimeError:  # stopped meanwhile: it is put back with whatever else lies there
                self._slots.lay_back(claimed)
                return

    def _send_on(self, first: Claimed) -> None:
        """One message after the other, for as long as any lies there."""
        claimed: Claimed | None = first
        while claimed is not None:
            self._send(claimed)
            self._wake_for_more()
            claimed = None if self._stopping.is_set() else self._slots.take_up()

    def _send(self, claimed: Claimed) -> None:
        """Whoever can be asked after a crash what it took need not wait until that is written down; a few things at most are
        not, because each keeps its place."""
        try:
            sending = delivery.hand_over(self._runtime, claimed)
            if sending and sending.accepted:
                asks = isinstance(sending.by, Asks)
                if asks:
                    self._slots.let_go(claimed)
                written = self._sent.give(sending)
                written.add_done_callback(partial(self._is_written, claimed))
                if not asks:
                    wait([written])
                    # Whoever waits is woken before what hangs on it is done; and a hand that looks for more is free.
                    self._slots.let_go(claimed)
                return
            if sending:
                self._write_down([sending])
        except Exception as error:
            self._give_up(claimed, error)
        self._slots.give_back(claimed)

    def _write_down(self, sendings: list[delivery.Sending]) -> None:
        """What came of some messages. A database that is away is waited for, for as long as they are nobody else's: what would
        be forgotten would be sent again."""
        until = max(each.claimed.until for each in sendings)
        while True:
            try:
                delivery.settle(self._runtime, sendings)
                return
            except SQLAlchemyError as error:
                over = self._runtime.clock.now() >= until
                if not is_gone(error) or over or self._stopping.wait(AWAY_SECONDS):
                    raise

    def _is_written(self, claimed: Claimed, written: "Future[None]") -> None:
        if error := written.exception():
            self._give_up(claimed, error)
        self._slots.give_back(claimed)
        self._wake_for_more()

    def _wake_for_more(self) -> None:
        if (lacking := self._lacking) and self._slots.has_room_now(lacking):
            self.rounds.wake()

    def _give_up(self, claimed: Claimed, error: BaseException) -> None:
        """The row says that it was being sent; so it does not wait for the end of its lease."""
        self._failed(error, "sending failed", message=claimed.message.reference)
        self._dropped.append(claimed)

    def _let_dropped_fall_due(self) -> None:
        dropped = [self._dropped.popleft() for _ in range(len(self._dropped))]
        try:
            claiming.drop(self._runtime, dropped)
        except BaseException:
            self._dropped.extend(dropped)
            raise

    def _put_overdue_back(self) -> None:
        """What lies beside hands that a slow provider keeps busy is in the way of other channels."""
        overdue = self._slots.overdue()
        try:
            claiming.put_back(self._runtime, overdue)
        except BaseException:
            for claimed in overdue:
                self._slots.put(claimed)
            raise
        for claimed in overdue:
            self._slots.give_back(claimed)
