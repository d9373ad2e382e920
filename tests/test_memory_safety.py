"""Nothing that a program does reads or writes memory that is not its own, or never comes back.

Each case here once crashed the process, hung it, or gave what happened to lie in memory.
``python -m tests.sanitize`` runs this file, among others, where every such step is seen.
"""

import gc
import signal
import subprocess
import sys
import threading

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.base import MXNetError
from microlazy.core import functions
from microlazy.core.ops import nn
from microlazy.core.parallel import set_num_threads
from microlazy.core.trace import abstract
from microlazy.gluon import HybridBlock

both_faces = pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])


def run(script):
    """Run a program in a process of its own, which must end well."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- sizes ---------------------------------------------------------------------------------------

HUGE = {
    "zeros": lambda f: f.zeros(2**60, dtype="float64"),
    "zeros beyond Py_ssize_t": lambda f: f.zeros(2**64),
    "sampler": lambda f: f.random.normal(0, 1, (2**61,), "float64"),
    "integers": lambda f: f.random.randint(0, 5, (2**61,), "int64"),
    "tile": lambda f: f.tile(f.zeros(2, dtype="float64"), 2**60),
    "broadcast_to": lambda f: f.broadcast_to(f.zeros((1, 1), dtype="float64"), (2**30, 2**31)),
    "broadcasting": lambda f: f.zeros((2**30, 1, 0)) + f.zeros((1, 2**32, 0)),
    "where": lambda f: f.where(
        f.zeros((2**30, 1, 0)), f.zeros((1, 2**32, 0)), f.zeros((1, 2**32, 0))
    ),
    "an axis of size 0": lambda f: f.zeros((2**30, 2**30, 0), dtype="float64"),
    "sum": lambda f: f.sum(f.zeros((2**30, 2**30, 0)), axis=2),
    "product": lambda f: f.dot(f.zeros((2**30, 0)), f.zeros((0, 2**30))),
    "product of float64": lambda f: f.dot(
        f.zeros((2**30, 0), dtype="float64"), f.zeros((0, 2**31), dtype="float64")
    ),
    "reshape": lambda f: np.zeros((0,)).reshape((2**33, 2**31, 0)),
    "wide reshape": lambda f: np.zeros((0,)).reshape((2**63, 0)),
    "expand": lambda f: f.zeros((1,)).broadcast_to((2**62,)),
    "one_hot": lambda f: functions.one_hot(f.zeros((2**20,)), 2**50),
    "abstract": lambda f: abstract((2**40, 2**40)),
    "repeat": lambda f: f.repeat(f.ones((3,)), 2**62 + 1),
    "repeat in another way": lambda f: np.repeat(np.ones(3), [2**62] * 3),
    "diag": lambda f: np.diag(np.ones(3), k=2**40),
    "diag of a vector": lambda f: np.diag(np.ones(2**24)),
    "pad": lambda f: np.pad(np.ones(3), 2**62),
    "pad beyond Py_ssize_t": lambda f: np.pad(np.ones((3, 3)), 2**64),
    "histogramdd": lambda f: np.histogramdd(np.ones((3, 2)), bins=(2**31, 2**31)),
    "histogramdd of many axes": lambda f: np.histogramdd(np.ones((3, 16)), bins=10),
    "histogram2d": lambda f: np.histogram2d(np.ones(3), np.ones(3), bins=2**40),
}


@both_faces
@pytest.mark.parametrize("call", HUGE.values(), ids=HUGE.keys())
def test_sizes_that_do_not_fit(face, call):
    with pytest.raises(MemoryError):
        call(face)


@both_faces
def test_the_largest_empty_arrays(face):
    x = face.zeros((2**30, 2**30, 0))
    assert x.size == 0
    assert (x + 1).shape == x.shape
    assert float(x.sum()) == 0


def test_refused_allocations_leave_nothing_behind():
    def refuse():
        with pytest.raises(MemoryError):
            np.zeros(2**44)
        with pytest.raises(MemoryError):
            np.zeros(2**60)

    refuse()
    before = mx.core.storage.memory_info()["allocated"]
    gc.collect()
    blocks = sys.getallocatedblocks()
    for _ in range(200):
        refuse()
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 100
    assert mx.core.storage.memory_info()["allocated"] <= before


def test_products_with_no_axis_to_spare():
    x = np.ones((1,) * 15 + (2,))
    x.attach_grad()
    with autograd.record():
        slope = autograd.grad(np.prod(x * 3, axis=()), [x], create_graph=True)[0]
    assert (slope == 3).all()


# ---- memory of others ----------------------------------------------------------------------------

OPERATIONS = {
    "a + a": lambda a, b: a + a,
    "a + b": lambda a, b: a + b,
    "b - a": lambda a, b: b - a,
    "a * a * b": lambda a, b: a * a * b,
    "a ** a": lambda a, b: a**a,
    "exp": lambda a, b: numpy.exp(a),
    "sum": lambda a, b: a.sum(),
    "max over an axis": lambda a, b: a.max(axis=0),
    "a.T + b.T": lambda a, b: a.T + b.T,
    "a[1:] + a[:-1]": lambda a, b: a[1:] + a[:-1],
    "a == a": lambda a, b: a == a,
    "a.T @ b": lambda a, b: a.T @ b,
    "a @ b.T": lambda a, b: a @ b.T,
    "copy": lambda a, b: a.copy(),
    "reshape": lambda a, b: a.reshape(-1) + b.reshape(-1),
}
LAYOUTS = {
    "one number": lambda v: numpy.broadcast_to(v[:1, :1], v.shape),
    "one row": lambda v: numpy.broadcast_to(v[:1], v.shape),
    "one column": lambda v: numpy.broadcast_to(v[:, :1], v.shape),
    "backwards": lambda v: v[::-1, ::-1],
    "windows": lambda v: numpy.lib.stride_tricks.sliding_window_view(
        v.ravel()[: sum(v.shape) - 1], v.shape[1]
    ),
}


@pytest.mark.parametrize("shape", [(4, 5), (1, 7), (7, 1), (300, 400)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_strides_that_come_from_elsewhere(shape, layout, operation):
    values = numpy.random.default_rng(1).uniform(1, 2, shape)
    a, b = layout(values), values[:, ::-1]
    expected = operation(a, b)
    found = operation(np.from_numpy(a), np.from_numpy(b))
    numpy.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-12)
    numpy.testing.assert_allclose(
        operation(np.from_numpy(a), np.from_numpy(a)).asnumpy(), operation(a, a), rtol=1e-12
    )


def test_broadcast_numbers_by_themselves():
    a = np.from_numpy(numpy.broadcast_to(numpy.float32(1), (4,)))
    assert (a + a).tolist() == [2, 2, 2, 2]
    assert (a * 3 - a).tolist() == [2, 2, 2, 2]


@both_faces
def test_fields_of_packed_records(face):
    records = numpy.zeros(3, [("a", "f4"), ("b", "u1"), ("c", "u1")])
    with pytest.raises(ValueError, match=r"6 bytes apart along axis 0.*array\(\)"):
        face.from_numpy(records["a"])
    assert face.from_numpy(records["b"]).shape == (3,)
    assert face.from_numpy(records["a"][:1]).shape == (1,)
    assert face.array(records["a"]).shape == (3,)
    whole = numpy.zeros(3, [("a", "f4"), ("b", "i4")])
    face.from_numpy(whole["a"])[1] = 5
    assert whole["a"].tolist() == [0, 5, 0]
    assert whole["b"].tolist() == [0, 0, 0]


def test_long_chains_of_owners():
    y = np.ones(2)
    for _ in range(100_000):
        y = np.asarray(numpy.asarray(y))
    assert y.tolist() == [1, 1]
    del y
    z = np.ones(2)
    for _ in range(30_000):
        z = np.from_dlpack(numpy.from_dlpack(z))
    assert z.tolist() == [1, 1]


def test_the_root_owner_alone_is_kept():
    x = np.arange(6.0)
    y = np.from_numpy(numpy.asarray(np.from_numpy(numpy.asarray(x))).reshape(2, 3)[::-1])
    del x
    gc.collect()
    y[0, 0] = 9
    assert y.tolist() == [[9, 4, 5], [0, 1, 2]]


# ---- the tape ------------------------------------------------------------------------------------


class Double(autograd.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return 2 * x

    def backward(self, dy):
        return 2 * dy


class Pair(autograd.Function):
    def forward(self, x):
        return 2 * x, 3 * x

    def backward(self, dy, dz):
        return 2 * dy + 3 * dz


class Block(HybridBlock):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def hybrid(function):
    block = Block(function)
    block.hybridize()
    return block


def assigned(x):
    y = np.zeros_like(x)
    y[0] = x[1]
    return y


# A program for each kind of node.
PROGRAMS = {
    "function": lambda x: Double()(x),
    "function with two outputs": lambda x: Pair()(x)[1],
    "functions": lambda x: Double()(Double()(x)) + Pair()(x)[0],
    "hybrid": hybrid(lambda x: x * 2 + x),
    "hybrid in a chain": lambda x: hybrid(lambda x: np.exp(x))(hybrid(lambda x: x * x)(x)),
    "unary": lambda x: np.exp(x),
    "binary": lambda x: x * np.exp(x),
    "number": lambda x: 3 / x,
    "reduce": lambda x: x.max(axis=1),
    "variance": lambda x: x.var(axis=1),
    "cumsum": lambda x: np.cumsum(x, 1),
    "cast": lambda x: x.astype("float64"),
    "dense": lambda x: nn.fully_connected(x, np.ones((2, 3), dtype=x.dtype)),
    "matmul": lambda x: x @ x.T,
    "softmax": lambda x: npx.softmax(x),
    "cross entropy": lambda x: nn.softmax_cross_entropy(x, np.zeros(2)),
    "gather": lambda x: x[[0, 1, 0], [2, 0, 2]],
    "take": lambda x: np.take(x, np.array([1, 0]), axis=1),
    "pick": lambda x: npx.pick(x, np.array([1, 0])),
    "where": lambda x: np.where(x > 1, x, x * 2),
    "reshape": lambda x: x.reshape(-1),
    "view": lambda x: x.T,
    "faces": lambda x: x.as_nd_ndarray().as_np_ndarray() * 2,
    "broadcast_to": lambda x: np.broadcast_to(x, (4, 2, 3)),
    "concatenate": lambda x: np.concatenate([x, x]),
    "numpy": lambda x: np.sinc(x),
    "several from numpy": lambda x: np.linalg.svd(x)[1],
    "assignment": assigned,
    "second order": lambda x: autograd.grad((x * x).T[1:].sum(), [x], create_graph=True)[0],
}
WAYS = {
    "backward": lambda y, x: y.backward(),
    "with others": lambda y, x: autograd.backward([x * 2, y]),
    "retained": lambda y, x: y.backward(retain_graph=True),
    "grad": lambda y, x: autograd.grad(y, [x]),
    "create_graph": lambda y, x: autograd.grad(y, [x], create_graph=True),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_graph_that_was_freed(program, way):
    x = np.array([[1.0, 2, 3], [3, 1, 2]])
    x.attach_grad()
    for free in ("backward", "grad"):
        with autograd.record():
            y = program(x)
        WAYS[free](y, x)
        with autograd.record():
            further = y * 2
        for head in (y, further):
            before = x.grad.asnumpy()
            if head is further and way is WAYS["with others"]:  # it counts as a constant
                with autograd.record(), pytest.warns(UserWarning, match="counts as a constant"):
                    way(head, x)
                assert (x.grad.asnumpy() == 2).all()
                continue
            with autograd.record(), pytest.raises(MXNetError, match="already used by a backward"):
                way(head, x)
            assert (x.grad.asnumpy() == before).all()
        with autograd.record():  # and nothing is left behind
            y = program(x)
        y.backward()


def test_several_heads_while_others_change_the_tape():
    """Head gradients run code of others, which may drop the newest node of the tape."""

    x = np.ones(3, dtype="float16")  # of which NumPy adds the gradients
    x.attach_grad()
    stop = threading.Event()

    def others():
        z = np.ones(3)
        z.attach_grad()
        while not stop.is_set():
            with autograd.record():
                for _ in range(50):
                    w = (z * 2 + 1) * z
            del w

    thread = threading.Thread(target=others)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        for _ in range(300):
            with autograd.record():
                a, b, c = x * 2, x * 3, x * 4
            del c
            autograd.backward([a, b, a], [x, x, x])
            assert x.grad.tolist() == [7, 7, 7]
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


def test_no_heads():
    autograd.backward([])


def test_a_graph_that_is_freed_while_a_pass_goes_through_it():
    x = np.ones(3)
    x.attach_grad()

    class Meddles(autograd.Function):
        def forward(self, h):
            return h * 1

        def backward(self, dy):
            h.backward()  # frees what this pass has yet to come to
            return dy

    with autograd.record():
        h = np.exp(x * 2)
        y = Meddles()(h) * 2
    with pytest.raises(MXNetError, match="already used by a backward"):
        y.backward()
    with autograd.record():
        h = np.exp(x * 2)
        y = h * 2
    y.backward()
    numpy.testing.assert_allclose(x.grad.asnumpy(), 4 * numpy.exp(2.0), rtol=1e-6)


# ---- what fails midway ---------------------------------------------------------------------------


class Fails(autograd.Function):
    error = KeyboardInterrupt

    def forward(self, x):
        return x * 2

    def backward(self, dy):
        raise self.error("in the middle")


@pytest.mark.parametrize("way", ["backward", "with others", "grad", "create_graph"])
def test_a_backward_that_is_interrupted(way):
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        h = x * 3
        good = h * 2
        bad = Fails()(h) + good
        with pytest.raises(KeyboardInterrupt):
            WAYS[way](bad, x)
        assert autograd.is_recording()
    # Part of it was gone through, and freed, where the graph was not to be kept.
    error, said = (
        (KeyboardInterrupt, "middle") if way == "create_graph" else (MXNetError, "already used")
    )
    with pytest.raises(error, match=said):
        bad.backward()
    with autograd.record():
        y = h * 2
    y.backward()
    assert x.grad.tolist() == [6, 6, 6]


def test_a_forward_that_is_interrupted():
    class Once(autograd.Function):
        calls = 0

        def forward(self, x):
            self.save_for_backward(x)
            Once.calls += 1
            if Once.calls == 1:
                raise KeyboardInterrupt
            return x * 2

        def backward(self, dy):
            return dy * 2

    x = np.ones(2)
    x.attach_grad()
    once = Once()
    with autograd.record():
        with pytest.raises(KeyboardInterrupt):
            once(x)
        assert autograd.is_recording()
        assert once.saved_tensors == ()
        y = once(x)
    y.backward()
    assert x.grad.tolist() == [2, 2]


def test_a_head_gradient_that_does_not_come():
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        a, b = x * 2, x * 3
    with pytest.raises(TypeError):
        autograd.backward([a, b], [np.ones(3), "gradient"])
    autograd.backward([a, b])
    assert x.grad.tolist() == [5, 5, 5]


@pytest.mark.parametrize("kind", ["forward", "pre"])
def test_a_hook_that_raises(kind):
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize()
    x = nd.ones((1, 3))

    def hook(*args):
        raise KeyboardInterrupt

    handle = (
        net.register_forward_hook(hook)
        if kind == "forward"
        else (net.register_forward_pre_hook(hook))
    )
    with autograd.record(), pytest.raises(KeyboardInterrupt):
        net(x)
    assert not autograd.is_recording()
    handle.detach()
    with autograd.record():
        y = net(x)
    y.backward()
    assert net.bias.grad().asnumpy().tolist() == [1, 1]


def test_a_plan_that_fails_midway_lets_go_of_its_inputs():
    net = hybrid(lambda x: np.linalg.cholesky(x) * 2)
    good, bad = np.eye(2), -np.eye(2)
    assert net(good).tolist() == [[2, 0], [0, 2]]
    for _ in range(2):
        with pytest.raises(Exception, match="(?i)positive"):
            net(bad)
    assert net(good).tolist() == [[2, 0], [0, 2]]
    with autograd.record():
        held = numpy.asarray(bad)
    bad += 1  # nobody else looks at it under record()
    assert held[0, 1] == 1


# ---- plans ---------------------------------------------------------------------------------------


class Stashes(HybridBlock):
    """Keeps arrays, so that it runs eagerly."""

    def forward(self, x):
        self.x = x
        self.h = x * 2
        self.part = self.h[:2]
        self.flat = self.h.reshape(-1)
        return self.h + 1


EXPORTS = {
    "asarray": lambda x: numpy.asarray(x),
    "memoryview": lambda x: numpy.asarray(memoryview(x)),
    "dlpack": lambda x: numpy.from_dlpack(x),
    "detach": lambda x: x.detach(),
    "view": lambda x: x[:2],
}


@pytest.mark.filterwarnings("ignore:.*runs eagerly")
@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS.keys())
@pytest.mark.parametrize("name", ["h", "part", "flat"])
def test_memory_of_a_plan_that_is_exported(name, export):
    net = Stashes()
    net.hybridize()
    net(np.ones(3))
    views = []
    for number in range(2, 6):
        net(np.full(3, number))
        views.append(export(getattr(net, name)))
    net = None
    gc.collect()
    _others = [np.full(3, 100.0) for _ in range(8)]
    assert [float(view[0]) for view in views] == [4, 6, 8, 10]


@pytest.mark.filterwarnings("ignore:.*runs eagerly")
def test_an_input_of_a_plan_that_is_exported():
    net = Stashes()
    net.hybridize()
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        y = net(x)
        view = numpy.asarray(net.x)
    y.backward()
    assert x.grad.tolist() == [2, 2, 2]
    x = y = net = None
    gc.collect()
    _others = [np.full(3, 100.0) for _ in range(8)]
    assert view.tolist() == [1, 1, 1]


# ---- lists ---------------------------------------------------------------------------------------


def endless(kind):
    """A list that contains itself."""
    items = []
    items.append(items if kind == "list" else (items,))
    return items


ENDLESS = {
    "array": lambda f, v: f.array(v),
    "array of arrays": lambda f, v: f.array([f.ones(2), v]),
    "full": lambda f, v: f.full((2,), v),
    "reading": lambda f, v: f.ones(3)[v],
    "reading by two": lambda f, v: f.ones((3, 3))[v, 0],
    "writing": lambda f, v: f.ones(3).__setitem__(v, 1),
    "writing an array": lambda f, v: f.ones(3).__setitem__(v, f.ones(1)),
    "value": lambda f, v: f.ones(3).__setitem__(slice(None), v),
    "hybrid": lambda f, v: hybrid(lambda x, y: x)(f.ones(3), v),
    "hybrid in a dict": lambda f, v: hybrid(lambda x, y: x)(f.ones(3), {"a": v}),
    "zeros": lambda f, v: f.zeros(v),
    "reshape": lambda f, v: f.ones(3).reshape(v),
    "sum": lambda f, v: f.sum(f.ones(3), axis=v),
    "add": lambda f, v: f.ones(3) + v,
    "dot": lambda f, v: f.dot(f.ones(3), v),
    "where": lambda f, v: f.where(f.ones(3), v, v),
    "take": lambda f, v: f.take(f.ones(3), v),
    "stack": lambda f, v: f.stack(*v) if f is nd else f.stack(v),
    "concat": lambda f, v: f.concatenate(v),
}


@both_faces
@pytest.mark.parametrize("kind", ["list", "tuple"])
@pytest.mark.parametrize("call", ENDLESS.values(), ids=ENDLESS.keys())
def test_lists_that_contain_themselves(face, kind, call):
    with pytest.raises((ValueError, TypeError, IndexError, AssertionError, RecursionError)):
        call(face, endless(kind))


@pytest.mark.parametrize("kind", ["list", "tuple"])
def test_a_result_that_contains_itself_is_handed_out_as_it_is(kind):
    value = endless(kind)
    with pytest.warns(UserWarning, match="more than 64 deep"):
        assert hybrid(lambda x: [x, value])(nd.ones(3))[1] is value


def test_lists_may_stand_in_lists():
    deep = value = [[[[1.0]]]]
    for _ in range(8):
        deep = [deep]
    assert np.array(deep).shape == (1,) * 12
    for _ in range(40):
        value = [value]
    assert hybrid(lambda x, v: x)(np.ones(2), value).shape == (2,)


# ---- interrupts ----------------------------------------------------------------------------------


class Interrupts:
    """Ctrl-C comes just when somebody asks what kind of object this is."""

    @property
    def __class__(self):
        raise KeyboardInterrupt


ASKING = {
    "x + y": lambda x, y: x + y,
    "x += y": lambda x, y: x.__iadd__(y),
    "x == y": lambda x, y: x == y,
    "x[...] = y": lambda x, y: x.__setitem__(..., y),
    "x[y]": lambda x, y: x[y],
    "x[0, y]": lambda x, y: x[0, y],
    "x // y": lambda x, y: x // y,
    "array": lambda x, y: np.array(y),
    "add": lambda x, y: np.add(x, y),
    "exp": lambda x, y: np.exp(y),
    "dot": lambda x, y: np.dot(x, y),
    "where": lambda x, y: functions.where(x, x, y),
}


@pytest.mark.parametrize("call", ASKING.values(), ids=ASKING.keys())
def test_interrupts_are_passed_on(call):
    with pytest.raises((KeyboardInterrupt, TypeError, IndexError)):
        call(np.ones((2, 2)), Interrupts())


# ---- products ------------------------------------------------------------------------------------


def test_products_that_blas_cannot_count():
    """Sizes and distances beyond 32 bits; memory that was never written costs nothing."""
    n = 2**31 + 64
    long = numpy.zeros(2 * n, "float32")
    long[:3], long[n - 1], long[n : n + 3] = [1, 2, 3], 5, [4, 5, 6]
    x = np.from_numpy(long[:n])
    assert np.dot(x, x).item() == 1 + 4 + 9 + 25
    rows = np.from_numpy(numpy.lib.stride_tricks.as_strided(long, (2, 3), (4 * n, 4)))
    square = np.array([[1.0, 2], [3, 4], [5, 6]])
    expected = numpy.array([[1.0, 2, 3], [4, 5, 6]])
    assert (rows @ square).tolist() == (expected @ square.asnumpy()).tolist()
    assert (square @ rows).tolist() == (square.asnumpy() @ expected).tolist()
    assert (rows.T @ rows).tolist() == (expected.T @ expected).tolist()
    assert (rows @ rows.T).tolist() == (expected @ expected.T).tolist()


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="this system has no fork")
def test_a_fork_while_another_thread_computes_the_first_product():
    run(
        "import os, signal, sys, threading\n"
        "from microlazy import np\n"
        "x = np.ones((8, 8))\n"
        "thread = threading.Thread(target=lambda: x @ x)\n"
        "thread.start()\n"
        "while 'scipy' not in sys.modules: pass\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(60)\n"
        "    os._exit(int((x @ x).sum() != 512))\n"
        "thread.join()\n"
        "sys.exit(os.waitpid(child, 0)[1])\n"
    )


def test_the_first_product_imports_little_of_scipy():
    run(
        "import sys\n"
        "from microlazy import np\n"
        "np.ones((8, 8)) @ np.ones((8, 8))\n"
        "assert 'scipy.linalg' not in sys.modules\n"
        "import scipy.linalg.cython_blas, scipy.linalg.cython_lapack\n"
        "assert scipy.linalg.cython_blas.__pyx_capi__['dgemm']\n"
        "assert scipy.linalg.det([[2.0]]) == 2\n"
    )
    run(  # and if SciPy should look otherwise one day
        "from microlazy import np\n"
        "from microlazy.core import blas\n"
        "blas.PathFinder = None\n"
        "assert (np.ones((8, 8)) @ np.ones((8, 8))).sum() == 512\n"
    )


# ---- what would take for ever --------------------------------------------------------------------


def test_more_parts_than_anybody_can_hold():
    m = np.arange(6.0)
    with pytest.raises(ValueError, match="array_split"):
        np.array_split(m, 2**40)
    assert len(np.array_split(m, 10)) == 10


def test_more_differences_than_there_are():
    m = np.arange(6.0).reshape(2, 3)
    assert np.diff(m, n=2**62).shape == numpy.diff(m.asnumpy(), n=5).shape == (2, 0)
    assert np.diff(m, n=2).tolist() == [[0], [0]]
    assert np.polyder(np.ones(3), 2**62).shape == (0,)
    assert np.polyder(np.ones(3), 2).tolist() == [2]


# ---- integers at their ends ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "bool"])
def test_topk_of_the_smallest_and_largest(dtype):
    if dtype == "bool":
        values = [True, False, True]
        order = [0, 2, 1]
    else:
        limits = numpy.iinfo(dtype)
        values = [0, limits.min, limits.max, 1]
        order = numpy.argsort([-float(v) for v in values], kind="stable").tolist()
    for face in (npx, nd):
        x = (np if face is npx else nd).array(values, dtype=dtype)
        assert face.topk(x, k=0, dtype="int32").asnumpy().tolist() == order
        found = face.topk(x, k=len(values), ret_typ="value").asnumpy()
        assert found.tolist() == [values[place] for place in order]


@pytest.mark.parametrize("count", [1, 2])
def test_rows_wider_than_a_piece(count):
    """Their second part, packed as a transposition would be, was as long as the whole row."""
    column = numpy.array([[1.0], [2.0]])
    values = numpy.linspace(0, 1, 600_000).reshape(2, 300_000)
    before = set_num_threads(count)
    try:
        for wide in (np.array(values), np.array(values.T.copy()).T):
            wide.attach_grad()
            with autograd.record():
                y = wide.sum(axis=1, keepdims=True) * np.array(column) + (wide * wide).sum()
            y.backward()
            numpy.testing.assert_allclose(wide.grad.asnumpy(), column + 4 * values, 1e-5)
    finally:
        set_num_threads(before)
