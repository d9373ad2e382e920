"""Writes what the build derives from tables: the kernels' functions, their dispatch, the probe.

The tables are the rows of `core/kernels/elementwise_rows.py`, the slots of `table.pxd`, and the
functions of `mathfuncs.h` below. Cython's own Tempita fills the templates beside this file;
`optimizer_rules.py` writes the kernels of optimizers.
"""

import re
import runpy
import textwrap
from pathlib import Path
from typing import NamedTuple

from Cython import Tempita

HERE = Path(__file__).parent
KERNELS = HERE.parent
GENERATED = KERNELS / "generated"

# T is float or double; the names in mathfuncs.h begin with f32 or f64.
MATHFUNCS = """
    T abs(T x); T sqrt(T x); T floor(T x); T ceil(T x); T rint(T x); T trunc(T x)
    T exp(T x); T expm1(T x); T log(T x); T log1p(T x); T log2(T x); T log10(T x)
    T sin(T x); T cos(T x); T libm_sin(T x); T libm_cos(T x); T sin_quarters(T x, u32 quarter)
    T tan(T x); T libm_tan(T x); T arcsin(T x); T arccos(T x); T arctan(T x); T arctan2(T x, T y)
    T sinh(T x); T cosh(T x); T tanh(T x); T arcsinh(T x); T arccosh(T x); T arctanh(T x)
    T exp2(T x); T cbrt(T x); T hypot(T x, T y); T sigmoid(T x); T erf(T x)
    T pow(T x, T y); T fmod(T x, T y); bint near(T x, T y); T near_fmod(T x, T y)
    T near_quotient(T x, T y); T far_quotient(T x, T y); T copysign(T x, T y); T nextafter(T x, T y)
    void transpose(const char* x, Py_ssize_t step, T* out, Py_ssize_t width, Py_ssize_t rows,
                   Py_ssize_t cols)
    void sum_lanes(T* out, const T (*sums)[8])
    void stream(const T* x, T* out, Py_ssize_t n)
    Py_ssize_t lanes_of(const T* x)
    void window_rows(int filters, int vectors, Py_ssize_t places, const T* x,
                     const Py_ssize_t* offset, const T* w, Py_ssize_t w_step, const T* bias,
                     bint relu, T* y, Py_ssize_t y_step, Py_ssize_t rows, Py_ssize_t x_row,
                     Py_ssize_t y_row)
    void window_dots(int filters, int places, Py_ssize_t rows, Py_ssize_t count, const T* g,
                     Py_ssize_t g_step, Py_ssize_t g_row, const T* x, Py_ssize_t x_row,
                     const Py_ssize_t* offset, T* out, Py_ssize_t out_step)
    void gathered_product(const T* x, const Py_ssize_t* at, const Py_ssize_t* taps, Py_ssize_t n,
                          const T* b, Py_ssize_t step, T* out, const Py_ssize_t* to,
                          Py_ssize_t rows, bint accumulate)
    void winograd(int which, const T* x, Py_ssize_t x_row, Py_ssize_t x_step, T* out,
                  Py_ssize_t out_row, Py_ssize_t out_step, Py_ssize_t n)
    void pack_panels(bint transposed, const T* b, T* panels, Py_ssize_t n, Py_ssize_t k,
                     Py_ssize_t step)
    void panel_product(const T* x, Py_ssize_t x_row, Py_ssize_t x_step, const T* panels, T* out,
                       bint accumulate, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Py_ssize_t step)
    void panel_rows(const T* x, const long long* places, const T* panels, T* out, bint accumulate,
                    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Py_ssize_t step)
    void sum_at_places(const T* x, const long long* places, const T* g, T* sums, T* out,
                       bint accumulate, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k)
    void sum_of_rows(int rows, Py_ssize_t count, const T* g, Py_ssize_t g_row, Py_ssize_t g_step,
                     const T* x, Py_ssize_t x_row, T* out, Py_ssize_t out_row, bint accumulate,
                     Py_ssize_t width)
    void dot_tile(int rows, const T* x, const T* w, const T* bias, bint relu, T* out, Py_ssize_t n,
                  Py_ssize_t k)
    void dot(const T* x, const T* w, const T* bias, bint relu, T* out, Py_ssize_t k)
    void bias_grad(int rows, const T* y, const T* g, T* dz, T* db, bint accumulate, Py_ssize_t cols)
"""
SIGNATURE = re.compile(r"(\w+) (\w+)\(((?:[^()]|\(\*\w+\))*)\)")
NUMBER = re.compile(r"(?<![\w.])(\d+\.?\d*(?:e[+-]?\d+)?|M_\w+)")
SLOT = re.compile(r"void \(\*(\w+)(\[2\])?\)\((.*?)\) noexcept nogil", re.DOTALL)


GROUP = 6  # rows of two inputs whose gradients stand in one function


class Function(NamedTuple):
    """A function of mathfuncs.h, or a slot of the kernels' table."""

    name: str
    parameters: tuple[tuple[str, str], ...]  # types and names
    result: str = "void"
    typed: bool = True  # there is one for float and one for double


def parameters_of(text: str) -> tuple[tuple[str, str], ...]:
    """Split the text of parameters into types and names."""
    found = []
    for part in " ".join(text.split()).split(", "):
        name = re.search(r"(\w+)(?:\)\[\d+\])?$", part)
        assert name, part
        found.append((part[: name.start(1)] + "{}" + part[name.end(1) :], name.group(1)))
    return tuple(found)


def mathfuncs() -> list[Function]:
    return [
        Function(name, parameters_of(parameters), result)
        for result, name, parameters in SIGNATURE.findall(MATHFUNCS)
    ]


def slots() -> list[Function]:
    text = re.sub(r"#.*", "", (KERNELS / "table.pxd").read_text(encoding="utf-8"))
    return [
        Function(name, parameters_of(parameters), typed=bool(two))
        for name, two, parameters in SLOT.findall(text)
    ]


def declared(function: Function, name: str) -> str:
    """Return the parameters of a function of mathfuncs.h for one type, in short lines."""
    text = ", ".join(
        re.sub(r"\bT\b", name, kind).format(parameter) for kind, parameter in function.parameters
    )
    return text if len(text) < 48 else "\n        ".join(["", *textwrap.wrap(text, 88)])


def body(formula: str) -> str:
    """Return the lines of a function that computes a formula, with numbers of its own type."""
    *definitions, value = NUMBER.sub(r"<floating> \1", formula).split("; ")
    return "\n    ".join([*(f"cdef floating {line}" for line in definitions), f"return {value}"])


# Where the probe finds the sizes that a slot takes; {0} is its first array of numbers.
SIZES = {"n": "{0}.size", "rows": "{0}.shape[0]", "cols": "{0}.shape[1]", "width": "{0}.shape[1]"}
OTHER_SIZES = {
    "gather": {"step": "step", "n": "out.size"},
    "select": {"one_a": "a.size == 1", "one_b": "b.size == 1", "n": "out.size"},
    "take_rows": {"count": "places.size", "step": "x.shape[1]"},
    "put_rows": {"count": "places.size", "step": "x.shape[1]"},
    "sum_alternate": {"rows": "out.size", "cols": "(x.size // out.size + 1) // 2"},
    "transpose": {
        **{"step": "out.shape[0] * out.itemsize", "width": "out.shape[1]"},
        **{"rows": "out.shape[0]", "cols": "out.shape[1]"},
    },
    **{
        name: {"n": "n", "step": "step", "width": "width", "across": "across"}
        for name in ("scan", "recurrence")
    },
    "convert": {"n": "x.size"},
    "repeat_each": {"step": "step", "n": "out.shape[0]", "width": "out.shape[1]"},
    **{
        name: {"rows": "rows", "width": "width"}
        for name in ("pack_windows", "put_windows", "spread_windows", "place_rows")
    },
    "winograd": {"n": "n"},
    **{
        name: {"rows": "y.shape[0]", "cols": "y.shape[1]", "n": "y.shape[2]"}
        for name in ("pool_lanes", "spread_lanes")
    },
    "slide": {"rows": "rows", "n": "n"},
    "slide_grad": {"rows": "rows", "n": "n"},
    "sum_vectors": {"n": "out.size"},
    "gathered_product": {"n": "taps.size", "rows": "at.size", "step": "b.shape[1]"},
    "order_rows": {"rows": "x.shape[0]", "cols": "x.shape[1]"},
    **{
        name: {"rows": "x.shape[0]", "cols": "x.shape[1]", "first": "first", "channels": "channels"}
        for name in ("affine", "affine_sums", "affine_grad")
    },
    "join_moments": {
        **{"count": "count", "last": "last"},
        **{"rows": "means.shape[0]", "cols": "means.shape[1]"},
    },
    **{
        name: {
            **{"first": "first", "groups": "gamma.shape[0]", "parts": "gamma.shape[1]"},
            **{"width": "x.shape[1] // gamma.shape[1]", "rows": "x.shape[0]"},
        }
        for name in ("row_norm", "row_norm_grad")
    },
    **{
        name: {"rows": "rows", "units": "units", "size": "size", "out_step": "out_step"}
        for name in ("cell_step", "cell_step_grad")
    },
    "add_bias": {"rows": "out.shape[0]", "cols": "out.shape[1]"},
    "pack_panels": {"n": "n", "k": "k", "step": "{0}.shape[1]"},
    "panel_product": {
        **{"x_row": "x_row", "x_step": "x_step", "m": "out.shape[0]", "n": "out.shape[1]"},
        **{"k": "x.size // out.shape[0]", "step": "out.shape[1]"},
    },
    "panel_rows": {"m": "out.shape[0]", "n": "out.shape[1]", "k": "k", "step": "out.shape[1]"},
    "sum_at_places": {"m": "g.shape[0]", "n": "g.shape[1]", "k": "out.shape[1]"},
    "thin_nt": {"m": "x.shape[0]", "n": "w.shape[0]", "k": "x.shape[1]"},
    "thin_nn": {"m": "g.shape[0]", "n": "g.shape[1]", "k": "w.shape[1]"},
    "thin_tn": {"m": "g.shape[0]", "n": "g.shape[1]", "k": "x.shape[1]"},
    "thin_bias_grad": {"rows": "g.shape[0]", "cols": "g.shape[1]"},
}
OPS = {"unary": "UNARY", "binary": "BINARY", "compare": "BINARY"}  # else a reduction


class Method(NamedTuple):
    """How the probe runs a slot: what it takes, what it prepares, and the call."""

    name: str
    takes: str
    locals: list[str]
    call: str
    result: str


def method(slot: Function) -> Method:
    arrays = [name for kind, name in slot.parameters if "*" in kind]
    numeric = [name for kind, name in slot.parameters if "void*" in kind] or arrays
    sizes = SIZES | OTHER_SIZES.get(slot.name, {})
    takes, options, prepared, passed = [], [], [], []
    for kind, name in slot.parameters:
        kind = kind.removesuffix("{}").strip()
        value = f"{name}_"
        if name == "op":
            takes.append("str op")
            table = OPS.get(slot.name.split("_")[0], "REDUCTIONS")
            prepared.append(f"cdef int op_ = {table}.index(op)")
        elif name in arrays:
            takes.append(name)
            prepared.append(f"cdef void* {name}_ = data({name})")
            value = f"<{kind}> {name}_"
        elif name in sizes and (kind == "Py_ssize_t" or slot.name in OTHER_SIZES):
            if sizes[name] == name:
                takes.append(name)
            prepared.append(f"cdef {kind} {name}_ = {sizes[name].format(numeric[0])}")
        elif kind == "bint":
            options.append(f"bint {name}=False")
            value = name
        else:
            takes.append(f"{kind} {name}")
            value = name
        passed.append(value)
    if slot.typed:
        prepared.append(f"cdef int t = {numeric[0]}.dtype.itemsize == 8")
    result = "weight" if "weight" in arrays else arrays[-1]
    target = f"self.table.{slot.name}{'[t]' if slot.typed else ''}"
    return Method(
        slot.name, ", ".join(takes + options), prepared, f"{target}({', '.join(passed)})", result
    )


def main(probe: Path | None = None) -> None:
    """Write the files that are not what the tables say; the probe only where it is asked for."""
    rows = runpy.run_path(str(KERNELS / "elementwise_rows.py"))
    scope = {
        **{name: rows[name] for name in ("UNARY", "ARITHMETIC", "COMPARISONS", "BINARY")},
        "GROUPS": [
            rows["ARITHMETIC"][i : i + GROUP] for i in range(0, len(rows["ARITHMETIC"]), GROUP)
        ],
        "SLOPING": [row for row in rows["UNARY"] if row.gradient != "0"],
        "MATHFUNCS": mathfuncs(),
        "SLOTS": slots(),
        "METHODS": [method(slot) for slot in slots() if slot.name != "update"],
        "enum": lambda row: ("U_" if row in rows["UNARY"] else "B_") + row.op.upper(),
        "word": lambda found, row: "elif" if found.index(row) else "if",
        "body": body,
        "declared": declared,
    }
    runpy.run_path(str(HERE / "optimizer_rules.py"))["write"](GENERATED)
    targets = {path: GENERATED / path.stem for path in sorted(HERE.glob("*.pxi.tp"))}
    if probe:
        targets[probe] = probe.with_suffix("")
    for template, target in targets.items():
        text = Tempita.Template.from_filename(str(template), encoding="utf-8").substitute(scope)
        text = f"# Written by the build from {template.name}.\n{text}"
        target.parent.mkdir(exist_ok=True)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
