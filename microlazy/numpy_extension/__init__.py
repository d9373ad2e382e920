"""`mx.npx`: what networks need beside NumPy's functions."""

# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is made from tables, with its signatures
    from microlazy.numpy_extension.made import *  # noqa: F403

from microlazy._late import star_names as _star_names
from microlazy.context import Context, cpu, cpu_pinned, current_context, gpu, num_gpus
from microlazy.numpy_extension import random
from microlazy.numpy_extension.random import seed
from microlazy.ops.activations import (
    activation,
    dropout,
    leaky_relu,
    log_softmax,
    masked_log_softmax,
    masked_softmax,
    softmax,
)
from microlazy.ops.elementwise import functions_of as _functions_of
from microlazy.ops.gathering import (
    embedding,
    gather_nd,
    index_add,
    index_update,
    nonzero,
    one_hot,
    pick,
    scatter_nd,
)
from microlazy.ops.manipulation import (
    arange_like,
    batch_flatten,
    broadcast_like,
    cast,
    reshape,
    reshape_like,
    shape_array,
    slice,
    slice_axis,
    slice_like,
    stop_gradient,
)
from microlazy.ops.mathematics import hard_sigmoid, logsumexp, smooth_l1
from microlazy.ops.ordering import topk
from microlazy.ops.products import batch_dot, fully_connected
from microlazy.ops.sequence_lengths import sequence_mask
from microlazy.util import (
    is_np_array,
    is_np_default_dtype,
    is_np_shape,
    np_array,
    np_shape,
    reset_np,
    set_np,
    set_np_shape,
    use_np,
    use_np_array,
    use_np_shape,
)

globals().update(_functions_of("npx"))


def waitall() -> None:
    """Do nothing: every result is there when its call returns.

    Examples
    --------
    >>> from microlazy import npx
    >>> npx.waitall()
    """


# Functions that are imported when they are used, and their modules.
_LATE = {
    "batch_norm": "ops.normalization",
    "bilinear_sampler": "ops.spatial",
    "box_nms": "ops.detection",
    "convolution": "ops.convolution",
    "ctc_loss": "ops.ctc",
    "deconvolution": "ops.convolution",
    "group_norm": "ops.normalization",
    "instance_norm": "ops.normalization",
    "irfft": "ops.spectra",
    "l2_normalization": "ops.normalization",
    "layer_norm": "ops.normalization",
    "load": "params_file",
    "multibox_detection": "ops.detection",
    "multibox_prior": "ops.detection",
    "multibox_target": "ops.detection",
    "pooling": "ops.convolution",
    "rfft": "ops.spectra",
    "rnn": "ops.recurrent",
    "roi_align": "ops.spatial",
    "roi_pooling": "ops.spatial",
    "save": "params_file",
    "savez": "numpy.files",
}

if TYPE_CHECKING:
    from microlazy.numpy.files import savez
    from microlazy.numpy_extension import image
    from microlazy.ops.convolution import convolution, deconvolution, pooling
    from microlazy.ops.ctc import ctc_loss
    from microlazy.ops.detection import (
        box_nms,
        multibox_detection,
        multibox_prior,
        multibox_target,
    )
    from microlazy.ops.normalization import (
        batch_norm,
        group_norm,
        instance_norm,
        l2_normalization,
        layer_norm,
    )
    from microlazy.ops.recurrent import rnn
    from microlazy.ops.spatial import bilinear_sampler, roi_align, roi_pooling
    from microlazy.ops.spectra import irfft, rfft
    from microlazy.params_file import load, save
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # a star import asks for it
            return _star_names(__dir__())
        if name == "image":  # imported when it is used
            return import_module(f"{__name__}.image")
        if name in _LATE:
            function = getattr(import_module(f"microlazy.{_LATE[name]}"), name)
            return globals().setdefault(name, function)
        from microlazy.foreign import missing

        raise missing("microlazy.npx", name, [*globals(), *_LATE])

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LATE, "image"})
