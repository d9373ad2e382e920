"""Updates of one parameter, as functions: what the optimizers of `mx.optimizer` do to each.

The new weight is returned, or written into `out=` (usually the weight itself). States such as a
momentum are changed in place.
"""

from collections.abc import Callable
from typing import Any

from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.ops.arguments import REQUIRED, bind, op, signature_of

Arrays = tuple[NDArray, ...]
_REST = {"wd": 0.0, "rescale_grad": 1.0, "clip_gradient": -1.0}


def _sqrt(x: NDArray) -> NDArray:
    return _f.unary_op("sqrt", x)


def _sign(x: NDArray) -> NDArray:
    return _f.unary_op("sign", x)


def _clipped(g: NDArray, limit: float) -> NDArray:
    return _f.clip(g, -limit, limit) if limit >= 0 else g


def _decayed(w: NDArray, g: NDArray, p: dict[str, Any]) -> NDArray:
    """The gradient, scaled and limited, with weight decay added."""
    return _clipped(g * p["rescale_grad"], p["clip_gradient"]) + p["wd"] * w


def _limited(w: NDArray, g: NDArray, p: dict[str, Any]) -> NDArray:
    """The gradient, scaled and with weight decay, limited then."""
    return _clipped(g * p["rescale_grad"] + p["wd"] * w, p["clip_gradient"])


def _sgd(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    return (w - p["lr"] * _decayed(w, g, p),)


def _sgd_mom(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    mom = p["momentum"] * states[0] - p["lr"] * _decayed(w, g, p)
    return w + mom, mom


def _nag_mom(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    g = _decayed(w, g, p)
    mom = p["momentum"] * states[0] - p["lr"] * g
    return w + p["momentum"] * mom - p["lr"] * g, mom


def _adam(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    g = _limited(w, g, p)
    mean = p["beta1"] * states[0] + (1 - p["beta1"]) * g
    var = p["beta2"] * states[1] + (1 - p["beta2"]) * g * g
    return w - p["lr"] * mean / (_sqrt(var) + p["epsilon"]), mean, var


def _bounded(w: NDArray, limit: float) -> NDArray:
    return _f.clip(w, -limit, limit) if limit >= 0 else w


def _rmsprop(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    g = _limited(w, g, p)
    n = p["gamma1"] * states[0] + (1 - p["gamma1"]) * g * g
    return _bounded(w - p["lr"] * g / _sqrt(n + p["epsilon"]), p["clip_weights"]), n


def _rmspropalex(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    g = _limited(w, g, p)
    n = p["gamma1"] * states[0] + (1 - p["gamma1"]) * g * g
    mean = p["gamma1"] * states[1] + (1 - p["gamma1"]) * g
    delta = p["gamma2"] * states[2] - p["lr"] * g / _sqrt(n - mean * mean + p["epsilon"])
    return _bounded(w + delta, p["clip_weights"]), n, mean, delta


def _ftrl(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    g = _clipped(g * p["rescale_grad"], p["clip_gradient"])
    n = states[1] + g * g
    z = states[0] + g - (_sqrt(n) - _sqrt(states[1])) / p["lr"] * w
    excess = _f.unary_op("relu", _f.unary_op("abs", z) - p["lamda1"])
    return -_sign(z) * excess / ((p["beta"] + _sqrt(n)) / p["lr"] + p["wd"]), z, n


def _ftml(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    g = _clipped(g * p["rescale_grad"] + p["wd"] * w, p["clip_grad"])
    beta1, beta2, t = p["beta1"], p["beta2"], p["t"]
    v = beta2 * states[1] + (1 - beta2) * g * g
    d = (1 - beta1**t) / p["lr"] * (_sqrt(v / (1 - beta2**t)) + p["epsilon"])
    z = beta1 * states[2] + (1 - beta1) * g - (d - beta1 * states[0]) * w
    return -z / d, d, v, z


def _signsgd(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    return ((1 - p["lr"] * p["wd"]) * w - p["lr"] * _sign(g),)


def _signum(w: NDArray, g: NDArray, states: Arrays, p: dict[str, Any]) -> Arrays:
    g = _clipped(g * p["rescale_grad"], p["clip_gradient"])
    mom = p["momentum"] * states[0] - (1 - p["momentum"]) * (p["wd"] * w + g)
    return (1 - p["lr"] * p["wd_lh"]) * w + p["lr"] * _sign(mom), mom


_DOC = """Return the weight after {summary}.

    Parameters
    ----------
    weight, grad : NDArray
    {states}lr : float
        The learning rate; behind it {parameters}.

    Examples
    --------
    >>> from microlazy import nd
    >>> w = nd.ones((2,))
    >>> nd.{name}(w, {example}lr=0.5, out=w).shape
    (2,)
    """


def _update(
    rule: Callable[..., Arrays],
    summary: str,
    states: str = "",
    parameters: dict[str, Any] | None = None,
    rest: dict[str, Any] | None = None,
) -> Callable[..., NDArray]:
    """Make the function of a rule: (weight, gradient, states, parameters) to new weight, states."""
    name = f"{rule.__name__.lstrip('_')}_update"
    numbers = (parameters or {}) | (_REST if rest is None else rest)
    needed = dict.fromkeys(["weight", "grad", *states.split(), "lr"], REQUIRED)
    signature = signature_of(needed | numbers)

    def function(*args: Any, **kwargs: Any) -> NDArray:
        given = bind(name, signature, args, kwargs)
        weight, grad = _f.detach(given["weight"]), _f.detach(given["grad"])
        old = tuple(_f.detach(given[key]) for key in states.split())
        result, *new = rule(weight, grad, old, given)
        for state, value in zip(states.split(), new, strict=True):
            _f.write_into(given[state], value)
        return result

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(
        name=name,
        summary=summary,
        states=f"{', '.join(states.split())} : NDArray\n        Changed in place.\n    "
        if states
        else "",
        parameters=", ".join(f"`{key}`" for key in numbers),
        example="nd.ones((2,)), " * (1 + len(states.split())) + ("t=1, " if "t" in numbers else ""),
    )
    return op(function)


_LAZY = _REST | {"lazy_update": True}
_WEIGHTS = _REST | {"clip_weights": -1.0}
_MADE = {
    function.__name__: function
    for function in (
        _update(_sgd, "a step of gradient descent", rest=_LAZY),
        _update(_sgd_mom, "a step with momentum", "mom", {"momentum": 0.0}, _LAZY),
        _update(_nag_mom, "a step with Nesterov's momentum", "mom", {"momentum": 0.0}),
        _update(
            _adam,
            "a step of Adam, without correction of bias (Kingma and Ba 2014)",
            "mean var",
            {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
            _LAZY,
        ),
        _update(
            _rmsprop,
            "a step of RMSProp (Tieleman and Hinton 2012)",
            "n",
            {"gamma1": 0.95, "epsilon": 1e-8},
            _WEIGHTS,
        ),
        _update(
            _rmspropalex,
            "a step of RMSProp as in Graves 2013, equations 38 to 45",
            "n g delta",
            {"gamma1": 0.95, "gamma2": 0.9, "epsilon": 1e-8},
            _WEIGHTS,
        ),
        _update(
            _ftrl, "a step of FTRL (McMahan et al. 2013)", "z n", {"lamda1": 0.01, "beta": 1.0}
        ),
        _update(
            _ftml,
            "a step of FTML (Zheng and Kwok 2017)",
            "d v z",
            {"beta1": 0.6, "beta2": 0.999, "epsilon": 1e-8, "t": 1},
            {"wd": 0.0, "rescale_grad": 1.0, "clip_grad": -1.0},
        ),
        _update(_signsgd, "a step by the sign of the gradient (Bernstein et al. 2018)"),
        _update(
            _signum,
            "a step by the sign of the momentum (Bernstein et al. 2018)",
            "mom",
            {"momentum": 0.0},
            _REST | {"wd_lh": 0.0},
        ),
    )
}
globals().update(_MADE)

__all__ = [*_MADE]
