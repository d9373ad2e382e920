"""The error for names of PyTorch that are not here, with the nearest thing that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

from ... import foreign

_NEAREST = {
    "Bilinear": "torch.einsum with a Parameter",
    "ConvTranspose1d": "microlazy.gluon.nn.Conv1DTranspose",
    "ConvTranspose2d": "microlazy.gluon.nn.Conv2DTranspose, which a Sequential may hold",
    "ConvTranspose3d": "microlazy.gluon.nn.Conv3DTranspose",
    "DataParallel": "the module itself: there is one device",
    "GRUCell": "nn.GRU, or microlazy.gluon.rnn.GRUCell",
    "GroupNorm": "nn.LayerNorm, or microlazy.gluon.nn.GroupNorm",
    "InstanceNorm2d": "microlazy.gluon.nn.InstanceNorm",
    "LSTMCell": "nn.LSTM, or microlazy.gluon.rnn.LSTMCell",
    "MultiheadAttention": "nn.Linear and nn.functional.softmax",
    "RMSprop": "optim.Adam, or microlazy.gluon.Trainer with 'rmsprop'",
    "RNNCell": "nn.RNN, or microlazy.gluon.rnn.RNNCell",
    "Transformer": "nn.Linear, nn.LayerNorm and nn.functional.softmax",
    "TransformerEncoderLayer": "nn.Linear, nn.LayerNorm and nn.functional.softmax",
    "amp": "the tensors themselves, in float32",
    "autocast": "the tensors themselves, in float32",
    "compile": "the module itself; microlazy.gluon.compile_step replays steps of Gluon's networks",
    "distributed": "microlazy.kvstore",
    "jit": "the module itself; networks of Gluon have hybridize()",
    "lr_scheduler": "group['lr'] = ... for each group of optimizer.param_groups",
    "onnx": "microlazy.onnx, which takes networks of Gluon",
    "vmap": "functions of whole batches",
}

_MEMBERS = {
    "cuda": "; leave it out: there is one device, the CPU",
    "register_full_backward_hook": "; hooks on gradients are missing",
    "register_hook": "; hooks on gradients are missing",
}


def missing_member(cls: type, name: str, known: Iterable[str]) -> AttributeError:
    """The error for an attribute that a tensor or a module does not have.

    Examples
    --------
    >>> print(missing_member(int, "register_hook", []))
    'int' object has no attribute 'register_hook'; hooks on gradients are missing
    """
    hint = _MEMBERS.get(name) or foreign.nearest(name, known)
    message = f"{cls.__name__!r} object has no attribute {name!r}{hint}"
    return AttributeError(message, name=name, obj=None)  # as in foreign.missing


def teller(module: str, names: Iterable[str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module, which says what there is for a name that it does not have.

    Examples
    --------
    >>> teller("microlazy.dialects.torch.nn", [])("LSTMCell")
    Traceback (most recent call last):
    ...
    AttributeError: module 'microlazy.dialects.torch.nn' has no attribute 'LSTMCell'; write nn.LSTM,
    or microlazy.gluon.rnn.LSTMCell
    """
    return foreign.teller(module, names, _NEAREST)
