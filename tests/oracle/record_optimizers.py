"""Record how the real MXNet 1.9.1 moves two weights in 100 steps of each optimizer.

Run with an interpreter that has MXNet 1.9.1: ``python tests/oracle/record_optimizers.py``. Writes
tests/oracle/optimizers.json.
"""

import json
from pathlib import Path

import mxnet as mx
import numpy as np

ALL = {"learning_rate": 0.05, "wd": 0.02, "clip_gradient": 0.7, "rescale_grad": 0.5}
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
]
STEPS = (1, 2, 10, 100)


def answer(name, arguments):
    """Two weights with factors of their own; tests/test_optimizer.py makes the same numbers."""
    rng = np.random.RandomState(7)
    weights = [mx.nd.array(each) for each in rng.uniform(-2, 2, (2, 5))]
    names = {0: "dense_weight", 1: "dense_bias"}
    made = mx.optimizer.create(name, param_idx2name=names, **arguments)
    made.set_lr_mult({0: 0.5})
    made.set_wd_mult({"dense_bias": 2.0})
    update = mx.optimizer.get_updater(made)
    recorded = []
    for step in range(1, 101):
        for i, grad in enumerate(rng.uniform(-2, 2, (2, 5))):
            update(i, mx.nd.array(grad), weights[i])
        if step in STEPS:
            recorded.append([w.asnumpy().astype("float64").round(7).tolist() for w in weights])
    return {"name": name, "arguments": arguments, "steps": STEPS, "weights": recorded}


lines = ",\n".join(json.dumps(answer(*case)) for case in CASES)
Path(__file__).with_name("optimizers.json").write_text(f"[\n{lines}\n]\n")
