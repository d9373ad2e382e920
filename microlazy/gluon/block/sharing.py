"""Blocks that use parameters of another block."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

from ..parameter import Parameter, ParameterDict
from ..parameter.shapes import ParameterShapeError, Shape, merged, normal_shape, visible
from .tree import Tree, children_of, parameters_of


def share_parameters(block: Tree, shared: Mapping[str, Parameter] | ParameterDict | Tree) -> None:
    """Put parameters in the place of those at the same paths, or do nothing if one does not fit."""
    given = dict(_named(shared))
    by_name = isinstance(shared, ParameterDict)
    places = [
        (owner, attribute, parameter, key)
        for path, owner, attribute, parameter in _places(block)
        if (key := parameter.name.removeprefix(block.prefix) if by_name else path) in given
    ]
    sizes: dict[Parameter, Shape | None] = {}
    for _, _, parameter, key in places:
        _check_kind(parameter, given[key], key)
        sizes[given[key]] = _together(parameter, given[key], sizes, key)
    for other, shape in sizes.items():
        if shape is not None and shape != normal_shape(other.shape, other.name):
            other.settle(shape, "known where it is shared")
    for owner, attribute, parameter, key in places:
        if given[key] is not parameter:
            owner._replace_parameter(attribute, given[key])
    unknown = given.keys() - {key for *_, key in places}
    if unknown:
        warnings.warn(
            f"share_parameters: '{block.name}' has no parameter at {', '.join(sorted(unknown))}",
            stacklevel=3,
        )


def _named(
    shared: Mapping[str, Parameter] | ParameterDict | Tree,
) -> Iterator[tuple[str, Parameter]]:
    """The parameters by path, or by name without the prefix that all have."""
    if isinstance(shared, Tree):
        yield from shared._collect_params_with_prefix().items()
    elif isinstance(shared, ParameterDict):
        for name, parameter in shared.items():
            yield name.removeprefix(shared.prefix), parameter
    elif isinstance(shared, Mapping) and all(isinstance(p, Parameter) for p in shared.values()):
        yield from shared.items()
    else:
        raise TypeError(
            "share_parameters takes a dict of paths to parameters, what collect_params() "
            f"returns, or a block, not {shared!r}"
        )


def _places(block: Tree, path: str = "") -> Iterator[tuple[str, Tree, str, Parameter]]:
    """Each parameter below: its path, the block that holds it, as which attribute, itself."""
    for attribute, parameter in list(parameters_of(block).items()):
        yield path + attribute, block, attribute, parameter
    for name, child in children_of(block).items():
        yield from _places(child, f"{path}{name}.")


def _check_kind(parameter: Parameter, other: Parameter, key: str) -> None:
    if not isinstance(other, type(parameter)):
        raise TypeError(
            f"share_parameters: '{parameter.name}' is a {type(parameter).__name__} and cannot be "
            f"replaced by the {type(other).__name__} '{other.name}' ('{key}')"
        )


def _together(
    parameter: Parameter, other: Parameter, sizes: dict[Parameter, Shape | None], key: str
) -> Shape | None:
    """What is known of the shape that both have to have."""
    mine = normal_shape(parameter.shape, parameter.name)
    theirs = sizes.get(other, normal_shape(other.shape, other.name))
    if mine is None or theirs is None:
        return theirs or mine
    shape = merged(theirs, mine)
    if shape is None:
        raise ParameterShapeError(
            f"share_parameters: '{parameter.name}' of shape {parameter.shape} cannot be replaced "
            f"by '{other.name}' of shape {visible(theirs)} ('{key}')"
        )
    return shape
