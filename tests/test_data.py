"""Data sets, samplers, batches, and the loader with its workers."""

import gc
import multiprocessing
import multiprocessing.connection
import os
import pickle
import random
import signal
import threading
import weakref

import numpy
import pandas
import pytest
from data_samples import (
    Numbers,
    die,
    end,
    late,
    noise,
    refuse_oddly,
    refuse_seven,
    unpicklable,
    wait_for_ever,
)

import microlazy as mx
from microlazy import gluon, nd, np, npx
from microlazy.gluon.data import (
    ArrayDataset,
    BatchSampler,
    DataLoader,
    IntervalSampler,
    RandomSampler,
    SequentialSampler,
    SimpleDataset,
    SplitSampler,
    batchify,
)

FORK = pytest.param("fork", marks=pytest.mark.skipif(os.name == "nt", reason="has no fork"))


@pytest.fixture(params=[FORK, "spawn"])
def start_method(request):
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    gc.collect()
    assert multiprocessing.active_children() == []
    if os.path.isdir("/dev/shm"):
        assert not [
            name for name in os.listdir("/dev/shm") if name.startswith(f"ml_{os.getpid()}_")
        ]


# ---- data sets ----


def test_parts_of_a_data_set():
    data = SimpleDataset(list(range(10)))
    assert list(data.filter(lambda x: x % 3 == 0)) == [0, 3, 6, 9]
    assert [list(data.shard(3, i)) for i in range(3)] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert list(data.take(3)) == [0, 1, 2] and len(data.take(None)) == len(data.take(99)) == 10
    assert list(data.take(4).shard(2, 1).transform(str)) == ["2", "3"]
    assert [data.take(3)[-1], data.shard(3, 1)[-1]] == [2, 6]
    eager = data.transform(lambda x: x * 2, lazy=False)
    assert eager[3] == 6 and len(eager) == 10
    with pytest.raises(ValueError, match="a part is from 0 to 2 of 3, but it is 3"):
        data.shard(3, 3)
    with pytest.raises(ValueError, match="count must be 0 or more"):
        data.take(-1)
    with pytest.raises(TypeError, match=r"expected a gluon.data.Sampler, not list"):
        data.sample([1])
    with pytest.raises(IndexError):
        data.take(3)[3]


def test_transform_gets_the_parts_of_a_sample():
    data = ArrayDataset(nd.array([[1, 2], [3, 4]]), numpy.array([5, 6]))
    assert data.transform(lambda x, y: x.sum().asscalar() + y)[1] == 13
    x, y = data.transform_first(lambda x: x * 2)[0]
    assert x.asnumpy().tolist() == [2, 4] and y == 5
    assert SimpleDataset([1, 2]).transform_first(lambda x: -x)[1] == -2


def test_arrays_side_by_side():
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    data = ArrayDataset(frame, frame["a"], nd.array([7, 8, 9]), [10, 11, 12], np.ones((3, 2)))
    row = data[1]
    assert row[0].tolist() == [2, 5] and row[1] == 2 and row[3] == 11
    assert isinstance(row[2], numpy.float32) and isinstance(row[4], np.ndarray)
    with pytest.raises(ValueError, match=r"same length, but they have \[2, 3\]"):
        ArrayDataset([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="at least 1 array"):
        ArrayDataset()


# ---- samplers ----


def test_samplers():
    numpy.random.seed(0)
    expected = numpy.arange(9)
    numpy.random.shuffle(expected)
    numpy.random.seed(0)
    assert list(RandomSampler(9)) == expected.tolist()  # MXNet's order for this seed
    batches = [list(BatchSampler(SequentialSampler(5), 2, last)) for last in ("keep", "discard")]
    assert batches == [[[0, 1], [2, 3], [4]], [[0, 1], [2, 3]]]
    assert [len(BatchSampler(SequentialSampler(5), 2, x)) for x in ("keep", "discard")] == [3, 2]
    rolling = BatchSampler(SequentialSampler(5), 2, "rollover")
    assert (len(rolling), len(list(rolling)), len(rolling)) == (2, 2, 3)
    split = [sorted(SplitSampler(7, 3, i, repeat=2)) for i in range(3)]
    assert split == [[0, 0, 1, 1, 2, 2], [3, 3, 4, 4], [5, 5, 6, 6]]
    assert len(SplitSampler(7, 3, 0, even_size=True)) == 2
    for make, message in (
        (lambda: BatchSampler([1], 2, "drop"), "last_batch must be one of .* but it is 'drop'"),
        (lambda: BatchSampler([1], 0), "batch_size must be a whole number, 1 or more, but it is 0"),
        (lambda: IntervalSampler(3, 4), "interval must be from 1 to length=3, but it is 4"),
        (lambda: SplitSampler(3, 2, 2), "a part is from 0 to 1 of 2, but it is 2"),
        (lambda: SplitSampler(3, 0, 0, even_size=True), "of 0, but it is 0"),
        (lambda: SplitSampler(-3, 2, 0), "a length of at least 0, not -3"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


# ---- batches ----


def test_batches():
    pad = batchify.Pad(val=9, dtype="float32", round_to=4)
    assert pad([numpy.ones((1, 2)), numpy.ones((3, 1))]).shape == (2, 4, 4)
    assert pad([[1]]).asnumpy().tolist() == [[1, 9, 9, 9]]
    group = batchify.Group([batchify.Stack(), batchify.AsList()])
    numbers, names = group([(1, "a"), (2, "b")])
    assert numbers.asnumpy().tolist() == [1, 2] and names == ["a", "b"]
    assert [x.shape for x in batchify.Append(expand=False)([[1, 2], [3]])] == [(2,), (1,)]
    with pytest.raises(mx.base.ShapeError, match=r"\[\(2,\), \(3,\)\] make no batch; batchify.Pad"):
        batchify.Stack()([nd.ones((3,)), nd.ones((2,))])
    with pytest.raises(mx.base.ShapeError, match=r"equally many axes, not \[1, 2\]"):
        batchify.Pad()([[1], [[1]]])
    with pytest.raises(ValueError, match=r"2 functions, but samples have \[1\] parts"):
        group([(1,)])


@pytest.mark.parametrize("face", [nd, np])
def test_default_batches_are_of_the_face_and_dtype(face):
    if face is np:
        npx.set_np()
    data = ArrayDataset(face.ones((5, 2)), face.arange(5), numpy.arange(5, dtype="int32"))
    kind = np.ndarray if face is np else nd.NDArray
    for dataset in (data, data.transform(lambda *parts: parts)):  # at once, and one by one
        batches = list(DataLoader(dataset, 2, last_batch="discard"))
        assert [type(part) for part in batches[0]] == [kind] * 3
        assert [part.dtype for part in batches[0]] == [numpy.float32, numpy.float32, numpy.int32]
        assert [part.shape for part in batches[1]] == [(2, 2), (2,), (2,)]
        assert batches[1][1].asnumpy().tolist() == [2, 3]


@pytest.mark.parametrize("data", [
    list(range(6)), numpy.arange(6), np.arange(6), pandas.Series(range(6)), range(6),
])  # fmt: skip
def test_it_takes_what_has_a_length_and_items(data):
    assert [x.asnumpy().tolist() for x in DataLoader(data, 4)] == [[0, 1, 2, 3], [4, 5]]


def test_rows_of_a_frame():
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert next(iter(DataLoader(frame, 2))).asnumpy().tolist() == [[1, 3], [2, 4]]


def test_arguments_that_contradict():
    batches = BatchSampler(SequentialSampler(3), 2)
    for arguments, message in (
        ({}, "give batch_size, or a batch_sampler"),
        ({"batch_size": 2, "batch_sampler": batches}, "batch_sampler takes the place"),
        ({"batch_size": 2, "shuffle": True, "sampler": RandomSampler(3)}, "shuffle is a sampler"),
        ({"batch_size": 2, "timeout": 0}, "timeout must be positive, but it is 0"),
        ({"batch_size": 2, "last_batch": "none"}, "last_batch must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            DataLoader([1, 2, 3], **arguments)
    for size in (0, 2.5, "2"):
        with pytest.raises(ValueError, match=f"must be a whole number, 1 or more, .* {size!r}"):
            DataLoader([1, 2, 3], size)
    with pytest.raises(TypeError, match=r"num_workers must be a whole number, not 1\.5"):
        DataLoader([1, 2, 3], 2, num_workers=1.5)
    with pytest.raises(TypeError, match="generator has no __getitem__"):
        DataLoader((i for i in range(3)), 2)
    assert len(DataLoader([1, 2, 3], batch_sampler=batches)) == 2


# ---- workers ----


def plain(batches):
    return [[part.asnumpy().tolist() for part in batch] for batch in batches]


def test_workers_give_the_same_batches(start_method):
    data = Numbers(11, noise)
    seen = []
    kinds = [(0, {}), (2, {"auto_reload": True}), (1, {}), (3, {"prefetch": 0})]
    if start_method == "spawn":  # starting is slow
        kinds = kinds[:2]
    for workers, arguments in kinds:
        mx.random.seed(5)
        loader = DataLoader(data, 4, num_workers=workers, pin_memory=workers == 1, **arguments)
        seen.append([plain(loader), plain(loader)])
    assert all(other == seen[0] for other in seen)
    assert seen[0][0] != seen[0][1]  # another epoch, other noise
    numbers = numpy.concatenate([batch[0] for batch in seen[0][0]])
    assert numbers.tolist() == list(range(11))


def test_the_main_process_keeps_its_random_numbers():
    def draw():
        return random.random(), numpy.random.rand()

    for seed in (random.seed, numpy.random.seed):
        seed(1)
    expected = [draw(), draw()]
    for seed in (random.seed, numpy.random.seed):
        seed(1)
    seen = [draw()]
    list(DataLoader(Numbers(4, noise), 2))
    assert [*seen, draw()] == expected


def test_threads():
    loader = DataLoader(Numbers(11), 4, num_workers=2, thread_pool=True)
    assert plain(loader) == plain(DataLoader(Numbers(11), 4))
    with pytest.raises(KeyError, match="seven"):
        list(DataLoader(Numbers(8, refuse_seven), 4, num_workers=2, thread_pool=True))
    with pytest.raises(TimeoutError, match="the server is slow"):
        list(DataLoader(Numbers(8, late), 4, num_workers=2, thread_pool=True))


def test_faces_reach_the_workers():
    loader = DataLoader([1, 2], 2, num_workers=1)
    assert isinstance(next(iter(loader)), nd.NDArray)
    npx.set_np()
    assert isinstance(next(iter(loader)), np.ndarray)


def test_batches_of_every_kind():
    def mixed(samples):
        empty = numpy.zeros((0, 3))
        turned = numpy.asfortranarray(numpy.arange(6).reshape(2, 3))
        return {"empty": empty, "turned": turned, "text": "a", "array": nd.ones((2,))[1:]}

    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
        (batch,) = DataLoader([1, 2], 2, batchify_fn=mixed, num_workers=1)
        assert batch["empty"].shape == (0, 3) and batch["text"] == "a"
        assert batch["turned"].tolist() == [[0, 1, 2], [3, 4, 5]]
        batch["turned"][0, 0] = 5  # it is the main process's own
        assert batch["array"].asnumpy().tolist() == [1]
        multiprocessing.set_start_method(None, force=True)


def test_two_epochs_at_once_and_one_that_is_left():
    loader = DataLoader(Numbers(8), 2, num_workers=2)
    for _ in loader:
        break
    pairs = list(zip(loader, loader, strict=True))
    assert plain(a for a, _ in pairs) == plain(b for _, b in pairs) == plain(loader)


def test_an_error_in_a_worker_is_raised_here(start_method):
    workers = 2 if start_method == "fork" else 1
    loader = DataLoader(Numbers(12, refuse_seven), 2, num_workers=workers)
    batches = iter(loader)
    assert len([next(batches) for _ in range(3)]) == 3
    with pytest.raises(KeyError, match="seven") as caught:
        next(batches)
    assert "in refuse_seven" in caught.value.__notes__[0]
    assert plain([next(iter(loader))])[0][0] == [0, 1]  # it works on


@pytest.mark.parametrize(
    "how", [{}, {"num_workers": 1}, {"num_workers": 1, "thread_pool": True}], ids=str
)
def test_a_data_set_that_raises_stop_iteration_does_not_end_the_epoch(how):
    with pytest.raises(RuntimeError, match="the data set raised StopIteration"):
        list(DataLoader(Numbers(6, end), 2, **how))


@pytest.mark.parametrize("samples", [["a", "b"], [{"x": 1}, {"x": 2}], [None, 1], [1j, 2]])
def test_samples_of_which_no_batch_is_made(samples):
    kind = type(samples[0]).__name__
    with pytest.raises(
        TypeError, match=f"samples of type {kind} make no batch; give .*batchify_fn"
    ):
        list(DataLoader(samples, 2))


def test_threads_may_share_a_loader():
    loader = DataLoader(Numbers(60), 2, num_workers=2)
    epochs = []
    threads = [
        threading.Thread(target=lambda: epochs.append(plain(loader)), daemon=True) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(epochs) == 3 and epochs[0] == epochs[1] == epochs[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
@pytest.mark.parametrize("start_method", ["fork"], indirect=True)  # Python refuses forkserver there
@pytest.mark.parametrize("thread_pool", [False, True])
def test_a_forked_process_has_workers_of_its_own(thread_pool, start_method):
    loader = DataLoader(Numbers(8), 2, num_workers=2, thread_pool=thread_pool)
    expected = plain(loader)
    begun = iter(loader)
    next(begun)
    if os.fork() == 0:
        code = 1
        try:
            code = 2 * (plain(loader) != expected)
            with pytest.raises(mx.MXNetError, match="that this one was forked from"):
                next(begun)
        finally:
            del loader, begun
            gc.collect()
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    assert len(list(begun)) == 3 and plain(loader) == expected


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_a_worker_killed_between_epochs_is_replaced():
    loader = DataLoader(Numbers(8), 2, num_workers=2)
    expected = plain(loader)
    worker = multiprocessing.active_children()[0]
    os.kill(worker.pid, signal.SIGKILL)
    multiprocessing.connection.wait([worker.sentinel])
    assert plain(loader) == expected


def test_errors_that_cannot_be_handed_over():
    with pytest.raises(mx.MXNetError, match="Odd: 1 and 2"):
        list(DataLoader(Numbers(2, refuse_oddly), 2, num_workers=1))
    with pytest.raises(TimeoutError, match="the server is slow"):
        list(DataLoader(Numbers(2, late), 2, num_workers=1))
    as_list = batchify.AsList()
    with pytest.raises((AttributeError, pickle.PicklingError, mx.MXNetError), match="lambda"):
        list(DataLoader(Numbers(2, unpicklable), 2, batchify_fn=as_list, num_workers=1))


@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
def test_a_worker_that_is_killed(start_method):
    loader = DataLoader(Numbers(12, die), 2, num_workers=2 if start_method == "fork" else 1)
    for _ in range(2 if start_method == "fork" else 1):  # new workers are started
        with pytest.raises(mx.MXNetError, match="ended by signal 9 while it made a batch"):
            list(loader)
        assert multiprocessing.active_children() == []


@pytest.mark.skipif(os.name == "nt", reason="waits for a signal")
def test_a_worker_that_never_answers():
    loader = DataLoader(Numbers(4, wait_for_ever), 2, num_workers=2, timeout=0.01)
    with pytest.raises(multiprocessing.TimeoutError, match="no batch in 0.01 seconds"):
        list(loader)


def test_workers_are_gone_when_the_loader_is():
    loader = DataLoader(Numbers(8), 2, num_workers=2)
    left = iter(loader)
    next(left)
    assert len(multiprocessing.active_children()) == 2
    gone = weakref.ref(loader)
    del loader, left
    gc.collect()
    assert gone() is None and multiprocessing.active_children() == []


def test_what_cannot_be_sent_to_a_spawned_worker():
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method("spawn", force=True)
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        list(DataLoader(SimpleDataset([1]).transform(lambda x: x), 1, num_workers=1))
    multiprocessing.set_start_method(before, force=True)


def test_in_a_training_loop():
    data = ArrayDataset(nd.random.normal(shape=(8, 3)), nd.arange(8))
    net = gluon.nn.Dense(1)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    for x, y in gluon.data.DataLoader(data, 4, shuffle=True, num_workers=1):
        with mx.autograd.record():
            loss = gluon.loss.L2Loss()(net(x), y)
        loss.backward()
        trainer.step(len(x))


def test_batches_are_their_own_when_memory_is_used_again():
    rows = numpy.arange(4000, dtype="float32").reshape(40, 100)
    data = ArrayDataset(rows, nd.arange(40))
    kept = list(DataLoader(data, 4, num_workers=1))  # more than there are blocks
    for i, (x, y) in enumerate(kept):
        assert (x.asnumpy() == rows[4 * i : 4 * i + 4]).all()
        assert y.asnumpy().tolist() == list(range(4 * i, 4 * i + 4))
        x += 1  # it is the main process's own
    mixed = list(DataLoader(Numbers(40), 4, batchify_fn=batchify.AsList(), num_workers=1))
    for i, samples in enumerate(mixed):
        assert [(a, b.tolist()) for a, b, _ in samples] == [
            (j, numpy.full((2, 3), float(j)).tolist()) for j in range(4 * i, 4 * i + 4)
        ]
        samples[0][1][:] = 7


def test_batches_that_grow_and_large_ones():
    def grown(samples):
        return numpy.full(10 ** (samples[0][0] + 1), samples[0][0], "uint8")

    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("sends a closure")
    multiprocessing.set_start_method("fork", force=True)
    loader = DataLoader(Numbers(8), 1, batchify_fn=grown, num_workers=2)
    for _ in range(2):
        for i, batch in enumerate(loader):  # up to 100 MB, which is more than is kept
            assert batch.shape == (10 ** (i + 1),) and (batch[:: 1 + 10**i] == i).all()
        if os.path.isdir("/dev/shm"):
            prefix = f"ml_{os.getpid()}_"
            names = [name for name in os.listdir("/dev/shm") if name.startswith(prefix)]
            assert len(names) <= 2 * 4  # the small ones do not pile up
    multiprocessing.set_start_method(None, force=True)


def test_shared_memory_is_used_again_and_small():
    if not os.path.isdir("/dev/shm"):
        pytest.skip("there is no such folder")
    loader = DataLoader(ArrayDataset(numpy.ones((400, 1000))), 4, num_workers=2)
    for _ in range(2):
        for _ in loader:
            pass
    names = [name for name in os.listdir("/dev/shm") if name.startswith(f"ml_{os.getpid()}_")]
    assert 0 < len(names) <= 2 * 4  # of 200 batches


def test_a_map_style_data_set_of_pytorch():
    """What such a data set is: `__getitem__`, `__len__`, and tensors that NumPy can read."""

    class Tensor:
        def __init__(self, values):
            self.values = numpy.asarray(values)
            self.shape = self.values.shape

        def __array__(self, dtype=None, copy=None):
            return self.values

    class TensorDataset:
        def __getitem__(self, i):
            return Tensor([i, i + 0.5]), Tensor(i)

        def __len__(self):
            return 5

    x, y = next(iter(DataLoader(TensorDataset(), 3)))
    assert x.asnumpy().tolist() == [[0, 0.5], [1, 1.5], [2, 2.5]] and y.asnumpy().tolist() == [
        0, 1, 2]  # fmt: skip
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.arange(6.0).reshape(3, 2), torch.arange(3))
    x, y = next(iter(DataLoader(data, 2, num_workers=1)))
    assert x.asnumpy().tolist() == [[0, 1], [2, 3]] and y.asnumpy().tolist() == [0, 1]


def test_the_interval_sampler_has_its_place_in_contrib():
    assert gluon.contrib.data.IntervalSampler is IntervalSampler
