"""Record what the real MXNet 1.9.1 computes for losses, optimizers, schedules and the Trainer.

Run with an interpreter that has MXNet 1.9.1: ``python tests/oracle/record_training.py``. Writes
tests/oracle/training.json.
"""

import json
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

rng = np.random.RandomState(8)


def floats(array):
    return array.asnumpy().astype("float64").round(7).tolist()


def numbers(*shape):
    return rng.uniform(-2, 2, shape).round(3).tolist()


def arrays(inputs):
    return [None if value is None else nd.array(value) for value in inputs]


LOGITS, CUBE = numbers(3, 4), numbers(2, 3, 4)
DENSE = [[0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0], [0.25] * 4]
SIGNS = [[1, -1, 1, -1], [-1, -1, 1, 1], [1, 1, 1, -1]]
YES_NO = [[1, 0, 1, 0], [0, 0, 1, 1], [1, 1, 1, 0]]
PROBABILITIES = [[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.25] * 4]
EACH = [[1], [0.5], [2]]
LOSSES = [
    ("L2Loss", {}, [LOGITS, numbers(3, 4)]),
    ("L2Loss", {"weight": 3}, [LOGITS, numbers(12), EACH]),
    ("L2Loss", {"batch_axis": 1}, [CUBE, numbers(2, 3, 4)]),
    ("L2Loss", {}, [numbers(4), numbers(4)]),
    ("L1Loss", {}, [LOGITS, numbers(3, 4)]),
    ("L1Loss", {"weight": 2}, [LOGITS, numbers(3, 4), EACH]),
    ("SigmoidBCELoss", {}, [LOGITS, YES_NO]),
    ("SigmoidBCELoss", {"weight": 0.5}, [LOGITS, YES_NO, EACH]),
    ("SigmoidBCELoss", {}, [LOGITS, YES_NO, EACH, [[1, 2, 3, 4]]]),
    ("SigmoidBCELoss", {"from_sigmoid": True}, [PROBABILITIES, YES_NO]),
    ("SigmoidBCELoss", {"from_sigmoid": True}, [PROBABILITIES, YES_NO, None, [[1, 2, 3, 4]]]),
    ("SoftmaxCrossEntropyLoss", {}, [LOGITS, [1, 0, 3]]),
    ("SoftmaxCrossEntropyLoss", {}, [LOGITS, [[1], [0], [3]]]),
    ("SoftmaxCrossEntropyLoss", {}, [LOGITS, [1.9, 0, 3]]),
    ("SoftmaxCrossEntropyLoss", {"weight": 2}, [LOGITS, [1, 0, 3], EACH]),
    ("SoftmaxCrossEntropyLoss", {}, [LOGITS, [1, 0, 3], [1, 2, 3]]),
    ("SoftmaxCrossEntropyLoss", {"axis": 1}, [CUBE, [[0, 1, 2, 0], [2, 2, 1, 0]]]),
    ("SoftmaxCrossEntropyLoss", {"axis": 0, "batch_axis": 1}, [LOGITS, [2, 0, 1, 1]]),
    ("SoftmaxCrossEntropyLoss", {"axis": -1, "batch_axis": 1}, [CUBE, [[0, 1, 2], [3, 2, 1]]]),
    ("SoftmaxCrossEntropyLoss", {"sparse_label": False}, [LOGITS, DENSE]),
    ("SoftmaxCrossEntropyLoss", {"sparse_label": False}, [LOGITS, DENSE, EACH]),
    ("SoftmaxCrossEntropyLoss", {"from_logits": True}, [LOGITS, [1, 0, 3]]),
    ("SoftmaxCrossEntropyLoss", {"from_logits": True, "sparse_label": False}, [LOGITS, DENSE]),
    ("KLDivLoss", {}, [LOGITS, DENSE]),
    ("KLDivLoss", {"from_logits": False}, [LOGITS, DENSE, EACH]),
    ("KLDivLoss", {"from_logits": False, "axis": 0}, [LOGITS, DENSE]),
    ("HuberLoss", {}, [LOGITS, numbers(3, 4)]),
    ("HuberLoss", {"rho": 0.5, "weight": 3}, [LOGITS, numbers(3, 4), EACH]),
    ("HingeLoss", {}, [LOGITS, SIGNS]),
    ("HingeLoss", {"margin": 2}, [LOGITS, SIGNS, EACH]),
    ("SquaredHingeLoss", {"margin": 0.5}, [LOGITS, SIGNS]),
    ("LogisticLoss", {}, [LOGITS, SIGNS]),
    ("LogisticLoss", {"label_format": "binary"}, [LOGITS, YES_NO]),
]
OPTIMIZERS = [
    ("sgd", {}),
    ("sgd", {"learning_rate": 0.1, "momentum": 0.9}),
    ("sgd", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01, "rescale_grad": 0.5}),
    ("sgd", {"learning_rate": 0.1, "wd": 0.5, "clip_gradient": 0.4, "rescale_grad": 2.0}),
    ("sgd", {"learning_rate": 0.1, "clip_gradient": 0.0}),
    ("sgd", {"learning_rate": 0.1, "clip_gradient": -1.0}),
    ("adam", {}),
    ("adam", {"learning_rate": 0.1, "beta1": 0.5, "beta2": 0.9, "epsilon": 0.1}),
    ("adam", {"learning_rate": 0.1, "wd": 0.5, "clip_gradient": 0.4, "rescale_grad": 2.0}),
]
WARM = {"warmup_steps": 4, "warmup_begin_lr": 0.1}
SCHEDULERS = [
    ("FactorScheduler", {"step": 3, "factor": 0.5, "base_lr": 1.0}),
    ("FactorScheduler", {"step": 2, "factor": 0.1, "base_lr": 1.0, "stop_factor_lr": 0.005}),
    ("FactorScheduler", {"step": 3, "factor": 0.5, "base_lr": 1.0, **WARM}),
    ("MultiFactorScheduler", {"step": [2, 5, 6], "factor": 0.5, "base_lr": 1.0}),
    ("MultiFactorScheduler", {"step": [5, 8], "base_lr": 1.0, "factor": 0.3, **WARM}),
    ("PolyScheduler", {"max_update": 10, "base_lr": 1.0}),
    ("PolyScheduler", {"max_update": 10, "base_lr": 1.0, "pwr": 1, "final_lr": 0.2, **WARM}),
    ("CosineScheduler", {"max_update": 10, "base_lr": 1.0}),
    (
        "CosineScheduler",
        {"max_update": 12, "base_lr": 0.5, "final_lr": 0.1, **WARM, "warmup_mode": "constant"},
    ),
]


def loss_answer(name, arguments, inputs):
    pred, *others = arrays(inputs)
    pred.attach_grad()
    with autograd.record():
        loss = getattr(gluon.loss, name)(**arguments)(pred, *others)
    loss.backward()
    return {
        "name": name,
        "arguments": arguments,
        "inputs": inputs,
        "loss": floats(loss),
        "grad": floats(pred.grad),
    }


def optimizer_answer(name, arguments):
    weight = nd.array([1.0, -2.0, 0.5, 3.0])
    grads = [numbers(4) for _ in range(3)]
    update = mx.optimizer.get_updater(mx.optimizer.create(name, **arguments))
    steps = []
    for grad in grads:
        update(0, nd.array(grad), weight)
        steps.append(floats(weight))
    return {"name": name, "arguments": arguments, "grads": grads, "weights": steps}


def scheduler_answer(name, arguments):
    schedule = getattr(mx.lr_scheduler, name)(**arguments)
    return {"name": name, "arguments": arguments, "lrs": [schedule(n) for n in range(1, 15)]}


def trainer_answer(name, arguments):
    """A deferred net of two layers, with multipliers; a changed batch size; a changed rate."""
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(3, activation="tanh"), gluon.nn.Dense(2))
    net.initialize(mx.init.Constant(0.3))
    net[0].weight.lr_mult = 0.5
    net[1].weight.wd_mult = 2.0
    trainer = gluon.Trainer(net.collect_params(), name, arguments)
    x, y = numbers(4, 5), numbers(4, 2)
    for batch_size in (4, 4, 2):
        with autograd.record():
            loss = gluon.loss.L2Loss()(net(nd.array(x)), nd.array(y))
        loss.backward()
        trainer.step(batch_size)
    trainer.set_learning_rate(0.01)
    with autograd.record():
        loss = gluon.loss.L2Loss()(net(nd.array(x)), nd.array(y))
    loss.backward()
    trainer.step(4)
    return {
        "name": name,
        "arguments": arguments,
        "x": x,
        "y": y,
        "parameters": [
            floats(p.data()) for p in (net[0].weight, net[0].bias, net[1].weight, net[1].bias)
        ],
    }


answers = {
    "losses": [loss_answer(*case) for case in LOSSES],
    "optimizers": [optimizer_answer(*case) for case in OPTIMIZERS],
    "schedulers": [scheduler_answer(*case) for case in SCHEDULERS],
    "trainers": [
        trainer_answer("sgd", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.1}),
        trainer_answer("adam", {"learning_rate": 0.05, "wd": 0.1}),
    ],
}
lines = [
    f'"{part}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for part, rows in answers.items()
]
Path(__file__).with_name("training.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
