"""The workloads in JAX, each step one jitted function that may reuse its inputs' memory.

Images have their channels last and weights stand as JAX's own programs have them. Parameters are a
flat list, in Gluon's order; `TURNS` says how an array of Gluon's becomes one of these.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.workloads import (
    ACT,
    LARGE,
    MLPS,
    NETWORKS,
    STAGES,
    Arrays,
    Images,
    Mlp,
    Program,
    Text,
)

Net = Callable[[list, Any], Any]
TURNS = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}  # by dimensions; the way back is the inverse
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's


def dense(x: Any, weights: Iterator) -> Any:
    weight, bias = next(weights), next(weights)
    return x @ weight + bias


def convolution(x: Any, weights: Iterator, padding: int = 0, stride: int = 1) -> Any:
    weight, bias = next(weights), next(weights)
    around = [(padding, padding)] * 2
    axes = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, weight, (stride,) * 2, around, dimension_numbers=axes) + bias


def batch_norm(x: Any, weights: Iterator) -> Any:
    """Normalize by the batch's own mean and variance.

    Running statistics are left out: nothing in a training step reads them.
    """
    gamma, beta = next(weights), next(weights)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) * (gamma * lax.rsqrt(variance + 1e-5)) + beta


def average_pool(x: Any) -> Any:
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def perceptron(params: list, x: Any) -> Any:
    weights = iter(params)
    for _ in range(len(params) // 2 - 1):
        x = jax.nn.relu(dense(x, weights))
    return dense(x, weights)


def lenet(params: list, x: Any) -> Any:
    weights = iter(params)
    x = average_pool(jax.nn.sigmoid(convolution(x, weights, padding=2)))
    x = average_pool(jax.nn.sigmoid(convolution(x, weights)))
    x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # the next weights have channels first
    for _ in range(2):
        x = jax.nn.sigmoid(dense(x, weights))
    return dense(x, weights)


def residual(x: Any, weights: Iterator, halve: bool) -> Any:
    stride = 2 if halve else 1
    y = convolution(x, weights, padding=1, stride=stride)
    second = next(weights), next(weights)  # the norms' weights stand behind the convolutions'
    x = convolution(x, weights, stride=stride) if halve else x
    y = jax.nn.relu(batch_norm(y, weights))
    y = batch_norm(convolution(y, iter(second), padding=1), weights)
    return jax.nn.relu(y + x)


def resnet18(params: list, x: Any) -> Any:
    weights = iter(params)
    x = jax.nn.relu(batch_norm(convolution(x, weights, padding=1), weights))
    for place in range(len(STAGES)):
        x = residual(residual(x, weights, place > 0), weights, halve=False)
    return dense(x.mean((1, 2)), weights)


def characters(params: list, x: Any) -> Any:
    """Scores from an LSTM, whose input products are one product for all steps."""
    to_gates, from_hidden, bias, other_bias, *scores = params
    inputs = x @ to_gates + (bias + other_bias)

    def moved(state: tuple, row: Any) -> tuple:
        hidden, cell = state
        i, f, g, o = jnp.split(row + hidden @ from_hidden, 4, axis=1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
        return (hidden, cell), hidden

    zeros = jnp.zeros((x.shape[1], from_hidden.shape[0]))
    _, hiddens = lax.scan(moved, (zeros, zeros), inputs)
    return dense(hiddens, iter(scores)).reshape(-1, x.shape[-1])


NETS: dict[str, Net] = {
    **dict.fromkeys(MLPS, perceptron),
    **dict.fromkeys(("lenet", "lenet16"), lenet),
    "resnet18": resnet18,
    "lstm": characters,
}


def cross_entropy(scores: Any, y: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], axis=1).mean()


def update(work: Mlp | Images | Text) -> tuple[Callable, Callable]:
    """Return functions that give an optimizer's state of weights, and weights and state moved."""
    rate = work.learning_rate
    if work.optimizer == "adam":

        def start(params: list) -> tuple:
            return 0, [p * 0 for p in params], [p * 0 for p in params]

        def move(params: list, grads: list, state: tuple) -> tuple:
            count, means, squares = state
            count += 1
            means = [BETAS[0] * m + (1 - BETAS[0]) * g for m, g in zip(means, grads, strict=True)]
            squares = [
                BETAS[1] * s + (1 - BETAS[1]) * g * g for s, g in zip(squares, grads, strict=True)
            ]
            scale = rate * jnp.sqrt(1 - BETAS[1] ** count) / (1 - BETAS[0] ** count)
            moved = [
                p - scale * m / (jnp.sqrt(s) + EPSILON)
                for p, m, s in zip(params, means, squares, strict=True)
            ]
            return moved, (count, means, squares)

    elif work.momentum:

        def start(params: list) -> list:
            return [p * 0 for p in params]

        def move(params: list, grads: list, state: list) -> tuple:
            state = [work.momentum * v - rate * g for v, g in zip(state, grads, strict=True)]
            return [p + v for p, v in zip(params, state, strict=True)], state

    else:

        def start(params: list) -> tuple:
            return ()

        def move(params: list, grads: list, state: tuple) -> tuple:
            return [p - rate * g for p, g in zip(params, grads, strict=True)], state

    return start, move


def program(workload: str) -> Program:
    """Return one of `PROGRAMS`; a network's step only runs once its weights are loaded."""
    if workload in NETWORKS:
        return train(NETWORKS[workload], NETS[workload])
    return {"act": act, "elementwise": elementwise}[workload]()


def train(work: Mlp | Images | Text, net: Net) -> Program:
    """Return one training step: forward, loss, backward, update."""
    x, y = work.data()
    if isinstance(work, Images):
        x = x.transpose(0, 2, 3, 1)
    x, y = jnp.asarray(np.ascontiguousarray(x)), jnp.asarray(y)
    start, move = update(work)
    params: list = []
    state: Any = None

    def moved(params: list, state: Any, x: Any, y: Any) -> tuple:
        loss, grads = jax.value_and_grad(lambda p: cross_entropy(net(p, x), y))(params)
        return loss, *move(params, grads, state)

    whole = jax.jit(moved, donate_argnums=(0, 1))

    def step() -> Any:
        nonlocal params, state
        loss, params, state = whole(params, state, x, y)
        return jax.block_until_ready((loss, params))[0]

    def load(arrays: Arrays) -> None:
        nonlocal params, state
        params = turned(arrays)
        state = start(params)

    return Program(step, lambda: np.asarray(step()), lambda: turned_back(params), load)


def turned(arrays: Arrays) -> list:
    """Return Gluon's arrays as JAX's."""
    return [jnp.asarray(np.ascontiguousarray(a.transpose(TURNS[a.ndim]))) for a in arrays]


def turned_back(arrays: list) -> Arrays:
    """Return copies in Gluon's layout: the next step takes the memory of these."""
    return [np.array(a).transpose(np.argsort(TURNS[a.ndim])) for a in arrays]


def act() -> Program:
    """Return the choice of an action: the forward pass of one observation and its argmax."""
    x = jnp.asarray(ACT.data()[0])
    choose = jax.jit(lambda params, x: perceptron(params, x).argmax())
    params: list = []

    def step() -> int:
        return int(choose(params, x))

    def load(arrays: Arrays) -> None:
        nonlocal params
        params = turned(arrays)

    def result() -> np.ndarray:
        return np.append(perceptron(params, x), step())

    return Program(step, result, lambda: turned_back(params), load)


def elementwise() -> Program:
    """Return the sum of a chain of operations on large arrays, and its gradient."""
    x = y = jnp.zeros(LARGE)
    gradients: Any = None
    whole = jax.jit(
        jax.value_and_grad(lambda x, y: jnp.tanh(x * y + jnp.exp(x)).sum(), argnums=(0, 1))
    )

    def step() -> Any:
        nonlocal gradients
        total, gradients = whole(x, y)
        return jax.block_until_ready((total, gradients))[0]

    def load(arrays: Arrays) -> None:
        nonlocal x, y
        x, y = map(jnp.asarray, arrays)

    return Program(
        step, lambda: np.asarray(step()), lambda: [np.asarray(g) for g in gradients], load
    )
