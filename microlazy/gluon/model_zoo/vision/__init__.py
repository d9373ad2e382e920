"""Networks that tell what an image shows, as in the literature."""

from __future__ import annotations

import re
from typing import Any

from ...block import HybridBlock
from . import alexnet as _alexnet
from . import densenet as _densenet
from . import inception as _inception
from . import mobilenet as _mobilenet
from . import resnet as _resnet
from . import squeezenet as _squeezenet
from . import vgg as _vgg
from .alexnet import *  # noqa: F403
from .densenet import *  # noqa: F403
from .inception import *  # noqa: F403
from .mobilenet import *  # noqa: F403
from .resnet import *  # noqa: F403
from .squeezenet import *  # noqa: F403
from .vgg import *  # noqa: F403

_FAMILIES = (_alexnet, _densenet, _inception, _mobilenet, _resnet, _squeezenet, _vgg)

__all__ = ["get_model", *(name for family in _FAMILIES for name in family.__all__)]

# The functions by the names that `get_model` takes, which have a point where Python cannot.
_MODELS = {
    re.sub(r"(\d)_(\d+)$", r"\1.\2", name).replace("n_v", "nv").replace("t_v", "tv"): getattr(
        family, name
    )
    for family in _FAMILIES
    for name in family.__all__
    if name.islower() and not name.startswith("get_")
}


def get_model(name: str, **kwargs: Any) -> HybridBlock:
    """Make a network by its name.

    Parameters
    ----------
    name : str
        Such as 'resnet18_v1', 'vgg16_bn', 'mobilenetv2_0.5'; an error lists all.  Capitals do not
        matter.
    **kwargs
        What the network's own function takes: `classes`, and `pretrained`, `ctx` and `root`, which
        load trained weights from a folder.

    Returns
    -------
    HybridBlock
        The network.

    Raises
    ------
    ValueError
        If there is no such network.
    FileNotFoundError
        If the weights are not there.

    Examples
    --------
    >>> net = get_model("mobilenetv2_0.25", classes=10)
    >>> net.initialize()
    >>> net.dry_run((1, 3, 32, 32))
    (1, 10)
    """
    known = name.lower()
    if known not in _MODELS:
        options = "\n\t".join(sorted(_MODELS))
        raise ValueError(f"Model {known} is not supported. Available options are\n\t{options}")
    return _MODELS[known](**kwargs)
