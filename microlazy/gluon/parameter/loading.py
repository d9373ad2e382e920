"""Loaded values for many parameters at once."""

from __future__ import annotations

from collections.abc import Mapping

from ...context import Context
from ...core.tensor import Tensor
from ...initializer import ArgumentError
from .parameter import Parameter


def load_arrays(
    params: Mapping[str, Parameter],
    loaded: Mapping[str, Tensor],
    source: str,
    ctx: Context | list[Context] | None = None,
    allow_missing: bool = False,
    ignore_extra: bool = False,
    cast_dtype: bool = False,
    dtype_source: str = "current",
) -> None:
    """Give parameters the loaded values of the same names; all of them, or on an error none.

    Parameters
    ----------
    params : dict of str to Parameter
        Parameters by name or path. One that has several names needs a value for one of them.
    loaded : dict of str to Tensor
        Values.
    source : str
        Where they came from, for the error messages.
    ctx, allow_missing, ignore_extra, cast_dtype, dtype_source
        As for :meth:`ParameterDict.load`.

    Raises
    ------
    ArgumentError
        If names or data types do not fit.
    ParameterShapeError
        If a shape does not fit.

    Examples
    --------
    >>> import microlazy as mx
    >>> weight = mx.gluon.Parameter("weight")
    >>> values = {"0.weight": mx.nd.ones((2,))}
    >>> mx.gluon.parameter.load_arrays({"0.weight": weight}, values, "an example")
    >>> weight.data().asnumpy()
    array([1., 1.], dtype=float32)
    """
    pairs = [(params[name], value) for name, value in loaded.items() if name in params]
    present = {param for param, _ in pairs}
    for name, param in params.items():
        if param not in present and not allow_missing:
            from ..utils import _brief_print_list  # seldom needed

            raise ArgumentError(
                f"Parameter '{name}' is missing in {source}, which contains parameters: "
                f"{_brief_print_list(loaded)}. Please make sure source and target networks have "
                "the same prefix, or set allow_missing=True to leave it as it is."
            )
    for name in loaded:
        if name not in params and not ignore_extra:
            from ..utils import _brief_print_list

            raise ArgumentError(
                f"Parameter '{name}' loaded from {source} is not present in ParameterDict, "
                f"choices are: {_brief_print_list(params)}. Set ignore_extra=True to ignore. "
                "Please make sure source and target networks have the same prefix."
            )
    for param, value in pairs:
        param.check_values(value, ctx, cast_dtype, dtype_source)
    for param, value in pairs:
        param.load_values(value, ctx, cast_dtype, dtype_source)
