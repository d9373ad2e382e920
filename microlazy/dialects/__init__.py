"""Other names for the same networks: Gluon's blocks, parameters and tape as others write them."""

from .weights import copy_weights

__all__ = ["copy_weights"]
