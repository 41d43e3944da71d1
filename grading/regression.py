"""One linear epsilon-SVR per item.

Source: Raj et al., Section 4.4 (linear kernel, epsilon = 0.1, labels scaled to [0, 1] by the item's range).

Features have many more dimensions than there are recordings, so the fit works on the n x n Gram matrix and
the weight vector is recovered afterwards from the dual coefficients: w = sum of coefficient times features
over the support vectors. That is the same model as a linear SVR on the features themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Regression:
    """Settings of the regression.

    ``epsilon``: half-width of the tube in which errors cost nothing, on labels scaled to [0, 1].
    ``c``: cost of an error outside it, for features divided by their root-mean-square norm, so that one
    value means the same for every backbone and layer. ``calibrated``: whether scores are stretched about
    normal by what cross-validation within the training recordings finds missing (`grading.calibration`).
    """

    epsilon: float = 0.1
    c: float = 1.0
    calibrated: bool = False


@dataclass(frozen=True)
class Target:
    """The range of what is predicted: labels are scaled by it to [0, 1]."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """Width of the range."""
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class DualFit:
    """A fitted SVR in dual form: score = kernel row . ``coefficients`` + ``bias``, in points."""

    coefficients: Floats
    bias: float

    def predict(self, kernel: Floats) -> Floats:
        """Scores (m,) in points, not clipped, from the kernel (m, n) between new and training features."""
        return kernel @ self.coefficients + self.bias

    def stretched(self, factor: float, fixed: float) -> "DualFit":
        """The fit whose scores lie ``factor`` times as far from the score ``fixed``."""
        return DualFit(factor * self.coefficients, fixed + factor * (self.bias - fixed))


def size(kernel: Floats) -> float:
    """The mean square norm of the features behind a Gram matrix (n, n); 1 where all of them are zero."""
    return float(np.trace(kernel)) / len(kernel) or 1.0


def fit(
    kernel: Floats, labels: Floats, target: Target, settings: Regression, weights: Floats | None = None
) -> DualFit:
    """Fit one target from the Gram matrix (n, n) of its features and its labels (n,) in points.

    ``weights`` (n,) multiply C for each row.

    Raises ValueError where the shapes do not agree or a value is not finite.
    """
    if kernel.shape != (len(labels), len(labels)):
        raise ValueError(f"kernel {kernel.shape} does not fit {len(labels)} labels")
    # dividing the kernel by its mean diagonal scales the features to unit size
    unit = size(kernel)
    # Only training needs scikit-learn; grading starts without it.
    from sklearn.svm import SVR

    model = SVR(kernel="precomputed", C=settings.c, epsilon=settings.epsilon, tol=1e-5)
    model.fit(kernel / unit, (labels - target.low) / target.span, sample_weight=weights)
    coefficients = np.zeros(len(labels))
    coefficients[model.support_] = model.dual_coef_[0] * target.span / unit
    return DualFit(coefficients, float(model.intercept_[0]) * target.span + target.low)
