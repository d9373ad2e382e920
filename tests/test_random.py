"""Random numbers: the same bits on every machine, and the right distributions."""

import multiprocessing
import os
import subprocess
import sys

import numpy
import pytest
from draws import SIZES, digest, draws
from scipy import stats

import microlazy as mx
from microlazy import autograd, nd, np
from microlazy.base import MXNetError
from microlazy.core import generator
from microlazy.core.kernels.select import available
from microlazy.core.ops import nn
from microlazy.core.parallel import get_num_threads, set_num_threads


def test_bits_do_not_depend_on_the_number_of_threads():
    before = get_num_threads()
    try:
        set_num_threads(1)
        one = digest()
        set_num_threads(2)
        assert digest() == one
        set_num_threads(3)
        assert digest() == one
    finally:
        set_num_threads(before)


@pytest.mark.parametrize("kernels", available())
def test_bits_do_not_depend_on_the_kernels(kernels):
    script = (
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import draws; "
        "from microlazy.core.kernels.select import chosen; print(chosen(), draws.digest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "MICROLAZY_KERNELS": kernels},
    )
    assert done.stdout.split() == [kernels, digest()], done.stderr


def test_seeds():
    results = []
    for seed in (1, 1, 2, 0, -1, 2**64 - 1, 2**63, numpy.int64(1)):
        mx.random.seed(seed)
        results.append(nd.random.normal(shape=(8,)).asnumpy().tobytes())
    assert results[0] == results[1] == results[7]
    assert results[4] == results[5]
    assert len(set(results)) == 5


@pytest.mark.parametrize("seed", ["1", 1.5, None, [1]])
def test_seeds_must_be_integers(seed):
    mx.random.seed(3)
    before = generator.get_state()
    with pytest.raises(ValueError, match="seed_state must be int"):
        mx.random.seed(seed)
    assert generator.get_state() == before


def test_the_generators_state_is_kept_and_put_back():
    nd.random.uniform(shape=(5,))
    state = generator.get_state()
    first = [values.tobytes() for values in draws(10).values()]
    assert generator.get_state() != state
    generator.set_state(state)
    assert [values.tobytes() for values in draws(10).values()] == first


def test_draws_are_all_different():
    results = [nd.random.uniform(shape=(4,)).asnumpy().tobytes() for _ in range(1000)]
    assert len(set(results)) == 1000


@pytest.mark.parametrize("name", sorted(draws(0)))
def test_a_shorter_draw_is_the_beginning_of_a_longer_one(name):
    mx.random.seed(6)
    state = generator.get_state()
    sampler = {
        "uniform": lambda n: np.random.uniform(-1, 2, n),
        "uniform float64": lambda n: np.random.uniform(-1, 2, n, dtype="float64"),
        "uniform float16": lambda n: np.random.uniform(0, 1, n, dtype="float16"),
        "normal": lambda n: np.random.normal(1, 3, n),
        "normal float64": lambda n: np.random.normal(1, 3, n, dtype="float64"),
        "randint": lambda n: np.random.randint(-5, 1000, n),
        "dropout": lambda n: nn.dropout(np.ones((n,)), 0.3, mode="always"),
        "dropout float64": lambda n: nn.dropout(np.ones((n,), dtype="float64"), 0.3, mode="always"),
    }[name]
    longest = sampler(SIZES[-1]).asnumpy()
    for n in SIZES[1:]:
        generator.set_state(state)
        assert (sampler(n).asnumpy() == longest[:n]).all()


def test_shapes_do_not_change_the_numbers():
    results = []
    for shape in ((24,), (2, 12), (2, 3, 4)):
        mx.random.seed(9)
        results.append(nd.random.normal(shape=shape).asnumpy().tobytes())
    assert len(set(results)) == 1


def test_both_faces_draw_the_same():
    mx.random.seed(9)
    a = nd.random.uniform(2, 3, shape=(5,)).asnumpy()
    mx.random.seed(9)
    assert (np.random.uniform(2, 3, (5,)).asnumpy() == a).all()


# ---- distributions -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", [1, 2])
def test_distributions(dtype, seed):
    mx.random.seed(seed)
    n = 50_000
    uniform = np.random.uniform(-2, 5, n, dtype=dtype).asnumpy().astype("float64")
    assert stats.kstest(uniform, stats.uniform(-2, 7).cdf).pvalue > 1e-3
    assert uniform.min() >= -2
    assert uniform.max() < 5
    normal = np.random.normal(3, 2, n, dtype=dtype).asnumpy().astype("float64")
    assert stats.kstest(normal, stats.norm(3, 2).cdf).pvalue > 1e-3
    assert numpy.isfinite(normal).all()
    assert abs(numpy.corrcoef(normal[::2], normal[1::2])[0, 1]) < 0.02
    assert stats.kstest(np.random.randn(n, dtype=dtype).asnumpy(), "norm").pvalue > 1e-3


@pytest.mark.parametrize(("low", "high"), [(0, 2), (-3, 4), (0, 100)])
def test_whole_numbers_are_equally_likely(low, high):
    mx.random.seed(4)
    values = np.random.randint(low, high, 60_000).asnumpy()
    counts = numpy.bincount(values - low, minlength=high - low)
    assert len(counts) == high - low
    assert stats.chisquare(counts).pvalue > 1e-3


def test_whole_numbers_of_a_range_of_one():
    assert np.random.randint(5, 6, 4).tolist() == [5] * 4


def test_whole_numbers_of_a_wide_range():
    values = np.random.randint(-(2**62), 2**62, 10_000).asnumpy()
    assert values.min() < -(2**61) < 2**61 < values.max()
    assert len(set(values.tolist())) == 10_000
    values = np.random.randint(-(2**63), 2**63 - 1, 10_000).asnumpy()
    assert len(set(values.tolist())) == 10_000
    high = 2**60 + 3
    assert set(np.random.randint(high - 3, high, 100).tolist()) == {high - 3, high - 2, high - 1}


def test_dtypes_and_defaults():
    assert nd.random.uniform().shape == (1,)
    assert np.random.uniform().shape == ()
    assert nd.random.randint(0, 5, shape=(3,)).dtype is numpy.int32
    assert np.random.randint(0, 5, 3).dtype == numpy.int64
    assert nd.random.normal(shape=(3,), dtype="float64").dtype is numpy.float64
    assert np.random.uniform(size=(0, 3)).shape == (0, 3)


def test_out_is_filled():
    for x in (np.zeros((3, 4)), np.zeros((4, 3)).T, np.zeros((3, 4), dtype="float64")):
        assert np.random.uniform(1, 2, out=x) is x
        assert ((x >= 1) * (x < 2)).all()
    x = nd.zeros((3, 4))
    assert nd.random.normal(5, 0.1, out=x) is x
    assert (x.asnumpy() > 3).all()


def test_arguments_that_make_no_sense_change_nothing():
    before = generator.get_state()
    x = nd.zeros((2,))
    for call, error in (
        (lambda: np.random.normal(0, -1, 2), ValueError),
        (lambda: nd.random.normal(0, -1, shape=(2,)), (MXNetError, ValueError)),
        (lambda: nd.random.uniform(2, 1, shape=(2,)), (MXNetError, ValueError)),
        (lambda: nd.random.uniform(2, 1, out=x), (MXNetError, ValueError)),
        (lambda: np.random.randint(5, 5, 2), ValueError),
        (lambda: nd.random.randint(5, 4, shape=(2,)), ValueError),
        (lambda: np.random.randint(0, 2**70, 3), (ValueError, OverflowError)),
        (lambda: np.random.randint(0, 1000, 3, dtype="int8"), ValueError),
        (lambda: np.random.uniform(0, 1, (-1,)), ValueError),
        (lambda: np.random.uniform("a", 1, 2), TypeError),
        (lambda: np.random.uniform(0, 1, 2, dtype="int16"), (TypeError, MXNetError)),
        (lambda: np.random.uniform(0, 1, (3,), out=np.zeros((2,))), ValueError),
    ):
        with pytest.raises(error):
            call()
    assert generator.get_state() == before
    assert x.asnumpy().tolist() == [0, 0]


# ---- shuffle and dropout -----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0,), (1,), (2,), (100,), (50, 3), (7, 2, 2)])
def test_shuffle_permutes_the_first_axis(shape):
    values = numpy.arange(numpy.prod(shape), dtype="float32").reshape(shape)
    x = np.array(values)
    assert np.random.shuffle(x) is None
    assert sorted(x.tolist()) == values.tolist()
    if shape[0] >= 50:
        assert x.tolist() != values.tolist()
    if values.size:
        y = nd.array(values)
        shuffled = nd.random.shuffle(y)
        assert sorted(shuffled.asnumpy().tolist()) == values.tolist()
        assert (y.asnumpy() == values).all()


def test_every_order_is_equally_likely():
    mx.random.seed(8)
    counts = {}
    for _ in range(6000):
        x = np.arange(3)
        np.random.shuffle(x)
        order = tuple(x.tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_dropouts_rate(rate, dtype):
    mx.random.seed(2)
    n = 40_000
    with autograd.train_mode():
        y = nn.dropout(np.ones((n,), dtype=dtype), rate).asnumpy().astype("float64")
    dropped = int((y == 0).sum())
    assert stats.binomtest(dropped, n, rate).pvalue > 1e-3
    numpy.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-3)


def test_dropouts_mask_is_the_gradient():
    x = np.array(numpy.linspace(1, 2, 1000))
    x.attach_grad()
    with autograd.record():
        y = nn.dropout(x, 0.4)
    y.backward()
    numpy.testing.assert_allclose(y.asnumpy(), x.asnumpy() * x.grad.asnumpy(), rtol=1e-12)
    assert 300 < (x.grad.asnumpy() == 0).sum() < 500


def test_dropout_shared_along_axes():
    x = nd.ones((20, 30, 4))
    y = nn.dropout(x, 0.5, axes=(1,), mode="always").asnumpy()
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).sum() < 80


def test_dropout_where_nothing_or_everything_goes():
    x = nd.ones((20,))
    assert nn.dropout(x, 0.5) is x
    with autograd.train_mode():
        assert nn.dropout(x, 0.0) is x
        assert (nn.dropout(x, 1.0).asnumpy() == 0).all()
        before = generator.get_state()
        for rate in (-0.1, 1.1, numpy.nan):
            with pytest.raises(ValueError, match="probability"):
                nn.dropout(x, rate)
        assert generator.get_state() == before


# ---- worker processes ----------------------------------------------------------------------------

WORKERS = """
import multiprocessing, os, sys
import microlazy as mx
from microlazy import nd

def draw(queue):
    queue.put(nd.random.uniform(shape=(2,)).asnumpy().tolist())

if __name__ == "__main__":
    if "seed" in sys.argv:
        mx.random.seed(5)
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    draw(queue)
    print(queue.get())
    for _ in range(2):
        worker = context.Process(target=draw, args=(queue,))
        worker.start()
        print(queue.get())
        worker.join()
"""


def workers(folder, *arguments):
    """What a program and its two workers draw."""
    script = folder / "workers.py"
    script.write_text(WORKERS)
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_workers_draw_numbers_of_their_own(tmp_path, kind):
    if kind not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {kind}")
    drawn = workers(tmp_path, kind)
    assert len(set(drawn)) == 3
    assert workers(tmp_path, kind) == drawn  # the same at every start


def test_forked_workers_go_on_with_a_seed_that_was_set(tmp_path):
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system has no fork")
    _, first, second = workers(tmp_path, "fork", "seed")
    assert first == second
