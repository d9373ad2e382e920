"""PyTorch under NumPy's names, as far as both compute the same; needs PyTorch."""

from types import SimpleNamespace
from typing import Any

import numpy
import torch
from torch.nn import functional

NPX = SimpleNamespace(
    relu=torch.relu,
    sigmoid=torch.sigmoid,
    log_sigmoid=functional.logsigmoid,
    softrelu=functional.softplus,
    softsign=functional.softsign,
    gelu=functional.gelu,
    silu=functional.silu,
    mish=functional.mish,
    rsqrt=torch.rsqrt,
    erf=torch.erf,
    erfinv=torch.erfinv,
    gammaln=torch.lgamma,
    digamma=torch.digamma,
    softmax=lambda x, axis=-1: torch.softmax(x, axis),
    log_softmax=lambda x, axis=-1: torch.log_softmax(x, axis),
    logsumexp=lambda x, axis=None, keepdims=False: torch.logsumexp(
        x, tuple(range(x.ndim)) if axis is None else axis, keepdims
    ),
    batch_dot=torch.bmm,
)


def _axes(x: torch.Tensor, axis: Any) -> Any:
    return tuple(range(x.ndim)) if axis is None else axis


def _sorted(x: torch.Tensor, axis: Any = -1, descending: bool = False) -> torch.Tensor:
    x, axis = (x.flatten(), 0) if axis is None else (x, axis)
    return torch.sort(x, dim=axis, descending=descending)[0]


class Numpy:
    """PyTorch under NumPy's names, where those differ; the rest is PyTorch's own."""

    linalg = torch.linalg
    nan, inf, pi = numpy.nan, numpy.inf, numpy.pi
    fabs = staticmethod(torch.abs)
    rint = staticmethod(torch.round)
    degrees, radians = staticmethod(torch.rad2deg), staticmethod(torch.deg2rad)
    mod, power = staticmethod(torch.remainder), staticmethod(torch.pow)
    dot, ascontiguousarray = staticmethod(torch.matmul), staticmethod(torch.Tensor.contiguous)
    copy, sort = staticmethod(torch.clone), staticmethod(_sorted)
    matrix_transpose = staticmethod(lambda x: x.mT)
    transpose = staticmethod(lambda x, axes: x.permute(axes))
    vdot = staticmethod(lambda a, b: torch.dot(a.flatten(), b.flatten()))
    outer = staticmethod(lambda a, b: torch.outer(a.flatten(), b.flatten()))
    cross = staticmethod(lambda a, b: torch.linalg.cross(a, b))
    vecdot = staticmethod(lambda a, b: torch.linalg.vecdot(a, b))
    cumsum = staticmethod(lambda x, axis=None: _scan(torch.cumsum, x, axis))
    cumprod = staticmethod(lambda x, axis=None: _scan(torch.cumprod, x, axis))
    max = amax = staticmethod(lambda x, axis=None: torch.amax(x, _axes(x, axis)))
    min = amin = staticmethod(lambda x, axis=None: torch.amin(x, _axes(x, axis)))
    trapezoid = staticmethod(torch.trapezoid)
    expand_dims = staticmethod(lambda x, axis: x.unsqueeze(axis))
    flip = staticmethod(lambda x, axis=None: torch.flip(x, _axes(x, axis)))
    roll = staticmethod(lambda x, shift, axis=None: torch.roll(x, shift, axis))
    repeat = staticmethod(lambda x, n, axis=None: torch.repeat_interleave(x, n, axis))
    tile = staticmethod(lambda x, reps: torch.tile(x, (reps,) if isinstance(reps, int) else reps))
    split = staticmethod(lambda x, n, axis=0: torch.tensor_split(x, n, axis))
    array_split = split
    take = staticmethod(lambda x, i, axis: torch.index_select(x, axis, i))
    take_along_axis = staticmethod(lambda x, i, axis: torch.take_along_dim(x, i, axis))
    append = staticmethod(lambda x, y, axis: torch.concatenate([x, y], axis))
    unstack = staticmethod(lambda x, axis=0: torch.unbind(x, axis))
    round = staticmethod(lambda x, decimals=0: torch.round(x, decimals=decimals))
    vander = staticmethod(lambda x, n=None, increasing=False: torch.vander(x, n, increasing))
    meshgrid = staticmethod(
        lambda *x, indexing="xy", sparse=False: torch.meshgrid(*x, indexing=indexing)
    )
    var = staticmethod(
        lambda x, axis=None, ddof=0, keepdims=False: torch.var(
            x, _axes(x, axis), correction=ddof, keepdim=keepdims
        )
    )
    std = staticmethod(lambda x, axis=None: torch.std(x, _axes(x, axis), correction=0))
    percentile = staticmethod(
        lambda x, q, axis=None, keepdims=False: torch.quantile(
            x, torch.tensor(q, dtype=x.dtype) / 100, axis, keepdim=keepdims
        )
    )
    median = staticmethod(lambda x, axis=None: torch.quantile(x, 0.5, axis))
    pad = staticmethod(
        lambda x, n: functional.pad(x, (n, n) * x.ndim)  # with zeros, as much on each side
    )

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


NP = Numpy()


def _scan(function: Any, x: torch.Tensor, axis: int | None) -> torch.Tensor:
    return function(x.flatten(), 0) if axis is None else function(x, axis)


def leaves(result: Any) -> list[torch.Tensor]:
    """The tensors in a result that may be nested."""
    if isinstance(result, torch.Tensor):
        return [result]
    return [leaf for part in result for leaf in leaves(part)]
