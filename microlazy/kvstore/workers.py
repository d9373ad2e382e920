"""The processes that MPI started together, and what they do at once.

Each operation is entered by every worker in the same order. None waits without end: whoever waits
listens to the others meanwhile, and ends the job when one has left or does not come.
"""

from __future__ import annotations

import atexit
import faulthandler
import os
import sys
import time
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy

from ..base import MXNetError
from ..core.ops.numpy_call import call
from ..core.parallel import default_threads, get_num_threads, set_num_threads
from ..core.planning import advance_generation
from ..core.tensor import Tensor

TIMEOUT = 600.0  # seconds
SPINS = 2000  # looks without a pause, a millisecond or so
GRACE = 2.0  # how long the others have to answer a worker that waited in vain

# Two sequences of operations that may overlap: what a program waits for at once, and what runs
# beside a backward pass.
FRONT, BACK = 0, 1

# What workers tell each other: where are you, I am here, I come no more.
_ASK, _HERE, _LEFT = 1, 2, 3


class Pending:
    """An operation that all workers take part in and that need not be over yet.

    Parameters
    ----------
    what : str
        For errors.
    channel, number : int
        Its place in one of the two sequences.
    steps : callable
        Each starts a part, when that before it is over, and returns MPI's request, or None.
    after : Pending, optional
        Must be over before the second step begins.
    written : numpy.ndarray, optional
        What MPI writes to until it is over: of sums in place, mpi4py keeps no reference, and who
        waited in vain may have forgotten it.
    """

    def __init__(
        self,
        what: str,
        channel: int,
        number: int,
        *steps: Callable[[], Any],
        after: Pending | None = None,
        written: numpy.ndarray | None = None,
    ) -> None:
        self.what, self.channel, self.number = what, channel, number
        self._steps = list(steps)
        self._after = after
        self._written = written
        self._request = self._next()

    def _next(self) -> Any:
        while self._steps:
            request = self._steps.pop(0)()
            if request is not None:
                return request
        return None

    def done(self) -> bool:
        """Whether it is over; goes on with it if not."""
        while self._request is not None:
            if not self._request.Test() or not (self._after is None or self._after.done()):
                return False
            self._after = None
            self._request = self._next()
        self._written = None
        return True


class Workers:
    """All workers of the job; `join` makes one object in each.

    Parameters
    ----------
    mpi : module
        mpi4py's `MPI`.

    Attributes
    ----------
    rank, size : int
        The number of this worker, from 0, and how many there are.
    timeout : float
        How many seconds to wait for the others in an operation.
    process : int
        The id of this worker's process.
    """

    def __init__(self, mpi: Any) -> None:
        self._mpi, self.process = mpi, os.getpid()
        world = mpi.COMM_WORLD
        self.rank: int = world.Get_rank()
        self.size: int = world.Get_size()
        self.timeout = _timeout()
        self._channels = [world.Dup(), world.Dup()]
        self._second_steps, self._control = world.Dup(), world.Dup()
        self._half_sum: Pending | None = None  # the last one
        self._begun = [0, 0]  # operations of each channel
        self._others: dict[int, Any] = {}  # where they are, as far as they answered
        self._left: dict[int, Any] = {}  # where they were when they left
        self._sent: list[Any] = []  # requests with their messages
        self._open: list[Pending] = []
        neighbours = world.Split_type(mpi.COMM_TYPE_SHARED)
        self.here: int = neighbours.Get_size()  # workers on this machine
        cores = len(set().union(*neighbours.allgather(_cores())))
        neighbours.Free()
        # With a core for each worker it answers at once; else whoever spins takes another's core.
        self._spins = SPINS if self.here <= cores else 0

    # ---- operations ----------------------------------------------------------------------------

    def barrier(self) -> None:
        """Wait until all workers are here."""
        self._now("barrier()", lambda comm: comm.Ibarrier())

    def sum(self, values: numpy.ndarray, what: str) -> None:
        """Replace numbers by their sums over all workers, with the same bits in all of them.

        Parameters
        ----------
        values : numpy.ndarray
            Contiguous; of a dtype that MPI adds.
        what : str
            What they are, for errors.
        """
        self.wait(self.start_sum(values, what, FRONT))

    def start_sum(self, values: numpy.ndarray, what: str, channel: int = BACK) -> Pending:
        """Begin with `sum`; the numbers belong to the operation until it is over."""
        comm = self._channels[channel]

        def start() -> Any:
            return comm.Iallreduce(self._mpi.IN_PLACE, values)

        return self._begin(what, channel, start, written=values)

    def start_half_sum(self, values: numpy.ndarray, what: str) -> Pending:
        """Begin with a sum of numbers that travel as float16, half as many bytes.

        Each worker adds one piece in float32, in the order of the workers, and sends the mean on:
        it has the range of what a single worker gave.

        Parameters
        ----------
        values : numpy.ndarray
            Of one axis, float32 or float64. Each is rounded to float16, and the mean once more.
        what : str
        """
        comm, size = self._channels[BACK], self.size
        piece = -(-len(values) // size)
        mine = numpy.zeros((size, piece), "float16")
        parts, means = numpy.empty_like(mine), numpy.empty_like(mine)
        flat = mine.reshape(-1)
        with numpy.errstate(over="ignore"):  # infinite gradients are their owner's to see
            flat[: len(values)] = values

        def scatter() -> Any:
            return comm.Ialltoall([mine, self._mpi.BYTE], [parts, self._mpi.BYTE])

        def gather() -> Any:  # in the same order everywhere, whenever the first steps are over
            with numpy.errstate(all="ignore"):
                mean = (parts.sum(0, dtype="float32") / numpy.float32(size)).astype("float16")
            return self._second_steps.Iallgather([mean, self._mpi.BYTE], [means, self._mpi.BYTE])

        def finish() -> None:
            numpy.multiply(means.reshape(-1)[: len(values)], size, out=values, dtype=values.dtype)

        self._half_sum = self._begin(what, BACK, scatter, gather, finish, after=self._half_sum)
        return self._half_sum

    def broadcast(self, values: numpy.ndarray, what: str) -> None:
        """Give all workers the values of worker 0.

        Parameters
        ----------
        values : numpy.ndarray
            Contiguous.
        what : str
            What they are; must be the same in all workers.

        Raises
        ------
        MXNetError
            If worker 0 sends something else.
        """
        name = f"{what}, {values.dtype} of shape {values.shape}"
        expected = numpy.array([zlib.crc32(name.encode()), values.nbytes], "int64")
        header = expected.copy()
        self._now(what, lambda comm: comm.Ibcast(header))
        if (header != expected).any():
            raise MXNetError(
                f"{self}: worker 0 broadcasts something else than {name}. Do all workers run the "
                "same program, with the same layers?"
            )
        self._now(what, lambda comm: comm.Ibcast([values, values.nbytes, self._mpi.BYTE]))

    def _now(self, what: str, start: Callable[[Any], Any]) -> None:
        comm = self._channels[FRONT]
        self.wait(self._begin(what, FRONT, lambda: start(comm)))

    def _begin(self, what: str, channel: int, *steps: Callable[[], Any], **options: Any) -> Pending:
        self._begun[channel] += 1
        pending = Pending(what, channel, self._begun[channel], *steps, **options)
        self._open = [each for each in self._open if not each.done()] + [pending]
        return pending

    # ---- waiting -------------------------------------------------------------------------------

    def wait(self, pending: Pending) -> None:
        """Wait until an operation is over.

        Raises
        ------
        MXNetError
            If another worker left before it, or `timeout` seconds were not enough; the message
            names who is missing.
        """
        for _ in range(self._spins):
            if pending.done():
                return
        deadline = time.monotonic() + self.timeout
        pause = 20e-6
        while not pending.done():
            self._listen()
            gone = [r for r, begun in self._left.items() if begun[pending.channel] < pending.number]
            if gone:
                raise MXNetError(
                    f"{self}: {_names(gone)} ended without {pending.what}, for which this worker "
                    "waits. Do all workers make the same number of steps?"
                )
            if time.monotonic() > deadline:
                return self._late(pending)
            time.sleep(pause)  # others need the core
            pause = min(1.1 * pause, 1e-3)

    def _late(self, pending: Pending) -> None:
        """Ask where the others are, and say who is missing."""
        self._others.clear()
        for rank in self._all_others():
            self._tell(rank, _ASK)
        end = time.monotonic() + GRACE
        while time.monotonic() < end and len(self._others) < self.size - 1:
            if pending.done():
                return
            self._listen()
            time.sleep(1e-3)
        silent = [rank for rank in self._all_others() if rank not in self._others]
        behind = [
            rank for rank, begun in self._others.items() if begun[pending.channel] < pending.number
        ]
        told = [f"{_names(silent)} gave no answer (busy or hanging)"] if silent else []
        told += [f"{_names(behind)} waited for something else"] if behind else []
        told = told or ["all have begun with it, so the connection is slow"]
        raise MXNetError(
            f"{self}: {pending.what} was not over after {self.timeout:g} seconds: "
            f"{'; '.join(told)}. Set the store's timeout, or MICROLAZY_KVSTORE_TIMEOUT, if it may "
            "take longer"
        )

    def _all_others(self) -> list[int]:
        return [rank for rank in range(self.size) if rank != self.rank]

    def _tell(self, rank: int, tag: int) -> None:
        message = numpy.array(self._begun, "int64")
        self._sent = [(request, kept) for request, kept in self._sent if not request.Test()]
        self._sent.append((self._control.Isend(message, rank, tag), message))

    def _listen(self) -> None:
        mpi, status = self._mpi, self._mpi.Status()
        while message := self._control.Improbe(mpi.ANY_SOURCE, mpi.ANY_TAG, status):
            rank, tag = status.Get_source(), status.Get_tag()
            begun = numpy.full(2, -1, "int64")
            message.Recv(begun)
            if tag == _ASK:
                self._tell(rank, _HERE)
            elif tag == _HERE:
                self._others[rank] = begun
            else:
                self._left[rank] = begun

    # ---- the end -------------------------------------------------------------------------------

    def leave(self) -> None:
        """Tell the others that this worker comes no more, and wait until all have said so.

        If one does not within `timeout` seconds, the job is ended.
        """
        if self._mpi.Is_finalized() or os.getpid() != self.process:  # a forked one is no worker
            return
        for rank in self._all_others():
            self._tell(rank, _LEFT)
        deadline = time.monotonic() + self.timeout
        while len(self._left) < self.size - 1:
            if time.monotonic() > deadline:
                return self._give_up()
            self._listen()
            for pending in self._open:
                pending.done()
            time.sleep(1e-3)

    def _give_up(self) -> None:
        missing = _names([rank for rank in self._all_others() if rank not in self._left])
        print(
            f"{self}: {missing} did not come to an end in {self.timeout:g} seconds after this "
            "worker (busy or hanging), so the job is ended. Set the store's timeout, or "
            "MICROLAZY_KVSTORE_TIMEOUT, if it may take longer",
            file=sys.stderr,
        )
        self.abort()

    def abort(self) -> None:
        """End the processes of all workers."""
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(0.25)  # MPI's launcher hands on what was printed only while it lives
        self._mpi.COMM_WORLD.Abort(1)

    def __str__(self) -> str:
        return f"worker {self.rank} of {self.size}"


def _names(ranks: list[int]) -> str:
    return ("worker " if len(ranks) == 1 else "workers ") + ", ".join(map(str, sorted(ranks)))


def _cores() -> set[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _timeout() -> float:
    text = os.environ.get("MICROLAZY_KVSTORE_TIMEOUT", "")
    try:
        seconds = float(text) if text else TIMEOUT
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"MICROLAZY_KVSTORE_TIMEOUT={text!r}: expected seconds above zero")
    return seconds


_joined: Workers | None = None


def join() -> Workers:
    """Become one of the workers that MPI started; alone if it started none.

    An error that nobody catches ends all of them from then on. If the others do not join in the
    seconds that MICROLAZY_KVSTORE_TIMEOUT says, 600 without it, this process ends and prints where
    it waited.

    Raises
    ------
    MXNetError
        If mpi4py is not installed, or finds no MPI.

    Examples
    --------
    >>> from microlazy.kvstore.workers import join
    >>> join().size  # doctest: +SKIP
    4
    """
    global _joined
    if _joined is None:
        # MPI starts in C, and waits there for ever: only a thread without Python can end it. What
        # it prints names the function below.
        faulthandler.dump_traceback_later(_timeout(), exit=True, file=2)
        try:
            _joined = _wait_until_all_workers_start()
        finally:
            faulthandler.cancel_dump_traceback_later()
        if _joined.size > 1:
            _share_cores(_joined)
            _end_together(_joined)
            advance_generation()  # plans that know nothing of other workers
    return _joined


def _wait_until_all_workers_start() -> Workers:
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise MXNetError(
            "a kvstore over several processes needs mpi4py and an MPI "
            f"(pip install microlazy[mpi] mpich): {error}"
        ) from error
    return Workers(MPI)


def others() -> Workers | None:
    """The workers that this process has joined, if there is any other than itself.

    Examples
    --------
    >>> from microlazy.kvstore.workers import others
    >>> others() is None
    True
    """
    return None if _joined is None or _joined.size == 1 else _joined


def total(x: Tensor) -> Tensor:
    """The sum of an array over all workers, recorded: its gradient is summed over them too.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.kvstore.workers import total
    >>> total(nd.ones((2,))).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return call(_summed, [x], gradients=(_summed_gradient,), result=_like)


def _summed(values: numpy.ndarray) -> numpy.ndarray:
    values = values.copy()
    workers = others()
    if workers is not None:
        workers.sum(values, "a sum over all workers' batches")
    return values


def _summed_gradient(g: Tensor, _y: Tensor, _x: Tensor) -> Tensor:
    return total(g)


def _like(x: Tensor) -> tuple[Any, Any]:
    return x.shape, x.dtype


def _share_cores(workers: Workers) -> None:
    """Give each worker of a machine its part of the cores, unless somebody chose a number."""
    chosen = {"MICROLAZY_NUM_THREADS", "OMP_NUM_THREADS"} & os.environ.keys()
    if not chosen and get_num_threads() == default_threads():
        set_num_threads(max(1, default_threads() // workers.here))


def _end_together(workers: Workers) -> None:
    before = sys.excepthook

    def hook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        before(kind, error, traceback)
        if os.getpid() != workers.process:
            return
        print(f"{workers} of the job failed, so it is ended", file=sys.stderr)
        workers.abort()

    sys.excepthook = hook
    atexit.register(workers.leave)
