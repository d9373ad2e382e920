"""Write MXNet 1.9.1's operators to `microlazy/symbol/operators.txt`, a line for each.

A line has four parts: the names, the one that files have first; inputs, auxiliary ones with a
star, all of a list with three dots; attributes with their kinds, of which those that may be None
have a question mark; and what the outputs are called, if it is not just output.

Run it with an interpreter that has MXNet: `python tests/oracle/record_operators.py`.
"""

import ctypes
import json
import os
import re
from collections import defaultdict
from pathlib import Path

import mxnet as mx
from mxnet.base import _LIB, c_str, check_call, py_str

LEFT_OUT = re.compile(r"backward|quantize|_sg_mkldnn|_dgl_|_CachedOp|_CustomFunction|_v1$")
KINDS = (
    ("boolean", "bool"),
    ("int", "int"),
    ("long", "int"),
    ("float", "float"),
    ("double", "float"),
    ("real_t", "float"),
    ("Shape", "ints"),
    ("tuple of <long>", "ints"),
    ("tuple of <int>", "ints"),
    ("tuple of", "floats"),
)
# Texts that make a valid attribute of each kind.
SAMPLES = {"bool": "0", "int": "1", "float": "1", "ints": "(1,)", "floats": "(1,)", "text": "a"}


def described(name):
    """An operator's first name, its arguments with their types, and the name of their count."""
    handle, real, count = ctypes.c_void_p(), ctypes.c_char_p(), ctypes.c_uint()
    texts = [ctypes.POINTER(ctypes.c_char_p)() for _ in range(3)]
    about, variable, returns = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_char_p()
    check_call(_LIB.NNGetOpHandle(c_str(name), ctypes.byref(handle)))
    filled = [real, about, count, *texts, variable, returns]
    check_call(_LIB.MXSymbolGetAtomicSymbolInfo(handle, *map(ctypes.byref, filled)))
    arguments = [(py_str(texts[0][i]), py_str(texts[1][i])) for i in range(count.value)]
    return py_str(real.value), arguments, py_str(variable.value or b"")


def kind_of(text):
    known = next((kind for start, kind in KINDS if text.startswith(start)), "text")
    return known + "?" * (" or None" in text or text.startswith(("{None", "{'None'")))


def composed(name, inputs, attributes):
    """The auxiliary inputs and the outputs of one node; nothing where MXNet refuses it.

    Some operators end the process when they have no attributes, so it is one of its own.
    """
    nodes = [{"op": "null", "name": f"x{i}", "inputs": []} for i in range(len(inputs))]
    given = [[i, 0, 0] for i in range(len(inputs))]
    nodes.append({"op": name, "name": "", "attrs": attributes, "inputs": given})
    graph = {"nodes": nodes, "arg_nodes": [*range(len(inputs))], "heads": [[len(inputs), 0, 0]]}
    graph["attrs"] = {"mxnet_version": ["int", 10901]}
    read, write = os.pipe()
    if not os.fork():
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            symbol = mx.sym.load_json(json.dumps(graph))
            outputs = symbol.get_internals().list_outputs()[len(inputs) :]
            found = [symbol.list_auxiliary_states(), outputs]
            os.write(write, json.dumps(found).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        answer = pipe.read()
    os.wait()
    return json.loads(answer) if answer else ([], [])


def line(names, arguments, variable):
    inputs = [n + "..." * t.endswith("[]") for n, t in arguments if "Symbol" in t or t == "NDArray"]
    attributes = {n: t for n, t in arguments if "Symbol" not in t and t != "NDArray"}
    needed = {n: SAMPLES[kind_of(t).strip("?")] for n, t in attributes.items() if "required" in t}
    for name in needed:
        needed[name] = (re.findall(r"\{'(\w+)'", attributes[name]) or [needed[name]])[0]
    if variable:
        needed[variable] = str(len(inputs))
    auxiliary, outputs = composed(names[0], inputs, needed)
    inputs = [n + "*" * (f"x{i}" in auxiliary) for i, n in enumerate(inputs)]
    outputs = [text.strip("_") for text in outputs]
    kinds = [f"{name}:{kind_of(text)}" for name, text in attributes.items() if name]
    parts = (names, inputs, kinds, outputs if outputs != ["output"] else [])
    return "|".join(" ".join(part) for part in parts)


if __name__ == "__main__":
    aliases, facts = defaultdict(list), {}
    for name in sorted(mx.operator.get_all_registered_operators()):
        if not LEFT_OUT.search(name):
            real, *fact = described(name)
            facts[real] = fact
            aliases[real] += [name] * (name != real)
    lines = [line([name, *aliases[name]], *facts[name]) for name in sorted(facts)]
    path = Path(__file__).parents[2] / "microlazy" / "symbol" / "operators.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} operators in {path.name}")
