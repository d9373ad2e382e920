"""Which operators stand behind methods and arithmetic of symbols."""

__all__ = ["ARITHMETIC", "METHODS", "NUMPY_NAMES", "VALUES", "VALUE_METHODS"]

# What symbols have as methods too: functions of `sym`.
_TEXT = """
abs arccos arccosh arcsin arcsinh arctan arctanh argmax argmax_channel argmin argsort
broadcast_axes broadcast_like broadcast_to cbrt ceil clip cos cosh degrees depth_to_space diag
exp expand_dims expm1 fix flatten flip floor log log10 log1p log2 log_softmax max mean min
nanprod nansum norm one_hot ones_like pad pick prod radians rcbrt reciprocal relu repeat
reshape_like rint round rsqrt shape_array sigmoid sign sin sinh size_array slice slice_axis
slice_like softmax softmin sort space_to_depth split split_v2 sqrt square squeeze sum swapaxes
take tan tanh tile topk transpose trunc zeros_like
"""
METHODS = frozenset(_TEXT.split())
# What arrays have and symbols have not.
VALUES = frozenset(("T", "context", "ctx", "dtype", "grad", "ndim", "shape", "size"))
VALUE_METHODS = ("asnumpy", "asscalar", "attach_grad", "backward", "copyto", "wait_to_read")
# Operators, and the names that MXNet has for them: of two symbols, of a symbol and a number, of a
# number and a symbol.
ARITHMETIC = {
    "add": ("_Plus", "_PlusScalar", "_PlusScalar"),
    "sub": ("_Minus", "_MinusScalar", "_RMinusScalar"),
    "mul": ("_Mul", "_MulScalar", "_MulScalar"),
    "truediv": ("_Div", "_DivScalar", "_RDivScalar"),
    "mod": ("_Mod", "_ModScalar", "_RModScalar"),
    "pow": ("_Power", "_PowerScalar", "_rpower_scalar"),
    "eq": ("_equal", "_equal_scalar", "_equal_scalar"),
    "ne": ("_not_equal", "_not_equal_scalar", "_not_equal_scalar"),
    "gt": ("_greater", "_greater_scalar", "_lesser_scalar"),
    "ge": ("_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar"),
    "lt": ("_lesser", "_lesser_scalar", "_greater_scalar"),
    "le": ("_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar"),
}
NUMPY_NAMES = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "mod": "mod",
    "pow": "power", "eq": "equal", "ne": "not_equal", "gt": "greater", "ge": "greater_equal",
    "lt": "less", "le": "less_equal",
}  # fmt: skip
