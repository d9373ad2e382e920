"""One lesson in four tongues: lazy initialization in Gluon's, PyTorch's, Keras' and Flax' words.

What you learn: three styles of one mechanism. In Gluon and PyTorch a network has its parameters
from the beginning, and they have no size; in Keras it builds them on its first call; in Flax they
are a tree outside of it. For each, the script prints what the network is and knows before data,
when its first layer has seen data, and when all have; then the lesson's `apply_init` gives it
other first values. One set of weights is carried into all four, and they compute the same. The
picture shows what each knew about each parameter, and when.

Run: python tutorials/four_tongues.py [--output DIR]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy

import microlazy as mx
from microlazy import gluon, init, np, npx
from microlazy.dialects import copy_weights, keras, torch
from microlazy.dialects.flax import d2l as flax_d2l
from microlazy.dialects.flax import jax, linen
from microlazy.dialects.flax.carrying import Bound
from microlazy.dialects.torch import d2l as torch_d2l

npx.set_np()

DATA = numpy.random.default_rng(0).random((2, 20), dtype="float32")
MOMENTS = ("made", "the first layer\nsaw data", "all layers\nsaw data")
PARAMETERS = ("hidden weight", "hidden bias", "output weight", "output bias")
# What a network may know of a parameter, and its color in the picture.
ABSENT, UNKNOWN, SIZED, LIVE = "absent", "size unknown", "size known", "has values"
COLORS = {ABSENT: "#ffffff", UNKNOWN: "#edae49", SIZED: "#8fb8de", LIVE: "#30638e"}


# ---- Gluon: parameters are declared, and wait for their sizes ------------------------------------


def in_gluon():
    """Tell the lesson in Gluon's words; return what was known at each moment, and the network."""
    X = np.array(DATA)

    def build():
        net = gluon.nn.Sequential()
        net.add(gluon.nn.Dense(256, activation="relu"), gluon.nn.Dense(10))
        return net

    def known(net):
        print([parameter.shape for parameter in net.collect_params().values()])
        return [gluon_state(parameter) for parameter in net.collect_params().values()]

    net = build()
    print(net)
    moments = [known(net)]
    net.initialize()  # done for the biases; for the weights it is noted, as they have no size
    net[0](X)
    moments.append(known(net))
    net(X)
    print(net)
    moments.append(known(net))

    def apply_init(net, inputs, init=None):
        net.initialize()
        net(*inputs)
        if init is not None:
            net.initialize(init, force_reinit=True)

    again = build()
    apply_init(again, [X], init.Constant(0.01))
    print("apply_init:", again(X)[0, :3])
    return moments, net, lambda: net(X).asnumpy()


def gluon_state(parameter):
    """Return what a parameter of Gluon knows."""
    if parameter.state == "live":
        return LIVE
    return UNKNOWN if -1 in parameter.shape else SIZED


# ---- PyTorch: a lazy layer becomes another class when it sees data -------------------------------


def in_torch():
    """Tell the lesson in PyTorch's words."""
    nn = torch.nn
    X = torch.tensor(DATA)

    def build():
        return nn.Sequential(nn.LazyLinear(256), nn.ReLU(), nn.LazyLinear(10))

    def known(net):
        print([type(layer).__name__ for layer in net])
        lazy = [isinstance(p, nn.UninitializedParameter) for p in net.parameters()]
        return [UNKNOWN if one else LIVE for one in lazy]

    net = build()
    print(net)
    print(net[0].weight)
    moments = [known(net)]
    net[0](X)
    moments.append(known(net))
    net(X)
    print(net)
    moments.append(known(net))

    class Model(torch_d2l.Module):
        def __init__(self):
            super().__init__()
            self.net = build()

    def constant(layer):
        if type(layer) is nn.Linear:
            nn.init.constant_(layer.weight, 0.01)
            nn.init.zeros_(layer.bias)

    again = Model()
    again.apply_init([X], constant)  # the book's: a forward, and a function of each layer
    print("apply_init:", again(X)[0, :3].detach())
    return moments, net, lambda: net(X).detach().numpy()


# ---- Keras: a layer builds its weights on its first call -----------------------------------------


def in_keras():
    """Tell the lesson in Keras' words."""
    layers = keras.layers

    def build():
        return keras.Sequential([layers.Dense(256, activation="relu"), layers.Dense(10)])

    def known(net):
        print([[w.shape for w in layer.get_weights()] for layer in net.layers])
        return [LIVE if layer.get_weights() else ABSENT for layer in net.layers for _ in range(2)]

    net = build()
    print(net.layers)
    try:
        net.get_weights()
    except ValueError as error:
        print(error)
    moments = [known(net)]
    net.layers[0](DATA)
    moments.append(known(net))
    net(DATA)
    print(net.layers)
    moments.append(known(net))

    def apply_init(net, inputs, init=None):
        net(*inputs)
        if init is not None:
            net.apply(init)

    def constant(layer):
        if type(layer) is layers.Dense:
            kernel, bias = layer.get_weights()
            layer.set_weights([numpy.full_like(kernel, 0.01), bias])

    again = build()
    apply_init(again, [DATA], constant)
    print("apply_init:", again(DATA)[0, :3])
    return moments, net, lambda: net(DATA).asnumpy()


# ---- Flax: parameters are a tree outside of the network ------------------------------------------


def in_flax():
    """Tell the lesson in Flax' words; the network that is returned comes with its variables."""
    X, key = jax.numpy.array(DATA), flax_d2l.get_key()

    def build(kernel_init=linen.Dense.kernel_init):
        dense = [linen.Dense(units, kernel_init=kernel_init) for units in (256, 10)]
        return linen.Sequential([dense[0], linen.relu, dense[1]])

    def known(tree):
        print(jax.tree_map(lambda leaf: leaf.shape, tree))
        there = [name in tree.get("params", {}) for name in ("layers_0", "layers_2")]
        return [LIVE if one else ABSENT for one in there for _ in range(2)]

    net = build()
    print(net)
    try:
        net.params  # noqa: B018
    except AttributeError as error:
        print(str(error).partition(". ")[0])
    moments = [known({})]
    # A part of the network is a network: its tree has what the first layer needs.
    moments.append(known(linen.Sequential(net.layers[:1]).init(key, X)))
    params = net.init(key, X)  # a run on shapes, which looks at no value of X
    moments.append(known(params))

    def apply_init(net, inputs, key):
        return net.init(key, *inputs)

    # The values come from initializers that the layers were made with, and from the key.
    again = build(linen.initializers.constant(0.01))
    print("apply_init:", again.apply(apply_init(again, [X], key), X)[0, :3])
    return moments, Bound(net, params, X), lambda: net.apply(params, X).asnumpy()


# ---- Side by side --------------------------------------------------------------------------------

TABS = {"Gluon": in_gluon, "PyTorch": in_torch, "Keras": in_keras, "Flax": in_flax}


def draw(known, path):
    """Draw what each network knew about its parameters at each moment."""
    figure, panels = plt.subplots(
        1, len(known), figsize=(13, 3.8), sharey=True, layout="constrained"
    )
    for axes, (name, moments) in zip(panels, known.items(), strict=True):
        for column, states in enumerate(moments):
            for row, state in enumerate(states):
                box = plt.Rectangle((column - 0.46, row - 0.42), 0.92, 0.84)
                box.set(facecolor=COLORS[state], edgecolor="#555555", linewidth=0.8)
                box.set_linestyle(":" if state == ABSENT else "-")
                axes.add_patch(box)
        axes.set(title=name, xlim=(-0.55, 2.55), ylim=(3.55, -0.55))
        axes.set_xticks(range(len(MOMENTS)), MOMENTS, fontsize=8)
        axes.set_yticks(range(len(PARAMETERS)), PARAMETERS)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    patches = [
        plt.Rectangle((0, 0), 1, 1, facecolor=color, edgecolor="#555555", label=state)
        for state, color in COLORS.items()
    ]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Tell the lesson four times, carry the weights, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("."), help="for the picture")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    mx.random.seed(0)

    known, nets, runs = {}, {}, {}
    for name, tell in TABS.items():
        print(f"---- {name} ----")
        known[name], nets[name], runs[name] = tell()

    print("---- the same weights ----")
    for name, net in list(nets.items())[1:]:
        before = abs(runs[name]() - runs["Gluon"]()).max()
        copy_weights(nets["Gluon"], net)
        after = abs(runs[name]() - runs["Gluon"]()).max()
        print(f"{name:8} differs from Gluon by {before:.3f}, with its weights by {after:.0e}")

    draw(known, args.output / "four_tongues.png")
    print(f"saved {args.output / 'four_tongues.png'}")


if __name__ == "__main__":
    main()
