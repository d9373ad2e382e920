"""What all metrics have in common: names, sums since the last reset, and the register."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy

from ..core.tensor import Tensor

__all__ = ["EvalMetric", "alias", "check_label_shapes", "register"]

Arrays: TypeAlias = Tensor | numpy.ndarray | Sequence[Tensor | numpy.ndarray]
Names: TypeAlias = Sequence[str] | None
Reading: TypeAlias = tuple[Any, Any]  # a name and a value; of a composite, lists of them

REGISTRY: dict[str, type[EvalMetric]] = {}


def check_label_shapes(
    labels: Any, preds: Any, wrap: bool = False, shape: bool = False
) -> tuple[Any, Any]:
    """Check that labels and predictions are equally many.

    Parameters
    ----------
    labels, preds : array, or list of arrays
    wrap : bool
        Put a single array into a list.
    shape : bool
        Compare the shapes, not the lengths.

    Returns
    -------
    labels, preds
        As given, or in lists.

    Raises
    ------
    ValueError
        If they differ; the message gives both.

    Examples
    --------
    >>> from microlazy import metric
    >>> metric.check_label_shapes([1, 2], [3])
    Traceback (most recent call last):
    ...
    ValueError: Shape of labels 2 does not match shape of predictions 1
    """
    ours, theirs = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if ours != theirs:
        raise ValueError(f"Shape of labels {ours} does not match shape of predictions {theirs}")
    return (as_list(labels), as_list(preds)) if wrap else (labels, preds)


def as_list(arrays: Arrays) -> Sequence[Any]:
    """A list of arrays as it is, one array in a list."""
    return arrays if isinstance(arrays, (list, tuple)) else [arrays]


def pairs(labels: Arrays, preds: Arrays) -> Iterable[tuple[numpy.ndarray, numpy.ndarray]]:
    """Labels and predictions side by side, as NumPy's views of their memory."""
    labels, preds = check_label_shapes(labels, preds, wrap=True)
    return [
        (numpy.asarray(label), numpy.asarray(pred))
        for label, pred in zip(labels, preds, strict=True)
    ]


def ratio(value: float, count: float) -> float:
    """The mean, NaN of nothing."""
    return float(value / count) if count else float("nan")


def sum_of(array: numpy.ndarray) -> float:
    """The sum of all elements; a third of the time that the method takes for a small array."""
    return float(numpy.add.reduce(array, axis=None))


def mean_of(array: numpy.ndarray) -> float:
    """The mean of all elements, NaN of none."""
    return ratio(sum_of(array), array.size)


class EvalMetric:
    """Base class of metrics.

    A metric of your own overrides `update`, which adds to `sum_metric` and `num_inst`; `get` gives
    their ratio. There are two pairs of sums: the local ones are set to zero by `reset_local`, and
    the global ones, `global_sum_metric` and `global_num_inst`, go on until `reset`.

    Parameters
    ----------
    name : str
        Under which name the value is shown.
    output_names, label_names : list of str, optional
        Which predictions and labels `update_dict` takes; by default all.
    **kwargs
        Kept for `get_config`. With ``has_global_stats=True`` the metric has global sums of its own;
        else `get_global` gives the local value.

    Examples
    --------
    >>> import microlazy as mx
    >>> @mx.metric.register
    ... class LargestError(mx.metric.EvalMetric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name)
    ...     def update(self, labels, preds):
    ...         self.sum_metric = max(self.sum_metric, float(abs(labels - preds).max().asscalar()))
    ...         self.num_inst = 1
    >>> metric = mx.metric.create("largesterror")
    >>> metric.update(mx.nd.array([1, 2]), mx.nd.array([1, 5]))
    >>> metric.get()
    ('largest', 3.0)
    """

    def __init__(
        self, name: str, output_names: Names = None, label_names: Names = None, **kwargs: Any
    ) -> None:
        self.name = str(name)
        self.output_names = output_names
        self.label_names = label_names
        self._has_global_stats = kwargs.pop("has_global_stats", False)
        self._kwargs = kwargs
        self.reset()

    def __str__(self) -> str:
        return f"EvalMetric: {dict(self.get_name_value())}"

    def get_config(self) -> dict[str, Any]:
        """Return what `create` makes an equal metric of: ``create(**config)``.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.metric.Accuracy().get_config()["metric"]
        'Accuracy'
        """
        return self._kwargs | {
            "metric": type(self).__name__,
            "name": self.name,
            "output_names": self.output_names,
            "label_names": self.label_names,
        }

    def update(self, labels: Arrays, preds: Arrays) -> None:
        """Take a batch into account.

        Parameters
        ----------
        labels, preds : array, or list of arrays
            Labels and predictions, the batch along the first axis: arrays of microlazy or NumPy.

        Raises
        ------
        ValueError
            If they do not fit each other; the metric is as before.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        """Take a batch into account, of arrays by name.

        Examples
        --------
        >>> from microlazy import metric, nd
        >>> error = metric.MAE(output_names=["price"])
        >>> error.update_dict(
        ...     {"label": nd.ones((2,))}, {"price": nd.zeros((2,)), "state": nd.zeros((5,))}
        ... )
        >>> error.get()
        ('mae', 1.0)
        """
        labels = label.values() if self.label_names is None else map(label.get, self.label_names)
        preds = pred.values() if self.output_names is None else map(pred.get, self.output_names)
        chosen = list(labels), list(preds)
        for given, names, found in zip(
            (label, pred), (self.label_names, self.output_names), chosen, strict=True
        ):
            for name, array in zip(names or given, found, strict=True):
                if array is None:
                    raise KeyError(f"{self.name}: no array is named {name!r}, of {list(given)}")
        self.update(*chosen)

    def reset(self) -> None:
        """Forget everything."""
        self.global_num_inst: float = 0
        self.global_sum_metric: float = 0.0
        self.reset_local()

    def reset_local(self) -> None:
        """Forget the local sums."""
        self.num_inst: float = 0
        self.sum_metric: float = 0.0

    def get(self) -> Reading:
        """Return the name and the value since the last reset; NaN when there were no batches."""
        return self.name, ratio(self.sum_metric, self.num_inst)

    def get_global(self) -> Reading:
        """Return the name and the value since the last `reset`, whatever `reset_local` did."""
        if not self._has_global_stats:
            return self.get()
        return self.name, ratio(self.global_sum_metric, self.global_num_inst)

    def get_name_value(self) -> list[tuple[str, float]]:
        """Return `get` as a list of names with values."""
        return _listed(*self.get())

    def get_global_name_value(self) -> list[tuple[str, float]]:
        """Return `get_global` as a list of names with values."""
        return _listed(*self.get_global())

    def _add(self, value: float, count: float) -> None:
        self.sum_metric += value
        self.num_inst += count
        self.global_sum_metric += value
        self.global_num_inst += count


def _listed(name: Any, value: Any) -> list[tuple[str, float]]:
    if not isinstance(name, list):
        return [(name, value)]
    return list(zip(name, value, strict=True))


class Mean(EvalMetric):
    """A metric that is a mean: of each pair of arrays a sum and how many were summed."""

    def __init__(self, name: str, output_names: Names, label_names: Names, **kwargs: Any) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True, **kwargs)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        # All are measured before one is added: an error leaves the metric as it was.
        measured = [self._measure(label, pred) for label, pred in pairs(labels, preds)]
        for value, count in measured:
            self._add(float(value), count)

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        raise NotImplementedError


class FromStatistics(EvalMetric):
    """A metric that is a function of sums over examples, such as a confusion matrix.

    With "macro" it is the mean of the values of all batches, with "micro" the value of all examples
    together.
    """

    _local: numpy.ndarray
    _global: numpy.ndarray

    def __init__(
        self, name: str, output_names: Names, label_names: Names, average: str, **kwargs: Any
    ) -> None:
        if average not in ("macro", "micro"):
            raise ValueError(f"{name}: average must be 'macro' or 'micro', but it is {average!r}")
        self.average = average
        super().__init__(name, output_names, label_names, has_global_stats=True, **kwargs)

    def update(self, labels: Arrays, preds: Arrays) -> None:
        parts = [self._statistics(label, pred) for label, pred in pairs(labels, preds)]
        if self.average == "macro":
            values = [self._value(part) for part in self._batches(parts)]
            self._add(sum(values), len(values))
            return
        for part in parts:
            self._local = self._merge(self._local, part)
            self._global = self._merge(self._global, part)
        self.num_inst, self.global_num_inst = self._count(self._local), self._count(self._global)

    def get(self) -> Reading:
        if self.average == "micro":  # here and not in update(), which is called more often
            self.sum_metric = self._value(self._local) * self.num_inst
        return super().get()

    def get_global(self) -> Reading:
        if self.average == "micro":
            self.global_sum_metric = self._value(self._global) * self.global_num_inst
        return super().get_global()

    def reset(self) -> None:
        self._global = self._nothing()
        super().reset()

    def reset_local(self) -> None:
        self._local = self._nothing()
        super().reset_local()

    def _batches(self, parts: list[numpy.ndarray]) -> list[numpy.ndarray]:
        """What has a value of its own in the macro average: the arrays of one update together."""
        return [sum(parts, self._nothing())]

    def _merge(self, one: numpy.ndarray, other: numpy.ndarray) -> numpy.ndarray:
        return one + other

    def _count(self, statistics: numpy.ndarray) -> float:
        return float(statistics.sum())

    def _nothing(self) -> numpy.ndarray:
        """The statistics of no examples."""
        raise NotImplementedError

    def _statistics(self, label: numpy.ndarray, pred: numpy.ndarray) -> numpy.ndarray:
        raise NotImplementedError

    def _value(self, statistics: numpy.ndarray) -> float:
        raise NotImplementedError


def register(klass: type[EvalMetric], name: str | None = None) -> type[EvalMetric]:
    """Make a metric known to `create` by its name in small letters; usable as a decorator.

    Parameters
    ----------
    klass : subclass of EvalMetric
    name : str, optional
        Another name than the class has.

    Examples
    --------
    >>> from microlazy import metric
    >>> @metric.register
    ... class MyError(metric.MAE):
    ...     pass
    >>> type(metric.create("myerror")).__name__
    'MyError'
    """
    if not (isinstance(klass, type) and issubclass(klass, EvalMetric)):
        raise TypeError(f"only a subclass of EvalMetric can be registered, not {klass!r}")
    name = (name or klass.__name__).lower()
    if name in REGISTRY and REGISTRY[name].__qualname__ != klass.__qualname__:
        warnings.warn(f"metric {name!r} is now {klass}, no longer {REGISTRY[name]}", stacklevel=2)
    REGISTRY[name] = klass
    return klass


def alias(*names: str) -> Callable[[type[EvalMetric]], type[EvalMetric]]:
    """Return a decorator that makes a metric known under further names.

    Examples
    --------
    >>> from microlazy import metric
    >>> @metric.alias("close")
    ... class Closeness(metric.MSE):
    ...     pass
    >>> type(metric.create("close")).__name__
    'Closeness'
    """

    def decorate(klass: type[EvalMetric]) -> type[EvalMetric]:
        for name in names:
            register(klass, name)
        return klass

    return decorate
