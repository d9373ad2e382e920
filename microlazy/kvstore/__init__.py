"""Key-value stores: arrays by key that workers push sums to and pull from, in one process or many.

With "dist_sync" the workers are the processes that MPI started:
``mpiexec -n 4 python program.py``.
"""

from __future__ import annotations

from ..base import MXNetError
from .store import KVStore

__all__ = ["KVStore", "create"]

_NAMES = (
    "local", "device", "nccl", "local_update_cpu", "local_allreduce_cpu", "local_allreduce_device",
)  # fmt: skip
_OVER_WORKERS = ("dist", "dist_sync", "dist_device_sync", "dist_sync_device")
_OF_OTHERS = ("dist", "horovod", "byteps", "p3")


def create(name: str = "local") -> KVStore:
    """Make a key-value store.

    Parameters
    ----------
    name : str
        "local" or "device", which do the same here: there is one kind of memory; or "dist_sync"
        (also "dist" and "dist_device_sync"), a store of all processes that MPI started.

    Raises
    ------
    MXNetError
        If the store is of a kind that there is not, such as "dist_async", or mpi4py is missing.
    ValueError, TypeError
        If there is no store of that name, or it is no str.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.kv.create("device").type
    'device'
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, not {name!r}")
    check_name(name)
    if name in _OVER_WORKERS:
        from .distributed import DistributedKVStore

        return DistributedKVStore(name)
    return KVStore(name)


def check_name(name: str) -> None:
    """Refuse a name of a store that there is not.

    Examples
    --------
    >>> from microlazy.kvstore import check_name
    >>> check_name("local")
    """
    if name in _NAMES or name in _OVER_WORKERS:
        return
    if "async" in name and name.startswith("dist"):
        raise MXNetError(
            f"kvstore {name!r} needs servers that update whenever a worker pushes; there are none, "
            "as all workers of 'dist_sync' update together: use that"
        )
    if name.startswith(_OF_OTHERS):
        raise MXNetError(
            f"kvstore {name!r} is not there: for several processes use 'dist_sync', which runs on "
            "MPI"
        )
    raise ValueError(
        f"there is no kvstore {name!r}; known are {', '.join((*_NAMES, *_OVER_WORKERS))}"
    )
