"""The Updater: an optimizer together with the states of the weights it updates, and their file.

The file is a container of arrays (`microlazy.params_file`). Its array ``header`` is the
UTF-8 text of a JSON object that says which optimizer wrote it, its numbers and counts, and where
each state's arrays are. Reading it executes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy

from ..base import MXNetError
from ..core.tensor import Tensor
from ..params_file import as_tensor, pack, unpack
from .base import Optimizer
from .group import Group, Index

__all__ = ["Updater", "get_updater"]

FORMAT = "microlazy optimizer states 1"
# What taking a header apart raises when it is JSON, but not of the form that `pieces` gives it.
MALFORMED = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class Updater:
    """Updates weights, and keeps for each of them what its optimizer remembers.

    Parameters
    ----------
    optimizer : Optimizer
        Makes and uses the states.

    Attributes
    ----------
    optimizer : Optimizer
    states : dict
        The state of each weight that was updated, by index.

    Examples
    --------
    >>> from microlazy import nd, optimizer
    >>> update = optimizer.Updater(optimizer.SGD(learning_rate=0.5))
    >>> weight = nd.ones(2)
    >>> update(0, nd.array([1, 2]), weight)
    >>> weight.asnumpy()
    array([0.5, 0. ], dtype=float32)
    """

    def __init__(self, optimizer: Optimizer):
        self.optimizer = optimizer
        self.states: dict[Index, Any] = {}

    def __call__(self, index: Index | Sequence[Index], grad: Any, weight: Any) -> None:
        """Update a weight by its gradient, or a list of weights by as many gradients."""
        if not isinstance(index, (list, tuple)):
            index, grad, weight = [index], [grad], [weight]
        self.group(index, grad, weight).update()

    def group(
        self, indices: Sequence[Index], grads: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> Group:
        """Return weights as a group; states that are missing are made, all of them or none."""
        new = {
            index: self.optimizer.create_state_multi_precision(index, weight)
            for index, weight in zip(indices, weights, strict=True)
            if index not in self.states
        }
        self.states.update(new)
        states = [self.states[index] for index in indices]
        return self.optimizer.group(indices, weights, grads, states)

    def get_states(self, dump_optimizer: bool = False) -> bytes:
        """Return the states as bytes.

        Parameters
        ----------
        dump_optimizer : bool
            Include the optimizer's numbers, its counts of updates and its scheduler's numbers.

        Examples
        --------
        >>> from microlazy import nd, optimizer
        >>> update = optimizer.Updater(optimizer.SGD(momentum=0.5))
        >>> update(0, nd.ones(2), nd.ones(2))
        >>> other = optimizer.Updater(optimizer.SGD(momentum=0.5))
        >>> other.set_states(update.get_states(dump_optimizer=True))
        >>> other.states[0].asnumpy(), other.optimizer.num_update
        (array([-0.01, -0.01], dtype=float32), 1)
        """
        return b"".join(self.pieces(dump_optimizer))

    def pieces(self, dump_optimizer: bool = False) -> Iterable[bytes]:
        """Give what `get_states` returns, piece by piece."""
        arrays: list[Tensor] = []
        states = _of_first_copies(self.states)
        header = {
            "format": FORMAT,
            "states": [[index, _outline(state, arrays)] for index, state in states.items()],
            "optimizer": _describe(self.optimizer) if dump_optimizer else None,
        }
        import json  # which most programs do not need

        text = numpy.frombuffer(json.dumps(header).encode(), "uint8")
        named = {f"array {i}": array for i, array in enumerate(arrays)}
        return pack({"header": as_tensor(text)} | named)

    def set_states(
        self,
        states: bytes,
        weights: Mapping[Index, Tensor] | None = None,
        origin: str = "buffer",
    ) -> None:
        """Take over states that `get_states` wrote, and the optimizer's numbers if they are there.

        Parameters
        ----------
        states : bytes
            What `get_states` returned.
        weights : dict of index to array, optional
            The weights that the states must fit.
        origin : str
            Names the states in errors.

        Raises
        ------
        MXNetError
            If `states` is something else, is corrupted, or was written by another optimizer or for
            other weights. Nothing is changed then.
        """
        header, arrays = _read(states, origin)
        try:
            optimizer = copy.copy(self.optimizer)
            optimizer.param_dict = self.optimizer.param_dict
            if header["optimizer"] is not None:
                _take_over(optimizer, header["optimizer"])
            new = {_index(index): _fill(outline, arrays) for index, outline in header["states"]}
            if weights is not None:
                for index, state in new.items():
                    _check_fit(optimizer, index, state, weights)
        except _Unfit as error:
            raise MXNetError(f"cannot load {origin}: {error}") from None
        except MALFORMED as error:
            raise MXNetError(f"cannot load {origin}: its header is malformed ({error!r})") from None
        scheduler = self.optimizer.lr_scheduler
        if scheduler is not None:
            vars(scheduler).update(vars(optimizer.lr_scheduler))
        vars(self.optimizer).update(vars(optimizer) | {"lr_scheduler": scheduler})
        self.states = new


def get_updater(optimizer: Optimizer) -> Updater:
    """Return an `Updater` for an optimizer.

    Examples
    --------
    >>> from microlazy import optimizer
    >>> optimizer.get_updater(optimizer.Adam()).states
    {}
    """
    return Updater(optimizer)


class _Unfit(Exception):
    """States that are well-formed, but not for this optimizer or these weights."""


def _of_first_copies(table: Mapping[Index, Any]) -> dict[Index, Any]:
    """Leave out the further copies of a parameter on other contexts, whose index is a pair."""
    return {index: value for index, value in table.items() if not isinstance(index, tuple)}


def _outline(state: Any, arrays: list[Tensor]) -> Any:
    """Move the arrays of a state to a list, and leave their positions in their place."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        arrays.append(state)
        return len(arrays) - 1
    if isinstance(state, (tuple, list)):
        return [_outline(part, arrays) for part in state]
    raise TypeError(
        f"an optimizer's state is saved if it is made of None, arrays and tuples, not {state!r}"
    )


def _fill(outline: Any, arrays: Mapping[str, numpy.ndarray]) -> Any:
    if outline is None:
        return None
    if isinstance(outline, list):
        return tuple(_fill(part, arrays) for part in outline)
    return as_tensor(arrays[f"array {outline:d}"])


def _index(index: Any) -> Index:
    if not isinstance(index, (int, str)):
        raise TypeError(f"index {index!r}")
    return index


def _numbers(thing: Any) -> dict[str, Any]:
    """Return the public attributes of an optimizer or scheduler that JSON can hold."""
    return {
        name: value
        for name, value in vars(thing).items()
        if not name.startswith("_") and name != "lr_scheduler" and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _describe(optimizer: Optimizer) -> dict[str, Any]:
    scheduler = optimizer.lr_scheduler
    return {
        "class": type(optimizer).__name__,
        "numbers": _numbers(optimizer),
        "counts": list(_of_first_copies(optimizer._index_update_count).items()),
        "scheduler": None if scheduler is None else [type(scheduler).__name__, _numbers(scheduler)],
    }


def _read(states: bytes, origin: str) -> tuple[dict, dict[str, numpy.ndarray]]:
    arrays = unpack(states, origin)
    foreign = f"cannot load {origin}: it holds arrays, but not the states of an optimizer"
    if not isinstance(arrays, dict) or "header" not in arrays:
        raise MXNetError(foreign)
    try:
        import json  # which most programs do not need

        header = json.loads(arrays["header"].tobytes())
    except (ValueError, RecursionError) as error:
        raise MXNetError(f"cannot load {origin}: its header is not JSON ({error})") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise MXNetError(foreign)
    return header, arrays


def _take_over(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """Give a copy of an optimizer the saved numbers, counts and scheduler."""
    _check_class(optimizer, saved["class"], "optimizer")
    vars(optimizer).update(_checked_numbers(optimizer, saved["numbers"]))
    optimizer._ahead = None
    optimizer._counts = {_index(index): int(count) for index, count in saved["counts"]}
    scheduler, written = optimizer.lr_scheduler, saved["scheduler"]
    if (scheduler is None) != (written is None):
        has, had = (kind and "one" or "none" for kind in (scheduler, written))
        raise _Unfit(f"it was written with {had} for lr_scheduler, the optimizer here has {has}")
    if scheduler is not None:
        _check_class(scheduler, written[0], "lr_scheduler")
        optimizer.lr_scheduler = copy.copy(scheduler)
        vars(optimizer.lr_scheduler).update(_checked_numbers(scheduler, written[1]))


def _check_class(thing: Any, written: str, what: str) -> None:
    if type(thing).__name__ != written:
        raise _Unfit(f"it was written by the {what} {written}, here is {type(thing).__name__}")


def _checked_numbers(thing: Any, saved: dict[str, Any]) -> dict[str, Any]:
    current = _numbers(thing)
    if saved.keys() != current.keys():
        names = ", ".join(sorted(saved.keys() ^ current.keys()))
        raise _Unfit(f"{type(thing).__name__} was written with other attributes: {names}")
    for name, value in saved.items():
        kinds = {_kind(value), _kind(current[name])} - {None}
        if not _is_plain(value) or len(kinds) > 1:
            raise _Unfit(f"{type(thing).__name__}.{name} cannot be {value!r}")
    return saved


def _kind(value: Any) -> type | None:
    if value is None:
        return None
    return float if isinstance(value, (int, float)) else type(value)


def _check_fit(
    optimizer: Optimizer, index: Index, state: Any, weights: Mapping[Index, Tensor]
) -> None:
    if index not in weights:
        raise _Unfit(f"it holds the state of weight {index!r}, which is not among those here")
    expected = _layout(optimizer.create_state_multi_precision(index, weights[index]))
    given = _layout(state)
    if given != expected:
        parameter = optimizer.param_dict.get(index)
        name = f"weight {index!r}" if parameter is None else f"parameter {parameter.name!r}"
        raise _Unfit(f"the state of {name} is {given}, expected {expected}")


def _layout(state: Any) -> Any:
    if state is None:
        return None
    if isinstance(state, tuple):
        return tuple(map(_layout, state))
    return state.shape, numpy.dtype(state.dtype).name
