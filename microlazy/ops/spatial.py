"""Parts of images by their places: regions, and grids of points (Jaderberg et al. 2015)."""

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)
Array = numpy.ndarray

PIECE = 1 << 20  # how many numbers are looked at in one go


def _need_images(op: str, data: Any) -> None:
    if not isinstance(data, Tensor):
        raise TypeError(f"{op}: data must be an array, not {type(data).__name__}")
    if data.ndim != 4:
        raise ShapeError(f"{op}: data must have 4 axes (NCHW), but its shape is {data.shape}")
    if not data.size:
        raise ShapeError(f"{op}: data of shape {data.shape} have no elements")


def _pair(op: str, name: str, value: Any) -> tuple[int, int]:
    sizes = (value,) * 2 if isinstance(value, int) else tuple(value or ())
    if len(sizes) != 2 or min(sizes) < 1:
        raise MXNetError(f"{op}: {name} is a height and a width, not {value!r}")
    return int(sizes[0]), int(sizes[1])


def _need_regions(op: str, rois: Any) -> None:
    if not isinstance(rois, Tensor):
        raise TypeError(f"{op}: rois must be an array, not {type(rois).__name__}")
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ShapeError(
            f"{op}: rois must have shape (regions, 5), of image, left, top, right and bottom, but "
            f"it has {rois.shape}"
        )


def _images(op: str, rois: Array, batch: int, least: int) -> Array:
    """The image of each region, from `least` to the last."""
    images = rois[:, 0].astype(int)
    if len(images) and not (images.min() >= least and images.max() < batch):
        raise IndexError(
            f"{op}: a region of image {images.min()} to {images.max()}, but there are {batch}"
        )
    return images


def _zero_regions(g: A, y: A, data: A, rois: A, **options: Any) -> A:
    """MXNet's gradient by the regions: none."""
    return f.new_array(f.face_of(rois), rois.shape, rois.dtype, 0)


def _taken(rows: A, places: A) -> A:
    """The rows at places; zeros where the place is -1."""
    taken = f.take(rows, places, 0)
    there = f.reshape(places >= 0, (*places.shape, *(1,) * (taken.ndim - places.ndim)))
    return f.where(f.broadcast_to(there, taken.shape), taken, 0.0)


# ---- regions, by their largest elements ----------------------------------------------------------


def _rounded(x: Array) -> Array:
    """To whole numbers, halves away from zero."""
    return numpy.trunc(x + numpy.copysign(0.5, x)).astype(int)


def _bins(low: Array, high: Array, count: int, size: int) -> tuple[Array, Array]:
    """Where the parts of each region begin and end, cut to the image; shape (regions, count)."""
    low, high = low[:, None], high[:, None]
    step = (numpy.maximum(high - low + 1, 1) / count).astype("float32")
    steps = numpy.arange(count, dtype="float32")
    first = numpy.floor(steps * step).astype(int) + low
    last = numpy.ceil((steps + 1) * step).astype(int) + low
    return first.clip(0, size), last.clip(0, size)


def _same_size(sizes: Array) -> Iterator[tuple[tuple[int, int], Array]]:
    """Groups of windows that are equally large, with the numbers of their members."""
    kinds, which = numpy.unique(sizes, axis=0, return_inverse=True)
    for place, (rows, columns) in enumerate(kinds.tolist()):
        yield (rows, columns), numpy.nonzero(which.reshape(-1) == place)[0]


def _largest_places(
    data: Array, rois: Array, pooled_size: tuple[int, int], spatial_scale: float
) -> Array:
    """Where in the flat data the largest element of each region's part is; -1 for an empty part."""
    batch, channels, height, width = data.shape
    images = _images("roi_pooling", rois, batch, 0)
    corners = _rounded(rois[:, 1:] * numpy.asarray(spatial_scale, rois.dtype))
    top, bottom = _bins(corners[:, 1], corners[:, 3], pooled_size[0], height)
    left, right = _bins(corners[:, 0], corners[:, 2], pooled_size[1], width)
    shape = (len(rois), *pooled_size)
    starts = numpy.stack(
        numpy.broadcast_arrays(images[:, None, None], top[:, :, None], left[:, None]), -1
    ).reshape(-1, 3)
    sizes = numpy.broadcast_arrays((bottom - top)[:, :, None], (right - left)[:, None])
    out = numpy.full((len(starts), channels), -1)
    base = numpy.arange(channels) * (height * width)
    for (rows, columns), members in _same_size(numpy.stack(sizes, -1).reshape(-1, 2)):
        if rows < 1 or columns < 1:
            continue
        inside = (numpy.arange(rows)[:, None] * width + numpy.arange(columns)).reshape(-1)
        piece = max(1, PIECE // (channels * inside.size))
        for begin in range(0, len(members), piece):
            some = members[begin : begin + piece]
            image, y, x = starts[some].T
            corner = (image * (channels * height * width) + y * width + x)[:, None] + base
            windows = data.reshape(-1)[corner[..., None] + inside]
            out[some] = corner + inside[windows.argmax(-1)]
    return numpy.moveaxis(out.reshape(*shape, channels), -1, 1)


def _largest_places_result(
    data: Tensor, rois: Tensor, pooled_size: tuple[int, int], spatial_scale: float
) -> tuple[tuple[int, ...], Any]:
    return (rois.shape[0], data.shape[1], *pooled_size), "int64"


def roi_pooling(data: A, rois: A, pooled_size: Any, spatial_scale: float) -> A:
    """Cut regions of images into equal parts and return the largest element of each part.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
    rois : array, shape (regions, 5)
        The number of the image, and the left, top, right and bottom pixel, before scaling.
    pooled_size : (int, int)
        How many parts a region has, along height and width.
    spatial_scale : float
        What the pixels are multiplied by: the data's size over the image's.

    Returns
    -------
    array, shape ``(regions, channels, *pooled_size)``
        0 for parts that lie outside of the image. The gradient goes to the first of the largest
        elements; the regions have one of zeros.

    Raises
    ------
    IndexError
        If there is no such image.

    Notes
    -----
    Girshick, "Fast R-CNN", 2015.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> x = np.arange(16).reshape(1, 1, 4, 4)
    >>> npx.roi_pooling(x, np.array([[0, 0, 0, 20, 20]]), (2, 2), 0.1)
    array([[[[ 5.,  6.],
             [ 9., 10.]]]])
    """
    _need_images("roi_pooling", data)
    _need_regions("roi_pooling", rois)
    options = {
        "pooled_size": _pair("roi_pooling", "pooled_size", pooled_size),
        "spatial_scale": float(spatial_scale),
    }
    places = call(
        _largest_places, [data, rois], options, result=_largest_places_result, dtype="int64"
    )
    if not rois.shape[0]:
        return f.new_array(f.face_of(data), places.shape, data.dtype, 0)
    return _taken(f.reshape(data, (-1,)), places)


# ---- regions, between the pixels -----------------------------------------------------------------


def _line_weights(
    low: Array, high: Array, parts: int, size: int, samples: int, aligned: bool
) -> Array:
    """How much the pixels of a line count for each part of a region; (regions, parts, size)."""
    length = high - low if aligned else numpy.maximum(high - low, 1)
    step = length / parts
    counts = numpy.full(len(low), samples) if samples > 0 else numpy.ceil(step).astype(int)
    most = max(1, int(counts.max(initial=1)))
    number = numpy.arange(most)
    counts = counts[:, None, None]
    share = (number + 0.5) / numpy.maximum(counts, 1)
    places = low[:, None, None] + (numpy.arange(parts)[:, None] + share) * step[:, None, None]
    weight = (number < counts) & (places >= -1) & (places <= size)
    weight = weight / numpy.maximum(counts, 1)
    places = places.clip(0, size - 1)
    first = places.astype(int)
    rest = places - first
    out = numpy.zeros((len(low), parts, size))
    row = numpy.arange(len(low))[:, None, None]
    part = numpy.arange(parts)[:, None]
    numpy.add.at(out, (row, part, first), weight * (1 - rest))
    numpy.add.at(out, (row, part, numpy.minimum(first + 1, size - 1)), weight * rest)
    return out


def _weights(
    rois: Array, shape: tuple[int, ...], **options: Any
) -> Iterator[tuple[int, Array, Array, Array]]:
    """For each image: its regions, and the weights of its rows and columns for their parts."""
    batch, _, height, width = shape
    parts, scale = options["pooled_size"], options["spatial_scale"]
    samples, aligned = options["sample_ratio"], options["aligned"]
    images = _images("ROIAlign", rois, batch, -(1 << 31))
    corners = rois[:, 1:].astype("float64") * scale - 0.5 * aligned
    piece = max(1, PIECE // (shape[1] * parts[0] * width))
    for image in range(batch):
        (members,) = numpy.nonzero(images == image)
        for begin in range(0, len(members), piece):
            some = members[begin : begin + piece]
            left, top, right, bottom = corners[some].T
            rows = _line_weights(top, bottom, parts[0], height, samples, aligned)
            columns = _line_weights(left, right, parts[1], width, samples, aligned)
            yield image, some, rows.astype(rois.dtype), columns.astype(rois.dtype)


def _by_parts(data: Array, pooled_size: tuple[int, int], position_sensitive: bool) -> Array:
    """The data with an axis more for each axis of the parts: where channels belong to parts."""
    batch, channels, height, width = data.shape
    if not position_sensitive:
        return data[:, :, None, None]
    rows, columns = pooled_size
    return data.reshape(batch, channels // (rows * columns), rows, columns, height, width)


def _aligned(data: Array, rois: Array, position_sensitive: bool, **options: Any) -> Array:
    images = _by_parts(data, options["pooled_size"], position_sensitive)
    out = numpy.zeros((len(rois), images.shape[1], *options["pooled_size"]), data.dtype)
    for image, some, rows, columns in _weights(rois, data.shape, **options):
        out[some] = _through(images[image], rows, columns)
    return out


def _through(image: Array, rows: Array, columns: Array) -> Array:
    """Sum over a line of rows, then over one of columns; (regions, channels, *parts)."""
    if image.shape[1:3] == (1, 1):
        lines = numpy.einsum("riy,cyx->rcix", rows, image[:, 0, 0], optimize=True)
        return numpy.matmul(lines, columns.swapaxes(1, 2)[:, None])
    return numpy.einsum("riy,rjx,cijyx->rcij", rows, columns, image, optimize=True)


def _spread(
    g: Array, rois: Array, shape: tuple[int, ...], position_sensitive: bool, **options: Any
) -> Array:
    """The transpose of `_aligned` with respect to the data."""
    out = numpy.zeros(shape, g.dtype)
    images = _by_parts(out, options["pooled_size"], position_sensitive)
    for image, some, rows, columns in _weights(rois, shape, **options):
        if position_sensitive:
            images[image] += numpy.einsum(
                "riy,rjx,rcij->cijyx", rows, columns, g[some], optimize=True
            )
        else:
            lines = numpy.matmul(g[some], columns[:, None])
            images[image, :, 0, 0] += numpy.einsum("riy,rcix->cyx", rows, lines, optimize=True)
    return out


def _aligned_result(
    data: Tensor, rois: Tensor, position_sensitive: bool, pooled_size: Any, **options: Any
) -> tuple[tuple[int, ...], Any]:
    channels = data.shape[1]
    if position_sensitive:
        channels //= pooled_size[0] * pooled_size[1]
    return (rois.shape[0], channels, *pooled_size), data.dtype


def _spread_result(
    g: Tensor, rois: Tensor, shape: tuple[int, ...], **options: Any
) -> tuple[tuple[int, ...], Any]:
    return shape, g.dtype


def _aligned_gradient(g: A, y: A, data: A, rois: A, **options: Any) -> A:
    options["shape"] = data.shape
    rules = (_spread_gradient, _zero_regions)
    return call(_spread, [g, rois], options, rules, result=_spread_result)


def _spread_gradient(gg: A, out: A, g: A, rois: A, shape: tuple[int, ...], **options: Any) -> A:
    rules = (_aligned_gradient, _zero_regions)
    return call(_aligned, [gg, rois], options, rules, result=_aligned_result)


def roi_align(
    data: A,
    rois: A,
    pooled_size: Any,
    spatial_scale: float,
    sample_ratio: int = -1,
    position_sensitive: bool = False,
    aligned: bool = False,
) -> A:
    """Cut regions of images into equal parts and return the mean of points in each part.

    The points lie between the pixels, whose values are interpolated.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
    rois : array, shape (regions, 5)
        The number of the image, and the left, top, right and bottom place, before scaling. A
        negative image gives zeros.
    pooled_size : (int, int)
        How many parts a region has, along height and width.
    spatial_scale : float
        What the places are multiplied by: the data's size over the image's.
    sample_ratio : int
        How many points a part has along each axis; -1 for about one in a pixel.
    position_sensitive : bool
        Each part has channels of its own: there are height * width times fewer then (R-FCN).
    aligned : bool
        Whether a pixel's value is that in its middle, as in Detectron2.

    Returns
    -------
    array, shape ``(regions, channels, *pooled_size)``
        The regions have a gradient of zeros.

    Raises
    ------
    IndexError
        If there is no such image.

    Notes
    -----
    He et al., "Mask R-CNN", 2017.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.arange(16).reshape((1, 1, 4, 4))
    >>> nd.contrib.ROIAlign(x, nd.array([[0, 0, 0, 2, 2]]), (1, 2), 1.0).asnumpy()
    array([[[[4.5, 5.5]]]], dtype=float32)
    """
    _need_images("ROIAlign", data)
    _need_regions("ROIAlign", rois)
    parts = _pair("ROIAlign", "pooled_size", pooled_size)
    if position_sensitive and data.shape[1] % (parts[0] * parts[1]):
        raise ShapeError(f"ROIAlign: {data.shape[1]} channels cannot be shared by {parts} parts")
    options = {
        "pooled_size": parts,
        "spatial_scale": float(spatial_scale),
        "sample_ratio": int(sample_ratio),
        "position_sensitive": bool(position_sensitive),
        "aligned": bool(aligned),
    }
    rules = (_aligned_gradient, _zero_regions)
    return call(_aligned, [data, rois], options, rules, result=_aligned_result)


# ---- grids of points -----------------------------------------------------------------------------


def _line(size: int) -> Array:
    """Places of pixels from -1 to 1; that of a single one is in the middle."""
    return numpy.linspace(-1, 1, size) if size > 1 else numpy.zeros(size)


def grid_generator(data: A, transform_type: str, target_shape: Any = (0, 0)) -> A:
    """Return the points, from -1 to 1, at which `BilinearSampler` looks.

    Parameters
    ----------
    data : array
        For "affine", shape (batch, 6): the rows of a matrix that turns a point's (x, y, 1) into the
        place to look at. For "warp", shape (batch, 2, height, width): by how many pixels to move
        to the right and down.
    transform_type : "affine" or "warp"
    target_shape : (int, int)
        Height and width of the grid; for "affine" alone.

    Returns
    -------
    array, shape (batch, 2, height, width)
        x and y.

    Examples
    --------
    >>> from microlazy import nd
    >>> grid = nd.GridGenerator(nd.array([[0.5, 0, 0, 0, 1, 0]]), "affine", (2, 3))
    >>> grid.asnumpy()[0, 0]
    array([[-0.5,  0. ,  0.5],
           [-0.5,  0. ,  0.5]], dtype=float32)
    """
    op = "GridGenerator"
    if transform_type not in ("affine", "warp"):
        raise MXNetError(f"{op}: transform_type is 'affine' or 'warp', not {transform_type!r}")
    if not isinstance(data, Tensor):
        raise TypeError(f"{op}: data must be an array, not {type(data).__name__}")
    face = f.face_of(data)
    if transform_type == "affine":
        if data.ndim != 2 or data.shape[1] != 6:
            raise ShapeError(f"{op}: affine data must have shape (batch, 6), not {data.shape}")
        height, width = _pair(op, "target_shape", target_shape)
        x, y = numpy.meshgrid(_line(width), _line(height))
        points = numpy.stack([x, y, numpy.ones_like(x)]).reshape(3, -1)
        moved = f.dot(f.reshape(data, (-1, 3)), f.to_array(face, points, data.dtype))
        return f.reshape(moved, (data.shape[0], 2, height, width))
    if data.ndim != 4 or data.shape[1] != 2:
        raise ShapeError(f"{op}: a warp must have shape (batch, 2, h, w), not {data.shape}")
    height, width = data.shape[2:]
    pixels = numpy.stack(numpy.meshgrid(numpy.arange(width), numpy.arange(height)))
    halves = numpy.array([max(width - 1, 1), max(height - 1, 1)]).reshape(2, 1, 1) / 2
    return (data + f.to_array(face, pixels, data.dtype)) / f.to_array(
        face, halves, data.dtype
    ) - 1.0


def _corners(x: Array, y: Array, height: int, width: int, right: int, down: int) -> Array:
    """Where in the flat (images, height, width) a pixel beside each point is; -1 for outside."""
    column, row = numpy.floor(x) + right, numpy.floor(y) + down
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    image = numpy.arange(len(x))[:, None, None] * (height * width)
    return numpy.where(inside, image + row * width + column, -1).astype("int64")


def _corners_result(x: Tensor, y: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    return x.shape, "int64"


def bilinear_sampler(data: A, grid: A) -> A:
    """Return the values of images at the points of a grid, interpolated between the pixels.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
    grid : array, shape (batch, 2, new height, new width)
        x and y of each point, -1 and 1 being the middles of the outermost pixels.

    Returns
    -------
    array, shape (batch, channels, new height, new width)
        What lies outside of an image counts as 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> x, points = nd.array([[[[1, 2], [3, 4]]]]), nd.array([[[[-1, 0, 1]], [[-1, 0, 3]]]])
    >>> nd.BilinearSampler(x, points).asnumpy()
    array([[[[1. , 2.5, 0. ]]]], dtype=float32)
    """
    op = "BilinearSampler"
    _need_images(op, data)
    if not isinstance(grid, Tensor):
        raise TypeError(f"{op}: grid must be an array, not {type(grid).__name__}")
    batch, channels, height, width = data.shape
    if grid.ndim != 4 or grid.shape[:2] != (batch, 2):
        raise ShapeError(f"{op}: grid must have shape ({batch}, 2, h, w), not {grid.shape}")
    x = (grid[:, 0] + 1.0) * ((width - 1) / 2)
    y = (grid[:, 1] + 1.0) * ((height - 1) / 2)
    to_right, down = (p - f.unary_op("floor", f.detach(p)) for p in (x, y))
    pixels = f.reshape(f.transpose(data, (0, 2, 3, 1)), (-1, channels))
    total: Any = 0.0
    for i, weight_y in enumerate((1.0 - down, down)):
        for j, weight_x in enumerate((1.0 - to_right, to_right)):
            options = {"height": height, "width": width, "right": j, "down": i}
            points = [f.detach(x), f.detach(y)]
            places = call(_corners, points, options, result=_corners_result, dtype="int64")
            weight = f.expand_dims(weight_y * weight_x, 3)
            total = total + weight * _taken(pixels, places)
    return f.transpose(total, (0, 3, 1, 2))


def spatial_transformer(
    data: A,
    loc: A,
    target_shape: Any = (0, 0),
    transform_type: str = "affine",
    sampler_type: str = "bilinear",
) -> A:
    """Return images turned, moved and scaled by matrices that a network may learn.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
    loc : array, shape (batch, 6)
        As for `GridGenerator` with "affine".
    target_shape : (int, int)
        Height and width of the result.
    transform_type : "affine"
    sampler_type : "bilinear"

    Returns
    -------
    array, shape ``(batch, channels, *target_shape)``

    Notes
    -----
    Jaderberg et al., "Spatial Transformer Networks", 2015.

    Examples
    --------
    >>> from microlazy import nd
    >>> x, mirror = nd.array([[[[1, 2], [3, 4]]]]), nd.array([[-1, 0, 0, 0, 1, 0]])
    >>> nd.SpatialTransformer(x, mirror, (2, 2)).asnumpy()
    array([[[[2., 1.],
             [4., 3.]]]], dtype=float32)
    """
    if transform_type != "affine" or sampler_type != "bilinear":
        raise MXNetError(
            "SpatialTransformer: transform_type must be 'affine' and sampler_type 'bilinear', not "
            f"{transform_type!r} and {sampler_type!r}"
        )
    return bilinear_sampler(data, grid_generator(loc, "affine", target_shape))
