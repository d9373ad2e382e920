"""Operators of ai.onnx.ml, which scikit-learn's models are written with."""

from __future__ import annotations

import numpy

from microlazy.onnx.reading.call import Call, reads
from microlazy.onnx.reading.graph import Value

_ML = "ai.onnx.ml."


def _row(call: Call, name: str, values: object) -> Value:
    """Numbers of an attribute, as a parameter that is not trained."""
    array = numpy.asarray(values, "float32")
    return call.graph.parameter(f"{call.name}_{name}", array, trained=False)


@reads(_ML + "Scaler")
def _scaler(call: Call) -> Value:
    x = call.cast(call.input(), "float32")
    apart = call.call("broadcast_sub", x, _row(call, "offset", call.need("offset")))
    return call.call("broadcast_mul", apart, _row(call, "scale", call.need("scale")))


@reads(_ML + "Normalizer")
def _normalizer(call: Call) -> Value:
    x, kind = call.input(), call.attribute("norm", "MAX")
    if kind == "L2":
        length = call.call("norm", x, ord=2, axis=(1,), keepdims=True)
    elif kind == "L1":
        length = call.call("norm", x, ord=1, axis=(1,), keepdims=True)
    else:
        length = call.call("max", call.call("abs", x), axis=(1,), keepdims=True)
    return call.call("broadcast_div", x, length)


def _scores(call: Call, count: int) -> Value:
    """A linear function of the rows: one number for each of some classes or targets."""
    weight = numpy.asarray(call.need("coefficients"), "float32")
    if count < 1 or weight.size % count:
        raise call.refusal(f"{weight.size} coefficients for {count} outputs")
    weight = weight.reshape(count, -1)
    inputs = [call.cast(call.input(), "float32")]
    inputs.append(call.graph.parameter(f"{call.name}_weight", weight))
    bias = call.attribute("intercepts")
    if bias:
        inputs.append(call.graph.parameter(f"{call.name}_bias", numpy.asarray(bias, "float32")))
    return call.call("FullyConnected", *inputs, num_hidden=count, no_bias=not bias, flatten=False)


def _transformed(call: Call, scores: Value) -> Value:
    kind = call.attribute("post_transform", "NONE")
    if kind == "NONE":
        return scores
    if kind == "LOGISTIC":
        return call.call("sigmoid", scores)
    if kind == "SOFTMAX":
        return call.call("softmax", scores, axis=-1)
    raise call.refusal(f"post_transform = {kind!r} cannot be read")


@reads(_ML + "LinearRegressor")
def _linear_regressor(call: Call) -> Value:
    return _transformed(call, _scores(call, call.attribute("targets", 1)))


@reads(_ML + "LinearClassifier")
def _linear_classifier(call: Call) -> list[Value]:
    """The class with the highest score, and the scores."""
    if call.attribute("classlabels_strings"):
        raise call.refusal("classes that are texts cannot be arrays: number them")
    classes = call.need("classlabels_ints")
    count = len(call.attribute("intercepts") or classes)
    scores = _scores(call, count)
    if count == 1 == len(classes) - 1:  # of two classes one is enough
        scores = call.call("Concat", call.call("negative", scores), scores, dim=1, num_args=2)
    place = call.call("argmax", scores, axis=1)
    numbers = call.graph.parameter(
        f"{call.name}_classes", numpy.asarray(classes, "int64"), trained=False
    )
    label = call.call("take", numbers, call.cast(place, "int64"), axis=0)
    return [label, _transformed(call, scores)]


@reads(_ML + "ArrayFeatureExtractor")
def _extracted(call: Call) -> Value:
    x, places = call.input(0), call.input(1)
    found = call.call("take", x, places, axis=call.rank() - 1, mode="raise")
    if call.rank() == 1:  # its result has rows
        return call.call("Reshape", found, shape=(1, -1))
    return found


@reads(_ML + "ZipMap")
def _zip_map(call: Call) -> Value:
    """Probabilities by class: an array, whose columns are the classes in order."""
    return call.input()


@reads(_ML + "Binarizer")
def _binarizer(call: Call) -> Value:
    above = call.call("_greater_scalar", call.input(), scalar=call.attribute("threshold", 0.0))
    return call.cast(above, call.input().dtype)


@reads(_ML + "Imputer")
def _imputer(call: Call) -> Value:
    missing = call.attribute("replaced_value_float", 0.0)
    x = call.input()
    if missing == missing:
        gone = call.call("_equal_scalar", x, scalar=missing)
    else:
        gone = call.call("broadcast_not_equal", x, x)
    instead = _row(call, "imputed", call.need("imputed_value_floats"))
    return call.call(
        "where", gone, call.call("broadcast_add", call.call("zeros_like", x), instead), x
    )
