"""What the layers share: errors that name the layer, sizes taken from inputs, checked arguments."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from operator import index
from typing import Any

from ...base import MXNetError, ShapeError
from ...core.tensor import Tensor
from ...foreign import nearest
from ...initializer import ArgumentError
from ...ops.checks import LARGEST
from ...util import is_np_shape
from ..block import HybridBlock
from ..block.hybrid import need_array
from ..block.tree import where
from ..parameter import Parameter
from ..parameter.shapes import fits

Shape = tuple[int, ...]

# For each number of spatial axes, the layouts with the channels second and last.
LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}


MOST = 2**48  # of what an array may have along an axis; the products with gates stay in 64 bits


class Layer(HybridBlock):
    """A hybrid block whose errors say which layer refused what.

    A class that defines `hybrid_forward` says ``forward = Layer.forward`` too.
    """

    def forward(self, x: Any, *args: Any) -> Any:
        try:
            return HybridBlock.forward(self, x, *args)
        except (AttributeError, MXNetError, TypeError, ValueError) as error:
            if self.name in str(error):
                raise
            need_array(self, x)
            self.infer_shape(x, *args)  # says more of a size that does not fit
            raise type(error)(f"{where(self)}: {error}") from error

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        """Find the unknown sizes of the layer's own parameters from its inputs.

        Parameters
        ----------
        x : Tensor
            The input, abstract or not.
        *args : Tensor
            Further inputs.

        Raises
        ------
        ShapeError
            If the input does not suit the layer, or another size was known before.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> layer = nn.Conv2D(8, kernel_size=3)
        >>> layer.infer_shape(nd.ones((1, 3, 5, 5)))
        >>> layer.weight.shape
        (8, 3, 3, 3)
        """

    def _declare(self, name: str, shape: Shape, init: Any, **options: Any) -> Parameter:
        """A parameter whose sizes may be found later; 0 stands for an unknown one."""
        return self.params.get(name, shape=shape, init=init, allow_deferred_init=True, **options)

    def _settle(self, x: Tensor, *found: tuple[Parameter | None, Shape]) -> None:
        """Give parameters the shapes that an input asks for."""
        for parameter, shape in found:
            if parameter is not None and not fits(shape, sizes_known(parameter)):
                raise ShapeError(
                    f"{where(self)} does not take an input of shape {x.shape}: its "
                    f"{self._role(parameter)} would need shape {shape}, but has "
                    f"{parameter.shape}. The known size: {parameter.why}."
                )
        for parameter, shape in found:
            if parameter is not None and sizes_known(parameter) != shape:
                parameter.settle(shape, f"inferred from the first input {x.shape}")

    def _role(self, parameter: Parameter) -> str:
        return next(name for name, p in self._reg_params.items() if p is parameter)

    def _size_along(self, x: Tensor, axis: int, ndim: int | None = None) -> int:
        """The input's size along an axis, refusing 0 and another number of axes than `ndim`."""
        if ndim is not None and x.ndim != ndim:
            raise ShapeError(
                f"{where(self)} takes an input of {ndim} axes, but got shape {x.shape}"
            )
        if not -x.ndim <= axis < x.ndim:
            raise ShapeError(
                f"{where(self)} works along axis {axis}, but the input has shape {x.shape}"
            )
        size = x.shape[axis]
        if not size:
            raise ShapeError(
                f"{where(self)} needs an input with elements along axis {axis}, but got shape "
                f"{x.shape}"
            )
        return size


def sizes_known(parameter: Parameter) -> Shape:
    """The shape of a layer's parameter, with 0 for what is unknown."""
    return tuple(max(size, 0) for size in parameter.shape)


def shown_size(size: int) -> int | None:
    """A size as MXNet prints it: None for an unknown one, and -1 under `npx.set_np()`."""
    if size > 0:
        return size
    return -1 if is_np_shape() else None


def given_source(name: str, size: int, *parameters: Parameter | None) -> None:
    """Note that a parameter's size was given when its layer was made."""
    for parameter in parameters:
        if size and parameter is not None:
            parameter.settle(sizes_known(parameter), f"{name}={size} given when the layer was made")


def size_of(layer: str, name: str, given: Any, least: int) -> int:
    """An integer argument; -1 and None stand for an unknown size where 0 does."""
    if least == 0 and (given is None or given == -1):
        return 0
    try:
        size = index(given)
    except TypeError:
        size = least - 1
    if not least <= size <= MOST:
        raise ArgumentError(
            f"{layer}: {name} must be an integer of at least {least}, but got {given!r}"
            + (", which is larger than any memory" if size > MOST else "")
        )
    return size


def sizes_of(layer: str, name: str, given: Any, count: int, least: int) -> Shape:
    """An integer for each of `count` axes, from one for all or from a sequence."""
    numbers = given if isinstance(given, Sequence) else (given,) * count
    try:
        sizes = tuple(index(number) for number in numbers)
    except TypeError:
        sizes = ()
    if len(sizes) != count or not all(least <= size <= LARGEST for size in sizes):
        raise ArgumentError(
            f"{layer}: {name} must be an integer of at least {least} and below 2**31, or {count} "
            f"of them, but got {given!r}"
        )
    return sizes


def fraction_of(layer: str, name: str, given: Any) -> float:
    """A number from 0 to 1."""
    if not isinstance(given, Real) or not 0 <= float(given) <= 1:
        raise ArgumentError(f"{layer}: {name} must be a number from 0 to 1, but got {given!r}")
    return given  # type: ignore[return-value]


def choice_of(layer: str, name: str, given: Any, known: Sequence[str]) -> str:
    """One of some names."""
    if given not in known:
        hint = nearest(given, known) if isinstance(given, str) else ""
        raise ArgumentError(
            f"{layer}: {name} must be one of {', '.join(map(repr, known))}, but got {given!r}{hint}"
        )
    return given
