"""ONNX files: read without running anything, and checked before memory is taken."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy

from microlazy.base import MXNetError
from microlazy.onnx.free_sizes import Shape
from microlazy.onnx.library import dtype_of, library
from microlazy.symbol.attributes import TextError, need_few

__all__ = ["array_of", "metadata_of", "model_from", "shape_of"]

_MOST_DEPTH = 16  # axes of an array
# The field that has a tensor's elements if they are no raw bytes, by ONNX's number of the dtype.
_FIELDS = {
    1: "float_data",
    11: "double_data",
    7: "int64_data",
    **dict.fromkeys((2, 3, 6, 9, 10), "int32_data"),
}


def model_from(path: str | os.PathLike[str]) -> Any:
    """Read the model of a file.

    Parameters
    ----------
    path : path

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    MXNetError
        If there is no such file, or it is none of ONNX.

    Examples
    --------
    >>> from microlazy.onnx.model_file import model_from
    >>> model_from("nowhere.onnx")
    Traceback (most recent call last):
    microlazy.base.MXNetError: cannot read 'nowhere.onnx': No such file or directory
    """
    name = os.fspath(path)
    onnx = library()
    try:
        with open(name, "rb") as file:
            content = file.read()
    except OSError as error:
        raise MXNetError(f"cannot read {name!r}: {error.strerror or error}") from error
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's errors have no name that all versions share
        raise MXNetError(f"{name!r} is no file of ONNX, or is cut off: {error}") from None
    if not model.opset_import or not model.graph.output:
        raise MXNetError(f"{name!r} is no file of ONNX: it has no graph or no version of operators")
    for text in _names(model.graph):
        if not isinstance(text, str):
            raise MXNetError(f"{name!r} is no file of ONNX: the name {text!r} is no text")
    return model


def _names(graph: Any) -> Iterator[Any]:
    """All names in a graph: those that are no UTF-8 come as bytes."""
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for part in (graph.initializer, graph.input, graph.output):
        yield from (entry.name for entry in part)
    for value in (*graph.input, *graph.output):
        yield from (size.dim_param for size in value.type.tensor_type.shape.dim)


def metadata_of(model: Any) -> dict[str, str]:
    """What a model says about itself.

    Parameters
    ----------
    model : onnx.ModelProto

    Examples
    --------
    >>> from microlazy.onnx.library import library
    >>> from microlazy.onnx.model_file import metadata_of
    >>> metadata_of(library().ModelProto(producer_name="microlazy"))
    {'producer_name': 'microlazy'}
    """
    found = {}
    for field in ("producer_name", "producer_version", "domain", "doc_string"):
        if getattr(model, field):
            found[field] = getattr(model, field)
    if model.model_version:
        found["model_version"] = str(model.model_version)
    return found | {prop.key: prop.value for prop in model.metadata_props}


def shape_of(value: Any) -> tuple[str, Shape]:
    """The dtype and the shape of an input; sizes that are free have names.

    Parameters
    ----------
    value : onnx.ValueInfoProto

    Raises
    ------
    MXNetError
        If it is no tensor, or has no shape.
    """
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise MXNetError(f"{value.name!r} is no tensor but a {kind or 'value of no type'}")
    tensor = value.type.tensor_type
    try:
        dtype = dtype_of(tensor.elem_type)
    except MXNetError as error:
        raise MXNetError(f"{value.name!r}: {error}") from None
    if not tensor.HasField("shape"):
        raise MXNetError(f"{value.name!r} has no shape: give shapes to load()")
    sizes: list[int | str] = []
    for axis, size in enumerate(tensor.shape.dim):
        if size.HasField("dim_value") and size.dim_value > 0:
            sizes.append(size.dim_value)
        else:
            sizes.append(size.dim_param or f"{value.name}_axis{axis}")
    if len(sizes) > _MOST_DEPTH:
        raise MXNetError(f"{value.name!r} has {len(sizes)} axes")
    try:
        need_few(tuple(size for size in sizes if isinstance(size, int)))
    except TextError as error:
        raise MXNetError(f"{value.name!r}: {error}") from None
    return dtype, tuple(sizes)


def array_of(tensor: Any, folder: Path, what: str) -> numpy.ndarray:
    """The values of a tensor.

    Parameters
    ----------
    tensor : onnx.TensorProto
    folder : Path
        Where files beside the model are.
    what : str
        What it is, for messages.

    Raises
    ------
    MXNetError
        If its bytes are not there, or too many, or in a file outside of the folder.
    """
    where = f"{what} {tensor.name!r}" if tensor.name else what
    shape = tuple(tensor.dims)
    try:
        dtype = numpy.dtype(dtype_of(tensor.data_type))
        if any(size < 0 for size in shape) or len(shape) > _MOST_DEPTH:
            raise MXNetError(f"{shape} is no shape")
        need_few(shape)
        count = math.prod(shape)
        if tensor.data_location == tensor.EXTERNAL:
            raw = _beside(tensor, folder, count * dtype.itemsize)
        elif tensor.HasField("raw_data"):
            raw = tensor.raw_data
        else:
            return _listed(tensor, dtype, count).reshape(shape)
        if len(raw) != count * dtype.itemsize:
            raise MXNetError(
                f"{shape} of {dtype.name} needs {count * dtype.itemsize} bytes, but {len(raw)} are "
                "there"
            )
    except MXNetError as error:
        raise MXNetError(f"{where}: {error}") from None
    return numpy.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _listed(tensor: Any, dtype: numpy.dtype, count: int) -> numpy.ndarray:
    """Elements that are no raw bytes; those of float16 are the integers with their bits."""
    found = getattr(tensor, _FIELDS[tensor.data_type])
    if len(found) != count:
        raise MXNetError(f"it has {len(found)} elements, but its shape says {count}")
    if dtype.name == "float16":
        return numpy.asarray(found, "uint16").view("float16")
    return numpy.asarray(found).astype(dtype)


def _beside(tensor: Any, folder: Path, size: int) -> bytes:
    """Bytes that are in another file, which must lie in the model's folder or below."""
    about = {entry.key: entry.value for entry in tensor.external_data}
    location = about.get("location", "")
    path = _inside(folder, location)
    try:
        offset, length = (_number(about.get(key, default))
                          for key, default in (("offset", "0"), ("length", str(size))))  # fmt: skip
        if length != size:
            raise MXNetError(f"it needs {size} bytes, but {length} are told")
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise MXNetError(f"the file {location!r} beside the model is no plain file")
            if os.fstat(file.fileno()).st_size < offset + size:
                raise MXNetError(f"the file {location!r} beside the model is too short")
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise MXNetError(f"cannot read {location!r} beside the model: {error.strerror}") from None


def _inside(folder: Path, location: str) -> Path:
    refused = MXNetError(f"the file {location!r} does not lie in the model's folder")
    if not location or "\0" in location or "\\" in location or os.path.isabs(location):
        raise refused
    path = (folder / location).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise refused
    return path


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise MXNetError(f"{text!r} is no place in a file")
    return int(text)
