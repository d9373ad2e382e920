"""Optimizers' updates: all parameters in one call, in place."""

from cpython.list cimport PyList_GET_SIZE
from cython.parallel cimport prange
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport Update
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, threads
from microlazy.core.tape cimport Variable
from microlazy.core.tensor cimport (
    FLOAT64, Tensor, itemsize, need_values, numpy_dtype, same_shape, shape_tuple,
)

from microlazy.base import ShapeError


cdef Tensor state_of(object states, Py_ssize_t i):
    return None if states is None else <Tensor?>(states[i])


cdef int check_length(list weights, object others) except -1:
    if len(others) != len(weights):
        raise ValueError(f"{len(weights)} weights need as many gradients, states, learning rates "
                         f"and weight decays; got {len(others)} of one of them")
    return 0


cdef int check_fit(Tensor weight, Tensor other, str what) except -1:
    need_values(weight, "it was to be updated")
    need_values(other, "it was to update a weight")
    if weight.dtype > FLOAT64 or other.dtype != weight.dtype:
        raise TypeError(f"{what} is {numpy_dtype(other.dtype)} and its weight is "
                        f"{numpy_dtype(weight.dtype)}: both must be float32, or both float64")
    if not same_shape(weight, other):
        raise ShapeError(f"{what} has shape {shape_tuple(other)}, but its weight has shape "
                         f"{shape_tuple(weight)}")
    if not (weight.contiguous and other.contiguous):
        raise ValueError("weights, gradients and states must be contiguous")
    if weight.block.readonly or (other.block.readonly and what != "a gradient"):
        raise ValueError("a read-only weight, or state, cannot be updated")
    return 0


cdef int apply_sgd(Update* u, Tensor weight, Tensor grad, Tensor momentum) except -1:
    cdef Py_ssize_t n = weight.size, i, size = CHUNK * itemsize(weight.dtype)
    cdef int dtype = weight.dtype
    cdef const char* g = grad.data
    cdef char* w = weight.data
    cdef char* m = NULL if momentum is None else momentum.data
    if n < LIGHT_GRAIN:
        kernels.sgd[dtype](u, g, w, m, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.sgd[dtype](u, g + i * size, w + i * size, NULL if m is NULL else m + i * size,
                           min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


cdef int apply_adam(Update* u, Tensor weight, Tensor grad, Tensor mean, Tensor var) except -1:
    cdef Py_ssize_t n = weight.size, i, size = CHUNK * itemsize(weight.dtype)
    cdef int dtype = weight.dtype
    cdef const char* g = grad.data
    cdef char* w = weight.data
    cdef char* m = mean.data
    cdef char* v = var.data
    if n < LIGHT_GRAIN:
        kernels.adam[dtype](u, g, w, m, v, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.adam[dtype](u, g + i * size, w + i * size, m + i * size, v + i * size,
                            min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


def sgd_update(list weights, list grads, momenta, list lrs, list wds, double momentum=0.0,
               double rescale_grad=1.0, clip_gradient=None) -> None:
    """Stochastic gradient descent on several weights.

    ``g = clip(rescale_grad * grad) + wd * weight``, then ``weight -= lr * g``, or with momentum
    ``m = momentum * m - lr * g; weight += m``.

    Parameters
    ----------
    weights, grads : list of arrays
    momenta : list of arrays, or None
    lrs, wds : list of float
    momentum, rescale_grad : float
    clip_gradient : float, optional

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import sgd_update
    >>> w = nd.array([1., 2.])
    >>> sgd_update([w], [nd.ones((2,))], None, [0.5], [0.0])
    >>> w.asnumpy()
    array([0.5, 1.5], dtype=float32)
    """
    cdef Update u
    cdef Py_ssize_t i
    cdef Tensor weight
    check_length(weights, grads)
    check_length(weights, lrs)
    check_length(weights, wds)
    if momenta is not None:
        check_length(weights, momenta)
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor?>weights[i]
        u.lr, u.wd = lrs[i], wds[i]
        check_fit(weight, <Tensor?>grads[i], "a gradient")
        if momenta is not None:
            check_fit(weight, state_of(momenta, i), "a momentum")
    u.rescale = rescale_grad
    u.clip = -1.0 if clip_gradient is None else clip_gradient
    u.momentum = momentum
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor>weights[i]
        u.lr = lrs[i]
        u.wd = wds[i]
        weight.block.version += 1
        apply_sgd(&u, weight, <Tensor>grads[i], state_of(momenta, i))


def adam_update(list weights, list grads, list means, list variances, list lrs, list wds,
                double beta1, double beta2, double epsilon, double rescale_grad=1.0,
                clip_gradient=None) -> None:
    """Adam (Kingma and Ba 2015) on several weights; the learning rates come corrected for bias.

    ``g = clip(rescale_grad * grad + wd * weight)``, ``m = beta1 * m + (1 - beta1) * g``,
    ``v = beta2 * v + (1 - beta2) * g**2``, ``weight -= lr * m / (sqrt(v) + epsilon)``.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import adam_update
    >>> w, m, v = nd.array([1.]), nd.zeros((1,)), nd.zeros((1,))
    >>> adam_update([w], [nd.ones((1,))], [m], [v], [0.1], [0.0], 0.0, 0.0, 0.0)
    >>> w.asnumpy()
    array([0.9], dtype=float32)
    """
    cdef Update u
    cdef Py_ssize_t i
    cdef Tensor weight
    for lists in (grads, means, variances, lrs, wds):
        check_length(weights, lists)
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor?>weights[i]
        u.lr, u.wd = lrs[i], wds[i]
        check_fit(weight, <Tensor?>grads[i], "a gradient")
        check_fit(weight, <Tensor?>means[i], "a mean")
        check_fit(weight, <Tensor?>variances[i], "a variance")
    u.rescale = rescale_grad
    u.clip = -1.0 if clip_gradient is None else clip_gradient
    u.beta1 = beta1
    u.beta2 = beta2
    u.epsilon = epsilon
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor>weights[i]
        u.lr = lrs[i]
        u.wd = wds[i]
        weight.block.version += 1
        apply_adam(&u, weight, <Tensor>grads[i], <Tensor>means[i], <Tensor>variances[i])


def stale(list weights) -> list:
    """Places of the weights whose gradient no backward pass wrote since mark_used().

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import stale
    >>> w = nd.ones((1,))
    >>> w.attach_grad()
    >>> stale([w])
    [0]
    """
    cdef list found = []
    cdef Py_ssize_t i
    cdef Tensor weight
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor?>weights[i]
        if type(weight.slot) is not Variable or not (<Variable>weight.slot).fresh:
            found.append(i)
    return found


def mark_used(list weights) -> None:
    """Count the weights' gradients as used, until a backward pass writes them again.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import mark_used
    >>> w = nd.ones((1,))
    >>> w.attach_grad()
    >>> mark_used([w])
    >>> w.fresh_grad
    False
    """
    cdef Py_ssize_t i
    cdef Tensor weight
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor?>weights[i]
        if type(weight.slot) is Variable:
            (<Variable>weight.slot).fresh = False
