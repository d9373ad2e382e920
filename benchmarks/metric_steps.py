"""An update of a metric by a batch, in microlazy and torchmetrics; `benchmarks.metrics` compares.

A workload is "metric NAME"; with ":unchecked" torchmetrics does not check what it is given, which
is its default to do.
"""

from typing import Any

import numpy

from benchmarks.workloads import Step

PREFIX = "metric "
UNCHECKED = ":unchecked"
BATCH, CLASSES = 128, 10

Named = tuple[str, dict[str, Any]]

# Of each metric: what it is given, our class and torchmetrics', with their arguments.
METRICS: dict[str, tuple[str, Named, Named]] = {
    "accuracy": (
        "classes",
        ("Accuracy", {}),
        ("classification.MulticlassAccuracy", {"num_classes": CLASSES, "average": "micro"}),
    ),
    "top_k_accuracy": (
        "classes",
        ("TopKAccuracy", {"top_k": 3}),
        (
            "classification.MulticlassAccuracy",
            {"num_classes": CLASSES, "average": "micro", "top_k": 3},
        ),
    ),
    "pcc": (
        "classes",
        ("PCC", {}),
        ("classification.MulticlassMatthewsCorrCoef", {"num_classes": CLASSES}),
    ),
    "perplexity": ("classes", ("Perplexity", {"ignore_label": None}), ("text.Perplexity", {})),
    "binary_accuracy": ("binary", ("BinaryAccuracy", {}), ("classification.BinaryAccuracy", {})),
    "f1": ("two classes", ("F1", {}), ("classification.BinaryF1Score", {})),
    "fbeta": (
        "two classes",
        ("Fbeta", {"beta": 2}),
        ("classification.BinaryFBetaScore", {"beta": 2.0}),
    ),
    "mcc": ("two classes", ("MCC", {}), ("classification.BinaryMatthewsCorrCoef", {})),
    "mae": ("numbers", ("MAE", {}), ("MeanAbsoluteError", {})),
    "mse": ("numbers", ("MSE", {}), ("MeanSquaredError", {})),
    "rmse": ("numbers", ("RMSE", {}), ("MeanSquaredError", {"squared": False})),
    "pearson": ("numbers", ("PearsonCorrelation", {}), ("PearsonCorrCoef", {})),
    "loss": ("loss", ("Loss", {}), ("MeanMetric", {})),
}


def batch(kind: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return labels and predictions.

    Examples
    --------
    >>> from benchmarks.metric_steps import batch
    >>> [part.shape for part in batch("classes")]
    [(128,), (128, 10)]
    """
    generator = numpy.random.default_rng(0)
    if kind in ("numbers", "loss"):
        return tuple(generator.normal(size=(2, BATCH)).astype("float32"))  # type: ignore[return-value]
    width = CLASSES if kind == "classes" else 2
    shares = generator.random((BATCH, width), dtype="float32")
    shares /= shares.sum(1, keepdims=True)
    labels = generator.integers(width, size=BATCH)
    return labels, shares[:, 1].copy() if kind == "binary" else shares


def build(framework: str, workload: str) -> Step | None:
    """Return a function that updates a metric once."""
    name, _, unchecked = workload.removeprefix(PREFIX).partition(":")
    return _torch(name, bool(unchecked)) if framework == "torch" else _microlazy(name)


def _microlazy(name: str) -> Step:
    import microlazy as mx

    kind, (ours, arguments), _ = METRICS[name]
    label, shares = map(mx.nd.array, batch(kind))
    metric = getattr(mx.metric, ours)(**arguments)
    labels, predictions = [label], [shares]
    return lambda: metric.update(labels, predictions)


def _torch(name: str, unchecked: bool) -> Step | None:
    import torch
    import torchmetrics

    kind, _, (theirs, arguments) = METRICS[name]
    label, shares = map(torch.from_numpy, batch(kind))
    *modules, last = theirs.split(".")
    made = torchmetrics
    for module in modules:
        made = getattr(made, module)
    if unchecked:
        if "classification" not in modules:
            return None
        arguments = arguments | {"validate_args": False}
    metric = getattr(made, last)(**arguments)
    if kind == "loss":
        return lambda: metric.update(label)
    if kind == "two classes":
        shares = shares[:, 1].contiguous()
    if name == "perplexity":
        shares, label = shares.log()[None], label[None]
    return lambda: metric.update(shares, label)
