"""Ask PyTorch for values and gradients of the op table's calls and store them in `torch.json`.

A call counts where PyTorch has a function of that name which computes what NumPy computes; of npx,
which NumPy has not, those in NPX. Run it with an interpreter that has PyTorch, beside a built tree:
`PYTHONPATH=. python tests/oracle/record_torch.py`.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy
import torch

from benchmarks.torch_names import NP, NPX, leaves
from tests.op_table.inspect import calls_of
from tests.op_table.samples import samples
from tests.op_table.table import rows

ANSWERS = Path(__file__).with_name("torch.json")


def ask(text: str, values: dict[str, numpy.ndarray]) -> dict[str, Any] | None:
    """PyTorch's values and gradients, or None where it does not know such a call."""
    arrays = {name: torch.tensor(value) for name, value in values.items()}
    floats = {name: x.requires_grad_() for name, x in arrays.items() if x.is_floating_point()}
    try:
        results = leaves(eval(text, {"np": NP, "npx": NPX, **arrays}))
        if text.startswith("np."):
            expected = eval(text, {"np": numpy, **values})
            parts = expected if isinstance(expected, (tuple, list)) else [expected]
            if len(parts) != len(results) or not all(
                tuple(y.shape) == numpy.shape(e) and numpy.allclose(y.detach(), e, rtol=1e-9)
                for y, e in zip(results, parts, strict=True)
            ):
                return None
        heads = [y for y in results if y.grad_fn is not None]
        if not heads:
            return None
        generator = numpy.random.default_rng(5)
        weights = [torch.tensor(generator.uniform(0.5, 1.5, tuple(y.shape))) for y in heads]
        slopes = torch.autograd.grad(heads, list(floats.values()), weights, allow_unused=True)
    except Exception:  # no such function, other arguments, no gradient
        return None
    return {
        "values": [y.detach().flatten().tolist() for y in results],
        "gradients": {
            name: g.flatten().tolist()
            for name, g in zip(floats, slopes, strict=True)
            if g is not None
        },
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    known, answers = samples(), {}
    for row in rows():
        for call in calls_of(row) if row.gradient else ():
            comparable = row.like == "" or call.name.startswith("npx.")
            if call.face == "np" and comparable and "random" not in call.text:
                answer = ask(call.text, {name: known[name] for name in call.values()})
                if answer is not None:
                    answers[call.text] = answer
    lines = ",\n".join(f"{json.dumps(text)}: {json.dumps(a)}" for text, a in answers.items())
    ANSWERS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(f"{len(answers)} answers of PyTorch {torch.__version__} in {ANSWERS.name}")
