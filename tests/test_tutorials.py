"""Each tutorial runs as a reader runs it, and prints what its document shows."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

TUTORIALS = Path(__file__).parents[1] / "tutorials"

PARAMETERS = """\
sequential0_ (
  Parameter dense0_weight (shape=(256, {inputs}), dtype=float32)
  Parameter dense0_bias (shape=(256,), dtype=float32)
  Parameter dense1_weight (shape=(10, {hidden}), dtype=float32)
  Parameter dense1_bias (shape=(10,), dtype=float32)
)
"""
UNKNOWN = PARAMETERS.format(inputs=-1, hidden=-1)
UNKNOWN_ND = PARAMETERS.format(inputs=0, hidden=0)
KNOWN = PARAMETERS.format(inputs=20, hidden=256)
METHOD = """\
<bound method Block.collect_params of Sequential(
  (0): Dense(-1 -> 256, Activation(relu))
  (1): Dense(-1 -> 10, linear)
)>
"""


def run(script, *arguments, cwd):
    """Run a script in a directory and return the finished process."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, TUTORIALS / script, *arguments],
        cwd=cwd,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A function from a script's name to what it prints."""

    @functools.cache
    def printed(script):
        process = run(script, cwd=tmp_path_factory.mktemp("tutorial"))
        assert process.returncode == 0, process.stderr
        assert process.stderr == ""
        return process.stdout

    return printed


def values(text):
    """Return the numbers of a printed array."""
    return numpy.array([float(number) for number in re.findall(r"-?\d+\.\d*(?:e-?\d+)?", text)])


def arrays(text):
    """Return the numbers of each printed `nd` array, and the array's shape as printed."""
    found = re.findall(r"(\[[^\[\]<]*\])\n<NDArray ([\dx]+) @cpu\(0\)>", text)
    return [(values(numbers), shape) for numbers, shape in found]


def test_lazy_initialization(printed):
    text = printed("lazy_initialization.py")
    lesson = METHOD + UNKNOWN + UNKNOWN + KNOWN
    assert text.startswith(lesson)
    lines = text[len(lesson) :].splitlines()
    shapes = (
        "{'dense%d_weight': (256, 20), 'dense%d_bias': (256,), "
        "'dense%d_weight': (10, 256), 'dense%d_bias': (10,)}"
    )
    assert lines[:8] == [
        "Parameter dense2_weight (shape=(256, -1), dtype=float32)",
        "(256, 20)",
        "[(256,), (10,)]",
        "[(256, 20), (256,), (10, 256), (10,)]",
        shapes % (3, 3, 4, 4),
        "[0.01 0.01 0.01]",
        "(2, 10)",
        shapes % (5, 5, 6, 6),
    ]
    explained = "\n".join(lines[8:])
    for path, shape in [("0.weight", "(256, 20)"), ("1.weight", "(10, 256)"), ("1.bias", "(10,)")]:
        assert re.search(rf"^{re.escape(path)}\b.*{re.escape(shape)}.*\blive\b", explained, re.M)


def test_deferred_initialization(printed):
    text = printed("deferred_initialization.py")
    declared, first_error, deferred, second_error, live = re.split(
        r"^(\w+: .*dense0_weight(?:.|\n)*?)(?=^sequential0_)", text, flags=re.M
    )
    assert declared == METHOD + UNKNOWN
    assert first_error.startswith("MXNetError: ")
    assert deferred == UNKNOWN
    assert second_error.startswith("DeferredInitializationError: ")
    assert live == KNOWN + (
        "True\n[0. 0. 0. 0. 0. 0. 0. 0. 0. 0.]\n[[(256, 20), (256,)], [(10, 256), (10,)]]\n"
    )


def test_initialization(printed):
    text = printed("initialization.py")
    layers = METHOD.partition(" of ")[2].replace("-1", "None").replace(")>", ")")
    lesson = UNKNOWN_ND + layers + UNKNOWN_ND + KNOWN
    assert text.startswith(lesson)
    told = [line for line in text[len(lesson) :].splitlines() if re.match("Init|.* is done", line)]
    assert told == [
        "initialize() is done",
        "Init dense2_weight (256, 20)",
        "Init dense3_weight (10, 256)",
        "the first batch is done",
        "the second batch is done",
        "Init dense2_weight (256, 20)",
        "Init dense3_weight (10, 256)",
        "Init dense4_weight (256, 20)",
        "Init dense5_weight (10, 256)",
        "Init dense4_weight (256, 20)",
        "Init dense5_weight (10, 256)",
    ]

    shown = arrays(text)
    assert [shape for _, shape in shown] == ["20", "20", "20", "1", "1", "1", "20", "20", "8", "8"]
    normal, ones, xavier, bias, forty_two, other_bias, mine, by_hand, tied, changed = (
        numbers for numbers, _ in shown
    )
    assert 0.003 < normal.std() < 0.03
    assert (ones == 1).all()
    # Xavier's bound here is sqrt(3 / ((20 + 256) / 2)).
    assert 0.07 < abs(xavier).max() <= 0.1475
    assert bias == other_bias == 0
    assert forty_two == 42
    assert ((mine == 0) | (abs(mine) >= 5)).all()
    assert abs(mine).max() <= 10
    assert by_hand[0] == 42
    numpy.testing.assert_allclose(by_hand[1:], mine[1:] + 1, atol=1e-5)
    assert (tied == 1).all()
    assert (changed == 1).all()
    assert text.endswith("True\n")


def test_exercises(printed):
    lines = printed("lazy_initialization_exercises.py").splitlines()
    errors = [line for line in lines if re.match(r"\w*Error: ", line)]
    assert len(errors) == 3
    assert errors[0].startswith("DeferredInitializationError: ")
    assert all(size in errors[1] for size in ["64", "256"])
    assert all(size in errors[2] for size in ["20", "30"])

    # Only the first layer has run, then both.
    nets = [line.strip() for line in lines if "Dense(" in line and line.startswith("  (")]
    assert nets[:8] == [
        "(0): Dense(-1 -> 256, Activation(relu))",
        "(1): Dense(-1 -> 10, linear)",
        "(0): Dense(20 -> 256, Activation(relu))",
        "(1): Dense(-1 -> 10, linear)",
        "(0): Dense(20 -> 256, Activation(relu))",
        "(1): Dense(256 -> 10, linear)",
        "(0): Dense(784 -> 256, Activation(relu))",
        "(1): Dense(-1 -> 10, linear)",
    ]
    start = lines.index("(2, 10) (5, 10)")
    after = [line for line in lines[start:] if "Error" not in line]
    assert after[1].startswith("20 (2, 10) ") and "(256, 20)" in after[1]
    assert after[2].startswith("30 (2, 10) ") and "(256, 30)" in after[2]
    assert after[3:10] == [
        "True",
        "18.0 12.0",
        "36.0",
        "0.0",
        "True",
        "42.0",
        "[0. 1. 2. 3. 4. 5. 6. 7. 8. 9.]",
    ]
    waiting = [line for line in after[10:] if re.match(r"[01]\.(weight|bias)\b", line)]
    assert len(waiting) == 4
    assert ["live" in line for line in waiting] == [True, True, False, True]
    assert after[-2] == "(2, 10)"
    assert "(256, 784)" in after[-1] and "(10, 256)" in after[-1]


def test_avoiding_deferred_initialization(printed):
    *lines, error = printed("avoiding_deferred_initialization.py").splitlines()
    told = ["Init dense0_weight (256, 20)", "Init dense1_weight (10, 256)"]
    assert lines[:9] == [
        "waiting: (256, 0) (10, 0)",
        *told,
        "ready: (256, 20) (10, 256)",
        *told,
        "Init dense2_weight (256, 20)",
        "Init dense3_weight (10, 256)",
        "(7, 10)",
    ]
    assert "Error: " in "".join([*lines[9:], error])
    assert "30" in "".join([*lines[9:], error])


def test_gradients_of_gradients(tmp_path):
    process = run("gradients_of_gradients.py", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    text = process.stdout
    assert re.findall(r"^(\d)\. ", text, re.M) == list("12345")
    steps, start, end = re.search(r"in (\d+) steps from (\S+) to (\S+)", text).groups()
    assert int(steps) < 20
    assert float(start) > 10 > 1e-20 > float(end)
    assert "determinant 2.0000" in text
    rough, smooth = (float(x) for x in re.search(r"falls from (\S+) to (\S+),", text).groups())
    assert smooth < rough / 2
    assert "softplus of 800.0 is 800.0 and its slope 1.0" in text

    image = pytest.importorskip("matplotlib.image").imread(tmp_path / "derivatives.png")
    height, width, _ = image.shape
    assert width > 1000 and height > 400
    # In each of the three panels there are red curves.
    red = (abs(image[..., :3] - numpy.array([0xD1, 0x49, 0x5B]) / 255) < 0.02).all(axis=2)
    assert all(red[:, third * width // 3 :][:, : width // 3].sum() > 500 for third in range(3))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """What the main job prints and the directory of its files."""
    directory = tmp_path_factory.mktemp("digits")
    process = run("train_digits.py", "--output", "results", cwd=directory)
    assert process.returncode == 0, process.stderr
    return process.stdout, directory / "results"


def test_digits_are_read(digits):
    text, _ = digits
    assert "the first layer: Dense(-1 -> 256, Activation(relu))" in text
    assert "after a dry run: Dense(64 -> 256, Activation(relu))" in text
    right, held_out, percent, again = re.search(
        r"held out: (\d+) of (\d+) read right, ([\d.]+) %; loaded back: ([\d.]+) %", text
    ).groups()
    assert int(held_out) == 359
    assert int(right) / int(held_out) >= 0.97
    assert percent == again == f"{100 * int(right) / 359:.2f}"
    losses = [float(loss) for loss in re.findall(r"epoch +\d+   loss ([\d.]+)", text)]
    assert len(losses) == 60
    assert losses[-1] < losses[0] / 20


def test_digits_are_drawn(digits):
    image = pytest.importorskip("matplotlib.image").imread(digits[1] / "digits.png")
    height, width, _ = image.shape
    assert width > 1000 and height > 500
    curves, gallery = image[:, : width // 2, :3], image[:, width // 2 :, :3]
    # Coloured curves on the left, grey digits on the right.
    assert numpy.ptp(curves, axis=2).max() > 0.5
    assert gallery.min() < 0.1


def test_digits_are_read_in_the_words_of_pytorch(tmp_path):
    process = run("digits_in_torch.py", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    text = process.stdout
    assert (
        "before any data: LazyLinear(in_features=0, out_features=256, bias=True), "
        "<UninitializedParameter>\n"
        "after the first: Linear(in_features=64, out_features=256, bias=True), "
        "torch.Size([256, 64])\n"
    ) in text
    assert "weights differ by less than 1e-5: True" in text
    assert float(re.search(r"held out ([\d.]+) % read right", text)[1]) >= 97


def test_hybridized_digits_train_alike(tmp_path):
    eager, replayed = (
        run("train_digits.py", "--epochs", "3", *flag, cwd=tmp_path).stdout
        for flag in ([], ["--hybridize"])
    )
    assert eager.count("epoch") == 3
    assert replayed == eager


def test_digits_refuse_no_epochs(tmp_path):
    process = run("train_digits.py", "--epochs", "0", cwd=tmp_path)
    assert process.returncode == 2
    assert "at least 1" in process.stderr
    assert list(tmp_path.iterdir()) == []


def lesson(script, cwd, *arguments):
    """Run a lesson, and return what it prints."""
    process = run(script, *arguments, cwd=cwd)
    assert process.returncode == 0, process.stderr
    return process.stdout


def colored(path, color):
    """How many pixels of a picture have a color."""
    image = pytest.importorskip("matplotlib.image").imread(path)
    wanted = numpy.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return int((abs(image[..., :3] - wanted) < 0.02).all(axis=2).sum())


RED, BLUE = "#d1495b", "#30638e"


def test_builders_guide(tmp_path):
    text = lesson("builders_guide.py", tmp_path)
    assert re.findall(r"^(\d)\. ", text, re.M) == list("12345")
    assert "Dense(-1 -> 16, linear)" in text and "Dense(13 -> 16, linear)" in text
    assert "radial0_centers (shape=(5, -1)" in text and "radial0_centers (shape=(5, 13)" in text
    assert "the same weight: True" in text and "the same code for every wine: True" in text
    start, end = (float(x) for x in re.search(r"falls from (\S+) to (\S+)", text).groups())
    assert end < start / 2
    assert int(re.search(r"the same grower's for (\d+) %", text)[1]) > 80
    assert colored(tmp_path / "wines.png", BLUE) > 500


def test_image_networks(tmp_path):
    text = lesson("image_networks.py", tmp_path, "--epochs", "5")
    assert "Conv2D(-1 -> 16" in text and "Conv2D(1 -> 16" in text
    read = [float(x) for x in re.findall(r"numbers, ([\d.]+) % of 359", text)]
    assert len(read) == 2 and min(read) > 93
    assert all(colored(tmp_path / "image_networks.png", color) > 500 for color in (RED, BLUE))


def test_language_models(tmp_path):
    text = lesson("language_models.py", tmp_path, "--epochs", "2")
    pairs = float(re.search(r"pairs: perplexity ([\d.]+)", text)[1])
    perplexities = [float(x) for x in re.findall(r", perplexity ([\d.]+); it writes", text)]
    assert len(perplexities) == 2 and max(perplexities) < pairs
    assert "LSTM(32 -> 128, TNC)" in text and "GRU(32 -> 128, TNC)" in text
    written = [line for line in text.splitlines() if line.startswith("    ")]
    assert len(written) == 2 and min(map(len, written)) > 50
    assert all(colored(tmp_path / "language_models.png", color) > 300 for color in (RED, BLUE))


def test_transformer(tmp_path):
    text = lesson("transformer.py", tmp_path)
    of, right = re.search(r"of (\d+) words never seen before it writes (\d+)", text).groups()
    assert int(of) == 300 and int(right) > 270
    assert int(re.search(r"gives (\d+) % of its look", text)[1]) > 35
    assert colored(tmp_path / "transformer.png", BLUE) > 300


def test_batch_normalization(tmp_path):
    text = lesson("batch_normalization.py", tmp_path, "--epochs", "6")
    spreads = re.findall(r"spread by ([\d.e-]+), behind layer 12 by ([\d.e-]+)", text)
    (kept, steady), (first, last) = (map(float, pair) for pair in spreads)
    assert 0.5 < steady / kept < 2
    assert last < first / 100
    with_it, without = (float(x) for x in re.findall(r"([\d.]+) % of held-out", text))
    assert with_it > 85 > 50 > without
    assert float(re.search(r"differ by at most (\S+)", text)[1]) < 1e-4
    assert all(colored(tmp_path / "batch_normalization.png", color) > 300 for color in (RED, BLUE))


def test_lazy_convolutions(tmp_path):
    text = lesson("lazy_convolutions.py", tmp_path)
    lines = text.splitlines()
    assert [line.split()[-2:] for line in lines[:3]] == [
        ["(3,", f"{inputs})"] for inputs in (256, 1024, 560)
    ]
    assert "(8, 3, 3, 3)" in lines[2]
    assert "an image of 32 x 32" in text and "256" in lines[5] and "1024" in lines[5]
    assert "made anew: Dense(1024 -> 3, linear)" in text
    assert int(re.search(r"it reads (\d+) right", text)[1]) > 380
    assert int(re.search(r"it finds (\d+) of 24", text)[1]) > 20
    assert colored(tmp_path / "lazy_convolutions.png", BLUE) > 50


@pytest.mark.parametrize(
    ("script", "option"),
    [
        ("image_networks.py", "--epochs"),
        ("language_models.py", "--epochs"),
        ("transformer.py", "--steps"),
        ("batch_normalization.py", "--epochs"),
        ("lazy_convolutions.py", "--steps"),
        ("one_script_many_processes.py", "--epochs"),
    ],
)
def test_lessons_refuse_nothing_to_do(script, option, tmp_path):
    process = run(script, option, "0", cwd=tmp_path)
    assert process.returncode == 2
    assert "at least" in process.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_script_many_processes(tmp_path):
    text = lesson("one_script_many_processes.py", tmp_path, "--epochs", "3")
    runs = re.findall(r"(\d) process(?:es)?: loss ([\d.]+), ([\d.]+) %", text)
    assert all(float(read) > 93 for _, _, read in runs)
    if "install mpi4py" in text:
        assert [number for number, *_ in runs] == ["1"]
    else:
        assert [number for number, *_ in runs] == ["1", "4"]
        assert abs(float(runs[0][1]) - float(runs[1][1])) < 1e-4
        assert float(re.search(r"differ by ([\d.e+-]+) of", text)[1]) < 1e-4
    assert (tmp_path / "one_script_many_processes.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        (
            "digits_in_keras.py",
            "after it: [(64, 256), (256,), (256, 256), (256,), (256, 10), (10,)]",
        ),
        ("digits_in_flax.py", "Total Parameters: 85,002 (340.0 KB)"),
    ],
)
def test_digits_are_read_in_every_tongue(printed, script, shown):
    text = printed(script)
    assert shown in text
    right, held_out = map(int, re.search(r"held out: (\d+) of (\d+) read right", text).groups())
    assert held_out == 359 and right / held_out >= 0.97


def test_four_tongues(tmp_path):
    text = lesson("four_tongues.py", tmp_path)
    told = dict(re.findall(r"^---- (.+?) ----\n((?:.*\n)*?)(?=----|saved)", text, re.M))
    assert list(told) == ["Gluon", "PyTorch", "Keras", "Flax", "the same weights"]
    moments = {
        "Gluon": ["(256, -1), (256,), (10, -1)", "(256, 20), (256,), (10, -1)", "(10, 256), (10,)"],
        "PyTorch": ["<UninitializedParameter>", "'Linear', 'ReLU', 'LazyLinear'", "'Linear']"],
        "Keras": ["have not yet been created", "[[], []]", "(256,)], []]", "(256, 10), (10,)]]"],
        "Flax": ['no attribute "params"', "{}", "(20, 256)}}}", "'kernel': (256, 10)}}}"],
    }
    for name, parts in moments.items():
        places = [told[name].index(part) for part in parts]
        assert places == sorted(places), name
        assert numpy.allclose(values(told[name].partition("apply_init:")[2]), 0.275, atol=1e-4)
    differences = re.findall(r"by (\S+), with its weights by (\S+)", told["the same weights"])
    assert len(differences) == 3
    assert all(float(before) > 0.1 and float(after) < 1e-6 for before, after in differences)
    picture = tmp_path / "four_tongues.png"
    # Of 48 parameters 25 have values, 9 an unknown size and 2 a known one; 12 are absent.
    live, unknown, sized = (colored(picture, color) for color in (BLUE, "#edae49", "#8fb8de"))
    assert live > 2 * unknown > 2 * sized > 100
