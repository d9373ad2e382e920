"""Data sets of images in their published formats, and transforms."""

import gzip
import io
import multiprocessing
import struct
import tarfile

import numpy
import pytest
from PIL import Image

import microlazy as mx
from microlazy import nd, np, npx, recordio
from microlazy.gluon.data import DataLoader
from microlazy.gluon.data.vision import (
    CIFAR10,
    CIFAR100,
    MNIST,
    FashionMNIST,
    ImageFolderDataset,
    ImageListDataset,
    ImageRecordDataset,
    transforms,
)

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


# ---- images in files -----------------------------------------------------------------------------

PICTURES = [rng.integers(256, size=(9, 12, 3), dtype="uint8") for _ in range(6)]


@pytest.fixture
def tree(tmp_path):
    """Two folders of three images each, and files beside them."""
    for i, pixels in enumerate(PICTURES):
        folder = tmp_path / "tree" / ("dog" if i % 2 else "cat")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "tree"


@pytest.mark.parametrize("face", [nd, np])
def test_images_in_folders(tree, face):
    if face is np:
        npx.set_np()
    data = ImageFolderDataset(tree)
    assert data.synsets == ["cat", "dog"] and len(data) == 6
    assert [label for _, label in data.items] == [0, 0, 0, 1, 1, 1]
    x, label = data[4]
    assert (x.asnumpy() == PICTURES[3]).all() and label == 1 and type(x) is type(face.array([1]))
    assert ImageFolderDataset(tree, 0)[0][0].shape == (9, 12, 1)
    assert ImageFolderDataset(tree, transform=lambda x, y: (x.shape, y))[5] == ((9, 12, 3), 1)
    (tree / "cat" / "notes.txt").write_text("")
    (tree / "readme").write_text("")
    with pytest.warns(UserWarning) as warned:
        assert len(ImageFolderDataset(tree)) == 6
    assert sorted(str(w.message).split(":")[0].rsplit("/")[-1][:6] for w in warned) == [
        "notes.", "readme"]  # fmt: skip
    with pytest.raises(FileNotFoundError):
        ImageFolderDataset(tree / "nowhere")


def test_images_of_a_list(tree):
    rows = [[3, "cat/0.png"], [[1, 2], "dog/1.png"], [5, 6, "dog/3.png"]]
    data = ImageListDataset(tree, rows)
    assert len(data) == 3 and data[0][1] == 3.0 and data[1][1].tolist() == [1, 2]
    assert data[2][1].tolist() == [5, 6] and (data[2][0].asnumpy() == PICTURES[3]).all()
    (tree / "all.lst").write_text("0\t4\tcat/0.png\n1\t1\t2\tdog/1.png\n")
    read = ImageListDataset(tree, "all.lst", flag=0)
    assert read[0][0].shape == (9, 12, 1) and read[0][1] == 4 and read[1][1].tolist() == [1, 2]
    for wrong in (None, 3):
        with pytest.raises(ValueError, match="a file or a list of"):
            ImageListDataset(tree, wrong)
    with pytest.raises(ValueError, match=r"expected \(label, name\), not \[3\]"):
        ImageListDataset(tree, [[3]])


@pytest.mark.parametrize("workers", [0, 2])
def test_images_of_records(tmp_path, workers):
    writer = recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "w")
    for i, pixels in enumerate(PICTURES):
        image = pixels[..., ::-1]  # pack_img takes blue, green, red
        writer.write_idx(i, recordio.pack_img((0, i, i, 0), image, 9, ".png"))
    writer.close()
    data = ImageRecordDataset(tmp_path / "a.rec")
    loader = DataLoader(data.transform_first(transforms.ToTensor()), 4, num_workers=workers)
    batches = list(loader)
    assert [y.asnumpy().tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5]]
    expected = PICTURES[4].transpose(2, 0, 1) / 255
    numpy.testing.assert_allclose(batches[1][0].asnumpy()[0], expected, rtol=1e-6)
    assert ImageRecordDataset(tmp_path / "a.rec", 0, lambda x, y: (x.shape, y))[2] == (
        (9, 12, 1), 2.0)  # fmt: skip


# ---- transforms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods()[:2])
def test_random_transforms_in_workers_follow_the_seed(tree, method):
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(method, force=True)
    prepare = transforms.Compose(
        [
            transforms.RandomResizedCrop(6),
            transforms.RandomFlipLeftRight(),
            transforms.RandomColorJitter(0.3, 0.3, 0.3, 0.3),
            transforms.ToTensor(),
            transforms.RandomRotation((-10, 10)),
        ]
    )
    data = ImageFolderDataset(tree).transform_first(prepare)
    seen = []
    for workers in (0, 2):
        mx.random.seed(3)
        loader = DataLoader(data, 4, num_workers=workers)
        seen.append([[x.asnumpy() for x, _ in loader] for _ in range(2)])
    for a, b in zip(seen[0], seen[1], strict=True):
        assert all((x == y).all() for x, y in zip(a, b, strict=True))
    assert (seen[0][0][0] != seen[0][1][0]).any()  # another epoch
    multiprocessing.set_start_method(before, force=True)


def test_crops_with_borders():
    x = nd.array(PICTURES[0], dtype="uint8")
    crop = transforms.RandomCrop((12, 9), pad=2, pad_value=7)
    padded = numpy.pad(PICTURES[0], ((2, 2), (2, 2), (0, 0)), constant_values=7)
    places = set()
    for _ in range(100):
        part = crop(x).asnumpy()
        (found,) = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if (padded[i : i + 9, j : j + 12] == part).all()
        ]
        places.add(found)
    assert len(places) > 15
    sides = transforms.RandomCrop((12, 11), pad=((1, 1), (0, 0)))
    assert (sides(x).asnumpy()[1:-1] == PICTURES[0]).all()


def test_by_chance():
    x = nd.array(PICTURES[0], dtype="float32")
    apply = transforms.RandomApply([transforms.Cast("float64"), transforms.Cast("int32")], p=0.3)
    share = numpy.mean([apply(x).dtype == numpy.int32 for _ in range(400)])
    assert 0.2 < share < 0.4
    mx.random.seed(0)
    brighter = transforms.RandomBrightness(0)
    hybrid = transforms.HybridRandomApply([transforms.RandomFlipTopBottom(1), brighter], p=0.3)
    hybrid.hybridize()
    share = numpy.mean([(hybrid(x).asnumpy() != x.asnumpy()).any() for _ in range(300)])
    assert 0.2 < share < 0.4
    grays = [
        numpy.ptp(transforms.RandomGray(0.4)(x).asnumpy(), -1).max() < 1e-3 for _ in range(200)
    ]
    assert 0.3 < numpy.mean(grays) < 0.5


def test_refusals_of_transforms():
    x = nd.ones((4, 5, 3))
    for call, kind, message in (
        (lambda: transforms.HybridCompose([transforms.Rotate(3)]), ValueError, "Rotate is no Hyb"),
        (lambda: transforms.HybridRandomApply(transforms.Rotate(3)), ValueError, "use RandomApply"),
        (
            lambda: transforms.HybridRandomApply(transforms.Resize(2))(x),
            ValueError,
            r"makes \(2, 2, 3\) of float32 from \(4, 5, 3\) of float32",
        ),
        (lambda: transforms.Resize("a")(x), mx.MXNetError, "size must be"),
        (lambda: transforms.CropResize(3, 0, 3, 2)(x), mx.MXNetError, "3 by 2 from"),
        (lambda: transforms.RandomBrightness(-3)(x), mx.MXNetError, "must be 0 or more"),
    ):
        with pytest.raises(kind, match=message):
            call()
