"""grad, value_and_grad and eval_shape: functions of trees, differentiated by the tape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from operator import attrgetter
from typing import Any

import numpy

from .... import autograd
from ....base import MXNetError
from ....core import trace
from ....core.gradients import variable_on
from ....core.plan_gradients import value_and_gradients
from ....core.planning import Unplannable
from ....core.tensor import Tensor
from ...faces import as_array, face_of
from .tree_util import tree_leaves, tree_map

__all__ = ["ShapeDtypeStruct", "eval_shape", "grad", "value_and_grad"]


def value_and_grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the value of another, and its gradient.

    Parameters
    ----------
    fun : callable
        Returns a number; with `has_aux`, a pair of it and anything else.
    argnums : int or tuple of int
        Which arguments, trees of arrays, to differentiate with respect to.
    has_aux : bool
        Whether `fun` returns a pair.

    Returns
    -------
    callable
        Returns ``(value, gradient)``, with `has_aux` ``((value, aux), gradient)``. The gradient is
        a tree like the argument; a tuple of trees if `argnums` is one.

    Raises
    ------
    TypeError
        In a call, if `fun` returns no number, or a leaf is an array of integers.

    Examples
    --------
    >>> from microlazy import np
    >>> value_and_grad(lambda p: (p["a"] ** 2).sum())({"a": np.ones(2)})
    (array(2.), {'a': array([2., 2.])})
    """
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def in_plan(*args: Any, **options: Any) -> Any:
        """The same, as a part of a plan or of a run on shapes."""
        if autograd.is_recording():
            raise Unplannable("it takes a gradient through a gradient")
        arguments = list(args)
        followed = tree_map(_real, tuple(args[place] for place in places))

        def of_leaves(*leaves: Any) -> Any:
            left = iter(leaves)
            parts = tree_map(lambda leaf: next(left), followed)
            for place, part in zip(places, parts, strict=True):
                arguments[place] = part
            returned = fun(*arguments, **options)
            arguments.clear()  # keep no array of the plan
            value, aux = returned if has_aux else (returned, None)
            _need_number(value)
            return value, aux

        (value, aux), found = value_and_gradients(of_leaves, tree_leaves(followed))
        grads = iter(found)
        slopes = tree_map(lambda leaf: next(grads), followed)
        return (value, aux) if has_aux else value, slopes[0] if isinstance(argnums, int) else slopes

    @wraps(fun)
    def call(*args: Any, **options: Any) -> Any:
        if trace.is_tracing():
            return in_plan(*args, **options)
        arguments = list(args)
        nested = autograd.is_recording()
        variable = _inner_variable if nested else _variable
        for place in places:
            arguments[place] = tree_map(variable, args[place])
        with autograd.record(train_mode=False):
            returned = fun(*arguments, **options)
        value, aux = returned if has_aux else (returned, None)
        _need_number(value)
        followed = tuple(arguments[place] for place in places)
        if nested:
            found = _inner_gradients(value, followed)
        else:
            _go_back(value, followed)
            found = tree_map(_grad_of, followed)
            value = value.detach()
        return (value, aux) if has_aux else value, found[0] if isinstance(argnums, int) else found

    return call


def grad(
    fun: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of another; as `value_and_grad`.

    Examples
    --------
    >>> grad(lambda x: x ** 3)(2.0)
    array(12.)
    >>> grad(grad(lambda x: x ** 3))(2.0)
    array(12.)
    """
    both = value_and_grad(fun, argnums, has_aux)

    @wraps(fun)
    def call(*args: Any, **options: Any) -> Any:
        value, gradient = both(*args, **options)
        return (gradient, value[1]) if has_aux else gradient

    return call


def _variable(leaf: Any) -> Any:
    """The array to differentiate with respect to: an own one, on the same memory."""
    x = variable_on(leaf) if isinstance(leaf, Tensor) else None
    return variable_on(_real(leaf)) if x is None else x


def _inner_variable(leaf: Any) -> Any:
    """The same inside of another gradient, which leads through this one."""
    return _real(leaf) * 1


def _real(leaf: Any) -> Any:
    x = leaf if isinstance(leaf, Tensor) else as_array(leaf)
    if x.dtype.kind != "f":
        raise TypeError(
            "grad requires real-valued inputs (input dtype that is a sub-dtype of np.floating), "
            f"but got {x.dtype.name}."
        )
    return x


_grad_of = attrgetter("grad")


def _go_back(value: Any, followed: Any) -> None:
    try:
        value.backward(train_mode=False)
    except MXNetError:  # perhaps no leaf leads to the value
        _anchored(value, tree_leaves(followed)).backward(train_mode=False)


def _inner_gradients(value: Any, followed: Any) -> Any:
    leaves = tree_leaves(followed)
    try:
        found = autograd.grad(value, leaves, create_graph=True, train_mode=False)
    except MXNetError:  # perhaps some leaf does not lead to the value
        anchored = _anchored(value, leaves)
        found = autograd.grad(anchored, leaves, create_graph=True, train_mode=False)
    grads = iter(found)
    return tree_map(lambda leaf: next(grads), followed)


def _anchored(value: Any, leaves: list[Any]) -> Any:
    """The same value, to which all leaves lead."""
    with autograd.record(train_mode=False):
        return sum(((leaf * 0).sum() for leaf in leaves), start=value)


def _need_number(value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(
            "Gradient only defined for scalar-output functions. Output was: "
            f"{value!r} of type {type(value).__name__}."
        )
    if value.shape != ():
        raise TypeError(
            "Gradient only defined for scalar-output functions. Output had shape: "
            f"{tuple(value.shape)}."
        )


class ShapeDtypeStruct:
    """The shape and dtype of an array that is not there.

    Parameters
    ----------
    shape : tuple of int
        Shape.
    dtype : dtype
        Data type.

    Examples
    --------
    >>> ShapeDtypeStruct((2, 3), "float32")
    ShapeDtypeStruct(shape=(2, 3), dtype=float32)
    """

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape = tuple(shape)
        self.dtype = numpy.dtype(dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ShapeDtypeStruct):
            return NotImplemented
        return (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name})"


def eval_shape(fun: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The shapes and dtypes of what a function returns, computing nothing.

    Parameters
    ----------
    fun : callable
        A function of trees.
    *args, **options
        Its arguments; arrays, or `ShapeDtypeStruct`.

    Returns
    -------
    tree of ShapeDtypeStruct

    Raises
    ------
    AbstractValueError
        If the function looks at values.

    Examples
    --------
    >>> from microlazy import np
    >>> eval_shape(lambda x: x @ x.T, np.ones((2, 20)))
    ShapeDtypeStruct(shape=(2, 2), dtype=float32)
    """
    with autograd.pause(), face_of(None), trace.tracing():
        out = fun(*tree_map(abstract, args), **tree_map(abstract, options))
    return tree_map(_shape_of, out)


def abstract(leaf: Any) -> Any:
    """An array without values in the place of one that has some; anything else as it is.

    Examples
    --------
    >>> abstract(ShapeDtypeStruct((2,), "float32")).shape
    (2,)
    """
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        return leaf
    return trace.abstract(tuple(leaf.shape), leaf.dtype, True)


def _shape_of(leaf: Any) -> Any:
    return ShapeDtypeStruct(leaf.shape, leaf.dtype) if hasattr(leaf, "shape") else leaf
