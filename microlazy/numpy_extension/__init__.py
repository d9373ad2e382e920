"""`mx.npx`: what networks need beside NumPy's functions."""

# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what is made from tables, with its signatures
    from microlazy.numpy_extension.made import *  # noqa: F403

from microlazy._late import gather as _gather
from microlazy._late import star_names as _star_names
from microlazy.context import Context, cpu, cpu_pinned, current_context, gpu, num_gpus
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


def waitall() -> None:
    """Do nothing: every result is there when its call returns.

    Examples
    --------
    >>> from microlazy import npx
    >>> npx.waitall()
    """


# Functions that are imported when they are used, by their modules.
_LATE = {
    name: module
    for module, names in {
        "numpy.files": "savez",
        "numpy_extension.random": "seed",
        "ops.activations": """activation dropout leaky_relu log_softmax masked_log_softmax
            masked_softmax softmax""",
        "ops.convolution": "convolution deconvolution pooling",
        "ops.ctc": "ctc_loss",
        "ops.detection": "box_nms multibox_detection multibox_prior multibox_target",
        "ops.gathering": """embedding gather_nd index_add index_update nonzero one_hot pick
            scatter_nd""",
        "ops.manipulation": """arange_like batch_flatten broadcast_like cast reshape reshape_like
            shape_array slice slice_axis slice_like stop_gradient""",
        "ops.mathematics": "hard_sigmoid logsumexp smooth_l1",
        "ops.normalization": "batch_norm group_norm instance_norm l2_normalization layer_norm",
        "ops.ordering": "topk",
        "ops.products": "batch_dot fully_connected",
        "ops.recurrent": "rnn",
        "ops.sequence_lengths": "sequence_mask",
        "ops.spatial": "bilinear_sampler roi_align roi_pooling",
        "ops.spectra": "irfft rfft",
        "params_file": "load save",
    }.items()
    for name in names.split()
}
_LATE_MODULES = ("image", "random")

if TYPE_CHECKING:
    from microlazy.numpy.files import savez
    from microlazy.numpy_extension import image, random
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
    from microlazy.ops.convolution import convolution, deconvolution, pooling
    from microlazy.ops.ctc import ctc_loss
    from microlazy.ops.detection import (
        box_nms,
        multibox_detection,
        multibox_prior,
        multibox_target,
    )
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
    from microlazy.ops.normalization import (
        batch_norm,
        group_norm,
        instance_norm,
        l2_normalization,
        layer_norm,
    )
    from microlazy.ops.ordering import topk
    from microlazy.ops.products import batch_dot, fully_connected
    from microlazy.ops.recurrent import rnn
    from microlazy.ops.sequence_lengths import sequence_mask
    from microlazy.ops.spatial import bilinear_sampler, roi_align, roi_pooling
    from microlazy.ops.spectra import irfft, rfft
    from microlazy.params_file import load, save
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # a star import asks for it
            return _star_names(__dir__())
        if name in _LATE_MODULES:
            return import_module(f"{__name__}.{name}")
        if name in _LATE:
            function = getattr(import_module(f"microlazy.{_LATE[name]}"), name)
            return globals().setdefault(name, function)
        _gather(globals(), ["_elementwise"], name)
        if name in globals():
            return globals()[name]
        from microlazy.foreign import missing

        raise missing("microlazy.npx", name, [*globals(), *_LATE])

    def __dir__() -> list[str]:
        _gather(globals(), ["_elementwise"])
        return sorted({*globals(), *_LATE, *_LATE_MODULES})
