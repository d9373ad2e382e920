"""Updates of one parameter, as functions: what the rules of `mx.optimizer` do to each.

The new weight is returned, or written into `out=` (usually the weight itself). States such as a
momentum are changed in place.
"""

import ast
import inspect
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from microlazy.base import ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.optimizers import RULES
from microlazy.core.rules import Rule
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import REQUIRED, bind, need_arrays, op, signature_of

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
    {states}{numbers} : float
        Numbers, or arrays of one.

    Raises
    ------
    ShapeError
        If the shapes are not the same. Nothing is changed then.

    Examples
    --------
    >>> from microlazy import nd
    >>> w = nd.ones((2,))
    >>> {place}.{name}(w, {example}, out=w).shape
    (2,)
    """


def _update(rule: Rule, mixed: bool = False) -> Callable[..., NDArray]:
    """Make the function of a rule: of the weight, the gradient, the states and the numbers.

    A mixed one has a float32 copy of the weight too, and works on that.
    """
    call: Any = ast.parse(f"def {rule.function}: ...").body[0]
    name = f"mp_{call.name}" if mixed else call.name
    numbers = [each.arg for each in call.args.args]
    defaults = dict(zip(reversed(numbers), map(ast.literal_eval, reversed(call.args.defaults))))  # noqa: B905
    arrays = ["weight", "grad", *rule.states, *(["weight32"] if mixed else [])]
    signature = signature_of(
        dict.fromkeys(arrays, REQUIRED) | {n: defaults.get(n, REQUIRED) for n in numbers}
    )
    gives_step = "lr" not in numbers  # and not a weight
    changed = [*rule.states, *(["weight32"] if mixed and not gives_step else [])]

    def function(*args: Any, **kwargs: Any) -> NDArray:
        given = bind(name, signature, args, kwargs)
        values = {each: _number(name, each, given[each]) for each in numbers}
        target = "weight32" if mixed else "weight"
        weight = _operand(name, target, given, target)
        grad, *states = (_operand(name, each, given, target) for each in ("grad", *rule.states))
        # A gradient without a scale, as of a loss that overflowed, makes no step.
        scale = values.get("rescale_grad", 1.0)
        if "eta" in values and (scale == 0 or not math.isfinite(scale)):
            return given["weight"].copy()
        _step(rule.function_program, rule, weight, grad, states, values)
        for each, array in zip(changed, [*states, weight], strict=False):
            _f.write_into(given[each], array)
        return weight if mixed and gives_step else _f.as_dtype(weight, given["weight"].dtype)

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    place = "nd.contrib" if call.name in _CONTRIB else "nd"
    example = ["nd.ones((2,))"] * (len(arrays) - 1) + ["lr=0.5"] * ("lr" in numbers)
    example += ["rescale_grad=1.0", "eta=1.0"] * ("eta" in numbers)
    example += ["t=1"] * ("t" in numbers)
    summary = rule.summary + (", made on a float32 copy of it" if mixed else "")
    function.__doc__ = _DOC.format(
        name=name,
        place=place,
        summary=summary,
        formula="\n".join(f"        {line}" for line in rule.formula.splitlines()),
        states=f"{', '.join(changed)} : NDArray\n        Changed in place.\n    "
        if changed
        else "",
        numbers=", ".join(numbers),
        example=", ".join(example),
    )
    return op(function)


def _step(
    program: Any, rule: Rule, weight: Any, grad: Any, states: list[Any], given: dict[str, Any]
) -> None:
    """Run a rule on arrays of one dtype."""
    limits = {name: given[name] or _ZERO for name in rule.parsed.bounds if name in given}
    values = given | limits
    numbers = (values.get("lr", 0.0), values.get("wd", 0.0))
    numbers += tuple(values[name] for name in program.inputs)
    program.run([weight], [grad], states, numbers, [1.0], [1.0], [0], int(given.get("t", 0)))


def _number(function: str, name: str, value: Any) -> float:
    if not isinstance(value, Tensor):
        return value
    if value.size != 1:
        raise ShapeError(f"{function}: {name} must be one number, not an array of {value.shape}")
    return value.asscalar()


def _operand(function: str, name: str, given: dict[str, Any], target: str = "weight") -> Any:
    """Return a copy of an array that a rule can work on."""
    array, weight = given[name], given[target]
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


# ---- LAMB's second part --------------------------------------------------------------------------

_SCALED = Rule("weight -= lr * ratio(clip(maximum(r1, lower_bound), upper_bound), r2) * grad")


def _phase2(function: str, given: dict[str, Any], target: str) -> Any:
    values = {
        name: _number(function, name, given[name])
        for name in ("r1", "r2", "lr", "lower_bound", "upper_bound")
    }
    weight = _operand(function, target, given, target)
    _step(_SCALED.program, _SCALED, weight, _operand(function, "g", given, target), [], values)
    return weight


@op
def lamb_update_phase2(
    weight: NDArray,
    g: NDArray,
    r1: NDArray | float,
    r2: NDArray | float,
    lr: float,
    lower_bound: float = -1.0,
    upper_bound: float = -1.0,
) -> NDArray:
    """Return the weight after the second part of a step of LAMB (You et al. 2020, algorithm 2).

    It computes ``weight - lr * r1 / r2 * g``, where the quotient is 1 if a norm is zero.

    Parameters
    ----------
    weight : NDArray
    g : NDArray
        What `lamb_update_phase1` returned.
    r1, r2 : NDArray or float
        The norms of the weight and of `g`.
    lr : float
        The learning rate.
    lower_bound, upper_bound : float
        Limits of `r1`; below zero there is none.

    Raises
    ------
    ShapeError
        If the shapes are not the same.

    Examples
    --------
    >>> from microlazy import nd
    >>> w, g = nd.array([3, 4]), nd.array([0, 2])
    >>> nd.lamb_update_phase2(w, g, w.norm(), g.norm(), lr=0.5).asnumpy()
    array([3. , 1.5], dtype=float32)
    """
    return _f.as_dtype(_phase2("lamb_update_phase2", locals(), "weight"), weight.dtype)


@op
def mp_lamb_update_phase2(
    weight: NDArray,
    g: NDArray,
    r1: NDArray | float,
    r2: NDArray | float,
    weight32: NDArray,
    lr: float,
    lower_bound: float = -1.0,
    upper_bound: float = -1.0,
) -> NDArray:
    """Return the weight as `lamb_update_phase2` does, computed on its float32 copy.

    Parameters
    ----------
    weight, g, r1, r2, lr, lower_bound, upper_bound
        As in `lamb_update_phase2`.
    weight32 : NDArray
        The copy; changed in place.

    Examples
    --------
    >>> from microlazy import nd
    >>> w, g, copy = nd.ones(1, dtype="float16"), nd.ones(1), nd.ones(1)
    >>> nd.mp_lamb_update_phase2(w, g, copy.norm(), g.norm(), copy, lr=0.5).asnumpy()
    array([0.5], dtype=float16)
    """
    new = _phase2("mp_lamb_update_phase2", locals(), "weight32")
    _f.write_into(weight32, new)
    return _f.as_dtype(new, weight.dtype)


# ---- many weights --------------------------------------------------------------------------------

_MANY_DOC = """Return the weights of a list after a step of each, as by `{single}`.

    Parameters
    ----------
    *data : NDArray
        {order} of the first weight, then those of the second, and so on{behind}.
    {rates}num_weights : int
        How many weights there are.
    **options : float
        The other numbers of `{single}`, for all weights.

    Raises
    ------
    ValueError
        If the numbers of arrays, rates and weights do not agree. Nothing is changed then.

    Examples
    --------
    >>> from microlazy import nd
    >>> w = nd.ones((2,))
    >>> nd.{name}({example}, num_weights=1)[0].shape
    (2,)
    """
_RATES_DOC = """lrs, wds : sequence of float
        The learning rate and the weight decay of each weight.
    """


def _many(single: Callable[..., NDArray], preloaded: bool) -> Callable[..., list[NDArray]]:
    """Make the function that calls another for each of many weights."""
    arrays = [
        name
        for name in inspect.signature(single).parameters
        if name in ("weight", "grad", "mom", "weight32")
    ]
    each, full = len(arrays), f"multi_{single.__name__}"
    if preloaded:
        full = f"preloaded_{full}"

    def split(
        data: tuple[Any, ...], lrs: Any, wds: Any, num_weights: int, options: dict[str, Any]
    ) -> list[NDArray]:
        if len(data) != each * num_weights:
            raise ValueError(
                f"{full}: {num_weights} weights need {each * num_weights} arrays, {each} for each "
                f"({', '.join(arrays)}); got {len(data)}"
            )
        lrs, wds = _rates(full, "lrs", lrs, num_weights), _rates(full, "wds", wds, num_weights)
        return [
            single(*data[i * each : (i + 1) * each], lr=lrs[i], wd=wds[i], **options)
            for i in range(num_weights)
        ]

    if preloaded:

        def function(*data: Any, num_weights: int = 1, **options: Any) -> list[NDArray]:
            *data, lrs, wds = data  # type: ignore[assignment]
            return split(tuple(data), lrs, wds, num_weights, options)

    else:

        def function(  # type: ignore[misc]
            *data: Any, lrs: Any, wds: Any, num_weights: int = 1, **options: Any
        ) -> list[NDArray]:
            return split(data, lrs, wds, num_weights, options)

    one, rates = ", ".join(["w", *["nd.ones((2,))"] * (each - 1)]), "lrs=[0.5], wds=[0.0]"
    function.__name__ = function.__qualname__ = full
    function.__doc__ = _MANY_DOC.format(
        name=full,
        single=single.__name__,
        order=", ".join(arrays).capitalize(),
        behind=", and at the end two arrays: the learning rates and the weight decays"
        if preloaded
        else "",
        rates="" if preloaded else _RATES_DOC,
        example=f"{one}, {'nd.array([0.5]), nd.zeros(1)' if preloaded else rates}",
    )
    return op(function)


def _rates(function: str, name: str, rates: Any, count: int) -> list[float]:
    rates = rates.asnumpy().tolist() if isinstance(rates, Tensor) else list(rates)
    if len(rates) != count:
        raise ValueError(f"{function}: {count} weights need as many {name}, not {len(rates)}")
    return rates


def _lists(function: str, count: int, **lists: Any) -> list[list[Any]]:
    for name, given in lists.items():
        if len(given) != count:
            raise ValueError(f"{function}: {count} weights need as many {name}, not {len(given)}")
    return [list(given) for given in lists.values()]


@op
def multi_adamw_update(
    weights: Sequence[NDArray],
    grads: Sequence[NDArray],
    mean: Sequence[NDArray],
    var: Sequence[NDArray],
    rescale_grad: NDArray | float,
    lrs: Sequence[float],
    wds: Sequence[float],
    etas: Sequence[float],
    size: int = 0,
    **options: Any,
) -> list[NDArray]:
    """Return the weights of a list after a step of each, as by `adamw_update`.

    Parameters
    ----------
    weights, grads, mean, var : sequence of NDArray
    rescale_grad : NDArray or float
    lrs, wds, etas : sequence of float
        One for each weight.
    size : int
        Accepted as in MXNet.
    **options : float
        The other numbers of `adamw_update`.

    Raises
    ------
    ValueError
        If the lists differ in length.

    Examples
    --------
    >>> from microlazy import nd
    >>> w, g, m, v = ([nd.ones(2)] for _ in range(4))
    >>> nd.contrib.multi_adamw_update(w, g, m, v, 1.0, [0.5], [0.0], [1.0])[0].shape
    (2,)
    """
    lists = _lists("multi_adamw_update", len(weights), grads=grads, mean=mean, var=var, lrs=lrs,
                   etas=etas, wds=wds)  # fmt: skip
    return [
        _MADE["adamw_update"](w, g, m, v, rescale_grad, lr, eta, wd=wd, **options)
        for w, g, m, v, lr, eta, wd in zip(weights, *lists, strict=True)
    ]


@op
def multi_mp_adamw_update(
    weights: Sequence[NDArray],
    grads: Sequence[NDArray],
    mean: Sequence[NDArray],
    var: Sequence[NDArray],
    weights32: Sequence[NDArray],
    rescale_grad: NDArray | float,
    lrs: Sequence[float],
    wds: Sequence[float],
    etas: Sequence[float],
    size: int = 0,
    **options: Any,
) -> list[NDArray]:
    """Return the weights of a list after a step of each, as by `mp_adamw_update`.

    Parameters
    ----------
    weights, grads, mean, var, rescale_grad, lrs, wds, etas, size, **options
        As in `multi_adamw_update`.
    weights32 : sequence of NDArray
        The float32 copies of the weights; changed in place.

    Examples
    --------
    >>> from microlazy import nd
    >>> w, g, m, v, copy = ([nd.ones(2)] for _ in range(5))
    >>> nd.contrib.multi_mp_adamw_update(w, g, m, v, copy, 1.0, [0.5], [0.0], [1.0])[0].shape
    (2,)
    """
    lists = _lists("multi_mp_adamw_update", len(weights), grads=grads, mean=mean, var=var,
                   weights32=weights32, lrs=lrs, etas=etas, wds=wds)  # fmt: skip
    return [
        _MADE["mp_adamw_update"](w, g, m, v, w32, rescale_grad, lr, eta, wd=wd, **options)
        for w, g, m, v, w32, lr, eta, wd in zip(weights, *lists, strict=True)
    ]


def _lamb(
    weight: NDArray, grad: NDArray, mean: NDArray, var: NDArray, copy: NDArray | None, t: int,
    lr: float, wd: float, lower_bound: float = -1.0, upper_bound: float = -1.0, **options: Any,
) -> NDArray:  # fmt: skip
    """A step of LAMB of one weight."""
    limits = {"lr": lr, "lower_bound": lower_bound, "upper_bound": upper_bound}
    if copy is None:
        g = _MADE["lamb_update_phase1"](weight, grad, mean, var, t=t, wd=wd, **options)
        return lamb_update_phase2(weight, g, weight.norm(), g.norm(), **limits)
    g = _MADE["lamb_update_phase1"](copy, grad, mean, var, t=t, wd=wd, **options)
    return mp_lamb_update_phase2(weight, g, copy.norm(), g.norm(), copy, **limits)


@op
def multi_lamb_update(
    weights: Sequence[NDArray],
    grads: Sequence[NDArray],
    mean: Sequence[NDArray],
    var: Sequence[NDArray],
    step_count: Sequence[int],
    lrs: Sequence[float],
    wds: Sequence[float],
    num_tensors: int = 0,
    **options: Any,
) -> list[NDArray]:
    """Return the weights of a list after a step of LAMB of each (You et al. 2020, algorithm 2).

    Parameters
    ----------
    weights, grads, mean, var : sequence of NDArray
        The means and variances are changed in place.
    step_count : sequence of int
        The count of updates of each weight, from 1.
    lrs, wds : sequence of float
        One for each weight.
    num_tensors : int
        Accepted as in MXNet.
    **options : float
        The other numbers of `lamb_update_phase1` and `lamb_update_phase2`.

    Raises
    ------
    ValueError
        If the lists differ in length.

    Examples
    --------
    >>> from microlazy import nd
    >>> w, g, m, v = ([nd.ones(2)] for _ in range(4))
    >>> nd.contrib.multi_lamb_update(w, g, m, v, [1], [0.5], [0.0])[0].shape
    (2,)
    """
    lists = _lists("multi_lamb_update", len(weights), grads=grads, mean=mean, var=var,
                   step_count=step_count, lrs=lrs, wds=wds)  # fmt: skip
    return [
        _lamb(w, g, m, v, None, t, lr, wd, **options)
        for w, g, m, v, t, lr, wd in zip(weights, *lists, strict=True)
    ]


@op
def multi_mp_lamb_update(
    weights: Sequence[NDArray],
    grads: Sequence[NDArray],
    mean: Sequence[NDArray],
    var: Sequence[NDArray],
    weights32: Sequence[NDArray],
    step_count: Sequence[int],
    lrs: Sequence[float],
    wds: Sequence[float],
    num_tensors: int = 0,
    **options: Any,
) -> list[NDArray]:
    """Return the weights as `multi_lamb_update` does, computed on their float32 copies.

    Parameters
    ----------
    weights, grads, mean, var, step_count, lrs, wds, num_tensors, **options
        As in `multi_lamb_update`.
    weights32 : sequence of NDArray
        The copies; changed in place.

    Examples
    --------
    >>> from microlazy import nd
    >>> w, g, m, v, copy = ([nd.ones(2)] for _ in range(5))
    >>> nd.contrib.multi_mp_lamb_update(w, g, m, v, copy, [1], [0.5], [0.0])[0].shape
    (2,)
    """
    lists = _lists("multi_mp_lamb_update", len(weights), grads=grads, mean=mean, var=var,
                   weights32=weights32, step_count=step_count, lrs=lrs, wds=wds)  # fmt: skip
    return [
        _lamb(w, g, m, v, copy, t, lr, wd, **options)
        for w, g, m, v, copy, t, lr, wd in zip(weights, *lists, strict=True)
    ]


@op
def multi_lars(
    lrs: NDArray,
    weights_sum_sq: NDArray,
    grads_sum_sq: NDArray,
    wds: NDArray,
    eta: float,
    eps: float,
    rescale_grad: float = 1.0,
) -> NDArray:
    """Return the learning rates that LARS gives many weights (You et al. 2017, equation 6).

    Each is ``lr * eta * w / (rescale_grad * g + wd * w + eps)``, where w and g are the norms of
    the weight and of its gradient; or `lr`, where one of them is zero.

    Parameters
    ----------
    lrs, wds : NDArray
        The learning rate and the weight decay of each weight.
    weights_sum_sq, grads_sum_sq : NDArray
        The sums of squares of each weight and gradient, as by `multi_sum_sq`.
    eta, eps, rescale_grad : float

    Raises
    ------
    ShapeError
        If the arrays differ in shape.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.multi_lars(nd.ones(2), nd.array([4, 0]), nd.ones(2), nd.zeros(2), 0.25, 0.0).asnumpy()
    array([0.5, 1. ], dtype=float32)
    """
    given = (lrs, weights_sum_sq, grads_sum_sq, wds)
    if any(each.shape != lrs.shape for each in given):
        raise ShapeError(f"multi_lars: the arrays differ in shape: {[x.shape for x in given]}")
    rate, w, g, wd = (each.asnumpy().astype("float64") for each in given)
    w, g = numpy.sqrt(w), numpy.sqrt(g) * rescale_grad
    with numpy.errstate(divide="ignore", invalid="ignore"):
        trust = numpy.where((w > 0) & (g > 0), eta * w / (g + wd * w + eps), 1.0)
    return _f.from_numpy_result(_f.face_of(lrs), rate * trust, lrs.dtype)


def reset_arrays(*data: NDArray, num_arrays: int | None = None) -> None:
    """Fill arrays with zeros.

    Parameters
    ----------
    *data : NDArray
    num_arrays : int, optional
        How many there are.

    Raises
    ------
    ValueError
        If `num_arrays` is another number. Nothing is changed then.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.ones(2)
    >>> nd.reset_arrays(x, num_arrays=1)
    >>> x.asnumpy()
    array([0., 0.], dtype=float32)
    """
    need_arrays(data, num_arrays)
    for each in data:
        each[:] = 0


_CONTRIB = {"adamw_update"}
_MIXED = ("sgd_update", "sgd_mom_update", "nag_mom_update", "adamw_update", "lamb_update_phase1")
_MADE: dict[str, Callable[..., Any]] = {}
for _rule in RULES:
    if _rule.function:
        _of_one = _update(_rule)
        _MADE[_of_one.__name__] = _of_one
        if _of_one.__name__ in _MIXED:
            _MADE[f"mp_{_of_one.__name__}"] = _update(_rule, mixed=True)
for _name in ("sgd_update", "sgd_mom_update", "mp_sgd_update", "mp_sgd_mom_update"):
    for _preloaded in (False, True):
        _of_many = _many(_MADE[_name], _preloaded)
        _MADE[_of_many.__name__] = _of_many
CONTRIB: dict[str, Callable[..., Any]] = {
    name: made for name, made in _MADE.items() if name.removeprefix("mp_") in _CONTRIB
} | {
    made.__name__: made
    for made in (
        multi_adamw_update, multi_mp_adamw_update, multi_lamb_update, multi_mp_lamb_update,
    )
}  # fmt: skip
_OWN = {name: made for name, made in _MADE.items() if name not in CONTRIB}
globals().update(_OWN)

__all__ = [
    *_OWN,
    "lamb_update_phase2",
    "mp_lamb_update_phase2",
    "multi_lars",
    "reset_arrays",
]
