"""What programs import around Gluon: base, names, features, callbacks, the monitor."""

import logging
import subprocess
import sys
from types import SimpleNamespace

import numpy
import pytest

import microlazy as mx
from microlazy import gluon, nd, np, npx
from microlazy.base import MXNetError

MODULES = ("attribute", "callback", "monitor", "operator", "profiler", "runtime")


# ---- imports -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MODULES, "test_utils", "mon", "name", "sym", "AttrScope"])
def test_names_are_there(name):
    assert getattr(mx, name) is getattr(mx, name)


def test_importing_the_package_imports_none_of_them():
    code = "import sys, microlazy; print(*sorted(m for m in sys.modules if m.startswith('micro')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert "microlazy.base" in loaded
    later = {*MODULES, "test_utils"} - {"name"}  # which names blocks
    assert not loaded & {f"microlazy.{name}" for name in later}


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(AttributeError, match="'microlazy' has no attribute 'foo'"):
        mx.foo  # noqa: B018


# ---- base and util -------------------------------------------------------------------------------


def test_kinds_of_values():
    from microlazy.base import integer_types, numeric_types, string_types

    assert all(isinstance(x, numeric_types) for x in (1, 2.5, numpy.float32(1), numpy.int64(1)))
    assert isinstance(3, integer_types) and not isinstance(3.0, integer_types)
    assert isinstance("a", string_types)
    assert mx.base.mx_real_t is numpy.float32


def test_data_dir_is_mxnets(monkeypatch):
    monkeypatch.setenv("MXNET_HOME", "/somewhere")
    assert mx.base.data_dir() == "/somewhere"
    monkeypatch.delenv("MXNET_HOME")
    assert mx.base.data_dir() == mx.base.data_dir_default()


def test_util_knows_of_no_gpu():
    assert mx.util.get_gpu_count() == 0
    with pytest.raises(MXNetError, match="CPU"):
        mx.util.get_gpu_memory(0)
    with pytest.raises(ValueError, match="CPU"):
        mx.util.get_cuda_compute_capability(mx.cpu())


def test_wrapped_ufuncs_take_defaults_and_refuse_the_rest():
    @mx.util.wrap_np_binary_func
    def add(x1, x2, out=None):
        return x1 + x2

    assert add(1, 2, where=True, casting="same_kind") == 3
    with pytest.raises(TypeError, match="foo is an invalid keyword"):
        add(1, 2, foo=1)
    with pytest.raises(NotImplementedError, match="float64"):
        add(1, 2, dtype="float64")
    with pytest.raises(TypeError, match="not understood"):
        add(1, 2, casting="bad")


# ---- names, attributes, features, symbols --------------------------------------------------------


def test_the_innermost_manager_gives_names():
    from microlazy import name

    outer = name.current()
    with name.Prefix("net_") as prefix:
        assert name.current() is prefix
        with name.NameManager():
            assert name.current().get(None, "fc") == "fc0"
        assert name.current().get("x", "fc") == "net_x"
    assert name.current() is outer


def test_attributes_add_up_from_outside_in():
    with mx.AttrScope(a="1", b="1"), mx.AttrScope(b="2") as inner:
        assert inner.get() == {"a": "1", "b": "2"}
        assert inner.get({"b": "3"})["b"] == "3"
    with pytest.raises(ValueError, match="string"):
        mx.AttrScope(lr_mult=2)


def test_features():
    features = mx.runtime.Features()
    assert not features.is_enabled("CUDNN")
    assert features.is_enabled("openmp") == mx.config()["openmp"]
    assert "✖ CUDA" in repr(features)
    with pytest.raises(RuntimeError, match="'FOO' is unknown"):
        features.is_enabled("foo")


def test_arrays_are_no_symbols():
    from microlazy import sym

    assert not isinstance(nd.ones((1,)), sym.Symbol)
    assert mx.symbol.Symbol is sym.Symbol
    with pytest.raises(TypeError, match="mx.sym.var"):
        sym.Symbol(None)
    with pytest.raises(AttributeError, match="no attribute 'Convolutoin'.*'Convolution'"):
        sym.Convolutoin  # noqa: B018


# ---- the two faces -------------------------------------------------------------------------------


def test_an_array_of_np_is_an_ndarray_of_nd_too():
    x, y = np.ones((2, 3)), nd.ones((2, 3))
    assert isinstance(x, nd.NDArray) and issubclass(np.ndarray, nd.NDArray)
    assert not isinstance(y, np.ndarray)


def test_the_faces_stay_apart():
    x = np.array([[1, 2], [3, 4]])
    own, older = vars(np.ndarray), vars(nd.NDArray)
    assert set(older) <= set(own), "np.ndarray would inherit a rule of nd"
    assert repr(x > 1) == "array([[False,  True],\n       [ True,  True]])"
    assert x.sum().shape == () and x.dtype == numpy.dtype("float32")
    assert not hasattr(x, "slice_axis") and hasattr(x.as_nd_ndarray(), "slice_axis")
    for first, second in ((x, x.as_nd_ndarray()), (x.as_nd_ndarray(), x)):
        with pytest.raises(TypeError, match="as_np_ndarray"):
            first + second


# ---- callbacks -----------------------------------------------------------------------------------


class Metric:
    def __init__(self):
        self.resets = 0

    def get_name_value(self):
        return [("accuracy", 0.25), ("loss", 2.0)]

    def reset_local(self):
        self.resets += 1


def batch(nbatch, metric=None, epoch=2):
    return SimpleNamespace(epoch=epoch, nbatch=nbatch, eval_metric=metric)


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by two seconds whenever it is asked."""
    times = iter(range(0, 1000, 2))
    monkeypatch.setattr("microlazy.callback.time.perf_counter", lambda: next(times))


def test_speedometer(caplog, clock):
    caplog.set_level(logging.INFO)
    speedometer, metric = mx.callback.Speedometer(batch_size=8, frequent=5), Metric()
    for i in range(11):
        speedometer(batch(i, metric))
    assert caplog.messages == [
        f"Epoch[2] Batch [{i}-{i + 5}]\tSpeed: 20.00 samples/sec\taccuracy=0.250000\tloss=2.000000"
        for i in (0, 5)
    ]
    assert metric.resets == 2
    caplog.clear()
    speedometer(batch(0))  # a new epoch begins: nothing is said about the time between
    speedometer(batch(5))
    assert caplog.messages == ["Iter[2] Batch [5]\tSpeed: 20.00 samples/sec"]


def test_speedometer_of_the_whole_epoch(caplog, clock):
    caplog.set_level(logging.INFO)
    speedometer, metric = mx.callback.Speedometer(8, 5, auto_reset=False), Metric()
    for i in range(11):
        speedometer(batch(i, metric))
    assert [text[:22] for text in caplog.messages] == [
        "Epoch[2] Batch [0-5]\tS",
        "Epoch[2] Batch [0-10]\t",
    ]
    assert metric.resets == 0


def test_progress_and_metrics(caplog):
    caplog.set_level(logging.INFO)
    mx.callback.ProgressBar(total=10, length=8)(batch(5))
    mx.callback.LogValidationMetricsCallback()(batch(0, Metric(), epoch=1))
    mx.callback.LogValidationMetricsCallback()(batch(0))
    metric = Metric()
    log = mx.callback.log_train_metric(2, auto_reset=True)
    log(batch(3, metric))
    log(batch(4, metric))
    assert caplog.messages == [
        "[====----] 50%\r",
        "Epoch[1] Validation-accuracy=0.250000",
        "Epoch[1] Validation-loss=2.000000",
        "Iter[2] Batch[4] Train-accuracy=0.250000",
        "Iter[2] Batch[4] Train-loss=2.000000",
    ]
    assert metric.resets == 1


def test_checkpoints(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    prefix = str(tmp_path / "net")
    saved = []
    graph = SimpleNamespace(save=lambda name, remove_amp_cast: saved.append(name))
    save = mx.callback.do_checkpoint(prefix, period=2)
    for epoch in range(4):
        save(epoch, graph, {"w": nd.full((2,), epoch)}, {"mean": nd.zeros((1,))})
    assert saved == [f"{prefix}-symbol.json"] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net-0002.params",
        "net-0004.params",
    ]
    found = nd.load(f"{prefix}-0004.params")
    assert found["arg:w"].asnumpy().tolist() == [3, 3] and "aux:mean" in found
    assert caplog.messages[-1] == f'Saved checkpoint to "{prefix}-0004.params"'


# ---- monitor -------------------------------------------------------------------------------------


def network():
    net = gluon.nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(gluon.nn.Dense(2), gluon.nn.Dense(1))
    net.initialize(mx.init.One())
    return net


@pytest.mark.parametrize("hybrid", [False, True])
def test_monitor_sees_outputs_parameters_and_gradients(hybrid):
    net = network()
    if hybrid:
        net.hybridize()
        net(nd.ones((1, 3)))
    monitor = mx.monitor.Monitor(2, stat_func=lambda x: x.max(), sort=True)
    monitor.install(net)
    found = []
    for _ in range(3):
        monitor.tic()
        with mx.autograd.record():
            y = net(nd.ones((1, 3)))
        y.backward()
        found.append({name: float(text) for _, name, text in monitor.toc()})
    assert found[0] == found[2] == {
        "net_dense0_bias": 0, "net_dense0_bias_grad": 1,
        "net_dense0_output": 3, "net_dense0_weight": 1, "net_dense0_weight_grad": 1,
        "net_dense1_bias": 0, "net_dense1_bias_grad": 1,
        "net_dense1_output": 6, "net_dense1_weight": 1, "net_dense1_weight_grad": 3,
        "net_output": 6,
    }  # fmt: skip
    assert found[1] == {}
    monitor.uninstall()
    monitor.tic()
    assert monitor.toc() == []


def test_monitor_takes_what_the_pattern_names(caplog):
    caplog.set_level(logging.INFO)
    net = network()
    monitor = mx.mon.Monitor(1, pattern=".*(dense0_output|input0)", monitor_all=True)
    monitor.install(net)
    monitor.tic()
    net(nd.array([[3, 4]]))
    monitor.toc_print()
    names = [text.split()[2] for text in caplog.messages]
    assert names == ["net_dense0_input0", "net_dense0_output", "net_dense1_input0", "net_input0"]
    assert float(caplog.messages[0].split()[3]) == pytest.approx(5 / 2**0.5)


def test_monitor_wants_a_block():
    with pytest.raises(TypeError, match="Gluon block, not int"):
        mx.monitor.Monitor(1).install(3)


def test_monitor_under_np():
    npx.set_np()
    try:
        net, monitor = network(), mx.monitor.Monitor(1)
        monitor.install(net)
        monitor.tic()
        net(np.ones((2, 3)))
        assert len(monitor.toc()) == 11
    finally:
        npx.reset_np()


def test_monitor_takes_numbers_and_lists_of_arrays():
    net, monitor = network(), mx.monitor.Monitor(1, lambda x: [x.shape[0], x], "net_dense1_weight$")
    net(nd.ones((1, 3)))
    monitor.install(net)
    monitor.tic()
    assert monitor.toc() == [(1, "net_dense1_weight", "1\t[[1. 1.]]\t")]


def test_sizes_of_bulks_are_remembered():
    before = mx.engine.set_bulk_size(5)
    with pytest.raises(KeyError), mx.engine.bulk(10):
        assert mx.engine.set_bulk_size(11) == 10
        raise KeyError
    assert mx.engine.set_bulk_size(before) == 5
