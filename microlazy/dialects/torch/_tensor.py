"""Tensor: an array of the core with PyTorch's face, and how operations on tensors run."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy

from ... import numpy as np
from ...autograd import set_recording
from ...base import MXNetError
from ...core import gradients
from ...core.planning import advance_generation
from ...core.tensor import Tensor as Array
from . import _dtypes
from ._absent import missing_member
from ._device import CPU, GradFn, device
from ._errors import axis_of, check_graph, raise_used, translated
from ._modes import mode
from ._printing import tensor_text
from ._size import Size

NumpyArray = numpy.ndarray  # which a method hides

_new = object.__new__


class Tensor:
    """An array with PyTorch's names, printing and errors, recorded unless `no_grad` is on.

    Tensors are made by `torch.tensor`, `torch.rand` and the other functions.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "_array", "_op")

    __array_priority__ = 2000.0  # above the arrays of the core

    _array: Any  # the array of the core, with NumPy's rules
    _op: str  # what computed it, by PyTorch's name

    if TYPE_CHECKING:  # operators are made from the table of `_functions`

        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...

    def __init__(self, *args: Any) -> None:
        raise TypeError("make tensors by torch.tensor(values), torch.zeros(2, 3) or their kin")

    # ---- what it is ----

    @property
    def shape(self) -> Size:
        """The size of each axis."""
        return Size(self._array.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or its size along one axis.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.zeros(2, 3).size(-1)
        3
        """
        return self.shape if dim is None else self._array.shape[axis_of(dim, self._array.ndim)]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    def dim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    def nelement(self) -> int:
        """The number of elements."""
        return self._array.size

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._array.itemsize

    @property
    def dtype(self) -> _dtypes.dtype:
        """The data type, such as `torch.float32`."""
        return _dtypes.of_array(self._array)

    @property
    def device(self) -> Any:
        """Where the tensor is: the CPU."""
        return CPU

    def is_floating_point(self) -> bool:
        """Whether its numbers have a fraction."""
        return self.dtype.is_floating_point

    # ---- values ----

    def item(self) -> Any:
        """The only element as a number of Python.

        Raises
        ------
        RuntimeError
            If there are several.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.tensor([2.5]).item()
        2.5
        """
        if self._array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self._array.size} elements cannot be converted to Scalar"
            )
        return self._array.item()

    def tolist(self) -> Any:
        """The values as nested lists of numbers."""
        return self._array.tolist()

    def numpy(self) -> NumpyArray:
        """A NumPy array on the same memory.

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient: NumPy would not record what it computes.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.ones(2).numpy()
        array([1., 1.], dtype=float32)
        """
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead."
            )
        return numpy.asarray(self._array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NumpyArray:
        array = self.numpy()
        return array.astype(dtype) if dtype is not None or copy else array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple:
        return self._array.__dlpack_device__()

    def __bool__(self) -> bool:
        if self._array.size > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self._array)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return operator.index(self._array)

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self._array.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return value in self._array

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        return format(str(self) if self._array.ndim else self.item(), spec)

    def __repr__(self) -> str:
        if self._array.is_abstract:
            return f"tensor(..., size={tuple(self.shape)}, dtype={self.dtype}; without values)"
        origin = ""
        if self.requires_grad:
            origin = "requires_grad=True" if self.is_leaf else f"grad_fn={self.grad_fn}"
        return tensor_text(numpy.asarray(self._array.detach()), origin)

    def __getattr__(self, name: str) -> Any:
        raise missing_member(type(self), name, dir(type(self)))

    def __reduce__(self) -> Any:
        return _restored, (self._array.asnumpy(), self._is_variable())

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment"
            )
        return _restored(self._array.asnumpy(), self._is_variable())

    # ---- gradients ----

    @property
    def _leaf(self) -> Any:
        """The array that has the gradient, if the tensor is a leaf."""
        return self._array

    def _is_variable(self) -> bool:
        return self._leaf.grad_req not in (None, "null")

    def _is_tracked(self) -> bool:
        return gradients.tracked(self._leaf)

    def _gradient(self) -> Tensor | None:
        leaf = self._leaf
        return None if gradients.absent([leaf]) else wrap(leaf.grad.detach().as_np_ndarray())

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it; it can be set on what was not computed."""
        return self._is_tracked()

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Want a gradient from now on, or none.

        Raises
        ------
        RuntimeError
            If the tensor was computed, or does not hold floats.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.ones(2).requires_grad_()
        tensor([1., 1.], requires_grad=True)
        """
        if requires_grad != self.requires_grad:
            if not self.is_leaf:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use "
                    "a computed variable in a subgraph that doesn't require differentiation use "
                    "var_no_grad = var.detach()."
                )
            if requires_grad and not self.is_floating_point():
                raise RuntimeError(
                    "Only Tensors of floating point and complex dtype can require gradients"
                )
            self._leaf.attach_grad("write" if requires_grad else "null")
            advance_generation()
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was not computed from what requires a gradient."""
        return gradients.is_leaf(self._leaf)

    @property
    def grad_fn(self) -> Any:
        """The operation that computed it, to be looked at; None for a leaf."""
        if self.is_leaf:
            return None
        flattened = self._op in ("Addmm", "Mm") and self._array.ndim != 2
        return GradFn(f"{'View' if flattened else self._op}Backward0")

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward passes added up; None if there is none.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> for _ in range(2):
        ...     (3 * x).sum().backward()
        >>> x.grad
        tensor([6.])
        """
        return self._gradient()

    @grad.setter
    def grad(self, grad: Tensor | None) -> None:
        if grad is None:
            forget_gradients([self._leaf], True)
            return
        if grad.shape != self.shape or grad.dtype != self.dtype:
            raise RuntimeError(
                f"assigned grad has data of size {list(grad.shape)} and type {grad.dtype}, but the "
                f"tensor has size {list(self.shape)} and type {self.dtype}"
            )
        gradients.replace(self._leaf, grad._array.copy())
        advance_generation()  # optimizers look the arrays up again

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Add the gradients of this tensor to the `grad` of all leaves behind it.

        Parameters
        ----------
        gradient : Tensor, optional
            The gradient of this tensor, of its shape; may be left out for a single number.
        retain_graph : bool, optional
            Keep the graph, so that it can be gone through again.
        create_graph : bool
            Must be False: use `torch.autograd.grad` for gradients of gradients.

        Raises
        ------
        RuntimeError
            If nothing was recorded, the graph was used up, or the tensor is no single number.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * 3).backward(torch.tensor([1.0, 10.0]))
        >>> x.grad
        tensor([ 3., 30.])
        """
        if create_graph:
            raise RuntimeError(
                "backward(create_graph=True) is not part of this dialect; "
                "torch.autograd.grad(..., create_graph=True) is"
            )
        array = self._array
        if gradient is None and array.size != 1:
            check_graph(array)
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        try:
            if gradient is None and not retain_graph:
                gradients.backward(array)
            else:
                given = None if gradient is None else gradient._array
                gradients.backward(array, given, bool(retain_graph))
        except MXNetError as error:
            check_graph(array)
            raise_used(error)
            raise RuntimeError(str(error)) from None

    def detach(self) -> Tensor:
        """The same memory, without the graph.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.ones(2, requires_grad=True).detach()
        tensor([1., 1.])
        """
        return wrap(self._array.detach())

    @property
    def data(self) -> Tensor:
        """The same memory, without the graph; set to change the values."""
        return self.detach()

    @data.setter
    def data(self, values: Tensor) -> None:
        with_recording(False, self._array.__setitem__, ..., values._array)

    # ---- places ----

    def to(self, *target: Any, dtype: Any = None, **options: Any) -> Tensor:
        """The tensor with another dtype; there is one device.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.ones(2).to(torch.int64)
        tensor([1, 1])
        """
        for each in target:
            if isinstance(each, _dtypes.dtype):
                dtype = each
            elif isinstance(each, Tensor):
                dtype = each.dtype
            else:
                device(each)
        device(options.get("device", "cpu"))
        if dtype is None or dtype is self.dtype:
            return self
        number = _dtypes.to_numpy(dtype)
        return apply("ToCopy", lambda array: array.astype(number), self)

    def type(self, dtype: Any = None) -> Any:
        """The tensor with another dtype; without one, the name of its own.

        Examples
        --------
        >>> from microlazy.dialects import torch
        >>> torch.ones(2).type(), torch.ones(2).type(torch.int64)
        ('torch.FloatTensor', tensor([1, 1]))
        """
        if dtype is None:
            return f"torch.{_dtypes.scalar_name(self._array)}Tensor"
        return self.to(dtype)

    def cpu(self) -> Tensor:
        """The tensor itself: there is one device."""
        return self

    def __getitem__(self, key: Any) -> Tensor:
        try:
            return apply("Slice", operator.getitem, self, unwrap(key))
        except IndexError:
            raise self._index_error(key) from None

    def _index_error(self, key: Any) -> IndexError:
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > self.ndim:
            return IndexError(f"too many indices for tensor of dimension {self.ndim}")
        for dim, (each, size) in enumerate(zip(keys, self.shape, strict=False)):
            if isinstance(each, int) and not -size <= each < size:
                return IndexError(
                    f"index {each} is out of bounds for dimension {dim} with size {size}"
                )
        return IndexError(f"index {key!r} is out of bounds for a tensor of size {self.shape}")

    def __setitem__(self, key: Any, value: Any) -> None:
        refuse_leaf(self)
        with_recording(mode.enabled, operator.setitem, self._array, unwrap(key), unwrap(value))


# ---- between tensors and arrays ----


def wrap(array: Any, op: str = "") -> Tensor:
    """The tensor of an array of the core that has NumPy's rules.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch._tensor import wrap
    >>> wrap(np.ones(2))
    tensor([1., 1.])
    """
    tensor = _new(Tensor)
    tensor._array = array
    tensor._op = op
    return tensor


def unwrap(value: Any) -> Any:
    """The arrays of tensors, in lists, tuples and dicts too; what is no tensor as it is."""
    if isinstance(value, Tensor):
        return value._array
    if type(value) in (list, tuple):
        return type(value)(map(unwrap, value))
    return {key: unwrap(each) for key, each in value.items()} if type(value) is dict else value


def wrapped(value: Any, op: str = "") -> Any:
    """The reverse of `unwrap`."""
    if isinstance(value, Array):
        return wrap(value.as_np_ndarray(), op)
    if type(value) in (list, tuple):
        return type(value)([wrapped(each, op) for each in value])
    return value


def with_recording(on: bool, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of arrays while operations are recorded, or are not."""
    before = set_recording(on)
    try:
        return function(*args, **kwargs)
    finally:
        set_recording(before)


def apply(op: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of arrays with the arrays of tensors; its result is a tensor.

    Parameters
    ----------
    op : str
        PyTorch's name of what is done, for `grad_fn`.
    """
    before = set_recording(mode.enabled)
    try:
        out = function(*map(_array_of, args), **kwargs)
    except (MXNetError, ValueError) as error:
        raise translated(error, args) from None
    finally:
        set_recording(before)
    return wrap(out, op) if isinstance(out, Array) else wrapped(out, op)


def apply_to_two(op: str, function: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """As `apply`, for a function of two arrays whose result is one: it costs half as much."""
    before = set_recording(mode.enabled)
    try:
        out = function(
            x._array if isinstance(x, Tensor) else x, y._array if isinstance(y, Tensor) else y
        )
    except (MXNetError, ValueError) as error:
        raise translated(error, (x, y)) from None
    finally:
        set_recording(before)
    if not isinstance(out, Array):  # of a comparison with what is no number
        return out
    tensor = _new(Tensor)  # as wrap() does
    tensor._array, tensor._op = out, op
    return tensor


def _array_of(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else value


# NumPy's names of arguments, which PyTorch takes too.
NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def operation(op: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of arrays one of tensors.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch._tensor import operation
    >>> @operation("Twice")
    ... def twice(x):
    ...     return x + x
    >>> twice(torch.ones(2, requires_grad=True))
    tensor([2., 2.], grad_fn=<TwiceBackward0>)
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                kwargs = {NUMPY_NAMES.get(key, key): unwrap(each) for key, each in kwargs.items()}
            return apply(op, function, *map(unwrap, args), **kwargs)

        return call

    return decorate


def _restored(values: numpy.ndarray, requires_grad: bool) -> Tensor:
    tensor = wrap(np.array(values, dtype=values.dtype))
    return tensor.requires_grad_(requires_grad)


def forget_gradients(arrays: list[Any], set_to_none: bool) -> None:
    """Let arrays have no gradient, or one of zeros.

    Examples
    --------
    >>> from microlazy.dialects.torch._tensor import forget_gradients
    >>> forget_gradients([], True)
    """
    if not set_to_none:
        for each in arrays:
            each.zero_grad()
    elif gradients.clear(arrays):
        advance_generation()


def refuse_leaf(tensor: Tensor) -> None:
    """Refuse to change a leaf in place while operations are recorded."""
    if mode.enabled and tensor._is_variable():
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )
