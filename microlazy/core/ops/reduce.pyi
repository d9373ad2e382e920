from typing import Any

import numpy

def product_gradient(
    values: numpy.ndarray[Any, Any], mask: numpy.ndarray[Any, Any]
) -> numpy.ndarray[Any, Any]: ...
