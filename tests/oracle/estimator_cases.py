"""Training runs of Estimator, and what is to be seen of them, for MXNet and for microlazy."""

import os
import re
import tempfile
import warnings

import numpy


class Lines(list):
    """Keeps what is logged."""

    def write(self, text):
        self.extend(re.sub(r"\d+\.\d+s", "#s", line.rstrip()) for line in text.splitlines())

    def flush(self):
        pass


class Tools:
    """A network with constant weights, data, and loaders of it."""

    def __init__(self, mx, estimator):
        import logging

        self.mx, self.e = mx, estimator
        self.lines = Lines()
        rng = numpy.random.RandomState(0)
        self.x = mx.nd.array(rng.uniform(-1, 1, (10, 4)))
        self.y = mx.nd.array(rng.randint(3, size=10))
        self.net = mx.gluon.nn.Dense(3, in_units=4)
        self.net.initialize(mx.init.Constant(0.1))
        self.loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        self._stream = logging.StreamHandler(self.lines)

    def loader(self, batch_size=4):
        data = self.mx.gluon.data
        return data.DataLoader(data.ArrayDataset(self.x, self.y), batch_size)

    def estimator(self, loss=None, lr=0.5, **options):
        trainer = self.mx.gluon.Trainer(self.net.collect_params(), "sgd", {"learning_rate": lr})
        made = self.e.Estimator(self.net, loss or self.loss, trainer=trainer, **options)
        made.logger.handlers = [self._stream]
        return made


def fit_epochs(t, folder):
    t.estimator().fit(t.loader(), epochs=2)


def fit_with_validation(t, folder):
    t.estimator().fit(t.loader(), t.loader(5), epochs=2)


def fit_batches(t, folder):
    made = t.estimator()
    handler = t.e.LoggingHandler(log_interval=2, metrics=made.train_metrics)
    made.fit(t.loader(), batches=5, event_handlers=[handler])


def other_loss_and_metrics(t, folder):
    metrics = t.mx.metric
    made = t.estimator(train_metrics=[metrics.Accuracy(), metrics.TopKAccuracy(2)])
    made.fit(t.loader(), t.loader(), epochs=1)
    t.lines.extend(metric.name for metric in made.val_metrics)


def regression(t, folder):
    t.net = t.mx.gluon.nn.Dense(1, in_units=4)
    t.net.initialize(t.mx.init.Constant(0.1))
    t.estimator(t.mx.gluon.loss.L2Loss()).fit(t.loader(), epochs=1)


def validation_now_and_then(t, folder):
    made = t.estimator()
    handler = t.e.ValidationHandler(t.loader(), made.evaluate, epoch_period=2, batch_period=4)
    made.fit(t.loader(), epochs=3, event_handlers=[handler])


def checkpoints(t, folder):
    made = t.estimator()
    handler = t.e.CheckpointHandler(
        folder, "net", epoch_period=2, batch_period=2, max_checkpoints=3
    )
    made.fit(t.loader(), epochs=4, event_handlers=handler)


def checkpoints_said(t, folder):
    t.net.hybridize()
    made = t.estimator()
    accuracy = made.train_metrics[0]
    handler = t.e.CheckpointHandler(
        folder, monitor=accuracy, save_best=True, mode="max", verbose=1, max_checkpoints=2
    )
    made.fit(t.loader(), epochs=3, event_handlers=[handler])


def early_stopping(t, folder):
    made = t.estimator(lr=4.0)
    handler = t.e.EarlyStoppingHandler(made.train_metrics[1], patience=2, mode="min")
    made.fit(t.loader(), epochs=9, event_handlers=[handler])
    t.lines.append(f"{handler.wait} {handler.stopped_epoch} {handler.current_epoch}")


def resumed(t, folder):
    for epochs in (2, 4):
        handler = t.e.CheckpointHandler(folder, resume_from_checkpoint=True)
        t.estimator().fit(t.loader(), epochs=epochs, event_handlers=[handler])
        t.lines.append(str(t.net.weight.data().asnumpy().round(4).tolist()))
        t.net.initialize(t.mx.init.Constant(0.7), force_reinit=True)


def evaluation(t, folder):
    t.estimator().evaluate(t.loader())


def own_handler(t, folder):
    class Teller(
        t.e.TrainBegin, t.e.TrainEnd, t.e.EpochBegin, t.e.EpochEnd, t.e.BatchBegin, t.e.BatchEnd
    ):
        def train_begin(self, estimator, *args, **kwargs):
            t.lines.append(f"train_begin {kwargs}")

        def train_end(self, estimator, *args, **kwargs):
            t.lines.append(f"train_end {kwargs}")

        def epoch_begin(self, estimator, *args, **kwargs):
            t.lines.append(f"epoch_begin {kwargs}")

        def epoch_end(self, estimator, *args, **kwargs):
            t.lines.append(f"epoch_end {kwargs}")

        def batch_begin(self, estimator, *args, **kwargs):
            t.lines.append(f"batch_begin {sorted(kwargs)}")

        def batch_end(self, estimator, *args, **kwargs):
            shapes = [part.shape for part in kwargs["pred"] + kwargs["label"] + kwargs["loss"]]
            t.lines.append(f"batch_end {sorted(kwargs)} {shapes}")
            return len(kwargs["label"][0].asnumpy()) == 2

    t.estimator().fit(t.loader(), epochs=2, event_handlers=[Teller()])


def refused(make):
    def run(t, folder):
        try:
            make(t, folder)
        except Exception as error:
            t.lines.append(type(error).__name__)

    return run


def _finished(t, folder):
    for _ in range(2):
        handler = t.e.CheckpointHandler(folder, resume_from_checkpoint=True)
        t.estimator().fit(t.loader(), epochs=1, event_handlers=[handler])


def _foreign_metrics(t, folder):
    handler = t.e.LoggingHandler(metrics=[t.mx.metric.Accuracy()])
    t.estimator().fit(t.loader(), epochs=1, event_handlers=[handler])


CASES = {
    name: run
    for name, run in globals().items()
    if callable(run) and not name.startswith("_") and name.islower() and name != "refused"
} | {
    "both": refused(lambda t, f: t.estimator().fit(t.loader(), epochs=1, batches=1)),
    "neither": refused(lambda t, f: t.estimator().fit(t.loader())),
    "no loader": refused(lambda t, f: t.estimator().fit([(t.x, t.y)], epochs=1)),
    "no loader to evaluate": refused(lambda t, f: t.estimator().evaluate([(t.x, t.y)])),
    "no handler": refused(lambda t, f: t.estimator().fit(t.loader(), epochs=1, event_handlers=[1])),
    "no loss": refused(lambda t, f: t.estimator(loss="l2")),
    "no metric": refused(lambda t, f: t.estimator(train_metrics=["acc"])),
    "no trainer": refused(lambda t, f: t.e.Estimator(t.net, t.loss, trainer="sgd")),
    "no processor": refused(lambda t, f: t.estimator(batch_processor=3)),
    "no context": refused(lambda t, f: t.estimator(context="cpu")),
    "foreign metrics": refused(_foreign_metrics),
    "finished": refused(_finished),
    "best of nothing": refused(lambda t, f: t.e.CheckpointHandler(f, save_best=True)),
    "interval": refused(lambda t, f: t.e.LoggingHandler(log_interval="batch")),
    "no monitor": refused(lambda t, f: t.e.EarlyStoppingHandler("accuracy")),
    "composite": refused(
        lambda t, f: t.e.EarlyStoppingHandler(t.mx.metric.CompositeEvalMetric(["acc"]))
    ),
}


def seen(name, mx, estimator):
    """What a run logged, and the names of the files that it left."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tools = Tools(mx, estimator)
        CASES[name](tools, folder)
        lines = [line.replace(folder, "FOLDER") for line in tools.lines]
        return lines + sorted(os.listdir(folder))
