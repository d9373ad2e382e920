from typing import Any

import numpy

def order_of_rows(x: numpy.ndarray[Any, Any], descending: bool) -> numpy.ndarray[Any, Any]: ...
