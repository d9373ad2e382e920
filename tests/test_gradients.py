"""Every differentiable op: gradients against central differences, plans against eager calls."""

import functools
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import gradients as check
import numpy
import pytest

import microlazy as mx
from microlazy import nd, np, npx
from microlazy.core.functions import unary_op
from microlazy.core.ops import nn
from microlazy.ops.elementwise import BINARY, UNARY


class Case(NamedTuple):
    """A function of arrays, the shapes to try it on, and where its inputs lie."""

    name: str
    function: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    low: float = -2.0
    high: float = 2.0
    face: str = "np"


DOMAINS = {
    name: (0.3, 3.0)
    for name in ("sqrt", "rsqrt", "reciprocal", "log", "log1p", "log2", "log10", "power")
} | {"divide": (0.4, 2.0), "mod": (0.4, 2.0), "fmod": (0.4, 2.0), "floor_divide": (0.4, 2.0)}
DOMAINS |= {name: (-0.9, 0.9) for name in ("arcsin", "arccos", "arctanh")}
DOMAINS |= {"arccosh": (1.1, 3.0), "tan": (-1.3, 1.3), "cbrt": (0.3, 3.0), "rcbrt": (0.3, 3.0)}
SHAPES = ((3, 4), (1,), (), (0, 3), (2, 1, 3))
PAIRS = (
    ((2, 3), (2, 3)),
    ((3,), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 2)),
    ((2, 2), ()),
    ((2, 1, 2), (3, 1)),
    ((0, 3), (1, 3)),
    ((1, 1), (1,)),
    ((2, 3, 2), (1, 3, 1)),
)
FACES = {"np": np, "nd": nd}


def faces_of(row: Any) -> list[tuple[str, Callable[..., Any]]]:
    """The functions that a row of the table makes, one for each face."""
    functions = [("nd", getattr(nd, row.nd.split()[0]))] if row.nd else []
    for namespace, names in ((np, row.np), (npx, row.npx)):
        if names:
            functions.append(("np", getattr(namespace, names.split()[0])))
            break
    return functions


def unary_cases() -> list[Case]:
    return [
        Case(f"{face}.{row.op}{shape}", function, (shape,), *DOMAINS.get(row.op, (-2, 2)), face)
        for row in UNARY
        for face, function in faces_of(row)
        for shape in SHAPES
    ]


def binary_cases() -> list[Case]:
    """Arrays with arrays, broadcast either way, and with numbers on either side."""
    cases = []
    for row in BINARY:
        domain = DOMAINS.get(row.op, (-2, 2))
        for face, function in faces_of(row):
            if face == "np" and "equal" in row.op or row.op in ("less", "greater"):
                continue  # np's comparisons give bool, which has no gradient
            name = f"{face}.{row.op}"
            cases += [Case(f"{name}{pair}", function, pair, *domain, face) for pair in PAIRS]
            cases += [
                Case(f"{name}(x, 1.7)", lambda x, f=function: f(x, 1.7), ((2, 3),), *domain, face),
                Case(f"{name}(1.7, x)", lambda x, f=function: f(1.7, x), ((2, 3),), *domain, face),
                Case(f"{name}(x, x)", lambda x, f=function: f(x, x + x), ((3,),), *domain, face),
            ]
    return cases


def reduction_cases() -> list[Case]:
    cases = []
    axes = (None, 0, 1, -1, (0, 2), (1, 2), (0, 1, 2))
    for face, namespace in FACES.items():
        names = ["sum", "mean", "prod", "max", "min"] + (["var", "std"] if face == "np" else [])
        for name in names:
            function = getattr(namespace, name)
            for axis in axes:
                for keepdims in (False, True):
                    cases.append(
                        Case(
                            f"{face}.{name}(axis={axis}, keepdims={keepdims})",
                            lambda x, f=function, a=axis, k=keepdims: f(x, axis=a, keepdims=k),
                            ((2, 3, 2),),
                            face=face,
                        )
                    )
    plain = {
        "sum of nothing": (lambda x: x.sum(axis=0), (0, 3)),
        "sum to nothing": (lambda x: x.sum(axis=1), (0, 3)),
        "prod of nothing": (lambda x: x.prod(axis=0), (0, 3)),
        "sum of one": (lambda x: x.sum(), (1,)),
        "sum of a number": (lambda x: x.sum(), ()),
        "mean of one axis of 1": (lambda x: x.mean(axis=1), (3, 1, 2)),
        "max along an axis of 1": (lambda x: x.max(axis=1), (3, 1)),
        "var with ddof": (lambda x: np.var(x, axis=1, ddof=1), (2, 4)),
        "std with ddof": (lambda x: np.std(x, ddof=1), (5,)),
        "np.linalg.norm": (np.linalg.norm, (2, 3)),
        "np.linalg.norm(axis=1)": (lambda x: np.linalg.norm(x, axis=1), (2, 3)),
        "norm 1": (lambda x: np.linalg.norm(x, ord=1, axis=1), (2, 3)),
    }
    cases += [Case(name, function, (shape,)) for name, (function, shape) in plain.items()]
    cases += [
        Case("nd.norm", nd.norm, ((2, 3),), face="nd"),
        Case("nd.norm(axis=0)", lambda x: nd.norm(x, axis=0), ((2, 3),), face="nd"),
        Case("nd.norm(ord=1)", lambda x: nd.norm(x, ord=1), ((2, 3),), face="nd"),
        Case("nd.sum(exclude)", lambda x: nd.sum(x, axis=1, exclude=True), ((2, 3, 2),), face="nd"),
        Case("nd.max(exclude)", lambda x: nd.max(x, axis=0, exclude=True), ((2, 3, 2),), face="nd"),
    ]
    return cases


def kernel(x, weight, bias=None):
    return nn.fully_connected(x, weight, bias, in_first=True)


def dense_relu(x: Any, weight: Any, bias: Any = None) -> Any:
    return nn.fully_connected(x, weight, bias, act_type="relu")


def product_cases() -> list[Case]:
    cases = []
    for ta in (False, True):
        for tb in (False, True):
            a = (3, 2) if ta else (2, 3)
            b = (4, 3) if tb else (3, 4)
            flags = {"transpose_a": ta, "transpose_b": tb}
            cases.append(
                Case(f"nd.dot{flags}", lambda a, b, k=flags: nd.dot(a, b, **k), (a, b), face="nd")
            )
            for face, function in (("nd", nd.batch_dot), ("np", npx.batch_dot)):
                cases.append(
                    Case(
                        f"{face}.batch_dot{flags}",
                        lambda a, b, f=function, k=flags: f(a, b, **k),
                        ((2, *a), (2, *b)),
                        face=face,
                    )
                )
            cases.append(
                Case(
                    f"nd.dot of many axes{flags}",
                    lambda a, b, k=flags: nd.dot(a, b, **k),
                    ((3, 2, 2) if ta else (2, 2, 3), (2, 3) if tb else (3, 2)),
                    face="nd",
                )
            )
    pairs = (
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((2, 2, 3), (3,)),
        ((3,), (2, 3, 2)),
        ((2, 2, 3), (2, 3, 2)),
        ((2, 2, 3), (3, 2)),
        ((2, 3), (2, 3, 2)),
        ((2, 1, 2, 3), (3, 3, 2)),
        ((0, 3), (3, 2)),
        ((2, 0), (0, 3)),
        ((2, 3), (3, 0)),
        ((0, 2, 3), (3, 2)),
        ((1, 1), (1, 1)),
    )
    cases += [Case(f"np.matmul{pair}", np.matmul, pair) for pair in pairs]
    cases += [
        Case("np.vdot", np.vdot, ((2, 3), (3, 2))),
        Case("np.vdot of one", lambda a: np.vdot(a, a) * a[0], ((3,),)),
        Case("np.vdot again", lambda a, b: np.vdot(a, b) + (a * a).sum() + np.vdot(a, b),
             ((2, 3), (2, 3))),
        Case("nd.dot of vectors", nd.dot, ((3,), (3,)), face="nd"),
        Case("np.linalg.norm", lambda a: np.linalg.norm(a, keepdims=True) * a, ((2, 3),)),
        Case("nd.norm", nd.norm, ((2, 3),), face="nd"),
    ]  # fmt: skip
    cases += [
        Case(f"np.dot{pair}", np.dot, pair)
        for pair in (
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((2, 3), (3, 2)),
            ((2, 2, 3), (3,)),
            ((2, 3), (2, 3, 2)),
            ((), (3,)),
            ((2, 2), ()),
            ((2, 0), (0, 3)),
        )
    ]
    cases += [
        Case("x @ x", lambda x: x @ x, ((3, 3),)),
        Case("x @ x.T", lambda x: x @ x.T, ((2, 3),)),
        Case("x.T @ y.T", lambda x, y: x.T @ y.T, ((2, 3), (2, 2))),
        Case("x[::2] @ y", lambda x, y: x[::2] @ y, ((4, 3), (3, 2))),
        Case("matmul of numbers with new axes", lambda x, y: x[None, None] @ y, ((), (1, 1))),
        Case("vector dot", nd.dot, ((4,), (4,)), face="nd"),
    ]
    for rows in range(1, 10):
        cases.append(Case(f"dense, {rows} rows", nn.fully_connected, ((rows, 3), (2, 3), (2,))))
        cases.append(Case(f"dense, inputs first, {rows} rows", kernel, ((rows, 3), (3, 2), (2,))))
    cases += [
        Case("dense, inputs first, no rows", kernel, ((0, 3), (3, 2), (2,))),
        Case("dense, inputs first, no features", kernel, ((2, 0), (0, 2), (2,))),
        Case("dense, inputs first, no units", kernel, ((2, 3), (3, 0), (0,))),
        Case("dense, inputs first, flattens", kernel, ((2, 2, 2), (4, 3), (3,))),
        Case(
            "dense, inputs first, without flatten and bias",
            lambda x, w: nn.fully_connected(x, w, flatten=False, in_first=True),
            ((2, 3, 2), (2, 3)),
        ),
        Case(
            "dense, inputs first, and relu in one, input and weight twice, few rows",
            lambda x, w: nn.fully_connected(
                nn.fully_connected(x, w, act_type="relu", in_first=True) + x, w, in_first=True
            ),
            ((2, 3), (3, 3)),
        ),
        Case(
            "dense, inputs first, input and weight twice, many rows",
            lambda x, w: kernel(kernel(x, w), w) + kernel(x, w),
            ((6, 3), (3, 3)),
        ),
        Case("dense without bias", nn.fully_connected, ((3, 2), (4, 2))),
        Case("dense, no rows", nn.fully_connected, ((0, 3), (2, 3), (2,))),
        Case("dense, no features", nn.fully_connected, ((2, 0), (2, 0), (2,))),
        Case("dense, no units", nn.fully_connected, ((2, 3), (0, 3), (0,))),
        Case("dense flattens", nn.fully_connected, ((2, 2, 2), (3, 4), (3,))),
        Case(
            "dense without flatten",
            lambda x, w, b: nn.fully_connected(x, w, b, flatten=False),
            ((2, 3, 2), (3, 2), (3,)),
        ),
        Case("dense of a vector: one feature each", nn.fully_connected, ((3,), (2, 1), (2,))),
        Case(
            "dense of a vector without flatten",
            lambda x, w, b: nn.fully_connected(x, w, b, flatten=False),
            ((3,), (2, 3), (2,)),
        ),
        Case(
            "dense and relu in one",
            dense_relu,
            ((6, 3), (4, 3), (4,)),
        ),
        Case(
            "dense and relu in one, few rows, no bias",
            dense_relu,
            ((2, 3), (4, 3)),
        ),
        Case(
            "dense and relu in one, one weight twice",
            lambda x, w: nn.fully_connected(
                nn.fully_connected(x, w, act_type="relu"), w, act_type="relu"
            ),
            ((5, 3), (3, 3)),
        ),
        Case(
            "dense and relu in one, used again",
            lambda x, w: (y := dense_relu(x, w)) * y + y,
            ((5, 3), (3, 3)),
        ),
        Case(
            "dense, one weight twice",
            lambda x, w: nn.fully_connected(nn.fully_connected(x, w), w),
            ((6, 3), (3, 3)),
        ),
        Case(
            "nd.FullyConnected",
            lambda x, w, b: nd.FullyConnected(x, w, b, num_hidden=2),
            ((5, 3), (2, 3), (2,)),
            face="nd",
        ),
    ]
    return cases


def network_cases() -> list[Case]:
    cases = []
    for face, namespace in (("nd", nd), ("np", npx)):
        for name in ("softmax", "log_softmax"):
            function = getattr(namespace, name)
            for axis in (-1, 0, 1):
                cases.append(
                    Case(
                        f"{face}.{name}(axis={axis})",
                        lambda x, f=function, a=axis: f(x, axis=a),
                        ((3, 2, 4),),
                        face=face,
                    )
                )
            for shape in ((1,), (0, 3), (2, 1)):
                cases.append(Case(f"{face}.{name}{shape}", function, (shape,), face=face))
    labels = {"nd": nd.array([2, 0, 1]), "np": np.array([2, 0, 1], dtype="int64")}
    for face, label in labels.items():
        cases += [
            Case(
                f"{face} softmax_cross_entropy",
                lambda x, y=label: nn.softmax_cross_entropy(x, y),
                ((3, 4),),
                face=face,
            ),
            Case(
                f"{face} softmax_cross_entropy along axis 0",
                lambda x, y=label: nn.softmax_cross_entropy(x, y, axis=0),
                ((3, 3),),
                face=face,
            ),
            Case(f"{face} pick", lambda x, y=label: nn.pick(x, y, axis=1), ((3, 4),), face=face),
            Case(
                f"{face} pick along axis 0, keepdims",
                lambda x, y=label: nn.pick(x, y, axis=0, keepdims=True),
                ((4, 3),),
                face=face,
            ),
            Case(
                f"{face} pick clips",
                lambda x, y=label: nn.pick(x, y * 3, axis=1),
                ((3, 4),),
                face=face,
            ),
        ]
    for act in sorted({"relu", "sigmoid", "tanh", "softrelu", "softsign", "gelu", "silu", "swish"}):
        cases.append(Case(f"activation {act}", lambda x, a=act: nn.activation(x, a), ((3, 4),)))
    cases += [
        Case("dropout", lambda x: nn.dropout(x, 0.4), ((5, 4),)),
        Case("dropout, shared along an axis", lambda x: nn.dropout(x, 0.4, axes=(1,)), ((5, 4),)),
        Case("dropout of everything", lambda x: nn.dropout(x, 1.0), ((2, 2),)),
        Case("dropout of nothing", lambda x: nn.dropout(x, 0.4), ((0, 2),)),
        Case("two dropouts", lambda x: nn.dropout(nn.dropout(x, 0.2) * x, 0.3), ((6,),)),
        Case("nd.Dropout", lambda x: nd.Dropout(x, p=0.3), ((3, 3),), face="nd"),
    ]
    for act in ("leaky", "elu", "selu", "gelu"):
        cases.append(
            Case(
                f"nd.LeakyReLU {act}",
                lambda x, a=act: nd.LeakyReLU(x, act_type=a, slope=0.2),
                ((3, 4),),
                face="nd",
            )
        )
    return cases


MASK = numpy.array([[True, False, True], [False, False, True]])
KEYS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "row": (1, (2, 3)),
    "element": ((1, -2), (2, 3)),
    "slice": (slice(1, 3), (4, 2)),
    "step": (slice(None, None, 2), (5, 2)),
    "negative step": (slice(None, None, -1), (4, 2)),
    "negative step along two axes": ((slice(3, 0, -2), slice(None, None, -1)), (4, 3)),
    "column": ((slice(None), 1), (3, 2)),
    "newaxis": ((slice(None), None, 1), (3, 2)),
    "ellipsis": ((..., 0), (2, 2, 2)),
    "nothing": (slice(0, 0), (3, 2)),
    "everything": (slice(None), (3, 2)),
    "integer list": ([0, 2, 0], (3, 2)),
    "integer array of two axes": (numpy.array([[0, 1], [2, 2]]), (3, 2)),
    "two integer arrays": (([0, 1, 1], [2, 0, 0]), (2, 3)),
    "integer array and slice": ((slice(None), [1, 1, 0]), (2, 3)),
    "integer array and newaxis": (([1, 0], None), (2, 3)),
    "mask": (MASK, (2, 3)),
    "mask of one axis": (numpy.array([True, False, True]), (3, 2)),
    "mask of nothing": (numpy.zeros((2, 3), bool), (2, 3)),
    "no integers": (numpy.zeros(0, numpy.int64), (3, 2)),
}


def indexing_cases() -> list[Case]:
    cases = []
    for face in FACES:
        for name, (key, shape) in KEYS.items():
            cases.append(Case(f"{face} x[{name}]", lambda x, k=key: x[k] * 2, (shape,), face=face))
    places = {"nd": nd.array([2, 0, 2]), "np": np.array([2, 0, 2], dtype="int64")}
    far = {"nd": nd.array([-1, 5]), "np": np.array([-1, 5], dtype="int64")}
    condition = {"nd": nd.array([[1, 0, 1]]), "np": np.array([[True, False, True]], dtype="bool")}
    for face, namespace in FACES.items():
        f, at, beyond, c = namespace, places[face], far[face], condition[face]
        cases += [
            Case(
                f"{face}.take(axis=0)", lambda x, f=f, p=at: f.take(x, p, axis=0), ((3, 2),),
                face=face,
            ),
            Case(
                f"{face}.take(axis=1)", lambda x, f=f, p=at: f.take(x, p, axis=1), ((2, 3),),
                face=face,
            ),
            Case(
                f"{face}.take clips",
                lambda x, f=f, p=beyond: f.take(x, p, axis=0, mode="clip"), ((3, 2),), face=face,
            ),
            Case(
                f"{face}.take wraps",
                lambda x, f=f, p=beyond: f.take(x, p, axis=0, mode="wrap"), ((3, 2),), face=face,
            ),
            Case(
                f"{face}.where", lambda x, y, f=f, c=c: f.where(c.broadcast_to(x.shape), x, y),
                ((2, 3), (2, 3)), face=face,
            ),
        ]  # fmt: skip
    c = condition["np"]
    cases += [
        Case("where broadcasts", lambda x, y: np.where(c, x, y), ((2, 1), (2, 3))),
        Case("where with a number", lambda x: np.where(c, x, 0.5), ((2, 3),)),
        Case("where with a number first", lambda x: np.where(c, 0.5, x), ((2, 3),)),
        Case("np.clip", lambda x: np.clip(x, -1, 1), ((3, 4),)),
        Case("np.clip from below", lambda x: np.clip(x, 0.1, None), ((3, 4),)),
        Case("np.clip from above", lambda x: np.clip(x, None, 0.1), ((3, 4),)),
        Case("nd.clip", lambda x: nd.clip(x, -0.5, 1), ((3, 4),), face="nd"),
    ]
    return cases


def shape_cases() -> list[Case]:
    cases = []
    for face, f in FACES.items():
        table: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
            "reshape": (lambda x: x.reshape(3, 2) * 2, ((2, 3),)),
            "reshape alone": (lambda x: x.reshape((-1,)), ((2, 3),)),
            "transpose": (lambda x, f=f: f.transpose(x), ((2, 3),)),
            "transpose(axes)": (lambda x, f=f: f.transpose(x, (1, 2, 0)), ((2, 3, 2),)),
            "transpose and reshape": (lambda x: x.T.reshape(6), ((2, 3),)),
            "swapaxes": (lambda x, f=f: f.swapaxes(x, 0, 2), ((2, 1, 3),)),
            "expand_dims": (lambda x, f=f: f.expand_dims(x, 1), ((2, 3),)),
            "squeeze": (lambda x, f=f: f.squeeze(x), ((1, 3, 1),)),
            "squeeze(axis)": (lambda x, f=f: f.squeeze(x, axis=2), ((1, 3, 1),)),
            "broadcast_to": (lambda x, f=f: f.broadcast_to(x, (2, 3)), ((1, 3),)),
            "concatenate": (
                lambda x, y, f=f: f.concatenate([x, y], axis=0), ((2, 3), (1, 3)),
            ),
            "concatenate(axis=1)": (
                lambda x, y, f=f: f.concatenate([x, y, x], axis=1), ((2, 1), (2, 3)),
            ),
            "concatenate with nothing": (
                lambda x, y, f=f: f.concatenate([x, y], axis=0), ((0, 3), (1, 3)),
            ),
            "repeat": (lambda x, f=f: f.repeat(x, 2, axis=1), ((2, 3),)),
            "repeat all": (lambda x, f=f: f.repeat(x, 3), ((2, 2),)),
            "copy": (lambda x: x.copy() * x, ((2, 3),)),
            "astype": (lambda x: x.astype("float64") * 2, ((2, 3),)),
            "narrow and wide": (lambda x: (x * x).reshape(3, 2).T[1], ((2, 3),)),
        }  # fmt: skip
        for name, (function, shapes) in table.items():
            cases.append(Case(f"{face} {name}", function, shapes, face=face))
    cases += [
        Case("np.stack", lambda x, y: np.stack([x, y, x], axis=1), ((2, 3), (2, 3))),
        Case("nd.stack", lambda x, y: nd.stack(x, y, axis=-1), ((2, 3), (2, 3)), face="nd"),
        Case("nd.concat", lambda x, y: nd.concat(x, y), ((2, 3), (2, 1)), face="nd"),
        Case("np.split", lambda x: np.split(x, 3, axis=1), ((2, 6),)),
        Case("np.split at places", lambda x: np.split(x, [1, 1, 4]), ((5, 2),)),
        Case("one part of a split", lambda x: np.split(x, 2)[1] * 2, ((4, 2),)),
        Case("nd.split", lambda x: nd.split(x, 3), ((2, 6),), face="nd"),
        Case("nd.split, squeezed", lambda x: nd.split(x, 2, squeeze_axis=True), ((2, 2),),
             face="nd"),
        Case("nd.slice_axis", lambda x: nd.slice_axis(x, 1, 1, 3), ((2, 4),), face="nd"),
        Case("np.cumsum", lambda x: np.cumsum(x, axis=0), ((3, 2),)),
        Case("np.cumsum(axis=1)", lambda x: np.cumsum(x, axis=1), ((2, 3),)),
        Case("np.cumsum of all", lambda x: np.cumsum(x), ((2, 3),)),
        Case("np.vstack", lambda x, y: np.vstack([x, y]), ((3,), (3,))),
        Case("np.hstack", lambda x, y: np.hstack([x, y]), ((3,), (2,))),
        Case("broadcast a number", lambda x: np.broadcast_to(x, (2, 2)), ((),)),
        Case("broadcast nothing", lambda x: np.broadcast_to(x, (0, 2)), ((1, 2),)),
        Case("flatten", lambda x: x.flatten(), ((2, 3),)),
        Case("ravel of a transpose", lambda x: np.ravel(x.T), ((2, 3),)),
        Case("x.T alone", lambda x: x.T, ((2, 3),)),
        Case("batch_flatten", npx.batch_flatten, ((2, 2, 2),)),
        Case("nd.reshape codes", lambda x: x.reshape((0, -3)), ((2, 3, 2),), face="nd"),
        Case("nd.add_n", lambda x, y: nd.add_n(x, y, x), ((2, 3), (2, 3)), face="nd"),
    ]  # fmt: skip
    return cases


def composed_cases() -> list[Case]:
    """One array used several times, views of views, and gradients held back."""
    return [
        Case("x * x + x", lambda x: x * x + x, ((2, 3),)),
        Case("x - x", lambda x: x - x, ((2, 3),)),
        Case("x used in many shapes", lambda x: x.sum() * x + x.T.T * x[0] + x.reshape(6)[2],
             ((2, 3),)),
        Case("rows of one array", lambda x: x[0] * x[1] + x[0], ((2, 3),)),
        Case("overlapping views", lambda x: x[1:] * x[:-1], ((5, 2),)),
        Case("concatenated with itself", lambda x: np.concatenate([x, x, x * x]), ((2, 2),)),
        Case("a view of a view", lambda x: (x.T[1:].T[::-1] * 3), ((3, 4),)),
        Case("several results", lambda x, y: (x * y, x + y, x.sum(), np.exp(y)), ((2, 2), (2, 2))),
        Case("a result used again", lambda x: [y := np.tanh(x), y * y, y], ((3,),)),
        Case("an unused input", lambda x, y: x * 2, ((2,), (2,))),
        Case("an input returned", lambda x, y: (x * y, np.exp(x)), ((2,), (2,))),
        Case("clip, log and mean", lambda x: np.log(np.clip(x, 0.5, 1.5)).mean(), ((3, 3),), 0.2,
             2.0),
        Case("attention", lambda q, k, v: npx.softmax(q @ k.T) @ v, ((2, 3), (4, 3), (4, 2))),
        Case("layer norm", lambda x: (x - x.mean(axis=-1, keepdims=True))
             / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3), ((3, 4),)),
        Case("products with a row, added up", lambda x, y: [x * y, (x + y) * y, x * x[:1]],
             ((2, 3), (3,))),
        Case("outer products", lambda x, y: [x[:, None] * y, y[:, None] * (x * y.sum())],
             ((3,), (4,))),
        Case("a column, a row and more axes", lambda x, y: [x * y, x.sum() * x, y * y.sum()],
             ((2, 1, 3, 1), (1, 2, 1, 3))),
        Case("mantissas", lambda x: [np.frexp(x)[0], x * np.frexp(x)[0]], ((2, 3),), 1.1, 1.9),
        Case("fractions", lambda x: [y for y in np.modf(x) * 2], ((2, 3),), 1.1, 1.9),
        Case("random numbers inside", lambda x: x * np.random.normal(0, 1, (2, 3), "float64"),
             ((2, 3),)),
    ]  # fmt: skip


CASES = (
    unary_cases()
    + binary_cases()
    + reduction_cases()
    + product_cases()
    + network_cases()
    + indexing_cases()
    + shape_cases()
    + composed_cases()
)


def values_of(case: Case, dtype: str = "float64") -> list[numpy.ndarray]:
    """The same values each time, away from the places where a function has a kink."""
    generator = numpy.random.default_rng(zlib.crc32(case.name.encode()))
    values = [generator.uniform(case.low, case.high, shape) for shape in case.shapes]
    return [numpy.asarray(v, dtype) for v in values]


# The generator's numbers depend on the dtype, so these alone are the same in both.
REPEATABLE = [
    case for case in CASES if "random" not in case.name and "dropout" not in case.name.lower()
]
every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@every_case
def test_gradients_are_the_slopes(case):
    values = values_of(case)
    outputs, slopes = check.gradients(case.function, [check.leaf(v, case.face) for v in values])
    assert all(y.dtype == numpy.float64 for y in outputs)
    expected = check.central_differences(case.function, values, case.face)
    for got, want in zip(slopes, expected, strict=True):
        numpy.testing.assert_allclose(got, want, rtol=1e-6, atol=2e-8)


@every_case
def test_layouts_of_the_inputs_do_not_matter(case):
    values = values_of(case)
    expected = check.gradients(case.function, [check.leaf(v, case.face) for v in values])
    layouts = ["offset", "transposed", "strided", "reversed"]
    for layout in layouts if all(case.shapes) else ["transposed"]:
        arrays = [check.leaf(v, case.face, layout) for v in values]
        outputs, slopes = check.gradients(case.function, arrays)
        for got, want in zip(outputs + slopes, expected[0] + expected[1], strict=True):
            numpy.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14, err_msg=layout)


@pytest.mark.parametrize("case", REPEATABLE, ids=[case.name for case in REPEATABLE])
def test_float32_agrees_with_float64(case):
    values = values_of(case)
    expected = check.gradients(case.function, [check.leaf(v, case.face) for v in values])
    narrow = [v.astype("float32") for v in values]
    outputs, slopes = check.gradients(case.function, [check.leaf(v, case.face) for v in narrow])
    assert all(g.dtype == numpy.float32 for g in slopes)
    for got, want in zip(outputs + slopes, expected[0] + expected[1], strict=True):
        numpy.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5)


@every_case
@pytest.mark.parametrize("layout", ["packed", "transposed"])
def test_plans_give_the_bits_of_eager_calls(case, layout):
    check.assert_plan_agrees(case.function, values_of(case, "float32"), case.face, layout)
    check.assert_plan_agrees(case.function, values_of(case), case.face, layout)


@every_case
def test_add_accumulates_and_write_replaces(case):
    values = values_of(case)
    _, once = check.gradients(case.function, [check.leaf(v, case.face) for v in values])
    arrays = [check.leaf(v, case.face) for v in values]
    for x in arrays:
        x.attach_grad("add")
    for _ in range(3):
        mx.random.seed(11)
        with mx.autograd.record():
            outputs = check.as_list(case.function(*arrays))
        make = mx.np.array if case.face == "np" else mx.nd.array
        mx.autograd.backward(
            outputs, [make(w, dtype="float64") for w in check.head_weights(outputs)]
        )
    for x, slope in zip(arrays, once, strict=True):
        numpy.testing.assert_allclose(x.grad.asnumpy(), 3 * slope, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [row.op for row in UNARY])
def test_long_arrays_have_the_gradients_of_their_parts(name):
    function = functools.partial(unary_op, name)
    low, high = DOMAINS.get(name, (-2, 2))
    values = numpy.random.default_rng(3).uniform(low, high, 70_001).astype("float32")
    ends = slice(0, 17), slice(40_000, 40_033), slice(69_990, None)
    outputs, slopes = check.gradients(function, [nd.array(values)])
    heads = check.head_weights([nd.array(values)])[0]
    for part in ends:
        x = nd.array(values[part])
        x.attach_grad()
        with mx.autograd.record():
            y = function(x)
        y.backward(nd.array(heads[part]))
        numpy.testing.assert_allclose(outputs[0][part], y.asnumpy(), rtol=1e-6, atol=1e-6)
        numpy.testing.assert_allclose(slopes[0][part], x.grad.asnumpy(), rtol=1e-5, atol=1e-6)


LARGE = {
    "broadcast product": (lambda x, y: x * y, ((300, 250), (250,))),
    "outer product": (lambda x, y: x * y, ((300, 1), (1, 250))),
    "column and row": (lambda x, y: x / y, ((300, 1), (1, 250))),
    "one number": (lambda x, y: x**y, ((70_001,), ())),
    "reduced columns": (lambda x, y: (x * y).sum(axis=0), ((40_000, 3), (40_000, 3))),
    "mean of rows": (lambda x, y: (x * y).mean(axis=1), ((3, 40_000), (3, 1))),
    "softmax of rows": (lambda x, y: npx.softmax(x) * y, ((400, 200), (400, 200))),
    "softmax of one row": (lambda x, y: npx.softmax(x) * y, ((50_000,), (50_000,))),
    "dense": (lambda x, y: nn.fully_connected(x, y), ((300, 200), (100, 200))),
    "matmul": (np.matmul, ((300, 200), (200, 100))),
    "vdot": (np.vdot, ((40_001,), (40_001,))),
    "norm": (lambda x, y: np.linalg.norm(x) * y, ((200, 201), (1,))),
    "clip": (lambda x, y: np.clip(x, 1.2, 1.8) * y, ((40_001,), (1,))),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_arrays_have_the_slopes_along_random_directions(name):
    function, shapes = LARGE[name]
    generator = numpy.random.default_rng(1)
    values = [numpy.asarray(generator.uniform(1, 2, shape)) for shape in shapes]
    outputs, slopes = check.gradients(function, [np.array(v) for v in values])
    heads = check.head_weights([np.array(y) for y in outputs])
    for which, slope in enumerate(slopes):
        direction = generator.normal(size=slope.shape)
        ends = []
        for step in (1e-6, -1e-6):
            moved = list(values)
            moved[which] = values[which] + step * direction
            ends.append(check.evaluate(function, [np.array(v) for v in moved]))
        expected = sum(
            float((h * (a - b)).sum()) / 2e-6 for h, a, b in zip(heads, *ends, strict=True)
        )
        scale = float(numpy.abs(slope * direction).sum())
        assert abs(float((slope * direction).sum()) - expected) < 1e-6 * scale


def test_half_precision_keeps_gradients():
    x = np.array([0.5, -1.0, 2.0], dtype="float16")
    x.attach_grad()
    with mx.autograd.record():
        y = (np.exp(x) * x).sum()
    y.backward()
    expected = numpy.exp([0.5, -1.0, 2.0]) * (numpy.array([0.5, -1.0, 2.0]) + 1)
    assert x.grad.dtype == numpy.float16
    numpy.testing.assert_allclose(x.grad.asnumpy(), expected, rtol=5e-3)


def test_product_with_zeros_among_the_factors():
    for values in ([0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 4.0]):
        x = np.array(values)
        x.attach_grad()
        with mx.autograd.record():
            y = x.prod()
        y.backward()
        expected = [numpy.prod(values[:i] + values[i + 1 :]) for i in range(3)]
        assert x.grad.tolist() == expected


def test_gradients_at_kinks():
    x = nd.array([0.0, 1.0])
    x.attach_grad()
    for function, expected in (
        (nd.relu, [0, 1]),
        (nd.abs, [0, 1]),
        (lambda x: nd.maximum(x, x * 1), [1, 1]),
        (lambda x: nd.clip(x, 0, 1), [1, 1]),
        (nd.sign, [0, 0]),
    ):
        with mx.autograd.record():
            y = function(x)
        y.backward()
        assert x.grad.asnumpy().tolist() == expected
