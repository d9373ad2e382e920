"""SymbolBlock, which is refused."""

from __future__ import annotations

from typing import Any

from .hybrid import HybridBlock


class SymbolBlock(HybridBlock):
    """Refuse: microlazy has no symbols.

    Parameters
    ----------
    *args, **kwargs
        As in MXNet.

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> from microlazy import gluon
    >>> try:
    ...     gluon.SymbolBlock([], [])
    ... except NotImplementedError:
    ...     print("refused")
    refused
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "microlazy has no symbols, so no SymbolBlock: write the network as a HybridBlock and "
            "load its values with load_parameters()"
        )

    @staticmethod
    def imports(*args: Any, **kwargs: Any) -> SymbolBlock:
        """Refuse, as the constructor does.

        Parameters
        ----------
        *args, **kwargs
            As in MXNet.

        Raises
        ------
        NotImplementedError
            Always.

        Examples
        --------
        >>> from microlazy import gluon
        >>> try:
        ...     gluon.SymbolBlock.imports("net-symbol.json", ["data"])
        ... except NotImplementedError:
        ...     print("refused")
        refused
        """
        return SymbolBlock()
