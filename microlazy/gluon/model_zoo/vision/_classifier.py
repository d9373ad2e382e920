"""What all networks of the zoo share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....context import Context
from ....initializer import ArgumentError
from ... import nn
from ...block import HybridBlock
from ..model_store import Path, get_model_file

Contexts = Context | list[Context] | None


class Classifier(HybridBlock):
    """Layers that find features, `features`, and the layers that tell classes by them, `output`."""

    features: nn.HybridSequential
    output: HybridBlock

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return self.output(self.features(x))


def stack(*layers: HybridBlock, prefix: str = "") -> nn.HybridSequential:
    """Layers one after the other, which leave names as they are."""
    made = nn.HybridSequential(prefix=prefix)
    made.add(*layers)
    return made


def branches(*layers: HybridBlock, prefix: str = "") -> nn.HybridConcatenate:
    """Layers side by side; their channels are joined."""
    made = nn.HybridConcatenate(axis=1, prefix=prefix)
    made.add(*layers)
    return made


def relu() -> nn.Activation:
    return nn.Activation("relu")


def row_of(family: str, table: dict[Any, Any], key: Any) -> Any:
    """What a family's table says of one of its networks."""
    if key not in table:
        raise ArgumentError(
            f"{family}: there is no {key!r}; there are {', '.join(map(repr, table))}"
        )
    return table[key]


def with_weights(net: Any, name: str, pretrained: bool, ctx: Contexts, root: Path | None) -> Any:
    """The network, with trained weights where they are asked for."""
    if pretrained:
        net.load_parameters(get_model_file(name, root), ctx)
    return net


def variant(make: Callable[..., Any], name: str, *given: Any, **options: Any) -> Any:
    """A function that makes one network of a family: `make` with some arguments given."""

    def made(**kwargs: Any) -> Any:
        return make(*given, **(options | kwargs))

    arguments = [*map(repr, given), *(f"{key}={value!r}" for key, value in options.items())]
    made.__name__ = made.__qualname__ = name
    made.__module__ = make.__module__
    made.__doc__ = f"""Make the network `{make.__name__}({", ".join(arguments)}, ...)`.

    Parameters
    ----------
    **kwargs
        Further arguments of `{make.__name__}`, such as `classes` and `pretrained`.

    Returns
    -------
    HybridBlock
        The network.
    """
    return made
