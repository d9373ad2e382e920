"""Files of records, compared with one that MXNet 1.9.1 wrote (`oracle/record_recordio.py`)."""

import io
import os
import pickle
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
from oracle.record_recordio import FIXTURES, MAGIC, records
from PIL import Image

from microlazy import MXNetError, gluon, image, nd, recordio

RECORDS = records(recordio)
REC, IDX = FIXTURES / "records.rec", FIXTURES / "records.idx"


def test_we_write_the_bytes_that_mxnet_writes(tmp_path):
    paths = tmp_path / "x.idx", tmp_path / "x.rec"
    file = recordio.MXIndexedRecordIO(*paths, "w")
    for key, record in RECORDS.items():
        file.write_idx(key, record)
    file.close()
    file.close()
    assert [path.read_bytes() for path in paths] == [IDX.read_bytes(), REC.read_bytes()]


def test_we_read_what_mxnet_wrote():
    file = recordio.MXRecordIO(REC, "r")
    for _ in range(2):
        assert [file.read() for _ in RECORDS] == list(RECORDS.values())
        assert file.read() is None
        file.reset()
    indexed = recordio.MXIndexedRecordIO(IDX, REC, "r")
    assert indexed.keys == list(RECORDS)
    assert {key: indexed.read_idx(key) for key in reversed(indexed.keys)} == RECORDS


def test_headers():
    header, data = recordio.unpack(RECORDS[10])
    assert header == (0, 4.5, 2574, 7) and data == b"number"
    header, data = recordio.unpack(RECORDS[11])
    assert header.flag == 3 and header.label.tolist() == [1, 2.5, 3] and data == b"array"
    assert recordio.unpack(recordio.pack((0, numpy.float32(2), 1, 0), b""))[0].label == 2
    with pytest.raises(MXNetError, match="24 bytes or more, but this has 3"):
        recordio.unpack(b"abc")
    with pytest.raises(MXNetError, match="36 bytes or more, but this has 24"):
        recordio.unpack(RECORDS[11][:24])


def test_a_copy_or_a_fork_reads_by_itself():
    file = recordio.MXIndexedRecordIO(IDX, REC, "r")
    assert pickle.loads(pickle.dumps(file)).read_idx(5) == RECORDS[5]
    file._pid = 0  # as if it came from another process
    assert file.read_idx(4) == RECORDS[4]
    plain = recordio.MXRecordIO(REC, "r")
    plain._pid = 0
    with pytest.raises(MXNetError, match=r"opened in another process; call reset\(\)"):
        plain.read()
    plain.reset()
    assert plain.read() == RECORDS[0]


def test_threads_and_workers_read_one_file():
    data = gluon.data.RecordFileDataset(REC)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(data.__getitem__, [*range(len(data))] * 20)) == [*data] * 20
    as_list = gluon.data.batchify.AsList()
    loader = gluon.data.DataLoader(data, 3, batchify_fn=as_list, num_workers=2)
    assert [record for batch in loader for record in batch] == list(RECORDS.values())


def test_wrong_use_is_refused(tmp_path):
    with pytest.raises(ValueError, match="flag must be 'r' or 'w', but it is 'a'"):
        recordio.MXRecordIO(REC, "a")
    with pytest.raises(FileNotFoundError, match=r"none\.idx"):
        gluon.data.RecordFileDataset(tmp_path / "none.rec")
    reader = recordio.MXIndexedRecordIO(IDX, REC, "r")
    with pytest.raises(MXNetError, match="is open for reading"):
        reader.write(b"x")
    with pytest.raises(KeyError, match="no key 7"):
        reader.read_idx(7)
    reader.close()
    with pytest.raises(MXNetError, match="is closed"):
        reader.read()
    writer = recordio.MXRecordIO(tmp_path / "x.rec", "w")
    with pytest.raises(MXNetError, match="is open for writing"):
        writer.read()
    with pytest.raises(MXNetError, match="being written and cannot be copied"):
        pickle.dumps(writer)
    with pytest.raises(IsADirectoryError if os.name == "posix" else OSError):
        recordio.MXIndexedRecordIO(tmp_path, tmp_path / "y.rec", "w")


@pytest.mark.parametrize("cut", [3, 9, 30, 37])
def test_a_file_that_was_cut_off(tmp_path, cut):
    path = tmp_path / "x.rec"
    path.write_bytes(REC.read_bytes()[:cut])
    file = recordio.MXRecordIO(path, "r")
    with pytest.raises(MXNetError, match=r"x\.rec: damaged or cut off: .* at byte \d+"):
        while file.read() is not None:
            pass


def test_a_file_that_is_something_else(tmp_path):
    path = tmp_path / "x.rec"
    for content in (b"something else", MAGIC + struct.pack("<I", 7 << 29)):
        path.write_bytes(content)
        with pytest.raises(MXNetError, match="no record at byte 0"):
            recordio.MXRecordIO(path, "r").read()
    path.with_suffix(".idx").write_text("0\t0\nnonsense\n")
    with pytest.raises(MXNetError, match=r"x\.idx, line 2: expected a key, a tab and a place"):
        gluon.data.RecordFileDataset(path)


def test_an_index_that_was_damaged(tmp_path):
    path, index = tmp_path / "x.rec", tmp_path / "x.idx"
    writer = recordio.MXIndexedRecordIO(index, path, "w")
    writer.write_idx(0, recordio.pack((0, 1, 0, 0), b"one"))
    writer.close()
    for content in (b"0\t0\n1\t\xff\n", b"0\t0\n\xab\t0\n", b"0\t0\n1\t-8\n"):
        index.write_bytes(content)
        with pytest.raises(MXNetError, match=r"x\.idx, line 2: expected a key, a tab and a place"):
            recordio.MXIndexedRecordIO(index, path, "r")
    index.write_text(f"0\t{path.stat().st_size}\n")
    reader = recordio.MXIndexedRecordIO(index, path, "r")
    with pytest.raises(MXNetError, match=r"record 0 begins at byte \d+, but .*x\.rec ends before"):
        reader.read_idx(0)


def test_a_header_is_printed_as_in_mxnet():
    header = recordio.IRHeader(0, 3.0, 7, 1)
    assert repr(header) == "HEADER(flag=0, label=3.0, id=7, id2=1)"
    assert pickle.loads(pickle.dumps(header)) == header


def test_images_in_records():
    pixels = numpy.random.default_rng(0).integers(256, size=(5, 7, 4), dtype="uint8")
    color, gray = pixels[..., :3], pixels[..., 0]
    record = recordio.pack_img((0, [1, 2], 7, 0), color, 9, ".png")
    header, decoded = recordio.unpack_img(record)
    assert header.label.tolist() == [1, 2] and header.id == 7 and (decoded == color).all()
    # blue, green, red: as OpenCV has them, and MXNet's programs
    assert (nd_image(record) == color[..., ::-1]).all()
    assert recordio.unpack_img(record, 0)[1].shape == (5, 7)
    record = recordio.pack_img((0, 1, 0, 0), nd.array(gray, dtype="uint8"), 9, ".png")
    assert (recordio.unpack_img(record)[1] == gray).all()
    assert (recordio.unpack_img(record, 1)[1] == gray[..., None]).all()
    clear = io.BytesIO()
    Image.fromarray(pixels).save(clear, "PNG")
    record = recordio.pack((0, 1, 0, 0), clear.getvalue())
    assert (recordio.unpack_img(record)[1] == pixels[..., [2, 1, 0, 3]]).all()
    flat = numpy.full((16, 16, 3), (10, 100, 200), "uint8")
    decoded = recordio.unpack_img(recordio.pack_img((0, 1, 0, 0), flat))[1]
    assert abs(decoded.astype(int) - flat).max() <= 2
    with pytest.raises(ValueError, match="iscolor must be -1, 0 or 1, but it is 2"):
        recordio.unpack_img(record, 2)
    with pytest.raises(MXNetError, match="not an image"):
        recordio.unpack_img(recordio.pack((0, 1, 0, 0), b"nothing"))


def nd_image(record):
    return image.imdecode(recordio.unpack(record)[1]).asnumpy()
