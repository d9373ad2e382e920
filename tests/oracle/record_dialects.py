"""Record what Keras 3 and Flax return for `dialect_cases.py`, and store it in `dialects.json`.

Run it with an interpreter that has keras, jax and flax: `python tests/oracle/record_dialects.py`.
"""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import dialect_cases as cases  # noqa: E402
import flax  # noqa: E402
import jax  # noqa: E402
import jax.numpy  # noqa: E402
import keras  # noqa: E402
from flax import linen as nn  # noqa: E402

ANSWERS = Path(__file__).with_name("dialects.json")


def rounded(answer):
    """Numbers to seven digits, which is what float32 has."""
    if isinstance(answer, dict):
        return {name: rounded(part) for name, part in answer.items()}
    if isinstance(answer, list | tuple):
        return [rounded(part) for part in answer]
    return float(f"{answer:.7g}") if isinstance(answer, float) else answer


if __name__ == "__main__":
    answers = {
        "versions": {"keras": keras.__version__, "flax": flax.__version__},
        "layers": {n: cases.layer_answers(layer, x) for n, layer, x in cases.keras_layers(keras)},
        "losses": {n: cases.numbers(f(y, p)) for n, f, y, p in cases.keras_losses(keras)},
        "metrics": {},
        "training": {n: cases.keras_training(keras, o) for n, o in cases.keras_optimizers(keras)},
        "fit": cases.keras_fit(keras),
        "keras": cases.keras_texts(keras),
        "modules": {n: cases.flax_answers(jax, m, x) for n, m, x in cases.flax_modules(nn)},
        "functions": {n: cases.numbers(f(x)) for n, f, x in cases.flax_functions(nn)},
        "statistics": cases.flax_statistics(jax, nn),
        "flax": cases.flax_texts(jax, nn),
        "jit": cases.flax_jit(jax, nn),
    }
    for name, metric, labels, scores in cases.keras_metrics(keras):
        for y, p in zip(labels, scores, strict=True):
            metric.update_state(y, p)
        answers["metrics"][name] = float(metric.result())
    lines = [
        f"{json.dumps(group)}: {json.dumps(rounded(answer), ensure_ascii=False)}"
        for group, answer in answers.items()
    ]
    ANSWERS.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    print(f"{len(answers)} groups of answers in {ANSWERS.name}")
