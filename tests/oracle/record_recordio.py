"""Have MXNet 1.9.1 write `../fixtures/records.rec` and `.idx`: `python record_recordio.py`."""

import struct
from pathlib import Path

import numpy

FIXTURES = Path(__file__).parents[1] / "fixtures"
MAGIC = struct.pack("<I", 0xCED7230A)


def records(recordio):
    """Records by key: of all lengths, with the magic number in all places, and with labels."""
    header = recordio.IRHeader
    return {
        0: b"",
        1: b"a",
        2: b"four",
        3: MAGIC,
        4: MAGIC + MAGIC + b"xyz",
        5: b"1234" + MAGIC + b"5",
        6: b"12" + MAGIC + b"34",  # not at a multiple of 4
        8: b"1234" + MAGIC,
        10: recordio.pack(header(3, 4.5, 2574, 7), b"number"),
        11: recordio.pack(header(0, numpy.array([1, 2.5, 3]), 2575, 0), b"array"),
    }


if __name__ == "__main__":
    from mxnet import recordio

    paths = [str(FIXTURES / f"records.{suffix}") for suffix in ("idx", "rec")]
    file = recordio.MXIndexedRecordIO(*paths, "w")
    for key, record in records(recordio).items():
        file.write_idx(key, record)
    file.close()
