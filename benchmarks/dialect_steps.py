"""What the dialects cost: the lesson's training step in each: `python -m benchmarks.dialect_steps`.

One step of the network 20-256-10 on a batch of 2, softmax cross-entropy and SGD, and the loss read,
as each dialect writes it, beside Gluon's own: the processor's time on one thread, the least of many
rounds in turns.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import trange

from microlazy import autograd, gluon, np, npx
from microlazy.core import parallel
from microlazy.dialects import keras
from microlazy.dialects.flax import jax, linen

LIMIT = 1.3  # of Gluon's time
ROUNDS, CALLS = 100, 200

Step = Callable[[], Any]


def gluon_step(x: Any, y: Any) -> Step:
    """Gluon's own, eager."""
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(256, activation="relu"), gluon.nn.Dense(10))
    net.initialize()
    net(x)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})

    def step() -> None:
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(2)
        loss.mean().item()

    return step


def keras_step(x: Any, y: Any) -> Step:
    """What `fit` does with a batch."""
    net = keras.Sequential([keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.SGD(0.1), loss)
    return lambda: net.train_on_batch(x, y)


def flax_step(x: Any, y: Any) -> Step:
    """A gradient of a tree, and a map over two trees."""
    net = linen.Sequential([linen.Dense(256), linen.relu, linen.Dense(10)])
    params = net.init(jax.random.PRNGKey(0), x)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    slopes = jax.value_and_grad(lambda params: loss_of(net.apply(params, x), y).mean())

    def step() -> None:
        nonlocal params
        loss, grads = slopes(params)
        loss.item()
        params = jax.tree_map(lambda p, g: p - 0.1 * g, params, grads)

    return step


STEPS = {"gluon": gluon_step, "keras": keras_step, "flax": flax_step}


def main() -> int:
    """Print microseconds and ratios; return 1 if a dialect costs too much."""
    parallel.set_num_threads(1)
    npx.set_np()
    x, y = np.random.uniform(size=(2, 20)), np.array([1, 3])
    steps = {name: make(x, y) for name, make in STEPS.items()}
    least = dict.fromkeys(steps, float("inf"))
    for _ in trange(ROUNDS, leave=False):
        for name, step in steps.items():
            start = time.process_time()
            for _ in range(CALLS):
                step()
            least[name] = min(least[name], (time.process_time() - start) / CALLS)
    for name, seconds in least.items():
        ratio = seconds / least["gluon"]
        told = "holds" if ratio <= LIMIT else "does not hold"
        print(
            f"{name:6} {1e6 * seconds:6.2f} us  {ratio:.2f} times Gluon's, at most {LIMIT}: {told}"
        )
    return int(any(seconds > LIMIT * least["gluon"] for seconds in least.values()))


if __name__ == "__main__":
    sys.exit(main())
