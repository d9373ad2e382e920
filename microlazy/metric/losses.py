"""The mean of losses that were computed elsewhere."""

from __future__ import annotations

from typing import Any

import numpy

from .base import Arrays, EvalMetric, Names, as_list, register, sum_of

__all__ = ["Caffe", "Loss", "Torch"]


@register
class Loss(EvalMetric):
    """The mean of all numbers that it is given as predictions; labels are not looked at.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> loss = metric.Loss()
    >>> loss.update(None, nd.array([1, 2, 6]))
    >>> loss.get()
    ('loss', 3.0)
    """

    def __init__(
        self, name: str = "loss", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names, has_global_stats=True)

    def update(self, labels: Any, preds: Arrays) -> None:
        views = [numpy.asarray(pred) for pred in as_list(preds)]
        for view in views:
            self._add(sum_of(view), view.size)


@register
class Torch(Loss):
    """`Loss` under the name "torch".

    Examples
    --------
    >>> from microlazy import metric
    >>> metric.Torch().name
    'torch'
    """

    def __init__(
        self, name: str = "torch", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)


@register
class Caffe(Loss):
    """`Loss` under the name "caffe".

    Examples
    --------
    >>> from microlazy import metric
    >>> metric.Caffe().name
    'caffe'
    """

    def __init__(
        self, name: str = "caffe", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)
