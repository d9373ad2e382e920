"""Train a small transformer to write words backwards, and look at what it attends to.

What you learn: attention with several heads written in a dozen lines, positions, masks for words of
unequal length, residual connections with layer normalization, and a schedule that warms up. The
words are those of the help that the standard library holds (`pydoc_data.topics`). Nobody tells the
network where to look. The picture shows where it does: the first letter that it writes looks at the
last letter of the word, the second at the one before it, and so on.

Run: python tutorials/transformer.py [--steps 500] [--output DIR]
"""

import argparse
import math
import re
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import matplotlib.pyplot as plt
import numpy
from tqdm import tqdm

import microlazy as mx
from microlazy import autograd, gluon, init, lr_scheduler, np, npx
from microlazy.gluon import nn

npx.set_np()

ALPHABET = " abcdefghijklmnopqrstuvwxyz"  # the space fills short words up
LONGEST = 10


class Attention(nn.HybridBlock):
    """Lets each place of a word look at all others, with several heads (Vaswani et al. 2017)."""

    def __init__(self, width, heads, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.queries = nn.Dense(width, use_bias=False, flatten=False)
        self.keys = nn.Dense(width, use_bias=False, flatten=False)
        self.values = nn.Dense(width, use_bias=False, flatten=False)
        self.join = nn.Dense(width, flatten=False)

    def split(self, x):
        """Turn (words, places, width) into (words * heads, places, width / heads)."""
        words, places, width = x.shape
        x = x.reshape(words, places, self.heads, width // self.heads)
        return x.transpose(0, 2, 1, 3).reshape(words * self.heads, places, -1)

    def weights(self, x, lengths):
        """Return how much each place looks at each other: (words * heads, places, places)."""
        queries, keys = self.split(self.queries(x)), self.split(self.keys(x))
        scores = npx.batch_dot(queries, keys, transpose_b=True) / math.sqrt(queries.shape[2])
        # Nothing behind a word's end is looked at.
        places = np.broadcast_to(lengths.repeat(self.heads)[:, None], scores.shape[:2])
        return npx.softmax(scores, places, use_length=True)

    def forward(self, x, lengths):
        words, places, width = x.shape
        seen = npx.batch_dot(self.weights(x, lengths), self.split(self.values(x)))
        seen = seen.reshape(words, self.heads, places, -1).transpose(0, 2, 1, 3)
        return self.join(seen.reshape(words, places, width))


class Layer(nn.HybridBlock):
    """Attention, then a network for each place; both add to what came in."""

    def __init__(self, width, heads, **kwargs):
        super().__init__(**kwargs)
        self.attention = Attention(width, heads)
        self.before, self.after = nn.LayerNorm(), nn.LayerNorm()
        self.network = nn.HybridSequential()
        self.network.add(
            nn.Dense(2 * width, activation="relu", flatten=False), nn.Dense(width, flatten=False)
        )

    def forward(self, x, lengths):
        x = x + self.attention(self.before(x), lengths)
        return x + self.network(self.after(x))


class Transformer(nn.HybridBlock):
    """Says for each place of a word which letter belongs there."""

    def __init__(self, width=48, heads=2, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.letters = nn.Embedding(len(ALPHABET), width)
        self.places = nn.Embedding(LONGEST, width)
        self.lengths = nn.Embedding(LONGEST + 1, width)
        self.layers = nn.HybridSequential()
        for _ in range(depth):
            self.layers.add(Layer(width, heads))
        self.scores = nn.Dense(len(ALPHABET), flatten=False)

    def enter(self, words, lengths):
        """Return what is known of each place: its letter, where it is, how long the word is."""
        places = self.places(np.arange(words.shape[1]))
        return self.letters(words) + places + self.lengths(lengths)[:, None]

    def forward(self, words, lengths):
        x = self.enter(words, lengths)
        for layer in self.layers:
            x = layer(x, lengths)
        return self.scores(x)


def encode(words):
    """Return words as numbers (words, LONGEST), and their lengths."""
    codes = numpy.array([[ALPHABET.index(c) for c in word.ljust(LONGEST)] for word in words])
    return np.array(codes), np.array([len(word) for word in words], dtype="int32")


def backwards(net, words):
    """Return what the network writes for each word."""
    written = net(*encode(words)).argmax(axis=2).asnumpy().astype(int)
    return ["".join(ALPHABET[code] for code in row).rstrip() for row in written]


def train(net, words, steps, rng):
    """Train on random words; return the loss of each step."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    schedule = lr_scheduler.CosineScheduler(
        max_update=steps, base_lr=0.004, warmup_steps=min(50, steps - 1)
    )
    trainer = gluon.Trainer(net.collect_params(), "adam", {"lr_scheduler": schedule})
    losses = []
    with tqdm(range(steps), unit="step", leave=False) as progress:
        for _ in progress:
            batch = rng.choice(words, 64)
            x, lengths = encode(batch)
            y, _ = encode([word[::-1] for word in batch])
            with autograd.record():
                loss = loss_of(net(x, lengths), y)
            loss.backward()
            trainer.step(len(batch))
            losses.append(loss.mean().item())
            progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    return losses


def draw(net, word, losses, path):
    """Draw the loss, and what every head of every layer looks at while it reads a word."""
    words, lengths = encode([word])
    x = net.enter(words, lengths)
    maps = []
    for layer in net.layers:
        maps.append(layer.attention.weights(layer.before(x), lengths).asnumpy())
        x = layer(x, lengths)
    heads = numpy.concatenate(maps)[:, : len(word), : len(word)]

    figure = plt.figure(figsize=(11, 5), layout="constrained")
    panels: Any = figure.subfigures(1, 2, width_ratios=(1, 1.3))
    left, right = panels
    axes = left.subplots()
    axes.plot(losses, color="#30638e", linewidth=0.9)
    axes.set(xlabel="step", ylabel="loss of a letter", yscale="log")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    right.suptitle(f"What each head looks at, to write “{word}” backwards")
    frames = right.subplots(len(maps), len(heads) // len(maps), squeeze=False)
    for number, (frame, head) in enumerate(zip(frames.ravel(), heads, strict=True)):
        frame.imshow(head, cmap="Blues", vmin=0, vmax=1)
        frame.set_xticks(range(len(word)), list(word))
        frame.set_yticks(range(len(word)), list(word[::-1]))
        frame.set_title(f"layer {number // len(maps[0]) + 1}, head {number % len(maps[0]) + 1}")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return heads


def main():
    """Gather the words, train, try words that were held out, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="of the words and the network")
    parser.add_argument("--output", type=Path, default=Path("."), help="for the picture")
    args = parser.parse_args()
    if args.steps < 2:
        parser.error("--steps must be at least 2")
    args.output.mkdir(parents=True, exist_ok=True)
    rng = numpy.random.default_rng(args.seed)
    mx.random.seed(args.seed)

    found = re.findall(r"[a-z]+", " ".join(topics.values()))
    words = sorted({word for word in found if 3 <= len(word) <= LONGEST})
    rng.shuffle(words)
    held_out, words = words[:300], words[300:]
    print(f"{len(words)} words to learn from, {len(held_out)} held out")

    net = Transformer()
    net.initialize(init.Xavier())
    losses = train(net, words, args.steps, rng)
    written = backwards(net, held_out)
    right = sum(word[::-1] == back for word, back in zip(held_out, written, strict=True))
    for word, back in list(zip(held_out, written, strict=True))[:5]:
        print(f"    {word:>{LONGEST}}  {back}")
    print(f"of {len(held_out)} words never seen before it writes {right} backwards without a fault")

    example = max(held_out, key=len)
    heads = draw(net, example, losses, args.output / "transformer.png")
    mirrored = max(head[::-1].diagonal().mean() for head in heads)
    print(f"the clearest head gives {100 * mirrored:.0f} % of its look to the mirrored place")
    print(f"saved {args.output / 'transformer.png'}")


if __name__ == "__main__":
    main()
