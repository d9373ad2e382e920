"""Tokens counted."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["count_tokens_from_str"]


def count_tokens_from_str(
    source_str: str,
    token_delim: str = " ",
    seq_delim: str = "\n",
    to_lower: bool = False,
    counter_to_update: Counter[str] | None = None,
) -> Counter[str]:
    """Count the tokens of a text.

    Parameters
    ----------
    source_str : str
    token_delim, seq_delim : str
        Regular expressions for what stands between tokens and between sequences of them.
    to_lower : bool
        Count in small letters.
    counter_to_update : collections.Counter, optional
        Counts to add to; it is changed and returned.

    Examples
    --------
    >>> from microlazy.contrib import text
    >>> sorted(text.utils.count_tokens_from_str("a b  b\\nB", to_lower=True).items())
    [('a', 1), ('b', 3)]
    """
    if to_lower:
        source_str = source_str.lower()
    counter = Counter() if counter_to_update is None else counter_to_update
    counter.update(filter(None, re.split(f"{token_delim}|{seq_delim}", source_str)))
    return counter
