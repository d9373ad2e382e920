"""Those who fetch batches for a DataLoader: threads, or processes that use shared memory.

A worker process has one pipe. It gets numbered tasks and answers each with the number of a block of
shared memory: a pickle, and behind it the memory of all arrays. The main process copies that and
lets the worker use the block again: a new one costs more than the copy. Only large blocks are
removed at once. Names follow from a worker's number and the block's, so what a killed worker left
is found.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import multiprocessing
import os
import pickle
import random
import secrets
import signal
import threading
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
from ...core import generator, parallel
from ...core.array import rebuild
from ...core.functions import face_of
from ...core.tensor import Tensor
from ...util import is_np_array, is_np_shape, np_array, np_shape
from .batchify import to_batch

Fetch = Callable[[list[Any], Callable[[Any], Any]], Any]

# The main process's ends of all pipes. A forked worker closes them: else the pipes would outlive
# the main process, and with them the workers.
_OURS: weakref.WeakSet[Any] = weakref.WeakSet()

_ALIGNED = 64
_KEPT = 1 << 25  # bytes of the largest block that is used again


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

    def run(self, fetch: Fetch, convert: Callable[[Any], Any] = to_batch) -> Any:
        """The batch; `convert` makes an array of rows or of a list of samples."""
        with np_shape(self.np_shape), np_array(self.np_array):
            try:
                return fetch(self.indices, convert)
            except StopIteration as error:  # it would end the epoch without a word
                raise RuntimeError("the data set raised StopIteration") from error


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


def check_owner(owner: int) -> None:
    """Refuse to work for a process that was forked: it has neither threads nor workers."""
    if os.getpid() != owner:
        raise MXNetError(
            "this epoch of a DataLoader belongs to the process that this one was forked from; "
            "iterate anew"
        )


class Threads:
    """Threads that fetch batches."""

    def __init__(self, fetch: Fetch, workers: int) -> None:
        self._fetch = fetch
        self._pool = ThreadPoolExecutor(workers)
        self._owner = os.getpid()

    @property
    def alive(self) -> bool:
        return os.getpid() == self._owner

    def submit(self, task: Task) -> Future:
        check_owner(self._owner)
        return self._pool.submit(task.run, self._fetch)

    def result(self, future: Future, timeout: float) -> Any:
        check_owner(self._owner)
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
    """Processes that fetch batches; gone when this object is, or at the first that died.

    A forked copy of the main process has no part in them. Threads take turns: each receives what
    comes until its own batch is there.
    """

    def __init__(self, fetch: Fetch, workers: int) -> None:
        context = multiprocessing.get_context()
        if os.name == "posix":  # the workers use this process's tracker
            resource_tracker.ensure_running()
        self._owner = os.getpid()
        self._turn = threading.RLock()
        self._state = state = _State(f"ml_{self._owner}_{secrets.token_hex(4)}_")
        self._finalizer = weakref.finalize(self, state.close, self._owner)
        try:
            for number in range(workers):
                ours, theirs = context.Pipe()
                _OURS.add(ours)
                process = context.Process(
                    target=_work, args=(theirs, fetch, f"{state.prefix}{number}_"), daemon=True
                )
                state.workers[ours] = process
                state.blocks[ours] = _Mapped(f"{state.prefix}{number}_")
                state.waiting[ours] = set()
                process.start()
                theirs.close()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether all workers live and are this process's."""
        if os.getpid() != self._owner or not self._state.workers:
            return False
        return not connection.wait([each.sentinel for each in self._state.workers.values()], 0)

    def close(self) -> None:
        """End the workers."""
        self._finalizer()

    def submit(self, task: Task) -> int:
        """Hand a task to the worker that has the fewest; returns its number."""
        check_owner(self._owner)
        state = self._state
        with self._turn:
            number = state.next
            state.next += 1
            if not state.waiting:
                raise _ended()
            pipe = min(state.waiting, key=lambda pipe: len(state.waiting[pipe]))
            state.waiting[pipe].add(number)
            try:
                pipe.send((number, task, state.copied.pop(pipe, [])))
            except OSError:
                self._died(pipe)
        return number

    def result(self, number: int, timeout: float) -> Any:
        """Wait for a batch."""
        check_owner(self._owner)
        end = time.monotonic() + timeout
        if not self._turn.acquire(timeout=timeout):
            raise TooSlow
        try:
            good, batch = self._received(number, end)
        finally:
            self._turn.release()
        if not good:
            raise batch
        return batch

    def _received(self, number: int, end: float) -> tuple[bool, Any]:
        state = self._state
        while number not in state.done:
            if not state.workers:
                raise _ended()
            sentinels = {process.sentinel: pipe for pipe, process in state.workers.items()}
            ready = connection.wait([*state.workers, *sentinels], max(0, end - time.monotonic()))
            if not ready:
                raise TooSlow
            pipes = [pipe for pipe in state.workers if pipe in ready]
            for pipe in pipes:
                self._receive(pipe)
            if not pipes:  # whatever a dead worker had sent was received before
                self._died(sentinels[ready[0]])
        return state.done.pop(number)

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop batches that nobody waits for any more."""
        if os.getpid() != self._owner:
            return
        for number in numbers:
            if self._state.done.pop(number, None) is None:
                self._state.unwanted.add(number)

    def _receive(self, pipe: Any) -> None:
        state = self._state
        try:
            number, good, block, ends, outgrown = pipe.recv()
        except (EOFError, OSError):
            self._died(pipe)
            return
        unwanted = number in state.unwanted
        state.unwanted.discard(number)
        state.blocks[pipe].drop(outgrown)
        made = state.blocks[pipe].take(block, ends, unwanted)
        state.waiting[pipe].discard(number)
        state.copied.setdefault(pipe, []).append(block)
        if not unwanted:
            state.done[number] = good, made

    def _died(self, pipe: Any) -> None:
        process = self._state.workers[pipe]
        process.join(10)
        code, pid = process.exitcode, process.pid
        self.close()
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        hint = (
            "; a common reason is that memory ran out: try fewer workers or smaller batches"
            if code == -9
            else ""
        )
        raise MXNetError(
            f"a worker of the DataLoader (process {pid}) ended {how} while it made a batch{hint}"
        )


def _ended() -> MXNetError:
    return MXNetError("the workers of this DataLoader have ended; iterate anew")


class _State:
    """What must be ended and removed with the workers; it does not keep `Processes` alive."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix  # of the names of shared memory
        self.next = 0
        self.workers: dict[Any, Any] = {}  # by pipe: the process
        self.blocks: dict[Any, _Mapped] = {}  # by pipe: its shared memory
        self.waiting: dict[Any, set[int]] = {}  # by pipe: what it was asked for
        self.copied: dict[Any, list[int]] = {}  # by pipe: blocks that it may use again
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
        for blocks in self.blocks.values():
            blocks.remove()
        self.workers.clear()
        self.blocks.clear()
        self.waiting.clear()


class _Mapped:
    """The blocks of shared memory that a worker has made, as the main process sees them."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._open: dict[int, shared_memory.SharedMemory] = {}
        self._next = 0  # the first number that was not seen

    def take(self, number: int, ends: list[int], unwanted: bool) -> Any:
        """Copy what is in a block, unless it is unwanted; a large block is removed."""
        block = self._open.get(number)
        if block is None:
            block = shared_memory.SharedMemory(self._prefix + str(number))
            self._open[number] = block
            self._next = max(self._next, number + 1)
        try:
            return None if unwanted else _Unpickler(_bytes(block), ends).load()
        finally:
            if block.size > _KEPT:
                self.drop([number])

    def drop(self, numbers: Iterable[int]) -> None:
        """Remove blocks that the worker will not use again."""
        for number in numbers:
            block = self._open.pop(number)
            block.close()
            block.unlink()

    def remove(self) -> None:
        """Remove all blocks, those too that the worker had made and did not tell."""
        self.drop(list(self._open))
        for number in itertools.count():
            try:
                block = shared_memory.SharedMemory(self._prefix + str(number))
            except (FileNotFoundError, ValueError):
                if number < self._next:
                    continue
                break
            block.close()
            block.unlink()


class _Blocks:
    """A worker's blocks of shared memory, used again when they were copied."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._next = 0
        self._used: dict[int, shared_memory.SharedMemory] = {}
        self._free: dict[int, shared_memory.SharedMemory] = {}

    def put(self, made: Any) -> tuple[int, list[int], list[int]]:
        """Write into a block; returns its number, where each part ends, and outgrown blocks."""
        parts = _Pickler().parts(made)
        ends, end = [], 0
        for part in parts:
            end = _aligned(end) + math.prod(part.shape) * part.dtype.itemsize
            ends.append(end)
        outgrown: list[int] = []
        number, block = self._block(end, outgrown)
        self._used[number] = block
        starts = [0, *map(_aligned, ends)]
        for part, start in zip(parts, starts, strict=False):
            place = numpy.ndarray(part.shape, part.dtype, block.buf, start)
            if isinstance(part.rows, list):
                for i, row in enumerate(part.rows):
                    place[i] = row
            else:
                place[...] = part.rows
            del place  # it would keep the block from being closed
        return number, ends, outgrown

    def _block(self, size: int, outgrown: list[int]) -> tuple[int, shared_memory.SharedMemory]:
        for number, block in self._free.items():
            if block.size >= size:
                return number, self._free.pop(number)
        if self._free:  # all are too small: one of them goes, so that they do not pile up
            number = min(self._free, key=lambda i: self._free[i].size)
            self._free.pop(number).close()
            outgrown.append(number)
        number, self._next = self._next, self._next + 1
        room = size + size // 8 if size + size // 8 <= _KEPT else size  # others may be larger
        return number, shared_memory.SharedMemory(self._prefix + str(number), True, room)

    def copied(self, numbers: list[int]) -> None:
        """Learn which blocks were copied."""
        for number in numbers:
            block = self._used.pop(number)
            if block.size > _KEPT:
                block.close()
            else:
                self._free[number] = block


def _bytes(block: shared_memory.SharedMemory) -> numpy.ndarray:
    return numpy.ndarray(block.size, numpy.uint8, block.buf)


def _aligned(place: int) -> int:
    return -(-place // _ALIGNED) * _ALIGNED


class _Later(NamedTuple):
    """Rows of which the main process makes an array of ours: an array, or equal ones to stack."""

    rows: Any
    shape: tuple[int, ...]
    dtype: numpy.dtype[Any]
    face: int


def _later(data: Any) -> Any:
    """What `to_batch` does; arrays are copied but once, into shared memory."""
    if isinstance(data, numpy.ndarray):
        return _Later(data, data.shape, data.dtype, int(is_np_array()))
    first = data[0]
    if not isinstance(first, Tensor) or any(
        type(x) is not type(first) or x.shape != first.shape or x.dtype != first.dtype for x in data
    ):
        return to_batch(data)
    rows = [numpy.asarray(x) for x in data]
    return _Later(rows, (len(rows), *rows[0].shape), rows[0].dtype, face_of(first))


class _Pickler(pickle.Pickler):
    """Takes a batch apart: a pickle, the memory of NumPy's arrays, and that of ours."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._buffers: list[pickle.PickleBuffer] = []
        self._ours: list[_Later] = []
        super().__init__(self._file, 5, buffer_callback=self._buffers.append)

    def persistent_id(self, obj: Any) -> Any:
        """Where one of our arrays will be, and what it is; None for all else."""
        if isinstance(obj, Tensor):
            array = numpy.asarray(obj)
            obj = _Later(array, array.shape, array.dtype, face_of(obj))
        elif not isinstance(obj, _Later):
            return None
        self._ours.append(obj)
        return len(self._ours), *obj[1:]  # counted from the end

    def parts(self, made: Any) -> list[_Later]:
        """The parts; the pickle is the first, our arrays come last, backwards."""
        self.dump(made)
        buffers = [buffer.raw() for buffer in self._buffers]
        raw = [numpy.frombuffer(x, numpy.uint8) for x in (self._file.getbuffer(), *buffers)]
        return [*(_Later(x, x.shape, x.dtype, 0) for x in raw), *self._ours[::-1]]


class _Unpickler(pickle.Unpickler):
    """Puts a batch together from a block of memory, of which it copies what it keeps."""

    def __init__(self, memory: numpy.ndarray, ends: list[int]) -> None:
        self._memory, self._ends = memory, ends
        starts = map(_aligned, ends)
        # Made when it is asked for: what comes last is ours, and copied by itself.
        buffers = (memory[i:j].copy() for i, j in zip(starts, ends[1:], strict=False))
        super().__init__(io.BytesIO(memory[: ends[0]].data), buffers=buffers)

    def persistent_load(self, pid: Any) -> Any:
        """One of our arrays."""
        number, shape, dtype, face = pid
        end = self._ends[-number]
        size = math.prod(shape) * dtype.itemsize
        return rebuild(face, numpy.ndarray(shape, dtype, self._memory.data, end - size))


def _work(pipe: Any, fetch: Fetch, prefix: str) -> None:
    """The life of a worker process."""
    for other in list(_OURS):
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not what the program does at its own
    parallel.set_num_threads(1)  # the workers are the parallelism
    blocks = _Blocks(prefix)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            number, task, copied = pipe.recv()
            blocks.copied(copied)
            try:
                set_seeds(task.seed)
                good = True
                answer = blocks.put(task.run(fetch, _later))
            except Exception as error:
                good = False
                answer = blocks.put(_portable(error))
            pipe.send((number, good, *answer))


def _portable(error: Exception) -> Exception:
    """An error that can be handed over, with the worker's traceback as a note."""
    text = traceback.format_exc().rstrip()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = MXNetError(f"{type(error).__name__}: {error}")
    error.add_note(f"It was raised in a worker of the DataLoader:\n{text}")
    return error
