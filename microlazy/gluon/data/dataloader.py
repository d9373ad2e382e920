"""The loader: batches of a data set, epoch by epoch."""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from multiprocessing.reduction import ForkingPickler  # noqa: F401  (loaders of MXNet's users import it from here)
from typing import Any

import numpy

from ...context import cpu_pinned
from ...core import generator
from ...core.tensor import Tensor
from ._pool_iterator import _MultiWorkerIter  # noqa: F401  (they subclass it)
from ._workers import Processes, Task, Threads, TooSlow, own_random_numbers, set_seeds
from .batchify import by_parts, default_batchify_fn
from .dataset import ArrayDataset, by_rows
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader"]

default_mp_batchify_fn = default_batchify_fn  # MXNet's for workers: here they share memory anyway

# Held while workers start: a process forked beside a thread that starts others inherits locks
# that nobody opens.
_STARTING = threading.Lock()


class DataLoader:
    """Gives the batches of a data set; each `for` over it is an epoch.

    Parameters
    ----------
    dataset : Dataset
        Or whatever has `__getitem__` and `__len__`: a list, an array, a data set of PyTorch; or a
        frame of pandas, whose samples are its rows.
    batch_size : int
    shuffle : bool
        In random order, by a `RandomSampler`.
    sampler : Sampler, optional
        Another order; not together with `shuffle`.
    last_batch : {"keep", "discard", "rollover"}, optional
        As in `BatchSampler`; "keep" by default.
    batch_sampler : Sampler, optional
        Gives the indices of whole batches, in place of the four arguments before it.
    batchify_fn : callable, optional
        Makes a batch of a list of samples. By default they are stacked; tuples part by part.
    num_workers : int
        How many processes make batches; with 0 this one does. They are started by the start method
        of `multiprocessing`, live until the loader is gone, and hand batches over in shared memory.
    pin_memory, pin_device_id : bool, int
        Give the arrays the context `cpu_pinned(pin_device_id)`. Their memory is the CPU's.
    prefetch : int, optional
        How many batches are asked for ahead, by default two for each worker.
    thread_pool : bool
        Use threads in place of processes.
    timeout : float
        How many seconds to wait for a worker's batch.
    auto_reload : bool
        Ask for the first batches of the next epoch when the loader is made, or an epoch ends.

    Raises
    ------
    ValueError
        If the arguments contradict each other.
    TypeError
        If the number of workers is no whole number, or the data set cannot be indexed; while
        iterating, if the samples are of a kind that makes no batch.
    multiprocessing.TimeoutError
        While iterating, if a worker takes too long.
    MXNetError
        While iterating, if a worker process died. An error in a worker is raised here as it is,
        with the worker's traceback as a note. After either the loader can be iterated anew.
    RuntimeError
        While iterating, if the data set raises StopIteration.

    Notes
    -----
    Before each batch the generators of microlazy, `numpy.random` and `random` are seeded with a
    number that depends on `mx.random.seed`, the epochs before and the batch. So random transforms
    give the same batches whatever the number of workers, 0 included, and the main process's own
    sequences stay as they are (only a second normal number that `numpy.random` keeps back is lost).
    Threads share one generator: with `thread_pool` it is not seeded.
    Several threads may iterate one loader, each through epochs of its own. A forked process begins
    epochs of its own; it cannot go on with one that was begun before.
    The order of `shuffle` comes from `numpy.random`.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> data = gluon.data.ArrayDataset(nd.ones((5, 2)), nd.arange(5))
    >>> for x, y in gluon.data.DataLoader(data, batch_size=2):
    ...     print(x.shape, y.asnumpy())
    (2, 2) [0. 1.]
    (2, 2) [2. 3.]
    (1, 2) [4.]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = None,
        shuffle: bool = False,
        sampler: Sampler | None = None,
        last_batch: str | None = None,
        batch_sampler: Iterable[Any] | None = None,
        batchify_fn: Callable[[list[Any]], Any] | None = None,
        num_workers: int = 0,
        pin_memory: bool = False,
        pin_device_id: int = 0,
        prefetch: int | None = None,
        thread_pool: bool = False,
        timeout: float = 120,
        auto_reload: bool = False,
    ) -> None:
        if timeout <= 0:
            raise ValueError(f"timeout must be positive, but it is {timeout}")
        if not isinstance(num_workers, (int, numpy.integer)):
            raise TypeError(f"num_workers must be a whole number, not {num_workers!r}")
        if not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"a data set has __getitem__ and __len__, but {type(dataset).__name__} has no "
                "__getitem__; a list of its items would do"
            )
        if batch_sampler is not None:
            if batch_size is not None or shuffle or sampler is not None or last_batch is not None:
                raise ValueError(
                    "batch_sampler takes the place of batch_size, shuffle, sampler and last_batch; "
                    "give none of them with it"
                )
        elif batch_size is None:
            raise ValueError("give batch_size, or a batch_sampler")
        else:
            if shuffle and sampler is not None:
                raise ValueError("shuffle is a sampler of its own; give it or sampler")
            if sampler is None:
                sampler = (RandomSampler if shuffle else SequentialSampler)(len(dataset))
            batch_sampler = BatchSampler(sampler, batch_size, last_batch or "keep")
        self._batch_sampler = batch_sampler
        self._fetch = _Fetch(by_rows(dataset), batchify_fn)
        self._workers = max(0, num_workers)
        self._prefetch = 2 * self._workers if prefetch is None else max(0, int(prefetch))
        self._timeout = timeout
        self._threads = thread_pool
        self._pinned = cpu_pinned(pin_device_id) if pin_memory else None
        self._pool: Threads | Processes | None = None
        self.auto_reload = auto_reload
        self._ahead: Iterator[Any] | None = None
        if auto_reload:
            self.refresh()

    def __len__(self) -> int:
        return len(self._batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        epoch = self._ahead or self._epoch()
        self._ahead = None
        yield from epoch
        if self.auto_reload and self._ahead is None:
            self.refresh()

    def refresh(self) -> None:
        """Begin the next epoch: ask the workers for its first batches.

        Examples
        --------
        >>> from microlazy import gluon
        >>> loader = gluon.data.DataLoader([1, 2, 3], batch_size=3)
        >>> loader.refresh()
        >>> [batch.asnumpy() for batch in loader]
        [array([1, 2, 3], dtype=int64)]
        """
        self._ahead = self._epoch()

    def clean(self) -> None:
        """Take back what `refresh` did."""
        self._ahead = None

    def from_batch(self, first: int) -> Iterator[Any]:
        """The epoch that would begin now, without the batches before `first`.

        Their indices are taken from the sampler, but their samples are not asked for.

        Parameters
        ----------
        first : int
            The number of the first batch, from 0.

        Examples
        --------
        >>> from microlazy import gluon
        >>> loader = gluon.data.DataLoader([1, 2, 3], batch_size=2)
        >>> [batch.asnumpy() for batch in loader.from_batch(1)]
        [array([3], dtype=int64)]
        """
        return iter(self._epoch(first))

    @property
    def leftover(self) -> list[Any]:
        """The indices with which the next epoch begins, where batches roll over."""
        return list(getattr(self._batch_sampler, "leftover", ()))

    @leftover.setter
    def leftover(self, indices: list[Any]) -> None:
        if indices or self.leftover:
            vars(self._batch_sampler)["leftover"] = list(indices)

    def _epoch(self, first: int = 0) -> Iterator[Any]:
        seed = int(generator.stream().integers(2**63))
        tasks = (
            Task.here(indices, (seed + number * 0x9E3779B97F4A7C15) % 2**63)
            for number, indices in enumerate(self._batch_sampler)
        )
        for _ in islice(tasks, first):
            pass
        if not self._workers:
            return map(self._run, tasks)
        return _Ahead(self, self._started(), tasks)

    def _run(self, task: Task) -> Any:
        """Make a batch here."""
        with own_random_numbers():
            set_seeds(task.seed)
            return self._finish(task.run(self._fetch))

    def _finish(self, batch: Any) -> Any:
        return batch if self._pinned is None else _as_in_context(batch, self._pinned)

    def _started(self) -> Threads | Processes:
        with _STARTING:
            if self._pool is None or not self._pool.alive:
                kind = Threads if self._threads else Processes
                self._pool = kind(self._fetch, self._workers)
            return self._pool


class _Ahead:
    """An epoch whose batches are asked for before they are needed."""

    def __init__(self, loader: DataLoader, pool: Any, tasks: Iterator[Task]) -> None:
        self._loader, self._pool, self._tasks = loader, pool, tasks
        self._asked: deque[Any] = deque()
        self._ask(loader._prefetch)

    def _ask(self, count: int) -> None:
        while len(self._asked) < count and (task := next(self._tasks, None)) is not None:
            self._asked.append(self._pool.submit(task))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        loader = self._loader
        try:
            self._ask(loader._prefetch + 1)
            if not self._asked:
                raise StopIteration
            return loader._finish(self._pool.result(self._asked.popleft(), loader._timeout))
        except TooSlow:
            raise multiprocessing.TimeoutError(
                f"a worker of the DataLoader made no batch in {loader._timeout} seconds; if "
                "samples are slow to make, give a longer timeout"
            ) from None

    def __del__(self) -> None:
        self._pool.forget(self._asked)


class _Fetch:
    """Makes a batch of indices; workers are given it."""

    def __init__(self, dataset: Any, batchify: Callable[[list[Any]], Any] | None) -> None:
        self._dataset = dataset
        self._batchify = batchify or default_batchify_fn
        self._at_once = batchify is None and type(dataset) is ArrayDataset

    def __call__(self, indices: Sequence[Any], convert: Callable[[Any], Any]) -> Any:
        if self._at_once and (rows := self._dataset.rows(indices)) is not None:
            batch = [convert(part) for part in rows]
            return batch if len(batch) > 1 else batch[0]
        samples = [self._dataset[i] for i in indices]
        if self._batchify is default_batchify_fn:
            return by_parts(samples, convert)
        return self._batchify(samples)


def _as_in_context(batch: Any, context: Any) -> Any:
    if isinstance(batch, Tensor):
        return batch.as_in_context(context)
    if isinstance(batch, (list, tuple)):
        return [_as_in_context(part, context) for part in batch]
    return batch
