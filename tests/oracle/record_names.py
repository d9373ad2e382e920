"""Write the public names of MXNet 1.9.1's `nd`, with their parameters, to `nd_names.txt`.

Run it with an interpreter that has MXNet: `python tests/oracle/record_names.py`.
"""

import inspect
import types
from pathlib import Path

import mxnet as mx

# Helpers of the code behind the modules, which are seen there only because it is Python.
PRIVATE = {"CachedOp", "NDArray", "numeric_types", "current_context", "gen", "handle", "writable"}
PRIVATE |= {"get_indexing_dispatch_code", "get_oshape_of_gather_nd_op"}
PRIVATE |= {"indexing_key_expand_implicit_axes"}


def lines(prefix, holder):
    for name in sorted(dir(holder)):
        value = getattr(holder, name)
        hidden = name.startswith(("_", "gen_", "backward_")) or name in PRIVATE
        if hidden or isinstance(value, (types.ModuleType, property)) or not callable(value):
            continue
        parameters = [
            f"*{p.name}" if p.kind == p.VAR_POSITIONAL else p.name
            for p in inspect.signature(value).parameters.values()
            if p.kind != p.VAR_KEYWORD and p.name not in ("out", "name", "self")
        ]
        yield " ".join([f"{prefix}.{name}", *parameters])


if __name__ == "__main__":
    found = []
    for module in ("nd", "nd.linalg", "nd.random", "nd.contrib", "nd.image"):
        found.extend(lines(module, eval(f"mx.{module}")))
    found.extend(lines("NDArray", mx.nd.NDArray))
    path = Path(__file__).parent / "nd_names.txt"
    path.write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"{len(found)} names in {path.name}")
