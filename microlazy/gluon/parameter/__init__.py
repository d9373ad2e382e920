"""Parameters: what they are, the life they have before their sizes are known, and files of them."""

from .constant import Constant
from .loading import load_arrays
from .parameter import DeferredInitializationError, Parameter, tensor_types
from .parameter_dict import ParameterDict
from .shapes import ParameterShapeError

__all__ = [
    "Constant",
    "DeferredInitializationError",
    "Parameter",
    "ParameterDict",
    "ParameterShapeError",
    "load_arrays",
    "tensor_types",
]

# Messages, pickles and printed types name the module that MXNet's programs import from.
for _public in (
    Constant,
    DeferredInitializationError,
    Parameter,
    ParameterDict,
    ParameterShapeError,
    load_arrays,
):
    _public.__module__ = __name__
