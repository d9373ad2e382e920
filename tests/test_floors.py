"""The order of the compiled files: each one imports only files on the floors below its own."""

import re
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "microlazy" / "core"
FLOORS = """
kernels.table kernels.elementwise_rows storage parallel
kernels.select kernels.baseline kernels.avx2 kernels.avx512 tensor
strided blas trees
loops.elementwise loops.panels
loops.chain loops.cells
loops.windows
loops.window_products loops.window_sums
loops.window_phases loops.window_lanes
loops.window_panels loops.window_lane_tiles
loops.window_tiles
loops.convolution
loops.reductions loops.rows loops.scans loops.ordering loops.integers loops.resampling
loops.counting loops.matrices loops.floats loops.special
loops.rotations loops.matrix_gradients loops.quantiles
tape
generator trace calls planning ops.slots scopes differentiation
gradients optimizers.formula optimizers.arrays ops.cast ops.results
optimizers.program
optimizers.steps
optimizers.moves training
ops.shape ops.custom
ops.numpy_call exchange
ops.elementwise
ops.reduce ops.gather ops.scans
ops.indexing ops.dense ops.random ops.composed
ops.normalization ops.writes
ops.chain
ops.convolution
lifetimes ops.pooling
ops.pooled_convolution
tails
fuse
plan ops.rewrite creation transforms ops.draws
cached_plan plan_gradients ops.in_place places
puts sets lines
polynomials
ops.nn ops.recurrent planned_step
functions
array
""".strip().splitlines()
FLOOR_OF = {name: number for number, line in enumerate(FLOORS) for name in line.split()}
IMPORT = re.compile(
    r"^ *(?:from microlazy\.core(?:\.([\w.]+))? (?:cimport|import) (?:\((.*?)\)|(.*?))$"
    r"|(?:cimport|import) microlazy\.core\.([\w.]+))",
    re.DOTALL | re.MULTILINE,
)


def imported(path):
    """The files of the compiled core that a file imports, by name."""
    text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
    text = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
    for package, several, one, plain in IMPORT.findall(text):
        if plain or package in FLOOR_OF:
            yield plain or package
            continue
        for name in (several or one).split(","):  # files of a package
            yield ".".join(filter(None, (package, name.split()[0])))


def module(path):
    return ".".join(path.relative_to(CORE).with_suffix("").parts)


FILES = [
    path
    for path in sorted(CORE.rglob("*.p[yx]*"))
    if path.suffix in (".pyx", ".pxd") and path.stem != "__init__"
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_it_imports_only_from_below(path):
    own = module(path)
    assert own in FLOOR_OF, "a new file needs a place in FLOORS"
    for other in imported(path):
        if other in FLOOR_OF and other != own:
            assert FLOOR_OF[other] < FLOOR_OF[own], f"{own} imports {other}, which is not below it"


def test_the_imports_are_found():
    assert {"kernels.table", "loops.reductions", "ops.slots", "tape"} <= set(
        imported(CORE / "ops" / "elementwise.pyx")
    ) | set(imported(CORE / "ops" / "slots.pyx"))
    assert {"exchange", "functions"} <= set(imported(CORE / "array.pyx"))
