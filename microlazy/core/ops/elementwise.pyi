from collections.abc import Callable
from typing import Any

import numpy

UNARY: dict[str, int]  # the numbers of the ops
BINARY: dict[str, int]

def integer_divide(
    a: numpy.ndarray[Any, Any], b: numpy.ndarray[Any, Any]
) -> numpy.ndarray[Any, Any]: ...
def with_number(
    array: numpy.ndarray[Any, Any], function: Callable[..., Any], number: float, swapped: bool
) -> numpy.ndarray[Any, Any]: ...
