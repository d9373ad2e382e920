"""Random keys of every kind, against NumPy: read, written, differentiated."""

import random

import numpy
import pytest

from microlazy import autograd, np


def random_key(chance: random.Random, shape: tuple[int, ...]) -> tuple:
    """A key of integers, slices, None, Ellipsis, lists, masks and integer arrays."""
    generator = numpy.random.default_rng(chance.randrange(1 << 30))
    advanced, ellipsis = chance.random() < 0.7, False
    key: list = []
    axis = 0
    while axis < len(shape) and chance.random() < 0.85:
        n, kind = shape[axis], chance.random()
        if kind < 0.1:
            key.append(None)
            continue
        if kind < 0.17 and not ellipsis:
            key.append(Ellipsis)
            ellipsis = True
            axis += chance.randint(0, len(shape) - axis)
            continue
        if kind < 0.3 and advanced:
            axes = chance.randint(1, min(2, len(shape) - axis))
            key.append(generator.random(shape[axis : axis + axes]) < 0.5)
            axis += axes
            continue
        if kind < 0.5 and advanced and n:
            places = chance.choice([(2,), (3,), (2, 1), (1, 3), ()])
            index = generator.integers(-n, n, places)
            key.append(index.tolist() if index.ndim == 1 and chance.random() < 0.3 else index)
        elif kind < 0.7 and n:
            key.append(chance.randint(-n, n - 1))
        else:
            first, last = (chance.choice([None, chance.randint(-n - 1, n + 1)]) for _ in "ab")
            key.append(slice(first, last, chance.choice([None, 1, 2, -1, -2])))
        axis += 1
    return tuple(key)


def with_our_arrays(chance: random.Random, key: tuple) -> tuple:
    """The key with some of its NumPy arrays as arrays of ours."""
    return tuple(
        np.array(item, dtype=item.dtype)
        if isinstance(item, numpy.ndarray) and chance.random() < 0.5
        else item
        for item in key
    )


def all_slices(key: tuple) -> bool:
    return all(item == slice(None) for item in key if isinstance(item, slice)) and all(
        isinstance(item, slice) for item in key
    )


@pytest.mark.parametrize("seed", range(20))
def test_random_keys(seed):
    chance = random.Random(seed)
    generator = numpy.random.default_rng(seed)
    for _ in range(40):
        shape = tuple(chance.choice([0, 1, 2, 3, 4]) for _ in range(chance.randint(0, 4)))
        key = random_key(chance, shape)
        ours = with_our_arrays(chance, key)
        values = generator.standard_normal(shape)
        x = np.array(values, dtype="float64")
        try:
            expected = values[key]
        except IndexError:  # index arrays that do not go together
            with pytest.raises(IndexError):
                x[ours]
            continue

        assert numpy.array_equal(x[ours].asnumpy(), expected), (shape, key)

        new = generator.standard_normal(expected.shape)
        written = values.copy()
        written[key] = new
        y = x.copy()
        y[ours] = np.array(new, dtype="float64")
        assert numpy.array_equal(y.asnumpy(), written), (shape, key)

        if not expected.size or all_slices(key):
            continue
        weights = generator.standard_normal(expected.shape)
        gradient = numpy.zeros(shape)
        numpy.add.at(gradient, key, weights)
        head = np.array(weights, dtype="float64")
        x.attach_grad()
        with autograd.record():
            part = x[ours]
            (again,) = autograd.grad(part, x, head_grads=[head], create_graph=True)
        part.backward(head)
        numpy.testing.assert_allclose(x.grad.asnumpy(), gradient, atol=1e-14)
        numpy.testing.assert_allclose(again.asnumpy(), gradient, atol=1e-14)

        places = numpy.arange(values.size).reshape(shape)[key]
        if len(set(places.ravel().tolist())) == places.size:
            head.attach_grad()
            with autograd.record():
                y = np.zeros(shape, dtype="float64")
                y[ours] = head
                total = (y * np.array(values)).sum()
            total.backward()
            assert numpy.array_equal(head.grad.asnumpy(), expected)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ((0, 0, 0), IndexError),
        ((5,), IndexError),
        (([0, 9],), IndexError),
        ((Ellipsis, Ellipsis), IndexError),
        ((numpy.ones((3, 3), bool),), IndexError),
        (([0, 1], [0, 1, 2]), IndexError),
    ],
)
def test_wrong_keys_are_refused_as_by_numpy(key, error):
    values = numpy.zeros((2, 3))
    with pytest.raises(error):
        values[key]
    x = np.array(values)
    with pytest.raises(error):
        x[key]
    with pytest.raises(error):
        x[key] = 1
    assert not x.asnumpy().any()
