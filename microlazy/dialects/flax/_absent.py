"""The error for names of Flax and JAX that are not here, with the nearest thing that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

from ... import foreign

_NEAREST = {
    "ConvTranspose": "microlazy.gluon.nn.Conv2DTranspose",
    "DenseGeneral": "linen.Dense, which works on the last axis",
    "GroupNorm": "linen.LayerNorm, or microlazy.gluon.nn.GroupNorm",
    "GRUCell": "microlazy.gluon.rnn.GRUCell",
    "LSTMCell": "microlazy.gluon.rnn.LSTMCell",
    "MultiHeadDotProductAttention": "linen.Dense and linen.softmax",
    "OptimizedLSTMCell": "microlazy.gluon.rnn.LSTMCell",
    "RNN": "microlazy.gluon.rnn.RNN",
    "checkpoint": "the function itself: what it computes is kept for the gradient",
    "core": "a plain dict in the place of a FrozenDict",
    "debug": "print, in a function that is not under jit",
    "device_get": "x.asnumpy()",
    "device_put": "jax.numpy.array(x)",
    "devices": "nothing: there is the CPU only",
    "disable_jit": "the function itself, without jit",
    "lax": "microlazy.np and microlazy.npx",
    "make_jaxpr": "microlazy.core.trace.ops_of(function, *args)",
    "nnx": "linen, or microlazy.gluon, whose networks keep their parameters",
    "hessian": "grad, which can be applied to what grad returns",
    "jvp": "grad: gradients go back over the tape, not forward",
    "pmap": "the function itself: there is one device",
    "remat": "the module itself: what it computes is kept for the gradient",
    "scan": "a loop in a compact method",
    "struct": "a dict, which is a tree",
    "training": "params = tree_map(lambda p, g: p - rate * g, params, grads)",
    "vmap": "functions of whole batches",
}


def teller(module: str, names: Iterable[str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module, which says what there is for a name that it does not have.

    Examples
    --------
    >>> teller("microlazy.dialects.flax.jax", [])("vmap")
    Traceback (most recent call last):
    ...
    AttributeError: module 'microlazy.dialects.flax.jax' has no attribute 'vmap'; write functions of
    whole batches
    """
    return foreign.teller(module, names, _NEAREST)
