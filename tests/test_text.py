"""`mx.contrib.text` and `mx.registry`; what is equal to MXNet 1.9.1's answers was asked there."""

import ctypes
import pickle
from collections import Counter

import pytest

import microlazy as mx
from microlazy import nd, registry
from microlazy.contrib import text

COUNTS = Counter({"c": 3, "b": 2, "d": 2, "a": 1})


def test_counting():
    counts = text.utils.count_tokens_from_str("a b  c\nb c c\n D d", to_lower=True)
    assert counts == COUNTS
    assert text.utils.count_tokens_from_str("a-b", "-", counter_to_update=counts) is counts
    assert counts["a"] == 2


def test_a_vocabulary_is_ordered_as_mxnets():
    words = text.vocab.Vocabulary(COUNTS)
    assert words.idx_to_token == ["<unk>", "c", "b", "d", "a"]
    assert (len(words), words.unknown_token, words.reserved_tokens) == (5, "<unk>", None)
    few = text.vocab.Vocabulary(COUNTS, 2, unknown_token="<u>", reserved_tokens=["<p>"])
    assert few.idx_to_token == ["<u>", "<p>", "c", "b"]
    assert (few.to_indices("c"), few.to_indices(["c", "zz", "<p>"])) == (2, [2, 0, 1])
    assert (few.to_tokens(1), few.to_tokens([0, 2])) == ("<p>", ["<u>", "c"])
    assert text.vocab.Vocabulary(COUNTS, most_freq_count=0).idx_to_token == ["<unk>"]
    assert text.vocab.Vocabulary(COUNTS, min_freq=3).token_to_idx == {"<unk>": 0, "c": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_freq": 0}, "positive value, not 0"),
        ({"reserved_tokens": ["<unk>"]}, "cannot contain `unknown_token`, '<unk>'"),
        ({"reserved_tokens": ["a", "a"]}, "duplicate reserved tokens"),
        ({"counter": {"a": 1}}, "must be an instance of collections.Counter, not dict"),
    ],
)
def test_vocabularies_that_are_refused(arguments, message):
    with pytest.raises(AssertionError, match=message):
        text.vocab.Vocabulary(**arguments)


@pytest.mark.parametrize("place", [-1, 5])
def test_a_place_without_a_token(place):
    with pytest.raises(ValueError, match=f"index {place} .*there are 5"):
        text.vocab.Vocabulary(COUNTS).to_tokens([0, place])


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2 3\nb 4 5 6\nc 7 8 9\n")
    return path


def test_vectors_from_a_file(vectors):
    found = text.embedding.CustomEmbedding(vectors)
    assert found.idx_to_token == ["<unk>", "a", "b", "c"]
    assert found.idx_to_vec.asnumpy().tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert (found.vec_len, found.get_vecs_by_tokens("b").asnumpy().tolist()) == (3, [4, 5, 6])
    rows = found.get_vecs_by_tokens(["B", "x"], lower_case_backup=True)
    assert rows.asnumpy().tolist() == [[4, 5, 6], [0, 0, 0]]
    assert found.get_vecs_by_tokens(["B"]).asnumpy().tolist() == [[0, 0, 0]]


def test_vectors_of_a_vocabulary(vectors):
    words = text.vocab.Vocabulary(COUNTS)
    found = text.embedding.CustomEmbedding(vectors, vocabulary=words)
    expected = [[0, 0, 0], [7, 8, 9], [4, 5, 6], [0, 0, 0], [1, 2, 3]]
    assert found.idx_to_vec.asnumpy().tolist() == expected
    ones = text.embedding.CustomEmbedding(vectors, init_unknown_vec=nd.ones)
    both = text.embedding.CompositeEmbedding(words, [found, ones])
    assert both.vec_len == 6
    assert both.idx_to_vec[3].asnumpy().tolist() == [0, 0, 0, 1, 1, 1]


def test_lines_that_are_left_out(tmp_path):
    path = tmp_path / "vectors.vec"
    path.write_text("3 2\na 1 2\nb 4 5\na 8 8\nd 3\n<unk> 9 9\n")
    with pytest.warns(UserWarning) as caught:
        found = text.embedding.CustomEmbedding(path)
    assert found.idx_to_token == ["<unk>", "a", "b"]
    assert found.idx_to_vec.asnumpy().tolist() == [[9, 9], [1, 2], [4, 5]]
    assert [str(w.message).split("line ")[1].split(":")[0] for w in caught] == ["1", "4", "5"]
    assert {w.filename for w in caught} == {__file__}


def test_vectors_are_replaced(vectors):
    found = text.embedding.CustomEmbedding(vectors)
    found.update_token_vectors("b", nd.array([0, 0, 1]))
    found.update_token_vectors(["a", "<unk>"], nd.array([[1, 1, 1], [2, 2, 2]]))
    assert found.idx_to_vec.asnumpy().tolist() == [[2, 2, 2], [1, 1, 1], [0, 0, 1], [7, 8, 9]]
    for tokens, new, message in (
        (["a", "zz"], [[0] * 3] * 2, "Token zz is unknown"),
        (["a", "b"], [0] * 3, r"shape \(2, 3\) for 2 tokens, not \(3,\)"),
        ("a", [0] * 2, r"shape \(1, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            found.update_token_vectors(tokens, nd.array(new))
    assert found.idx_to_vec[1].asnumpy().tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a 1 2\nb 1 x\n", "line 2: could not convert"),
        ("a 1 2\nb 1 2 3\n", "line 2: .* has 3 numbers, those before have 2"),
        ("", "holds no vectors"),
    ],
)
def test_files_that_are_refused(tmp_path, content, message):
    path = tmp_path / "vectors.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        text.embedding.CustomEmbedding(path)


def test_published_vectors(tmp_path):
    names = text.embedding.get_pretrained_file_names()
    assert {kind: len(files) for kind, files in names.items()} == {"glove": 10, "fasttext": 327}
    (tmp_path / "glove").mkdir()
    (tmp_path / "glove" / "glove.6B.50d.txt").write_text("a 1 2\n")
    arguments = {"pretrained_file_name": "glove.6B.50d.txt", "embedding_root": tmp_path}
    found = text.embedding.create("glove", **arguments)
    assert found.get_vecs_by_tokens("a").asnumpy().tolist() == [1, 2]
    with pytest.raises(FileNotFoundError, match=r"wiki\.simple\.vec is not in .*fasttext"):
        text.embedding.create("FastText", embedding_root=tmp_path)
    with pytest.raises(
        KeyError, match="Cannot find pretrained file nope for token embedding glove"
    ):
        text.embedding.create("glove", pretrained_file_name="nope")
    with pytest.raises(KeyError, match="Cannot find `embedding_name` x"):
        text.embedding.get_pretrained_file_names("x")
    with pytest.raises(AssertionError, match="nope is not registered"):
        text.embedding.create("nope")


class Thing:
    def __init__(self, a=1):
        self.a = a


def test_a_registry_of_ones_own():
    class First(Thing):
        pass

    register = registry.get_register_func(Thing, "thing")
    create = registry.get_create_func(Thing, "thing")
    assert register(First) is First
    assert registry.get_alias_func(Thing, "thing")("one", "UN")(First) is First
    assert registry.get_registry(Thing) == dict.fromkeys(("first", "one", "un"), First)
    made = [
        create("first", a=3),
        create(First(4)),
        create('["first", {"a": 5}]'),
        create({"thing": "one", "a": 6}),
        create(thing="one", a=7),
        create('{"thing": "first"}'),
    ]
    assert [thing.a for thing in made] == [3, 4, 5, 6, 7, 1]
    for call, message in (
        (lambda: create("zz"), "zz is not registered. Please register with thing.register first"),
        (lambda: create(3), "thing must be of string type"),
        (lambda: create(First(), 3), "already an instance"),
        (lambda: register(3), "only register a subclass of Thing"),
        (lambda: create({"a": 1}), "no key 'thing'"),
    ):
        with pytest.raises(AssertionError, match=message):
            call()
    with pytest.warns(UserWarning, match="New thing .* name first is overriding existing thing"):
        register(First)


def test_names_that_mxnets_programs_import(monkeypatch):
    from microlazy.base import NDArrayHandle
    from microlazy.contrib.amp import amp
    from microlazy.gluon.data.dataloader import ForkingPickler, default_mp_batchify_fn
    from microlazy.image.image import _get_interp_method, imresize
    from microlazy.ndarray.ndarray import NDArray, array

    assert (NDArray, array, imresize) == (nd.NDArray, nd.array, mx.image.imresize)
    assert (amp, default_mp_batchify_fn) == (
        mx.contrib.amp,
        mx.gluon.data.batchify.default_batchify_fn,
    )
    assert issubclass(ForkingPickler, pickle.Pickler)
    assert (NDArrayHandle, amp._amp_initialized in (True, False)) == (ctypes.c_void_p, True)
    one, two = nd.ones((2,)), nd.array([2, 3])
    assert nd._internal._minus(two, one).asnumpy().tolist() == [1, 2]
    sizes = [(), (1, 1, 2, 2), (4, 4, 2, 2), (4, 4, 8, 2)]
    assert [_get_interp_method(9, size) for size in sizes] == [2, 2, 3, 1]
    with pytest.raises(ValueError, match="Unknown interp method 11"):
        _get_interp_method(11)
    assert mx.Context.default_ctx == mx.cpu()
    with mx.cpu(1):
        assert mx.Context.default_ctx == mx.cpu(1)
    monkeypatch.setenv("MXNET_GLUON_REPO", "file:///mirror")
    assert mx.gluon.utils._get_repo_file_url("a/b", "c") == "file:///mirror/a/b/c"


def test_hashes_of_models_of_ones_own(monkeypatch):
    from microlazy.gluon.model_zoo import model_store

    monkeypatch.setitem(model_store._model_sha1, "mine", "0123456789abcdef")
    assert model_store.short_hash("mine") == "01234567"
