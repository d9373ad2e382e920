import numpy

def blended(
    x: numpy.ndarray,
    down: numpy.ndarray,
    down_weights: numpy.ndarray,
    across: numpy.ndarray,
    across_weights: numpy.ndarray,
) -> numpy.ndarray: ...
