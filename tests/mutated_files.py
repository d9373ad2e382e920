"""Read files that were changed at random, with little memory at hand.

    python mutated_files.py FORMAT COUNT SEED

Each is read, or refused by an error of microlazy: what takes much memory, or is another error,
ends the program.
"""

import json
import os
import random
import resource
import sys
import tempfile
from pathlib import Path

import numpy
from test_symbol_bad_files import mutated, sources

from microlazy import gluon, nd, sym
from microlazy.base import MXNetError
from microlazy.files import pack_npz

LIMIT = 256 << 20  # bytes that reading may take


def arrays():
    """Arrays of several dtypes, and of shapes that files write in several ways."""
    found = {"arg:weight": nd.array(numpy.arange(24.0).reshape(2, 3, 4))}
    for dtype in ("float64", "float16", "int32", "uint8"):
        found[f"aux:{dtype}"] = nd.ones((3, 2), dtype=dtype)
    return found | {"empty": nd.array(numpy.zeros((0, 2))), "one": nd.array([7])}


def spoiled(data, rng):
    """Bytes with some changed, left out, put in, or cut off."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        kind, place = rng.random(), rng.randrange(len(found) or 1)
        if kind < 0.5 and found:
            found[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind < 0.7:  # a number of eight bytes
            number = rng.choice((0, 1, 1 << 31, 1 << 40, (1 << 63) - 1, (1 << 64) - 1))
            found[place : place + 8] = number.to_bytes(8, "little")
        elif kind < 0.8:
            del found[place : place + rng.randint(1, 16)]
        elif kind < 0.9:
            found[place:place] = rng.randbytes(rng.randint(1, 16))
        else:
            del found[place:]
    return bytes(found)


def written(kind, path):
    """The bytes of a good file."""
    if kind == ".npz":
        return pack_npz({name: x.asnumpy() for name, x in arrays().items()}, compressed=True)
    nd.save(str(path), arrays())
    return path.read_bytes()


def read_arrays(path):
    """Read a file of arrays, as programs do."""
    found = nd.load(path)
    for x in found.values() if isinstance(found, dict) else found:
        x.asnumpy()


def read_graph(path):
    """Read a graph, make a block of it and find its shapes."""
    symbol = sym.load(path)
    names = symbol.list_inputs()
    if names:
        gluon.SymbolBlock(symbol, [sym.var(names[0])])
    symbol.infer_shape(**({"data": (2, 3, 6, 6)} if "data" in names else {}))
    assert sym.load_json(symbol.tojson()).list_outputs() == symbol.list_outputs()


def main(kind, count, seed):
    """Read changed files; print how many of them could be read."""
    rng, read = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"net{kind}"
        if kind == "-symbol.json":
            graphs = sources()
            read_one = read_graph
        else:
            good, read_one = written(kind, path), read_arrays
        before = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (before + LIMIT, before + LIMIT))
        for number in range(count):
            if kind == "-symbol.json":
                data = mutated(rng.choice(graphs), rng).encode()
            else:
                data = spoiled(good, rng)
            path.write_bytes(data)
            try:
                read_one(str(path))
                read += 1
            except (MXNetError, ValueError) as error:
                if isinstance(error, UnicodeError):
                    raise
            except BaseException:
                print(f"file {number}: {data!r}"[:2000], file=sys.stderr)
                raise
            assert os.listdir(folder) == [path.name], number
    print(json.dumps({"files": count, "read": read}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
