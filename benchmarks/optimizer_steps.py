"""A step of an optimizer, in microlazy and in PyTorch, on many small weights or a large one."""

from collections.abc import Callable

import numpy

from benchmarks.workloads import Step

PREFIX = "optimizer:"
SIZES = {"small": [10_000] * 100, "large": [10_000_000]}

# Of each optimizer: our name and arguments, and PyTorch's where it has the optimizer.
OPTIMIZERS: dict[str, tuple[str, dict, tuple[str, dict] | None]] = {
    "sgd": ("sgd", {}, ("SGD", {})),
    "momentum": ("sgd", {"momentum": 0.9}, ("SGD", {"momentum": 0.9})),
    "nag": ("nag", {"momentum": 0.9}, ("SGD", {"momentum": 0.9, "nesterov": True})),
    "signum": ("signum", {}, None),
    "adam": ("adam", {}, ("Adam", {})),
    "adamw": ("adamw", {"wd": 0.01}, ("AdamW", {"weight_decay": 0.01})),
    "adabelief": ("adabelief", {}, None),
    "adamax": ("adamax", {}, ("Adamax", {})),
    "nadam": ("nadam", {}, ("NAdam", {})),
    "rmsprop": ("rmsprop", {}, ("RMSprop", {})),
    "rmsprop_centered": ("rmsprop", {"centered": True}, ("RMSprop", {"centered": True})),
    "adagrad": ("adagrad", {}, ("Adagrad", {})),
    "groupadagrad": ("groupadagrad", {}, None),
    "adadelta": ("adadelta", {}, ("Adadelta", {})),
    "ftrl": ("ftrl", {}, None),
    "ftml": ("ftml", {}, None),
    "sgld": ("sgld", {}, None),
    "dcasgd": ("dcasgd", {"momentum": 0.9}, None),
    "lamb": ("lamb", {}, None),
    "lans": ("lans", {}, None),
    "lars": ("lars", {"momentum": 0.9}, None),
    "lbsgd": ("lbsgd", {"momentum": 0.9}, None),
}


def build(framework: str, workload: str) -> Step | None:
    """Return the step of ``optimizer:NAME:SIZE``, or of ``optimizer:NAME:SIZE:fused``."""
    _, name, size, *fused = workload.split(":")
    rng = numpy.random.default_rng(1)
    shapes = [(n // 100, 100) for n in SIZES[size]]
    values = [(rng.normal(size=s).astype("float32"), rng.normal(size=s).astype("float32"))
              for s in shapes]  # fmt: skip
    if framework == "torch":
        return _torch(name, values, bool(fused))
    return None if fused else _microlazy(name, values)


def _microlazy(name: str, values: list) -> Step:
    from microlazy import gluon, nd

    ours, arguments, _ = OPTIMIZERS[name]
    params = []
    for i, (weight, grad) in enumerate(values):
        param = gluon.Parameter(f"weight{i}", shape=weight.shape)
        param.initialize()
        param.set_data(nd.array(weight))
        param.grad()[:] = nd.array(grad)
        params.append(param)
    trainer = gluon.Trainer(params, ours, {"learning_rate": 1e-3} | arguments)

    def step() -> None:
        for param in params:
            param.array.fresh_grad = True
        trainer.step(1)

    return step


def _torch(name: str, values: list, fused: bool) -> Callable[[], None] | None:
    import torch

    theirs = OPTIMIZERS[name][2]
    if theirs is None:
        return None
    params = []
    for weight, grad in values:
        param = torch.nn.Parameter(torch.from_numpy(weight))
        param.grad = torch.from_numpy(grad)
        params.append(param)
    try:
        made = getattr(torch.optim, theirs[0])(
            params, lr=1e-3, **theirs[1], **({"fused": True} if fused else {"foreach": True})
        )
        made.step()
    except (TypeError, RuntimeError):  # it has no fused version
        return None
    return made.step
