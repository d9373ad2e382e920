"""Tokens and their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from microlazy.base import ArgumentError

__all__ = ["Vocabulary"]


class Vocabulary:
    """Numbers for tokens: the unknown one is 0, then come reserved ones, then the most frequent.

    Parameters
    ----------
    counter : collections.Counter, optional
        How often each token occurs; of two that are as frequent the lesser comes first.
    most_freq_count : int, optional
        How many of them to keep at most.
    min_freq : int
        How often a token must occur to be kept.
    unknown_token : hashable
        What stands for a token that is not there.
    reserved_tokens : list, optional
        Tokens that are there in any case, such as one for padding.

    Raises
    ------
    ArgumentError
        If `counter` is no Counter, `min_freq` is below 1, or reserved tokens repeat each other or
        the unknown one.

    Examples
    --------
    >>> from collections import Counter
    >>> from microlazy.contrib import text
    >>> vocabulary = text.vocab.Vocabulary(Counter("abcbcc"), min_freq=2, reserved_tokens=["<pad>"])
    >>> vocabulary.idx_to_token
    ['<unk>', '<pad>', 'c', 'b']
    >>> vocabulary.to_indices(["b", "a"]), vocabulary.to_tokens(2)
    ([3, 0], 'c')
    """

    def __init__(
        self,
        counter: Counter[Any] | None = None,
        most_freq_count: int | None = None,
        min_freq: int = 1,
        unknown_token: Hashable = "<unk>",
        reserved_tokens: Sequence[Any] | None = None,
    ) -> None:
        if min_freq < 1:
            raise ArgumentError(f"`min_freq` must be set to a positive value, not {min_freq}.")
        reserved = list(reserved_tokens or ())
        if unknown_token in reserved:
            raise ArgumentError(
                f"`reserved_token` cannot contain `unknown_token`, {unknown_token!r}."
            )
        if len(set(reserved)) != len(reserved):
            raise ArgumentError(
                f"`reserved_tokens` cannot contain duplicate reserved tokens; given {reserved}."
            )
        if counter is not None and not isinstance(counter, Counter):
            raise ArgumentError(
                "`counter` must be an instance of collections.Counter, "
                f"not {type(counter).__name__}."
            )
        self._unknown_token = unknown_token
        self._reserved_tokens = None if reserved_tokens is None else reserved
        self._idx_to_token: list[Any] = [unknown_token, *reserved]
        special = set(self._idx_to_token)
        by_frequency = sorted((counter or Counter()).items(), key=lambda item: item[0])
        by_frequency.sort(key=lambda item: item[1], reverse=True)
        kept = [
            token for token, count in by_frequency if count >= min_freq and token not in special
        ]
        self._idx_to_token += kept if most_freq_count is None else kept[:most_freq_count]
        self._token_to_idx = {token: i for i, token in enumerate(self._idx_to_token)}

    def __len__(self) -> int:
        return len(self._idx_to_token)

    @property
    def token_to_idx(self) -> dict[Any, int]:
        """The number of each token."""
        return self._token_to_idx

    @property
    def idx_to_token(self) -> list[Any]:
        """The tokens by their numbers."""
        return self._idx_to_token

    @property
    def unknown_token(self) -> Hashable:
        """What stands for a token that is not there."""
        return self._unknown_token

    @property
    def reserved_tokens(self) -> list[Any] | None:
        """The reserved tokens, None if none were given."""
        return self._reserved_tokens

    def to_indices(self, tokens: Any) -> int | list[int]:
        """The number of a token, or of each in a list; 0 for one that is not there."""
        if isinstance(tokens, list):
            return [self._token_to_idx.get(token, 0) for token in tokens]
        return self._token_to_idx.get(tokens, 0)

    def to_tokens(self, indices: int | list[int]) -> Any:
        """The token of a number, or of each in a list.

        Raises
        ------
        ValueError
            If there is no token of that number.
        """
        if isinstance(indices, list):
            return [self.to_tokens(i) for i in indices]
        if not 0 <= indices < len(self):
            raise ValueError(
                f"Token index {indices} in the provided `indices` is invalid; "
                f"there are {len(self)}."
            )
        return self._idx_to_token[indices]
