"""mx.profiler: what is seen, the table, the trace; and that nothing changes while it looks."""

import json
import threading

import numpy
import pytest
from gradients import Wrapped

import microlazy as mx
from microlazy import autograd, gluon, nd, np, profiler
from microlazy.base import MXNetError


@pytest.fixture(autouse=True)
def profile(tmp_path, monkeypatch):
    """Begin with nothing noted, and a file of the test's own."""
    monkeypatch.chdir(tmp_path)
    profiler.set_config(filename=str(tmp_path / "profile.json"))
    yield tmp_path / "profile.json"
    profiler.dump()


def counts(category="operator"):
    found = json.loads(profiler.dumps(format="json"))["Time"].get(category, {})
    return {name: row["Count"] for name, row in found.items()}


def trace(path):
    return json.loads(path.read_text("utf-8"))["traceEvents"]


def run(function, *args):
    profiler.set_state("run")
    try:
        return function(*args)
    finally:
        profiler.set_state("stop")


# ---- ops -----------------------------------------------------------------------------------------


def test_nothing_is_seen_while_it_is_off():
    nd.ones((2,)).exp()
    assert counts() == {}


def test_eager_ops_with_and_without_record_and_through_numpy():
    x, y = nd.ones((2, 2)), np.array([3.0, 1.0])
    x.attach_grad()

    def work():
        (x * x).sum()
        np.sort(y)
        with autograd.record():
            z = x.tanh() * 2
        z.backward()
        x + x

    run(work)
    assert counts() == {
        **{"multiply": 2, "sum": 1, "numpy:sorted": 1, "tanh": 1, "add": 1},
        **{"_backward_multiply": 1, "_backward_tanh": 1},
    }


def test_ops_in_plans():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(3, activation="relu"), gluon.nn.Dense(1))
    net.initialize()
    net.hybridize()
    x = nd.ones((2, 4))
    net(x)

    def step():
        with autograd.record():
            y = net(x)
        y.backward()

    step()
    run(step)
    found = counts()
    assert found["fully_connected"] == 2 and found["_backward_fully_connected"] == 2
    assert found["_backward_hybridized block"] >= 1


def test_each_step_of_a_plan_has_a_time_of_its_own():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(8, 3), gluon.nn.BatchNorm(), gluon.nn.Activation("relu"))
    net.add(gluon.nn.HybridLambda(lambda F, x: F.tanh(x * 2).mean(axis=(2, 3))), gluon.nn.Dense(2))
    net.initialize()
    net.hybridize()
    x = nd.ones((2, 3, 9, 9))
    net(x)
    net(x)  # what was deferred has its sizes
    run(net, x)
    steps = [step.op for step in net.plan(x).steps]
    assert steps[0] == "convolution+batch_norm+relu+multiply+tanh"
    assert counts() == dict.fromkeys(steps, 1)
    rows = json.loads(profiler.dumps(format="json"))["Time"]["operator"]
    assert rows[steps[0]]["Total"] > 0


def test_results_and_gradients_are_the_same_bits():
    x = nd.random.normal(shape=(5, 7))
    x.attach_grad()

    def work():
        with autograd.record():
            y = nd.softmax(nd.dot(x, x.T) * 0.3).log().mean(axis=0)
        y.backward()
        z = nd.where(x > 0, x, x * 2).sum() + x.max() + nd.relu(x).mean()
        return [a.asnumpy() for a in (y, x.grad, z)]

    for seen, plain in zip(run(work), work(), strict=True):
        numpy.testing.assert_array_equal(seen, plain)


def test_the_time_of_numpys_function_counts():
    def slow(x):
        return numpy.linalg.svd(x)[1]

    from microlazy.core.ops.numpy_call import call

    x = np.array(numpy.random.default_rng(0).normal(size=(80, 80)))
    run(lambda: call(slow, [x]))
    outside = sum(end - begin for _, name, begin, end, _ in profiler._record.spans)
    copying = sum(
        end - begin for _, name, begin, end, _ in profiler._record.spans if name != "numpy:slow"
    )
    assert counts() == {"numpy:slow": 1} and outside > copying


def test_a_call_that_fails_leaves_nothing_behind():
    def work():
        with pytest.raises(numpy.linalg.LinAlgError):
            np.linalg.inv(np.zeros((2, 2)))
        np.ones(3) * 2

    run(work)
    spans = [(end - begin) for _, name, begin, end, _ in profiler._record.spans]
    assert counts()["multiply"] == 1 and min(spans) >= 0


def test_pause_and_resume():
    profiler.set_state("run")
    x = nd.ones((2,))
    x.exp()
    profiler.pause()
    x.sin()
    profiler.resume()
    x.cos()
    profiler.set_state("stop")
    profiler.resume()  # it is stopped: nothing goes on
    x.tanh()
    assert counts() == {"exp": 1, "cos": 1}


def test_scopes_that_end_later_do_not_blind_it():
    with autograd.record():
        profiler.set_state("run")
    nd.ones((2,)).exp()
    with autograd.record():
        profiler.set_state("stop")
    nd.ones((2,)).sin()
    assert counts() == {"exp": 1}


def test_other_threads_are_seen():
    def work():
        with autograd.pause():
            nd.ones((2,)).exp()

    def both():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        work()

    run(both)
    assert counts() == {"exp": 2}
    assert len({thread for *_, thread in profiler._record.spans}) == 2


def test_a_plan_made_while_it_looks_runs_on_afterwards():
    block = Wrapped(lambda x: nd.exp(x) + 1)
    block.hybridize()
    x = nd.array([1, 2])
    seen = run(block, x)
    numpy.testing.assert_array_equal(block(x).asnumpy(), seen.asnumpy())
    assert counts() == {"exp+add": 1}


# ---- what comes out ------------------------------------------------------------------------------


def test_the_table():
    def work():
        for _ in range(3):
            nd.ones((2,)).exp()
        nd.ones((2,)).sin()

    run(work)
    lines = profiler.dumps(sort_by="count").splitlines()
    assert lines[1:4] == ["Profile Statistics:", "", "operator"]
    assert [line.split()[:2] for line in lines[7:9]] == [["exp", "3"], ["sin", "1"]]
    up = profiler.dumps(sort_by="count", ascending=True, reset=True).splitlines()
    assert up[7].startswith("sin")
    assert counts() == {}


def test_times_add_up():
    run(lambda: [nd.ones((100, 100)).exp() for _ in range(4)])
    row = json.loads(profiler.dumps(format="json"))["Time"]["operator"]["exp"]
    assert row["Min"] <= row["Avg"] <= row["Max"] <= row["Total"]
    assert row["Avg"] == pytest.approx(row["Total"] / 4)


def test_the_trace(profile):
    run(lambda: nd.ones((2,)).exp())
    profiler.dump(finished=False)
    (event,) = [event for event in trace(profile) if event["ph"] == "X"]
    assert (event["name"], event["cat"]) == ("exp", "operator")
    assert event["dur"] >= 0 and event["tid"] == threading.get_ident()
    run(lambda: nd.ones((2,)).sin())
    profiler.dump()
    assert [e["name"] for e in trace(profile) if e["ph"] == "X"] == ["exp", "sin"]
    profiler.dump()
    assert [e["name"] for e in trace(profile) if e["ph"] == "X"] == []


def test_what_programs_note(profile):
    domain = profiler.Domain("input")
    task, frame, event = domain.new_task("read"), domain.new_frame("batch"), profiler.Event("all")
    counter = domain.new_counter("queued", 3)
    for span in (event, task, frame):
        span.start()
    counter += 4
    counter -= 2
    counter.increment()
    counter.decrement(5)
    domain.new_marker("now").mark("thread")
    for span in (frame, task, event):
        span.stop()
    task.stop()  # it is not running
    with profiler.scope("part"):
        pass
    assert counts("input") == {"read": 1, "batch": 1}
    assert counts("event") == {"all": 1} and counts("scope") == {"part": 1}
    found = json.loads(profiler.dumps(format="json"))["Counter"]["input"]["queued"]
    assert (found["Count"], found["Min"], found["Max"]) == (5, 1, 7)
    assert "queued" in profiler.dumps()
    assert [str(x) for x in (domain, task, frame, event, counter)] == [
        *("input", "read", "batch", "all", "queued")
    ]
    profiler.dump()
    kinds = [(e["ph"], e["name"]) for e in trace(profile)]
    assert kinds.count(("C", "queued")) == 5 and ("i", "now") in kinds


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: profiler.set_config(foo=1), MXNetError, "'foo'.*filename"),
        (lambda: profiler.set_state("go"), KeyError, "'go'"),
        (lambda: profiler.dumps(format="xml"), ValueError, "'xml'"),
        (lambda: profiler.dumps(sort_by="name"), ValueError, "'name'"),
        (lambda: profiler.Domain("a").new_marker("b").mark("x"), ValueError, "'x'"),
    ],
)
def test_bad_arguments(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_the_older_names_still_work():
    with pytest.warns(DeprecationWarning, match="set_config"):
        profiler.profiler_set_config("all", "older.json")
    with pytest.warns(DeprecationWarning, match="set_state"):
        profiler.profiler_set_state("run")
    mx.nd.ones((2,)).exp()
    with pytest.warns(DeprecationWarning, match="dump"):
        profiler.dump_profile()
    with open("older.json", encoding="utf-8") as file:
        assert "exp" in file.read()
