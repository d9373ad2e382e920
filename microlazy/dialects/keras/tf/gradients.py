"""GradientTape: what is computed within it can be gone back through."""

from __future__ import annotations

from typing import Any, Self

from .... import autograd
from .._variable import Variable


class GradientTape:
    """Records what is computed within a ``with``; layers do not train in it unless told to.

    Parameters
    ----------
    persistent : bool
        Whether `gradient` may be called more than once.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> x = tf.constant([1.0, 2.0])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = tf.reduce_sum(x * x)
    >>> tape.gradient(y, x)
    array([2., 4.])
    """

    def __init__(self, persistent: bool = False) -> None:
        self._persistent = persistent
        self._scope: Any = None

    def __enter__(self) -> Self:
        self._scope = autograd.record(train_mode=autograd.is_training())
        self._scope.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._scope.__exit__(*exc)

    def watch(self, tensor: Any) -> None:
        """Let gradients lead to an array.

        Parameters
        ----------
        tensor : array
            The array; variables of layers are watched in any case.
        """
        if not isinstance(tensor, Variable):
            tensor.attach_grad()

    def gradient(self, target: Any, sources: Any) -> Any:
        """The gradient of a number, or of the sum of an array.

        Parameters
        ----------
        target : array
            What was computed.
        sources : array, Variable, or list of these
            What it was computed from.

        Returns
        -------
        array or list of array
            In the shapes of the sources.

        Raises
        ------
        ValueError
            If a source did not lead to the target.
        """
        several = isinstance(sources, list | tuple)
        asked = list(sources) if several else [sources]
        arrays = [s.parameter.data() if isinstance(s, Variable) else s for s in asked]
        grads = autograd.grad(target, arrays, retain_graph=self._persistent)
        found = [
            source.in_keras_order(grad) if isinstance(source, Variable) else grad
            for source, grad in zip(asked, grads, strict=True)
        ]
        return found if several else found[0]
