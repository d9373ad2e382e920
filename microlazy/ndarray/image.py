"""`mx.nd.image`: images of shape (height, width, channels), or batches of them."""

from typing import Any

from microlazy.ops.images import *  # noqa: F403
from microlazy.ops.images import __all__ as __all__


def __getattr__(name: str) -> Any:
    from microlazy.outside import explain

    raise AttributeError(explain("microlazy.nd.image", name))
