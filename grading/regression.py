"""One linear epsilon-SVR per item.

Source: Raj et al., Section 4.4 (linear kernel, epsilon = 0.1, labels scaled to [0, 1] by the item's range).

Features have many more dimensions than there are recordings, so the fit works on the n x n Gram matrix and
the weight vector is recovered afterwards from the dual coefficients: w = sum of coefficient times features
over the support vectors. That is the same model as a linear SVR on the features themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.scales import Item

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Regression:
    """Settings of the regression.

    ``epsilon``: half-width of the tube in which errors cost nothing, on labels scaled to [0, 1].
    ``c``: cost of an error outside it, for features divided by their root-mean-square norm, so that one
    value means the same for every backbone and layer.
    """

    epsilon: float = 0.1
    c: float = 1.0


@dataclass(frozen=True, eq=False)
class Linear:
    """score = features . ``weights`` + ``bias`` in points of the item, before clipping to its range."""

    weights: Floats
    bias: float


@dataclass(frozen=True, eq=False)
class DualFit:
    """A fitted SVR in dual form: score = kernel row . ``coefficients`` + ``bias``, in points of the item."""

    coefficients: Floats
    bias: float

    def predict(self, kernel: Floats) -> Floats:
        """Scores (m,) in points, not clipped, from the kernel (m, n) between new and training features."""
        return kernel @ self.coefficients + self.bias

    def primal(self, features: NDArray[np.floating]) -> Linear:
        """The weight vector (d,) from the training features (n, d)."""
        support = np.flatnonzero(self.coefficients)
        weights = self.coefficients[support] @ features[support].astype(np.float64)
        return Linear(weights, self.bias)


def gram(features: NDArray[np.floating]) -> Floats:
    """Inner products (n, n) in float64 of features (n, d)."""
    wide = features.astype(np.float64)
    return wide @ wide.T


def fit(kernel: Floats, labels: Floats, item: Item, settings: Regression) -> DualFit:
    """Fit one item from the Gram matrix (n, n) of its features and its labels (n,) in points.

    Raises ValueError where the shapes do not agree or a value is not finite.
    """
    if kernel.shape != (len(labels), len(labels)):
        raise ValueError(f"kernel {kernel.shape} does not fit {len(labels)} labels")
    # the mean square norm of the features; dividing the kernel by it scales the features to unit size
    size = float(np.trace(kernel)) / len(labels)
    # Only training needs scikit-learn; grading starts without it.
    from sklearn.svm import SVR

    model = SVR(kernel="precomputed", C=settings.c, epsilon=settings.epsilon, tol=1e-5)
    model.fit(kernel / size, (labels - item.low) / item.span)
    coefficients = np.zeros(len(labels))
    coefficients[model.support_] = model.dual_coef_[0] * item.span / size
    return DualFit(coefficients, float(model.intercept_[0]) * item.span + item.low)


def clip(scores: Floats, item: Item) -> Floats:
    """Scores brought into the item's range."""
    return np.clip(scores, item.low, item.high)
