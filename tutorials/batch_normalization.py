"""See batch normalization at work.

What you learn: what a deep network does to the spread of its values, what batch normalization
makes of it, how that shows in training, and why the layer computes otherwise once training is
over. A network of twelve layers learns to read 1,797 digits that people wrote (they come with
scikit-learn), with and without normalization, from weights that are drawn too small. The picture
shows the values behind some layers of both before the first step, and how both learn.

Run: python tutorials/batch_normalization.py [--epochs 15] [--output DIR]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy
from sklearn.datasets import load_digits
from tqdm import tqdm

import microlazy as mx
from microlazy import autograd, gluon, init, np, npx
from microlazy.gluon import nn

npx.set_np()

DEPTH = 12


def build(normalize):
    """Return a deep network; each layer's values are normalized over the batch, if asked for."""
    net = nn.HybridSequential()
    for _ in range(DEPTH):
        net.add(nn.Dense(64, use_bias=not normalize))
        if normalize:
            net.add(nn.BatchNorm())  # has a bias of its own: beta
        net.add(nn.Activation("relu"))
    net.add(nn.Dense(10))
    return net


def spreads(net, x):
    """Return the standard deviation of the values behind each activation."""
    seen = []
    handles = [
        layer.register_forward_hook(lambda _, __, out: seen.append(out.asnumpy().std()))
        for layer in net
        if isinstance(layer, nn.Activation)
    ]
    with autograd.train_mode():  # as in training: with the mean and variance of this batch
        net(x)
    for handle in handles:
        handle.detach()
    return seen


def train(net, images, labels, held_out, args):
    """Train for some epochs; return loss and share of held-out digits read right of each."""
    rng = numpy.random.default_rng(args.seed)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    history = []
    with tqdm(range(args.epochs), unit="epoch", leave=False) as epochs:
        for _ in epochs:
            total = 0.0
            order = rng.permutation(len(images))
            for start in range(0, len(order), 64):
                batch = order[start : start + 64]
                with autograd.record():
                    loss = loss_of(net(np.array(images[batch])), np.array(labels[batch]))
                loss.backward()
                trainer.step(len(batch))
                total += loss.sum().item()
            read = net(np.array(held_out[0])).argmax(axis=1).asnumpy()
            history.append((total / len(images), 100 * (read == held_out[1]).mean()))
            epochs.set_postfix(loss=f"{history[-1][0]:.3f}", held_out=f"{history[-1][1]:.1f} %")
    return history


def draw(before, histories, path):
    """Draw the spread of the values layer by layer, and both learning curves."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
    for name, color in zip(histories, ("#30638e", "#d1495b"), strict=True):
        left.plot(range(1, DEPTH + 1), before[name], color=color, marker="o", markersize=4)
        losses, read = zip(*histories[name], strict=True)
        epochs = range(1, len(losses) + 1)
        middle.plot(epochs, losses, color=color, label=name)
        right.plot(epochs, read, color=color)
    left.set(xlabel="layer", ylabel="standard deviation", yscale="log")
    left.set_title("The values, before the first step")
    middle.set(xlabel="epoch", ylabel="loss", title="Training")
    middle.legend(frameon=False)
    right.set(xlabel="epoch", ylabel="read right (%)", ylim=(0, 102), title="Held-out digits")
    for axes in (left, middle, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    """Train both networks, look at the statistics that are kept, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0, help="of the split, the order and the nets")
    parser.add_argument("--output", type=Path, default=Path("."), help="for the picture")
    args = parser.parse_args()
    if args.epochs < 1:
        parser.error("--epochs must be at least 1")
    args.output.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    images, labels = (digits.data / 16).astype("float32"), digits.target
    order = numpy.random.default_rng(args.seed).permutation(len(images))
    held, rest = order[: len(order) // 5], order[len(order) // 5 :]
    first = np.array(images[rest[:64]])

    before, histories = {}, {}
    for name in ("with normalization", "without"):
        mx.random.seed(args.seed)
        net = build(name.startswith("with "))
        net.initialize(init.Normal(0.1))
        before[name] = spreads(net, first)
        print(f"{name}: behind layer 1 the values spread by {before[name][0]:.3g}, ", end="")
        print(f"behind layer {DEPTH} by {before[name][-1]:.3g}")
        histories[name] = train(net, images[rest], labels[rest], (images[held], labels[held]), args)
        loss, read = histories[name][-1]
        print(f"    after training: loss {loss:.3f}, {read:.1f} % of held-out digits read right")
        if name.startswith("with "):
            norm = net[1]
            print(f"    kept for later: {norm.running_mean}")
            # One digit alone has no spread; once trained, the layer uses what it has kept.
            alone, together = net(first[:1]), net(first)[:1]
            gap = abs(alone - together).max().item()
            print(f"    a digit alone and in a batch: scores differ by at most {gap:.0e}")
    path = args.output / "batch_normalization.png"
    draw(before, histories, path)
    print(f"saved {path}")


if __name__ == "__main__":
    main()
