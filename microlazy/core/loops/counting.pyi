from typing import Any

import numpy

def bin_counts(
    x: numpy.ndarray[Any, Any],
    edges: numpy.ndarray[Any, Any],
    weights: numpy.ndarray[Any, Any] | None = None,
) -> numpy.ndarray[Any, Any] | None: ...
