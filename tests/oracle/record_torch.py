"""Ask PyTorch for values and gradients of the op table's calls and store them in `torch.json`.

A call counts where PyTorch has a function of that name which computes what NumPy computes; of npx,
which NumPy has not, those in NPX. Run it with an interpreter that has PyTorch, beside a built tree:
`PYTHONPATH=. python tests/oracle/record_torch.py`.
"""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import torch
from torch.nn import functional

from tests.op_table.inspect import calls_of
from tests.op_table.samples import samples
from tests.op_table.table import rows

ANSWERS = Path(__file__).with_name("torch.json")
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


def ask(text: str, values: dict[str, numpy.ndarray]) -> dict[str, Any] | None:
    """PyTorch's values and gradients, or None where it does not know such a call."""
    arrays = {name: torch.tensor(value) for name, value in values.items()}
    floats = {name: x.requires_grad_() for name, x in arrays.items() if x.is_floating_point()}
    try:
        results = leaves(eval(text, {"np": NP, "npx": NPX, **arrays}))
        if text.startswith("np."):
            expected = eval(text, {"np": numpy, **values})
            parts = expected if isinstance(expected, (tuple, list)) else [expected]
            if len(parts) != len(results) or not all(
                tuple(y.shape) == numpy.shape(e) and numpy.allclose(y.detach(), e, rtol=1e-9)
                for y, e in zip(results, parts, strict=True)
            ):
                return None
        heads = [y for y in results if y.grad_fn is not None]
        if not heads:
            return None
        generator = numpy.random.default_rng(5)
        weights = [torch.tensor(generator.uniform(0.5, 1.5, tuple(y.shape))) for y in heads]
        slopes = torch.autograd.grad(heads, list(floats.values()), weights, allow_unused=True)
    except Exception:  # no such function, other arguments, no gradient
        return None
    return {
        "values": [y.detach().flatten().tolist() for y in results],
        "gradients": {
            name: g.flatten().tolist()
            for name, g in zip(floats, slopes, strict=True)
            if g is not None
        },
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    known, answers = samples(), {}
    for row in rows():
        for call in calls_of(row) if row.gradient else ():
            comparable = row.like == "" or call.name.startswith("npx.")
            if call.face == "np" and comparable and "random" not in call.text:
                answer = ask(call.text, {name: known[name] for name in call.values()})
                if answer is not None:
                    answers[call.text] = answer
    lines = ",\n".join(f"{json.dumps(text)}: {json.dumps(a)}" for text, a in answers.items())
    ANSWERS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(f"{len(answers)} answers of PyTorch {torch.__version__} in {ANSWERS.name}")
