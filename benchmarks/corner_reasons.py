"""Why calls miss their goals in the table of `benchmarks.corners`, in few words.

A reason is kept for functions and kinds of measurements; the table shows it beside what misses.
Each was found by a profile of the call (perf, callgrind) or by reading what the peer does.
"""

import re
from typing import NamedTuple

Kind = tuple[int, str]  # how many elements, "value" or "gradient"
FEW, FEW_GRADIENT = (100, "value"), (100, "gradient")
MANY, MANY_GRADIENT = (1_000_000, "value"), (1_000_000, "gradient")
NAME = re.compile(r"\bnpx?(?:\.\w+)+")


class Reason(NamedTuple):
    """Why functions miss the goals of some kinds."""

    text: str
    kinds: tuple[Kind, ...]
    names: str


REASONS = (
    # views and copies
    Reason(
        "NumPy or PyTorch gives a view, MXNet a copy: memory's speed",
        (MANY, MANY_GRADIENT),
        "np.flip np.fliplr np.flipud np.rot90 np.hsplit np.vsplit np.dsplit np.split np.unstack "
        "np.positive np.broadcast_arrays np.diagonal np.linalg.diagonal",
    ),
    Reason(
        "PyTorch's x.grad is a view of the head gradient, ours an array that the program holds: "
        "memory's speed",
        (MANY_GRADIENT,),
        "np.swapaxes np.moveaxis np.matrix_transpose np.transpose np.ravel np.expand_dims "
        "np.reshape np.atleast_2d np.atleast_3d np.squeeze np.vstack np.hstack np.concatenate "
        "np.dstack np.column_stack np.stack np.append np.copy np.asarray np.roll",
    ),
    Reason(
        "the speed of memory and caches, of which one thread of NumPy's or PyTorch's takes most",
        (MANY,),
        "np.block np.dstack np.stack np.append np.copy np.roll np.fft.fftshift "
        "np.fft.ifftshift np.logical_not np.maximum np.multiply np.trunc np.floor np.ceil np.clip "
        "np.nextafter np.trapezoid np.asarray np.insert np.all",
    ),
    # a frame of Python, and an array of ours
    Reason(
        "a frame of Python, and an array that knows its context and its gradient",
        (FEW,),
        "np.flipud np.fliplr np.ascontiguousarray np.squeeze np.zeros np.empty np.array "
        "np.diag_indices np.logical_not np.from_dlpack np.get_printoptions np.printoptions "
        "np.set_printoptions np.random.standard_normal np.random.random_sample np.fromiter "
        "np.broadcast_shapes np.concatenate np.repeat np.frombuffer np.gcd np.lcm np.bitwise_xor "
        "np.random.random np.bincount",
    ),
    Reason(
        "few elements in this row too: a frame of Python, and an array that knows its context",
        (MANY,),
        "np.frombuffer np.from_dlpack np.bincount np.random.multinomial np.loadtxt np.empty "
        "np.kaiser",
    ),
    Reason(
        "elements of shape (), which are recorded, where NumPy gives numbers",
        (FEW, MANY),
        "np.ndenumerate",
    ),
    # NumPy's own function, called
    Reason(
        "NumPy's function, with a view of each input and a copy of the result",
        (FEW,),
        "np.loadtxt np.genfromtxt np.array2string np.array_str np.unwrap np.kaiser np.histogram "
        "np.histogram2d np.histogramdd",
    ),
    Reason(
        "drawn at a place of our sequence, whose key is set first: half a microsecond",
        (FEW,),
        "np.random.chisquare np.random.multinomial np.random.shuffle",
    ),
    Reason(
        "LAPACK's time, and a view of the input and a copy of each result",
        (FEW,),
        "np.linalg.svd np.linalg.eigh np.linalg.eigvalsh np.linalg.matrix_rank np.linalg.cond",
    ),
    # composed calls
    Reason(
        "composed of several calls, which have gradients",
        (FEW, FEW_GRADIENT),
        "np.polyfit np.piecewise np.linspace np.nanvar np.nanstd np.nanmean np.nancumprod "
        "np.meshgrid np.linalg.tensorinv np.einsum np.array_split np.searchsorted np.quantile",
    ),
    Reason(
        "the given function runs on arrays of ours, and what it gives is converted",
        (FEW,),
        "np.apply_along_axis",
    ),
    Reason(
        "the result is much larger than the input, and so is its gradient: memory's speed",
        (FEW_GRADIENT,),
        "np.diag np.diagflat",
    ),
    Reason(
        "NumPy's function, recorded: its gradient is a rule in Python",
        (FEW_GRADIENT, MANY_GRADIENT),
        "np.nextafter",
    ),
    Reason(
        "sorted with the places that the gradient goes to",
        (FEW_GRADIENT,),
        "np.sort",
    ),
    Reason(
        "decompositions through NumPy; one compiled function goes back",
        (FEW_GRADIENT,),
        "np.linalg.svd np.linalg.eigvalsh np.linalg.qr np.linalg.pinv np.linalg.matrix_norm "
        "np.linalg.svdvals np.linalg.cond",
    ),
    Reason(
        "special function computed in double, to 0.6 units in the last place",
        (FEW_GRADIENT, MANY),
        "npx.gammaln npx.digamma np.i0 npx.erfinv",
    ),
    # large calls
    Reason(
        "PyTorch's LAPACK is MKL's, ours OpenBLAS's",
        (MANY, MANY_GRADIENT),
        "np.linalg.qr np.linalg.slogdet np.linalg.det np.linalg.inv np.linalg.pinv "
        "np.linalg.matrix_norm np.linalg.svdvals np.linalg.cond np.linalg.eigvalsh "
        "np.linalg.matrix_rank",
    ),
    Reason(
        "PyTorch's products are MKL's, ours OpenBLAS's",
        (MANY, MANY_GRADIENT),
        "np.matmul np.dot np.tensordot np.inner",
    ),
    Reason(
        "PyTorch's transform is MKL's, ours SciPy's",
        (MANY,),
        "np.fft.fft np.fft.rfft np.fft.rfft2 np.fft.rfftn np.fft.fft2 np.fft.fftn np.fft.ifft2 "
        "np.fft.ifftn np.fft.irfft np.fft.irfft2 np.fft.irfftn np.fft.hfft",
    ),
    Reason(
        "peers fuse multiplications with additions; ours do not: every build has the same bits",
        (MANY, MANY_GRADIENT),
        "np.log10 np.log2 np.power np.arctan2 np.cbrt npx.gelu np.tan np.float_power np.sinh "
        "np.exp2 np.arcsinh np.arctanh np.arccosh np.cosh np.expm1 np.exp np.isfinite np.logaddexp",
    ),
    Reason(
        "NumPy's function, on one thread",
        (MANY,),
        "np.unpackbits np.packbits np.random.binomial np.isin np.sinc np.isinf np.diff",
    ),
    Reason(
        "one number after the other, as NumPy's: what is special has branches of its own",
        (MANY,),
        "np.spacing np.lcm",
    ),
    Reason(
        "zeros are looked for first, so that factors beside them have gradients",
        (MANY_GRADIENT,),
        "np.prod",
    ),
    Reason(
        "composed of several passes over memory, which have gradients",
        (MANY, MANY_GRADIENT),
        "np.ediff1d np.linspace np.round np.extract np.corrcoef",
    ),
    Reason(
        "results, gradients and inputs of 4 MB each pass once each way: memory's speed",
        (MANY_GRADIENT,),
        "npx.softmax npx.log_softmax np.subtract np.divide np.tile np.tril np.trapezoid",
    ),
    Reason(
        "places are checked and made rows before elements are read",
        (MANY, MANY_GRADIENT),
        "np.take_along_axis",
    ),
)


def name_of(text: str) -> str:
    """Return the function that a row is about: the first one that its example calls.

    Examples
    --------
    >>> name_of("np.isinf(np.log(x))"), name_of("[value for _, value in np.ndenumerate(x)]")
    ('np.isinf', 'np.ndenumerate')
    """
    found = NAME.search(text)
    if found is None:
        raise ValueError(f"no function of np or npx is called in {text!r}")
    return found[0]


def reason(text: str, kind: Kind) -> str:
    """Return why a call misses the goal of a kind; nothing if that is not known.

    Examples
    --------
    >>> reason("np.flip(x)", (1_000_000, "value"))
    "NumPy or PyTorch gives a view, MXNet a copy: memory's speed"
    """
    name = name_of(text)
    return next((r.text for r in REASONS if kind in r.kinds and name in r.names.split()), "")


def reasons(text: str, kinds: list[Kind]) -> str:
    """Return why a call misses the goals of some kinds, each reason once.

    Examples
    --------
    >>> reasons("np.flip(x)", [(1_000_000, "value"), (1_000_000, "gradient")])
    "NumPy or PyTorch gives a view, MXNet a copy: memory's speed"
    """
    return "; ".join(dict.fromkeys(filter(None, (reason(text, kind) for kind in kinds))))
