"""`mx.onnx`: networks and graphs written to ONNX files, and networks made of such files.

The onnx library is needed: ``pip install microlazy[onnx]``.
"""

from microlazy.onnx.exporting import export_model, get_operator_support
from microlazy.onnx.importing import (
    get_model_metadata,
    import_model,
    import_to_gluon,
    load,
)

__all__ = [
    "export_model",
    "get_model_metadata",
    "get_operator_support",
    "import_model",
    "import_to_gluon",
    "load",
]
