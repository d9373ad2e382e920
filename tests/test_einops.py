"""einops on our arrays."""

import numpy
import pytest

from microlazy import autograd, nd, np

einops = pytest.importorskip("einops")
X = numpy.arange(24.0).reshape(2, 3, 4).astype("float32")


@pytest.fixture(autouse=True)
def backend():
    import microlazy.einops  # noqa: F401


@pytest.mark.parametrize("face", [np, nd])
def test_the_functions_of_einops(face):
    x = face.array(X)
    for function in (
        lambda x: einops.rearrange(x, "b h w -> b (h w)"),
        lambda x: einops.rearrange(x, "b h (w two) -> two w (b h)", two=2),
        lambda x: einops.reduce(x, "b h (w 2) -> b w", "max"),
        lambda x: einops.reduce(x, "b h w -> h", "mean"),
        lambda x: einops.repeat(x, "b h w -> b (h k) w n", k=2, n=3),
        lambda x: einops.rearrange([x, x], "n b h w -> b n h w"),
        lambda x: einops.einsum(x, x, "b h w, b k w -> b h k"),
        lambda x: einops.pack([x, x], "b h *")[0],
    ):
        y, expected = function(x), function(X)
        assert type(y) is type(x) and y.shape == expected.shape
        numpy.testing.assert_allclose(y.asnumpy(), expected, rtol=1e-6)
    assert einops.parse_shape(x, "b h w") == {"b": 2, "h": 3, "w": 4}


def test_the_gradient_goes_through():
    x = np.array(X)
    x.attach_grad()
    with autograd.record():
        y = einops.reduce(
            einops.rearrange(x, "b h w -> w h b") * np.array([1, 10]), "w h b -> h", "sum"
        )
    y.backward()
    assert (x.grad[0] == 1).all() and (x.grad[1] == 10).all()


def test_by_the_array_api_standard():
    import einops.array_api

    y = einops.array_api.rearrange(np.array(X), "b h w -> (b w) h")
    assert type(y) is np.ndarray and y.shape == (8, 3)
