"""Several workers: processes that a real mpiexec starts, and what a trainer needs of the tape."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from killed_worker import fit

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.base import MXNetError
from microlazy.core.tape import watch_gradients
from microlazy.gluon import nn

HERE = Path(__file__).parent


def launcher():
    """What starts MPI's processes: of this environment, else on the path; None without MPI."""
    try:
        import mpi4py  # noqa: F401
    except ImportError:
        return None
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec")


MPIEXEC = launcher()
needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="mpi4py or mpiexec is not installed")


def started(workers, script, *arguments, timeout=100):
    """Run a script in several processes; give the exit code and what it printed."""
    options = {
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        "MICROLAZY_KVSTORE_TIMEOUT": str(timeout),
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    }
    done = subprocess.run(
        [MPIEXEC, "-n", str(workers), sys.executable, str(HERE / script), *map(str, arguments)],
        env=os.environ | options,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


CHECKS = ["store", "norm", "training", "half", "corners", "forgotten", "time_out"]


@needs_mpi
@pytest.mark.parametrize("workers", [2, 4])
def test_workers(workers):
    code, text = started(workers, "worker_checks.py", *CHECKS)
    assert code == 0, text
    assert [line.split()[1] for line in text.splitlines() if line.startswith("passed")] == CHECKS


@needs_mpi
def test_three_workers_give_the_same_bits_in_each_run():
    runs = [started(3, "worker_checks.py", "training") for _ in range(2)]
    assert [code for code, _ in runs] == [0, 0], runs
    first, second = (
        [line for line in text.splitlines() if line.startswith("bits")] for _, text in runs
    )
    assert first == second and len(first) == 1


@needs_mpi
@pytest.mark.parametrize(
    "check, messages",
    [
        ("fails", ["RuntimeError: something of the program", "worker 1 of 2 of the job failed"]),
        ("leaves", ["worker 1 ended without barrier()", "the same number of steps?"]),
        ("stays", ["worker 0 of 2: worker 1 did not come to an end in 0.2 seconds"]),
        ("mismatch", ["broadcasts something else than the first values of `net_bias`, float32"]),
    ],
)
def test_a_failure_ends_all_workers_and_says_why(check, messages):
    code, text = started(2, "worker_checks.py", check)
    assert code != 0
    for message in messages:
        assert message in text
    assert "passed" not in text or check in ("leaves", "stays")


@needs_mpi
def test_workers_do_not_wait_for_ever_for_one_that_never_joins(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("""
import sys
import microlazy as mx
try:
    open(sys.argv[1], "x")  # one can, and ends
except FileExistsError:
    mx.kv.create("dist_sync")
    print("all joined")
""")
    code, text = started(3, script, tmp_path / "first", timeout=1)
    assert code != 0
    assert "Timeout (0:00:01)!" in text and "in _wait_until_all_workers_start" in text
    assert "all joined" not in text


@needs_mpi
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_with_a_killed_worker_goes_on_with_other_numbers_of_workers(tmp_path):
    expected = fit(tmp_path / "whole", None, -1)
    folder = tmp_path / "killed"
    code, text = started(4, "killed_worker.py", folder, 2)
    assert code != 0
    assert not (folder / "result.npz").exists()
    assert (folder / "model-epoch2batch11.progress").exists(), text
    for path in folder.iterdir():
        assert path.suffix in (".params", ".states", ".progress")
    code, text = started(2, "killed_worker.py", folder, -1)
    assert code == 0, text
    assert "Checkpoint resumed from epoch 2" in text
    with numpy.load(folder / "result.npz") as found:
        for name, value in zip(found.files, expected, strict=True):
            numpy.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-5)


@needs_mpi
def test_the_program_of_the_page_trains_as_the_page_says(tmp_path):
    page = (HERE.parent / "docs" / "distributed.md").read_text(encoding="utf-8")
    script = tmp_path / "train.py"
    program = re.search(r"```python\n(import argparse.*?)```", page, re.S)
    script.write_text(program[1], encoding="utf-8")
    told = re.findall(r"^epoch (\d): loss ([\d.]+)", page, re.M)[:6]
    code, text = started(2, script)
    assert code == 0, text
    found = re.findall(r"^epoch (\d): loss ([\d.]+)", text, re.M)
    assert [epoch for epoch, _ in found] == [epoch for epoch, _ in told] == list("123456")
    for (_, loss), (_, expected) in zip(found, told, strict=True):
        assert abs(float(loss) - float(expected)) < 1e-4
    folder = tmp_path / "runs"
    code, text = started(3, script, "--fault", "kill", "--checkpoints", folder)
    assert code != 0
    code, text = started(2, script, "--checkpoints", folder)
    assert code == 0, text
    assert text.count("Checkpoint resumed from epoch 2 batch 29") == 1
    assert re.findall(r"^epoch (\d)", text, re.M) == list("456")


@needs_mpi
def test_one_process_needs_no_mpiexec():
    program = (
        "import microlazy as mx; store = mx.kv.create('dist_sync'); store.barrier()\n"
        "store.init(0, mx.nd.ones(2)); store.push(0, mx.nd.ones(2) * 3)\n"
        "out = mx.nd.zeros(2); store.pull(0, out=out); print(store.num_workers, out.sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 ") and "[6.]" in done.stdout


def test_without_mpi_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setattr("microlazy.kvstore.workers._joined", None)
    with pytest.raises(MXNetError, match=r"pip install microlazy\[mpi\]"):
        mx.kv.create("dist_sync")


# ---- parts of batches ----


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 8])
def test_the_parts_of_batches_are_the_batches(parts):
    whole = gluon.data.BatchSampler(gluon.data.SequentialSampler(23), 5)
    split = [list(gluon.data.SplitBatchSampler(whole, parts, i)) for i in range(parts)]
    assert {len(part) for part in split} == {len(whole)}
    joined = [sum((part[i] for part in split), []) for i in range(len(whole))]
    assert joined == list(whole)
    sizes = [[len(part[i]) for part in split] for i in range(len(whole))]
    assert all(max(each) - min(each) <= 1 for each in sizes)


def test_parts_that_there_are_not():
    whole = gluon.data.BatchSampler(gluon.data.SequentialSampler(4), 2)
    with pytest.raises(ValueError, match="from 0 to 1 of 2, but it is 2"):
        gluon.data.SplitBatchSampler(whole, 2, 2)


def test_batches_roll_over_in_parts():
    whole = gluon.data.BatchSampler(gluon.data.SequentialSampler(5), 2, "rollover")
    split = gluon.data.SplitBatchSampler(whole, 2, 1)
    loader = gluon.data.DataLoader(list(range(5)), batch_sampler=split)
    assert [int(batch[0]) for batch in loader] == [1, 3]
    assert loader.leftover == [4]
    loader.leftover = [3]
    assert [batch.asnumpy().tolist() for batch in loader] == [[0], [2], [4]]


def own_batch(samples):
    return nd.ones((len(samples), 2)), nd.ones(len(samples))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_empty_part_is_a_batch_of_no_samples(workers):
    rows = nd.arange(12).reshape((6, 2))
    labels = nd.arange(6)
    pairs = [(numpy.ones(2, "float32"), 1)] * 6
    for data in (gluon.data.ArrayDataset(rows, labels), pairs):
        loader = gluon.data.DataLoader(data, batch_sampler=[[0, 1], []], num_workers=workers)
        shapes = [[part.shape for part in batch] for batch in loader]
        assert shapes == [[(2, 2), (2,)], [(0, 2), (0,)]]
        loader = gluon.data.DataLoader(
            pairs, batch_sampler=[[]], num_workers=workers, batchify_fn=own_batch
        )
        assert [[part.shape for part in batch] for batch in loader] == [[(0, 2), (0,)]]


# ---- gradients that are final ----


@pytest.fixture
def seen():
    found = []
    before = watch_gradients(found.append)
    yield found
    watch_gradients(before)


def names(net, grads):
    by_id = {id(p.grad()): name for name, p in net._collect_params_with_prefix().items()}
    return [by_id[id(grad)] for grad in grads]


def network():
    net = nn.HybridSequential()
    net.add(nn.Dense(4, in_units=3), nn.Dense(4, in_units=4), nn.Dense(1, in_units=4))
    net.initialize()
    return net


@pytest.mark.parametrize("kind", ["eager", "hybrid", "step"])
def test_gradients_are_final_from_the_last_layer_to_the_first(seen, kind):
    net, x, y = network(), nd.ones((2, 3)), nd.ones((2, 1))
    loss = gluon.loss.L2Loss()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    step = gluon.compile_step(net, loss, trainer)
    net.hybridize(kind == "hybrid")
    for _ in range(3):  # the plan of a step is inspected at first
        del seen[:]
        if kind == "step":
            step.forward_backward(x, y)
        else:
            with autograd.record():
                value = loss(net(x), y)
            value.backward()
        assert [name[0] for name in names(net, seen)] == ["2", "2", "1", "1", "0", "0"]
        assert sorted(names(net, seen)) == sorted(net._collect_params_with_prefix())


def test_a_gradient_is_final_when_it_has_its_last_value(seen):
    w, v = nd.array([2.0]), nd.array([3.0])
    w.attach_grad()
    v.attach_grad()
    values = []
    watch_gradients(lambda grad: values.append(grad.asscalar()))
    with autograd.record():
        first = w * 5
        y = first * v + w * w + v
    y.backward()
    assert values == [11, 19]  # v, of which the last use comes back first; w, used three times
    assert (v.grad.asscalar(), w.grad.asscalar()) == (11, 19)


def test_a_parameter_of_two_plans_is_final_once(seen):
    shared = nn.Dense(3, in_units=3)
    shared.initialize()
    shared.hybridize()
    with autograd.record():
        y = shared(shared(nd.ones((1, 3))))
    y.backward()
    assert len(seen) == 2 and {id(grad) for grad in seen} == {
        id(p.grad()) for p in shared.collect_params().values()
    }


def test_gradients_that_nobody_wants_are_not_shown(seen):
    a, b, c = (nd.ones((1,)) for _ in range(3))
    a.attach_grad()
    b.attach_grad("null")
    c.attach_grad()
    with autograd.record():
        y = a * b * 2
        z = c * a
    assert autograd.grad(y, a, retain_graph=True)[0].asscalar() == 2
    assert seen == []
    y.backward()
    assert [grad is a.grad for grad in seen] == [True]
    z.backward()
    assert len(seen) == 3


def test_an_error_of_the_watcher_leaves_a_graph_that_can_be_dropped(seen):
    def refuse(grad):
        raise RuntimeError("no")

    watch_gradients(refuse)
    x = nd.ones((1,))
    x.attach_grad()
    with autograd.record():
        y = x * 2
    with pytest.raises(RuntimeError, match="no"):
        y.backward()
    watch_gradients(None)
    with autograd.record():
        y = x * 3
    y.backward()
    assert x.grad.asscalar() == 3
