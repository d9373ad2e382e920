"""Those who fetch batches for a DataLoader: threads, or processes that use shared memory.

A worker process has one pipe. It gets numbered tasks and answers each with the name of a block of
shared memory: a pickle, and behind it the memory of all arrays. The main process copies that and
removes the block. Names follow from the task's number, so what a killed worker left is found.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import random
import secrets
import signal
import time
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import connection, resource_tracker, shared_memory
from typing import Any, NamedTuple

import numpy
from numpy.random import mtrand

from ...base import MXNetError
from ...core import generator
from ...util import is_np_array, is_np_shape, np_array, np_shape

Fetch = Callable[[list[Any]], Any]

# The main process's ends of all pipes. A forked worker closes them: else the pipes would outlive
# the main process, and with them the workers.
_OURS: weakref.WeakSet[Any] = weakref.WeakSet()

_ALIGNED = 64


class TooSlow(Exception):
    """A batch was waited for long enough; not TimeoutError, which a data set may raise."""


class Task(NamedTuple):
    """What a worker is asked for: a batch, and the settings under which it is made."""

    indices: list[Any]
    seed: int
    np_shape: bool
    np_array: bool

    @classmethod
    def here(cls, indices: list[Any], seed: int) -> Task:
        """A task with the settings of this thread."""
        return cls(indices, seed, is_np_shape(), is_np_array())

    def run(self, fetch: Fetch) -> Any:
        """The batch."""
        with np_shape(self.np_shape), np_array(self.np_array):
            return fetch(self.indices)


# What `numpy.random` draws from while this process makes a batch. Copying the state of its own bit
# generator out and back would cost half a millisecond.
_INSTEAD = numpy.random.MT19937(0)


@contextlib.contextmanager
def own_random_numbers() -> Iterator[None]:
    """Leave all generators as they were."""
    states = generator.get_state(), mtrand.get_bit_generator(), random.getstate()
    mtrand.set_bit_generator(_INSTEAD)
    try:
        yield
    finally:
        generator.set_state(states[0])
        mtrand.set_bit_generator(states[1])
        random.setstate(states[2])


def set_seeds(seed: int) -> None:
    """Seed every generator that a data set may draw from."""
    generator.set_state((seed, seed + 1, 0, 0))  # not seed(), which is a decision of the program
    numpy.random.seed(seed % 2**32)
    random.seed(seed)


class Threads:
    """Threads that fetch batches."""

    alive = True

    def __init__(self, fetch: Fetch, workers: int) -> None:
        self._fetch = fetch
        self._pool = ThreadPoolExecutor(workers)

    def submit(self, task: Task) -> Future:
        return self._pool.submit(task.run, self._fetch)

    def result(self, future: Future, timeout: float) -> Any:
        try:
            return future.result(timeout)
        except TimeoutError:
            if future.done():
                raise
            raise TooSlow from None

    def forget(self, futures: Iterable[Future]) -> None:
        for future in futures:
            future.cancel()


class Processes:
    """Processes that fetch batches; gone when this object is, or at the first that died."""

    def __init__(self, fetch: Fetch, workers: int) -> None:
        context = multiprocessing.get_context()
        if os.name == "posix":  # the workers use this process's tracker
            resource_tracker.ensure_running()
        self._state = state = _State(f"ml_{os.getpid()}_{secrets.token_hex(4)}_")
        self._finalizer = weakref.finalize(self, state.close, os.getpid())
        try:
            for _ in range(workers):
                ours, theirs = context.Pipe()
                _OURS.add(ours)
                process = context.Process(
                    target=_work, args=(theirs, fetch, state.prefix), daemon=True
                )
                state.workers[ours] = process
                state.waiting[ours] = set()
                process.start()
                theirs.close()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        return bool(self._state.workers)

    def close(self) -> None:
        """End the workers."""
        self._finalizer()

    def submit(self, task: Task) -> int:
        """Hand a task to the worker that has the fewest; returns its number."""
        state = self._state
        number = state.next
        state.next += 1
        pipe = min(state.waiting, key=lambda pipe: len(state.waiting[pipe]))
        state.waiting[pipe].add(number)
        try:
            pipe.send((number, task, state.copied.pop(pipe, [])))
        except OSError:
            self._died(pipe)
        return number

    def result(self, number: int, timeout: float) -> Any:
        """Wait for a batch."""
        state = self._state
        end = time.monotonic() + timeout
        while number not in state.done:
            if not state.workers:
                raise MXNetError("the workers of this DataLoader have ended; iterate anew")
            sentinels = {process.sentinel: pipe for pipe, process in state.workers.items()}
            ready = connection.wait([*state.workers, *sentinels], max(0, end - time.monotonic()))
            if not ready:
                raise TooSlow
            pipes = [pipe for pipe in state.workers if pipe in ready]
            for pipe in pipes:
                self._receive(pipe)
            if not pipes:  # whatever a dead worker had sent was received before
                self._died(sentinels[ready[0]])
        good, batch = state.done.pop(number)
        if not good:
            raise batch
        return batch

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop batches that nobody waits for any more."""
        for number in numbers:
            if self._state.done.pop(number, None) is None:
                self._state.unwanted.add(number)

    def _receive(self, pipe: Any) -> None:
        state = self._state
        try:
            number, good, ends = pipe.recv()
        except (EOFError, OSError):
            self._died(pipe)
            return
        unwanted = number in state.unwanted
        state.unwanted.discard(number)
        made = _take(state.prefix + str(number), ends, unwanted)
        state.waiting[pipe].discard(number)
        state.copied.setdefault(pipe, []).append(number)
        if not unwanted:
            state.done[number] = good, made

    def _died(self, pipe: Any) -> None:
        process = self._state.workers[pipe]
        process.join(10)
        code, pid = process.exitcode, process.pid
        self.close()
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        raise MXNetError(
            f"a worker of the DataLoader (process {pid}) ended {how} while it made a batch; a "
            "common reason is that memory ran out: try fewer workers or smaller batches"
        )


class _State:
    """What must be ended and removed with the workers; it does not keep `Processes` alive."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix  # of the names of shared memory
        self.next = 0
        self.workers: dict[Any, Any] = {}  # by pipe: the process
        self.waiting: dict[Any, set[int]] = {}  # by pipe: what it was asked for
        self.copied: dict[Any, list[int]] = {}  # by pipe: whose memory it may let go
        self.done: dict[int, tuple[bool, Any]] = {}
        self.unwanted: set[int] = set()

    def close(self, owner: int) -> None:
        if os.getpid() != owner:  # a forked copy of the loader
            return
        for pipe, process in self.workers.items():
            pipe.close()
            if process.pid is not None:  # it was started
                process.terminate()
                process.join(10)
                if process.is_alive():  # it does not listen to SIGTERM
                    process.kill()
                    process.join()
                process.close()
        for numbers in self.waiting.values():
            for number in numbers:
                with contextlib.suppress(FileNotFoundError, ValueError):
                    _take(self.prefix + str(number), [], True)
        self.workers.clear()
        self.waiting.clear()


def _take(name: str, ends: list[int], unwanted: bool) -> Any:
    """Copy what is in a block of shared memory, unless it is unwanted, and remove the block."""
    block = shared_memory.SharedMemory(name)
    try:
        if unwanted:
            return None
        memory = _bytes(block)[: ends[-1]].copy()
    finally:
        block.close()
        block.unlink()
    starts = map(_aligned, ends)
    buffers = [memory[start:end] for start, end in zip(starts, ends[1:], strict=False)]
    return pickle.loads(memory[: ends[0]].data, buffers=buffers)


def _bytes(block: shared_memory.SharedMemory) -> numpy.ndarray:
    return numpy.ndarray(block.size, numpy.uint8, block.buf)


def _aligned(place: int) -> int:
    return -(-place // _ALIGNED) * _ALIGNED


def _put(name: str, made: Any) -> tuple[shared_memory.SharedMemory, list[int]]:
    """Write into a new block of shared memory; also returns where each part ends."""
    buffers: list[pickle.PickleBuffer] = []
    parts = [memoryview(pickle.dumps(made, 5, buffer_callback=buffers.append))]
    parts += [buffer.raw() for buffer in buffers]
    ends, end = [], 0
    for part in parts:
        end = _aligned(end) + part.nbytes
        ends.append(end)
    block = shared_memory.SharedMemory(name, create=True, size=end)
    memory = _bytes(block)
    for part, end in zip(parts, ends, strict=True):
        memory[end - part.nbytes : end] = numpy.frombuffer(part, numpy.uint8)
    return block, ends


def _work(pipe: Any, fetch: Fetch, prefix: str) -> None:
    """The life of a worker process."""
    for other in list(_OURS):
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not what the program does at its own
    held: dict[int, shared_memory.SharedMemory] = {}  # until it is copied, as Windows wants it
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            number, task, copied = pipe.recv()
            for other in copied:
                held.pop(other).close()
            name = prefix + str(number)
            try:
                set_seeds(task.seed)
                good = True
                held[number], ends = _put(name, task.run(fetch))
            except Exception as error:
                good = False
                held[number], ends = _put(name, _portable(error))
            pipe.send((number, good, ends))


def _portable(error: Exception) -> Exception:
    """An error that can be handed over, with the worker's traceback as a note."""
    text = traceback.format_exc().rstrip()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = MXNetError(f"{type(error).__name__}: {error}")
    error.add_note(f"It was raised in a worker of the DataLoader:\n{text}")
    return error
