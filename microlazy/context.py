"""Contexts: where arrays live. All are the CPU's memory; an array knows which one it was put on.

The compiled core knows a context by its number: its place in `PLACES`.
"""

import os
import threading
from collections.abc import Callable
from typing import ClassVar

from microlazy.base import MXNetError

_RELEASES: list[Callable[[], object]] = []
_GPUS = "MICROLAZY_GPU_AS_CPU"  # how many GPUs the CPU stands in for


def _stand_ins() -> int:
    given = os.environ.get(_GPUS, "0")
    if not given.isdecimal():
        raise ValueError(f"{_GPUS} is the number of GPUs that the CPU stands in for, not {given!r}")
    return int(given)


class _Current:
    """What is current, as an attribute of the class."""

    def __get__(self, instance: object, cls: type) -> "Context":
        return current_context()


class Context:
    """A device by type and number, also usable in a `with` as the current context.

    Parameters
    ----------
    device_type : str or Context
        "cpu", "cpu_pinned", "cpu_shared" or "gpu".
    device_id : int
        The number of the device.

    Raises
    ------
    KeyError
        If the type is unknown.

    Notes
    -----
    A GPU can be named, so that code which chooses between devices reads on; using one is refused.
    Where the environment variable MICROLAZY_GPU_AS_CPU is a number N when microlazy is imported,
    gpu(0) to gpu(N - 1) are further contexts on the CPU. An array's values are the same on all.

    Examples
    --------
    >>> from microlazy import Context
    >>> Context("cpu")
    cpu(0)
    """

    devtype2str: ClassVar[dict[int, str]] = {1: "cpu", 2: "gpu", 3: "cpu_pinned", 5: "cpu_shared"}
    devstr2type: ClassVar[dict[str, int]] = {name: number for number, name in devtype2str.items()}
    default_ctx: ClassVar[_Current] = _Current()

    def __init__(self, device_type: "str | Context", device_id: int = 0) -> None:
        if isinstance(device_type, Context):
            name, number = device_type.device_type, device_type.device_id
        else:
            name, number = device_type, device_id
        self.device_typeid = self.devstr2type[name]
        self.device_id: int = number
        self._before: list[int] = []

    @property
    def device_type(self) -> str:
        """The type's name, such as "cpu"."""
        return self.devtype2str[self.device_typeid]

    def require_cpu(self) -> None:
        """Refuse a device that microlazy does not have."""
        if self.device_type != "gpu" or 0 <= self.device_id < num_gpus():
            return
        if num_gpus():
            raise MXNetError(f"{self}: {_GPUS} says that there are {num_gpus()} GPUs")
        raise MXNetError(f"{self}: microlazy computes on the CPU only; use cpu()")

    def empty_cache(self) -> None:
        """Give the memory that waits in the pool back to the system."""
        for release in _RELEASES:
            release()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Context)
            and self.device_typeid == other.device_typeid
            and self.device_id == other.device_id
        )

    def __hash__(self) -> int:
        return hash((self.device_typeid, self.device_id))

    def __repr__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    def __enter__(self) -> "Context":
        self.require_cpu()
        self._before.append(_where())
        _enter(place_of(self))
        return self

    def __exit__(self, *exc: object) -> None:
        _enter(self._before.pop())


def cpu(device_id: int = 0) -> Context:
    """Return the CPU's context.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.cpu()
    cpu(0)
    """
    return Context("cpu", device_id)


def cpu_pinned(device_id: int = 0) -> Context:
    """Return the context of pinned CPU memory, which here is the CPU's."""
    return Context("cpu_pinned", device_id)


def gpu(device_id: int = 0) -> Context:
    """Name a GPU; using it for an array is refused.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.nd.ones((2,), ctx=mx.gpu())
    Traceback (most recent call last):
    ...
    microlazy.base.MXNetError: gpu(0): microlazy computes on the CPU only; use cpu()
    """
    return Context("gpu", device_id)


def num_gpus() -> int:
    """Return the number of GPUs: none, or what the CPU stands in for by MICROLAZY_GPU_AS_CPU.

    Examples
    --------
    >>> from microlazy.context import num_gpus
    >>> num_gpus()
    0
    """
    return _STAND_INS


def gpu_memory_info(device_id: int = 0) -> tuple[int, int]:
    """Refuse: there is no GPU."""
    raise MXNetError(f"gpu({device_id}): microlazy computes on the CPU only")


def current_context() -> Context:
    """Return the context that new arrays take: the innermost `with`, or cpu(0).

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.current_context()
    cpu(0)
    """
    return PLACES[_where()]


def place_of(ctx: Context) -> int:
    """Return a context's number: its place in `PLACES`, where it is put when it is first used.

    Raises
    ------
    MXNetError
        If it cannot hold arrays.

    Examples
    --------
    >>> from microlazy.context import cpu, place_of
    >>> place_of(cpu(0))
    0
    """
    number = _NUMBERS.get(ctx)
    if number is None:
        check_ctx(ctx)
        with _LOCK:
            if ctx not in _NUMBERS:
                PLACES.append(Context(ctx))
                _NUMBERS[PLACES[-1]] = len(PLACES) - 1
        number = _NUMBERS[ctx]
    return number


def manage(enter: Callable[[int], object], where: Callable[[], int]) -> None:
    """Learn how a thread goes to a context and where it is; the compiled core knows."""
    global _enter, _where
    _enter, _where = enter, where


def on_empty_cache(release: Callable[[], object]) -> None:
    """Call a function whenever `Context.empty_cache` is; the core's pool of memory asks for it."""
    _RELEASES.append(release)


def check_ctx(ctx: Context | None) -> None:
    """Refuse a context that cannot hold arrays; None stands for the current one."""
    if ctx is None:
        if _where() == 0:
            return
        ctx = current_context()
    if not isinstance(ctx, Context):
        raise TypeError(f"ctx must be a Context such as cpu(), not {ctx!r}")
    ctx.require_cpu()


_STAND_INS = _stand_ins()
PLACES = [cpu(0)]
_NUMBERS = {PLACES[0]: 0}
_LOCK = threading.Lock()
_enter: Callable[[int], object] = print
_where: Callable[[], int] = int
