"""Networks as estimators of scikit-learn."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, Self

import numpy

from . import initializer, ndarray
from .base import AbstractValueError
from .gluon import nn
from .gluon.block import Block
from .gluon.contrib.estimator import EpochEnd, Estimator
from .gluon.data import ArrayDataset, DataLoader
from .gluon.data._workers import own_random_numbers, set_seeds
from .gluon.loss import L2Loss, Loss, SoftmaxCrossEntropyLoss
from .gluon.trainer import Trainer
from .optimizer import Optimizer
from .util import np_array, np_shape

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        f"microlazy.sklearn needs scikit-learn 1.6 or later ({error}): "
        "pip install 'microlazy[sklearn]'"
    ) from error

__all__ = ["LazyClassifier", "LazyRegressor"]

Net = Block | Callable[[int], Block] | None


class _LazyEstimator(BaseEstimator):
    """What both share: a network of known depth and unknown sizes, trained on arrays."""

    def __init__(
        self,
        net: Net = None,
        *,
        hidden_units: Sequence[int] = (64,),
        activation: str = "relu",
        loss: Loss | None = None,
        optimizer: str | Optimizer = "adam",
        optimizer_params: Mapping[str, Any] | None = None,
        learning_rate: float = 0.01,
        initializer: Any = "xavier",
        batch_size: int = 32,
        epochs: int = 50,
        dtype: str = "float64",
        event_handlers: Sequence[Any] = (),
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.net = net
        self.hidden_units = hidden_units
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate = learning_rate
        self.initializer = initializer
        self.batch_size = batch_size
        self.epochs = epochs
        self.dtype = dtype
        self.event_handlers = event_handlers
        self.verbose = verbose
        self.random_state = random_state

    def _train(self, x: numpy.ndarray, y: numpy.ndarray, units: int, loss: Loss) -> Self:
        """Make a network, let it find its sizes, and train it."""
        for name in ("batch_size", "epochs"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} must be at least 1, but it is {getattr(self, name)!r}")
        if isinstance(self.hidden_units, Integral):
            raise TypeError(
                "hidden_units must be a sequence of sizes, one for each hidden layer, such as "
                f"({self.hidden_units},), but it is {self.hidden_units!r}"
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with own_random_numbers(), np_shape(False), np_array(False):
            set_seeds(seed)
            net = self._made(units)
            net.cast(self.dtype)
            net.initialize(initializer.create(self.initializer or "uniform"))
            self._check_output(net, x, units)
            losses = _Losses()
            trained = Estimator(
                net, self.loss or loss, trainer=Trainer(net.collect_params(), *self._rule())
            )
            trained.logger.setLevel(logging.INFO if self.verbose else logging.ERROR)
            data = DataLoader(ArrayDataset(x, y), self.batch_size, shuffle=True)
            handlers = [*copy.deepcopy(list(self.event_handlers)), losses]
            trained.fit(data, epochs=self.epochs, event_handlers=handlers)
        self.net_, self.loss_curve_ = net, losses.values
        return self

    def _made(self, units: int) -> Block:
        if isinstance(self.net, Block):
            return copy.deepcopy(self.net)
        if self.net is not None:
            net = self.net(units)
            if not isinstance(net, Block):
                raise TypeError(f"net({units}) must return a Block, but it returned {net!r}")
            return net
        net = nn.HybridSequential()
        for count in self.hidden_units:
            net.add(nn.Dense(count, activation=self.activation))
        net.add(nn.Dense(units))
        net.hybridize()
        return net

    def _rule(self) -> tuple[Any, ...]:
        if isinstance(self.optimizer, Optimizer):
            return (copy.deepcopy(self.optimizer),)
        return self.optimizer, {
            "learning_rate": self.learning_rate,
            **(self.optimizer_params or {}),
        }

    def _check_output(self, net: Block, x: numpy.ndarray, units: int) -> None:
        count = min(len(x), self.batch_size)
        try:
            shape = net.dry_run((count, *x.shape[1:]), dtype=self.dtype)
        except AbstractValueError:  # a network that decides by values runs on values only
            return
        if shape != (count, units):
            raise ValueError(
                f"the network must give {units} numbers for each sample, but for an input of shape "
                f"{x.shape} its output has shape {shape}"
            )

    def _scores(self, X: Any) -> numpy.ndarray:
        """What the network gives for each sample."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=self.dtype, allow_nd=True, reset=False)
        with np_shape(False), np_array(False):
            return numpy.concatenate(list(self._batches(x)))

    def _batches(self, x: numpy.ndarray) -> Iterator[numpy.ndarray]:
        size = max(int(self.batch_size), 256)
        for start in range(0, len(x), size):
            yield self.net_(ndarray.array(x[start : start + size], dtype=self.dtype)).asnumpy()


class _Losses(EpochEnd):
    """Keeps the loss of each epoch."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def epoch_end(self, estimator: Estimator, *args: Any, **kwargs: Any) -> None:
        self.values.append(estimator.train_metrics[-1].get()[1])


class LazyClassifier(ClassifierMixin, _LazyEstimator):
    """A classifier that trains a network; no size of the input has to be said.

    Parameters
    ----------
    net : Block or callable, optional
        The network, which gives a score for each class: a block, of which `fit` trains a copy, or
        a function of the number of classes that makes one.  By default dense layers.
    hidden_units : sequence of int
        How many units each layer has, without `net`.
    activation : str
        Behind each of these layers.
    loss : gluon.loss.Loss, optional
        Of scores and numbers of classes; by default `SoftmaxCrossEntropyLoss`.
    optimizer : str or Optimizer
        What moves the parameters.
    optimizer_params : dict, optional
        Further arguments of an optimizer given by name.
    learning_rate : float
        For an optimizer given by name.
    initializer : Initializer or str, optional
        What gives parameters their first values.
    batch_size, epochs : int
        How many samples a step takes, and how often all are gone through.
    dtype : {'float64', 'float32'}
        In which floating-point type to compute.  With float32, which is faster, the last digits
        of a prediction may depend on what is predicted together with it.
    event_handlers : sequence of EventHandler
        Further handlers of `gluon.contrib.estimator`; copies of them are told.
    verbose : int
        1 to print a line for each epoch.
    random_state : int, RandomState or None
        Where random numbers begin.  All generators are afterwards as they were.

    Attributes
    ----------
    net_ : Block
        The trained network.
    classes_ : numpy.ndarray
        The classes in order.
    loss_curve_ : list of float
        The mean loss of each epoch.
    n_features_in_ : int
        The number of features, or of channels.

    Notes
    -----
    `fit` takes samples of one axis or several: images of shape (channels, height, width) too.
    Features should have similar scales: put a `StandardScaler` before.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LazyClassifier(random_state=0))
    >>> bool(model.fit(X, y).score(X, y) > 0.95)
    True
    >>> model[-1].net_[0]
    Dense(4 -> 64, Activation(relu))
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (samples, features), or with more axes
            The samples.
        y : array-like of shape (samples,)
            Their classes: numbers or text.

        Returns
        -------
        LazyClassifier
            Itself.

        Raises
        ------
        ValueError
            If the data is not numbers, or there are fewer than two classes.

        Examples
        --------
        >>> model = LazyClassifier(epochs=1).fit([[0.0], [1.0]], ["no", "yes"])
        >>> [str(name) for name in model.classes_]
        ['no', 'yes']
        """
        X, y = validate_data(self, X, y, dtype=self.dtype, allow_nd=True)
        check_classification_targets(y)
        self.classes_, numbers = numpy.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"LazyClassifier needs samples of at least 2 classes, but there is one class: "
                f"{self.classes_[0]!r}"
            )
        labels = numbers.astype(self.dtype)
        return self._train(X, labels, len(self.classes_), SoftmaxCrossEntropyLoss())

    def decision_function(self, X: Any) -> numpy.ndarray:
        """The network's scores.

        Parameters
        ----------
        X : array-like
            Samples as in `fit`.

        Returns
        -------
        numpy.ndarray
            Of shape (samples, classes); for two classes the difference, of shape (samples,).

        Examples
        --------
        >>> model = LazyClassifier(epochs=1).fit([[0.0], [1.0], [2.0]], [0, 1, 2])
        >>> model.decision_function([[0.0], [1.0]]).shape
        (2, 3)
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X: Any) -> numpy.ndarray:
        """The probability of each class.

        Parameters
        ----------
        X : array-like
            Samples as in `fit`.

        Returns
        -------
        numpy.ndarray of shape (samples, classes)
            Each row has the sum 1.

        Examples
        --------
        >>> model = LazyClassifier(epochs=1).fit([[0.0], [1.0]], [0, 1])
        >>> model.predict_proba([[0.5]]).sum().round(6)
        np.float64(1.0)
        """
        scores = self._scores(X)
        powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> numpy.ndarray:
        """The class of each sample.

        Parameters
        ----------
        X : array-like
            Samples as in `fit`.

        Returns
        -------
        numpy.ndarray of shape (samples,)
            Those of `classes_` with the highest scores.

        Examples
        --------
        >>> model = LazyClassifier(random_state=0).fit([[-1.0], [1.0]], ["no", "yes"])
        >>> [str(name) for name in model.predict([[-2.0], [2.0]])]
        ['no', 'yes']
        """
        places = self._scores(X).argmax(axis=1)
        return self.classes_[places]


class LazyRegressor(RegressorMixin, _LazyEstimator):
    """A regressor that trains a network; no size of the input has to be said.

    Its parameters are those of `LazyClassifier`; `net` gives a number for each target, and the
    default `loss` is `L2Loss`.

    Attributes
    ----------
    net_ : Block
        The trained network.
    loss_curve_ : list of float
        The mean loss of each epoch.
    n_features_in_ : int
        The number of features, or of channels.

    Notes
    -----
    Targets should be of the size of 1: wrap it into a `TransformedTargetRegressor`.

    Examples
    --------
    >>> import numpy
    >>> x = numpy.linspace(-1, 1, 100)[:, None]
    >>> model = LazyRegressor(random_state=0).fit(x, abs(x[:, 0]))
    >>> bool(model.score(x, abs(x[:, 0])) > 0.95)
    True
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (samples, features), or with more axes
            The samples.
        y : array-like of shape (samples,) or (samples, targets)
            What is to be predicted.

        Returns
        -------
        LazyRegressor
            Itself.

        Raises
        ------
        ValueError
            If the data is not numbers.

        Examples
        --------
        >>> model = LazyRegressor(epochs=1).fit([[0.0], [1.0]], [[0.0, 1.0], [1.0, 0.0]])
        >>> model.predict([[0.5]]).shape
        (1, 2)
        """
        X, y = validate_data(
            self, X, y, dtype=self.dtype, allow_nd=True, multi_output=True, y_numeric=True
        )
        self._flat = y.ndim == 1
        targets = y.reshape(len(y), -1).astype(self.dtype)
        return self._train(X, targets, targets.shape[1], L2Loss())

    def predict(self, X: Any) -> numpy.ndarray:
        """The targets of each sample.

        Parameters
        ----------
        X : array-like
            Samples as in `fit`.

        Returns
        -------
        numpy.ndarray of float64
            Of shape (samples,), or (samples, targets) if `fit` was given two axes.

        Examples
        --------
        >>> model = LazyRegressor(epochs=1).fit([[0.0], [1.0]], [0.0, 1.0])
        >>> model.predict([[0.5]]).shape
        (1,)
        """
        scores = self._scores(X).astype("float64")  # which scikit-learn expects of regressors
        return scores[:, 0] if self._flat else scores

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
