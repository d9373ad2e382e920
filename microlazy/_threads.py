"""How OpenMP's threads wait for work: decided before the OpenMP runtime is loaded.

Between two pieces of work GCC's runtime keeps its threads spinning for milliseconds by default. On
a machine that others use too they then take the core that somebody needs, the BLAS of NumPy for
one: a training loop ran four times slower so. Spinning for some 50 microseconds covers the gaps
within a training step. The runtime reads the variable once, when the first compiled module loads;
the environment is left as it was.
"""

import os
from importlib import import_module

if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "2000"
    try:
        import_module("microlazy.core.parallel")
    finally:
        del os.environ["GOMP_SPINCOUNT"]
