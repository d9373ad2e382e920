"""Batches of examples: `torch.utils.data`, on the loader of Gluon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy

from ....gluon.data import DataLoader as GluonLoader
from ....gluon.data import Dataset as GluonDataset
from .._creation import from_numpy, tensor
from .._shapes import stack
from .._tensor import Tensor

__all__ = [
    "DataLoader",
    "Dataset",
    "TensorDataset",
    "default_collate",
]


class Dataset(GluonDataset):
    """Examples by number: a subclass defines `__getitem__` and `__len__`.

    Examples
    --------
    >>> from microlazy.dialects.torch.utils.data import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, place):
    ...         return place**2
    >>> Squares()[2]
    4
    """


class TensorDataset(Dataset):
    """The slices of tensors along their first axis.

    Parameters
    ----------
    *tensors : Tensor
        Of one size along the first axis.

    Raises
    ------
    AssertionError
        If the sizes differ.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.utils.data import TensorDataset
    >>> TensorDataset(torch.zeros(2, 3), torch.arange(2))[1]
    (tensor([0., 0., 0.]), tensor(1))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if any(len(each) != len(tensors[0]) for each in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, place: Any) -> tuple[Tensor, ...]:
        return tuple(each[place] for each in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


def default_collate(examples: Sequence[Any]) -> Any:
    """Examples as a batch: numbers and tensors stacked, parts of examples each by themselves.

    Examples
    --------
    >>> from microlazy.dialects.torch.utils.data import default_collate
    >>> default_collate([(1, 0.5), (2, 1.5)])
    [tensor([1, 2]), tensor([0.5000, 1.5000])]
    """
    first = examples[0]
    if isinstance(first, Tensor):
        return stack(list(examples))
    if isinstance(first, tuple | list):
        return [default_collate(part) for part in zip(*examples, strict=True)]
    if isinstance(first, dict):
        return {key: default_collate([each[key] for each in examples]) for key in first}
    if isinstance(first, str):
        return list(examples)
    if isinstance(first, numpy.ndarray | numpy.generic):
        return from_numpy(numpy.stack(examples))
    return tensor(list(examples))


class DataLoader:
    """Goes through a data set in batches, with Gluon's loader.

    Parameters
    ----------
    dataset : Dataset
        Has `__getitem__` and `__len__`.
    batch_size : int
        Examples in a batch.
    shuffle : bool
        Whether the order is another each time.
    sampler, batch_sampler : iterable, optional
        Places of examples, or lists of them, in place of the other arguments.
    num_workers : int
        0: examples are made in this process. Gluon's `DataLoader` has workers.
    collate_fn : callable, optional
        Makes a batch of a list of examples; `default_collate` if left out.
    drop_last : bool
        Whether a last batch that is smaller is left out.

    Raises
    ------
    ValueError
        If workers are asked for.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.utils.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(torch.zeros(5, 2), torch.arange(5)), batch_size=2)
    >>> [y.tolist() for X, y in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
    ) -> None:
        if num_workers:
            raise ValueError(
                f"DataLoader: num_workers={num_workers} is not part of this dialect; "
                "gluon.data.DataLoader has workers"
            )
        self.dataset, self.batch_size = dataset, batch_size
        options: dict[str, Any] = {"batch_sampler": batch_sampler}
        if batch_sampler is None:
            options = {
                "batch_size": batch_size,
                "shuffle": shuffle,
                "sampler": sampler,
                "last_batch": "discard" if drop_last else "keep",
            }
        self._loader = GluonLoader(dataset, batchify_fn=collate_fn or default_collate, **options)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)

    def __len__(self) -> int:
        return len(self._loader)
