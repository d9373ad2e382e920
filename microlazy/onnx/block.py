"""The block that an ONNX file becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from microlazy.base import MXNetError
from microlazy.core.array import ndarray
from microlazy.gluon.block.symbol import SymbolBlock
from microlazy.gluon.block.tree import where
from microlazy.symbol import Symbol

__all__ = ["ONNXBlock"]


class ONNXBlock(SymbolBlock):
    """A network made of an ONNX file: what `mx.onnx.load` returns.

    Parameters
    ----------
    outputs : Symbol
    inputs : list of Symbol
        The variables that it takes; some may be of no effect.
    metadata : dict of str to str
        What the file says about itself.

    Attributes
    ----------
    metadata : dict of str to str
        As given; `export_onnx` writes it again.

    Examples
    --------
    >>> from microlazy import nd, sym
    >>> from microlazy.onnx.block import ONNXBlock
    >>> x, unused = sym.var("x"), sym.var("y")
    >>> ONNXBlock(x * 2, [x, unused], {})(nd.ones(1), nd.zeros(3)).asnumpy()
    array([2.], dtype=float32)
    """

    def __init__(
        self, outputs: Symbol, inputs: Sequence[Symbol], metadata: Mapping[str, str]
    ) -> None:
        used = outputs.list_inputs()
        self._names = [x.name or "" for x in inputs]
        self._places = [i for i, name in enumerate(self._names) if name in used]
        if not self._places:
            raise MXNetError("its outputs depend on no input")
        super().__init__(outputs, [inputs[i] for i in self._places])
        self.metadata = dict(metadata)

    def forward(self, x: Any, *args: Any) -> Any:
        found = super().forward(*self._used(x, *args))
        if isinstance(x, ndarray):
            return found
        if isinstance(found, list):
            return [output.as_nd_ndarray() for output in found]
        return found.as_nd_ndarray()

    def hybrid_forward(self, F: Any, x: Any, *args: Any, **parameters: Any) -> Any:
        if not isinstance(x, Symbol):
            return self.forward(x, *args)
        return super().hybrid_forward(F, *self._used(x, *args), **parameters)

    def infer_shape(self, *args: Any) -> None:
        super().infer_shape(*self._used(*args))

    def _used(self, *args: Any) -> list[Any]:
        if len(args) != len(self._names):
            raise ValueError(
                f"{where(self)} takes {len(self._names)} inputs, {', '.join(self._names)}, but got "
                f"{len(args)}"
            )
        return [args[i] for i in self._places]
