"""Estimator: what MXNet's logs, refuses and leaves behind; runs that go on where others ended."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, metric, nd, np, npx
from microlazy.base import MXNetError
from microlazy.gluon.contrib import estimator as e
from microlazy.gluon.contrib.estimator import _progress
from tests.oracle.estimator_cases import CASES, seen

HERE = Path(__file__).parent
ANSWERS = json.loads((HERE / "oracle/estimator.json").read_text())

# Where we do not follow: numbers that MXNet gets wrong, and epochs that it counts anew.
CORRECTIONS = {
    "checkpoints_said": {
        "improved from 0.30000 to 0.30000": "improved from -inf to 0.30000",
        "improved from 0.50000 to 0.50000": "improved from 0.30000 to 0.50000",
        "[Epoch 9] CheckpointHandler": "[Epoch 2] CheckpointHandler",
    },
    "resumed": {
        "[Epoch 0] Begin": "[Epoch 2] Begin",
        "[Epoch 0] Fin": "[Epoch 2] Fin",
        "[Epoch 1] Begin": "[Epoch 3] Begin",
        "[Epoch 1] Fin": "[Epoch 3] Fin",
        "with 2 epochs": "with 4 epochs",
    },
}


@pytest.mark.parametrize("name", CASES)
def test_runs_look_as_in_mxnet(name):
    expected = [line for line in ANSWERS[name] if "symbol" not in line]
    again = next((i for i, line in enumerate(expected) if "resumed from" in line), 0)
    for i in range(again, len(expected)):
        for theirs, ours in CORRECTIONS.get(name, {}).items():
            expected[i] = expected[i].replace(theirs, ours)
    lines = seen(name, mx, e)
    assert [line for line in lines if not line.endswith(".progress")] == expected


# ---- runs ----


def data(count=20, seed=0):
    rng = numpy.random.default_rng(seed)
    x = rng.normal(size=(count, 5)).astype("float32")
    return gluon.data.ArrayDataset(x, (x.sum(1) > 0).astype("float32"))


def loader(**options):
    return gluon.data.DataLoader(data(), 4, **{"shuffle": True, **options})


class Run:
    """A network that draws random numbers, and an estimator that trains it."""

    def __init__(self, seed=1, make=None, loss=None, **options):
        mx.random.seed(seed)
        numpy.random.seed(seed)
        self.net = make() if make else network()
        self.net.initialize()
        schedule = mx.lr_scheduler.FactorScheduler(7, 0.9, base_lr=0.05)
        self.trainer = gluon.Trainer(self.net.collect_params(), "adam", {"lr_scheduler": schedule})
        loss = loss or gluon.loss.SoftmaxCrossEntropyLoss()
        self.estimator = e.Estimator(self.net, loss, trainer=self.trainer, **options)
        self.log = io.StringIO()
        self.estimator.logger.handlers = [logging.StreamHandler(self.log)]

    def values(self):
        return [p.data().asnumpy() for p in self.net.collect_params().values()]


def network():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(8, activation="relu"), gluon.nn.BatchNorm(), gluon.nn.Dropout(0.3))
    net.add(gluon.nn.Dense(2))
    return net


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        numpy.testing.assert_array_equal(a, b)


def test_a_hybridized_network_is_trained_from_one_plan_to_the_same_bits():
    runs = []
    for hybrid in (False, True):
        run = Run()
        run.net.hybridize(hybrid)
        assert (run.estimator.compiled_step() is not None) == hybrid
        run.estimator.fit(loader(), epochs=3)
        runs.append(run)
    assert_same(runs[0].values(), runs[1].values())
    assert [m.get() for m in runs[0].estimator.train_metrics] == [
        m.get() for m in runs[1].estimator.train_metrics
    ]
    step = runs[1].estimator.compiled_step()
    runs[1].estimator.loss = gluon.loss.SoftmaxCrossEntropyLoss()
    assert runs[1].estimator.compiled_step() is not step


class Interrupt(e.BatchEnd, e.EpochEnd):
    """Raises after some events, as late in them as can be."""

    priority = 1e9

    def __init__(self, after, in_batch=True):
        self.after, self.in_batch = after, in_batch

    def _count(self):
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt

    def batch_end(self, estimator, *args, **kwargs):
        if self.in_batch:
            self._count()

    def epoch_end(self, estimator, *args, **kwargs):
        if not self.in_batch:
            self._count()


def interrupted(after, in_batch, folder, fit, handler, **options):
    """Train until an interrupt, then go on with everything made anew from other seeds."""
    run = Run(**options)
    with pytest.raises(KeyboardInterrupt):
        fit(run, [handler(run, folder), Interrupt(after, in_batch)])
    run = Run(**options, seed=99)
    fit(run, [handler(run, folder)])
    return run


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"last_batch": "rollover", "batch_size": 3},
        {"num_workers": 1},
        {"num_workers": 1, "auto_reload": True},
        {"sampler": gluon.data.SplitSampler(20)},
    ],
    ids=lambda options: " ".join(options) or "nothing",
)
@pytest.mark.parametrize("after", [2, 7, 11, 14])
def test_a_run_goes_on_bit_for_bit(tmp_path, options, after):
    def fit(run, handlers):
        size = options.get("batch_size", 4)
        shuffle = "sampler" not in options
        given = {k: v for k, v in options.items() if k != "batch_size"}
        train = gluon.data.DataLoader(data(), size, shuffle=shuffle, **given)
        run.estimator.fit(train, loader(), epochs=4, event_handlers=handlers)

    def handler(run, folder):
        return e.CheckpointHandler(folder, batch_period=1, resume_from_checkpoint=True)

    whole = Run()
    fit(whole, [handler(whole, tmp_path / "whole")] if "auto_reload" in options else [])
    again = interrupted(after, True, tmp_path / "parts", fit, handler)
    assert_same(whole.values(), again.values())
    assert whole.trainer.learning_rate == again.trainer.learning_rate
    ends = [
        [re.sub(r"[\d.]+s", "", line) for line in run.log.getvalue().splitlines()[-3:]]
        for run in (whole, again)
    ]
    assert ends[0][1:] == ends[1][1:]  # metrics of the last epoch too, and the epoch's number


@pytest.mark.parametrize(("after", "period"), [(2, 1), (3, 2), (4, 3)])
def test_a_run_goes_on_after_an_epoch(tmp_path, after, period):
    def fit(run, handlers):
        run.estimator.fit(loader(), epochs=5, event_handlers=handlers)

    def handler(run, folder):
        return e.CheckpointHandler(folder, epoch_period=period, resume_from_checkpoint=True)

    whole = Run()
    fit(whole, [])
    assert_same(whole.values(), interrupted(after, False, tmp_path, fit, handler).values())


@pytest.mark.parametrize("after", [3, 8])
def test_a_run_of_batches_goes_on(tmp_path, after):
    def fit(run, handlers):
        run.estimator.fit(loader(), batches=13, event_handlers=handlers)

    def handler(run, folder):
        return e.CheckpointHandler(
            folder, epoch_period=None, batch_period=2, resume_from_checkpoint=True
        )

    whole = Run()
    fit(whole, [])
    again = interrupted(after, True, tmp_path, fit, handler)
    assert_same(whole.values(), again.values())
    left = 13 - (after - 1) // 2 * 2
    assert f"continue to train for {left} batches" in again.log.getvalue()
    assert f"Train for {left} batches." in again.log.getvalue()


def test_more_can_be_asked_for_in_the_middle_of_an_epoch(tmp_path):
    for batches in (4, 12):
        run = Run(seed=batches if batches == 4 else 99)
        handler = e.CheckpointHandler(
            tmp_path, epoch_period=None, batch_period=4, resume_from_checkpoint=True
        )
        run.estimator.fit(loader(), batches=batches, event_handlers=handler)
    whole = Run(seed=4)
    whole.estimator.fit(loader(), batches=12)
    assert_same(whole.values(), run.values())


class Noisy(gluon.data.DataLoader):
    """A loader that iterates in its own way."""

    def __iter__(self):
        for x, y in super().__iter__():
            yield x + nd.random.normal(shape=x.shape), y


@pytest.mark.parametrize("after", [3, 8])
def test_a_loader_that_iterates_in_its_own_way_goes_on(tmp_path, after):
    def fit(run, handlers):
        run.estimator.fit(Noisy(data(), 4, shuffle=True), epochs=3, event_handlers=handlers)

    def handler(run, folder):
        return e.CheckpointHandler(folder, batch_period=1, resume_from_checkpoint=True)

    whole = Run()
    fit(whole, [])
    assert_same(whole.values(), interrupted(after, True, tmp_path, fit, handler).values())


class Accumulate(e.GradientUpdateHandler):
    """Steps after every third batch."""

    saved_attributes = ("count",)

    def __init__(self):
        super().__init__()
        self.count = 0

    def batch_end(self, estimator, *args, **kwargs):
        self.count += 1
        if self.count % 3 == 0:
            estimator.trainer.step(12)
            estimator.net.collect_params().zero_grad()


@pytest.mark.parametrize("after", [4, 8])
def test_gradients_that_are_added_up_are_kept(tmp_path, after):
    def make():
        net = network()
        net.collect_params().setattr("grad_req", "add")
        net[1].running_mean.grad_req = net[1].running_var.grad_req = "null"
        return net

    def fit(run, handlers):
        run.estimator.fit(loader(), epochs=3, event_handlers=[*handlers, Accumulate()])

    def handler(run, folder):
        return e.CheckpointHandler(folder, batch_period=1, resume_from_checkpoint=True)

    whole = Run(make=make)
    fit(whole, [])
    again = interrupted(after, True, tmp_path, fit, handler, make=make)
    assert_same(whole.values(), again.values())


def test_patience_and_the_best_network_are_kept(tmp_path):
    """Counters of handlers go on too."""

    def fit(run, handlers):
        loss = run.estimator.val_metrics[1]
        run.stop = e.EarlyStoppingHandler(loss, patience=2, mode="min")
        run.estimator.fit(loader(), loader(), epochs=30, event_handlers=[*handlers, run.stop])

    def handler(run, folder):
        loss = run.estimator.val_metrics[1]
        return e.CheckpointHandler(
            folder, monitor=loss, save_best=True, mode="min", resume_from_checkpoint=True
        )

    whole = Run()
    fit(whole, [handler(whole, tmp_path / "whole")])
    epochs = whole.stop.current_epoch
    assert 2 < epochs < 30
    again = interrupted(epochs - 1, False, tmp_path / "parts", fit, handler)
    assert again.stop.current_epoch == epochs and again.stop.wait == 2
    assert_same(whole.values(), again.values())
    best = [(tmp_path / part / "model-best.params").read_bytes() for part in ("whole", "parts")]
    assert best[0] == best[1]


def test_a_deferred_network_takes_its_sizes_from_the_checkpoint(tmp_path):
    for epochs in (1, 2):
        run = Run()
        assert run.net[0].weight.shape == (8, 0)
        handler = e.CheckpointHandler(tmp_path, resume_from_checkpoint=True)
        run.estimator.fit(loader(), epochs=epochs, event_handlers=handler)
    whole = Run()
    whole.estimator.fit(loader(), epochs=2)
    assert_same(whole.values(), run.values())


def test_a_run_that_is_done_says_so(tmp_path):
    handler = e.CheckpointHandler(tmp_path, resume_from_checkpoint=True)
    Run().estimator.fit(loader(), epochs=2, event_handlers=handler)
    for epochs in (2, 1):
        run = Run()
        run.net(nd.ones((2, 5)))
        before = run.values()
        with pytest.raises(
            ValueError, match=f"^Found checkpoint with maximum number of epoch {epochs}"
        ):
            run.estimator.fit(loader(), epochs=epochs, event_handlers=handler)
        assert_same(before, run.values())


def test_a_run_that_was_killed_after_its_last_checkpoint_ends_at_once(tmp_path):
    class Killed(e.TrainEnd):
        priority = -1

        def train_end(self, estimator, *args, **kwargs):
            raise KeyboardInterrupt

    handler = e.CheckpointHandler(tmp_path, resume_from_checkpoint=True)
    whole = Run()
    with pytest.raises(KeyboardInterrupt):
        whole.estimator.fit(loader(), epochs=2, event_handlers=[handler, Killed()])
    run = Run(seed=5)
    run.estimator.fit(loader(), epochs=2, event_handlers=handler)
    assert_same(whole.values(), run.values())
    assert "continue to train for 0 epochs" in run.log.getvalue()


def test_what_a_killed_process_left_is_no_checkpoint(tmp_path):
    handler = e.CheckpointHandler(tmp_path, resume_from_checkpoint=True, max_checkpoints=2)
    Run().estimator.fit(loader(), epochs=3, event_handlers=handler)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        f"model-epoch{epoch}batch{batch}.{kind}"
        for epoch, batch in ((1, 9), (2, 14))
        for kind in ("params", "progress", "states")
    ]
    (tmp_path / names[0]).unlink()  # half removed
    (tmp_path / "model-epoch9batch9.params").touch()  # half written
    (tmp_path / "model-epoch9batch9.states").touch()
    (tmp_path / "model-epochXbatch9.progress").touch()  # another's
    run = Run()
    run.estimator.fit(loader(), epochs=4, event_handlers=handler)
    assert "resumed from epoch 2 batch 14" in run.log.getvalue()
    left = {path.name for path in tmp_path.iterdir()}
    assert "model-epochXbatch9.progress" in left and "model-epoch9batch9.params" in left
    assert not any(name.startswith("model-epoch1") for name in left)


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_a_damaged_checkpoint_changes_nothing(tmp_path, content):
    handler = e.CheckpointHandler(tmp_path, resume_from_checkpoint=True)
    Run().estimator.fit(loader(), epochs=1, event_handlers=handler)
    path = tmp_path / "model-epoch0batch4.progress"
    if content is None:
        nd.save(path, {"weight": nd.ones(2)})
    else:
        path.write_bytes(content)
    run = Run()
    run.net(nd.ones((2, 5)))
    before = run.values()
    with pytest.raises(MXNetError, match="model-epoch0batch4.progress"):
        run.estimator.fit(loader(), epochs=2, event_handlers=handler)
    assert_same(before, run.values())


def test_random_states_survive_the_file():
    numpy.random.normal()  # keeps a second number back
    saved = json.loads(json.dumps(_progress.random_state()))
    drawn = mx.nd.random.normal(shape=3).asnumpy(), numpy.random.normal(size=3)
    _progress.set_random_state(saved)
    again = mx.nd.random.normal(shape=3).asnumpy(), numpy.random.normal(size=3)
    assert_same(drawn, again)


# ---- a process that is killed ----


def finished(folder, kill_at=0, batches=0):
    """Run a child, which kills itself in a write, or behind some batches."""
    done = subprocess.run(
        [sys.executable, HERE / "killed_run.py", folder, str(kill_at), str(batches)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=120,
    )
    return done.returncode == 0


def result(folder):
    return (folder / "result.params").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_process_goes_on_bit_for_bit(tmp_path):
    assert finished(tmp_path / "whole")
    rng = numpy.random.default_rng(17)
    folder = tmp_path / "killed"
    kills = 0
    while True:
        options = (
            {"batches": int(rng.integers(1, 15))}
            if kills % 2
            else {"kill_at": int(rng.integers(1, 60))}
        )
        if finished(folder, **options):
            break
        kills += 1
    assert kills >= 4
    assert result(folder) == result(tmp_path / "whole")


# ---- the rest ----


def test_defaults(monkeypatch):
    net = gluon.nn.Dense(2)
    with pytest.warns(UserWarning, match="^No trainer specified, default SGD"):
        made = e.Estimator(net, gluon.loss.SoftmaxCrossEntropyLoss(), initializer="ones")
    assert made.trainer.learning_rate == 0.001 and made.context == [mx.cpu()]
    assert [m.name for m in made.val_metrics] == [
        "validation accuracy",
        "validation softmaxcrossentropyloss",
    ]
    net(nd.ones((1, 3)))
    assert net.weight.data().asnumpy().min() == 1
    with pytest.warns(UserWarning, match="already fully initialized"):
        e.Estimator(net, made.loss, trainer=made.trainer, initializer="zeros")
    assert net.weight.data().asnumpy().min() == 1


def test_layers_that_are_initialized_stay_so():
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(2, in_units=2), gluon.nn.Dense(2, in_units=2))
    net[0].initialize("ones")
    with pytest.warns(UserWarning, match="No trainer"):
        e.Estimator(net, gluon.loss.L2Loss(), initializer="zeros")
    assert net[0].weight.data().asnumpy().all() and not net[1].weight.data().asnumpy().any()


def test_validation_has_a_network_and_a_loss_of_its_own():
    net, other = gluon.nn.Dense(1), gluon.nn.Dense(1)
    net.initialize("zeros")
    other.initialize("ones")
    made = e.Estimator(
        net,
        gluon.loss.L2Loss(),
        trainer=gluon.Trainer(net.collect_params(), "sgd"),
        val_net=other,
        val_loss=gluon.loss.L1Loss(),
    )
    made.logger.setLevel(logging.ERROR)
    pairs = gluon.data.ArrayDataset(nd.ones((4, 3)), nd.zeros(4))
    made.evaluate(gluon.data.DataLoader(pairs, 2))
    assert made.val_metrics[0].get() == ("validation l2loss", 3.0)


def test_early_stopping_knows_what_is_better():
    def stops(values, **options):
        loss = metric.Loss(options.pop("name", "loss"))
        with pytest.warns(UserWarning), pytest.warns(RuntimeWarning, match="mode other"):
            handler = e.EarlyStoppingHandler(loss, mode="other", **options)
        handler.train_begin(None)
        for number, value in enumerate(values):
            loss.sum_metric, loss.num_inst = value, 1
            if handler.epoch_end(None):
                return number
        return None

    assert stops([3, 2, 1]) is None
    assert stops([1, 2, 3]) == 1
    assert stops([1, 2, 3], name="f1") is None
    assert stops([0.3, 0.2], name="accuracy") == 1
    assert stops([3, 2.95, 2.92], min_delta=0.1, patience=2) == 2
    assert stops([3, 2.5], baseline=2) == 0


@pytest.mark.parametrize("make", [
    lambda monitor: e.EarlyStoppingHandler(monitor),
    lambda monitor: e.CheckpointHandler("unused", monitor=monitor, save_best=True),
])  # fmt: skip
def test_a_direction_that_was_guessed_is_told_where_the_handler_is_made(make):
    with pytest.warns(UserWarning, match="`greater` operator will be used") as told:
        make(metric.Accuracy())
    assert told[0].filename == __file__


@pytest.mark.parametrize("given", ["acc", 5, ["acc"]])
def test_what_is_no_metric_is_shown_as_it_was_given(given):
    net = gluon.nn.Dense(1)
    with pytest.raises(ValueError, match=re.escape(f"a list of Metric, but got {given!r}")):
        e.Estimator(net, gluon.loss.L2Loss(), train_metrics=given)


def test_a_monitor_that_nobody_updates_is_told():
    run = Run()
    lonely = metric.Accuracy()
    stop = e.EarlyStoppingHandler(lonely, mode="max")
    with pytest.warns(RuntimeWarning, match="accuracy is not updated"):
        run.estimator.fit(loader(), epochs=1, event_handlers=stop)


def test_handlers_given_twice_are_not_changed():
    run = Run()
    handlers = [e.LoggingHandler(metrics=run.estimator.train_metrics)]
    run.estimator.fit(loader(), epochs=1, event_handlers=handlers)
    run.estimator.fit(loader(), epochs=1, event_handlers=handlers)
    assert len(handlers) == 1


def test_handlers_come_in_order_of_priority():
    told = []

    def teller(name, **attributes):
        def batch_end(self, estimator, *args, **kwargs):
            told.append(name)

        return type(name, (e.BatchEnd,), {"batch_end": batch_end, **attributes})()

    run = Run()
    handlers = [teller("last", priority=5), teller("middle"), teller("first", priority=-3000)]
    run.estimator.fit(loader(), batches=1, event_handlers=handlers)
    assert told == ["first", "middle", "last"]


def test_np_arrays_and_two_contexts_work():
    npx.set_np()
    run = Run(context=[mx.cpu(0)])
    run.estimator.fit(loader(), loader(), epochs=1)
    assert type(run.net[0].weight.data()) is np.ndarray


def test_a_processor_of_its_own_makes_the_batch():
    class Weighted(e.BatchProcessor):
        def fit_batch(self, estimator, train_batch, batch_axis=0):
            x, y = train_batch
            with autograd.record():
                pred = estimator.net(x)
                loss = estimator.loss(pred, y, nd.ones((len(x), 1)) * 0)
            loss.backward()
            return [x], [y], [pred], [loss]

    run = Run(batch_processor=Weighted())
    run.estimator.fit(loader(), epochs=1)
    assert run.estimator.train_metrics[1].get()[1] == 0


def test_the_progress_bar_shows_batches_and_metrics(tmp_path):
    out = io.StringIO()
    run = Run()
    bar = e.ProgressBarHandler(run.estimator.train_metrics, file=out, mininterval=0, disable=False)
    run.estimator.fit(loader(), epochs=2, event_handlers=bar)
    text = out.getvalue()
    assert "Epoch 0: 100%" in text and "Epoch 1: 100%" in text and "5/5" in text
    assert "training accuracy=" in text


def test_the_progress_bar_goes_on_in_an_epoch(tmp_path):
    def handlers(run, out):
        bar = e.ProgressBarHandler(file=out, mininterval=0, disable=False)
        return [e.CheckpointHandler(tmp_path, batch_period=2, resume_from_checkpoint=True), bar]

    run = Run()
    with pytest.raises(KeyboardInterrupt):
        run.estimator.fit(
            loader(), epochs=1, event_handlers=[*handlers(run, io.StringIO()), Interrupt(3)]
        )
    out, run = io.StringIO(), Run()
    run.estimator.fit(loader(), epochs=1, event_handlers=handlers(run, out))
    assert "2/5" in out.getvalue() and "5/5" in out.getvalue() and "1/5" not in out.getvalue()
