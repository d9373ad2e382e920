"""Read handwritten digits with a network written in Flax' words.

What you learn: a network is a description, and its parameters are a tree beside it. `init` finds
every size by a run on shapes; a step maps a function over the trees of parameters and gradients.

Run: python tutorials/digits_in_flax.py [--epochs 60]
"""

import argparse
import math

import numpy
from sklearn.datasets import load_digits

from microlazy.dialects.flax import jax
from microlazy.dialects.flax import linen as nn
from microlazy.dialects.flax.jax import numpy as jnp

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--epochs", type=int, default=60)
epochs = parser.parse_args().epochs

digits = load_digits()
images, labels = jnp.array((digits.data / 16).astype("float32")), jnp.array(digits.target)
order = numpy.random.default_rng(0).permutation(len(images))
held_out, rest = order[: len(order) // 5], order[len(order) // 5 :]


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        for units in (256, 256):
            x = nn.Dropout(0.5, deterministic=not train)(nn.relu(nn.Dense(units)(x)))
        return nn.Dense(10)(x)


@jax.value_and_grad
def loss_and_slopes(params, x, y, key):
    scores = net.apply(params, x, train=True, rngs={"dropout": key})
    return -(nn.log_softmax(scores) * nn.one_hot(y, 10)).sum(axis=-1).mean()


net, key = Net(), jax.random.PRNGKey(0)
params = net.init(key, images)
print(net.tabulate(key, images))
velocity = jax.tree_map(jnp.zeros_like, params)
for epoch in range(epochs):
    rate = 0.05 * (1 + math.cos(math.pi * epoch / epochs))  # down to nearly 0
    key, shuffling, dropping = jax.random.split(key, 3)
    losses = []
    for batch in numpy.array_split(rest[jax.random.permutation(shuffling, len(rest))], 23):
        dropping, now = jax.random.split(dropping)
        loss, slopes = loss_and_slopes(params, images[batch], labels[batch], now)
        velocity = jax.tree_map(lambda v, g: 0.9 * v + g, velocity, slopes)
        params = jax.tree_map(lambda p, v, rate=rate: p - rate * v, params, velocity)
        losses.append(loss.item())
    if epoch in (0, epochs - 1):
        print(f"epoch {epoch + 1:3}   loss {numpy.mean(losses):.4f}")

right = int((net.apply(params, images[held_out]).argmax(axis=-1) == labels[held_out]).sum())
print(f"held out: {right} of {len(held_out)} read right, {right / len(held_out):.2%}")
