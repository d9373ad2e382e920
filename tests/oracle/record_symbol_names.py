"""Write the names that MXNet 1.9.1 has for symbols, modules and cells, and the parameters of each,
to `symbol_names.json`.

Run it with an interpreter that has MXNet: `python tests/oracle/record_symbol_names.py`.
"""

import inspect
import json
from pathlib import Path

import mxnet as mx

SPACES = """
sym sym.contrib sym.image sym.linalg sym.random sym.np sym.np.linalg sym.np.random sym.npx
sym.npx.random model rnn mod
"""
CLASSES = """
sym.Symbol executor.Executor model.FeedForward mod.BaseModule mod.Module mod.BucketingModule
mod.SequentialModule mod.PythonModule mod.PythonLossModule rnn.BaseRNNCell rnn.RNNParams
rnn.RNNCell rnn.LSTMCell rnn.GRUCell rnn.FusedRNNCell rnn.SequentialRNNCell rnn.BidirectionalCell
rnn.ModifierCell rnn.DropoutCell rnn.ZoneoutCell rnn.ResidualCell rnn.BucketSentenceIter
"""


def parameters(value):
    """The names of a function's parameters; None for what is no function."""
    if inspect.isclass(value) or not callable(value):
        return None
    return [name for name in inspect.signature(value).parameters if name != "self"]


def names(space):
    found = {}
    for name in sorted(dir(space)):
        value = getattr(space, name)
        is_own = not name.startswith("_") or name == "__init__" and inspect.isclass(space)
        if is_own and not inspect.ismodule(value):
            found[name] = parameters(value)
    return found


def at(path):
    found = mx
    for part in path.split("."):
        found = getattr(found, part)
    return found


if __name__ == "__main__":
    found = {path: names(at(path)) for path in (SPACES + CLASSES).split()}
    rows = ",\n".join(f"{json.dumps(path)}: {json.dumps(about)}" for path, about in found.items())
    path = Path(__file__).parent / "symbol_names.json"
    path.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    print(f"{sum(map(len, found.values()))} names in {path.name}")
