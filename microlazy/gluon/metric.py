"""`gluon.metric`: `mx.metric` under its later name."""

from ..metric import *  # noqa: F403
from ..metric import __all__ as __all__
