# Steps of optimizers.

cdef inline floating clipped(const Update* u, floating g) noexcept nogil:
    cdef floating bound = <floating> (INFINITY if u.clip < 0 else u.clip)
    return bound if g > bound else (-bound if g < -bound else g)


cdef void sgd(
    const Update* u, const floating* grad, floating* weight, floating* state, Py_ssize_t n
) noexcept nogil:
    cdef Update step = u[0]
    cdef Py_ssize_t i
    cdef floating lr = <floating> u.lr, momentum = <floating> u.momentum, g
    cdef floating rescale = <floating> u.rescale, wd = <floating> u.wd
    if state == NULL:
        for i in range(n):
            g = clipped(&step, rescale * grad[i]) + wd * weight[i]
            weight[i] -= lr * g
    else:
        for i in range(n):
            g = clipped(&step, rescale * grad[i]) + wd * weight[i]
            state[i] = momentum * state[i] - lr * g
            weight[i] += state[i]


cdef void adam(
    const Update* u, const floating* grad, floating* weight, floating* mean, floating* var,
    Py_ssize_t n
) noexcept nogil:
    cdef Update step = u[0]
    cdef Py_ssize_t i
    cdef floating lr = <floating> u.lr, epsilon = <floating> u.epsilon
    cdef floating beta1 = <floating> u.beta1, beta2 = <floating> u.beta2
    cdef floating rest1 = <floating> (1 - u.beta1), rest2 = <floating> (1 - u.beta2), g
    cdef floating rescale = <floating> u.rescale, wd = <floating> u.wd
    for i in range(n):
        g = clipped(&step, rescale * grad[i] + wd * weight[i])
        mean[i] = beta1 * mean[i] + rest1 * g
        var[i] = beta2 * var[i] + rest2 * g * g
        weight[i] -= lr * mean[i] / (sqrt(var[i]) + epsilon)
