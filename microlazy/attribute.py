"""`mx.AttrScope`: attributes for the symbols made in a `with`."""

import threading
from types import TracebackType
from typing import Self

__all__ = ["AttrScope"]


class AttrScope:
    """Attributes, texts by name, that hold in a `with` together with those around it.

    Parameters
    ----------
    **kwargs : str
        Such as ``ctx_group="stage1"``.

    Raises
    ------
    ValueError
        If a value is not a text.

    Notes
    -----
    Arrays have no attributes, so the scope changes nothing there.

    Examples
    --------
    >>> from microlazy import AttrScope
    >>> with AttrScope(group="1"), AttrScope(lr_mult="2") as scope:
    ...     scope.get({"lr_mult": "3"})
    {'group': '1', 'lr_mult': '3'}
    """

    _local = threading.local()

    def __init__(self, **kwargs: str) -> None:
        for name, value in kwargs.items():
            if not isinstance(value, str):
                raise ValueError(f"Attributes need to be string: {name}={value!r} is none")
        self._own = kwargs
        self._before: list[dict[str, str]] = []

    def get(self, attr: dict[str, str] | None = None) -> dict[str, str]:
        """Return the attributes of the scopes around, this one's and the given, the last first."""
        around = self._before[-1] if self._before else {}
        return {**around, **self._own, **(attr or {})}

    @staticmethod
    def around() -> dict[str, str]:
        """Return the attributes of the scopes that this thread is in.

        Examples
        --------
        >>> from microlazy import AttrScope
        >>> with AttrScope(group="1"):
        ...     AttrScope.around()
        {'group': '1'}
        """
        return getattr(AttrScope._local, "value", {})

    def __enter__(self) -> Self:
        self._before.append(AttrScope.around())
        AttrScope._local.value = self.get()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        AttrScope._local.value = self._before.pop()
