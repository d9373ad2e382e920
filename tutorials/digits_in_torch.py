"""Train on handwritten digits in PyTorch's words.

What you learn: a program for PyTorch runs here when its import is changed, and its network is
one of Gluon's all the same. The layers are lazy: each becomes another class, of a known size, when
it sees its first data. 1,797 digits of 8 x 8 pixels come with scikit-learn; a fifth is held out.
The same network in Gluon, started from the same weights, takes the same first steps.

Run: python tutorials/digits_in_torch.py [--epochs 40]
"""

import argparse

import numpy
from sklearn.datasets import load_digits
from tqdm import trange

from microlazy import autograd, gluon, np, npx
from microlazy.dialects import copy_weights, torch
from microlazy.dialects.torch import nn
from microlazy.dialects.torch.utils.data import DataLoader, TensorDataset


def load(seed):
    """Return the digits to learn from and those held out, each as images and labels."""
    digits = load_digits()
    order = numpy.random.default_rng(seed).permutation(len(digits.target))
    images, labels = (
        torch.tensor(digits.data[order]).float() / 16,
        torch.tensor(digits.target[order]),
    )
    held = len(order) // 5
    return (images[held:], labels[held:]), (images[:held], labels[:held])


def build():
    """Return a network that does not know yet how many pixels a digit has."""
    return nn.Sequential(
        *(nn.LazyLinear(256), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.LazyLinear(256), nn.ReLU(), nn.Dropout(0.5)),
        nn.LazyLinear(10),
    )


def train(net, data, epochs):
    """Train a network, as PyTorch's tutorials do it."""
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
    net.train()
    for _ in trange(epochs, unit="epoch", leave=False):
        for X, y in DataLoader(TensorDataset(*data), batch_size=64, shuffle=True):
            optimizer.zero_grad()
            loss = loss_of(net(X), y)
            loss.backward()
            optimizer.step()
    return loss.item()


@torch.no_grad()
def percent_right(net, data):
    """Return how many of a hundred images the network reads as labelled."""
    X, y = data
    return 100 * (net.eval()(X).argmax(dim=1) == y).float().mean().item()


def in_gluon(net, data):
    """Return how far a step of the same network in Gluon is from one here, and both losses."""
    npx.set_np()
    twin = gluon.nn.Sequential()
    twin.add(
        *(gluon.nn.Dense(units, activation="relu") for units in (256, 256)), gluon.nn.Dense(10)
    )
    twin.initialize()
    copy_weights(net, twin)
    X, y = (part[:64] for part in data)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    trainer = gluon.Trainer(twin.collect_params(), "sgd", {"learning_rate": 0.1})
    for _ in range(10):
        loss = nn.functional.cross_entropy(net.eval()(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with autograd.record(train_mode=False):
            losses = gluon.loss.SoftmaxCrossEntropyLoss()(
                twin(np.array(X.numpy())), np.array(y.numpy())
            )
        losses.backward()
        trainer.step(len(y))
    difference = abs(net[0].weight.detach().numpy() - twin[0].weight.data().asnumpy()).max()
    return difference, loss.item(), losses.mean().item()


def main():
    """Load, train and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=40)
    args = parser.parse_args()
    torch.manual_seed(0)
    data, held_out = load(0)
    print(f"{len(data[1])} digits to learn from, {len(held_out[1])} held out")

    net = build()
    print(f"before any data: {net[0]}, {net[0].weight}")
    net(data[0][:1])
    print(f"after the first: {net[0]}, {net[0].weight.shape}")
    difference, *losses = in_gluon(net, data)
    print(f"ten steps in both: losses {losses[0]:.4f} and {losses[1]:.4f}, ", end="")
    print(f"weights differ by less than 1e-5: {difference < 1e-5}")

    loss = train(net, data, args.epochs)
    print(f"after {args.epochs} epochs: loss {loss:.3f}, ", end="")
    print(f"held out {percent_right(net, held_out):.1f} % read right")


if __name__ == "__main__":
    main()
