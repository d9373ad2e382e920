"""Classes known by name (``mx.registry``): those of initializers, and of programs of one's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .base import ArgumentError

__all__ = ["get_alias_func", "get_create_func", "get_register_func", "get_registry"]

_T = TypeVar("_T")

_known: dict[type, dict[str, type]] = {}


def get_registry(base_class: type) -> dict[str, type]:
    """Return a copy of what is registered of a class: names in small letters, and subclasses.

    Examples
    --------
    >>> from microlazy import init, registry
    >>> registry.get_registry(init.Initializer)["xavier"].__name__
    'Xavier'
    """
    return dict(_known.get(base_class, {}))


def get_register_func(base_class: type[_T], nickname: str) -> Callable[..., type[_T]]:
    """Return a function that registers a subclass: ``register(klass, name=klass.__name__)``.

    Parameters
    ----------
    base_class : type
    nickname : str
        What such a thing is called in messages.

    Examples
    --------
    >>> from microlazy import registry
    >>> class Shape:
    ...     pass
    >>> register = registry.get_register_func(Shape, "shape")
    >>> @register
    ... class Circle(Shape):
    ...     def __init__(self, radius=1):
    ...         self.radius = radius
    >>> registry.get_create_func(Shape, "shape")("circle", radius=3).radius
    3
    """

    def register(klass: type[_T], name: str | None = None) -> type[_T]:
        if not (isinstance(klass, type) and issubclass(klass, base_class)):
            raise ArgumentError(
                f"Can only register a subclass of {base_class.__name__}, not {klass!r}"
            )
        name = (name or klass.__name__).lower()
        known = _known.setdefault(base_class, {})
        before = known.get(name)
        if before is not None:
            warnings.warn(
                f"New {nickname} {klass.__module__}.{klass.__name__} registered with name "
                f"{name} is overriding existing {nickname} {before.__module__}.{before.__name__}",
                UserWarning,
                stacklevel=2,
            )
        known[name] = klass
        return klass

    register.__doc__ = f"Register a {nickname}, for create() to find by name."
    return register


def get_alias_func(
    base_class: type[_T], nickname: str
) -> Callable[..., Callable[[type[_T]], type[_T]]]:
    """Return a decorator with names, under which it registers a subclass.

    Examples
    --------
    >>> from microlazy import registry
    >>> class Shape:
    ...     pass
    >>> alias = registry.get_alias_func(Shape, "shape")
    >>> @alias("round", "disc")
    ... class Circle(Shape):
    ...     pass
    >>> sorted(registry.get_registry(Shape))
    ['disc', 'round']
    """
    register = get_register_func(base_class, nickname)

    def alias(*names: str) -> Callable[[type[_T]], type[_T]]:
        def decorate(klass: type[_T]) -> type[_T]:
            for name in names:
                register(klass, name)
            return klass

        return decorate

    return alias


def get_create_func(base_class: type[_T], nickname: str) -> Callable[..., _T]:
    """Return a function that makes an object of a registered class.

    It takes a name and the class's arguments; an object of `base_class`, which it returns; a
    dictionary, or keywords, with `nickname` as one key and the arguments as the others; or either
    as JSON text, the first as ``["name", {arguments}]``.

    Raises
    ------
    ArgumentError
        By the function: if the name is not registered, or what was given names nothing.

    Examples
    --------
    >>> from microlazy import init, registry
    >>> create = registry.get_create_func(init.Initializer, "initializer")
    >>> create("normal", sigma=0.1), create('["normal", {"sigma": 0.1}]')
    (Normal(sigma=0.1), Normal(sigma=0.1))
    """

    def create(*args: Any, **kwargs: Any) -> _T:
        given = args[0] if args else kwargs.pop(nickname, None)
        more = args[1:]
        if isinstance(given, base_class):
            if more or kwargs:
                raise ArgumentError(
                    f"{given!r} is already an instance: additional arguments are invalid"
                )
            return given
        if isinstance(given, dict):
            if nickname not in given:
                raise ArgumentError(f"no key {nickname!r} in {given!r}")
            return create(**given)
        if not isinstance(given, str):
            hint = ""
            if isinstance(given, type) and issubclass(given, base_class):
                hint = f". It is a class: call it, as in {given.__name__}()"
            raise ArgumentError(
                f"{nickname} must be of string type or {_a(base_class.__name__)}, "
                f"not {given!r}{hint}"
            )
        if given[:1] in ("[", "{"):
            if more or kwargs:
                raise ArgumentError(f"{given} holds its arguments: further ones are invalid")
            return _from_text(create, nickname, given)
        known = _known.get(base_class, {})
        if given.lower() not in known:
            raise ArgumentError(
                f"{given.lower()} is not registered. Please register with {nickname}.register "
                f"first; known are {', '.join(sorted(known))}"
            )
        return known[given.lower()](*more, **kwargs)

    create.__doc__ = f"Make a registered {nickname} by its name, with its arguments."
    return create


def _a(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _from_text(create: Callable[..., _T], nickname: str, text: str) -> _T:
    import json  # which most programs do not need

    given = json.loads(text)
    if isinstance(given, dict):
        return create(given)
    if not (len(given) == 2 and isinstance(given[0], str) and isinstance(given[1], dict)):
        raise ArgumentError(f'expected {_a(nickname)} as ["name", {{arguments}}], given {text}')
    return create(given[0], **given[1])
