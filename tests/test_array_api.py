"""`microlazy.np` against the Python array API standard, edition 2023.12 (data-apis.org).

Where MXNet's rules and the standard's collide, MXNet's win, since its code must run unchanged:

- `array` and `arange` of Python integers or booleans give float32, not int64 or bool, in which
  `asarray` follows the standard.
- Mathematics of integers gives float32 (the standard leaves it open); the mean of integers too.
- int8 with uint8 gives int32: there is no int16.
- An integer array with a Python float is float32 (the standard leaves it open).
- Products of matrices are for floats; integers are refused.
- The inverse of a singular matrix is a LinAlgError, as NumPy's (the standard leaves it open).
- There are no complex dtypes, hence no `conj`, `imag`, `real` of complex numbers; `fft` has what
  works on real ones.
- `float16` exists besides what the standard names.
"""

import inspect
import math
import operator
import os
import subprocess
import sys

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from microlazy import np

SIGNATURES = """
arange(start, /, stop=None, step=1, *, dtype=None, device=None)
asarray(obj, /, *, dtype=None, device=None, copy=None)
empty(shape, *, dtype=None, device=None)
empty_like(x, /, *, dtype=None, device=None)
eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)
from_dlpack(x, /, *, device=None, copy=None)
full(shape, fill_value, *, dtype=None, device=None)
full_like(x, /, fill_value, *, dtype=None, device=None)
linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True)
meshgrid(x1, x2, indexing="xy")
ones(shape, *, dtype=None, device=None)
ones_like(x, /, *, dtype=None, device=None)
tril(x, /, *, k=0)
triu(x, /, *, k=0)
zeros(shape, *, dtype=None, device=None)
zeros_like(x, /, *, dtype=None, device=None)
astype(x, dtype, /, *, copy=True, device=None)
can_cast(from_, to, /)
finfo(type, /)
iinfo(type, /)
isdtype(dtype, kind)
result_type(x1, x2)
clip(x, /, min=None, max=None)
take(x, indices, /, *, axis=0)
matmul(x1, x2, /)
matrix_transpose(x, /)
tensordot(x1, x2, /, *, axes=2)
vecdot(x1, x2, /, *, axis=-1)
broadcast_arrays(x1, x2)
broadcast_to(x, /, shape)
concat(arrays, /, *, axis=0)
expand_dims(x, /, *, axis=0)
flip(x, /, *, axis=None)
moveaxis(x, source, destination, /)
permute_dims(x, /, axes)
repeat(x, repeats, /, *, axis=None)
reshape(x, /, shape, *, copy=None)
roll(x, /, shift, *, axis=None)
squeeze(x, /, axis)
stack(arrays, /, *, axis=0)
tile(x, repetitions, /)
unstack(x, /, *, axis=0)
argmax(x, /, *, axis=None, keepdims=False)
argmin(x, /, *, axis=None, keepdims=False)
nonzero(x, /)
searchsorted(x1, x2, /, *, side="left", sorter=None)
where(condition, x1, x2, /)
unique_all(x, /)
unique_counts(x, /)
unique_inverse(x, /)
unique_values(x, /)
argsort(x, /, *, axis=-1, descending=False, stable=True)
sort(x, /, *, axis=-1, descending=False, stable=True)
cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False)
max(x, /, *, axis=None, keepdims=False)
mean(x, /, *, axis=None, keepdims=False)
min(x, /, *, axis=None, keepdims=False)
prod(x, /, *, axis=None, dtype=None, keepdims=False)
std(x, /, *, axis=None, correction=0.0, keepdims=False)
sum(x, /, *, axis=None, dtype=None, keepdims=False)
var(x, /, *, axis=None, correction=0.0, keepdims=False)
all(x, /, *, axis=None, keepdims=False)
any(x, /, *, axis=None, keepdims=False)
linalg.cholesky(x, /, *, upper=False)
linalg.cross(x1, x2, /, *, axis=-1)
linalg.det(x, /)
linalg.diagonal(x, /, *, offset=0)
linalg.eigh(x, /)
linalg.eigvalsh(x, /)
linalg.inv(x, /)
linalg.matmul(x1, x2, /)
linalg.matrix_norm(x, /, *, keepdims=False, ord="fro")
linalg.matrix_power(x, n, /)
linalg.matrix_rank(x, /, *, rtol=None)
linalg.matrix_transpose(x, /)
linalg.outer(x1, x2, /)
linalg.pinv(x, /, *, rtol=None)
linalg.qr(x, /, *, mode="reduced")
linalg.slogdet(x, /)
linalg.solve(x1, x2, /)
linalg.svd(x, /, *, full_matrices=True)
linalg.svdvals(x, /)
linalg.tensordot(x1, x2, /, *, axes=2)
linalg.trace(x, /, *, offset=0, dtype=None)
linalg.vecdot(x1, x2, /, *, axis=-1)
linalg.vector_norm(x, /, *, axis=None, keepdims=False, ord=2)
"""
UNARY = """abs acos acosh asin asinh atan atanh bitwise_invert ceil cos cosh exp expm1 floor
isfinite isinf isnan log log1p log2 log10 logical_not negative positive round sign signbit sin sinh
square sqrt tan tanh trunc"""
BINARY = """add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp logical_and
logical_or logical_xor maximum minimum multiply not_equal pow remainder subtract"""

INTEGERS = ("int8", "int32", "int64", "uint8")
FLOATS = ("float32", "float64")
BOOL = ("bool",)


def ones(dtype, shape=(3,)):
    return np.ones(shape, dtype=dtype)


# ---- names and signatures ------------------------------------------------------------------------


@pytest.mark.parametrize("line", SIGNATURES.split("\n")[1:-1], ids=lambda line: line.split("(")[0])
def test_signatures(line):
    scope = {}
    name, _, parameters = line.partition("(")
    exec(f"def standard({parameters}: pass", scope)
    function = operator.attrgetter(name)(np)
    positional, named = [], {}
    for parameter in inspect.signature(scope["standard"]).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = parameter.default
        else:
            positional.append(parameter)
    if inspect.isclass(function):
        return  # finfo and iinfo of NumPy
    ours = inspect.signature(function)
    ours.bind(*positional, **named)
    for parameter in positional:  # positional-or-keyword ones may be given by name
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and "stop" not in parameter.name:
            variadic = any(p.kind is p.VAR_POSITIONAL for p in ours.parameters.values())
            assert variadic or parameter.name in ours.parameters, parameter.name


@pytest.mark.parametrize("name", UNARY.split())
def test_functions_of_one_array(name):
    x = ones("bool" if name.startswith("logical") else "int32" if "bitwise" in name else "float32")
    y = getattr(np, name)(x)
    assert y.shape == (3,)
    is_test = name.startswith(("is", "logical", "signbit"))
    assert y.dtype == ("bool" if is_test else x.dtype)


@pytest.mark.parametrize("name", BINARY.split())
def test_functions_of_two_arrays(name):
    x = ones("bool" if name.startswith("logical") else "int32" if "bitwise" in name else "float32")
    y = getattr(np, name)(x, np.ones((2, 1), dtype=x.dtype))
    assert y.shape == (2, 3)
    tests = ("logical", "equal", "greater", "less", "not_equal")
    assert y.dtype == ("bool" if name.startswith(tests) else x.dtype)


def test_constants():
    assert (np.e, np.pi, np.inf) == (math.e, math.pi, math.inf)
    assert math.isnan(np.nan) and np.newaxis is None


def test_dtypes_are_there_and_compare():
    for name in (*BOOL, *INTEGERS, *FLOATS):
        dtype = getattr(np, name)
        assert ones(dtype).dtype == dtype
        assert ones(dtype).dtype != (np.float64 if name != "float64" else np.float32)


# ---- the array -----------------------------------------------------------------------------------

METHODS = """__abs__ __add__ __and__ __array_namespace__ __bool__ __complex__ __dlpack__
__dlpack_device__ __eq__ __float__ __floordiv__ __ge__ __getitem__ __gt__ __index__ __int__
__invert__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ __pow__
__rshift__ __setitem__ __sub__ __truediv__ __xor__ __iadd__ __isub__ __imul__ __itruediv__
__ifloordiv__ __ipow__ __imod__ __imatmul__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__
__radd__ __rsub__ __rmul__ __rtruediv__ __rfloordiv__ __rpow__ __rmod__ __rmatmul__ __rand__ __ror__
__rxor__ __rlshift__ __rrshift__ to_device dtype device mT ndim shape size T"""


@pytest.mark.parametrize("name", METHODS.split())
def test_methods_and_attributes(name):
    assert hasattr(np.ones((2, 2)), name)


def test_attributes():
    x = np.zeros((2, 3))
    assert (x.ndim, x.size, x.shape) == (2, 6, (2, 3))
    assert x.T.shape == (3, 2)
    assert np.zeros((4, 2, 3)).mT.shape == (4, 3, 2)
    with pytest.raises(ValueError, match="two axes"):
        _ = np.zeros(3).mT
    assert x.to_device(x.device) is x
    with pytest.raises(ValueError, match="stream"):
        x.to_device("cpu", stream=1)
    assert np.zeros(2, device=x.device).device == x.device


def test_namespace():
    x = np.ones(2)
    assert x.__array_namespace__() is np
    assert x.__array_namespace__(api_version="2023.12") is np
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.01")


def test_inspection():
    info = np.__array_namespace_info__()
    capabilities = info.capabilities()
    assert capabilities["boolean indexing"] and capabilities["data-dependent shapes"]
    axes = capabilities["max dimensions"]
    assert np.ones((1,) * axes).ndim == axes
    with pytest.raises(ValueError):
        np.ones((1,) * (axes + 1))
    assert info.default_device() == np.ones(1).device and info.devices() == [np.ones(1).device]
    defaults = info.default_dtypes(device=info.default_device())
    assert defaults["real floating"] == np.ones(1).dtype
    assert defaults["indexing"] == np.argmax(np.ones(2)).dtype
    assert set(info.dtypes()) == {*BOOL, *INTEGERS, *FLOATS}
    assert set(info.dtypes(kind="integral")) == set(INTEGERS)
    assert set(info.dtypes(kind=("bool", "unsigned integer"))) == {"bool", "uint8"}
    assert info.dtypes(kind="complex floating") == {}
    assert all(dtype == name for name, dtype in info.dtypes(kind="numeric").items())
    with pytest.raises(ValueError, match="unknown kind"):
        info.dtypes(kind="float")


def test_python_scalars():
    assert bool(np.array(1.0)) is True and float(np.array(2.5)) == 2.5 and int(np.array(2.5)) == 2
    assert operator.index(np.array(3, dtype="int64")) == 3
    assert complex(np.array(2.0)) == 2 + 0j
    for convert in (float, int, complex):
        with pytest.raises(TypeError):
            convert(np.ones(2))
    with pytest.raises(ValueError):
        bool(np.ones(2))
    with pytest.raises(TypeError):
        operator.index(np.array(1.0))


# ---- promotion of dtypes -------------------------------------------------------------------------

PROMOTIONS = (
    [("bool", "bool", "bool")]
    + [(a, b, f"int{max(int(a[3:]), int(b[3:]))}") for a in INTEGERS[:3] for b in INTEGERS[:3]]
    + [("uint8", "uint8", "uint8")]
    + [("uint8", a, "int32" if a == "int8" else a) for a in INTEGERS[:3]]
    + [(a, "uint8", "int32" if a == "int8" else a) for a in INTEGERS[:3]]
    + [("float32", "float32", "float32")]
    + [(a, b, "float64") for a, b in zip(FLOATS, FLOATS[::-1], strict=True)]
    + [("float64", "float64", "float64")]
)


@pytest.mark.parametrize("a, b, result", PROMOTIONS)
def test_promotion(a, b, result):
    x, y = ones(a), ones(b)
    numeric = "bool" not in (a, b)
    if a != "int8" or b != "uint8":  # NumPy's own answer is int16
        expected = np.result_type(x, y)
        assert expected == result or {a, b} == {"int8", "uint8"}
    if numeric:
        for function in (operator.add, operator.sub, operator.mul, np.maximum):
            assert function(x, y).dtype == result
        assert (x * y).dtype == (y * x).dtype
        assert np.concat([x, y]).dtype == result
    if a not in FLOATS:
        for function in (operator.and_, operator.or_, operator.xor):
            assert function(x, y).dtype == result
    assert np.where(ones("bool"), x, y).dtype == result
    for function in (operator.eq, operator.ne):
        assert function(x, y).dtype == "bool"


@pytest.mark.parametrize("dtype", (*INTEGERS, *FLOATS))
def test_python_numbers_do_not_promote(dtype):
    x = ones(dtype)
    for function in (operator.add, operator.sub, operator.mul, operator.mod, operator.pow):
        assert function(x, 2).dtype == dtype
        assert function(2, x).dtype == dtype
    if dtype in FLOATS:
        assert (x * 2.5).dtype == (2.5 / x).dtype == dtype
    assert (x == 1).dtype == "bool"


@pytest.mark.parametrize("dtype", (*BOOL, *INTEGERS, *FLOATS))
def test_what_keeps_the_dtype(dtype):
    x = ones(dtype, (2, 2))
    for y in (
        np.reshape(x, (4,)), np.flip(x), np.roll(x, 1), np.permute_dims(x, (1, 0)), np.tile(x, 2),
        np.stack([x, x]), np.expand_dims(x, axis=0), np.broadcast_to(x, (3, 2, 2)), x[0], x[x == 1],
        np.unique_values(x), np.tril(x), np.take(x, np.array([0], dtype="int64"), axis=0),
        np.repeat(x, 2), np.moveaxis(x, 0, 1), np.zeros_like(x), np.empty_like(x), np.unstack(x)[0],
        np.squeeze(np.expand_dims(x, axis=0), 0),
    ):  # fmt: skip
        assert y.dtype == dtype
    if dtype != "bool":
        for y in (np.sort(x), np.max(x), np.min(x), +x, np.clip(x, 0, 1), abs(x), np.sign(x)):
            assert y.dtype == dtype


def test_dtypes_of_places_and_counts():
    x = np.array([3.0, 1.0, 3.0])
    assert np.argmax(x).dtype == np.argsort(x).dtype == np.nonzero(x)[0].dtype == "int64"
    assert np.searchsorted(np.sort(x), x).dtype == "int64"
    found = np.unique_all(x)
    assert found.indices.dtype == found.inverse_indices.dtype == found.counts.dtype == "int64"
    assert found.values.tolist() == [1, 3] and found.counts.tolist() == [1, 2]


def test_astype_and_isdtype():
    x = np.array([1.7, -1.7])
    assert np.astype(x, np.int32).tolist() == [1, -1]
    assert np.astype(x, x.dtype, copy=False) is x and np.astype(x, x.dtype) is not x
    assert np.isdtype(x.dtype, "real floating") and not np.isdtype(x.dtype, "integral")
    assert np.isdtype(np.ones(1, dtype="bool").dtype, ("bool", "integral"))
    assert np.can_cast(np.float32, np.float64) and not np.can_cast(np.float64, np.int32)
    assert np.finfo(np.float32).bits == 32 and np.iinfo(np.int8).max == 127


# ---- indexing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        (1, 2),
        slice(None),
        slice(1, None),
        slice(None, None, -1),
        slice(2, 0, -1),
        slice(5, 9),
        (slice(None), 1),
        (Ellipsis, 0),
        (0, Ellipsis),
        (None, 1),
        (slice(None), None, 0),
        (Ellipsis, None),
        (0, 1, Ellipsis),
    ],
    ids=str,
)
def test_basic_keys(key):
    a = numpy.arange(12, dtype="float32").reshape(3, 4)
    x = np.array(a)
    assert_array_equal(x[key].asnumpy(), a[key])
    x[key] = 7
    a[key] = 7
    assert_array_equal(x.asnumpy(), a)


def test_masks_and_index_errors():
    a = numpy.arange(12, dtype="float32").reshape(3, 4)
    x = np.array(a)
    assert_array_equal(x[x > 4].asnumpy(), a[a > 4])
    x[x > 4] = 0
    assert x.sum().item() == 10
    assert np.ones(())[()].shape == () and np.ones(())[...].shape == ()
    for bad in (3, -4, (0, 4), (0, 0, 0)):
        with pytest.raises(IndexError):
            x[bad]
    assert np.ones(())[np.array(True, dtype="bool")].shape == (1,)


# ---- special values ------------------------------------------------------------------------------

INF, NAN = math.inf, math.nan
SPECIAL = [
    *[("abs", (x,), y) for x, y in ((-0.0, 0.0), (-INF, INF), (NAN, NAN))],
    *[("acos", (x,), y) for x, y in ((1.0, 0.0), (2.0, NAN), (-2.0, NAN))],
    *[("acosh", (x,), y) for x, y in ((1.0, 0.0), (0.5, NAN), (INF, INF))],
    *[("asin", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (2.0, NAN))],
    *[("asinh", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF))],
    *[("atan", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (INF, math.pi / 2))],
    *[("atanh", (x,), y) for x, y in ((1.0, INF), (-1.0, -INF), (2.0, NAN), (-0.0, -0.0))],
    *[("ceil", (x,), y) for x, y in ((-0.0, -0.0), (INF, INF), (NAN, NAN), (-0.5, -0.0))],
    *[("cos", (x,), y) for x, y in ((0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN))],
    *[("cosh", (x,), y) for x, y in ((0.0, 1.0), (-INF, INF), (INF, INF))],
    *[("exp", (x,), y) for x, y in ((0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN))],
    *[("expm1", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0))],
    *[("floor", (x,), y) for x, y in ((-0.0, -0.0), (-INF, -INF), (0.5, 0.0))],
    *[
        ("log", (x,), y)
        for x, y in ((0.0, -INF), (-0.0, -INF), (1.0, 0.0), (-1.0, NAN), (INF, INF))
    ],
    *[("log1p", (x,), y) for x, y in ((-1.0, -INF), (-2.0, NAN), (0.0, 0.0), (-0.0, -0.0))],
    *[("log2", (x,), y) for x, y in ((0.0, -INF), (1.0, 0.0), (-1.0, NAN), (INF, INF))],
    *[("log10", (x,), y) for x, y in ((0.0, -INF), (1.0, 0.0), (-1.0, NAN), (INF, INF))],
    *[
        ("round", (x,), y)
        for x, y in ((-0.0, -0.0), (0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (INF, INF))
    ],
    *[("sign", (x,), y) for x, y in ((-3.0, -1.0), (0.0, 0.0), (-0.0, 0.0), (NAN, NAN))],
    *[("signbit", (x,), y) for x, y in ((-0.0, True), (0.0, False), (-INF, True), (INF, False))],
    *[("sin", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN))],
    *[("sinh", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF))],
    *[("sqrt", (x,), y) for x, y in ((-1.0, NAN), (0.0, 0.0), (-0.0, -0.0), (INF, INF))],
    *[("tan", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (INF, NAN))],
    *[("tanh", (x,), y) for x, y in ((0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0))],
    *[("trunc", (x,), y) for x, y in ((-0.5, -0.0), (0.5, 0.0), (-INF, -INF), (-0.0, -0.0))],
    *[("isfinite", (x,), y) for x, y in ((INF, False), (NAN, False), (0.0, True))],
    *[("isinf", (x,), y) for x, y in ((INF, True), (-INF, True), (NAN, False))],
    *[("isnan", (x,), y) for x, y in ((NAN, True), (INF, False))],
    ("add", (INF, -INF), NAN),
    ("add", (-0.0, -0.0), -0.0),
    ("add", (-0.0, 0.0), 0.0),
    ("add", (INF, 1.0), INF),
    ("subtract", (INF, INF), NAN),
    ("multiply", (INF, 0.0), NAN),
    ("multiply", (-1.0, 0.0), -0.0),
    ("divide", (INF, INF), NAN),
    ("divide", (0.0, 0.0), NAN),
    ("divide", (1.0, 0.0), INF),
    ("divide", (1.0, -0.0), -INF),
    ("divide", (1.0, INF), 0.0),
    ("atan2", (0.0, 0.0), 0.0),
    ("atan2", (-0.0, 0.0), -0.0),
    ("atan2", (0.0, -0.0), math.pi),
    ("atan2", (-0.0, -1.0), -math.pi),
    ("atan2", (1.0, 0.0), math.pi / 2),
    ("atan2", (1.0, INF), 0.0),
    ("atan2", (INF, INF), math.pi / 4),
    ("atan2", (INF, -INF), 3 * math.pi / 4),
    ("atan2", (NAN, 1.0), NAN),
    ("copysign", (3.0, -0.0), -3.0),
    ("copysign", (NAN, 1.0), NAN),
    ("floor_divide", (7.0, 2.0), 3.0),
    ("floor_divide", (-7.0, 2.0), -4.0),
    ("floor_divide", (0.0, 0.0), NAN),
    ("floor_divide", (INF, INF), NAN),
    ("hypot", (INF, NAN), INF),
    ("hypot", (3.0, 4.0), 5.0),
    ("logaddexp", (NAN, 1.0), NAN),
    ("logaddexp", (-INF, 0.0), 0.0),
    ("maximum", (NAN, 1.0), NAN),
    ("maximum", (1.0, NAN), NAN),
    ("minimum", (NAN, 1.0), NAN),
    ("pow", (1.0, NAN), 1.0),
    ("pow", (1.0, INF), 1.0),
    ("pow", (NAN, 0.0), 1.0),
    ("pow", (NAN, -0.0), 1.0),
    ("pow", (2.0, INF), INF),
    ("pow", (2.0, -INF), 0.0),
    ("pow", (-1.0, INF), 1.0),
    ("pow", (0.5, INF), 0.0),
    ("pow", (INF, 2.0), INF),
    ("pow", (INF, -2.0), 0.0),
    ("pow", (-INF, 3.0), -INF),
    ("pow", (-INF, 2.0), INF),
    ("pow", (-INF, -3.0), -0.0),
    ("pow", (0.0, -1.0), INF),
    ("pow", (-0.0, -1.0), -INF),
    ("pow", (-0.0, 3.0), -0.0),
    ("pow", (-8.0, 0.5), NAN),
    ("remainder", (1.0, 0.0), NAN),
    ("remainder", (INF, 1.0), NAN),
    ("remainder", (5.0, -3.0), -1.0),
    ("remainder", (-5.0, 3.0), 1.0),
    ("remainder", (5.0, INF), 5.0),
    ("remainder", (-5.0, INF), INF),
    ("remainder", (0.0, -3.0), -0.0),
    ("remainder", (-0.0, 3.0), 0.0),
]


@pytest.mark.parametrize("size", [1, 33], ids=["one", "many"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name, inputs, expected", SPECIAL)
def test_special_values(name, inputs, expected, dtype, size):
    arrays = [np.full((size,), x, dtype=dtype) for x in inputs]
    got = getattr(np, name)(*arrays).asnumpy()
    assert_allclose(got, numpy.full(size, expected), rtol=1e-6)
    if isinstance(expected, float) and not math.isnan(expected):
        assert_array_equal(numpy.signbit(got), math.copysign(1, expected) < 0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_reductions_of_nothing_and_of_nan(dtype):
    nothing = np.zeros((0,), dtype=dtype)
    assert np.sum(nothing).item() == 0 and np.prod(nothing).item() == 1
    assert math.isnan(np.mean(nothing).item())
    assert np.all(nothing).item() is True and np.any(nothing).item() is False
    for function in (np.max, np.min):
        with pytest.raises(ValueError):
            function(nothing)
    some = np.array([1.0, NAN, 2.0], dtype=dtype)
    for function in (np.sum, np.prod, np.mean, np.max, np.min, np.std, np.var):
        assert math.isnan(function(some).item())
    assert np.all(some).item() and np.any(np.array([NAN], dtype=dtype)).item()
    one = np.array([1.0], dtype=dtype)
    assert math.isnan(np.var(one, correction=1.0).item())
    assert np.var(np.array([1.0, 3.0], dtype=dtype), correction=1.0).item() == 2


@pytest.mark.parametrize("dtype", (*BOOL, *INTEGERS, *FLOATS))
def test_dtypes_of_reductions(dtype):
    x = ones(dtype)
    for function in (np.sum, np.prod, np.cumulative_sum):
        assert function(x).dtype == (dtype if dtype in FLOATS else "int64")
        assert function(x, dtype="float64").dtype == "float64"
    for function in (np.mean, np.var, np.std):
        assert function(x).dtype == (dtype if dtype in FLOATS else "float32")
    assert np.all(x).dtype == np.any(x).dtype == "bool"


def test_default_dtypes_are_mxnets():
    for x in (np.array(1), np.array([True]), np.arange(3), np.full(2, 3), np.linspace(0, 1, 2)):
        assert x.dtype == "float32"


def test_default_dtypes_of_asarray_are_the_standards():
    assert np.asarray(1).dtype == "int64" and np.asarray([True]).dtype == "bool"
    assert np.asarray(1.0).dtype == "float32"
    assert np.__array_api_version__ == "2023.12"
    for name in ("float32", "float64"):
        found, expected = np.finfo(np.dtype(name)), numpy.finfo(name)
        for field in ("bits", "eps", "max", "min", "smallest_normal"):
            value = getattr(found, field)
            assert type(value) is (int if field == "bits" else float)
            assert value == getattr(expected, field)
        assert found.dtype == name and np.finfo(np.ones(1, dtype=name)).bits == found.bits


def test_dtypes_of_given_values():
    assert np.full(2, True).dtype == "bool"
    assert np.asarray(numpy.arange(3)).dtype == "int64"


@pytest.mark.parametrize(
    "name, fields",
    [
        ("linalg.eigh", "eigenvalues eigenvectors"),
        ("linalg.qr", "Q R"),
        ("linalg.slogdet", "sign logabsdet"),
        ("linalg.svd", "U S Vh"),
        ("unique_all", "values indices inverse_indices counts"),
        ("unique_counts", "values counts"),
        ("unique_inverse", "values inverse_indices"),
    ],
)
def test_names_of_several_results(name, fields):
    result = operator.attrgetter(name)(np)(np.eye(3))
    assert result._fields == tuple(fields.split())
    assert all(type(part) is np.ndarray for part in result)


def test_integer_corners():
    x = np.array([7, -7], dtype="int32")
    assert (x // 2).tolist() == [3, -4] and (x % 2).tolist() == [1, 1]
    assert (x % -3).tolist() == [-2, -1]
    assert (np.array([127], dtype="int8") + 1).tolist() == [-128]
    assert np.bitwise_right_shift(x, np.array([1, 1], dtype="int32")).tolist() == [3, -4]


# ---- scikit-learn --------------------------------------------------------------------------------

# SciPy reads SCIPY_ARRAY_API at its import, so this runs in a process of its own.
DISPATCH = """
import numpy
import sklearn
from numpy.testing import assert_allclose
from sklearn import decomposition, discriminant_analysis, linear_model, metrics, preprocessing

from microlazy import np

random = numpy.random.default_rng(0)
y = numpy.arange(60) % 3
x = random.normal(size=(60, 4)) + y[:, None] * [1, -2, 0.5, 3]
X, Y = np.array(x), np.array(y)

def same(function):
    expected = function(x, y)
    with sklearn.config_context(array_api_dispatch=True):
        got = function(X, Y)
    assert type(got) is (np.ndarray if numpy.ndim(expected) else float), type(got)
    assert_allclose(numpy.asarray(got), expected, rtol=1e-6, atol=1e-6)

same(lambda x, y: discriminant_analysis.LinearDiscriminantAnalysis().fit(x, y).predict(x))
same(lambda x, y: discriminant_analysis.LinearDiscriminantAnalysis().fit(x, y).predict_proba(x))
same(lambda x, y: decomposition.PCA(2, svd_solver="full").fit_transform(x))
same(lambda x, y: decomposition.PCA(2, svd_solver="covariance_eigh").fit_transform(x))
same(lambda x, y: linear_model.Ridge(solver="svd").fit(x, x[:, 0]).predict(x))
for scaler in (preprocessing.StandardScaler, preprocessing.MinMaxScaler, preprocessing.MaxAbsScaler,
               preprocessing.Normalizer, preprocessing.Binarizer,
               preprocessing.PolynomialFeatures):
    same(lambda x, y: scaler().fit_transform(x))
same(lambda x, y: preprocessing.LabelEncoder().fit_transform(y))
same(lambda x, y: metrics.accuracy_score(y, y * (y != 1)))
same(lambda x, y: metrics.f1_score(y, y * (y != 1), average="macro"))
same(lambda x, y: metrics.mean_squared_error(x[:, 0], x[:, 1]))
same(lambda x, y: metrics.r2_score(x[:, 0], x[:, 1]))
same(lambda x, y: metrics.pairwise.cosine_similarity(x))
same(lambda x, y: metrics.pairwise.euclidean_distances(x, x[:5]))
same(lambda x, y: metrics.pairwise.rbf_kernel(x))
"""


def test_scikit_learn_dispatches_to_us():
    pytest.importorskip("sklearn")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DISPATCH],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
