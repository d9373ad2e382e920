"""`mx.contrib.onnx`: what `mx.onnx` has, by the path that older programs have."""

from ..onnx.exporting import export_model
from ..onnx.importing import get_model_metadata, import_model, import_to_gluon

__all__ = ["export_model", "get_model_metadata", "import_model", "import_to_gluon"]
