"""Data sets of images in their published formats, and transforms."""

import gzip
import io
import struct
import tarfile

import numpy
import pytest

from microlazy import nd, np, npx
from microlazy.gluon.data import DataLoader
from microlazy.gluon.data.vision import CIFAR10, CIFAR100, MNIST, FashionMNIST, transforms

rng = numpy.random.default_rng(0)


def write_mnist(folder, part, images, labels, opened):
    suffix = ".gz" if opened is gzip.open else ""
    with opened(folder / f"{part}-images-idx3-ubyte{suffix}", "wb") as file:
        file.write(struct.pack(">IIII", 2051, *images.shape) + images.tobytes())
    with opened(folder / f"{part}-labels-idx1-ubyte{suffix}", "wb") as file:
        file.write(struct.pack(">II", 2049, len(labels)) + labels.tobytes())


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
@pytest.mark.parametrize("opened", [gzip.open, open])
@pytest.mark.parametrize("face", [nd, np])
def test_mnist(tmp_path, kind, opened, face):
    if face is np:
        npx.set_np()
    images = rng.integers(256, size=(5, 28, 28), dtype="uint8")
    labels = numpy.arange(5, dtype="uint8")
    write_mnist(tmp_path, "t10k", images, labels, opened)
    data = kind(tmp_path, train=False)
    image, label = data[3]
    assert len(data) == 5 and image.shape == (28, 28, 1) and image.dtype == numpy.uint8
    assert (image.asnumpy()[..., 0] == images[3]).all() and int(label) == 3
    assert label.dtype == numpy.int32 and isinstance(image, face.array([1]).__class__)
    ready = data.transform_first(transforms.Compose([transforms.ToTensor()]))
    x, y = next(iter(DataLoader(ready, 4)))
    assert x.shape == (4, 1, 28, 28) and y.shape == (4,)
    numpy.testing.assert_allclose(x.asnumpy()[:, 0], images[:4] / 255, rtol=1e-6)
    assert kind(tmp_path, False, lambda image, label: label)[2] == 2
    with pytest.raises(FileNotFoundError, match=f"train-images-.*: put {kind.__name__}'s four"):
        kind(tmp_path)


def test_mnist_that_is_damaged(tmp_path):
    write_mnist(tmp_path, "train", numpy.zeros((2, 28, 28), "uint8"), numpy.zeros(3, "uint8"), open)
    with pytest.raises(ValueError, match="2 images, but 3 labels"):
        MNIST(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"not this")
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte is damaged"):
        MNIST(tmp_path)


CIFAR = {
    CIFAR10: ([f"data_batch_{i}.bin" for i in range(1, 6)], "cifar-10-binary.tar.gz", 1),
    CIFAR100: (["train.bin"], "cifar-100-binary.tar.gz", 2),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", CIFAR)
def test_cifar(tmp_path, kind, packed):
    names, archive, labels = CIFAR[kind]
    rows = rng.integers(100, size=(len(names), 2, labels + 3072), dtype="uint8")
    with pytest.raises(
        FileNotFoundError, match=f"{names[-1]} not found in .*: put {archive} there"
    ):
        kind(tmp_path)
    if packed:
        with tarfile.open(tmp_path / archive, "w:gz") as tar:
            for name, row in zip(names, rows, strict=True):
                member = tarfile.TarInfo(f"cifar/{name}")
                member.size = row.nbytes
                tar.addfile(member, io.BytesIO(row.tobytes()))
    else:
        for name, row in zip(names, rows, strict=True):
            (tmp_path / name).write_bytes(row.tobytes())
    flat = rows.reshape(-1, labels + 3072)
    data = kind(tmp_path)
    assert len(data) == len(flat)
    image, label = data[1]
    assert (image.asnumpy() == flat[1, labels:].reshape(3, 32, 32).transpose(1, 2, 0)).all()
    assert label == flat[1, 0]
    if kind is CIFAR100:
        assert kind(tmp_path, fine_label=True)[1][1] == flat[1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ([archive] if packed else names) or (
        sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    )
    (tmp_path / names[0]).write_bytes(b"123")
    with pytest.raises(ValueError, match=f"{names[0]} of .* 3 bytes are no multiple"):
        kind(tmp_path)


@pytest.mark.parametrize("face", [nd, np])
def test_transforms(face):
    if face is np:
        npx.set_np()
    image = rng.integers(256, size=(4, 5, 3), dtype="uint8")
    prepare = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1, 0.2, 0.3), (1, 2, 4))]
    )
    x = prepare(face.array(image, dtype="uint8"))
    expected = (image / 255 - [0.1, 0.2, 0.3]) / [1, 2, 4]
    assert type(x) is type(face.array([1])) and x.dtype == numpy.float32
    numpy.testing.assert_allclose(x.asnumpy(), expected.transpose(2, 0, 1), rtol=1e-5, atol=1e-6)
    assert transforms.Cast("float16")(x).dtype == numpy.float16


def test_float64_stays_float64():
    for face in (nd, np):
        x = transforms.ToTensor()(face.ones((2, 2, 1), dtype="float64"))
        assert x.dtype == numpy.float64
