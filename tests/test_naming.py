"""Names, printing and refusals, as MXNet 1.9.1 gave them (oracle/record_block.py)."""

import builtins
import json
import pathlib
import sys
import threading

import pytest

import microlazy as mx
from microlazy.gluon import nn
from microlazy.gluon.block.tree import path_of, root_of

ORACLE = pathlib.Path(__file__).parent / "oracle"
sys.path.insert(0, str(ORACLE))
from block_cases import CASES, run  # noqa: E402

ANSWERS = json.loads((ORACLE / "block.json").read_text())


@pytest.mark.parametrize(("face", "name"), CASES)
def test_recorded(face, name):
    answer = ANSWERS[f"{face} {name}"]
    text, raised = run(mx, face, CASES[face, name])
    assert text.splitlines() == answer["prints"]
    if answer["raises"] is None:
        assert raised == []
    else:
        assert answer["raises"] in raised


def test_every_answer_has_its_snippet():
    assert set(ANSWERS) == {f"{face} {name}" for face, name in CASES}
    assert all(hasattr(builtins, a["raises"]) for a in ANSWERS.values() if a["raises"])


def test_threads_count_names_apart():
    names = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: names.append(nn.Dense(1).name))
        thread.start()
        thread.join()
    assert names == ["dense0", "dense0"]


def test_a_scope_may_be_entered_within_itself():
    net = nn.Sequential(prefix="net_")
    with net.name_scope():
        with net.name_scope():
            inner = nn.Dense(1)
        after = nn.Dense(1)
    outside = nn.Dense(1)
    assert (inner.name, after.name) == ("net_dense0", "net_dense1")
    assert not outside.name.startswith("net_")


def test_an_error_inside_leaves_the_scope():
    net = nn.Sequential(prefix="net_")
    with pytest.raises(KeyError), net.name_scope():
        raise KeyError
    assert not nn.Dense(1).name.startswith("net_")


def test_paths():
    net = nn.Sequential()
    net.add(nn.Dense(2, activation="relu"), nn.Sequential())
    net[1].add(nn.Dense(3))
    assert path_of(net) == ""
    assert path_of(net[0]) == "0"
    assert path_of(net[0].act) == "0.act"
    assert path_of(net[1][0]) == "1.0"
    assert root_of(net[1][0]) is net


def test_a_slice_does_not_move_its_layers():
    net = nn.Sequential()
    net.add(nn.Dense(2), nn.Dense(3))
    part = net[1:]
    assert path_of(part[0]) == "1"
    assert root_of(part[0]) is net


def test_a_replaced_child_has_no_path():
    net = mx.gluon.Block()
    net.layer = old = nn.Dense(2)
    net.layer = nn.Dense(3)
    assert path_of(old) == ""
    assert path_of(net.layer) == "layer"
