"""Threads: how many there are, and what becomes of them in a forked process."""

import os
import subprocess
import sys

import numpy
import pytest

from microlazy import autograd, config, nd
from microlazy.core.parallel import get_num_threads, has_openmp, set_num_threads

FORKING = """
import os
from microlazy import nd
from microlazy.core.parallel import get_num_threads, set_num_threads

set_num_threads(2)
x = nd.ones((1000, 1000))
expected = (x * 2).sum().asscalar(), nd.dot(x, x)[0, 0].asscalar()   # starts OpenMP's threads
child = os.fork()
if not child:
    answer = (x * 2).sum().asscalar(), nd.dot(x, x)[0, 0].asscalar()
    os._exit(0 if answer == expected and get_num_threads() == 1 else 1)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status), "threads here", get_num_threads())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_a_forked_process_computes():
    done = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["child", "0", "threads", "here", "2" if has_openmp() else "1"]


def test_the_number_of_threads_can_be_set():
    before = get_num_threads()
    try:
        assert set_num_threads(1) == before
        assert config()["threads"] == get_num_threads() == 1
        with pytest.raises(ValueError, match="at least 1, not 0"):
            set_num_threads(0)
        assert get_num_threads() == 1
    finally:
        set_num_threads(before)


@pytest.mark.parametrize("n", [1, 4096, 32769, 65535, 65536, 75264, 131073])
def test_every_piece_of_the_work_is_done_once(n):
    values = numpy.random.default_rng(n).standard_normal(n).astype("float32")
    found = []
    before = get_num_threads()
    try:
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            x = nd.array(values)
            x.attach_grad("add")
            with autograd.record():
                y = nd.sigmoid(x)
            y.backward()
            found.append((y.asnumpy(), x.grad.asnumpy()))
    finally:
        set_num_threads(before)
    want = 1 / (1 + numpy.exp(-values.astype("float64")))
    numpy.testing.assert_allclose(found[0][0], want, rtol=1e-5)
    numpy.testing.assert_allclose(found[0][1], want * (1 - want), rtol=1e-4, atol=1e-7)
    for value, gradient in found[1:]:
        assert value.tobytes() == found[0][0].tobytes()
        assert gradient.tobytes() == found[0][1].tobytes()


@pytest.mark.parametrize("text", ["zero", "0", "-1", "1.5"])
def test_a_wrong_number_in_the_environment_is_refused(text):
    done = subprocess.run(
        [sys.executable, "-c", "import microlazy"],
        env=os.environ | {"MICROLAZY_NUM_THREADS": text},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"MICROLAZY_NUM_THREADS={text!r}: expected a whole number" in done.stderr


def test_the_environment_is_as_before_the_import():
    code = "import os; old = dict(os.environ); import microlazy; print(old == dict(os.environ))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
