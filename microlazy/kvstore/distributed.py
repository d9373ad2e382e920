"""The store of many processes: what is pushed is summed over all of them."""

from __future__ import annotations

from typing import Any

import numpy

from ..core.functions import as_dtype
from ..core.tensor import Tensor
from . import workers
from .store import Key, KVStore


class DistributedKVStore(KVStore):
    """Arrays by key that all workers have, with the same bits; made by `create("dist_sync")`.

    Every worker calls the same methods, with the same keys in the same order.

    Parameters
    ----------
    name : str
        Its type.

    Attributes
    ----------
    workers : Workers
        All processes of the job.
    half : bool
        Whether gradients of a Trainer travel as float16.

    Raises
    ------
    MXNetError
        If mpi4py is not installed.

    Examples
    --------
    Under ``mpiexec -n 2 python program.py``:

    >>> import microlazy as mx
    >>> store = mx.kv.create("dist_sync")  # doctest: +SKIP
    >>> store.init("weight", mx.nd.ones(2))  # doctest: +SKIP
    >>> store.push("weight", mx.nd.ones(2) * store.rank)  # doctest: +SKIP
    >>> out = mx.nd.zeros(2)  # doctest: +SKIP
    >>> store.pull("weight", out=out)  # doctest: +SKIP
    >>> out.asnumpy()  # doctest: +SKIP
    array([1., 1.], dtype=float32)
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.workers = workers.join()
        self.half = False

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is of the same job; arrays and updater stay here."""
        return type(self), (self.type,), {"half": self.half}

    @property
    def rank(self) -> int:
        """The number of this worker, from 0."""
        return self.workers.rank

    @property
    def num_workers(self) -> int:
        """The number of workers."""
        return self.workers.size

    @property
    def timeout(self) -> float:
        """How many seconds to wait for the other workers: 600, or MICROLAZY_KVSTORE_TIMEOUT.

        It is one number for all stores of a process.

        Raises
        ------
        ValueError
            If it is set to what is not above zero.
        """
        return self.workers.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        if not seconds > 0:
            raise ValueError(f"timeout is a number of seconds above zero, not {seconds!r}")
        self.workers.timeout = float(seconds)

    def barrier(self) -> None:
        """Wait until all workers have called it.

        Raises
        ------
        MXNetError
            If one has ended before it, or does not come in `timeout` seconds.
        """
        self.workers.barrier()

    _barrier = barrier  # MXNet's name

    def set_gradient_compression(self, compression_params: dict[str, Any]) -> None:
        """Choose how gradients travel from worker to worker.

        Parameters
        ----------
        compression_params : dict
            ``{"type": "fp16"}``: a Trainer sends them as float16, and adds them in float32.

        Raises
        ------
        ValueError
            If the type is another: MXNet's "2bit" is not there.

        Examples
        --------
        >>> import microlazy as mx
        >>> store = mx.kv.create("dist_sync")  # doctest: +SKIP
        >>> store.set_gradient_compression({"type": "fp16"})  # doctest: +SKIP
        """
        kind = compression_params.get("type")
        if kind not in ("fp16", "float16") or len(compression_params) != 1:
            raise ValueError(
                "gradient compression over workers is {'type': 'fp16'}, not "
                f"{dict(compression_params)!r}"
            )
        self.half = True

    def _first(self, key: Key, array: Tensor) -> Tensor:
        first = super()._first(key, array)
        self.workers.broadcast(numpy.asarray(first), f"the first value of key {key}")
        return first

    def _total(self, key: Key, arrays: list[Tensor]) -> Tensor:
        total = super()._total(key, arrays)
        wide = as_dtype(total, "float32") if total.dtype == numpy.float16 else total
        values = numpy.array(wide.asnumpy())
        self.workers.sum(values, f"push() to key {key}")
        total[...] = values
        return total
