"""Read handwritten digits with a network written in Keras' words.

What you learn: a program of Keras runs with another first line. The network of `train_digits.py`
is built when `fit` gives it the first batch; its layers are Gluon's, so it reads as many digits.

Run: python tutorials/digits_in_keras.py [--epochs 60]
"""

import argparse

import numpy
from sklearn.datasets import load_digits

from microlazy.dialects import keras
from microlazy.lr_scheduler import CosineScheduler

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--epochs", type=int, default=60)
epochs = parser.parse_args().epochs
keras.utils.set_random_seed(0)

digits = load_digits()
images, labels = (digits.data / 16).astype("float32"), digits.target
order = numpy.random.default_rng(0).permutation(len(images))
held_out, rest = order[: len(order) // 5], order[len(order) // 5 :]

net = keras.Sequential(
    [
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10),
    ]
)
print("before the first batch:", [layer.get_weights() for layer in net.layers])
rate = CosineScheduler(epochs * -(-len(rest) // 64), base_lr=0.002)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
net.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
history = net.fit(images[rest], labels[rest], batch_size=64, epochs=epochs, verbose=0)
print("after it:", [w.shape for w in net.get_weights()])
net.summary()

right = net.evaluate(images[held_out], labels[held_out], verbose=0)[1]
print(f"loss {history.history['loss'][0]:.4f} at first, {history.history['loss'][-1]:.4f} at last")
print(f"held out: {round(right * len(held_out))} of {len(held_out)} read right, {right:.2%}")
