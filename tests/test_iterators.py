"""Iterators of `mx.io` and `mx.image`, beyond what `nd_io.txt` asks MXNet."""

import gzip
import pickle
import struct
import threading

import numpy
import pandas
import pytest
from PIL import Image

import microlazy as mx
from microlazy import MXNetError, image, io, nd, np, npx, recordio

rng = numpy.random.default_rng(0)
PICTURES = [rng.integers(256, size=(9 + i, 12, 3), dtype="uint8") for i in range(7)]


def labels(batches):
    return [batch.label[0].asnumpy().tolist() for batch in batches]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    writer = recordio.MXIndexedRecordIO(root / "a.idx", root / "a.rec", "w")
    for i, pixels in enumerate(PICTURES):
        Image.fromarray(pixels).save(root / f"{i}.png")
        writer.write_idx(i, recordio.pack((0, i, i, 0), (root / f"{i}.png").read_bytes()))
    writer.close()
    (root / "a.lst").write_text("".join(f"{i}\t{i * 10}\t{i}.png\n" for i in range(7)))
    (root / "bad.png").write_bytes(b"nothing")
    return root


def names(count=7):
    return [[i, f"{i}.png"] for i in range(count)]


# ---- descriptions and batches --------------------------------------------------------------------


def test_descriptions_can_be_sent():
    desc = io.DataDesc("x", (2, 3), "int32", "TN")
    again = pickle.loads(pickle.dumps(desc))
    assert (again, again.dtype, again.layout) == (("x", (2, 3)), "int32", "TN")
    name, shape = desc
    assert (name, shape) == ("x", (2, 3))


def test_a_base_class_says_what_is_missing():
    bare = io.DataIter(3)
    assert bare.batch_size == 3 and iter(bare) is bare and bare.getindex() is None
    bare.reset()
    for call, name in (
        (bare.next, "neither next nor iter_next"),
        (bare.getdata, "no getdata"),
        (bare.getlabel, "no getlabel"),
        (bare.getpad, "no getpad"),
    ):
        with pytest.raises(NotImplementedError, match=f"DataIter has {name}"):
            call()


def test_what_is_not_there_says_so():
    for name, message in (
        ("ImageRecordIter_v1", "use the name without _v1"),
        ("NDArrayIterator", "the nearest name is 'NDArrayIter'"),
    ):
        with pytest.raises(AttributeError, match=message):
            getattr(io, name)


# ---- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", [nd, np])
def test_arrays_of_both_faces(face):
    if face is np:
        npx.set_np()
    batches = io.NDArrayIter(face.ones((4, 2)), pandas.Series([1, 2, 3, 4]), 2)
    batch = batches.next()
    assert type(batch.data[0]) is type(face.array([1])) and batch.data[0].shape == (2, 2)
    assert labels([batch]) == [[1, 2]] and batch.label[0].dtype == numpy.float32
    frame = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert io.NDArrayIter(frame, batch_size=2).next().data[0].asnumpy().tolist() == [[1, 3], [2, 4]]


def test_shuffling_takes_each_once_and_rolls_over():
    numpy.random.seed(0)
    x = numpy.arange(7)
    batches = io.NDArrayIter(x, x * 10, 3, shuffle=True, last_batch_handle="roll_over")
    left = []
    orders = []
    for _ in range(5):
        seen = []
        for batch in batches:
            data = batch.data[0].asnumpy()
            assert (batch.label[0].asnumpy() == data * 10).all()
            seen += data.tolist()
        assert seen[: len(left)] == left
        new = seen[len(left) :]
        left = sorted(set(range(7)) - set(new))
        assert len(new) == len(set(new)) and len(left) < 3
        orders.append(tuple(new))
        batches.reset()
        left = [float(i) for i in batches._kept]  # in the order in which they were to come
    assert len(set(orders)) == 5
    batches.hard_reset()
    assert batches.next().pad == 0


def test_refusals_of_arrays():
    x = numpy.ones((3, 2))
    for make, kind, message in (
        (lambda: io.NDArrayIter([]), ValueError, "not empty"),
        (lambda: io.NDArrayIter(None), ValueError, "not empty"),
        (lambda: io.NDArrayIter(x, x[:2], 1), ValueError, "'softmax_label': 2"),
        (lambda: io.NDArrayIter(x, None, 0), ValueError, "they are 0 and 3"),
        (lambda: io.NDArrayIter(x, None, 1, False, "drop"), ValueError, "not 'drop'"),
        (lambda: io.NDArrayIter(3), TypeError, "not int"),
        (lambda: io.NDArrayIter({"a": "text"}), TypeError, "a must be an array of numbers"),
        (lambda: io.PrefetchingIter([]), ValueError, "at least one"),
    ):
        with pytest.raises(kind, match=message):
            make()


def test_prefetching_uses_threads_and_goes_on():
    x = numpy.arange(6)
    seen = set()

    class Seen(io.NDArrayIter):
        def next(self):
            seen.add(threading.current_thread())
            return super().next()

    batches = io.PrefetchingIter(Seen(x, x, 2))
    for _ in range(3):
        assert labels(batches) == [[0, 1], [2, 3], [4, 5]]
        batches.reset()
    assert threading.current_thread() not in seen
    uneven = io.PrefetchingIter([io.NDArrayIter(x, x, 2), io.NDArrayIter(x[:4], x[:4], 2)])
    with pytest.raises(MXNetError, match="epochs of different lengths"):
        list(uneven)


def test_an_error_of_a_prefetched_iterator_is_raised_here():
    class Broken(io.NDArrayIter):
        def next(self):
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        io.PrefetchingIter(Broken(numpy.ones(4), None, 2)).next()


# ---- tables --------------------------------------------------------------------------------------


def write(path, text):
    path.write_text(text)
    return path


def test_refusals_of_tables(tmp_path):
    good = write(tmp_path / "a.csv", "1,2\n3,4\n")
    bad = write(tmp_path / "b.csv", "1,2\n3,x\n")
    one = write(tmp_path / "c.csv", "1\n")
    svm = write(tmp_path / "d.txt", "1 0:1\n2 9:1\n")
    nonsense = write(tmp_path / "e.txt", "1 0:1\nfoo\n")
    for make, message in (
        (lambda: io.CSVIter(data_csv=bad, data_shape=(2,), batch_size=1), "cannot read .*b.csv"),
        (
            lambda: io.CSVIter(data_csv=good, data_shape=(2,), batch_size=1, label_csv=one),
            "a.csv has 2 lines, but .*c.csv has 1",
        ),
        (
            lambda: io.CSVIter(data_csv=good, data_shape=(2,), batch_size=0),
            "1 or more, but it is 0",
        ),
        (
            lambda: io.LibSVMIter(data_libsvm=svm, data_shape=(4,), batch_size=1),
            "line 2: '2 9:1': there is no place 9 among 4",
        ),
        (
            lambda: io.LibSVMIter(data_libsvm=nonsense, data_shape=(4,), batch_size=1),
            "e.txt, line 2: 'foo'",
        ),
        (
            lambda: io.LibSVMIter(data_libsvm=svm, data_shape=(4, 2), batch_size=1),
            "one axis",
        ),
        (
            lambda: io.LibSVMIter(data_libsvm=tmp_path / "no", data_shape=(4,), batch_size=1),
            "cannot read",
        ),
    ):
        with pytest.raises(MXNetError, match=message):
            make()


def test_libsvm_with_parts_and_labels_of_its_own(tmp_path):
    data = write(tmp_path / "a.txt", "".join(f"{i} 0:{i} 2:1\n" for i in range(5)))
    label = write(tmp_path / "b.txt", "".join(f"0:{i} 1:7\n" for i in range(5)))
    parts = [
        io.LibSVMIter(data_libsvm=data, data_shape=(3,), batch_size=1, num_parts=2, part_index=i)
        for i in range(2)
    ]
    assert [labels(part) for part in parts] == [[[0], [1], [2]], [[3], [4]]]
    batches = io.LibSVMIter(
        data_libsvm=data, data_shape=(3,), batch_size=5, label_libsvm=label, label_shape=(2,)
    )
    assert batches.next().label[0].asnumpy().tolist() == [[i, 7] for i in range(5)]
    assert batches.provide_label[0].shape == (5, 2)
    with pytest.raises(MXNetError, match="no part 2 of 2"):
        io.LibSVMIter(data_libsvm=data, data_shape=(3,), batch_size=1, num_parts=2, part_index=2)


def test_mnist_packed_and_shuffled(tmp_path):
    contents = (
        struct.pack(">4I", 2051, 6, 2, 2) + bytes(range(24)),
        struct.pack(">2I", 2049, 6) + bytes(range(6)),
    )
    paths = [tmp_path / "x.gz", tmp_path / "y.gz"]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(gzip.compress(content))
    files = {"image": paths[0], "label": paths[1], "batch_size": 2}
    orders = [labels(io.MNISTIter(**files, seed=seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(sum(orders[0], [])) == list(range(6))
    batch = io.MNISTIter(**files, seed=1).next()
    first = int(batch.label[0][0].asscalar())
    expected = numpy.arange(4 * first, 4 * first + 4) / 256
    assert batch.data[0][0].asnumpy().ravel().tolist() == expected.tolist()
    paths[1].write_bytes(contents[1][:9])
    with pytest.raises(ValueError, match="y.gz is damaged"):
        io.MNISTIter(**files)
    paths[1].write_bytes(struct.pack(">2I", 2049, 5) + bytes(5))
    with pytest.raises(ValueError, match="6 images, but .* 5 labels"):
        io.MNISTIter(**files)


# ---- records of images ---------------------------------------------------------------------------


def records(folder, **arguments):
    defaults = {"path_imgrec": folder / "a.rec", "data_shape": (3, 6, 5), "batch_size": 2}
    return io.ImageRecordIter(**{**defaults, **arguments})


def test_epochs_of_records_take_each_once(folder):
    batches = records(folder, shuffle=True, seed=4, batch_size=7)
    epochs = []
    for _ in range(3):
        (row,) = labels(batches)
        epochs.append(row)
        batches.reset()
    assert (
        all(sorted(row) == list(range(7)) for row in epochs) and len(set(map(tuple, epochs))) == 3
    )
    again = records(folder, shuffle=True, seed=4, batch_size=7, path_imgidx=folder / "a.idx")
    assert labels(again) == [epochs[0]]


def test_what_is_random_depends_on_no_thread(folder):
    options = {
        "rand_crop": True, "rand_mirror": True, "brightness": 0.3, "contrast": 0.3,
        "saturation": 0.3, "pca_noise": 0.1, "random_h": 20, "random_s": 20, "random_l": 20,
        "max_rotate_angle": 20,
    }  # fmt: skip

    def epoch(**more):
        return [b.data[0].asnumpy() for b in records(folder, **options, **more)]

    one, many = epoch(preprocess_threads=1, seed=3), epoch(preprocess_threads=4, seed=3)
    assert all((a == b).all() for a, b in zip(one, many, strict=True))
    other = epoch(seed=3, seed_aug=5)
    assert any((a != b).any() for a, b in zip(one, other, strict=True))
    batches = records(folder, **options, seed=3)
    first = [b.data[0].asnumpy() for b in batches]
    batches.reset()
    assert any((a != b.data[0].asnumpy()).any() for a, b in zip(first, batches, strict=False))


def test_recipes(folder):
    def first(**more):
        return records(folder, **more).next().data[0].asnumpy()[0].transpose(1, 2, 0)

    x = PICTURES[0]  # 9 by 12
    middle = x[1:7, 3:8]
    numpy.testing.assert_array_equal(first(), middle)
    numpy.testing.assert_array_equal(first(mirror=True), middle[:, ::-1])
    padded = numpy.pad(x, ((3, 3), (3, 3), (0, 0)), constant_values=7)
    numpy.testing.assert_array_equal(first(pad=3, fill_value=7, data_shape=(3, 15, 18)), padded)
    whole = records(folder, random_resized_crop=True, data_shape=(3, 9, 12)).next().data[0]
    assert whole.shape == (2, 3, 9, 12)
    turned = first(rotate=180, data_shape=(3, 9, 12))
    assert abs(turned - x[::-1, ::-1]).max() <= 1
    numpy.testing.assert_array_equal(first(data_shape=(3, 18, 24)).shape, (18, 24, 3))
    gray = records(folder, data_shape=(1, 9, 12)).next().data[0].asnumpy()[0, 0]
    assert abs(gray - x @ numpy.array([0.299, 0.587, 0.114])).max() < 1
    lit = first(random_l=100, seed=1, data_shape=(3, 9, 12))
    change = (lit.max(-1) + lit.min(-1)).astype(float) - (x.max(-1).astype(float) + x.min(-1))
    inside = (lit.max(-1) < 254) & (lit.min(-1) > 1)
    assert numpy.ptp(change[inside]) < 1 and inside.any()
    boxes = {
        records(folder, random_resized_crop=True, min_random_area=0.3, max_aspect_ratio=0.3,
                seed=seed).next().data[0].asnumpy().tobytes()
        for seed in range(5)
    }  # fmt: skip
    assert len(boxes) == 5


def test_labels_of_a_list_and_wide_ones(folder, tmp_path):
    listed = records(folder, path_imglist=folder / "a.lst", batch_size=7)
    assert labels(listed) == [[10.0 * i for i in range(7)]]
    path = tmp_path / "wide.rec"
    writer = recordio.MXRecordIO(path, "w")
    writer.write(recordio.pack_img((0, [1, 2], 0, 0), PICTURES[0]))
    writer.close()
    batches = records(folder, path_imgrec=path, label_width=2, batch_size=1)
    assert labels(batches) == [[[1, 2]]] and batches.provide_label[0].shape == (1, 2)
    with pytest.raises(MXNetError, match="label has 2 numbers, but label_width is 1"):
        records(folder, path_imgrec=path, batch_size=1).next()
    (tmp_path / "x.lst").write_text("5\t1\tx\n")
    with pytest.raises(MXNetError, match="path_imglist has no image 0"):
        records(folder, path_imglist=tmp_path / "x.lst").next()


def test_refusals_of_records(folder, tmp_path):
    for more, message in (
        ({"data_shape": (4, 6, 5)}, r"must be \(3 or 1, height, width\), but it is \(4, 6, 5\)"),
        ({"dtype": "float64"}, "not 'float64'"),
        ({"max_shear_ratio": 0.1}, "max_shear_ratio=0.1 is not supported"),
        ({"foo": 1}, "there is no argument 'foo'"),
        ({"num_parts": 2, "part_index": 2}, "no part 2 of 2"),
        ({"num_parts": 9, "part_index": 8}, "there are no samples"),
    ):
        with pytest.raises(MXNetError, match=f"ImageRecordIter: .*{message}"):
            records(folder, **more)
    assert labels(records(folder, max_shear_ratio=0.0, verbose=False, device_id=1))[0] == [0, 1]
    path = tmp_path / "bad.rec"
    writer = recordio.MXRecordIO(path, "w")
    writer.write(recordio.pack((0, 1, 2, 0), b"no image"))
    writer.close()
    with pytest.raises(MXNetError, match=r"bad\.rec, record 0: not an image"):
        records(folder, path_imgrec=path, batch_size=1).next()


# ---- records of images with objects --------------------------------------------------------------


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Six gray images of 40 by 60, on each a square of 200 at rows 8 to 16 and columns 30 to 45."""
    path = tmp_path_factory.mktemp("objects") / "a.rec"
    writer = recordio.MXRecordIO(path, "w")
    for i in range(6):
        pixels = numpy.full((40, 60, 3), 50, "uint8")
        pixels[8:16, 30:45] = 200
        label = [2, 6, i, 30 / 60, 8 / 40, 45 / 60, 16 / 40, 9]
        writer.write(recordio.pack_img((0, label, i, 0), pixels, 9, ".png"))
    writer.close()
    return path


def detections(path, **arguments):
    defaults = {"path_imgrec": path, "data_shape": (3, 40, 60), "batch_size": 1}
    return io.ImageDetRecordIter(**{**defaults, **arguments})


@pytest.mark.parametrize(
    "arguments",
    [
        {"rand_mirror_prob": 0.5},
        {"rand_pad_prob": 1, "max_pad_scale": 2.5},
        {"rand_crop_prob": 1, "min_crop_scales": 0.4, "max_crop_scales": 0.9},
        {"rand_crop_prob": 1, "num_crop_sampler": 2, "min_crop_scales": (0.3, 0.5),
         "max_crop_aspect_ratios": 2, "min_crop_object_coverages": 0.9, "max_crop_trials": 99},
        {"rand_crop_prob": 1, "min_crop_scales": 0.3, "crop_emit_mode": "overlap",
         "emit_overlap_thresh": 0.8, "rand_pad_prob": 0.5, "max_pad_scale": 2},
    ],
)  # fmt: skip
def test_labels_follow_their_objects(squares, arguments):
    size, seen = 120, set()
    for seed in range(6):
        batches = detections(
            squares, data_shape=(3, size, size), resize_mode="shrink", inter_method=0, seed=seed,
            **arguments,
        )  # fmt: skip
        for i, batch in enumerate(batches):
            x, row = batch.data[0].asnumpy()[0, 0], batch.label[0].asnumpy()[0]
            height, width = int(row[1]), int(row[2])
            assert row[3] == 8 and row[[4, 5, 6, 11]].tolist() == [2, 6, i, 9]
            found = numpy.argwhere(x == 200)
            upper, left = found.min(0)
            lower, right = found.max(0) + 1
            there = row[7:11] * [width, height, width, height]
            assert abs(there - [left, upper, right, lower]).max() <= 2, (seed, i)
            assert (x[height:] == 0).all() and (x[:, width:] == 0).all()
            seen.add(tuple(row))
    assert len(seen) > 10


def test_colours_of_images_with_objects(squares):
    def first(seed, **more):
        return detections(squares, seed=seed, **more).next().data[0].asnumpy()[0, 0]

    lit = first(3, max_random_illumination=40, random_illumination_prob=1)
    change = lit[0, 0] - 50
    assert 0 < abs(change) <= 40 and lit[10, 40] - 200 == pytest.approx(change, abs=1)
    sharp = first(3, max_random_contrast=0.2, random_contrast_prob=1)
    factor = sharp[0, 0] / 50
    assert factor != 1 and sharp[10, 40] == pytest.approx(200 * factor, abs=3)
    assert (first(1, max_random_hue=90, random_hue_prob=1) == first(1)).all()  # gray has none
    assert (first(1, max_random_contrast=0.2) == first(1)).all()  # with probability 0


def test_what_is_random_with_objects_depends_on_no_thread(squares):
    options = {"rand_crop_prob": 0.5, "rand_pad_prob": 0.5, "max_pad_scale": 2, "seed": 2}
    one, many = (
        [(b.data[0].asnumpy(), b.label[0].asnumpy()) for b in detections(
            squares, preprocess_threads=n, **options)] for n in (1, 4)
    )  # fmt: skip
    assert all(
        (a[0] == b[0]).all() and (a[1] == b[1]).all() for a, b in zip(one, many, strict=True)
    )


def test_refusals_of_records_with_objects(squares, folder, tmp_path):
    for arguments, message in (
        ({"label_pad_width": 5}, "label_pad_width is 5, but a label has 8 numbers"),
        ({"label_width": 7}, "record 0: its label has 8 numbers, but label_width is 7"),
        ({"resize_mode": "stretch"}, "resize_mode must be one of .*'fit'.*, not 'stretch'"),
        ({"crop_emit_mode": "all"}, "crop_emit_mode must be one of"),
        ({"min_crop_scales": (0.1, 0.2, 0.3), "num_crop_sampler": 2},
         "min_crop_scales must be one number, or one for each of 2 samplers"),
        ({"dtype": "uint8"}, "dtype must be float32, not 'uint8'"),
        ({"mean_img": "a.bin"}, "mean_img='a.bin' is not supported"),
        ({"rand_mirror": True}, "there is no argument 'rand_mirror'"),
        ({"path_imgrec": folder / "a.rec"}, "record 0: a label begins with the widths"),
    ):  # fmt: skip
        with pytest.raises(MXNetError, match=message):
            detections(squares, **arguments)
    path = tmp_path / "a.rec"
    for label in ([numpy.nan, 5, 1], [2, numpy.inf, 1], [2, 4, 1, 0, 0, 1], [1, 5], [7, 5, 1]):
        writer = recordio.MXRecordIO(path, "w")
        writer.write(recordio.pack_img((0, label, 0, 0), PICTURES[0], 9, ".png"))
        writer.close()
        with pytest.raises(MXNetError, match="record 0: a label begins with the widths"):
            detections(path)


# ---- mx.image's iterators ------------------------------------------------------------------------


def test_a_list_with_records(folder):
    batches = image.ImageIter(
        7, (3, 6, 5), path_imgrec=folder / "a.rec", path_imgidx=folder / "a.idx",
        path_imglist=folder / "a.lst",
    )  # fmt: skip
    assert labels(batches) == [[10.0 * i for i in range(7)]]


def test_the_face_of_an_image_iterator(folder):
    npx.set_np()
    batch = image.ImageIter(2, (3, 6, 5), imglist=names(), path_root=folder).next()
    assert isinstance(batch.data[0], np.ndarray) and isinstance(batch.label[0], np.ndarray)


def test_labels_of_whole_numbers_and_several(folder):
    rows = [[[i, i + 1], f"{i}.png"] for i in range(2)]
    batches = image.ImageIter(
        2, (3, 6, 5), 2, imglist=rows, path_root=folder, dtype="int32", aug_list=[
            image.CenterCropAug((5, 6))]
    )  # fmt: skip
    batch = batches.next()
    assert batch.label[0].dtype == numpy.int32 and labels([batch]) == [[[0, 1], [1, 2]]]
    middle = PICTURES[0][1:7, 3:8].transpose(2, 0, 1)
    assert (batch.data[0][0].asnumpy() == middle).all()


def test_refusals_of_image_iterators(folder, tmp_path):
    root = {"path_root": folder}
    rows = {"imglist": names(), **root}
    (tmp_path / "x.lst").write_text("0\tno number\tx.png\n")
    for arguments, kind, message in (
        ({}, ValueError, "give path_imgrec, path_imglist or imglist"),
        ({**rows, "dtype": "uint8"}, ValueError, "dtype 'uint8' of labels"),
        ({**rows, "last_batch_handle": "drop"}, ValueError, "not 'drop'"),
        ({**rows, "num_parts": 2, "part_index": 2}, ValueError, "no part 2 of 2"),
        ({"path_imgrec": folder / "a.rec", "shuffle": True}, ValueError, "need the records' index"),
        ({"path_imglist": tmp_path / "x.lst"}, ValueError, r"x\.lst, line 1: expected a number"),
        ({"imglist": [[0, "bad.png"]], **root}, RuntimeError, r"bad\.png: broken image"),
        ({**rows, "aug_list": []}, ValueError, r"0\.png: .* shape \(3, 9, 12\), but data_shape is"),
        ({**rows, "label_width": 2}, ValueError, r"labels have \[1\] numbers"),
    ):
        with pytest.raises(kind, match=message):
            image.ImageIter(1, (3, 6, 5), **arguments).next()
    with pytest.raises(ValueError, match="batch_size must be 1 or more"):
        image.ImageIter(0, (3, 6, 5), **rows)


def objects(folder, **arguments):
    rows = [[[2, 5, i, 0.25, 0.25, 0.75, 0.75], f"{i}.png"] for i in range(3)]
    return image.ImageDetIter(2, (3, 16, 20), imglist=rows, path_root=folder, **arguments)


def test_reshape_makes_the_augmenters_follow(folder):
    batches = objects(folder)
    batches.reshape((3, 10, 12), (4, 5))
    batch = batches.next()
    assert batch.data[0].shape == (2, 3, 10, 12) and batch.label[0].shape == (2, 4, 5)
    assert batches.provide_data == [("data", (2, 3, 10, 12))]
    assert batches.provide_label == [("label", (2, 4, 5))]
    before = batches.data_shape, batches.label_shape
    for wrong in ({"data_shape": (1, 2, 3)}, {"label_shape": (1, 5)}, {"label_shape": (4, 6)}):
        with pytest.raises(ValueError):
            batches.reshape(**{"data_shape": (3, 8, 8), **wrong})
        assert (batches.data_shape, batches.label_shape) == before


def test_label_shapes_in_step(folder, capsys):
    one, other = objects(folder), objects(folder)
    other.reshape(label_shape=(5, 5))
    assert one.sync_label_shape(other, verbose=True) is other
    assert one.label_shape == other.label_shape == (5, 5)
    assert "from (1, 5) to (5, 5)" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="invalid iterator: int"):
        one.sync_label_shape(3)


def test_framed_objects(folder):
    batches = objects(folder, mean=True, std=True)
    pictures = list(batches.draw_next((255, 0, 0), 1, mean=True, std=True, id2labels={0: "zero"}))
    assert len(pictures) == 3 and pictures[0].shape == (16, 20, 3)
    assert (pictures[1][4, 5:16] == (255, 0, 0)).all() and (pictures[1][12, 6] == (255, 0, 0)).all()
    plain = image.imresize(mx.nd.array(PICTURES[1], dtype="uint8"), 20, 16, 2).asnumpy()
    assert abs(pictures[1][0].astype(int) - plain[0]).max() <= 1  # outside of the frame


def test_a_label_that_does_not_fit(folder):
    rows = [[[2, 5, 0, 0, 0, 1, 1], "0.png"], [[2, 6, 0, 0, 0, 1, 1, 5], "1.png"]]
    with pytest.raises(RuntimeError, match=r"different numbers of numbers: \[5, 6\]"):
        image.ImageDetIter(2, (3, 6, 5), imglist=rows, path_root=folder)
    with pytest.raises(RuntimeError, match=r"0\.png: a label with a header of 2 .* 8 numbers"):
        image.ImageDetIter(1, (3, 6, 5), imglist=[[[2, 5, 1, 2, 3, 4, 5, 6], "0.png"]],
                           path_root=folder)  # fmt: skip
