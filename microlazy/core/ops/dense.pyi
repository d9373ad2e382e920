from typing import Any

import numpy

def whole_product(
    a: numpy.ndarray[Any, Any], b: numpy.ndarray[Any, Any], ta: bool, tb: bool
) -> numpy.ndarray[Any, Any]: ...
