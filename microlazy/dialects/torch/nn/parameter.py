"""Parameters of modules: PyTorch's face of the parameters of Gluon."""

from __future__ import annotations

import copy
import weakref
from typing import Any

import numpy

from ....gluon.parameter import Parameter as GluonParameter
from .. import _dtypes
from .._tensor import Size, Tensor, wrap

_new = object.__new__


class Held(GluonParameter):
    """A parameter of Gluon that belongs to a module; its array has NumPy's rules.

    Parameters
    ----------
    name : str
        As Gluon names it.
    buffer : bool
        Whether it is not learnt.
    **options
        As of `gluon.Parameter`.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> nn.Linear(2, 3).collect_params()
    linear0_ (
      Held linear0_weight (shape=(3, 2), dtype=float32)
      Held linear0_bias (shape=(3,), dtype=float32)
    )
    """

    def __init__(self, name: str, buffer: bool = False, **options: Any) -> None:
        self.is_buffer = buffer
        self._seen_as: weakref.ref[Tensor] | None = None  # weak: it holds this parameter
        super().__init__(name, differentiable=not buffer, allow_deferred_init=True, **options)

    @property
    def tensor(self) -> Any:
        """What PyTorch sees: one and the same object as long as somebody has it."""
        found: Any = None if self._seen_as is None else self._seen_as()
        if found is None:
            found = _new(UninitializedBuffer if self.is_buffer else UninitializedParameter)
            found._op = ""
            if not self.is_buffer:
                found._held = self
            self._seen_as = weakref.ref(found)
            self._dress(found)
        return found

    def _dress(self, tensor: Any) -> None:
        """Give a tensor the class and the array that belong to it now."""
        waiting = self.array is None
        if self.is_buffer:
            tensor.__class__ = UninitializedBuffer if waiting else Tensor
        else:
            tensor.__class__ = UninitializedParameter if waiting else Parameter
        if not waiting:
            tensor._array = self.array

    def _store(self, data: Any, contexts: list[Any]) -> None:
        super()._store(data.as_np_ndarray(), contexts)

    def _keep(self, copies: list[Any]) -> None:
        super()._keep(copies)
        seen = None if self._seen_as is None else self._seen_as()
        if seen is not None:
            self._dress(seen)

    def hold(self, array: Any) -> None:
        """Live with an array that is there already, or a copy if it is not contiguous.

        Examples
        --------
        >>> from microlazy import np
        >>> from microlazy.dialects.torch.nn.parameter import Held
        >>> held = Held("weight", shape=(2,))
        >>> held.hold(np.ones(2))
        >>> held.tensor
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
        """
        if not numpy.asarray(array.detach()).flags.c_contiguous:
            array = array.copy()  # optimizers go through memory from one end to the other
        self._shape, self._dtype = tuple(array.shape), array.dtype
        if self.grad_req != "null" and array.grad_req in (None, "null"):
            array.attach_grad(self.grad_req)
        self._contexts, self._deferred_init = [array.context], None
        self._keep([array])

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_seen_as": None}


class Parameter(Tensor):
    """A tensor that a module learns. It becomes one of a module by being set as an attribute.

    Parameters
    ----------
    data : Tensor
        The first values; the memory is shared if it is contiguous.
    requires_grad : bool
        Whether it is learnt.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ("_held",)

    _held: GluonParameter

    def __new__(cls, data: Tensor, requires_grad: bool = True) -> Any:
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter takes a tensor, not {type(data).__name__}")
        if requires_grad and not data.is_floating_point():
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        array = data._array.detach()
        held = Held(
            "parameter",
            shape=array.shape,
            dtype=array.dtype,
            grad_req="write" if requires_grad else "null",
        )
        held.hold(array)
        return held.tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"

    @property
    def is_leaf(self) -> bool:
        """True: it is not computed."""
        return True

    def _is_variable(self) -> bool:
        return self._held.grad_req != "null"

    _is_tracked = _is_variable

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Learn it from now on, or not."""
        self._held.grad_req = "write" if requires_grad else "null"
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, without the graph; set to change the values, whatever their shape."""
        return self.detach()

    @data.setter
    def data(self, values: Tensor) -> None:
        array = values._array.detach()
        if isinstance(self._held, Held):
            self._held.hold(array)
        else:
            self._held.set_data(array)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        held = copy.deepcopy(self._held, memo)
        return face(held)

    def __reduce__(self) -> Any:
        return face, (self._held,)


class _Live:
    """The array of a parameter of Gluon, whatever it is replaced by."""

    def __get__(self, instance: Any, cls: type) -> Any:
        if instance is None:
            return self
        return instance._held.data().as_np_ndarray()


class BorrowedParameter(Parameter):
    """PyTorch's face of a parameter of a Gluon block."""

    __slots__ = ()

    _array = _Live()

    @property
    def _leaf(self) -> Any:
        return self._held.data()

    def __repr__(self) -> str:
        if self._held.array is None:
            return "<UninitializedParameter>"
        return super().__repr__()


_UNREADY = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
    "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
    "Call `forward` to initialize the parameters before accessing their attributes."
)


class _Missing:
    """Stands for the array of a parameter that has none yet."""

    def __get__(self, instance: Any, cls: type) -> Any:
        if instance is None:
            return self
        raise ValueError(
            "Attempted to use an uninitialized parameter. This error happens when you are using a "
            "`LazyModule` or explicitly manipulating `torch.nn.parameter.UninitializedParameter` "
            "objects. When using LazyModules Call `forward` with a dummy batch to initialize the "
            "parameters before calling torch functions"
        )


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known yet; it becomes a `Parameter` with the first data.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> layer = nn.LazyLinear(3)
    >>> weight = layer.weight
    >>> weight
    <UninitializedParameter>
    >>> _ = layer(torch.ones(1, 2))
    >>> weight.shape, type(weight).__name__
    (torch.Size([3, 2]), 'Parameter')
    """

    __slots__ = ()

    _array = _Missing()

    def __new__(cls, requires_grad: bool = True) -> Any:
        return Held("parameter", grad_req="write" if requires_grad else "null").tensor

    def __repr__(self) -> str:
        return "<UninitializedParameter>"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    @property
    def shape(self) -> Size:
        """Not known yet."""
        raise RuntimeError(_UNREADY)

    @property
    def dtype(self) -> _dtypes.dtype:
        """The data type that it will have."""
        return _dtypes.ALL[numpy.dtype(self._held.dtype).name]

    def _gradient(self) -> None:
        return None  # nothing was computed of it

    def materialize(self, shape: tuple[int, ...]) -> None:
        """Become a parameter of a shape; its values are zeros.

        Examples
        --------
        >>> from microlazy.dialects.torch import nn
        >>> weight = nn.UninitializedParameter()
        >>> weight.materialize((2,))
        >>> weight
        Parameter containing:
        tensor([0., 0.], requires_grad=True)
        """
        self._held.settle(tuple(shape), "materialize()")
        self._held.initialize("zeros")


class UninitializedBuffer(Tensor):
    """A buffer whose shape is not known yet; it becomes a `Tensor` with the first data.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> nn.LazyBatchNorm1d().running_mean
    <UninitializedBuffer>
    """

    __slots__ = ()

    _array = _Missing()

    def __repr__(self) -> str:
        return "<UninitializedBuffer>"

    @property
    def shape(self) -> Size:
        """Not known yet."""
        raise RuntimeError(_UNREADY)


def face(held: Any) -> Any:
    """PyTorch's face of a parameter of Gluon.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> from microlazy.dialects.torch.nn.parameter import face
    >>> face(nn.Dense(3).weight)
    <UninitializedParameter>
    """
    if isinstance(held, Held):
        return held.tensor
    if held.grad_req == "null" and held.array is not None:
        return wrap(held.array.as_np_ndarray())
    tensor = _new(BorrowedParameter)
    tensor._held, tensor._op = held, ""
    return tensor


def is_waiting(tensor: Tensor) -> bool:
    """Whether a tensor is a parameter that has no values yet.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> from microlazy.dialects.torch.nn.parameter import is_waiting
    >>> is_waiting(nn.LazyLinear(2).weight)
    True
    """
    if isinstance(tensor, Parameter):
        return tensor._held.array is None
    return isinstance(tensor, UninitializedBuffer)
