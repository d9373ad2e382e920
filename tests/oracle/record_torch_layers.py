"""Ask PyTorch for values and gradients of `layer_cases.py` and store them in `torch_layers.json`.

Run it with an interpreter that has PyTorch: `python tests/oracle/record_torch_layers.py`.
"""

import json
from pathlib import Path
from typing import Any

import torch
from layer_cases import LAYERS, Layer, weights
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

ANSWERS = Path(__file__).with_name("torch_layers.json")
MODULES = {"rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN, "lstm": torch.nn.LSTM}


def recur(
    mode: str, x: Any, flat: Any, h: Any, c: Any, size: int, layers: int, both: bool, ends: bool
) -> list[Any]:
    """A recurrent module with its weights cut from a flat array, all weights before all biases."""
    options = {"nonlinearity": mode[4:]} if mode.startswith("rnn") else {}
    sizes = x.shape[2], size, layers
    module = MODULES.get(mode, torch.nn.GRU)(*sizes, bidirectional=both, **options)
    names = [name for name, _ in module.named_parameters()]
    order = [n for n in names if "weight" in n] + [n for n in names if "bias" in n]
    place, cut = 0, {}
    for name in order:
        shape = getattr(module, name).shape
        cut[name] = flat[place : place + shape.numel()].reshape(shape)
        place += shape.numel()
    data = pack_padded_sequence(x, [4, 3, 1], enforce_sorted=True) if ends else x
    states = (h, c) if c is not None else h
    out, last = torch.func.functional_call(module, cut, (data, states))
    if ends:
        out = pad_packed_sequence(out, total_length=x.shape[0])[0]
    return [out, *(last if c is not None else [last])]


def ctc(x: Any, labels: list[list[int]], lengths: list[int], blank: int) -> Any:
    """The loss for labels of several lengths."""
    return functional.ctc_loss(
        torch.log_softmax(x, -1),
        torch.tensor(sum(labels, [])),
        lengths,
        [len(label) for label in labels],
        blank,
        "none",
        zero_infinity=True,
    )


def weighted(arrays: list[Any]) -> Any:
    """The sum of fixed multiples of all elements."""
    return sum((a * torch.tensor(weights(tuple(a.shape), i))).sum() for i, a in enumerate(arrays))


def ask(layer: Layer) -> dict[str, Any]:
    """Values, gradients, and where asked for the gradients of the weighted gradients."""
    arrays = {name: torch.tensor(value) for name, value in layer.arrays().items()}
    used = {name: x.requires_grad_() for name, x in arrays.items() if x.numel()}
    scope = {"torch": torch, "F": functional, "recur": recur, "ctc": ctc, **arrays}
    found = eval(layer.theirs, scope)
    values = found if isinstance(found, list) else [found]
    first = gradients(weighted(values), used, layer.second)
    answer: dict[str, Any] = {"values": [numbers(x) for x in values]}
    answer["gradients"] = {name: numbers(g) for name, g in first.items()}
    if layer.second:
        second = gradients(weighted(list(first.values())), used, False)
        answer["second"] = {name: numbers(g) for name, g in second.items()}
    return answer


def gradients(total: Any, used: dict[str, Any], again: bool) -> dict[str, Any]:
    """The gradients by the arrays that the total depends on."""
    found = torch.autograd.grad(total, list(used.values()), create_graph=again, allow_unused=True)
    return {name: g for name, g in zip(used, found, strict=True) if g is not None}


def numbers(x: Any) -> list[float]:
    """The elements, with as many digits as mean something."""
    return [float(f"{n:.12g}") for n in x.detach().reshape(-1).tolist()]


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    answers = {layer.name: ask(layer) for layer in LAYERS}
    lines = [f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items()]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(answers)} answers in {ANSWERS.name}")
