"""Gradients of gradients: curvature, Jacobians, penalties on slopes, and operators of your own.

What you learn: with `create_graph=True` a gradient is computed from recorded operations like any
other result, so it can be differentiated again, as often as you like. Five short experiments use
this: the derivatives of two curves, products with a Hessian that is never written down, a Jacobian
row by row, a network that is trained to be smooth, and an operator with a gradient of its own. Each
checks what it says.

Run: python tutorials/gradients_of_gradients.py [--output DIR]
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy

import microlazy as mx
from microlazy import autograd, gluon, init, np, npx
from microlazy.gluon import nn

npx.set_np()
mx.random.seed(1)


# ---- 1. A derivative, and the derivative of that -------------------------------------------------


def derivatives(function, x, orders):
    """Return function(x) and as many of its derivatives at each element of x."""
    x.attach_grad()
    with autograd.record():
        found = [function(x)]
        for _ in range(orders):
            # Each element of the result depends on its own element of x only. So the gradient of
            # the sum, which `grad` computes, has the derivatives of all elements.
            found += autograd.grad(found[-1], x, create_graph=True)
    return found


x = np.linspace(-3, 3, 241, dtype="float64")
sine = derivatives(np.sin, x, 3)
for ours, exact in zip(sine, (np.sin(x), np.cos(x), -np.sin(x), -np.cos(x)), strict=True):
    assert abs(ours - exact).max() < 1e-12

# Of t = tanh(x) the derivatives are polynomials: 1 - t^2, -2t(1 - t^2), (6t^2 - 2)(1 - t^2).
tanh = derivatives(np.tanh, x, 3)
t = np.tanh(x)
for ours, exact in zip(
    tanh, (t, 1 - t**2, -2 * t * (1 - t**2), (6 * t**2 - 2) * (1 - t**2)), strict=True
):
    assert abs(ours - exact).max() < 1e-12
print("1. three derivatives of sin and of tanh agree with their formulas")


# ---- 2. A Hessian that is only multiplied --------------------------------------------------------


def rosenbrock(x):
    """Return Rosenbrock's curved valley (1960); its lowest point has 1 in every place."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def slope_and_product(function, x, v):
    """Return the gradient g of a function at x, and its Hessian times v.

    The Hessian is the Jacobian of g, and symmetric: H v is the gradient of the number g . v. That
    costs about as much as two gradients, however many numbers x has (Pearlmutter 1994).
    """
    x.attach_grad()
    with autograd.record():
        (slope,) = autograd.grad(function(x), x, create_graph=True)
        along = (slope * v).sum()
    return slope.detach(), autograd.grad(along, x)[0]


def newton_step(function, x, rounds):
    """Solve H d = -g by conjugate gradients (Hestenes and Stiefel 1952), from products with H."""
    step = np.zeros_like(x)
    slope, _ = slope_and_product(function, x, step)
    residual = way = -slope
    for _ in range(rounds):
        curved = slope_and_product(function, x, way)[1]
        length = (residual**2).sum() / (way * curved).sum()
        step = step + length * way
        left = residual - length * curved
        way = left + (left**2).sum() / (residual**2).sum() * way
        residual = left
        if float((residual**2).sum()) < 1e-24:
            break
    return step


place = np.array([1.2, 1.3, 1.5, 2.1, 4.2], dtype="float64")
v = np.array([1, -2, 0.5, 0, 3], dtype="float64")
product = slope_and_product(rosenbrock, place, v)[1]
ahead, behind = (slope_and_product(rosenbrock, place + h * v, v)[0] for h in (1e-5, -1e-5))
assert abs(product - (ahead - behind) / 2e-5).max() < 1e-4 * abs(product).max()

values = [float(rosenbrock(place))]
while values[-1] > 1e-20 and len(values) < 30:
    place = place + newton_step(rosenbrock, place, rounds=10)
    values.append(float(rosenbrock(place)))
assert abs(place - 1).max() < 1e-8
print(
    f"2. Newton's method without a Hessian: in {len(values) - 1} steps from "
    f"{values[0]:.0f} to {values[-1]:.0e}"
)


# ---- 3. A Jacobian, row by row -------------------------------------------------------------------


def jacobian(function, x):
    """Return the derivative of each output of a function by each element of x, as a matrix."""
    x.attach_grad()
    with autograd.record():
        y = function(x)
    rows = []
    for chosen in np.eye(y.size, dtype=y.dtype):
        # A head gradient with a single 1 picks one output; the graph stays for the next.
        rows += autograd.grad(y, x, head_grads=chosen.reshape(y.shape), retain_graph=True)
    return np.stack(rows)


def plane(polar):
    """Return the point of the plane with a radius and an angle."""
    radius, angle = polar
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)])


radius, angle = 2.0, 0.5
found = jacobian(plane, np.array([radius, angle], dtype="float64")).asnumpy()
cosine, sinus = numpy.cos(angle), numpy.sin(angle)
assert numpy.allclose(found, [[cosine, -radius * sinus], [sinus, radius * cosine]])
# A small area in polar coordinates is stretched by the radius.
assert abs(numpy.linalg.det(found) - radius) < 1e-12
print(f"3. the Jacobian of polar coordinates has the determinant {numpy.linalg.det(found):.4f}")


# ---- 4. A network whose slope is part of its loss ------------------------------------------------


PENALTY = 0.02


def curve(x):
    """Return what the network should learn."""
    return numpy.sin(2 * x)


def column(numbers):
    """Return numbers as a batch of rows with one number each."""
    return np.array(numbers, dtype="float32").reshape(-1, 1)


def fit(points, labels, penalty, steps=1000):
    """Train a small network on few noisy points; a penalty weighs the square of its slope."""
    mx.random.seed(3)
    net = nn.HybridSequential()
    net.add(nn.Dense(48, activation="tanh"), nn.Dense(48, activation="tanh"), nn.Dense(1))
    net.initialize(init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    everywhere = column(numpy.linspace(-2, 2, 60))
    everywhere.attach_grad()
    for _ in range(steps):
        with autograd.record():
            loss = ((net(points) - labels) ** 2).mean()
            if penalty:
                # The slope is a result like any other: the weights learn from its square, too
                # (Drucker and LeCun 1992, double backpropagation).
                (slope,) = autograd.grad(net(everywhere), everywhere, create_graph=True)
                loss = loss + penalty * (slope**2).mean()
        loss.backward()
        trainer.step(1)
    return net


noise = numpy.random.default_rng(2)
points = numpy.linspace(-2, 2, 24)
labels = curve(points) + noise.normal(0, 0.4, 24)
grid = numpy.linspace(-2, 2, 200)
answers = {
    penalty: fit(column(points), column(labels), penalty)(column(grid)).asnumpy().ravel()
    for penalty in (0, PENALTY)
}
errors = {p: float(numpy.sqrt(((a - curve(grid)) ** 2).mean())) for p, a in answers.items()}
slopes = {p: float(abs(numpy.gradient(a, grid)).max()) for p, a in answers.items()}
assert slopes[PENALTY] < slopes[0] / 2
assert errors[PENALTY] < 0.8 * errors[0]
print(
    f"4. a penalty on the slope: the steepest place falls from {slopes[0]:.1f} to "
    f"{slopes[PENALTY]:.1f}, the error from {errors[0]:.2f} to {errors[PENALTY]:.2f}"
)


# ---- 5. An operator of your own ------------------------------------------------------------------


class Softplus(autograd.Function):
    """log(1 + exp(x)), without overflow in it or in its gradient."""

    def forward(self, x):
        self.save_for_backward(x)
        return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy * npx.sigmoid(x)


x = np.array([-800, -2, 0, 2, 800], dtype="float64")
value, slope, curved = derivatives(lambda x: Softplus()(x), x, 2)
sigmoid = npx.sigmoid(x)
assert np.isfinite(value).all()
assert abs(slope - sigmoid).max() < 1e-12
# `backward` is written in operators that have gradients, so the second derivative is there, too.
assert abs(curved - sigmoid * (1 - sigmoid)).max() < 1e-12
print("5. softplus of", x[-1].item(), "is", value[-1].item(), "and its slope", slope[-1].item())


# ---- The picture ---------------------------------------------------------------------------------


def draw(path):
    """Draw the derivatives, and the two networks."""
    colours = ("#1b2a41", "#30638e", "#d1495b", "#edae49")
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
    at = numpy.linspace(-3, 3, 241)
    for axes, name, lines in zip(panels, ("sin", "tanh"), (sine, tanh), strict=False):
        orders = (name, "first derivative", "second derivative", "third derivative")
        for line, colour, label in zip(lines, colours, orders, strict=True):
            axes.plot(at, line.asnumpy(), color=colour, label=label)
        axes.set(title=f"{name} and its derivatives", xlabel="x")
    axes = panels[2]
    axes.plot(grid, curve(grid), color="#bbbbbb", linewidth=4, label="the truth")
    axes.plot(points, labels, "o", color=colours[0], markersize=4, label="what was seen")
    axes.plot(grid, answers[0], color=colours[3], label="trained on it alone")
    axes.plot(grid, answers[PENALTY], color=colours[2], label="with a penalty on the slope")
    axes.set(title="A network that is asked to be smooth", xlabel="x")
    for axes in panels:
        axes.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--output", type=Path, default=Path("."), help="for the picture")
output = parser.parse_args().output
output.mkdir(parents=True, exist_ok=True)
draw(output / "derivatives.png")
print(f"saved {output / 'derivatives.png'}")
