"""Things that may be given by name, and the error for a name that is not known."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any


def found(kind: str, given: Any, known: Mapping[str, Any]) -> Any:
    """What a name stands for.

    Examples
    --------
    >>> found("activation function", "rleu", {"relu": 1, "tanh": 2})
    Traceback (most recent call last):
    ...
    ValueError: Could not interpret activation function identifier: rleu; the nearest is 'relu'
    """
    if isinstance(given, str):
        name = given if given in known else given.lower()
        if name in known:
            return known[name]
        nearest = get_close_matches(name, known, 1)
        hint = f"the nearest is {nearest[0]!r}" if nearest else f"known are {', '.join(known)}"
        raise ValueError(f"Could not interpret {kind} identifier: {given}; {hint}")
    raise ValueError(f"Could not interpret {kind} identifier: {given!r}")
