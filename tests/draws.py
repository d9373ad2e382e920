"""Draws from every sampler, and one number for all their bits."""

import hashlib

import microlazy as mx
from microlazy import nd, np
from microlazy.core.ops import nn

SIZES = (0, 1, 3, 4, 5, 17, 1000, 40_000, 100_003)


def draws(n):
    """One draw of n numbers from each sampler, as NumPy arrays."""
    ones = nd.ones((n,)) if n else np.ones((0,))
    doubles = np.ones((n,), dtype="float64")
    return {
        "uniform": np.random.uniform(-1, 2, n).asnumpy(),
        "uniform float64": np.random.uniform(-1, 2, n, dtype="float64").asnumpy(),
        "uniform float16": np.random.uniform(0, 1, n, dtype="float16").asnumpy(),
        "normal": np.random.normal(1, 3, n).asnumpy(),
        "normal float64": np.random.normal(1, 3, n, dtype="float64").asnumpy(),
        "randint": np.random.randint(-5, 1000, n).asnumpy(),
        "dropout": nn.dropout(ones, 0.3, mode="always").asnumpy(),
        "dropout float64": nn.dropout(doubles, 0.3, mode="always").asnumpy(),
    }


def digest():
    """A number for all the bits that the samplers give."""
    mx.random.seed(42)
    hashed = hashlib.sha256()
    for n in SIZES:
        for values in draws(n).values():
            hashed.update(values.tobytes())
    x = nd.arange(1000)
    np.random.shuffle(x.as_np_ndarray())
    hashed.update(x.asnumpy().tobytes())
    return hashed.hexdigest()
