"""Train language models, an LSTM and a GRU, to write Python's manual letter by letter.

What you learn: how a recurrent layer reads a batch of texts, carries its state from one batch to
the next (and why it is detached there), how a gradient is clipped, and how text is drawn from a
model. The text is the help on Python's statements that the standard library holds
(`pydoc_data.topics`). Of each letter the models are asked how likely they thought it was: e to the
mean loss, the perplexity, says among how many letters they would have to guess. The picture shows
how it falls, beside that of a table of how often one letter follows another.

Run: python tutorials/language_models.py [--epochs 6] [--output DIR]
"""

import argparse
import math
from pathlib import Path
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy
from tqdm import tqdm

import microlazy as mx
from microlazy import autograd, gluon, init, np, npx
from microlazy.gluon import nn, rnn

npx.set_np()

SUBJECTS = ("assignment", "class", "for", "function", "if", "import", "try", "while", "with")
BATCH, STEPS = 16, 32


class LanguageModel(nn.HybridBlock):
    """Says for each letter which one may come next."""

    def __init__(self, layer, letters, **kwargs):
        super().__init__(**kwargs)
        self.embedding = nn.Embedding(letters, 32)
        self.layer = layer  # an input of any size: it finds out that there are 32 numbers
        self.scores = nn.Dense(letters, flatten=False)

    def forward(self, text, state):
        """Take letters (steps, batch) and a state; return scores and the state behind them."""
        hidden, state = self.layer(self.embedding(text), state)
        return self.scores(hidden), state


def the_text():
    """Return the help on some statements, without the lines that only underline a title."""
    lines = "".join(topics[name] for name in SUBJECTS).splitlines()
    text = "\n".join(line for line in lines if len(set(line)) != 1)
    return "".join(letter for letter in text if letter.isascii())


def batches(codes):
    """Cut a text into rows that are read side by side, and these into steps.

    Each batch continues the one before it, row by row; the labels are the letters one step later.
    """
    length = (len(codes) - 1) // BATCH
    rows = codes[: BATCH * length].reshape(BATCH, length).T
    after = codes[1 : BATCH * length + 1].reshape(BATCH, length).T
    for start in range(0, length - STEPS + 1, STEPS):
        yield np.array(rows[start : start + STEPS]), np.array(after[start : start + STEPS])


def mean_loss(model, codes, loss_of):
    """Return the mean loss of a letter."""
    state = model.layer.begin_state(batch_size=BATCH)
    losses = []
    for text, after in batches(codes):
        scores, state = model(text, state)
        losses.append(loss_of(scores, after).mean().item())
    return numpy.mean(losses)


def train(model, codes, held_out, epochs, name):
    """Train for some epochs; return the perplexity of the held-out text after each."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    parameters = model.collect_params()
    trainer = gluon.Trainer(parameters, "adam", {"learning_rate": 0.004})
    history = []
    with tqdm(range(epochs), desc=name, unit="epoch", leave=False) as progress:
        for _ in progress:
            state = model.layer.begin_state(batch_size=BATCH)
            for text, after in batches(codes):
                # The state comes from the batch before; its gradient need not go back there.
                state = [part.detach() for part in state]
                with autograd.record():
                    scores, state = model(text, state)
                    loss = loss_of(scores, after).mean()
                loss.backward()
                gradients = [p.grad() for p in parameters.values()]
                gluon.utils.clip_global_norm(gradients, 1.0)
                trainer.step(1)
            history.append(math.exp(mean_loss(model, held_out, loss_of)))
            progress.set_postfix(perplexity=f"{history[-1]:.2f}")
    return history


def pair_perplexity(codes, held_out, letters):
    """Return the perplexity of a table of pairs of letters, each counted once too often."""
    counts = numpy.ones((letters, letters))
    numpy.add.at(counts, (codes[:-1], codes[1:]), 1)
    likely = counts / counts.sum(axis=1, keepdims=True)
    return math.exp(-numpy.log(likely[held_out[:-1], held_out[1:]]).mean())


def write(model, alphabet, start, length, rng, sharpness=1.5):
    """Let a model continue a text: draw each letter from what the model says of it."""
    state = model.layer.begin_state(batch_size=1)
    codes = [alphabet.index(letter) for letter in start]
    scores, state = model(np.array(codes)[:, None], state)
    for _ in range(length):
        likely = npx.softmax(scores[-1, 0] * sharpness).asnumpy().astype("float64")
        codes.append(rng.choice(len(alphabet), p=likely / likely.sum()))
        scores, state = model(np.array(codes[-1:])[:, None], state)
    return "".join(alphabet[code] for code in codes)


def main():
    """Read the text, train both models, let them write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0, help="of the models and of what they write")
    parser.add_argument("--output", type=Path, default=Path("."), help="for the picture")
    args = parser.parse_args()
    if args.epochs < 1:
        parser.error("--epochs must be at least 1")
    args.output.mkdir(parents=True, exist_ok=True)

    text = the_text()
    alphabet = sorted(set(text))
    codes = numpy.array([alphabet.index(letter) for letter in text])
    cut = len(codes) * 9 // 10
    print(f"{len(text):,} letters of {len(alphabet)} kinds")

    pairs = pair_perplexity(codes[:cut], codes[cut:], len(alphabet))
    print(f"a table of pairs: perplexity {pairs:.2f}")
    histories = {}
    for name, layer in (("LSTM", rnn.LSTM(128)), ("GRU", rnn.GRU(128))):
        mx.random.seed(args.seed)
        model = LanguageModel(layer, len(alphabet))
        model.initialize(init.Xavier())
        histories[name] = train(model, codes[:cut], codes[cut:], args.epochs, name)
        print(f"{name}: {layer}, perplexity {histories[name][-1]:.2f}; it writes:")
        written = write(model, alphabet, 'The "', 200, numpy.random.default_rng(args.seed))
        print("    " + " ".join(written.split()))

    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    for (name, history), color in zip(histories.items(), ("#30638e", "#d1495b"), strict=True):
        epochs = range(1, len(history) + 1)
        axes.plot(epochs, history, color=color, marker="o", markersize=4, label=name)
    axes.axhline(pairs, color="#8d99ae", linestyle="--", label="a table of pairs of letters")
    axes.set(
        xlabel="epoch",
        ylabel="perplexity of text not seen before",
        title="Among how many letters would the model have to guess?",
        ylim=(0, None),
    )
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(args.output / "language_models.png", dpi=120)
    plt.close(figure)
    print(f"saved {args.output / 'language_models.png'}")


if __name__ == "__main__":
    main()
