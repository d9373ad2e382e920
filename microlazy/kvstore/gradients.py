"""Sums of gradients over all workers, bucket by bucket while the backward pass still runs.

A bucket is one contiguous buffer for the gradients of several parameters. Buckets are filled in
the order in which gradients became final in the second backward pass of worker 0, and every step
sends them in that order, the same in all workers. (The first step, before which nobody had asked,
sends them from the last to the first.) The last bucket is sent by the step itself: it also says
whether a gradient was written again after its bucket had gone. If so in any worker, all workers
send all buckets once more, and from then on send none before the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakSet

import numpy

from ..base import MXNetError
from ..core.optimizers import convert, versions
from ..core.tape import watch_gradients
from ..core.tensor import Tensor
from ..ndarray import from_numpy
from .workers import Pending, Workers

BUCKET_BYTES = 4 << 20  # when a bucket is full; a larger gradient has one of its own

# What stands behind the gradients of a bucket: whether a gradient changed after it was sent; a
# number of the bucket; and for each gradient whether it was fresh. All are summed over the workers.
_CHANGED, _NUMBER, _FRESH = 0, 1, 2
_NUMBERS = 1024  # which float16 holds

_TO_FIND_ORDER = 2  # steps


class Bucket:
    """A buffer for some gradients, with a few numbers behind them.

    Parameters
    ----------
    places : list of int
        Which gradients.
    grads : list of Tensor
        All gradients.
    number : int
        By which workers see that they add up the same bucket.
    """

    def __init__(self, places: list[int], grads: list[Tensor], number: int) -> None:
        self.places, self._number = places, number % _NUMBERS
        sizes = [grads[place].size for place in places]
        double = any(grads[place].dtype == numpy.float64 for place in places)
        self.values = numpy.zeros(
            sum(sizes) + _FRESH + len(places), "float64" if double else "float32"
        )
        self._tail = self.values[sum(sizes) :]
        ends = numpy.cumsum(sizes)
        self._parts = [
            from_numpy(self.values[end - size : end].reshape(grads[place].shape))
            for place, size, end in zip(places, sizes, ends.tolist(), strict=True)
        ]
        self.ready: set[int] = set()  # of which the gradient is final
        self.pending: Pending | None = None
        self._versions: list[int] = []  # of the gradients when they were sent

    def send(
        self, workers: Workers, half: bool, grads: list[Tensor], stale: set[int], changed: bool
    ) -> None:
        """Begin with the sum; a stale gradient counts as zeros."""
        fresh = [place not in stale for place in self.places]
        mine = [grads[place] for place in self.places]
        convert(
            [part for part, new in zip(self._parts, fresh, strict=True) if new],
            [grad for grad, new in zip(mine, fresh, strict=True) if new],
        )
        for part, new in zip(self._parts, fresh, strict=True):
            if not new:
                part[...] = 0
        self._tail[_CHANGED], self._tail[_NUMBER] = changed, self._number
        self._tail[_FRESH:] = fresh
        self._versions = versions(mine)
        start = workers.start_half_sum if half else workers.start_sum
        self.pending = start(self.values, "a sum of gradients")

    def was_changed(self, grads: list[Tensor]) -> bool:
        """Whether a gradient was written to after it was sent."""
        return self._versions != versions([grads[place] for place in self.places])

    def wait(self, workers: Workers) -> bool:
        """Wait for the sum; whether any worker said that a gradient had changed.

        Raises
        ------
        MXNetError
            If the workers added up different buckets.
        """
        if self.pending is not None:
            workers.wait(self.pending)
            self.pending = None
        if self._tail[_NUMBER] != self._number * workers.size:
            raise MXNetError(
                f"{workers}: the workers added up gradients of different trainers or parameters. "
                "Do all of them run the same program?"
            )
        return bool(self._tail[_CHANGED] > 0)

    def give(self, grads: list[Tensor]) -> list[int]:
        """Write the sums over the gradients; the places that were fresh in no worker."""
        convert([grads[place] for place in self.places], self._parts)
        return [
            place
            for place, fresh in zip(self.places, self._tail[_FRESH:] > 0, strict=True)
            if not fresh
        ]


class GradientSum:
    """Sums the gradients of one trainer over all workers.

    Parameters
    ----------
    workers : Workers
        More than one.
    half : bool
        Whether gradients travel as float16.
    """

    _made = 0

    def __init__(self, workers: Workers, half: bool) -> None:
        self._workers, self._half = workers, half
        self._serial = GradientSum._made
        GradientSum._made += 1
        self._grads: list[Tensor] = []
        self._places: dict[int, int] = {}  # by a gradient's id
        self._buckets: list[Bucket] = []
        self._bucket_of: list[Bucket] = []  # by place
        self._seen: list[int] = []  # places in the order in which they became final
        self._runs = 0  # since the layout was found
        self._sent = 0  # buckets that were sent since the last step
        self._changed = False  # a gradient was written again after its bucket had gone
        self._ahead = True  # buckets may go before the step
        _sums.add(self)
        watch_gradients(_tell)

    def bind(self, grads: Sequence[Tensor], ahead: bool) -> None:
        """Sum these arrays from now on.

        Parameters
        ----------
        grads : list of Tensor
            The same shapes in the same order in every worker.
        ahead : bool
            Whether a gradient is final when one backward pass has written it.
        """
        grads = list(grads)
        if len(grads) == len(self._grads) and all(map(_same, grads, self._grads)):
            return
        kept = [(x.shape, x.dtype) for x in grads] == [(x.shape, x.dtype) for x in self._grads]
        self._grads = grads
        self._places = {id(grad): place for place, grad in enumerate(grads)}
        self._ahead = self._ahead and ahead
        if kept:
            self._changed = self._changed or self._sent > 0
        else:
            for bucket in self._buckets[: self._sent]:  # their memory is in use until then
                bucket.wait(self._workers)
            self._buckets, self._seen, self._sent, self._runs = [], [], 0, 0

    def final(self, grad: Tensor) -> None:
        """Take note that a backward pass has written a gradient for the last time."""
        place = self._places.get(id(grad))
        if place is None:
            return
        if self._runs < _TO_FIND_ORDER:
            self._seen.append(place)
        elif self._ahead:
            bucket = self._bucket_of[place]
            if place in bucket.ready and bucket in self._buckets[: self._sent]:
                self._changed = True  # by a second pass before the step
            bucket.ready.add(place)
            self._send_ready()

    def _send_ready(self) -> None:
        """Send the buckets that are complete, in their order, but for the last."""
        while self._sent < len(self._buckets) - 1:
            bucket = self._buckets[self._sent]
            if len(bucket.ready) < len(bucket.places):
                break
            bucket.send(self._workers, self._half, self._grads, set(), False)
            self._sent += 1
        for bucket in self._buckets[: self._sent]:
            if bucket.pending is not None:
                bucket.pending.done()  # MPI works when it is called

    def run(self, stale: Sequence[int]) -> list[int]:
        """Replace each gradient by its sum over all workers.

        Parameters
        ----------
        stale : list of int
            Places of gradients that count as zeros here.

        Returns
        -------
        list of int
            Places that were stale in every worker.

        Raises
        ------
        MXNetError
            If another worker is missing, or adds up something else.
        """
        if not self._grads:
            return []
        if self._runs < _TO_FIND_ORDER:
            self._make_buckets()
            self._runs += 1
        sent = self._buckets[: self._sent]
        changed = self._changed or any(bucket.was_changed(self._grads) for bucket in sent)
        if self._send_and_wait(self._buckets[self._sent :], set(stale), changed):
            self._ahead = False
            self._send_and_wait(self._buckets, set(stale), False)
        self._sent, self._changed = 0, False
        for bucket in self._buckets:
            bucket.ready.clear()
        return sorted(place for bucket in self._buckets for place in bucket.give(self._grads))

    def _send_and_wait(self, unsent: list[Bucket], stale: set[int], changed: bool) -> bool:
        for bucket in unsent:
            bucket.send(self._workers, self._half, self._grads, stale, changed)
        return any([bucket.wait(self._workers) for bucket in self._buckets])

    def _make_buckets(self) -> None:
        places = range(len(self._grads))
        seen = dict.fromkeys(self._seen[::-1])  # of several passes the last counts
        order = numpy.array(
            [*list(seen)[::-1], *(p for p in reversed(places) if p not in seen)], "int64"
        )
        self._workers.broadcast(order, "the order of gradients")
        filling: dict[bool, list[int]] = {}
        groups = []
        for place in order.tolist():
            double = self._grads[place].dtype == numpy.float64
            group = filling.setdefault(double, [])
            if not group:
                groups.append(group)
            group.append(place)
            if sum(self._grads[i].size for i in group) * (8 if double else 4) >= BUCKET_BYTES:
                filling[double] = []
        position = {place: i for i, place in enumerate(order.tolist())}
        groups.sort(key=lambda group: max(position[place] for place in group))
        self._buckets = [
            Bucket(group, self._grads, self._serial * 100 + number)
            for number, group in enumerate(groups)
        ]
        found = {place: bucket for bucket in self._buckets for place in bucket.places}
        self._bucket_of = [found[place] for place in places]


def _same(a: Tensor, b: Tensor) -> bool:
    return a is b


_sums: WeakSet[GradientSum] = WeakSet()


def _tell(grad: Tensor) -> None:
    for each in _sums:
        each.final(grad)
