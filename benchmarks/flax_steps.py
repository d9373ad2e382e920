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


def build(workload: str, jitted: bool = True) -> Step | None:
    """Return the step of a workload: a gradient of a tree and a map over trees; None without one.

    Flax' recurrent cells are missing in the dialect. The step is under `jit` if it is to be.
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
    loss = jax.value_and_grad(lambda params, x, y: loss_of(net.apply(params, x), y).mean())
    rate, momentum = work.learning_rate, work.momentum

    def moved(state: Any, x: Any, y: Any) -> Any:
        params, velocity = state
        value, grads = loss(params, x, y)
        if momentum:
            velocity = grads = jax.tree_map(lambda v, g: momentum * v + g, velocity, grads)
        return (jax.tree_map(lambda p, g: p - rate * g, params, grads), velocity), value

    move = jax.jit(moved) if jitted else moved
    params = net.init(jax.random.PRNGKey(0), x)
    state = params, jax.tree_map(np.zeros_like, params) if momentum else None

    def step() -> None:
        nonlocal state
        state, _ = move(state, x, y)

    return step
