"""Record how the real MXNet 1.9.1 moves two weights in 100 steps of each optimizer.

Run with an interpreter that has MXNet 1.9.1: ``python tests/oracle/record_optimizers.py``. Writes
tests/oracle/optimizers.json.
"""

import json
from pathlib import Path

import mxnet as mx
import numpy as np

ALL = {"learning_rate": 0.05, "wd": 0.02, "clip_gradient": 0.7, "rescale_grad": 0.5}
SCHEDULED = {"lr_scheduler": {"step": 7, "factor": 0.5, "base_lr": 0.5}, "wd": 0.02}
CASES = [
    ("sgd", ALL),
    ("sgd", {"momentum": 0.9, **ALL}),
    ("nag", {}),
    ("nag", ALL),
    ("nag", {"momentum": 0.9}),
    ("nag", {"momentum": 0.9, **ALL}),
    ("adam", ALL),
    ("rmsprop", {}),
    ("rmsprop", {"gamma1": 0.8, "epsilon": 0.01, **ALL}),
    ("rmsprop", {"clip_weights": 1.5, **ALL}),
    ("rmsprop", {"centered": True}),
    ("rmsprop", {"centered": True, "gamma1": 0.8, "gamma2": 0.6, "epsilon": 0.01, **ALL}),
    ("rmsprop", {"centered": True, "clip_weights": 1.5, **ALL}),
    ("adagrad", {}),
    ("adagrad", {"eps": 0.01, **ALL}),
    ("adadelta", {}),
    ("adadelta", {"rho": 0.8, "epsilon": 0.01, **ALL}),
    ("ftrl", {}),
    ("ftrl", {"lamda1": 0.1, "beta": 0.5, **ALL}),
    ("ftml", {"learning_rate": 0.05}),
    ("ftml", {"beta1": 0.5, "beta2": 0.9, "epsilon": 0.001, **ALL}),
    ("signum", {}),
    ("signum", {"momentum": 0.0, **ALL}),
    ("signum", {"momentum": 0.8, "wd_lh": 0.1, **ALL}),
    ("ccsgd", {"momentum": 0.9, **ALL}),
    ("test", {"rescale_grad": 0.5}),
    ("dcasgd", {}),
    ("dcasgd", {"lamda": 0.5, **ALL}),
    ("adamax", {}),
    ("adamax", {"beta1": 0.5, "beta2": 0.9, **ALL}),
    ("nadam", {}),
    ("nadam", {"beta1": 0.5, "beta2": 0.9, "epsilon": 0.01, "schedule_decay": 0.1, **ALL}),
    ("lars", {}),
    ("lars", {"momentum": 0.9, "eta": 0.1, "eps": 0.01, **ALL}),
    ("lars", {"momentum": 0.9, "eta": 0.5, **SCHEDULED}),
    ("lars", {"momentum": 0.9, "eta": 0.5, "momentum_correction": False, **SCHEDULED}),
    ("lbsgd", {}),
    ("lbsgd", {"momentum": 0.9, "batch_scale": 4, "updates_per_epoch": 10, **ALL}),
    ("lbsgd", {"warmup_strategy": "power2", "batch_scale": 3, "begin_epoch": 1, **ALL}),
    ("lbsgd", {"warmup_strategy": "sqrt", "momentum": 0.5, "batch_scale": 2, **ALL}),
    ("lbsgd", {"warmup_strategy": "none", "batch_scale": 2, "updates_per_epoch": 10, **ALL}),
    ("lbsgd", {"warmup_strategy": "lars", "momentum": 0.5, "batch_scale": 2, **ALL}),
    ("lamb", {"learning_rate": 0.05}),
    ("lamb", {"lower_bound": 2.5, "upper_bound": 3.0, **ALL}),
    ("lamb", {"beta1": 0.5, "beta2": 0.9, "epsilon": 0.01, "bias_correction": False, **ALL}),
    ("groupadagrad", {}),
    ("groupadagrad", {"eps": 0.01, **ALL, "wd": 0.0}),
]
STEPS = (1, 2, 10, 100)
OF_MATRICES = ("groupadagrad",)


def made_from(name, arguments):
    """The optimizer; a schedule is given by its arguments."""
    if "lr_scheduler" in arguments:
        schedule = mx.lr_scheduler.FactorScheduler(**arguments["lr_scheduler"])
        arguments = arguments | {"lr_scheduler": schedule}
    names = {0: "dense_weight", 1: "dense_bias"}
    return mx.optimizer.create(name, param_idx2name=names, **arguments)


def answer(name, arguments):
    """Two weights with factors of their own; tests/test_optimizer.py makes the same numbers."""
    rng = np.random.RandomState(7)
    shape = (1, 5) if name in OF_MATRICES else (5,)
    weights = [mx.nd.array(each.reshape(shape)) for each in rng.uniform(-2, 2, (2, 5))]
    made = made_from(name, arguments)
    made.set_lr_mult({0: 0.5})
    made.set_wd_mult({"dense_bias": 2.0})
    update = mx.optimizer.get_updater(made)
    recorded = []
    for step in range(1, 101):
        grads = [mx.nd.array(grad.reshape(shape)) for grad in rng.uniform(-2, 2, (2, 5))]
        update([0, 1], grads, weights)
        if step in STEPS:
            recorded.append(
                [w.asnumpy().ravel().astype("float64").round(7).tolist() for w in weights]
            )
    return {"name": name, "arguments": arguments, "steps": STEPS, "weights": recorded}


lines = ",\n".join(json.dumps(answer(*case)) for case in CASES)
Path(__file__).with_name("optimizers.json").write_text(f"[\n{lines}\n]\n")
