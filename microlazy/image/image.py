"""Where MXNet's programs look for `mx.image`'s functions and augmenters: names of it."""

from __future__ import annotations

from typing import Any

from .functions import method as _interpolation


def _get_interp_method(interp: int, sizes: tuple[int, ...] = ()) -> int:
    """The interpolation that 9 (by the sizes: old height and width, new ones) and 10 stand for."""
    if interp not in (0, 1, 2, 3, 4, 9, 10):
        raise ValueError(f"Unknown interp method {interp}; known are 0 to 4, 9 and 10")
    if not sizes:
        sizes = (0, 0, 1, 1)  # as if the image were made larger
    old_h, old_w, new_h, new_w = sizes
    return _interpolation(interp, (old_h, old_w), new_w, new_h)


def __getattr__(name: str) -> Any:
    import microlazy.image

    return getattr(microlazy.image, name)
