"""Key-value stores: arrays by key that workers push sums to and pull from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .. import autograd
from ..base import MXNetError
from ..core.functions import write_into
from ..core.tensor import Tensor
from ..optimizer import Optimizer, Updater, get_updater
from ..params_file import write_atomically

Key = int | str


class KVStore:
    """Arrays by key, of one process; made by `create`.

    What is pushed to a key is summed over its list and replaces the array there, or is handed to
    the updater that `set_optimizer` chose.

    Parameters
    ----------
    name : str
        Its type.

    Examples
    --------
    >>> import microlazy as mx
    >>> store = mx.kv.create("local")
    >>> store.init("weight", mx.nd.ones(2))
    >>> store.push("weight", [mx.nd.ones(2), mx.nd.ones(2)])
    >>> out = mx.nd.zeros(2)
    >>> store.pull("weight", out=out)
    >>> out.asnumpy()
    array([2., 2.], dtype=float32)
    """

    OPTIMIZER = "optimizer"

    def __init__(self, name: str) -> None:
        self._type = name
        self._arrays: dict[Key, Tensor] = {}
        self._key_type: type | None = None
        self._updater: Callable[[Any, Any, Any], object] | None = None

    def __repr__(self) -> str:
        workers = f"worker {self.rank} of {self.num_workers}"
        return f"<{type(self).__name__} {self._type!r}: {workers}>"

    @property
    def type(self) -> str:
        """The name that it was created by."""
        return self._type

    @property
    def rank(self) -> int:
        """The number of this worker: 0."""
        return 0

    @property
    def num_workers(self) -> int:
        """The number of workers: 1."""
        return 1

    def init(self, key: Key | Sequence[Key], value: Any) -> None:
        """Set the first array of a key, or of each of a list.

        Parameters
        ----------
        key : int, str or sequence of those
            All keys of a store are of one type.
        value : array or sequence of arrays
            As many as there are keys.

        Raises
        ------
        MXNetError
            If a key has an array already, or is of another type. Nothing is changed then.

        Examples
        --------
        >>> import microlazy as mx
        >>> store = mx.kv.create()
        >>> store.init([3, 5], [mx.nd.ones(2), mx.nd.ones(2)])
        """
        pairs = self._pairs(key, value, "init")
        for each, _ in pairs:
            if each in self._arrays:
                raise MXNetError(
                    f"duplicate init of key {each}: was kv.init or kv.broadcast called with it "
                    "before?"
                )
        for each, arrays in pairs:
            self._key_type = type(each)
            self._arrays[each] = self._first(each, arrays[0])

    def _first(self, key: Key, array: Tensor) -> Tensor:
        return array.detach().copy()

    def push(self, key: Key | Sequence[Key], value: Any, priority: int = 0) -> None:
        """Sum a list of arrays, and set the key's array to it, or update the array by it.

        Parameters
        ----------
        key : int, str or sequence of those
        value : array, list of arrays, or a list of those
            For each key an array, or one from each device.
        priority : int
            Accepted as in MXNet; there is no queue.

        Raises
        ------
        MXNetError
            If a key has no array, or one of another shape. Nothing is changed then.

        Examples
        --------
        >>> import microlazy as mx
        >>> store = mx.kv.create()
        >>> store.init(3, mx.nd.zeros(2))
        >>> store.push(3, mx.nd.ones(2))
        """
        pairs = self._known(key, value, "push")
        with autograd.pause():
            for each, arrays in pairs:
                total = self._total(each, arrays)
                if self._updater is None:
                    self._arrays[each] = total
                else:
                    self._updater(each, total, self._arrays[each])

    def _total(self, key: Key, arrays: list[Tensor]) -> Tensor:
        """The sum of what is pushed to a key, as an array of its own."""
        total = arrays[0].detach().as_in_context(self._arrays[key].ctx).copy()
        for array in arrays[1:]:
            total += array
        return total

    def pull(
        self,
        key: Key | Sequence[Key],
        out: Any = None,
        priority: int = 0,
        ignore_sparse: bool = True,
    ) -> None:
        """Copy the key's array to one or several.

        Parameters
        ----------
        key : int, str or sequence of those
        out : array, list of arrays, or a list of those
        priority, ignore_sparse
            Accepted as in MXNet.

        Raises
        ------
        MXNetError
            If a key has no array, or one of another shape. Nothing is changed then.

        Examples
        --------
        >>> import microlazy as mx
        >>> store, x = mx.kv.create(), mx.nd.zeros(2)
        >>> store.init(3, mx.nd.ones(2))
        >>> store.pull(3, out=x)
        >>> x.asnumpy()
        array([1., 1.], dtype=float32)
        """
        if out is None:
            raise ValueError("pull: out must be the arrays to write to")
        for each, arrays in self._known(key, out, "pull"):
            for array in arrays:
                write_into(array, self._arrays[each])

    def pushpull(
        self, key: Key | Sequence[Key], value: Any, out: Any = None, priority: int = 0
    ) -> None:
        """Push, then pull to `out`, or to the arrays that were pushed.

        Parameters
        ----------
        key, value, out, priority
            As in `push` and `pull`.

        Examples
        --------
        >>> import microlazy as mx
        >>> store, grads = mx.kv.create(), [mx.nd.ones(2), mx.nd.ones(2)]
        >>> store.init("grad", mx.nd.zeros(2))
        >>> store.pushpull("grad", grads)
        >>> grads[0].asnumpy()
        array([2., 2.], dtype=float32)
        """
        target = value if out is None else out
        self._known(key, target, "pushpull")
        self.push(key, value, priority)
        self.pull(key, target, priority)

    def broadcast(self, key: Key | Sequence[Key], value: Any, out: Any, priority: int = 0) -> None:
        """Set the first array of a key, and copy it to `out`.

        Parameters
        ----------
        key, value
            As in `init`.
        out, priority
            As in `pull`.

        Examples
        --------
        >>> import microlazy as mx
        >>> store, x = mx.kv.create(), [mx.nd.zeros(2), mx.nd.zeros(2)]
        >>> store.broadcast("weight", mx.nd.ones(2), out=x)
        >>> x[1].asnumpy()
        array([1., 1.], dtype=float32)
        """
        self.init(key, value)
        self.pull(key, out, priority)

    def row_sparse_pull(
        self, key: Any, out: Any = None, priority: int = 0, row_ids: Any = None
    ) -> NoReturn:
        """Refuse: there are no sparse arrays."""
        raise MXNetError(
            "row_sparse_pull: expected arrays of row_sparse storage; microlazy has dense arrays "
            "only, so use pull()"
        )

    def set_gradient_compression(self, compression_params: dict[str, Any]) -> None:
        """Accept the numbers of a compression: in one process nothing is sent, so it changes none.

        Raises
        ------
        ValueError
            If the store is not of type 'device'.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.kv.create("device").set_gradient_compression({"type": "2bit", "threshold": 0.5})
        """
        if "device" not in self.type:
            raise ValueError("Gradient compression is not supported for this type of kvstore")

    def set_optimizer(self, optimizer: Optimizer) -> None:
        """Have an optimizer update the arrays by what is pushed.

        Raises
        ------
        TypeError
            If it is no Optimizer.

        Examples
        --------
        >>> import microlazy as mx
        >>> store, x = mx.kv.create(), mx.nd.zeros(2)
        >>> store.init(3, mx.nd.ones(2))
        >>> store.set_optimizer(mx.optimizer.SGD(learning_rate=0.5))
        >>> store.push(3, mx.nd.ones(2))
        >>> store.pull(3, out=x)
        >>> x.asnumpy()
        array([0.5, 0.5], dtype=float32)
        """
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"set_optimizer takes an Optimizer, not {optimizer!r}")
        self._updater = get_updater(optimizer)

    def set_updater(self, updater: Callable[[Any, Any, Any], object]) -> None:
        """Have a function update the arrays: of the key, what was pushed, and the key's array.

        Examples
        --------
        >>> import microlazy as mx
        >>> store, x = mx.kv.create(), mx.nd.zeros(2)
        >>> store.init(3, mx.nd.ones(2))
        >>> def update(key, pushed, stored):
        ...     stored += 2 * pushed
        >>> store.set_updater(update)
        >>> store.push(3, mx.nd.ones(2))
        >>> store.pull(3, out=x)
        >>> x.asnumpy()
        array([3., 3.], dtype=float32)
        """
        if not callable(updater):
            raise TypeError(f"set_updater takes a function, not {updater!r}")
        self._updater = updater

    _set_updater = set_updater  # MXNet's name

    def is_capable(self, capability: str) -> bool:
        """Whether the store can do something; "optimizer" is the only capability that has a name.

        Raises
        ------
        MXNetError
            If the capability is unknown.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.kv.create().is_capable("optimizer")
        True
        """
        if capability.lower() != self.OPTIMIZER:
            raise MXNetError(f"Unknown capability: {capability}")
        return True

    def barrier(self) -> None:
        """Wait for all workers: this is the only one."""

    _barrier = barrier  # MXNet's name

    def save_optimizer_states(
        self, fname: str | os.PathLike[str], dump_optimizer: bool = False
    ) -> None:
        """Save what the optimizer remembers to a file.

        Parameters
        ----------
        fname : path
        dump_optimizer : bool
            Include the optimizer's numbers and counts.

        Raises
        ------
        MXNetError
            If `set_optimizer` was not called.

        Examples
        --------
        >>> import os, tempfile
        >>> import microlazy as mx
        >>> store = mx.kv.create()
        >>> store.set_optimizer(mx.optimizer.SGD())
        >>> path = os.path.join(tempfile.mkdtemp(), "sgd.states")
        >>> store.save_optimizer_states(path)
        >>> store.load_optimizer_states(path)
        """
        write_atomically(os.fspath(fname), self._optimizing().pieces(dump_optimizer))

    def load_optimizer_states(self, fname: str | os.PathLike[str]) -> None:
        """Continue from what `save_optimizer_states` wrote.

        Raises
        ------
        MXNetError
            If `set_optimizer` was not called, or the file does not fit.
        """
        path = os.fspath(fname)
        with open(path, "rb") as file:
            self._optimizing().set_states(file.read(), None, repr(path))

    def _optimizing(self) -> Updater:
        if not isinstance(self._updater, Updater):
            raise MXNetError("the states of an optimizer: set_optimizer() was not called")
        return self._updater

    def _pairs(self, key: Any, value: Any, doing: str) -> list[tuple[Key, list[Tensor]]]:
        """Return each key with its arrays."""
        if isinstance(key, (list, tuple)):
            if not isinstance(value, (list, tuple)) or len(key) != len(value):
                raise ValueError(f"{doing}: {len(key)} keys need as many arrays, or lists of them")
            keys, values = list(key), list(value)
        else:
            keys, values = [key], [value]
        pairs: list[tuple[Key, list[Tensor]]] = []
        for each, arrays in zip(keys, values, strict=True):
            if isinstance(each, bool) or not isinstance(each, (int, str)):
                raise TypeError(f"{doing}: a key is an int or a str, not {each!r}")
            if type(each) is not (self._key_type or type(keys[0])):
                raise MXNetError(f"{doing}: Mixed key types are not allowed")
            arrays = list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]
            for array in arrays:
                if not isinstance(array, Tensor):
                    raise TypeError(f"{doing}: key {each} needs arrays, not {array!r}")
            if not arrays:
                raise ValueError(f"{doing}: key {each} has an empty list of arrays")
            pairs.append((each, arrays))
        return pairs

    def _known(self, key: Any, value: Any, doing: str) -> list[tuple[Key, list[Tensor]]]:
        pairs = self._pairs(key, value, doing)
        for each, arrays in pairs:
            if each not in self._arrays:
                raise MXNetError(f"{doing}: key {each} has not been inited")
            expected = self._arrays[each].shape
            for array in arrays:
                if array.shape != expected:
                    raise MXNetError(
                        f"{doing}: key {each} has an array of shape {expected}, not {array.shape}"
                    )
        return pairs
