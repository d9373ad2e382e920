"""The iterator that loaders of MXNet's users are built on: batches from a pool of processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class _MultiWorkerIter:
    """Asks a pool of workers for batches, some ahead, and gives them in order.

    Our own loader has other workers. This one has the attributes and the method `_push_next` that a
    subclass of MXNet's uses.

    Parameters
    ----------
    worker_pool : multiprocessing.pool.Pool
    batchify_fn : callable
        Handed to `worker_fn`.
    batch_sampler : iterable
        Gives the indices of each batch.
    pin_memory, pin_device_id : bool, int
        Without meaning for a CPU.
    worker_fn : callable
        ``worker_fn(indices, batchify_fn, dataset)`` runs in a worker and gives the pickled batch.
    prefetch : int
        How many batches are asked for ahead.
    dataset, data_loader : optional
        The first is handed to `worker_fn`; the second is kept alive.
    timeout : float
        How many seconds to wait for a batch.
    """

    def __init__(
        self,
        worker_pool: Any,
        batchify_fn: Callable[[list[Any]], Any],
        batch_sampler: Iterable[Any],
        pin_memory: bool = False,
        pin_device_id: int = 0,
        worker_fn: Callable[..., bytes] | None = None,
        prefetch: int = 0,
        dataset: Any = None,
        data_loader: Any = None,
        timeout: float = 120,
    ) -> None:
        self._worker_pool = worker_pool
        self._batchify_fn = batchify_fn
        self._batch_sampler = batch_sampler
        self._iter = iter(batch_sampler)
        self._data_buffer: dict[int, Any] = {}
        self._sent_idx = self._rcvd_idx = 0
        self._worker_fn = worker_fn
        self._dataset = dataset
        self._data_loader = data_loader
        self._timeout = timeout
        for _ in range(prefetch):
            self._push_next()

    def __len__(self) -> int:
        return len(self._batch_sampler)  # type: ignore[arg-type]

    def _push_next(self) -> None:
        """Ask for one more batch, if there is one."""
        indices = next(self._iter, None)
        if indices is None:
            return
        arguments = indices, self._batchify_fn, self._dataset
        self._data_buffer[self._sent_idx] = self._worker_pool.apply_async(
            self._worker_fn, arguments
        )
        self._sent_idx += 1

    def __next__(self) -> Any:
        self._push_next()
        if self._rcvd_idx == self._sent_idx:
            raise StopIteration
        batch = self._data_buffer.pop(self._rcvd_idx).get(self._timeout)
        self._rcvd_idx += 1
        return pickle.loads(batch)  # from a process of this program, not from a file

    def __iter__(self) -> Iterator[Any]:
        return self
