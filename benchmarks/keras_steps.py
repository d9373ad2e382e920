"""The workloads in the dialect of Keras, as its tutorials write them."""

from benchmarks.workloads import MLPS, NETWORKS, TEXTS, Images, Step, Text
from microlazy import np
from microlazy.dialects import keras
from microlazy.dialects.keras import layers


def perceptron(sizes: tuple[int, ...]) -> keras.Sequential:
    """Return a network with the given sizes, its input size left to be found."""
    hidden = [layers.Dense(units, activation="relu") for units in sizes[1:-1]]
    return keras.Sequential([*hidden, layers.Dense(sizes[-1])])


def lenet() -> keras.Sequential:
    return keras.Sequential(
        [
            layers.Conv2D(6, 5, padding="same", activation="sigmoid"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="sigmoid"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="sigmoid"),
            layers.Dense(84, activation="sigmoid"),
            layers.Dense(10),
        ]
    )


def characters(work: Text) -> keras.Sequential:
    memory = layers.LSTM(work.hidden, return_sequences=True)
    return keras.Sequential([memory, layers.Dense(work.characters)])


NETS = {"lenet": lenet, "lenet16": lenet, "lstm": lambda: characters(TEXTS["lstm"])}


def build(workload: str) -> Step | None:
    """Return the step of a workload: what `fit` does with a batch; None if it is not written."""
    if workload not in MLPS and workload not in NETS:
        return None
    work = NETWORKS[workload]
    net = NETS[workload]() if workload in NETS else perceptron(MLPS[workload].sizes)
    x, y = work.data()
    if isinstance(work, Images):
        x = x.transpose(0, 2, 3, 1)
    if isinstance(work, Text):
        x, y = x.swapaxes(0, 1), y.reshape(work.steps, work.batch).T
    optimizer = keras.optimizers.SGD(work.learning_rate, momentum=work.momentum)
    net.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batch = np.array(x), np.array(y)
    return lambda: net.train_on_batch(*batch)
