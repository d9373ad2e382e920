"""Read digits with LeNet and with a small residual network.

What you learn: how convolutions, pooling and batch normalization are put together, that none of
them has to be told how many channels or pixels come in, and how a residual block is written. Both
networks are trained on 1,797 digits that people wrote, 8 x 8 pixels each (they come with
scikit-learn); a fifth is held out. The pictures show both learning curves, the filters that LeNet's
first layer has found, and what they see in one digit.

Run: python tutorials/image_networks.py [--epochs 12] [--output DIR]
"""

import argparse
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


def lenet():
    """Return a network like LeNet-5 (LeCun et al. 1998), with small windows for small images."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(16, kernel_size=3, padding=1, activation="relu"),
        nn.MaxPool2D(pool_size=2),
        nn.Conv2D(32, kernel_size=3, padding=1, activation="relu"),
        nn.MaxPool2D(pool_size=2),
        nn.Dense(64, activation="relu"),
        nn.Dense(10),
    )
    return net


class Residual(nn.HybridBlock):
    """Two convolutions, and what came in added to what comes out (He et al. 2016).

    With a stride the image shrinks and the channels change. Then a convolution with one pixel per
    window brings what came in to the same shape.
    """

    def __init__(self, channels, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.body = nn.HybridSequential()
        self.body.add(
            nn.Conv2D(channels, kernel_size=3, strides=stride, padding=1, use_bias=False),
            nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(channels, kernel_size=3, padding=1, use_bias=False),
            nn.BatchNorm(),
        )
        self.shortcut = nn.Conv2D(channels, 1, strides=stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return npx.relu(self.body(x) + self.shortcut(x))


def resnet():
    """Return a residual network of seven convolutions and a dense layer."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(16, kernel_size=3, padding=1, use_bias=False),
        nn.BatchNorm(),
        nn.Activation("relu"),
        Residual(16),
        Residual(32, stride=2),
        nn.GlobalAvgPool2D(),
        nn.Dense(10),
    )
    return net


def right(net, images, labels):
    """Return how many of a hundred images the network reads as labelled."""
    return 100 * (net(np.array(images)).argmax(axis=1).asnumpy() == labels).mean()


def train(net, images, labels, held_out, args):
    """Train for some epochs; return the share of held-out digits read right after each."""
    rng = numpy.random.default_rng(args.seed)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.003})
    history = []
    with tqdm(range(args.epochs), unit="epoch", leave=False) as epochs:
        for _ in epochs:
            order = rng.permutation(len(images))
            for start in range(0, len(order), 64):
                batch = order[start : start + 64]
                with autograd.record():
                    loss = loss_of(net(np.array(images[batch])), np.array(labels[batch]))
                loss.backward()
                trainer.step(len(batch))
            history.append(right(net, *held_out))
            epochs.set_postfix(held_out=f"{history[-1]:.1f} %")
    return history


def draw(histories, net, digit, path):
    """Draw the curves, the filters of LeNet's first layer, and what each sees in a digit."""
    figure = plt.figure(figsize=(11, 5.2), layout="constrained")
    panels: Any = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    left, right_side = panels
    axes = left.subplots()
    for (name, history), color in zip(histories.items(), ("#30638e", "#d1495b"), strict=True):
        epochs = range(1, len(history) + 1)
        axes.plot(epochs, history, color=color, marker="o", markersize=3, label=name)
    axes.set(xlabel="epoch", ylabel="held out, read right (%)", ylim=(80, 100.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower right", frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)

    right_side.suptitle("LeNet's first filters, and what each sees in the digit")
    filters = net[0].weight.data().asnumpy()[:, 0]
    seen = net[0](np.array(digit[None])).asnumpy()[0]
    shown = 8
    grid = right_side.subplots(4, shown // 2 + 1)
    for frame in grid.ravel():
        frame.axis("off")
    grid[0, 0].imshow(digit[0], cmap="gray_r")
    for k in range(shown):
        row, column = 2 * (k // (shown // 2)), 1 + k % (shown // 2)
        bound = abs(filters).max()
        grid[row, column].imshow(filters[k], cmap="RdBu", vmin=-bound, vmax=bound)
        grid[row + 1, column].imshow(seen[k], cmap="gray_r")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Load the digits, train both networks, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0, help="of the split, the order and the nets")
    parser.add_argument("--output", type=Path, default=Path("."), help="for the picture")
    args = parser.parse_args()
    if args.epochs < 1:
        parser.error("--epochs must be at least 1")
    args.output.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    images, labels = (digits.images[:, None] / 16).astype("float32"), digits.target
    order = numpy.random.default_rng(args.seed).permutation(len(images))
    held, rest = order[: len(order) // 5], order[len(order) // 5 :]

    histories, nets = {}, {}
    for name, build in (("LeNet", lenet), ("residual network", resnet)):
        mx.random.seed(args.seed)
        net = nets[name] = build()
        net.initialize(init.Xavier())
        if name == "LeNet":
            print(f"before the first image: {net[0]}")
        net.dry_run((1, *images.shape[1:]))  # one shape tells the sizes of all layers
        if name == "LeNet":
            print(f"after a dry run:        {net[0]}")
        count = sum(p.data().size for p in net.collect_params().values())
        histories[name] = train(net, images[rest], labels[rest], (images[held], labels[held]), args)
        print(
            f"{name}: {count:,} numbers, {histories[name][-1]:.1f} % "
            f"of {len(held)} held-out digits read right"
        )
    path = args.output / "image_networks.png"
    draw(histories, nets["LeNet"], images[held[0]], path)
    print(f"saved {path}")


if __name__ == "__main__":
    main()
