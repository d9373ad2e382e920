"""Block: a layer or a network, as a tree of parameters and child blocks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Never, Self

from ...context import Context
from ...initializer import Initializer
from ..parameter import Parameter, ParameterDict
from .dry_run import dry_run, shapes_of
from .naming import NameScope
from .running import Running
from .saving import Saving
from .tree import Tree, children_of, own_parameters

if TYPE_CHECKING:
    from .explain import Explanation


class Block(Running, Saving):
    """The base class of layers and networks.

    A subclass makes its parameters and child blocks in `__init__`, as plain attributes, and
    computes in `forward`.  Children made within ``with self.name_scope():`` are named after
    their parent.

    Parameters
    ----------
    prefix : str or None
        The beginning of the names of all parameters below.  By default it is chosen: the class
        name in lower case and a number.  ``''`` leaves the names of children as they are.
    params : ParameterDict or None
        Parameters to share: those of another block, whose names are then used.

    Raises
    ------
    TypeError
        When an attribute that holds a block or parameter is set to another type.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> class Twice(gluon.Block):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         with self.name_scope():
    ...             self.layer = gluon.nn.Dense(3)
    ...     def forward(self, x):
    ...         return 2 * self.layer(x)
    >>> net = Twice(prefix="twice_")
    >>> net.initialize()
    >>> net(nd.ones((5, 4))).shape
    (5, 3)
    >>> list(net.collect_params())
    ['twice_dense0_weight', 'twice_dense0_bias']
    """

    def __init__(
        self, prefix: str | None = None, params: ParameterDict | None = None, **unknown: Never
    ) -> None:
        super().__init__(prefix, params, **unknown)

    def name_scope(self) -> NameScope:
        """A context manager in which new blocks and parameters are named after this block.

        Returns
        -------
        NameScope
            To be used in a ``with`` statement.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> net = nn.Sequential(prefix="net_")
        >>> with net.name_scope():
        ...     net.add(nn.Dense(3))
        >>> net[0].name
        'net_dense0'
        """
        return self._scope

    def collect_params(self, select: str | None = None) -> ParameterDict:
        """The parameters of this block and of all blocks below.

        Parameters
        ----------
        select : str or None
            A regular expression; only parameters whose name it matches from the start on.

        Returns
        -------
        ParameterDict
            Names to parameters: a block's own first, then those of its children in order.

        Warns
        -----
        UserWarning
            If a list, tuple or dict attribute holds blocks that are not registered.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> list(nn.Dense(3, prefix="out_").collect_params(".*bias"))
        ['out_bias']
        """
        _warn_of_hidden_blocks(self)
        found = ParameterDict(self._params.prefix)
        pattern = re.compile(select or "")
        found.update({name: p for name, p in self._params.items() if pattern.match(name)})
        for child in self._children.values():
            found.update(child.collect_params(select))
        return found

    def share_parameters(self, shared: Mapping[str, Parameter] | ParameterDict | Tree) -> Self:
        """Use parameters of another block in the place of those at the same paths here.

        Parameters
        ----------
        shared : dict of str to Parameter, ParameterDict or Block
            Parameters by path, such as ``{"0.weight": parameter}``; what `collect_params()` of a
            block returns; or the block. Sizes that one side does not know are taken from the
            other.

        Returns
        -------
        Block
            This block.

        Raises
        ------
        ParameterShapeError
            If two shapes do not agree; nothing is shared then.

        Warns
        -----
        UserWarning
            If there is nothing here at a path that is given.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> first, second = nn.Dense(3), nn.Dense(3, in_units=4)
        >>> _ = second.share_parameters(first.collect_params())
        >>> second.weight is first.weight
        True
        >>> first.weight.shape
        (3, 4)
        """
        from .sharing import share_parameters  # seldom needed

        share_parameters(self, shared)
        return self

    def apply(self, fn: Callable[[Self], Any]) -> Self:
        """Call ``fn(block)`` for every block below, children first, and for this block last.

        Parameters
        ----------
        fn : callable
            What to call.

        Returns
        -------
        Block
            This block.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> _ = nn.Dense(3, activation="relu").apply(lambda block: print(type(block).__name__))
        Activation
        Dense
        """
        for child in self._children.values():
            child.apply(fn)
        fn(self)
        return self

    def initialize(
        self,
        init: Initializer | str | None = None,
        ctx: Context | list[Context] | None = None,
        verbose: bool = False,
        force_reinit: bool = False,
    ) -> None:
        """Initialize all parameters below; those of unknown size follow once it is found.

        Parameters
        ----------
        init : Initializer or str or None
            For the parameters that have no initializer of their own; by default
            ``Uniform(0.07)``.
        ctx : Context or list of Context or None
            Where the parameters live.
        verbose : bool
            Print what each initializer did.
        force_reinit : bool
            Initialize live parameters again.

        Warns
        -----
        UserWarning
            For each live parameter that is left as it is.

        Examples
        --------
        >>> from microlazy import init
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(1, in_units=2)
        >>> layer.initialize(init.One())
        >>> print(layer.weight.data().asnumpy())
        [[1. 1.]]
        """
        self.collect_params().initialize(init, ctx, verbose, force_reinit)

    def cast(self, dtype: Any) -> None:
        """Change the dtype of all parameters below, their values included.

        Parameters
        ----------
        dtype : str or numpy.dtype
            The new dtype.

        Raises
        ------
        TypeError
            If there is no such dtype.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3, in_units=2)
        >>> layer.cast("float64")
        >>> layer.weight
        Parameter dense0_weight (shape=(3, 2), dtype=float64)
        """
        for child in self._children.values():
            child.cast(dtype)
        for parameter in own_parameters(self):
            parameter.cast(dtype)
        self._changed()

    def dry_run(self, *inputs: Any, dtype: Any = "float32") -> Any:
        """Find every size and initialize every parameter from shapes alone, computing nothing.

        Parameters
        ----------
        *inputs : tuple of int, Tensor or None
            The shape of each input, or an array that has it.  A list or tuple of these is a
            nested input.
        dtype : str or numpy.dtype
            The dtype of inputs that are given as shapes.

        Returns
        -------
        tuple of int, or nested list or tuple
            The shape of the output, or of each output.

        Raises
        ------
        ShapeError
            If a size does not fit; no parameter is changed then.
        AbstractValueError
            If forward code looks at values, with the name of its block.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
        >>> net.initialize()
        >>> net.dry_run((2, 20))
        (2, 10)
        >>> net[0].weight.data().shape
        (256, 20)
        """
        return shapes_of(dry_run(self, inputs, dtype))

    def explain(self) -> Explanation:
        """Tell what is known of every parameter below.

        Returns
        -------
        Explanation
            Prints as a table: path, layer, shape with its unknown axes, why it is known or not,
            the initializer and the state.  Its `rows` hold the same.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> row = nn.Dense(3).explain().rows[0]
        >>> row.path, row.shape, row.state
        ('weight', '(3, ?)', 'declared')
        """
        from .explain import Explanation  # seldom needed

        return Explanation(self)

    def _repr_html_(self) -> str:
        from .explain import layers_as_html  # seldom needed

        return layers_as_html(self)

    def summary(self, *inputs: Any) -> None:
        """Print each layer's output shape and number of parameters, from a dry run.

        Parameters
        ----------
        *inputs : tuple of int, Tensor or None
            As in `dry_run`.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> layer = nn.Dense(3)
        >>> layer.initialize()
        >>> layer.summary((2, 4))  # doctest: +ELLIPSIS
        ----...
                Layer (type)                                Output Shape         Param #
        ====...
                       Input                                      (2, 4)               0
                     Dense-1                                      (2, 3)              15
        ====...
        """
        from .summary import summarize  # seldom needed

        print(summarize(self, inputs))


def _warn_of_hidden_blocks(block: Tree) -> None:
    """Warn of blocks that sit in a container where registration does not see them."""
    registered = set(children_of(block).values())
    for name, value in vars(block).items():
        if (
            isinstance(value, list | tuple | dict)
            and name != "_children"
            and _hides_blocks(value, registered, set())
        ):
            warnings.warn(
                f'"{type(block).__name__}.{name}" is an unregistered container with Blocks. '
                "Their parameters are not collected, initialized or saved: put them into "
                "nn.Sequential or nn.HybridSequential, or call register_child().",
                stacklevel=3,
            )


def _hides_blocks(value: Any, registered: set[Tree], seen: set[int]) -> bool:
    """Whether nested containers hold a block that is not registered; they may hold themselves."""
    if isinstance(value, Tree):
        return value not in registered
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return False
    return any(_hides_blocks(part, registered, seen) for part in value)
