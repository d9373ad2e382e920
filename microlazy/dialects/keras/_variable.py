"""Variable: a Gluon parameter as Keras shows it, its axes in Keras' order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from ...core.planning import Unplannable, is_building
from ...core.tensor import Tensor
from ...gluon.block.tree import Tree, ancestors
from ...gluon.parameter import Parameter
from ...gluon.parameter.parameter import to_numpy
from ..initializers import Axes, from_order, in_order


class Variable:
    """A weight of a layer: a view of a parameter of Gluon.

    Parameters
    ----------
    parameter : gluon.Parameter
        What it shows.
    name : str
        Its name in the layer, such as ``'kernel'``.
    owner : Block
        The layer.
    axes : tuple of int or None
        The parameter's axes in the order that Keras has; None if they are the same.

    Notes
    -----
    It takes part in arithmetic as an array does, and gradients flow to the parameter.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.keras import layers
    >>> layer = layers.Dense(3)
    >>> _ = layer(np.ones((2, 4)))
    >>> layer.kernel.shape, layer.weight.shape
    ((4, 3), (3, 4))
    """

    __array_priority__ = 1000  # in arithmetic with an array, this side answers

    def __new__(cls, *given: Any, **options: Any) -> Variable:
        if options or (given and not isinstance(given[0], Parameter)):  # a copy is made of nothing
            raise TypeError(
                "Variable shows a weight of a layer, and is not made of values: write "
                "layer.add_weight(), or an array that a GradientTape watches"
            )
        return super().__new__(cls)

    def __init__(self, parameter: Parameter, name: str, owner: Tree, axes: Axes = None) -> None:
        self.parameter = parameter
        self.name = name
        self._owner = owner
        self.axes = axes

    @property
    def array(self) -> Tensor | None:
        """What the parameter has of values; for Gluon's layers."""
        return self.parameter.array

    @property
    def value(self) -> Any:
        """The values as an array on the tape."""
        return self.in_keras_order(self.parameter.data())

    def in_keras_order(self, array: Any) -> Any:
        """An array of the parameter's shape with its axes in Keras' order."""
        return in_order(array, self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in Keras' order."""
        shape = self.parameter.shape
        return shape if self.axes is None else tuple(shape[axis] for axis in self.axes)

    @property
    def dtype(self) -> str:
        """The name of the dtype."""
        return onp.dtype(self.parameter.dtype).name

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return self.parameter.grad_req != "null"

    @property
    def path(self) -> str:
        """Its name after those of all layers around, such as ``'sequential/dense/kernel'``."""
        around = [block.name for block in ancestors(self._owner)]
        return "/".join([*reversed(around), self._owner.name, self.name])

    def numpy(self) -> onp.ndarray:
        """The values as an array of NumPy's."""
        return self.in_keras_order(self.parameter.data().asnumpy())

    def assign(self, value: Any) -> Variable:
        """Set the values.

        Parameters
        ----------
        value : array
            Of the variable's shape.

        Raises
        ------
        ValueError
            If the shape is another.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers
        >>> layer = layers.Dense(2)
        >>> layer.build((None, 1))
        >>> layer.kernel.assign([[1, 2]]).numpy()
        array([[1., 2.]], dtype=float32)
        """
        if is_building():
            raise Unplannable(f"it changes the variable {self.path}")
        values = to_numpy(getattr(value, "value", value))
        if values.shape != self.shape:
            raise ValueError(
                "The shape of the target variable and the shape of the target value in "
                f"`variable.assign(value)` must match. variable.shape={self.shape}, Received: "
                f"value.shape={values.shape}. Target variable: {self.path}"
            )
        self.parameter.set_data(from_order(values, self.axes))
        return self

    def take_grad(self, grad: Any) -> None:
        """Let the parameter's gradient be this one, as a backward pass would.

        Parameters
        ----------
        grad : array
            Of the variable's shape.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        if tuple(grad.shape) != self.shape:
            raise ValueError(
                f"the gradient of {self.path} must have shape {self.shape}, but has "
                f"{tuple(grad.shape)}"
            )
        self.parameter.grad()[...] = from_order(grad, self.axes)
        self.parameter.data().fresh_grad = True

    def assign_add(self, value: Any) -> Variable:
        """Add to the values."""
        return self.assign(self.numpy() + to_numpy(value))

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from the values."""
        return self.assign(self.numpy() - to_numpy(value))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> onp.ndarray:
        return onp.asarray(self.numpy(), dtype=dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        known = f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}"
        return known + (f", value={self.numpy()}>" if self.array is not None else ">")


def unwrapped(x: Any) -> Any:
    """The array of a variable; anything else as it is."""
    return x.value if isinstance(x, Variable) else x


def _operator(name: str) -> Callable[..., Any]:
    def call(self: Variable, *args: Any) -> Any:
        return getattr(self.value, name)(*map(unwrapped, args))

    call.__name__ = name
    return call


for _name in ["add", "sub", "mul", "truediv", "pow", "matmul"]:
    for _method in (f"__{_name}__", f"__r{_name}__"):
        setattr(Variable, _method, _operator(_method))
for _name in ["neg", "abs", "getitem", "lt", "le", "gt", "ge"]:
    setattr(Variable, f"__{_name}__", _operator(f"__{_name}__"))


class Named:
    """A layer's parameter under Keras' name: read as a `Variable`, set as Gluon sets it.

    Where both have the same name, as for a bias, this stands in the place of Gluon's attribute.
    """

    def __init__(self, name: str, attribute: str, axes: Axes) -> None:
        self.name, self.attribute, self.axes = name, attribute, axes

    def __get__(self, layer: Any, cls: type) -> Any:
        if layer is None:
            return self
        shown = layer.__dict__.get("_shown")
        found = None if shown is None else shown.get(self.name)
        return self._show(layer) if found is None else found

    def __set__(self, layer: Any, value: Any) -> None:
        layer.__dict__.setdefault("_shown", {}).pop(self.name, None)

    def _show(self, layer: Any) -> Variable | None:
        parameter = layer._reg_params.get(self.attribute)
        if parameter is None:
            return None
        variable = Variable(parameter, self.name, layer, self.axes)
        layer.__dict__.setdefault("_shown", {})[self.name] = variable
        return variable
