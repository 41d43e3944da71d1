"""The regression is a linear SVR on the features themselves, in points of the item."""

import numpy as np
import pytest
from sklearn.svm import SVR

from grading.regression import DualFit, Regression, Target, fit

ONE_SIDED, TWO_SIDED = Target(0, 100), Target(0, 200)


def gram(features: np.ndarray) -> np.ndarray:
    return features.astype(np.float64) @ features.T.astype(np.float64)


def weights(model: DualFit, features: np.ndarray) -> np.ndarray:
    return model.coefficients @ features.astype(np.float64)


@pytest.mark.parametrize("item", [ONE_SIDED, TWO_SIDED])
def test_the_fit_equals_a_linear_svr_on_the_features(item: Target) -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(30, 200)).astype(np.float32)
    labels = np.clip(item.span * (0.5 + features[:, 0] / 4), item.low, item.high).astype(np.float64)
    settings = Regression(epsilon=0.05, c=2.0)

    model = fit(gram(features), labels, item, settings)

    unit = np.sqrt((features.astype(np.float64) ** 2).sum(axis=1).mean())
    peer = SVR(kernel="linear", C=settings.c, epsilon=settings.epsilon, tol=1e-6)
    peer.fit(features / unit, labels / item.span)
    new = rng.normal(size=(10, 200))
    expected = peer.predict(new / unit) * item.span
    assert new @ weights(model, features) + model.bias == pytest.approx(expected, abs=1e-3 * item.span)
    assert set(np.flatnonzero(model.coefficients)) == set(peer.support_)
    dual = np.zeros(30)
    dual[peer.support_] = peer.dual_coef_[0] * item.span / unit**2
    assert model.coefficients == pytest.approx(dual, abs=1e-4 * np.abs(dual).max())
    primal = peer.coef_[0] * item.span / unit
    assert weights(model, features) == pytest.approx(primal, abs=1e-3 * np.abs(primal).max())


def test_dual_and_primal_predict_the_same() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(20, 50))
    model = fit(gram(features), rng.uniform(0, 200, 20), TWO_SIDED, Regression(epsilon=0.01))
    new = rng.normal(size=(5, 50))
    assert model.predict(new @ features.T) == pytest.approx(new @ weights(model, features) + model.bias)


def test_the_unit_of_the_features_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(20, 50))
    labels = rng.uniform(0, 100, 20)
    one, other = (fit(gram(scale * features), labels, ONE_SIDED, Regression()) for scale in (1.0, 1000.0))
    assert one.predict(gram(features)) == pytest.approx(other.predict(gram(1000 * features)), abs=0.1)


def test_a_kernel_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        fit(np.eye(3), np.zeros(4), ONE_SIDED, Regression())


def test_a_heavier_row_is_fitted_closer() -> None:
    rng = np.random.default_rng(6)
    kernel = gram(rng.normal(size=(12, 4)))
    labels = rng.uniform(0, 100, 12)
    misses = [
        abs(fit(kernel, labels, ONE_SIDED, Regression(0.01, 0.1), weights).predict(kernel)[0] - labels[0])
        for weights in (np.ones(12), np.array([50.0] + [1.0] * 11))
    ]
    assert misses[1] < 0.5 * misses[0]


def test_features_without_size_do_not_divide_by_zero() -> None:
    model = fit(np.zeros((3, 3)), np.array([20.0, 50.0, 80.0]), ONE_SIDED, Regression())
    assert np.isfinite(model.predict(np.zeros((1, 3)))).all()
