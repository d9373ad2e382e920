"""Attributes of MXNet's Parameter that begin with an underscore, and that programs read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...context import Context
from ...core.tensor import Tensor


class _Copies(list[Tensor]):
    """The arrays of a parameter; one that is put into the list becomes the parameter's.

    Bayesian libraries put samples there, which were computed from other parameters.
    """

    def __init__(self, copies: list[Tensor], keep: Callable[[list[Tensor]], None]) -> None:
        super().__init__(copies)
        self._keep = keep

    def __setitem__(self, place: Any, array: Any) -> None:
        super().__setitem__(place, array)
        self._keep(list(self))


class MXNetAttributes:
    """What `Parameter` calls otherwise, under the names that it has in MXNet.

    A program asks by ``_data is not None`` whether a parameter has values, and a class of its own
    that stands in for another parameter takes over its ``_data``.
    """

    _copies: list[Tensor]
    _contexts: list[Context]
    _grad_req: str
    _keep: Callable[[list[Tensor]], None]
    _look_up: Callable[[Any], Tensor]
    _not_live: Callable[[], Exception]
    list_grad: Callable[[], list[Tensor]]
    _trainer: Any = None
    _stype = _grad_stype = "default"

    @property
    def _data(self) -> list[Tensor] | None:
        return _Copies(self._copies, self._keep) if self._copies else None

    @_data.setter
    def _data(self, copies: list[Tensor] | None) -> None:
        self._keep(list(copies or []))

    @property
    def _grad(self) -> list[Tensor] | None:
        return self.list_grad() if self._copies and self._grad_req != "null" else None

    @_grad.setter
    def _grad(self, gradients: list[Tensor] | None) -> None:
        """Nothing is left to do: gradients come with the arrays that they belong to."""

    @property
    def _ctx_list(self) -> list[Context]:
        return self._contexts

    @_ctx_list.setter
    def _ctx_list(self, contexts: list[Context] | None) -> None:
        self._contexts = list(contexts or [])

    @property
    def _ctx_map(self) -> list[list[int | None]]:
        """Which of `_data` is on a device: of GPUs and of the CPU, by the device's number."""
        places: list[list[int | None]] = [[], []]
        for place, copy in enumerate(self._copies):
            found = places[copy.ctx.device_typeid & 1]
            found += [None] * (copy.ctx.device_id + 1 - len(found))
            found[copy.ctx.device_id] = place
        return places

    @_ctx_map.setter
    def _ctx_map(self, places: Any) -> None:
        """Nothing is left to do: the arrays say where they are."""

    def _check_and_get(self, arrays: list[Tensor] | None, ctx: Any) -> Any:
        """Return one of `_data` or `_grad`, or all of them if `ctx` is the type ``list``."""
        if arrays is None:
            raise self._not_live()
        if ctx is list:
            return arrays
        place = self._look_up(ctx)
        return next(array for array in arrays if array.ctx == place.ctx)
