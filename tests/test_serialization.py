"""The file format: MXNet's files bit for bit, and nothing but clean refusals of bad ones."""

import contextlib
import math
import os
import struct
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microlazy as mx
from microlazy import nd, npx
from microlazy.base import MXNetError
from microlazy.core import trace
from microlazy.params_file import load, load_frombuffer, save

FIXTURES = Path(__file__).parent / "fixtures"
with numpy.load(FIXTURES / "expected.npz") as file:
    EXPECTED = dict(file)
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")


@pytest.fixture
def numpy_semantics():
    npx.set_np()
    yield
    npx.reset_np()


@pytest.fixture(params=["nd", "np"])
def face(request):
    if request.param == "np":
        npx.set_np()
    yield request.param
    npx.reset_np()


def check_same(array, expected):
    assert array.shape == expected.shape
    assert array.dtype == expected.dtype
    assert array.asnumpy().tobytes() == expected.tobytes()


def container(record, count=1, names=b"\0" * 8):
    return struct.pack("<QQQ", 0x112, 0, count) + record + names


def dense(shape=(2,), code=0, data=b"\0" * 8, version=0xF993FAC9, storage=0, device=1):
    head = struct.pack(f"<IiI{len(shape)}q", version, storage, len(shape), *shape)
    return head + struct.pack("<iii", device, 0, code) + data


# ---- files of MXNet ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["nd_list", "nd_dict", "np_list", "np_dict", "v1", "v0"],
)
def test_reads_what_mxnet_wrote(name, face):
    data = load(FIXTURES / f"{name}.params")
    items = data.items() if isinstance(data, dict) else enumerate(data)
    expected = {key: value for key, value in EXPECTED.items() if key.startswith(f"{name}.params:")}
    items = [(f"{name}.params:{key}", array) for key, array in items]
    assert [key for key, _ in items] == list(expected)
    for key, array in items:
        check_same(array, expected[key])
        assert type(array) is (mx.np.ndarray if face == "np" else nd.NDArray)


@pytest.mark.parametrize("name", ["nd_list", "nd_dict", "nd_empty"])
def test_writes_the_bytes_that_mxnet_writes(name, tmp_path):
    path = FIXTURES / f"{name}.params"
    save(tmp_path / "copy", load(path))
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["np_list", "np_dict"])
def test_writes_the_bytes_that_mxnet_writes_under_numpy_semantics(name, tmp_path, numpy_semantics):
    path = FIXTURES / f"{name}.params"
    save(tmp_path / "copy", load(path))
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()


def test_an_empty_file_of_mxnet_is_an_empty_list():
    assert load(FIXTURES / "nd_empty.params") == []


def test_a_network_of_mxnet_gives_the_same_answers():
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(3, activation="relu"), mx.gluon.nn.Dense(1))
    net.load_parameters(str(FIXTURES / "net.params"))
    answer = net(nd.array(EXPECTED["net.params:x"]))
    numpy.testing.assert_allclose(answer.asnumpy(), EXPECTED["net.params:y"], rtol=1e-6)


@pytest.mark.parametrize(
    "name, reason",
    [
        ("row_sparse.params", r"storage type 1 \(row_sparse\).*at byte 28\)"),
        ("csr.params", r"storage type 2 \(csr\).*at byte 28\)"),
        ("trainer.states", "Python pickle"),
    ],
)
def test_refuses_other_files_by_name_and_reason(name, reason):
    with pytest.raises(MXNetError, match=rf"{name}.*{reason}"):
        load(FIXTURES / name)


# ---- round trips -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3), (1, 2, 1, 3)])
def test_round_trip(dtype, shape, face, tmp_path):
    values = (numpy.arange(math.prod(shape)) % 2).astype(dtype).reshape(shape)
    save(str(tmp_path / "a"), [(mx.np if face == "np" else nd).array(values, dtype=dtype)])
    (array,) = load(str(tmp_path / "a"))
    check_same(array, values)


def test_floats_keep_their_bits(tmp_path):
    bits = numpy.random.default_rng(0).integers(0, 2**32, 1000, dtype="uint32")
    values = bits.view("float32")
    array = nd.zeros(1000)
    numpy.asarray(array)[:] = values
    save(tmp_path / "a", array)
    assert load(tmp_path / "a")[0].asnumpy().tobytes() == numpy.asarray(array).tobytes()


def test_names_keep_their_order_and_letters(tmp_path):
    data = {"z": nd.ones(1), "": nd.zeros(2), "größe 数": nd.ones(3)}
    save(tmp_path / "a", data)
    assert {name: array.shape for name, array in load(tmp_path / "a").items()} == {
        "z": (1,),
        "": (2,),
        "größe 数": (3,),
    }
    assert list(load(tmp_path / "a")) == list(data)


def test_views_are_saved_as_they_look(tmp_path):
    array = nd.arange(6).reshape((2, 3)).T
    save(tmp_path / "a", [array])
    assert load(tmp_path / "a")[0].asnumpy().tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_single_array_is_a_list_of_one(tmp_path):
    save(tmp_path / "a", nd.ones(2))
    assert load_frombuffer((tmp_path / "a").read_bytes())[0].asnumpy().tolist() == [1, 1]


# ---- what save refuses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, error",
    [
        (5, ValueError),
        (None, ValueError),
        ((1,), ValueError),
        ([3], TypeError),
        ({"a": numpy.zeros(2)}, TypeError),
        ({1: None}, TypeError),
    ],
)
def test_save_refuses_other_data_and_makes_no_file(data, error, tmp_path):
    with pytest.raises(error):
        save(tmp_path / "a", data)
    assert list(tmp_path.iterdir()) == []


def test_save_refuses_an_abstract_array_and_makes_no_file(tmp_path):
    with pytest.raises(MXNetError):
        save(tmp_path / "a", [trace.abstract((2, 3))])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", [load, lambda fname: save(fname, [])])
def test_a_file_name_is_a_string_or_a_path(function):
    with pytest.raises(TypeError, match="fname"):
        function(3)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MXNetError, match="nowhere.*No such file"):
        save(tmp_path / "nowhere" / "a", [])
    with pytest.raises(MXNetError, match="nowhere.*No such file"):
        load(tmp_path / "nowhere")


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(MXNetError, match="not a file"):
        save(tmp_path / "a", [])
    assert (tmp_path / "a").is_dir()


# ---- saving is atomic --------------------------------------------------------------------------


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    save(tmp_path / "a", [nd.ones(2)])
    before = (tmp_path / "a").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MXNetError, match="No space left"):
        save(tmp_path / "a", [nd.zeros(200)])
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_saving_replaces_the_file_behind_a_link_and_keeps_its_mode(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save(tmp_path / "link", [nd.ones(2)])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    assert load(tmp_path / "real")[0].shape == (2,)


# ---- bad files ---------------------------------------------------------------------------------

HUGE = 2**40
BAD = {
    "empty": (b"", "header needs 8 bytes, 0 are left"),
    "text": (b"hello world, hello world", "begins with other bytes"),
    "reserved": (struct.pack("<QQQQ", 0x112, 1, 0, 0), "reserved"),
    "count": (struct.pack("<QQQQ", 0x112, 0, HUGE, 0), f"number of arrays is {HUGE}"),
    "huge count": (struct.pack("<QQQQ", 0x112, 0, 2**64 - 1, 0), "number of arrays"),
    "size": (container(dense((HUGE, 2))), "array 0 of shape"),
    "product": (container(dense((2**32, 2**32, 2**32))), "impossible shape"),
    "zero product": (container(dense((2**62, 2**62, 0), version=0xF993FACA)), "impossible shape"),
    "negative": (container(dense((-1,))), "negative size"),
    "no axes": (container(dense(())), "0 axes"),
    "many axes": (container(dense((1,) * 17)), "17 axes"),
    "unknown shape": (container(struct.pack("<IiI", 0xF993FACA, 0, 2**32 - 1)), "axes"),
    "storage": (container(dense(storage=7)), r"storage type 7 \(unknown\)"),
    "device": (container(dense(device=9)), "device of unknown kind 9"),
    "int16": (container(dense(code=8)), r"dtype 8 \(int16\)"),
    "bfloat16": (container(dense(code=12)), r"dtype 12 \(bfloat16\)"),
    "dtype": (container(dense(code=-1)), r"dtype -1 \(unknown\)"),
    "bool": (container(dense(code=7, data=b"\1\2")), "other than 0 and 1"),
    "names": (container(dense(), names=struct.pack("<Q", 2) + bytes(16)), "1 arrays but 2 names"),
    "name size": (container(dense(), names=struct.pack("<QQ", 1, HUGE)), "length of name 0"),
    "UTF-8": (container(dense(), names=struct.pack("<QQ", 1, 1) + b"\xff"), "not valid UTF-8"),
    "twice": (
        container(dense() * 2, 2, struct.pack("<Q", 2) + (struct.pack("<Q", 1) + b"a") * 2),
        "'a' appears twice",
    ),
    "more": (container(dense()) + b"x", "1 bytes follow"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_by_reason_and_byte(name, tmp_path):
    content, reason = BAD[name]
    (tmp_path / "bad.params").write_bytes(content)
    with pytest.raises(MXNetError, match=rf"bad\.params.*{reason}.*at byte \d+"):
        load(tmp_path / "bad.params")


def test_the_byte_is_that_of_the_field():
    with pytest.raises(MXNetError, match=r"dtype 8 .*at byte 52\)"):
        load_frombuffer(container(dense(code=8)))


@pytest.mark.parametrize("data", [3, "text", None])
def test_a_buffer_is_bytes(data):
    with pytest.raises(TypeError, match="bytes"):
        load_frombuffer(data)


WHOLE = (FIXTURES / "nd_dict.params").read_bytes()
MIXED = (FIXTURES / "np_list.params").read_bytes()


@pytest.mark.parametrize("whole", [WHOLE, MIXED])
def test_every_truncation_is_refused(whole):
    for size in range(len(whole)):
        with pytest.raises(MXNetError):
            load_frombuffer(whole[:size])


@pytest.mark.parametrize("whole", [WHOLE, MIXED])
@pytest.mark.parametrize("change", [1 << bit for bit in range(8)] + [255])
def test_a_changed_byte_is_refused_or_a_value(whole, change):
    refused = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= change
        try:
            data = load_frombuffer(bytes(damaged))
        except MXNetError:
            refused += 1
            continue
        arrays = list(data.values() if isinstance(data, dict) else data)
        # What is still readable has as many bytes of elements as there are in the file.
        assert sum(array.nbytes for array in arrays) <= len(whole)
    assert refused > len(whole) / 2


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    with pytest.raises(MXNetError):
        load_frombuffer(noise)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_after_a_header_is_refused_or_read(noise):
    with contextlib.suppress(MXNetError):
        load_frombuffer(struct.pack("<QQQ", 0x112, 0, 1) + noise)
