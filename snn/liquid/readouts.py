"""Readouts of a liquid's features: linear, fitted once, with nothing in the liquid changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import choice, finite, keep, number, refusal, wholes

if TYPE_CHECKING:
    from snn.train import TrainConfig

__all__ = ["RIDGE_STRENGTHS", "Readout", "fit_readout", "train_readout"]

Kind = Literal["ridge", "logistic"]

RIDGE_STRENGTHS = (1e1, 1e2, 1e3, 1e4, 1e5)
"""Strengths that are tried by default."""


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """Score classes by a weighted sum of features.

    Attributes:
        weight: [F, C], float64.
        bias: [C], float64.
        strength: Strength of the regularisation that was chosen.

    Raises:
        ValueError: A number is not finite, or the shapes do not fit.
    """

    weight: Float64Array
    bias: Float64Array
    strength: float

    def __post_init__(self) -> None:
        keep(self, finite, "weight", "bias")
        keep(self, number, "strength", low=0)
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[1:]:
            shapes = f"{list(self.weight.shape)} and {list(self.bias.shape)}"
            raise ValueError(f"weight and bias must be of shapes [F, C] and [C], got {shapes}")

    def scores(self, features: ArrayLike) -> Float64Array:
        """Give the score of each class, [B, C].

        Raises:
            ValueError: Features of another width, or not finite.
        """
        x = _features("features", features)
        if x.shape[1] != len(self.weight):
            raise refusal("features", f"of width {len(self.weight)}, as the readout", x)
        return x @ self.weight + self.bias

    def predict(self, features: ArrayLike) -> Int64Array:
        """Give the class of each sample, [B]; of several with the best score the first."""
        return np.asarray(self.scores(features).argmax(axis=1), dtype=np.int64)

    def accuracy(self, features: ArrayLike, labels: ArrayLike) -> float:
        """Give the share of samples whose class is their label."""
        scored = self.predict(features)
        return float((scored == _labels(labels, len(scored))).mean())


def fit_readout(
    features: ArrayLike,
    labels: ArrayLike,
    valid_features: ArrayLike,
    valid_labels: ArrayLike,
    *,
    kind: Kind = "ridge",
    strengths: Sequence[float] = RIDGE_STRENGTHS,
) -> Readout:
    """Fit a readout: the strength that does best on the validation samples, then all samples together.

    Features are brought to mean 0 and deviation 1 for the fit (what does not vary is left out), and the readout is
    written for features as they are. Of equal strengths the larger wins.

    Args:
        features: Training features, [B, F].
        labels: Their classes, [B], from 0.
        valid_features: Validation features, [V, F].
        valid_labels: Their classes, [V].
        kind: "ridge": least squares on one number per class (+1 its own, -1 another), or "logistic".
        strengths: Strengths of the penalty on squared weights to choose from, > 0; for "logistic" it is 1 / C.

    Raises:
        ValueError: A shape does not fit, a value is out of range, or there are fewer than two classes.
    """
    choice("kind", kind, Kind)
    x, valid_x = _features("features", features), _features("valid_features", valid_features)
    y, valid_y = _labels(labels, len(x)), _labels(valid_labels, len(valid_x))
    if valid_x.shape[1] != x.shape[1]:
        raise refusal("valid_features", f"of width {x.shape[1]}, as features", valid_x)
    tried = sorted({number(f"strengths[{i}]", s, above=0) for i, s in enumerate(strengths)}, reverse=True)
    if not tried:
        raise refusal("strengths", "at least one", strengths)
    classes = int(max(y.max(), valid_y.max(initial=0))) + 1
    if np.unique(y).size < 2:
        raise refusal("labels", "of two classes or more", np.unique(y).tolist())
    best = tried[0]
    if len(tried) > 1:
        fit = _Fit(kind, x, y, classes)
        best = tried[int(np.argmax([fit.at(one).accuracy(valid_x, valid_y) for one in tried]))]
    return _Fit(kind, np.concatenate([x, valid_x]), np.concatenate([y, valid_y]), classes).at(best)


def train_readout(
    features: ArrayLike,
    labels: ArrayLike,
    valid_features: ArrayLike,
    valid_labels: ArrayLike,
    config: TrainConfig,
) -> Readout:
    """Train a `snn.nn.Linear` by `snn.train.fit`, on features brought to mean 0 and deviation 1.

    Args:
        features: Training features, [B, F].
        labels: Their classes, [B], from 0.
        valid_features: Validation features, [V, F], which select the epoch.
        valid_labels: Their classes, [V].
        config: How to train; a sample is one step.

    Returns:
        The readout for features as they are; its strength is the config's weight decay.

    Raises:
        ValueError: A shape does not fit, or as `fit`.
    """
    from snn.liquid.feature_batches import train_linear  # brings torch in

    x, valid_x = _features("features", features), _features("valid_features", valid_features)
    y, valid_y = _labels(labels, len(x)), _labels(valid_labels, len(valid_x))
    if valid_x.shape[1] != x.shape[1]:
        raise refusal("valid_features", f"of width {x.shape[1]}, as features", valid_x)
    scale = _Scale(x)
    classes = int(max(y.max(), valid_y.max(initial=0))) + 1
    trained = train_linear((scale.apply(x), y), (scale.apply(valid_x), valid_y), classes, config)
    return scale.undo(*trained, strength=config.weight_decay)


class _Scale:
    """Bring the features that vary to mean 0 and deviation 1, and weights of such back to features as they are."""

    def __init__(self, x: Float64Array) -> None:
        self._mean, deviation = x.mean(axis=0), x.std(axis=0)
        self._varies = deviation > 1e-9 * np.maximum(np.abs(self._mean), 1.0)
        self._deviation = deviation[self._varies]

    def apply(self, x: Float64Array) -> Float64Array:
        """Give the features that vary, scaled, [B, varying]."""
        return np.asarray((x[:, self._varies] - self._mean[self._varies]) / self._deviation)

    def undo(self, own: Float64Array, bias: Float64Array, strength: float) -> Readout:
        """Turn weights [varying, C] and biases of scaled features into a readout."""
        weight = np.zeros((len(self._mean), len(bias)))
        weight[self._varies] = own / self._deviation[:, None]
        return Readout(weight, bias - self._mean @ weight, strength)


class _Fit:
    """Fit readouts of several strengths on the same samples, their features brought to mean 0 and deviation 1."""

    def __init__(self, kind: str, x: Float64Array, y: Int64Array, classes: int) -> None:
        self._kind, self._y, self._classes, self._scale = kind, y, classes, _Scale(x)
        self._x = self._scale.apply(x)
        self._wide = self._x.shape[1] > len(x)
        if kind == "ridge":  # the smaller of the two products of features, once for all strengths
            self._gram = self._x @ self._x.T if self._wide else self._x.T @ self._x

    def at(self, strength: float) -> Readout:
        """Fit with one strength."""
        own, bias = self._ridge(strength) if self._kind == "ridge" else self._logistic(strength)
        return self._scale.undo(own, bias, strength)

    def _ridge(self, strength: float) -> tuple[Float64Array, Float64Array]:
        """Solve the normal equations for the weights of the scaled features; gives the bias too."""
        target = np.where(self._y[:, None] == np.arange(self._classes), 1.0, -1.0)
        bias = target.mean(axis=0)
        factor = cho_factor(self._gram + strength * np.eye(len(self._gram)))
        if self._wide:
            return self._x.T @ cho_solve(factor, target - bias), bias
        return cho_solve(factor, self._x.T @ (target - bias)), bias

    def _logistic(self, strength: float) -> tuple[Float64Array, Float64Array]:
        """Fit scikit-learn's; a class that training did not have is never chosen."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=1.0 / strength, max_iter=1000).fit(self._x, self._y)
        given, offset = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # one row there: the second class against the first
            given, offset = np.concatenate([-given, given]) / 2, np.concatenate([-offset, offset]) / 2
        weight = np.zeros((self._x.shape[1], self._classes))
        bias = np.full(self._classes, -1e9)
        weight[:, model.classes_], bias[model.classes_] = given.T, offset
        return weight, bias


def _features(name: str, values: ArrayLike) -> Float64Array:
    """Give features as float64 [B, F]."""
    array = finite(name, np.asarray(values))
    if array.ndim != 2 or not array.shape[1]:
        raise refusal(name, "of shape [B, F]", array)
    return array


def _labels(values: ArrayLike, samples: int) -> Int64Array:
    """Give classes, one per sample."""
    array = wholes("labels", values, low=0)
    if array.shape != (samples,):
        raise refusal("labels", f"{samples}, one per sample", array)
    return array
