"""An epoch of a DataLoader, as each framework's users write it; `benchmarks.data` compares them.

"memory" has rows of arrays in batches of 128, in random order. "images" has photographs' files,
which are decoded, cut at random, resized, mirrored, and made floats of mean 0. A case is that and
the number of worker processes, such as "data memory 2". Batches are made and not used.
"""

import functools
import os
import tempfile
from typing import Any

import numpy

from benchmarks.workloads import Step

PREFIX = "data "
CASES = [f"{PREFIX}{kind} {workers}" for kind in ("memory", "images") for workers in (0, 2)]
ROWS, WIDTH = 20_000, 784
PHOTOGRAPHS, SHAPE, SIZE = 128, (375, 500), 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@functools.cache
def arrays() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return rows of floats, and labels."""
    generator = numpy.random.default_rng(0)
    rows = generator.random((ROWS, WIDTH), dtype="float32")
    return rows, generator.integers(10, size=ROWS).astype("int64")


@functools.cache
def photographs() -> str:
    """Write smooth images with some noise as JPEG, in two folders; returns where."""
    from PIL import Image

    generator = numpy.random.default_rng(0)
    root = tempfile.mkdtemp()
    for i in range(PHOTOGRAPHS):
        small = Image.fromarray(generator.integers(256, size=(12, 16, 3), dtype="uint8"))
        smooth = numpy.asarray(small.resize(SHAPE[::-1], Image.Resampling.BICUBIC)).astype("int32")
        noisy = smooth + generator.integers(-6, 7, size=smooth.shape)
        folder = os.path.join(root, "ab"[i % 2])
        os.makedirs(folder, exist_ok=True)
        Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(
            os.path.join(folder, f"{i}.jpg"), quality=90
        )
    return root


def build(framework: str, case: str) -> Step:
    """Return a function that goes through one epoch."""
    kind, workers = case.removeprefix(PREFIX).split()
    loader = (_torch if framework == "torch" else _microlazy)(kind, int(workers))

    def epoch() -> None:
        for _ in loader:
            pass

    return epoch


def samples_of(case: str) -> int:
    """Return how many samples an epoch has.

    Examples
    --------
    >>> from benchmarks.data_steps import samples_of
    >>> samples_of("data images 2")
    128
    """
    return ROWS if "memory" in case else PHOTOGRAPHS


def _microlazy(kind: str, workers: int) -> Any:
    from microlazy import gluon

    if kind == "memory":
        data = gluon.data.ArrayDataset(*arrays())
        return gluon.data.DataLoader(data, 128, shuffle=True, num_workers=workers)
    transforms = gluon.data.vision.transforms
    prepare = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE),
            transforms.RandomFlipLeftRight(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    data = gluon.data.vision.ImageFolderDataset(photographs()).transform_first(prepare)
    return gluon.data.DataLoader(data, 32, shuffle=True, num_workers=workers)


def _torch(kind: str, workers: int) -> Any:
    import torch
    from torch.utils import data

    torch.set_num_threads(os.cpu_count() or 1)
    more: dict[str, Any] = {"num_workers": workers, "persistent_workers": workers > 0}
    if kind == "memory":
        tensors = data.TensorDataset(*map(torch.from_numpy, arrays()))
        return data.DataLoader(tensors, 128, shuffle=True, **more)
    return data.DataLoader(_Photographs(photographs()), 32, shuffle=True, **more)


class _Photographs:
    """What torchvision's ImageFolder and transforms do, in Pillow and NumPy."""

    def __init__(self, root: str) -> None:
        self.files = sorted(
            (os.path.join(root, folder, name), label)
            for label, folder in enumerate("ab")
            for name in os.listdir(os.path.join(root, folder))
        )
        self.mean = numpy.array(MEAN, "float32").reshape(3, 1, 1)
        self.std = numpy.array(STD, "float32").reshape(3, 1, 1)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[Any, int]:
        import random

        import torch
        from PIL import Image

        path, label = self.files[i]
        with Image.open(path) as file:
            image = file.convert("RGB")
        columns, rows = image.size
        for _ in range(10):
            area = random.uniform(0.08, 1) * rows * columns
            ratio = numpy.exp(random.uniform(numpy.log(3 / 4), numpy.log(4 / 3)))
            w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if 0 < w <= columns and 0 < h <= rows:
                break
        else:
            w = h = min(columns, rows)
        x, y = random.randint(0, columns - w), random.randint(0, rows - h)
        box = (x, y, x + w, y + h)
        image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box)
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = numpy.asarray(image, "float32").transpose(2, 0, 1) / numpy.float32(255)
        return torch.from_numpy(numpy.ascontiguousarray((pixels - self.mean) / self.std)), label
