"""Train with one process and with four: the same script, the same network in the end.

What you learn: how a program for one process becomes one for many (four lines of `train` below),
how a batch is divided so that every sample is seen once in an epoch, why all workers keep the same
network though each sees other samples, and how little it differs from that of a single process. A
network learns to read 1,797 handwritten digits; a fifth is held out. The picture shows both
learning curves, how far apart the two networks are, and who gets what of a batch.

MPI starts the processes. `pip install mpi4py mpich` brings it, mpiexec included; without it the
lesson shows one process only.

Run: python tutorials/one_script_many_processes.py [--epochs 8] [--output DIR]
Each training by itself: mpiexec -n 4 python tutorials/one_script_many_processes.py --train FILE
"""

import argparse
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy
from sklearn.datasets import load_digits
from tqdm import tqdm

import microlazy as mx
from microlazy import autograd, gluon, init, nd
from microlazy.gluon import nn

BATCH = 90
WORKERS = 4
COLORS = ("#30638e", "#d1495b", "#edae49", "#8d99ae")


def data():
    """Return the images and labels to learn from, and those that are held out."""
    digits = load_digits()
    images = (digits.images.reshape(-1, 64) / 16).astype("float32")
    order = numpy.random.default_rng(0).permutation(len(images))
    held, rest = order[: len(order) // 5], order[len(order) // 5 :]
    return (images[rest], digits.target[rest]), (images[held], digits.target[held])


def batches(length, store):
    """Return a sampler of this worker's part of each batch.

    All workers draw the same batches, as they begin with the same seed.
    """
    whole = gluon.data.BatchSampler(gluon.data.RandomSampler(length), BATCH)
    return gluon.data.SplitBatchSampler(whole, store.num_workers, store.rank)


def train(store, epochs):
    """Train a network; return the mean loss and the accuracy after each epoch, and the network."""
    (images, labels), (held, answers) = data()
    mx.random.seed(0)
    numpy.random.seed(0)
    net = nn.HybridSequential()
    net.add(nn.Dense(64, activation="tanh"), nn.SyncBatchNorm(), nn.Dense(10))
    net.initialize(init.Xavier())
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    options = {"learning_rate": 0.1, "momentum": 0.9}
    trainer = gluon.Trainer(net.collect_params(), "sgd", options, kvstore=store)
    loader = gluon.data.DataLoader(
        gluon.data.ArrayDataset(images, labels), batch_sampler=batches(len(images), store)
    )
    curve = []
    rounds = range(epochs)
    for _ in tqdm(rounds, processes(store.num_workers)) if store.rank == 0 else rounds:
        total = 0.0
        for x, y in loader:
            with autograd.record():
                loss = loss_of(net(x), y)
            loss.backward()
            trainer.step(trainer.whole_batch(len(x)))
            total += loss.sum().asscalar().item()
        found = net(nd.array(held)).asnumpy().argmax(1)
        mean = trainer.whole_batch(total) / len(images)  # it adds up whatever workers give
        curve.append((mean, 100 * (found == answers).mean()))
    return curve, [p.data().asnumpy() for p in net.collect_params().values()]


def processes(count):
    """Say how many."""
    return "1 process" if count == 1 else f"{count} processes"


def launcher():
    """Return what starts MPI's processes; None if there is no MPI."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    return found if importlib.util.find_spec("mpi4py") else None


def run(workers, epochs, path):
    """Run this script in some processes; return what the first of them saved."""
    command = [sys.executable, __file__, "--epochs", str(epochs), "--train", str(path)]
    mpiexec = launcher()
    if mpiexec is not None:
        command = [mpiexec, "-n", str(workers), *command]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    with numpy.load(path) as saved:
        return saved["curve"], [saved[name] for name in saved.files if name != "curve"]


def draw(curves, distance, path):
    """Draw the learning curves, how far the networks are apart, and the parts of a batch."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), constrained_layout=True)
    for (workers, curve), style, color in zip(curves.items(), ("-", "o"), COLORS, strict=False):
        epochs = range(1, len(curve) + 1)
        left.plot(epochs, curve[:, 0], style, color=color, label=processes(workers))
    left.set(title="Loss of an epoch", xlabel="epoch", ylabel="cross-entropy")
    left.legend(frameon=False)
    if distance is None:
        middle.text(0.5, 0.5, "install MPI to see\na second curve", ha="center", va="center")
        middle.set_axis_off()
    else:
        names = ["weight", "bias", "gamma", "beta", "mean", "variance", "weight", "bias"]
        middle.bar(range(len(distance)), distance, color=COLORS[0])
        middle.axhline(2.0**-23, color="gray", label="rounding of float32")
        middle.legend(frameon=False)
        middle.set_xticks(range(len(distance)), names, rotation=45, ha="right")
        middle.set(title="Largest relative difference", yscale="log", ylim=(1e-8, 1e-3))
    parts = numpy.array_split(numpy.arange(BATCH), WORKERS)
    for rank, part in enumerate(parts):
        right.barh(rank, len(part), left=part[0], color=COLORS[rank])
        right.text(part.mean(), rank, f"{len(part)} samples", ha="center", va="center", color="w")
    right.set(title=f"A batch of {BATCH} over {WORKERS} workers", xlabel="place in the batch")
    right.set_yticks(range(WORKERS), [f"worker {rank}" for rank in range(WORKERS)])
    right.invert_yaxis()
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--output", type=Path, default=Path())
    parser.add_argument("--train", type=Path, help="train as one of the workers, and save here")
    args = parser.parse_args()
    if args.epochs < 1:
        parser.error("--epochs must be at least 1")
    return args


def work(args):
    """Do what each process does."""
    store = mx.kv.create("local" if launcher() is None else "dist_sync")
    curve, values = train(store, args.epochs)
    if store.rank == 0:
        numpy.savez(args.train, *values, curve=numpy.array(curve))


def lesson(args):
    """Start the trainings and compare them."""
    args.output.mkdir(parents=True, exist_ok=True)
    saved = args.output / "one_script_many_processes.npz"
    curves: dict[int, Any] = {}
    networks = []
    for workers in (1, WORKERS) if launcher() else (1,):
        curves[workers], network = run(workers, args.epochs, saved)
        networks.append(network)
        loss, accuracy = curves[workers][-1]
        print(f"{processes(workers)}: loss {loss:.6f}, {accuracy:.1f} % of held-out digits")
    saved.unlink()
    distance = None
    if len(networks) > 1:
        distance = [float(abs(a - b).max() / abs(a).max()) for a, b in zip(*networks, strict=True)]
        print(f"the networks differ by {max(distance):.1e} of their largest numbers")
    else:
        print("install mpi4py and mpich to see the same with four processes")
    path = args.output / "one_script_many_processes.png"
    draw(curves, distance, path)
    print(f"saved {path}")


if __name__ == "__main__":
    given = arguments()
    if given.train:
        work(given)
    else:
        lesson(given)
