"""Automatic differentiation: what is recorded, and how gradients are computed."""

from typing import TYPE_CHECKING, Any

from microlazy.core.differentiation import backward, grad, mark_variables
from microlazy.core.ops.custom import recorded as _recorded
from microlazy.core.scopes import (
    is_recording,
    is_training,
    pause,
    predict_mode,
    record,
    set_recording,
    set_training,
    train_mode,
)
from microlazy.core.tensor import Tensor

__all__ = [
    "Function",
    "backward",
    "grad",
    "is_recording",
    "is_training",
    "mark_variables",
    "pause",
    "predict_mode",
    "record",
    "set_recording",
    "set_training",
    "train_mode",
]


class Function:
    """A function with a gradient of your own.

    Derive a class with `forward`, which computes the outputs from arrays, and `backward`, which
    computes the gradient of each input from those of the outputs. Neither is recorded; only under
    ``grad(create_graph=True)`` backward is, so that it can be differentiated again. An instance
    serves one call.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> class Clipped(autograd.Function):      # the gradient passes where the values are cut
    ...     def forward(self, x):
    ...         return nd.clip(x, 0, 1)
    ...     def backward(self, dy):
    ...         return dy
    >>> x = nd.array([0.5, 3.0])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = Clipped()(x)
    >>> y.backward()
    >>> y.asnumpy(), x.grad.asnumpy()
    (array([0.5, 1. ], dtype=float32), array([1., 1.], dtype=float32))
    """

    saved_tensors: tuple[Any, ...] = ()
    _used = False

    def forward(self, *inputs: Any) -> Any:
        """Compute the outputs: an array, or a list or tuple of arrays."""
        raise NotImplementedError(f"{type(self).__name__} needs a forward method")

    def backward(self, *output_grads: Any) -> Any:
        """Compute the gradient of each input from the gradients of the outputs."""
        raise NotImplementedError(f"{type(self).__name__} needs a backward method")

    def save_for_backward(self, *args: Any) -> None:
        """Keep arrays for `backward`, which finds them in `saved_tensors`.

        Under ``create_graph``, inputs and outputs are differentiated through, other arrays not.
        """
        self.saved_tensors = args

    def __call__(self, *inputs: Any) -> Any:
        """Run `forward`, and put the outputs on the tape with `backward`."""
        if self._used:
            raise AssertionError(
                f"this {type(self).__name__} was called already: an instance keeps the arrays of "
                "one call, so make another"
            )
        self._used = True
        for x in inputs:
            if not isinstance(x, Tensor):
                raise TypeError(
                    f"{type(self).__name__}: the inputs must be arrays, not {type(x).__name__}"
                )
        try:
            with pause(is_training()):
                outputs = self.forward(*inputs)
        except BaseException:
            self._used, self.saved_tensors = False, ()
            raise
        if not isinstance(outputs, (list, tuple)):
            return self._recorded(inputs, [outputs])[0]
        results = self._recorded(inputs, list(outputs))
        kind = type(outputs)
        return kind(*results) if hasattr(kind, "_fields") else kind(results)

    def _recorded(self, inputs: tuple[Any, ...], outputs: list[Any]) -> list[Any]:
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"{type(self).__name__}.forward must return arrays, not {type(y).__name__}"
                )
        return _recorded(self, list(inputs), outputs)


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from .foreign import missing

        raise missing(__name__, name, __all__)
