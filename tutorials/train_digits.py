"""Train a lazily built network to read handwritten digits.

What you learn: the whole way of a small real task. 1,797 digits that people wrote, 8 x 8 pixels
each, come with scikit-learn. A fifth of them is held out. The network is written without the
number of pixels; a dry run on the images' shape finds it. The network is trained, its curves and
the held-out digits that it reads wrongly are drawn, and its parameters are saved and read back
into a fresh network.

Run: python tutorials/train_digits.py [--epochs 60] [--output DIR]
"""

import argparse
import math
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy
from matplotlib.ticker import MaxNLocator
from sklearn.datasets import load_digits
from tqdm import tqdm

import microlazy as mx
from microlazy import autograd, gluon, init, np, npx
from microlazy.gluon import nn

npx.set_np()


def parse():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.002, help="Adam's learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the order and the net")
    parser.add_argument("--output", type=Path, default=Path("."), help="for picture and parameters")
    parser.add_argument("--hybridize", action="store_true", help="replay a recorded plan")
    args = parser.parse_args()
    if min(args.epochs, args.batch_size) < 1:
        parser.error("--epochs and --batch-size must be at least 1")
    return args


def build():
    """Return a network that does not know yet how many pixels a digit has."""
    net = nn.HybridSequential()
    net.add(
        nn.Dense(256, activation="relu"),
        nn.Dropout(0.5),
        nn.Dense(256, activation="relu"),
        nn.Dropout(0.5),
        nn.Dense(10),
    )
    return net


def read(net, images):
    """Return the digit that the network reads in each image."""
    return net(images).argmax(axis=1).asnumpy().astype(int)


def percent_right(net, images, labels):
    """Return how many of a hundred images the network reads as labelled."""
    return 100 * float((read(net, images) == labels).mean())


def train(net, images, labels, held_out, args, rng):
    """Train for some epochs; return loss, training accuracy and held-out accuracy of each."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    if args.hybridize:
        net.hybridize()
        loss_of.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": args.lr})
    history = []
    with tqdm(range(1, args.epochs + 1), unit="epoch", leave=False) as epochs:
        for epoch in epochs:
            # Smaller steps towards the end: half a cosine from lr down to nearly 0.
            phase = (epoch - 1) / args.epochs
            trainer.set_learning_rate(args.lr * (1 + math.cos(math.pi * phase)) / 2)
            total = 0.0
            order = rng.permutation(len(images))
            for start in range(0, len(order), args.batch_size):
                batch = order[start : start + args.batch_size]
                x, y = np.array(images[batch]), np.array(labels[batch])
                with autograd.record():
                    loss = loss_of(net(x), y)
                loss.backward()
                trainer.step(len(batch))
                total += loss.sum().item()
            right = percent_right(net, np.array(images), labels)
            held_right = percent_right(net, np.array(held_out[0]), held_out[1])
            history.append((total / len(images), right, held_right))
            epochs.set_postfix(loss=f"{history[-1][0]:.3f}", held_out=f"{held_right:.1f} %")
            tqdm.write(
                f"epoch {epoch:3}   loss {history[-1][0]:.4f}   "
                f"read right: training {right:5.1f} %, held out {held_right:5.1f} %"
            )
    return history


def draw(history, images, labels, guesses, path):
    """Draw the curves, and beside them every held-out digit that was read wrongly."""
    losses, training, held_out = zip(*history, strict=True)
    epochs = range(1, len(history) + 1)
    wrong = numpy.flatnonzero(guesses != labels)
    columns = max(2, math.ceil(math.sqrt(len(wrong))))
    rows = max(2, -(-len(wrong) // columns))

    figure = plt.figure(figsize=(11, 5.6), layout="constrained")
    panels: Any = figure.subfigures(1, 2, width_ratios=(1.25, 1), wspace=0.05)
    curves, gallery = panels
    top, bottom = curves.subplots(2, 1, sharex=True)
    top.plot(epochs, losses, color="#30638e")
    top.set(ylabel="training loss", yscale="log")
    top.set_title(f"Held out: {held_out[-1]:.1f} % read right")
    bottom.plot(epochs, training, color="#30638e", label="training")
    bottom.plot(epochs, held_out, color="#d1495b", label="held out")
    bottom.set(xlabel="epoch", ylabel="read right (%)", ylim=(max(90, min(held_out)) - 1, 100.3))
    bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    bottom.legend(loc="lower right", frameon=False)
    for axes in (top, bottom):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)

    gallery.suptitle(f"The {len(wrong)} of {len(labels)} digits read wrongly")
    frames = gallery.subplots(rows, columns).ravel()
    for axes in frames:
        axes.axis("off")
    for axes, index in zip(frames, wrong, strict=False):
        axes.imshow(images[index].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.axis("on")
        axes.set_title(f"read {guesses[index]}, is {labels[index]}", fontsize=9)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Load the digits, train, draw, save, and check what was saved."""
    args = parse()
    args.output.mkdir(parents=True, exist_ok=True)
    rng = numpy.random.default_rng(args.seed)
    mx.random.seed(args.seed)

    digits = load_digits()
    images, labels = (digits.data / 16).astype("float32"), digits.target
    order = rng.permutation(len(images))
    held, rest = order[: len(order) // 5], order[len(order) // 5 :]
    held_out = images[held], labels[held]
    print(f"{len(rest)} digits to learn from, {len(held)} held out")

    net = build()
    net.initialize(init.Xavier())
    print(f"the first layer: {net[0]}")
    net.dry_run(images.shape)
    print(f"after a dry run: {net[0]}")
    history = train(net, images[rest], labels[rest], held_out, args, rng)

    picture, parameters = args.output / "digits.png", args.output / "digits.params"
    guesses = read(net, np.array(held_out[0]))
    draw(history, *held_out, guesses, picture)
    net.save_parameters(str(parameters))

    # A fresh network that has seen no batch: the file tells it every size.
    fresh = build()
    fresh.load_parameters(str(parameters))
    again = percent_right(fresh, np.array(held_out[0]), held_out[1])
    print(f"held out: {(guesses == held_out[1]).sum()} of {len(held)} read right, ", end="")
    print(f"{history[-1][2]:.2f} %; loaded back: {again:.2f} %")
    print(f"saved {picture} and {parameters}")


if __name__ == "__main__":
    main()
