import numpy

def between(
    rows: numpy.ndarray, q: tuple[float, ...], ignore_nan: bool, middle: bool
) -> numpy.ndarray: ...
def spread(
    rows: numpy.ndarray,
    places: numpy.ndarray,
    q: tuple[float, ...],
    g: numpy.ndarray,
    ignore_nan: bool,
) -> numpy.ndarray: ...
