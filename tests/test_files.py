"""NumPy's and safetensors' files: read and written as their libraries do, refused when damaged."""

import errno
import io
import json
import math
import os
import pickle
import struct
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microlazy as mx
from microlazy import files, nd, np, npx
from microlazy.base import MXNetError
from microlazy.files import (
    pack_npy,
    pack_npz,
    pack_safetensors,
    unpack_limit,
    unpack_npz,
    unpack_safetensors,
    write_atomically,
)
from microlazy.params_file import load_frombuffer

DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
SHAPES = [(), (0,), (3, 0, 2), (1,), (2, 3), (1, 2, 1, 3)]


def example(dtype="float32", shape=(2, 3)):
    return (numpy.arange(math.prod(shape)) % 2).astype(dtype).reshape(shape)


def check_same(array, expected):
    assert type(array) is np.ndarray
    assert array.shape == expected.shape
    assert array.dtype == expected.dtype.newbyteorder("=")
    assert array.asnumpy().tolist() == expected.tolist()


def npy(values, version=(1, 0)):
    """The bytes that NumPy writes."""
    file = io.BytesIO()
    numpy.lib.format.write_array(file, values, version)
    return file.getvalue()


def with_header(header, data=b"", version=b"\1\0"):
    header = header.encode("latin1")
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


# ---- .npy ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_npy_is_numpys_byte_by_byte(dtype, shape, tmp_path):
    values = example(dtype, shape)
    np.save(tmp_path / "ours", np.array(values, dtype=dtype))
    numpy.save(tmp_path / "theirs", values)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
    check_same(np.load(tmp_path / "theirs.npy"), values)


@pytest.mark.parametrize("dtype", [">f4", ">i8", "<f8", ">f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_in_other_orders(dtype, order, tmp_path):
    values = numpy.asarray(numpy.arange(24).reshape(2, 3, 4), dtype=dtype, order=order)
    numpy.save(tmp_path / "a.npy", values)
    array = np.load(tmp_path / "a.npy")
    check_same(array, values)
    assert numpy.asarray(array).flags.c_contiguous


def test_npy_of_version_2(tmp_path):
    (tmp_path / "a.npy").write_bytes(npy(example(), (2, 0)))
    check_same(np.load(tmp_path / "a.npy"), example())


def test_npy_of_python_2_is_read_without_a_warning(tmp_path):
    header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2L,), }\n"
    (tmp_path / "old.npy").write_bytes(with_header(header, bytes(8)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.load(tmp_path / "old.npy").tolist() == [0, 0]


def test_views_are_saved_as_they_look(tmp_path):
    np.save(tmp_path / "a", np.arange(6).reshape(2, 3).T)
    assert numpy.load(tmp_path / "a.npy").tolist() == [[0, 3], [1, 4], [2, 5]]


def test_save_takes_numbers_and_nd_arrays(tmp_path):
    np.save(tmp_path / "a", [[1, 2]])
    np.save(tmp_path / "b.npy", nd.ones((2,), dtype="int32"))
    check_same(np.load(tmp_path / "a.npy"), numpy.array([[1, 2]], "float32"))
    check_same(np.load(tmp_path / "b.npy"), numpy.ones(2, "int32"))


def test_several_arrays_in_one_open_file(tmp_path):
    with open(tmp_path / "a", "wb") as file:
        np.save(file, np.ones(2))
        np.save(file, np.zeros((0, 3)))
        numpy.save(file, numpy.arange(3))
    with open(tmp_path / "a", "rb") as file:
        arrays = [np.load(file) for _ in range(3)]
    assert [array.shape for array in arrays] == [(2,), (0, 3), (3,)]
    with pytest.raises(MXNetError, match=r"follow the end.*at byte 136\)"):
        np.load(tmp_path / "a")


# ---- .npz ------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", ["savez", "savez_compressed"])
def test_npz_moves_between_numpy_and_us(save, tmp_path):
    arrays = {f"{dtype} {shape}": example(dtype, shape) for dtype in DTYPES for shape in SHAPES}
    getattr(np, save)(tmp_path / "ours", **{k: np.array(v, v.dtype) for k, v in arrays.items()})
    getattr(numpy, save)(tmp_path / "theirs", **arrays)
    with numpy.load(tmp_path / "ours.npz") as data:
        assert data.files == list(arrays)
        for name, values in arrays.items():
            numpy.testing.assert_array_equal(data[name], values, strict=True)
    with np.load(tmp_path / "theirs.npz") as data:
        assert data.files == list(arrays)
        for name, values in arrays.items():
            check_same(data[name], values)


def test_npz_of_an_old_numpy():
    path = Path(__file__).parent / "fixtures" / "expected.npz"
    with np.load(path) as ours, numpy.load(path) as theirs:
        assert ours.files == theirs.files
        for name in theirs.files:
            numpy.testing.assert_array_equal(ours[name].asnumpy(), theirs[name], strict=True)


def test_npz_numbers_the_arrays_without_names(tmp_path):
    npx.savez(tmp_path / "a.npz", np.ones(1), np.zeros(2), größe=np.ones(3))
    assert list(np.load(tmp_path / "a.npz")) == ["arr_0", "arr_1", "größe"]
    with pytest.raises(ValueError, match="'arr_0'"):
        np.savez(tmp_path / "b.npz", np.ones(1), arr_0=np.zeros(2))
    assert not (tmp_path / "b.npz").exists()


def test_npz_of_nothing(tmp_path):
    np.savez(tmp_path / "a")
    assert np.load(tmp_path / "a.npz") == {}
    assert nd.load(tmp_path / "a.npz") == {}


def test_a_name_that_a_zip_archive_would_cut_is_refused():
    with pytest.raises(ValueError, match="zero character"):
        pack_npz({"a\0b": example()})


# ---- safetensors -----------------------------------------------------------------------------


def test_safetensors_moves_between_its_library_and_us(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    arrays = {f"{dtype} {shape}": example(dtype, shape) for dtype in DTYPES for shape in SHAPES}
    arrays['quoted "größe"'] = example()
    ours = {name: np.array(values, values.dtype) for name, values in arrays.items()}
    npx.save(tmp_path / "ours.safetensors", ours)
    library.save_file(arrays, tmp_path / "theirs.safetensors")
    npx.set_np()
    for loaded in (
        library.load_file(tmp_path / "ours.safetensors"),
        {k: v.asnumpy() for k, v in npx.load(tmp_path / "ours.safetensors").items()},
        {k: v.asnumpy() for k, v in npx.load(tmp_path / "theirs.safetensors").items()},
    ):
        assert loaded.keys() == arrays.keys()
        for name, values in arrays.items():
            numpy.testing.assert_array_equal(loaded[name], values, strict=True)


def test_safetensors_needs_names(tmp_path):
    for data, reason in [([nd.ones(2)], "dict"), ({"__metadata__": nd.ones(2)}, "__metadata__")]:
        with pytest.raises(ValueError, match=reason):
            nd.save(tmp_path / "a.safetensors", data)
    assert list(tmp_path.iterdir()) == []


def test_a_network_is_saved_as_safetensors(tmp_path):
    pytest.importorskip("safetensors")
    net, other = (mx.gluon.nn.Dense(3, in_units=2) for _ in range(2))
    net.initialize()
    net.save_parameters(tmp_path / "net.safetensors")
    other.load_parameters(tmp_path / "net.safetensors")
    assert (other.weight.data() == net.weight.data()).asnumpy().all()


def test_parameters_with_the_names_of_pytorch(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    # What a Sequential of Linear(2, 3), ReLU() and Linear(3, 1) calls its parameters.
    state = {
        "0.weight": numpy.array([[1, 2], [3, 4], [-5, -6]], "float32"),
        "0.bias": numpy.array([0.5, 0, 0], "float32"),
        "2.weight": numpy.array([[1, 1, 1]], "float32"),
        "2.bias": numpy.array([-2], "float32"),
    }
    library.save_file(state, tmp_path / "torch.safetensors")
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(3), mx.gluon.nn.Activation("relu"), mx.gluon.nn.Dense(1))
    net.load_parameters(tmp_path / "torch.safetensors")
    assert net(nd.array([[1, 1]])).asnumpy().tolist() == [[1 + 2 + 0.5 + 3 + 4 - 2]]


def test_without_the_library_the_message_says_how_to_get_it(tmp_path):
    code = (
        "import sys; sys.modules['safetensors'] = None\n"
        "from microlazy import nd\n"
        "try:\n    nd.save('a.safetensors', {'a': nd.ones(2)})\n"
        "except ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "pip install 'microlazy[safetensors]'" in run.stdout, run.stderr
    assert list(tmp_path.iterdir()) == []


def test_safetensors_of_a_dtype_that_we_have_not():
    library = pytest.importorskip("safetensors.numpy")
    data = library.save({"a": example(), "b": example("uint16")})
    place = data.index(b'"b"')
    with pytest.raises(MXNetError, match=rf"'b' has dtype U16; .*at byte {place}\)"):
        load_frombuffer(data)


# ---- all formats by one name -----------------------------------------------------------------


@pytest.mark.parametrize("face", ["nd", "np"])
def test_load_tells_the_format_by_its_bytes(face, tmp_path):
    pytest.importorskip("safetensors")
    if face == "np":
        npx.set_np()
    named = {"a": example("int32"), "b": example("bool", ())}
    for name, content in [
        ("npy", b"".join(pack_npy(named["a"]))),
        ("npz", pack_npz(named)),
        ("compressed", pack_npz(named, compressed=True)),
        ("safetensors", pack_safetensors(named)),
    ]:
        (tmp_path / name).write_bytes(content)
        loaded = nd.load(tmp_path / name)
        items = loaded.items() if name != "npy" else zip("a", loaded, strict=True)
        for key, array in items:
            assert type(array) is (np.ndarray if face == "np" else nd.NDArray)
            numpy.testing.assert_array_equal(array.asnumpy(), named[key], strict=True)


# ---- saving ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "save", [lambda path: np.save(path, np.zeros(9)), lambda path: np.savez(path, np.zeros(9))]
)
def test_a_failing_write_leaves_the_old_file_and_nothing_else(save, tmp_path, monkeypatch):
    path = tmp_path / "a.npy.npz"
    for suffix in (".npy", ".npz"):
        (tmp_path / f"a{suffix}").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.stat(tmp_path / "nowhere"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OSError, match="nowhere"):
        save(path.with_suffix("").with_suffix(""))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("values", ["text", numpy.zeros(2, "complex64"), [object()]])
def test_what_is_no_array_of_ours_is_not_saved(values, tmp_path):
    with pytest.raises(TypeError):
        np.save(tmp_path / "a", values)
    with pytest.raises(TypeError):
        np.savez(tmp_path / "a", np.ones(1), values)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda: np.save(3, np.ones(1)),
        lambda: np.load({}),
        lambda: np.load(io.StringIO("text")),
    ],
)
def test_a_file_is_a_path_or_an_open_file(call):
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize("options", [{"allow_pickle": True}, {"mmap_mode": "r"}])
def test_load_refuses_to_run_code_and_to_map(options, tmp_path):
    np.save(tmp_path / "a", np.ones(1))
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "a.npy", **options)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npy"):
        np.load(tmp_path / "nowhere.npy")


def test_a_file_in_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path.resolve() / "missing" / "x.npy"
    with pytest.raises(FileNotFoundError) as caught:
        np.save(path, np.ones(2))
    assert caught.value.filename == str(path) and str(caught.value).endswith(f"{str(path)!r}")


# ---- text ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_text_goes_there_and_back(suffix, tmp_path):
    path = tmp_path / f"table.txt{suffix}"
    x = np.random.uniform(size=(3, 2), dtype="float64")
    np.savetxt(path, x, header="größe", delimiter=",")
    y = np.loadtxt(path, delimiter=",", encoding="utf-8")
    check_same(y, x.asnumpy())


def test_text_with_gaps():
    x = np.genfromtxt(["1,2,3", "4,,6"], delimiter=",")
    assert x.dtype == "float64"
    numpy.testing.assert_array_equal(x.asnumpy(), [[1, 2, 3], [4, math.nan, 6]])
    assert np.genfromtxt(["4,,6"], dtype="int32", delimiter=",").tolist() == [4, -1, 6]


def test_text_of_a_dtype_that_we_have_not():
    with pytest.raises(TypeError, match="uint16"):
        np.loadtxt(["1 2"], dtype="uint16")


# ---- bad files -------------------------------------------------------------------------------


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


def zipped(*members, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def lying(content, size):
    """A zip archive whose directory says another size of its last member."""
    place = content.rindex(b"PK\1\2") + 24
    return content[:place] + struct.pack("<I", size) + content[place + 4 :]


def header(descr="'<f4'", shape="(2,)", fortran="False"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


GOOD = npy(example())
BAD = {
    "text": (b"hello world", r"neither.*at byte 0"),
    "empty": (b"", "magic of .npy needs 8 bytes, 0 are left"),
    "container": (struct.pack("<QQQQ", 0x112, 0, 0, 0), r"npx\.load"),
    "pickle": (pickle.dumps([Trap()]), "neither"),
    "version": (b"\x93NUMPY\x03\x00" + bytes(90), r"version 3\.0"),
    "header": (with_header("{'descr': "), r"header is damaged.*at byte 10\)"),
    "call": (with_header("__import__('os').mkdir('trapped')"), "header is damaged"),
    "deep": (with_header("(" * 9000), "header is damaged"),
    "minuses": (with_header("-" * 9000 + "1"), r"header is damaged: \w"),
    "long": (with_header(header() + " " * 60000, bytes(8)), "header is damaged.*large"),
    "unhashable": (with_header("{[]: 1}"), "header is damaged"),
    "keys": (with_header("{1: 2, 'a': 3}"), "header is damaged"),
    "objects": (npy(numpy.array([Trap()], dtype=object)), "dtype object: Python objects"),
    "fields": (npy(numpy.zeros(2, "f4, i4")), "has dtype void64; known are"),
    "huge": (with_header(header(shape=f"({2**40},)"), bytes(8)), f"{2**42} bytes, 8 are left"),
    "product": (with_header(header(shape="(2**32,) * 3")), "header is damaged"),
    "overflow": (with_header(header(shape=f"({2**62}, {2**62}, 0)")), "impossible shape"),
    "negative": (with_header(header(shape="(-1,)")), r"not \(-1,\)"),
    "bool size": (with_header(header(shape="(True,)"), bytes(4)), r"not \(True,\)"),
    "axes": (with_header(header(shape="(1,) * 3")), "header is damaged"),
    "many axes": (with_header(header(shape=f"({'1,' * 17})"), bytes(4)), "up to 16 sizes"),
    "truncated": (GOOD[:-1], r"24 bytes, 23 are left \(at byte 128\)"),
    "more": (GOOD + b"x", r"1 bytes follow.*at byte 152\)"),
    "bool": (npy(numpy.array([0, 2], "u1")).replace(b"|u1", b"|b1"), "other than 0 and 1"),
    "zip": (b"PK\3\4" + bytes(40), "zip archive is truncated or corrupted"),
    "torch": (zipped(("archive/data.pkl", b"x")), r"'archive/data\.pkl'.*not a \.npy"),
    "twice": (zipped(("a.npy", GOOD), ("a.npy", GOOD)), "'a' appears twice"),
    "method": (zipped(("a.npy", GOOD), method=zipfile.ZIP_BZIP2), "method 12"),
    "bomb": (lying(zipped(("a.npy", GOOD)), 2**31), f"cannot unpack 152 bytes to {2**31}"),
    "deflated bomb": (
        lying(zipped(("a.npy", GOOD), method=zipfile.ZIP_DEFLATED), 2**31),
        f"to {2**31}",
    ),
    "bit": (zipped(("a.npy", GOOD)).replace(GOOD, GOOD[:-1] + b"x"), "'a' is trunc.*CRC.*byte 0"),
    "inner": (
        zipped(("a.npy", GOOD), ("b.npy", GOOD[:-1])),
        r"'b\.npy' from byte 187: .*at byte 128\)",
    ),
    "inner dtype": (zipped(("a.npy", npy(example("int16")))), "dtype int16; known are"),
}
BAD |= {
    dtype: (
        npy(numpy.zeros(2, dtype)),
        f"dtype {numpy.dtype(dtype).name}; known are float32".replace("[", r"\["),
    )
    for dtype in (
        "int16",
        "uint16",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        ">c8",
        "U3",
        "S2",
        "M8[s]",
        "longdouble",
    )
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_by_reason_and_byte(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, reason = BAD[name]
    (tmp_path / "bad file").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(MXNetError, match=rf"bad file'.*{reason}") as caught:
            np.load(tmp_path / "bad file")
        # What is promised in the files is gigabytes; Python's parser takes some megabytes.
        assert tracemalloc.get_traced_memory()[1] < 3e7
    finally:
        tracemalloc.stop()
    assert " (at byte " in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad file"]


def tensor(dtype="F32", shape=(1,), end=4):
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}


BAD_TENSORS = {
    "size": ({"a": tensor(shape=(2**40,))}, r"at byte \d+\)"),
    "zero product": ({"a": tensor(shape=(2**62, 2**62, 0), end=0)}, r"at byte \d+\)"),
    "axes": ({"a": tensor(shape=(1,) * 17)}, r"'a' has 17 axes.*at byte 9\)"),
    "bool": ({"a": tensor("BOOL", (4,))}, "array 'a': the array is bool, but"),
    "bfloat16": ({"a": tensor("BF16", (2,))}, r"'a' has dtype BF16; known.*at byte 9\)"),
    "overlap": ({"a": tensor(), "b": tensor()}, r"`(a.*at byte 9|b.*at byte 70)\)"),
    "json": (["a"], r"header.*at byte 8\)"),
}


@pytest.mark.parametrize("name", BAD_TENSORS)
def test_bad_safetensors_are_refused_by_reason_and_byte(name):
    pytest.importorskip("safetensors")
    header, reason = BAD_TENSORS[name]
    header = json.dumps(header).encode()
    data = struct.pack("<Q", len(header)) + header + b"\2" * 4
    with pytest.raises(MXNetError, match=f"cannot load .*{reason}"):
        unpack_safetensors(data, "buffer")


SMALL = {"a": example(), "größe": example("bool", ()), "e": example("int64", (0, 2))}
WHOLE = {
    "npy": b"".join(pack_npy(example())),
    "fortran": npy(numpy.asarray(example("float64"), order="F")),
    "npz": pack_npz(SMALL),
    "compressed": pack_npz(SMALL, compressed=True),
}
LARGEST = sum(values.nbytes for values in SMALL.values())


def tensors(name):
    """The bytes of a good file of a format."""
    if name == "safetensors":
        pytest.importorskip("safetensors")
        return pack_safetensors(SMALL)
    return WHOLE[name]


def read(data):
    """Read damaged bytes: None if they are refused, else the arrays."""
    try:
        loaded = load_frombuffer(data)
    except MXNetError as error:
        assert "cannot load buffer" in str(error) and "(at byte " in str(error)
        return None
    return loaded if isinstance(loaded, dict) else dict(enumerate(loaded))


FORMATS = [*WHOLE, "safetensors"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_truncation_is_refused(name):
    whole = tensors(name)
    assert read(whole) is not None
    assert [size for size in range(len(whole)) if read(whole[:size]) is not None] == []


@pytest.mark.parametrize("name", FORMATS)
def test_every_flipped_bit_is_refused_or_a_value(name):
    whole = tensors(name)
    refused = 0
    for place in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            arrays = read(bytes(damaged))
            if arrays is None:
                refused += 1
                continue
            assert sum(array.nbytes for array in arrays.values()) <= len(whole)
            if name in ("npz", "compressed"):  # a checksum guards the values
                assert len(arrays) == len(SMALL)
                for key in arrays.keys() & SMALL.keys():
                    assert arrays[key].asnumpy().tolist() == SMALL[key].tolist()
    assert refused > len(whole)


@settings(deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 10**6), st.binary())))
def test_changed_bytes_are_refused_or_a_value(name, changes):
    damaged = bytearray(WHOLE[name])
    for place, content in changes:
        place %= len(damaged)
        damaged[place : place + len(content)] = content
    read(bytes(damaged))


@settings(deadline=None)
@given(
    st.sampled_from([b"\x93NUMPY\1\0", b"\x93NUMPY\2\0", b"PK\3\4", b"\x20" + bytes(7) + b"{"]),
    st.binary(max_size=200),
)
def test_noise_behind_a_beginning_is_refused(start, noise):
    pytest.importorskip("safetensors")
    assert read(start + noise) is None


# ---- writing -------------------------------------------------------------------------------------

NAMELESS = pytest.mark.skipif(
    not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name"
)


@pytest.fixture(params=["nameless", "named"])
def way(request, monkeypatch):
    """Both ways of writing: into a file without a name where there are such, and beside it."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return request.param


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_private_file_stays_private_while_it_is_replaced(tmp_path, way, monkeypatch):
    path = tmp_path / "x.npy"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda n: (seen.append(os.fstat(n).st_mode), fsync(n)))

    def pieces():
        for file in tmp_path.iterdir():
            seen.append(file.stat().st_mode)
        yield b"new"

    before = os.umask(0o022)
    try:
        write_atomically(str(path), pieces())
        assert path.read_bytes() == b"new"
        assert {mode & 0o777 for mode in seen} == {0o600}
        write_atomically(str(tmp_path / "other"), [b"new"])
        assert (tmp_path / "other").stat().st_mode & 0o777 == 0o644
        (tmp_path / "other").chmod(0o664)
        write_atomically(str(tmp_path / "other"), [b"newer"])
        assert (tmp_path / "other").stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)
    assert sorted(os.listdir(tmp_path)) == ["other", "x.npy"]


@NAMELESS
def test_a_killed_process_leaves_nothing_behind(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from microlazy.files import write_atomically\n"
        "def pieces():\n"
        "    yield b'x' * 100_000\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(sys.argv[1], pieces())\n"
    )
    for there in (False, True):
        path = tmp_path / "x.npy"
        if there:
            path.write_bytes(b"old")
        done = subprocess.run([sys.executable, "-c", script, str(path)])
        assert done.returncode == -9
        assert os.listdir(tmp_path) == ["x.npy"] * there


@NAMELESS
def test_what_a_killed_process_left_goes_at_the_next_writing(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *a, **k: os._exit(9))  # dies between two lines
        child = os.fork()
        if child == 0:
            try:
                write_atomically(str(path), [b"new"])
            finally:
                os._exit(1)
        os.waitpid(child, 0)
    assert len(os.listdir(tmp_path)) == 2
    assert path.read_bytes() == b"old"
    write_atomically(str(path), [b"newer"])
    assert path.read_bytes() == b"newer"
    assert os.listdir(tmp_path) == ["x.npy"]


@NAMELESS
def test_without_proc_files_are_written_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LINKS", "/nowhere")
    for text in (b"one", b"two"):
        write_atomically(str(tmp_path / "x"), [text])
        assert (tmp_path / "x").read_bytes() == text
    assert os.listdir(tmp_path) == ["x"]


def test_two_writers_of_one_file(tmp_path):
    path = tmp_path / "x"
    texts = [bytes([number]) * 1000 for number in range(4)]

    def write(text):
        for _ in range(50):
            write_atomically(str(path), [text])

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in texts
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["ü" * 120, "名" * 80, "a" * 250])
def test_long_names(tmp_path, way, name):
    path = tmp_path / name
    for text in (b"one", b"two"):
        write_atomically(str(path), [text])
        assert path.read_bytes() == text
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.skipif(os.name != "posix", reason="symbolic links are POSIX's")
def test_symbolic_links(tmp_path, way):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError) as caught:
        write_atomically(str(tmp_path / "loop"), [b"new"])
    assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "loop").is_symlink()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for text in (b"one", b"two"):
        write_atomically(str(tmp_path / "link"), [text])
        assert (tmp_path / "real").read_bytes() == text
    assert (tmp_path / "link").is_symlink()


def test_a_limit_on_what_is_unpacked():
    buffer = pack_npz({"a": numpy.zeros(1 << 16, "u1"), "b": numpy.zeros(9, "u1")}, True)
    before = unpack_limit(1 << 16)
    try:
        with pytest.raises(MXNetError, match=r"unpack to \d+ bytes.*unpack_limit\(\d+\)"):
            np.load(io.BytesIO(buffer))
        unpack_limit(1 << 17)
        assert np.load(io.BytesIO(buffer))["a"].size == 1 << 16
        assert unpack_npz(pack_npz({"a": numpy.zeros(1 << 18)}), "buffer")["a"].size == 1 << 18
        with pytest.raises(ValueError, match="at least 0"):
            unpack_limit(-1)
        assert unpack_limit() == 1 << 17
    finally:
        unpack_limit(before)
