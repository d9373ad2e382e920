"""What an Estimator and its handlers check of what they are given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ....metric import CompositeEvalMetric, EvalMetric


def checked_metrics(metrics: Any) -> list[EvalMetric]:
    """A metric, a composite, or several metrics as a list of metrics."""
    if isinstance(metrics, CompositeEvalMetric):
        return [part for metric in metrics.metrics for part in checked_metrics(metric)]
    if isinstance(metrics, EvalMetric):
        return [metrics]
    found = list(metrics or ()) if isinstance(metrics, Iterable | None) else [metrics]
    if not all(isinstance(metric, EvalMetric) for metric in found):
        raise ValueError(f"metrics must be a Metric or a list of Metric, but got {metrics!r}")
    return found


def check_references(handlers: Iterable[Any], known: Iterable[EvalMetric]) -> None:
    """Refuse handlers that look at metrics that nobody updates."""
    known = set(known)
    for handler in handlers:
        for name, value in vars(handler).items():
            if "metric" not in name:
                continue
            for metric in value if isinstance(value, list) else [value]:
                if isinstance(metric, EvalMetric) and metric not in known:
                    raise ValueError(
                        f"Event handler {type(handler).__name__} refers to a metric instance "
                        f"{metric} outside of the known training and validation metrics. Give it "
                        "those of estimator.train_metrics and estimator.val_metrics"
                    )
