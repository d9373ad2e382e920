"""The error for names of Keras that are not here, with the nearest thing that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NoReturn

from ... import foreign

_NEAREST = {
    "Add": "a + b in the call() of a Model",
    "Adadelta": "optimizers.Adam; microlazy.optimizer.AdaDelta has no learning rate",
    "Adagrad": "optimizers.Adam; microlazy.optimizer.AdaGrad begins its history with 0",
    "Bidirectional": "microlazy.gluon.rnn.LSTM(bidirectional=True), which a model may hold",
    "Concatenate": "tf.concat(arrays, axis) in the call() of a Model",
    "Conv1D": "microlazy.gluon.nn.Conv1D, which a model may hold",
    "Conv2DTranspose": "microlazy.gluon.nn.Conv2DTranspose, which a model may hold",
    "Conv3D": "microlazy.gluon.nn.Conv3D, which a model may hold",
    "GRU": "layers.LSTM, or microlazy.gluon.rnn.GRU, which a model may hold",
    "Lambda": "layers.Activation(function), or a Layer with call()",
    "ModelCheckpoint": "callbacks.Callback with model.save_weights() in on_epoch_end()",
    "Nadam": "optimizers.Adam; microlazy.optimizer.Nadam has a schedule of the momentum",
    "Reshape": "a Layer whose call() returns inputs.reshape(...)",
    "SimpleRNN": "layers.LSTM, or microlazy.gluon.rnn.RNN, which a model may hold",
    "Softmax": "layers.Activation('softmax')",
    "Variable": "layer.add_weight(), or an array that a GradientTape watches",
    "applications": "microlazy.gluon.model_zoo.vision, whose networks a model may hold",
    "backend": "microlazy.np and microlazy.npx",
    "data": "microlazy.gluon.data.DataLoader, which fit() takes",
    "concatenate": "tf.concat(arrays, axis) in the call() of a Model",
    "datasets": "microlazy.gluon.data.vision",
    "function": "the function itself; network.hybridize() replays a network from a plan",
    "load_model": "the class of the network and model.load_weights(path)",
    "ops": "microlazy.np and microlazy.npx",
    "plot_model": "microlazy.viz",
    "preprocessing": "microlazy.image, or microlazy.gluon.data.vision.transforms",
    "regularizers": "AdamW's weight_decay",
    "schedules": "microlazy.lr_scheduler, which an optimizer takes as its learning rate",
}


def teller(module: str, names: Iterable[str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module, which says what there is for a name that it does not have.

    Examples
    --------
    >>> teller("microlazy.dialects.keras.layers", [])("GRU")
    Traceback (most recent call last):
    ...
    AttributeError: module 'microlazy.dialects.keras.layers' has no attribute 'GRU'; write
    layers.LSTM, or microlazy.gluon.rnn.GRU, which a model may hold
    """
    return foreign.teller(module, names, _NEAREST)
