"""Sentences as numbers, and batches of sentences of about the same length."""

from __future__ import annotations

import bisect
import logging
import random
from collections.abc import Sequence
from typing import Any

import numpy

from microlazy import ndarray as nd
from microlazy.data_iter import DataBatch, DataDesc, DataIter

__all__ = ["BucketSentenceIter", "encode_sentences"]


def encode_sentences(
    sentences: Sequence[Sequence[str]],
    vocab: dict[str, int] | None = None,
    invalid_label: int = -1,
    invalid_key: str = "\n",
    start_label: int = 0,
    unknown_token: str | None = None,
) -> tuple[list[list[int]], dict[str, int]]:
    """Sentences with a number for each word.

    Parameters
    ----------
    sentences : list of list of str
    vocab : dict of str to int, optional
        The numbers of words; by default they are given as words appear.
    invalid_label, invalid_key
        The number that fills short sentences, and the word that it stands for.
    start_label : int
        The first number.
    unknown_token : str, optional
        What is put in the place of words that the vocabulary has not.

    Returns
    -------
    list of list of int, dict of str to int
        The sentences, and the numbers of all words.

    Raises
    ------
    AssertionError
        If a word is not in the given vocabulary, and there is no `unknown_token`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.rnn.encode_sentences([["a", "b"], ["b"]], start_label=1)
    ([[1, 2], [2]], {'\\n': -1, 'a': 1, 'b': 2})
    """
    is_open = vocab is None
    numbers = {invalid_key: invalid_label} if vocab is None else vocab
    following = start_label
    found = []
    for sentence in sentences:
        coded = []
        for word in sentence:
            if word not in numbers:
                if not is_open and not unknown_token:
                    raise AssertionError(f"Unknown token {word}")
                following += following == invalid_label
                word = unknown_token or word
                numbers[word] = following
                following += 1
            coded.append(numbers[word])
        found.append(coded)
    return found, numbers


class BucketSentenceIter(DataIter):
    """Batches of sentences from one bucket each; the label of a word is the next word.

    Parameters
    ----------
    sentences : list of list of int
        As `encode_sentences` gives them.
    batch_size : int
    buckets : list of int, optional
        Lengths; a sentence goes into the first that it fits into. By default those that
        `batch_size` sentences have. Longer sentences are left out.
    invalid_label : int
        What fills short sentences.
    data_name, label_name : str
    dtype : str
    layout : {"NT", "TN"}
        The order of the axes.

    Raises
    ------
    ValueError
        If there is no bucket, or the layout is another.

    Notes
    -----
    Batches, and sentences within a bucket, come in an order that Python's and NumPy's random
    numbers decide, as in MXNet.

    Examples
    --------
    >>> import microlazy as mx
    >>> data = mx.rnn.BucketSentenceIter([[1, 2, 3], [4, 5]], 1, buckets=[2, 4])
    >>> sorted((batch.bucket_key, batch.data[0].asnumpy().tolist()) for batch in data)
    [(2, [[4.0, 5.0]]), (4, [[1.0, 2.0, 3.0, -1.0]])]
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[int]],
        batch_size: int,
        buckets: Sequence[int] | None = None,
        invalid_label: int = -1,
        data_name: str = "data",
        label_name: str = "softmax_label",
        dtype: str = "float32",
        layout: str = "NT",
    ) -> None:
        super().__init__(batch_size)
        if layout not in ("NT", "TN"):
            raise ValueError(f"layout must be 'NT' (batch first) or 'TN', not {layout!r}")
        if not buckets:
            counts = numpy.bincount([len(sentence) for sentence in sentences])
            buckets = [length for length, count in enumerate(counts) if count >= batch_size]
        filled: dict[int, list[Any]] = {length: [] for length in sorted(buckets)}
        lengths = list(filled)
        left_out = 0
        for sentence in sentences:
            place = bisect.bisect_left(lengths, len(sentence))
            if place == len(lengths):
                left_out += 1
                continue
            row = numpy.full(lengths[place], invalid_label, dtype)
            row[: len(sentence)] = sentence
            filled[lengths[place]].append(row)
        if left_out:
            logging.warning("discarded %d sentences longer than the largest bucket", left_out)
        self.buckets = [length for length, rows in filled.items() if rows]
        if not self.buckets:
            raise ValueError("there is no bucket with a sentence in it")
        self.data = [numpy.asarray(filled[length]) for length in self.buckets]
        self.data_name, self.label_name = data_name, label_name
        self.invalid_label, self.dtype, self.layout = invalid_label, dtype, layout
        self.default_bucket_key = max(self.buckets)
        shape = (batch_size, self.default_bucket_key)
        self.provide_data = [self._described(data_name, shape)]
        self.provide_label = [self._described(label_name, shape)]
        self.idx = [
            (bucket, start)
            for bucket, rows in enumerate(self.data)
            for start in range(0, len(rows) - batch_size + 1, batch_size)
        ]
        self.reset()

    def _described(self, name: str, shape: tuple[int, ...]) -> DataDesc:
        return DataDesc(name, shape if self.layout == "NT" else shape[::-1], layout=self.layout)

    def reset(self) -> None:
        """Begin anew, with batches and sentences in another order.

        Examples
        --------
        >>> import microlazy as mx
        >>> data = mx.rnn.BucketSentenceIter([[1, 2], [3, 4]], 2)
        >>> batch = next(data)
        >>> data.reset()
        >>> len(list(data))
        1
        """
        self.curr_idx = 0
        random.shuffle(self.idx)
        for rows in self.data:
            numpy.random.shuffle(rows)

    def next(self) -> DataBatch:
        """The next batch.

        Raises
        ------
        StopIteration
            If there is none.

        Examples
        --------
        >>> import microlazy as mx
        >>> batch = mx.rnn.BucketSentenceIter([[1, 2], [1, 2]], 2).next()
        >>> batch.label[0].asnumpy().tolist()
        [[2.0, -1.0], [2.0, -1.0]]
        """
        if self.curr_idx == len(self.idx):
            raise StopIteration
        bucket, start = self.idx[self.curr_idx]
        self.curr_idx += 1
        data = self.data[bucket][start : start + self.batch_size]
        label = numpy.full_like(data, self.invalid_label)
        label[:, :-1] = data[:, 1:]
        parts = [(self.data_name, data), (self.label_name, label)]
        shapes = [[self._described(name, x.shape)] for name, x in parts]
        arrays = [nd.array(x if self.layout == "NT" else x.T, dtype=self.dtype) for _, x in parts]
        return DataBatch(
            [arrays[0]],
            [arrays[1]],
            pad=0,
            bucket_key=self.buckets[bucket],
            provide_data=shapes[0],
            provide_label=shapes[1],
        )
