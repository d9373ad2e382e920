"""The array types that people use: `nd.NDArray` and `np.ndarray`, two faces of one tensor."""

cimport cython
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.ops.cast cimport cast, copied
from microlazy.core.ops.dense cimport matmul
from microlazy.core.ops.elementwise cimport binary, binary_scalar, unary
from microlazy.core.ops.in_place cimport binary_into, binary_scalar_into, set_item
from microlazy.core.ops.indexing cimport get_item
from microlazy.core.ops.reduce cimport arg_reduce, mean, reduce
from microlazy.core.ops.writes cimport (
    become, has_unknown_size, is_of_argument, is_step, write_changed,
)
from microlazy.core.strided cimport assign
from microlazy.core.tape cimport (
    ADD, NULL_REQ, WRITE, Variable, go_back, new_pass, put,
)
from microlazy.core.tensor cimport (
    BOOL, FLOAT32, FLOAT64, INT32, INT64, ND, NP, Tensor, device_of, dtype_number, from_numpy,
    is_float, like, need_values, numpy_dtype, register_face, same_shape, shape_tuple, view_numpy,
)

import numbers
import warnings
from types import MethodType

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.context import PLACES, Context, on_empty_cache, place_of
from microlazy.core import exchange, functions
from microlazy.core.ops.elementwise import BINARY, UNARY
from microlazy.core.ops.writes import MaskedPart
from microlazy.core.storage import empty_cache

cdef list METHOD_MODULES = [None, None]   # that have functions which are methods too, by face
cdef list METHODS = [None, None]      # these functions by name, once one has been asked for
cdef object PROTOCOLS = None          # how np answers NumPy and the array API standard

# NumPy's ufuncs that are kernels of ours: an op of BINARY by its number, one of UNARY by its name.
cdef dict UFUNCS = {getattr(numpy, name): name for name in UNARY
                    if isinstance(getattr(numpy, name, None), numpy.ufunc)}
UFUNCS.update({getattr(numpy, name): op for name, op in BINARY.items()})
cdef dict GRAD_REQS = {"null": NULL_REQ, "write": WRITE, "add": ADD}
cdef list CONTEXTS = PLACES
cdef tuple NUMBERS = (numbers.Real, numpy.bool_)      # not a literal: see core/functions


cdef inline bint is_number(object x):
    cdef type kind = type(x)
    return (kind is float or kind is int or kind is bool
            or isinstance(x, NUMBERS))


cdef bint is_array_like(object x):
    """Whether x takes part in NumPy's protocols, as a Series of pandas or a sparse matrix does."""
    return hasattr(x, "__array_ufunc__") or hasattr(x, "__array_priority__")


cdef object arithmetic(int op, Tensor a, object b, bint swapped):
    if isinstance(b, Tensor):
        return binary(op, a, <Tensor>b)
    if is_number(b):
        return binary_scalar(op, a, b, swapped)
    if exchange.is_plain(b):
        other = exchange.operand(a, b)
        return binary(op, other, a) if swapped else binary(op, a, other)
    if b is None or isinstance(b, str) or is_array_like(b):
        return NotImplemented             # the other side may know
    raise TypeError(f"type {type(b)} not supported: an array works with arrays of its own type, "
                    "with NumPy's and with numbers")


cdef object from_namespace(str name, Tensor x, object other, bint swapped):
    """A function of np that has no kernel, as an operator of its arrays."""
    if not isinstance(other, Tensor) and not is_number(other):
        if exchange.is_plain(other):
            other = exchange.operand(x, other)
        elif other is None or isinstance(other, str) or is_array_like(other):
            return NotImplemented
    function = getattr(PROTOCOLS.namespace(), name)
    return function(other, x) if swapped else function(x, other)


cdef object in_place_of_trace(int op, Tensor a, object b):
    """What a plan computes becomes the result; for another array the name is bound to a new one."""
    cdef object result = arithmetic(op, a, b, False)
    cdef Tensor made
    if not isinstance(result, Tensor) or not (is_step(a) or is_of_argument(a)):
        return result
    made = <Tensor>result
    if made.dtype != a.dtype or made.face != a.face or not same_shape(made, a):
        need_values(a, "it was to be changed in place")
    become(a, made)
    return a


cdef object in_place(int op, Tensor a, object b):
    if exchange.is_plain(b):
        b = exchange.operand(a, b)
    if a.abstract or (isinstance(b, Tensor) and (<Tensor>b).abstract):
        return in_place_of_trace(op, a, b)
    if isinstance(b, Tensor):
        binary_into(op, a, <Tensor>b)
    elif is_number(b):
        binary_scalar_into(op, a, b)
    else:
        raise TypeError(f"type {type(b)} not supported: an array works with arrays of its own "
                        "type, with NumPy's and with numbers")
    return a


cdef object first_number(Tensor x):
    """The first element as a Python number, without an array of NumPy."""
    if x.dtype == FLOAT32:
        return (<const float*>x.data)[0]
    if x.dtype == FLOAT64:
        return (<const double*>x.data)[0]
    if x.dtype == INT64:
        return (<const long long*>x.data)[0]
    if x.dtype == INT32:
        return (<const int*>x.data)[0]
    if x.dtype == BOOL:
        return x.data[0] != 0
    return view_numpy(x).item(0)


cdef object assigned(object x, object result):
    """x[...] = result, for operators in place; while tracing, the name is bound to the result."""
    return result if (<Tensor>x).abstract else functions.write_into(x, functions.as_dtype(
        result, x.dtype))


def register_methods(int face, module) -> None:
    """Let the functions in `METHODS` of a module be methods of the arrays of one face, by name.

    An array is their first argument. The faces give their own at import.

    Examples
    --------
    >>> from microlazy.core.array import register_methods
    >>> from microlazy.ndarray import methods
    >>> register_methods(0, methods)
    """
    METHOD_MODULES[face] = module
    METHODS[face] = None


cdef dict methods_of(int face):
    if METHODS[face] is None:
        METHODS[face] = METHOD_MODULES[face].METHODS
    return METHODS[face]


def register_protocols(protocols) -> None:
    """Let `namespace`, `apply_ufunc` and `apply_function` of a module answer for the arrays.

    `np` gives its own at import; the core knows no namespace.

    Examples
    --------
    >>> from microlazy.core.array import register_protocols
    >>> from microlazy.numpy import protocols
    >>> register_protocols(protocols)
    """
    global PROTOCOLS
    PROTOCOLS = protocols


def rebuild(int face, array):
    """Make an array from a NumPy array; what pickle calls.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.array import rebuild
    >>> rebuild(1, numpy.ones(2, "float32"))
    array([1., 1.])
    """
    return from_numpy(array, face)


@cython.no_gc
cdef class Array(Tensor):
    """What both faces share: operators, indexing, gradients, conversions."""

    __array_priority__ = 1000.0

    # ---- operators ----

    def __add__(self, other):
        return arithmetic(B_ADD, self, other, False)

    def __radd__(self, other):
        return arithmetic(B_ADD, self, other, True)

    def __iadd__(self, other):
        return in_place(B_ADD, self, other)

    def __sub__(self, other):
        return arithmetic(B_SUBTRACT, self, other, False)

    def __rsub__(self, other):
        return arithmetic(B_SUBTRACT, self, other, True)

    def __isub__(self, other):
        return in_place(B_SUBTRACT, self, other)

    def __mul__(self, other):
        return arithmetic(B_MULTIPLY, self, other, False)

    def __rmul__(self, other):
        return arithmetic(B_MULTIPLY, self, other, True)

    def __imul__(self, other):
        return in_place(B_MULTIPLY, self, other)

    def __truediv__(self, other):
        return arithmetic(B_DIVIDE, self, other, False)

    def __rtruediv__(self, other):
        return arithmetic(B_DIVIDE, self, other, True)

    def __itruediv__(self, other):
        return in_place(B_DIVIDE, self, other)

    def __mod__(self, other):
        return arithmetic(B_MOD, self, other, False)

    def __rmod__(self, other):
        return arithmetic(B_MOD, self, other, True)

    def __imod__(self, other):
        return in_place(B_MOD, self, other)

    def __pow__(self, other, modulus):
        if modulus is not None:
            return NotImplemented
        return arithmetic(B_POWER, self, other, False)

    def __rpow__(self, other, modulus):
        if modulus is not None:
            return NotImplemented
        return arithmetic(B_POWER, self, other, True)

    def __ipow__(self, other):
        return in_place(B_POWER, self, other)

    def __neg__(self):
        return unary(U_NEGATIVE, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return unary(U_ABS, self)

    def __eq__(self, other):
        return arithmetic(B_EQUAL, self, other, False)

    def __ne__(self, other):
        return arithmetic(B_NOT_EQUAL, self, other, False)

    def __lt__(self, other):
        return arithmetic(B_LESS, self, other, False)

    def __le__(self, other):
        return arithmetic(B_LESS_EQUAL, self, other, False)

    def __gt__(self, other):
        return arithmetic(B_GREATER, self, other, False)

    def __ge__(self, other):
        return arithmetic(B_GREATER_EQUAL, self, other, False)

    def __hash__(self):
        if self.face == NP:                # as NumPy's arrays, and MXNet's of np
            raise TypeError("unhashable type: 'ndarray', whose elements change; take id(x) as a "
                            "key")
        return <Py_ssize_t><void*>self >> 4

    # ---- as a container ----

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of unsized object: the array has no axes")
        return self.shape_[0]

    def __bool__(self):
        need_values(self, "its truth was asked for")
        if self.size == 0:
            return False
        if self.size > 1:
            raise ValueError(f"The truth value of an {type(self).__name__} with multiple elements "
                             "is ambiguous.")
        return bool(first_number(self))

    def __float__(self):
        return float(self.only_number())

    def __int__(self):
        return int(self.only_number())

    def __complex__(self):
        return complex(self.only_number())

    cdef object only_number(self):
        need_values(self, "its value was asked for")
        if self.size != 1:
            raise TypeError("only size-1 arrays can be converted to Python scalars; this one has "
                            f"shape {shape_tuple(self)}")
        return first_number(self)

    def __format__(self, spec):
        if not spec:
            return str(self)
        if self.ndim == 0 or (self.size == 1 and self.face == ND):      # whose scalars have an axis
            return format(self.item(), spec)
        raise TypeError(f"cannot format an array of shape {shape_tuple(self)} as {spec!r}, "
                        "which is for numbers; print the array, or format its elements")

    def __index__(self):
        if self.size == 1 and not is_float(self.dtype) and self.dtype != BOOL:
            return self.item()
        raise TypeError("only integer scalar arrays can be converted to a scalar index")

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (get_item(self, i) for i in range(self.shape_[0]))

    def __contains__(self, value):
        return bool((view_numpy(self) == value).any())

    def __getitem__(self, key):
        if self.abstract and has_unknown_size(self, key):
            return MaskedPart(self, key)
        return get_item(self, key)

    def __setitem__(self, key, value):
        if type(value) is MaskedPart:
            write_changed(self, key, value)
        else:
            set_item(self, key, value)

    def __getattr__(self, name):
        # NumPy asks for attributes of its protocols that arrays may have; they are no methods.
        function = None if (<str>name).startswith("__") else methods_of(self.face).get(name)
        if function is None:
            from microlazy.foreign import ARRAY as hints    # seldom needed
            hint = f": {hints[name]}" if name in hints else ""
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
            )
        return MethodType(function, self)

    def __dir__(self):
        return [*object.__dir__(self), *methods_of(self.face)]

    # ---- values ----

    def asnumpy(self) -> numpy.ndarray:
        """Return a NumPy array with a copy of the values.

        Use `numpy.asarray(x)` for a view of the same memory.

        Examples
        --------
        >>> from microlazy import nd
        >>> nd.array([1, 2]).asnumpy()
        array([1., 2.], dtype=float32)
        """
        return view_numpy(self).copy()

    def item(self, *args):
        """Return one element as a Python number.

        Examples
        --------
        >>> from microlazy import np
        >>> np.array([2.5]).item()
        2.5
        """
        need_values(self, "one of its values was asked for")
        if not args and self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar; this one "
                             f"has shape {shape_tuple(self)}")
        return view_numpy(self).item(*args) if args else first_number(self)

    def asscalar(self):
        """Return the only element as a NumPy scalar.

        Examples
        --------
        >>> from microlazy import nd
        >>> float(nd.array([2.5]).asscalar())
        2.5
        """
        need_values(self, "its value was asked for")
        if self.size != 1:
            raise ValueError("The current array is not a scalar: it has shape "
                             f"{shape_tuple(self)}")
        return numpy_dtype(self.dtype).type(first_number(self))

    def tolist(self):
        """Return the values as nested lists of Python numbers.

        Examples
        --------
        >>> from microlazy import np
        >>> np.array([[1, 2]]).tolist()
        [[1.0, 2.0]]
        """
        return view_numpy(self).tolist()

    def __reduce__(self):
        return rebuild, (self.face, self.asnumpy())

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        cdef Tensor y = like(self)
        assign(y, self)
        return y

    # ---- copies and conversions ----

    def copy(self):
        """Return a copy with memory of its own; recorded, so that gradients pass."""
        return copied(self)

    def copyto(self, other):
        """Copy the values into another array of the same shape, or to a context.

        Parameters
        ----------
        other : array or Context

        Returns
        -------
        array
            `other`, or a new array on the context.

        Examples
        --------
        >>> from microlazy import nd
        >>> y = nd.zeros((2,))
        >>> nd.array([1, 2]).copyto(y) is y
        True
        """
        cdef Tensor target
        if isinstance(other, Context):
            other.require_cpu()
            copy = copied(self)
            put(copy, place_of(other))
            return copy
        if not isinstance(other, Tensor):
            raise TypeError(f"copyto: expected an array or a context, not {type(other).__name__}")
        if other is self:
            warnings.warn("You are attempting to copy an array to itself", RuntimeWarning,
                          stacklevel=1)
            return False
        target = other
        need_values(self, "it was to be copied")
        if not same_shape(self, target):
            raise ShapeError(f"copyto: an array of shape {shape_tuple(self)} cannot be copied into "
                             f"one of shape {shape_tuple(target)}")
        return functions.write_into(other, self)

    def astype(self, dtype, copy=True):
        """Return the array with another dtype.

        Parameters
        ----------
        dtype : dtype or str
        copy : bool
            Whether to copy when the dtype is that already.

        Examples
        --------
        >>> from microlazy import np
        >>> np.array([1.7]).astype("int32")
        array([1], dtype=int32)
        """
        cdef int number = dtype_number(dtype)
        if number == self.dtype:
            return copied(self) if copy else self
        return cast(self, number)

    def as_np_ndarray(self):
        """The same memory as an `np.ndarray`."""
        return functions.with_face(self, NP)

    def as_nd_ndarray(self):
        """The same memory as an `nd.NDArray`."""
        return functions.with_face(self, ND)

    @property
    def context(self) -> Context:
        """Where the array lives: cpu(0), or where it was put."""
        return CONTEXTS[device_of(self)]

    @property
    def ctx(self) -> Context:
        """Where the array lives: cpu(0), or where it was put."""
        return CONTEXTS[device_of(self)]

    @property
    def device(self) -> Context:
        """Where the array lives: cpu(0), or where it was put."""
        return CONTEXTS[device_of(self)]

    def as_in_context(self, context):
        """Return the array itself if it is on that context, else a copy there.

        The copy is recorded, so that gradients pass.

        Parameters
        ----------
        context : Context

        Raises
        ------
        MXNetError
            If it is a GPU.

        Examples
        --------
        >>> import microlazy as mx
        >>> x = mx.nd.ones(2)
        >>> x.as_in_context(mx.cpu()) is x
        True
        >>> x.as_in_context(mx.cpu(1)).ctx
        cpu(1)
        """
        context.require_cpu()
        return self if place_of(context) == device_of(self) else self.copyto(context)

    def as_in_ctx(self, ctx):
        """Return the array itself if it is on that context, else a copy there."""
        return self.as_in_context(ctx)

    def wait_to_read(self) -> None:
        """Do nothing: every result is there when its call returns."""

    @property
    def stype(self) -> str:
        """How the array is stored: always "default", that is dense."""
        return "default"

    def tostype(self, stype):
        """Return the array itself for "default"; sparse storage is outside microlazy."""
        if stype != "default":
            raise MXNetError(f"stype {stype!r}: sparse arrays are not part of microlazy; only "
                             "'default' (dense) is")
        return self

    # ---- other libraries ----

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and not kwargs and ufunc in UFUNCS:
            if len(inputs) == 1:
                return functions.unary_op(UFUNCS[ufunc], self)
            swapped = inputs[0] is not self
            other = inputs[0] if swapped else inputs[1]
            if type(other) is type(self) or is_number(other) or type(other) is numpy.ndarray:
                return arithmetic(UFUNCS[ufunc], self, other, swapped)
        return PROTOCOLS.apply_ufunc(self.face, ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return PROTOCOLS.apply_function(self.face, function, types, args, kwargs)

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        return exchange.to_dlpack(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple:
        return exchange.DLPACK_CPU

    def to_dlpack_for_read(self):
        """A DLPack capsule of the array, for a consumer that only reads."""
        return exchange.to_dlpack_for_read(self)

    def to_dlpack_for_write(self):
        """A DLPack capsule of the array, for a consumer that changes it."""
        return exchange.to_dlpack_for_write(self)

    # ---- gradients ----

    def attach_grad(self, grad_req="write", stype=None) -> None:
        """Ask for this array's gradient in every backward pass.

        Parameters
        ----------
        grad_req : "write", "add" or "null"
            Replace the gradient at each backward pass, add to it, or want none.

        Notes
        -----
        An array computed under `record()` is cut off from its graph.

        Examples
        --------
        >>> from microlazy import autograd, nd
        >>> x = nd.array([1, 2])
        >>> x.attach_grad()
        >>> with autograd.record():
        ...     y = 2 * x
        >>> y.backward()
        >>> x.grad.asnumpy()
        array([2., 2.], dtype=float32)
        """
        cdef Variable variable
        if grad_req not in GRAD_REQS:
            raise KeyError(f"unknown grad_req {grad_req!r}; expected 'write', 'add' or 'null'")
        if stype not in (None, "default"):
            self.tostype(stype)
        variable = Variable.__new__(Variable)
        variable.req = GRAD_REQS[grad_req]
        self.slot = variable

    @property
    def grad(self):
        """The gradient's array: zeros until a backward pass; None without attach_grad()."""
        if type(self.slot) is not Variable:
            return None
        need_values(self, "its gradient was asked for")
        if self.slot.grad is None:
            self.slot.grad = like(self)
            fill(self.slot.grad, 0.0)
        return self.slot.grad

    @property
    def grad_req(self):
        """The request made by attach_grad(), or None."""
        if type(self.slot) is not Variable:
            return None
        return ("null", "write", "add")[(<Variable>self.slot).req]

    @property
    def fresh_grad(self) -> bool:
        """Whether a backward pass wrote the gradient since this was set to False."""
        return type(self.slot) is Variable and (<Variable>self.slot).fresh

    @fresh_grad.setter
    def fresh_grad(self, bint fresh):
        if type(self.slot) is Variable:
            (<Variable>self.slot).fresh = fresh

    def detach(self):
        """The same memory, cut off from the graph."""
        return functions.detach(self)

    def zero_grad(self) -> None:
        """Set the gradient to zero."""
        if type(self.slot) is Variable and self.slot.grad is not None:
            fill(self.slot.grad, 0.0)

    def backward(self, out_grad=None, retain_graph=False, train_mode=True) -> None:
        """Compute the gradients of this array with respect to all that asked for one.

        Parameters
        ----------
        out_grad : array, optional
            The gradient of this array, of its shape; ones when left out.
        retain_graph : bool
            Keep the graph, so that it can be gone through again.
        train_mode : bool

        Examples
        --------
        >>> from microlazy import autograd, np
        >>> x = np.array([3.])
        >>> x.attach_grad()
        >>> with autograd.record():
        ...     y = x ** 2
        >>> y.backward()
        >>> x.grad
        array([6.])
        """
        go_back(new_pass(), [self], None if out_grad is None else [out_grad], retain_graph,
                train_mode)

    # ---- shapes ----

    @property
    def T(self):
        """The array with its axes in reverse order."""
        return functions.transpose(self)

    def transpose(self, *axes, **kwargs):
        """Return the array with its axes in another order, reversed by default."""
        order = kwargs.pop("axes", axes[0] if len(axes) == 1 and not isinstance(axes[0], int)
                           else axes)
        if kwargs:
            raise TypeError(f"transpose() got an unexpected argument {next(iter(kwargs))!r}")
        return functions.transpose(self, order if order != () else None)

    # ---- mathematics ----

    def dot(self, other, transpose_a=False, transpose_b=False):
        """The product with another array."""
        return functions.dot(self, other, transpose_a, transpose_b)


@cython.no_gc
cdef class NDArray(Array):
    """An array with the rules of MXNet's older interface, `mx.nd`.

    Comparisons give 0 and 1 in the array's dtype, full reductions have shape (1,), arrays of
    different dtypes do not mix, and printing shows shape and context. Made by `nd.array`,
    `nd.zeros` and the other functions of `nd`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.array([1, 2, 3]) > 1
    <BLANKLINE>
    [0. 1. 1.]
    <NDArray 3 @cpu(0)>
    """

    def __repr__(self):
        shape = "x".join([str(n) for n in shape_tuple(self)])
        if self.abstract:
            return f"<NDArray {shape} {numpy_dtype(self.dtype)}, abstract: no values>"
        array = view_numpy(self)
        return f"\n{array!s}\n<NDArray {shape} @{self.context}>"

    @property
    def dtype(self):
        """The NumPy type of the elements, such as `numpy.float32`."""
        return numpy_dtype((<Tensor>self).dtype).type

    def reshape(self, *shape, **kwargs):
        """Return the array in another shape; the codes 0, -1, -2, -3, -4 are MXNet's.

        0 keeps an axis, -1 is worked out, -2 keeps all that are left, -3 joins two axes, -4 splits
        one into the two numbers that follow. `reverse=True` reads the shape from its end.

        Examples
        --------
        >>> from microlazy import nd
        >>> nd.zeros((2, 3, 4)).reshape((0, -1)).shape
        (2, 12)
        """
        given = kwargs.pop("shape", shape[0] if len(shape) == 1 else shape)
        reverse = kwargs.pop("reverse", False)
        if kwargs:
            raise TypeError(f"reshape() got an unexpected argument {next(iter(kwargs))!r}")
        return functions.reshape_codes(self, given, reverse)

    def sum(self, axis=None, keepdims=False, exclude=False):
        """Sum over all axes, or those named, or with `exclude` the others."""
        return reduce(R_SUM, self, axis, keepdims, exclude)

    def prod(self, axis=None, keepdims=False, exclude=False):
        """Product over all axes, or those named."""
        return reduce(R_PROD, self, axis, keepdims, exclude)

    def max(self, axis=None, keepdims=False, exclude=False):
        """Largest element over all axes, or those named."""
        return reduce(R_MAX, self, axis, keepdims, exclude)

    def min(self, axis=None, keepdims=False, exclude=False):
        """Smallest element over all axes, or those named."""
        return reduce(R_MIN, self, axis, keepdims, exclude)

    def mean(self, axis=None, keepdims=False, exclude=False):
        """Mean over all axes, or those named."""
        return mean(self, axis, keepdims, exclude)

    def argmax(self, axis=None, keepdims=False):
        """Place of the largest element, the first one if there are several."""
        return arg_reduce(R_MAX, self, axis, keepdims)

    def argmin(self, axis=None, keepdims=False):
        """Place of the smallest element, the first one if there are several."""
        return arg_reduce(R_MIN, self, axis, keepdims)


@cython.no_gc
cdef class ndarray(NDArray):         # as in MXNet; every member of NDArray is defined anew here
    """An array with NumPy's rules, `mx.np`.

    Comparisons give bool, there are zero-dimensional arrays, dtypes are promoted, and printing is
    NumPy's. The default dtype is float32. Made by `np.array`, `np.zeros` and the other functions
    of `np`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array([1, 2, 3]) > 1
    array([False,  True,  True])
    """

    def __repr__(self):
        if self.abstract:
            dtype = numpy_dtype((<Tensor>self).dtype)
            return f"<ndarray {shape_tuple(self)} {dtype}, abstract: no values>"
        return printed(view_numpy(self))

    def __str__(self):
        if self.abstract:
            return repr(self)
        return str(view_numpy(self))

    def __round__(self, ndigits=None):
        return functions.round(self, ndigits or 0)

    def __trunc__(self):
        return unary(U_TRUNC, self)

    @property
    def dtype(self):
        """The NumPy dtype of the elements, such as `dtype('float32')`."""
        return numpy_dtype((<Tensor>self).dtype)

    def __matmul__(self, other):
        if exchange.is_plain(other):
            other = exchange.operand(self, other)
        if not isinstance(other, Tensor):
            if is_array_like(other):
                return NotImplemented
            raise TypeError(f"type {type(other)} not supported")
        return matmul(self, <Tensor>other)

    def __imatmul__(self, other):
        self[...] = matmul(self, other)
        return self

    def __floordiv__(self, other):
        return from_namespace("floor_divide", self, other, False)

    def __rfloordiv__(self, other):
        return from_namespace("floor_divide", self, other, True)

    def __ifloordiv__(self, other):
        return assigned(self, self // other)

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __lshift__(self, other):
        return from_namespace("left_shift", self, other, False)

    def __rlshift__(self, other):
        return from_namespace("left_shift", self, other, True)

    def __ilshift__(self, other):
        return assigned(self, self << other)

    def __rshift__(self, other):
        return from_namespace("right_shift", self, other, False)

    def __rrshift__(self, other):
        return from_namespace("right_shift", self, other, True)

    def __irshift__(self, other):
        return assigned(self, self >> other)

    def __iand__(self, other):
        return assigned(self, self & other)

    def __ior__(self, other):
        return assigned(self, self | other)

    def __ixor__(self, other):
        return assigned(self, self ^ other)

    def __array_namespace__(self, *, api_version=None):
        """The module `microlazy.np`, which follows the array API standard."""
        return PROTOCOLS.namespace(api_version)

    def to_device(self, device, /, *, stream=None):
        """Return the array itself: there is only the CPU."""
        exchange.check_device(device)
        if stream is not None:
            raise ValueError(f"stream must be None, as the CPU has no streams; got {stream!r}")
        return self

    @property
    def mT(self):
        """The array with its last two axes exchanged: each matrix transposed."""
        if self.ndim < 2:
            raise ValueError(f"mT needs at least two axes; the array has shape {self.shape}")
        return functions.swapaxes(self, -1, -2)

    def __invert__(self):
        return functions.invert(self)

    def __and__(self, other):
        return functions.bitwise("and", self, other)

    def __or__(self, other):
        return functions.bitwise("or", self, other)

    def __xor__(self, other):
        return functions.bitwise("xor", self, other)

    def __rand__(self, other):
        return functions.bitwise("and", self, other)

    def __ror__(self, other):
        return functions.bitwise("or", self, other)

    def __rxor__(self, other):
        return functions.bitwise("xor", self, other)

    def reshape(self, *shape, **kwargs):
        """Return the array in another shape, of which one size may be -1.

        Examples
        --------
        >>> from microlazy import np
        >>> np.zeros((2, 3)).reshape(-1).shape
        (6,)
        """
        given = kwargs.pop("newshape", shape[0] if len(shape) == 1 else shape)
        order = kwargs.pop("order", "C")
        if kwargs:
            raise TypeError(f"reshape() got an unexpected argument {next(iter(kwargs))!r}")
        if order != "C":
            raise ValueError(f"reshape: only order='C' is supported, not {order!r}")
        return functions.reshape(self, given)

    def broadcast_like(self, other):
        """Return the array broadcast to another's shape."""
        return functions.broadcast_to(self, other.shape)

    def reshape_like(self, other):
        """Return the array in another's shape."""
        return functions.reshape(self, other.shape)

    # NumPy's arguments; the common ones without a detour.

    def sum(self, axis=None, dtype=None, out=None, keepdims=False, **options):
        """The sum over all axes, or those named; see `np.sum`."""
        if dtype is None and out is None and not options:
            return reduce(R_SUM, self, axis, keepdims, False)
        return of_namespace("sum", self, axis, dtype, out, keepdims, options)

    def prod(self, axis=None, dtype=None, out=None, keepdims=False, **options):
        """The product over all axes, or those named; see `np.prod`."""
        if dtype is None and out is None and not options:
            return reduce(R_PROD, self, axis, keepdims, False)
        return of_namespace("prod", self, axis, dtype, out, keepdims, options)

    def mean(self, axis=None, dtype=None, out=None, keepdims=False, **options):
        """The mean over all axes, or those named; see `np.mean`."""
        if dtype is None and out is None and not options:
            return mean(self, axis, keepdims, False)
        return of_namespace("mean", self, axis, dtype, out, keepdims, options)

    def var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
        """The variance over all axes, or those named; see `np.var`."""
        if dtype is None and out is None and not options:
            return functions.var(self, axis, ddof, keepdims)
        return of_namespace("var", self, axis, dtype, out, keepdims, {"ddof": ddof} | options)

    def std(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options):
        """The standard deviation over all axes, or those named; see `np.std`."""
        if dtype is None and out is None and not options:
            return functions.root_of_variance(functions.var(self, axis, ddof, keepdims))
        return of_namespace("std", self, axis, dtype, out, keepdims, {"ddof": ddof} | options)

    def max(self, axis=None, out=None, keepdims=False, **options):
        """The largest element over all axes, or those named; see `np.max`."""
        if out is None and not options:
            return reduce(R_MAX, self, axis, keepdims, False)
        return of_namespace("max", self, axis, None, out, keepdims, options)

    def min(self, axis=None, out=None, keepdims=False, **options):
        """The smallest element over all axes, or those named; see `np.min`."""
        if out is None and not options:
            return reduce(R_MIN, self, axis, keepdims, False)
        return of_namespace("min", self, axis, None, out, keepdims, options)

    def argmax(self, axis=None, out=None, *, keepdims=False):
        """The place of the largest element, the first one if there are several."""
        places = arg_reduce(R_MAX, self, axis, keepdims)
        return places if out is None else functions.write_into(out, places)

    def argmin(self, axis=None, out=None, *, keepdims=False):
        """The place of the smallest element, the first one if there are several."""
        places = arg_reduce(R_MIN, self, axis, keepdims)
        return places if out is None else functions.write_into(out, places)


cdef object of_namespace(str name, object x, object axis, object dtype, object out,
                         object keepdims, dict options):
    """A reduction with all the arguments that np's function knows."""
    if dtype is not None:
        options["dtype"] = dtype
    return getattr(PROTOCOLS.namespace(), name)(x, axis=axis, out=out, keepdims=keepdims, **options)


cdef str printed(array):
    """NumPy's text, with the dtype of everything but float32 and bool."""
    if array.dtype.name in ("float32", "bool"):
        dtype = ""
    else:
        dtype = f"dtype={array.dtype.name}"
    if array.size == 0 and array.ndim != 1:
        dtype = ", ".join(filter(None, [f"shape={array.shape}", dtype]))
    body = numpy.array2string(array, separator=", ", prefix="array(", suffix=")")
    if not dtype:
        return f"array({body})"
    last = body.rpartition("\n")[2]
    indent = len("array(") if last is body else 0
    if len(last) + indent + len(dtype) + 3 > numpy.get_printoptions()["linewidth"]:
        return f"array({body},\n      {dtype})"
    return f"array({body}, {dtype})"


register_face(ND, NDArray)
register_face(NP, ndarray)
on_empty_cache(empty_cache)
