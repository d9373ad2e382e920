"""Updates of one parameter, as functions: what the rules of `mx.optimizer` do to each.

The new weight is returned, or written into `out=` (usually the weight itself). States such as a
momentum are changed in place.
"""

import ast
import sys
from collections.abc import Callable
from typing import Any

import numpy

from microlazy.base import ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.optimizers import RULES
from microlazy.core.rules import Rule
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import REQUIRED, bind, op, signature_of

# A limit of zero limits to zero here, where an optimizer takes it for none.
_ZERO = sys.float_info.min * sys.float_info.epsilon

_DOC = """Return the weight after {summary}.

    It computes, with the arguments::

{formula}

    A limit of `clip` below zero limits nothing.

    Parameters
    ----------
    weight, grad : NDArray
        Of the same shape.
    {states}lr : float
        The learning rate; behind it {numbers}.

    Raises
    ------
    ShapeError
        If the shapes are not the same. Nothing is changed then.

    Examples
    --------
    >>> from microlazy import nd
    >>> w = nd.ones((2,))
    >>> nd.{name}(w, {example}lr=0.5, out=w).shape
    (2,)
    """


def _update(rule: Rule) -> Callable[..., NDArray]:
    """Make the function of a rule: of the weight, the gradient, the states and the numbers."""
    call: Any = ast.parse(f"def {rule.function}: ...").body[0]
    names = [each.arg for each in call.args.args]
    numbers = dict(zip(names[1:], map(ast.literal_eval, call.args.defaults), strict=True))
    arrays = ["weight", "grad", *rule.states]
    signature = signature_of(dict.fromkeys([*arrays, "lr"], REQUIRED) | numbers)

    def function(*args: Any, **kwargs: Any) -> NDArray:
        given = bind(call.name, signature, args, kwargs)
        weight, grad, *states = (_operand(call.name, name, given) for name in arrays)
        program = rule.function_program
        limits = {name: given[name] or _ZERO for name in rule.parsed.bounds}
        values = given | limits
        program.run(
            [weight],
            [grad],
            states,
            (values["lr"], values["wd"], *(values[name] for name in program.inputs)),
            [1.0],
            [1.0],
            [0],
            given.get("t", 0),
        )
        for name, state in zip(rule.states, states, strict=True):
            _f.write_into(given[name], state)
        return _f.as_dtype(weight, given["weight"].dtype)

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = call.name
    function.__doc__ = _DOC.format(
        name=call.name,
        summary=rule.summary,
        formula="\n".join(f"        {line}" for line in rule.formula.splitlines()),
        states=f"{', '.join(rule.states)} : NDArray\n        Changed in place.\n    "
        if rule.states
        else "",
        numbers=", ".join(f"`{name}`" for name in numbers),
        example="nd.ones((2,)), " * (1 + len(rule.states)) + ("t=1, " if "t" in numbers else ""),
    )
    return op(function)


def _operand(function: str, name: str, given: dict[str, Any]) -> Any:
    """Return a copy of an array that a rule can work on."""
    array, weight = given[name], given["weight"]
    for each in (array, weight):
        if not isinstance(each, Tensor):
            raise TypeError(f"{function}: {name} must be an array, not {type(each).__name__}")
    if array.shape != weight.shape:
        raise ShapeError(
            f"{function}: {name} has shape {array.shape}, but the weight has shape {weight.shape}"
        )
    wide = numpy.float64 if weight.dtype == numpy.float64 else numpy.float32
    copy = _f.new_array(_f.face_of(array), array.shape, wide)
    return _f.write_into(copy, _f.detach(array))


_MADE = {made.__name__: made for made in (_update(rule) for rule in RULES if rule.function)}
globals().update(_MADE)

__all__ = [*_MADE]
