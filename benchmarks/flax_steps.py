"""The workloads in the dialect of Flax, as its tutorials write them."""

from typing import Any

from benchmarks.workloads import MLPS, NETWORKS, Images, Step
from microlazy import gluon, np, npx
from microlazy.dialects.flax import jax, linen


def perceptron(sizes: tuple[int, ...]) -> linen.Sequential:
    """Return a network with the given sizes, its input size left to be found."""
    hidden = [layer for units in sizes[1:-1] for layer in (linen.Dense(units), linen.relu)]
    return linen.Sequential([*hidden, linen.Dense(sizes[-1])])


class LeNet(linen.Module):
    """Two convolutions and three dense layers."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        for channels, padding in ((6, "SAME"), (16, "VALID")):
            x = linen.sigmoid(linen.Conv(channels, (5, 5), padding=padding)(x))
            x = linen.avg_pool(x, (2, 2), strides=(2, 2))
        x = x.reshape(len(x), -1)
        for units in (120, 84):
            x = linen.sigmoid(linen.Dense(units)(x))
        return linen.Dense(10)(x)


NETS = {"lenet": LeNet, "lenet16": LeNet}


def build(workload: str) -> Step | None:
    """Return the step of a workload: a gradient of a tree and a map over trees; None without one.

    Flax' recurrent cells are missing in the dialect.
    """
    if workload not in MLPS and workload not in NETS:
        return None
    work = NETWORKS[workload]
    npx.set_np()
    net = NETS[workload]() if workload in NETS else perceptron(MLPS[workload].sizes)
    x, y = map(np.array, work.data())
    if isinstance(work, Images):
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    slopes = jax.value_and_grad(lambda params: loss_of(net.apply(params, x), y).mean())
    params = net.init(jax.random.PRNGKey(0), x)
    velocity = jax.tree_map(np.zeros_like, params)
    rate, momentum = work.learning_rate, work.momentum

    def step() -> None:
        nonlocal params
        _, grads = slopes(params)
        params = jax.tree_map(lambda p, g: p - rate * g, params, grads)

    def step_with_momentum() -> None:
        nonlocal params, velocity
        _, grads = slopes(params)
        velocity = jax.tree_map(lambda v, g: momentum * v + g, velocity, grads)
        params = jax.tree_map(lambda p, v: p - rate * v, params, velocity)

    return step_with_momentum if momentum else step
