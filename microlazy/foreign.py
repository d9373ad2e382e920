"""Names that are misspelled, or come from another framework, and what to write here instead."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from inspect import getattr_static
from typing import Any, NoReturn

import numpy

from .outside import MEMBERS, OUTSIDE, explain

# In modules: other names of what is here.
_HERE = {
    "Linear": "nn.Dense(units), which finds its input size itself",
    "Module": "a class on gluon.Block or gluon.HybridBlock",
    "ReLU": "nn.Activation('relu')",
    "Sigmoid": "nn.Activation('sigmoid')",
    "Softmax": "npx.softmax(x); SoftmaxCrossEntropyLoss takes its input without a softmax",
    "Softplus": "nn.Activation('softrelu')",
    "Tanh": "nn.Activation('tanh')",
    "CrossEntropyLoss": "gluon.loss.SoftmaxCrossEntropyLoss, whose result is one for each example",
    "MSELoss": "gluon.loss.L2Loss, which is half of the square, one for each example",
    "BCEWithLogitsLoss": "gluon.loss.SigmoidBinaryCrossEntropyLoss",
    "BCELoss": "gluon.loss.SigmoidBinaryCrossEntropyLoss(from_sigmoid=True)",
    "SmoothL1Loss": "gluon.loss.HuberLoss",
    "Kaiming": "init.MSRAPrelu",
    "He": "init.MSRAPrelu",
    "Glorot": "init.Xavier",
    "Gaussian": "init.Normal",
    "no_grad": "autograd.pause()",
    "enable_grad": "autograd.record()",
    "GradientTape": "autograd.record()",
    "nn": "gluon.nn",
    "loss": "gluon.loss",
    "RNN": "gluon.rnn.RNN",
    "LSTM": "gluon.rnn.LSTM",
    "GRU": "gluon.rnn.GRU",
    "RNNCell": "gluon.rnn.RNNCell",
    "LSTMCell": "gluon.rnn.LSTMCell",
    "GRUCell": "gluon.rnn.GRUCell",
    "DataLoader": "gluon.data.DataLoader",
    "tensor": "np.array or nd.array",
    "cat": "np.concatenate or nd.concat",
    "manual_seed": "mx.random.seed(n)",
    "TensorDataset": "gluon.data.ArrayDataset",
    "ImageFolder": "gluon.data.vision.ImageFolderDataset",
}

# Where the function or class may be that was looked for in another module.
_FACES = {
    "np": "microlazy.numpy",
    "npx": "microlazy.numpy_extension",
    "nd": "microlazy.ndarray",
    "gluon": "microlazy.gluon",
    "gluon.nn": "microlazy.gluon.nn",
    "gluon.loss": "microlazy.gluon.loss",
}

# On blocks, trainers and parameters: how Gluon does it.
BLOCK = {
    "parameters": "collect_params() has all parameters by name",
    "named_parameters": "collect_params() has all parameters by name",
    "state_dict": "save_parameters(filename) saves the values",
    "load_state_dict": "load_parameters(filename) loads the values",
    "zero_grad": "a backward pass replaces gradients; with grad_req='add' call "
    "collect_params().zero_grad()",
    "train": "inside autograd.record() or autograd.train_mode() layers train",
    "eval": "outside of autograd.record() layers do not train",
    "to": "there is one device; cast(dtype) changes the data type",
    "cuda": "there is one device, the CPU",
    "save": "save_parameters(filename) saves the values; the class of the network is its structure",
    "load": "load_parameters(filename) loads the values into a network made by its class",
    "append": "add(layer) puts a layer on top of a Sequential",
    "optimize_for": "there are no other backends; hybridize() makes a plan",
    "infer_type": "cast(dtype) sets the data type of all parameters",
    "backward": "call backward() on the loss, computed inside autograd.record()",
}
TRAINER = {
    "zero_grad": BLOCK["zero_grad"],
    "state_dict": "save_states(filename) saves the states",
    "load_state_dict": "load_states(filename) loads the states",
}
PARAMETER = {
    "requires_grad": "set grad_req to 'write', 'add' or 'null'",
    "value": "data() gives the array of values, set_data() sets them",
    "numpy": "data().asnumpy() gives a copy of the values",
}

# On arrays, which look here for what they have not.
ARRAY = {
    "numpy": "asnumpy() gives a copy of the values, numpy.asarray(x) a view of them",
    "requires_grad": "attach_grad() asks for gradients",
    "requires_grad_": "attach_grad() asks for gradients",
    "data": "detach() gives an array without its graph",
    "cuda": BLOCK["cuda"],
    "cpu": "as_in_context(ctx) moves it; there is one device, the CPU",
    "to": "astype(dtype) changes the data type, as_in_context(ctx) the context",
    "float": "astype('float32') changes the data type",
    "long": "astype('int64') changes the data type",
    "clone": "copy() gives a copy",
    "view": "reshape(shape) gives a view where that can be",
    "unsqueeze": "expand_dims(axis) adds an axis",
    "permute": "transpose(axes) changes the order of axes",
    "dim": "ndim is the number of axes",
    "numel": "size is the number of elements",
    "zero_": "x[:] = 0 sets all elements",
    "flat": "reshape(-1) has all elements along one axis",
    "resize": "np.resize(x, shape) gives a new array",
    **dict.fromkeys(
        ("base", "ctypes", "dump", "flags", "tofile"),
        "it is an attribute of NumPy's arrays; numpy.asarray(x) is one, on the same memory",
    ),
}


def missing(
    module: str, name: str, names: Iterable[str], here: Mapping[str, str] = _HERE
) -> AttributeError:
    """The error for a name that a module does not have, with the nearest that it has.

    What to write instead of names that are known elsewhere is in `here`.

    Examples
    --------
    >>> from microlazy.foreign import missing
    >>> print(missing("microlazy.gluon.nn", "Desne", ["Dense", "Dropout"]))
    module 'microlazy.gluon.nn' has no attribute 'Desne'; the nearest name is 'Dense'
    """
    # Python adds a guess of its own, from the names of the error's object, unless that is said.
    return AttributeError(_told(module, name, names, here), name=name, obj=None)


def _told(module: str, name: str, names: Iterable[str], here: Mapping[str, str]) -> str:
    message = explain(module, name)
    if name.startswith("_"):  # asked for by tools, not by people
        return message
    if name in here:
        return f"{message}; write {here[name]}"
    if name in MEMBERS.get(module, {}) or (module == "microlazy" and name in OUTSIDE):
        return message
    for face, path in _FACES.items():
        module_there = sys.modules.get(path)
        if name in getattr(module_there, "__all__", ()) and callable(getattr(module_there, name)):
            return f"{message}; write {face}.{name}"
    if name in OUTSIDE:  # the message says it
        return message
    if module == "microlazy.np" and hasattr(numpy, name):
        return f"{message}; NumPy itself has it: numpy.{name}"
    return message + nearest(name, names)


def teller(module: str, names: Iterable[str], here: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module, which says what there is for a name that it does not have.

    Examples
    --------
    >>> from microlazy.foreign import teller
    >>> teller("microlazy.dialects", ["keras"], {})("kears")
    Traceback (most recent call last):
    ...
    AttributeError: module 'microlazy.dialects' has no attribute 'kears'; the nearest name is
    'keras'
    """

    def tell(name: str) -> NoReturn:
        raise missing(module, name, names, here)

    return tell


def nearest(name: str, names: Iterable[str]) -> str:
    """What to add to an error about a name: the nearest that there is, if any is near.

    Examples
    --------
    >>> from microlazy.foreign import nearest
    >>> nearest("Desne", ["Dense", "Dropout"])
    "; the nearest name is 'Dense'"
    """
    from difflib import get_close_matches  # seldom needed

    known = {known.lower(): known for known in names if not known.startswith("_")}
    found = get_close_matches(name.lower(), known, 1)
    return f"; the nearest name is {known[found[0]]!r}" if found else ""


class Hint:
    """An attribute that a class has not; asking for it tells how Gluon does that."""

    def __init__(self, name: str, hint: str) -> None:
        self._name, self._hint = name, hint

    def __get__(self, instance: Any, cls: type) -> NoReturn:
        raise AttributeError(f"{cls.__name__!r} has no attribute {self._name!r}: {self._hint}")


def give_hints(cls: type, hints: dict[str, str]) -> None:
    """Have a class explain names of other frameworks; a subclass or an object may define them."""
    for name, text in hints.items():
        setattr(cls, name, Hint(name, text))
    setattr(cls, "__dir__", _without_hints)  # noqa: B010


def _without_hints(self: Any) -> list[str]:
    """The names that an object has: programs ask for each that ``dir`` lists."""
    names = object.__dir__(self)
    return [name for name in names if not isinstance(getattr_static(self, name, None), Hint)]
