"""Metrics made of others or of functions, and `create`, which makes any metric by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

from ..core.tensor import Tensor
from .base import (
    REGISTRY,
    Arrays,
    EvalMetric,
    Names,
    Reading,
    alias,
    as_list,
    check_label_shapes,
    register,
)

__all__ = ["CompositeEvalMetric", "CustomMetric", "create", "np"]


def create(metric: Any, *args: Any, **kwargs: Any) -> EvalMetric:
    """Make a metric.

    Parameters
    ----------
    metric : str, callable, EvalMetric, dict or list
        A name, such as "acc"; a function of labels and predictions; a metric, which is returned;
        what `get_config` gave; or a list of these, for a `CompositeEvalMetric`.
    *args, **kwargs
        Arguments of the metric.

    Raises
    ------
    ValueError
        If no metric has that name; the message gives the nearest.

    Examples
    --------
    >>> from microlazy import metric
    >>> metric.create("acc").get()
    ('accuracy', nan)
    >>> metric.create(["mse", "mae"]).get()
    (['mse', 'mae'], [nan, nan])
    """
    if isinstance(metric, EvalMetric):
        if args or kwargs:
            raise ValueError(f"{metric.name} is a metric already and takes no arguments")
        return metric
    if callable(metric):
        return CustomMetric(metric, *args, **kwargs)
    if isinstance(metric, (list, tuple)):
        return CompositeEvalMetric([create(each, *args, **kwargs) for each in metric])
    if isinstance(metric, str) and metric[:1] in ("{", "["):  # a configuration as text
        made = json.loads(metric)
        metric = made if isinstance(made, dict) else {"metric": made[0], **made[1]}
    if isinstance(metric, dict):
        return create(**metric)
    if not isinstance(metric, str):
        raise TypeError(
            f"a metric is a name, a function, a list or an EvalMetric, not {type(metric).__name__}"
        )
    klass = REGISTRY.get(metric.lower())
    if klass is None:
        from difflib import get_close_matches  # seldom needed

        nearest = get_close_matches(metric.lower(), REGISTRY, 1)
        hint = f"the nearest is {nearest[0]!r}" if nearest else f"there are {sorted(REGISTRY)}"
        raise ValueError(f"no metric is named {metric!r}; {hint}")
    return klass(*args, **kwargs)


@register
@alias("composite")
class CompositeEvalMetric(EvalMetric):
    """Several metrics, updated together.

    Parameters
    ----------
    metrics : list, optional
        Metrics, or what `create` makes them of.
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` hands on.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> both = metric.CompositeEvalMetric([metric.Accuracy(), "f1"])
    >>> both.update(nd.array([0, 1, 1]), nd.array([[0.3, 0.7], [0, 1.0], [0.4, 0.6]]))
    >>> both.get()
    (['accuracy', 'f1'], [0.6666666666666666, 0.8])
    """

    def __init__(
        self,
        metrics: Sequence[Any] | None = None,
        name: str = "composite",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        self.metrics = [create(metric) for metric in metrics or ()]
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def add(self, metric: Any) -> None:
        """Add a metric, or what `create` makes one of."""
        self.metrics.append(create(metric))

    def get_metric(self, index: int) -> EvalMetric:
        """Return the metric at a place.

        Raises
        ------
        ValueError
            If there is none.

        Examples
        --------
        >>> from microlazy import metric
        >>> metric.CompositeEvalMetric(["mse"]).get_metric(0).name
        'mse'
        """
        if not -len(self.metrics) <= index < len(self.metrics):
            raise ValueError(f"there is no metric {index}: {self.name} has {len(self.metrics)}")
        return self.metrics[index]

    def update(self, labels: Arrays, preds: Arrays) -> None:
        for metric in self.metrics:
            metric.update(labels, preds)

    def update_dict(self, label: Mapping[str, Any], pred: Mapping[str, Any]) -> None:
        if self.label_names is not None:
            label = {name: label[name] for name in label if name in self.label_names}
        if self.output_names is not None:
            pred = {name: pred[name] for name in pred if name in self.output_names}
        for metric in self.metrics:
            metric.update_dict(label, pred)

    def reset(self) -> None:
        for metric in self.metrics:
            metric.reset()

    def reset_local(self) -> None:
        for metric in self.metrics:
            metric.reset_local()

    def get(self) -> Reading:
        return _columns([metric.get_name_value() for metric in self.metrics])

    def get_global(self) -> Reading:
        return _columns([metric.get_global_name_value() for metric in self.metrics])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"metrics": [metric.get_config() for metric in self.metrics]}


def _columns(rows: list[list[tuple[str, float]]]) -> tuple[list[str], list[float]]:
    flat = [pair for row in rows for pair in row]
    return [name for name, _ in flat], [value for _, value in flat]


@register
class CustomMetric(EvalMetric):
    """A metric made of a function.

    Parameters
    ----------
    feval : callable
        Called with the labels and the predictions of a batch as NumPy arrays; returns a number, or
        a tuple (sum, count).
    name : str, optional
        By default the function's.
    allow_extra_outputs : bool
        Whether there may be more predictions than labels, such as the states of a recurrent
        network.
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> gap = metric.CustomMetric(lambda label, pred: (label - pred).max(), name="gap")
    >>> gap.update([nd.array([3, 1])], [nd.array([2, 2])])
    >>> gap.get()
    ('gap', 1.0)
    """

    def __init__(
        self,
        feval: Callable[[numpy.ndarray, numpy.ndarray], Any],
        name: str | None = None,
        allow_extra_outputs: bool = False,
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        if name is None:
            own = getattr(feval, "__name__", type(feval).__name__)
            name = f"custom({own})" if "<" in own else own
        super().__init__(
            name,
            output_names,
            label_names,
            feval=feval,
            allow_extra_outputs=allow_extra_outputs,
            has_global_stats=True,
        )
        self._feval = feval
        self._allow_extra_outputs = allow_extra_outputs

    def update(self, labels: Arrays, preds: Arrays) -> None:
        if not self._allow_extra_outputs:
            check_label_shapes(labels, preds)
        # The function may write to what it gets, so it gets copies.
        found = [
            self._feval(_copy(label), _copy(pred))
            for label, pred in zip(as_list(labels), as_list(preds), strict=False)
        ]
        for value in found:
            self._add(*(value if isinstance(value, tuple) else (value, 1)))

    def get_config(self) -> dict[str, Any]:
        """Refuse: a function cannot be written into a configuration."""
        raise NotImplementedError(f"{self.name} is made of a function and has no configuration")


def _copy(array: Any) -> numpy.ndarray:
    return array.asnumpy() if isinstance(array, Tensor) else numpy.array(array)


def np(
    numpy_feval: Callable[[numpy.ndarray, numpy.ndarray], Any],
    name: str | None = None,
    allow_extra_outputs: bool = False,
) -> CustomMetric:
    """Return a metric made of a function of NumPy arrays: `CustomMetric`, as a function.

    Parameters
    ----------
    numpy_feval, name, allow_extra_outputs
        As `feval` and so on of `CustomMetric`.

    Examples
    --------
    >>> from microlazy import metric
    >>> def largest_error(label, pred):
    ...     return abs(label - pred).max()
    >>> metric.np(largest_error).name
    'largest_error'
    """
    return CustomMetric(numpy_feval, name, allow_extra_outputs)
