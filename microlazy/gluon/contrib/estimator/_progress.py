"""How far a run has come, so that another process can go on from there bit for bit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy

from .... import params_file
from ....base import MXNetError
from ....core import generator
from ....files import write_atomically
from ....metric import EvalMetric
from ...data import DataLoader

FORMAT = "microlazy progress 1"


class Place:
    """Where a run is: the epochs that are done, the batches of the next, and those in total."""

    def __init__(self, epoch: int = 0, batch: int = 0, total: int = 0) -> None:
        self.epoch, self.batch, self.total = epoch, batch, total
        self.over = False  # whether a handler ended the epoch, or at its end the run
        self.began: dict[str, Any] | None = None  # where the epoch's random numbers began

    def batches(self, loader: DataLoader, exact: bool) -> Iterator[Any]:
        """Begin an epoch, or go on with one; `exact` if it may have to be done in another process.

        All generators are put back to where they were when the epoch began: the sampler then gives
        the same order again, and the batches that were done are left out.
        """
        if not exact:
            return iter(loader)
        if self.began is None:
            self.began = _surroundings(loader)
            return _from_batch(loader, 0)
        now = _surroundings(loader)
        _surround(loader, self.began)
        rest = _from_batch(loader, self.batch)
        set_random_state(now["random"])
        return rest

    def remaining(self, estimator: Any) -> int:
        """How many epochs or batches are left of those that an estimator was asked for."""
        if estimator.max_epoch:
            return estimator.max_epoch - self.epoch
        return estimator.max_batch - self.total

    def end_batch(self) -> None:
        """Count a batch that is done."""
        self.batch, self.total = self.batch + 1, self.total + 1

    def end_epoch(self) -> None:
        """Count an epoch that is done."""
        self.epoch, self.batch, self.over, self.began = self.epoch + 1, 0, False, None


def _from_batch(loader: DataLoader, first: int) -> Iterator[Any]:
    """What is left of an epoch; of a loader that iterates in its own way by leaving out batches."""
    if type(loader).__iter__ is DataLoader.__iter__:
        return loader.from_batch(first)
    batches = iter(loader)
    for _ in islice(batches, first):
        pass
    return batches


def _surroundings(loader: DataLoader) -> dict[str, Any]:
    return {"random": random_state(), "leftover": loader.leftover}


def _surround(loader: DataLoader, saved: dict[str, Any]) -> None:
    set_random_state(saved["random"])
    loader.leftover = saved["leftover"]


def random_state() -> dict[str, Any]:
    """The state of all generators: ours, that of `numpy.random`, and that of `random`."""
    return {
        "microlazy": _plain(generator.get_state()),
        "numpy": _plain(numpy.random.get_state()),
        "python": _plain(random.getstate()),
    }


def set_random_state(saved: dict[str, Any]) -> None:
    """Put all generators where they were."""
    generator.set_state(tuple(saved["microlazy"]))
    kind, keys, *rest = saved["numpy"]
    numpy.random.set_state((kind, numpy.array(_value(keys), "uint32"), *rest))
    version, internal, following = saved["python"]
    random.setstate((version, tuple(internal), following))


def save(path: str, estimator: Any, handlers: Sequence[Any]) -> None:
    """Write what, beside parameters and optimizer, another process needs to go on."""
    place, loader = estimator.place, estimator.train_data
    header = {
        "format": FORMAT,
        "epoch": place.epoch,
        "batch": place.batch,
        "total": place.total,
        "over": place.over,
        "began": place.began,
        "finished": False,
        "now": _surroundings(loader),
        "handlers": [
            [type(handler).__name__, _attributes(handler, handler.saved_attributes)]
            for handler in handlers
            if handler.saved_attributes is not None
        ],
        "metrics": [_attributes(metric, vars(metric)) for metric in _metrics(estimator)],
    }
    arrays = {f"grad {path}": p.grad() for path, p in _accumulated(estimator.net)}
    _write(path, header, arrays)


def _write(path: str, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    text = numpy.frombuffer(json.dumps(header).encode(), "uint8")
    write_atomically(path, params_file.pack(arrays | {"header": params_file.as_tensor(text)}))


def finish(path: str) -> None:
    """Note that the run came to its end at this place."""
    header, arrays = load(path)
    _write(path, header | {"finished": True}, arrays)


def load(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what `save` wrote: the header and the arrays."""
    arrays = params_file.load(path)
    try:
        header = json.loads(arrays.pop("header").asnumpy().tobytes())
        if header["format"] != FORMAT:
            raise ValueError(header["format"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MXNetError(f"{path} does not say how far a run has come ({error!r})") from None
    return header, arrays


def put_back(
    saved: tuple[dict[str, Any], dict[str, Any]], estimator: Any, handlers: Sequence[Any]
) -> list[Any]:
    """Put an estimator, its handlers and the generators to where a run was; give those handlers."""
    header, arrays = saved
    place = estimator.place
    place.over = header["over"] and not header["finished"]
    place.began = header["began"]
    for metric, values in zip(_metrics(estimator), header["metrics"], strict=False):
        _set(metric, values)
    restored = []
    waiting = list(header["handlers"])
    for handler in handlers:
        found = next((row for row in waiting if row[0] == type(handler).__name__), None)
        if handler.saved_attributes is not None and found is not None:
            waiting.remove(found)
            _set(handler, found[1])
            restored.append(handler)
    for path, parameter in _accumulated(estimator.net):
        if f"grad {path}" in arrays:
            parameter.grad()[:] = arrays[f"grad {path}"]
    _surround(estimator.train_data, header["now"])
    return restored


def _metrics(estimator: Any) -> list[EvalMetric]:
    return [*estimator.train_metrics, *estimator.val_metrics]


def _accumulated(net: Any) -> list[tuple[str, Any]]:
    """The parameters whose gradients outlive a batch."""
    return [
        (path, parameter)
        for path, parameter in net._collect_params_with_prefix().items()
        if parameter.grad_req == "add" and parameter.state == "live"
    ]


class _Unsuited(Exception):
    """A value that is not saved."""


def _attributes(thing: Any, names: Any) -> dict[str, Any]:
    """Those attributes that are made of numbers, text and NumPy's arrays."""
    found = {}
    for name in names:
        try:
            found[name] = _plain(getattr(thing, name))
        except _Unsuited:
            continue
    return found


def _set(thing: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(thing, name, _value(value))


def _plain(value: Any) -> Any:
    """As JSON has it; arrays and NumPy's numbers with their dtype."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, numpy.ndarray | numpy.generic) and value.dtype.kind in "biuf":
        return {"dtype": value.dtype.str, "values": value.tolist()}
    raise _Unsuited


_PLAIN = (bool, int, float, str, type(None))


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_value(part) for part in plain]
    if isinstance(plain, dict):
        array = numpy.array(plain["values"], plain["dtype"])
        return array if array.ndim else array[()]
    return plain
