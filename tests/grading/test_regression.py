"""The regression is a linear SVR on the features themselves, in points of the item."""

import numpy as np
import pytest
from sklearn.svm import SVR

from grading.regression import Regression, clip, fit, gram
from grading.scales import EFACE


@pytest.mark.parametrize("item_id", ["R1", "M1"])
def test_the_fit_equals_a_linear_svr_on_the_features(item_id: str) -> None:
    item = EFACE.by_id[item_id]
    rng = np.random.default_rng(3)
    features = rng.normal(size=(30, 200)).astype(np.float32)
    labels = np.clip(item.span * (0.5 + features[:, 0] / 4), item.low, item.high).astype(np.float64)
    settings = Regression(epsilon=0.05, c=2.0)

    linear = fit(gram(features), labels, item, settings).primal(features)

    size = np.sqrt((features.astype(np.float64) ** 2).sum(axis=1).mean())
    peer = SVR(kernel="linear", C=settings.c, epsilon=settings.epsilon, tol=1e-6)
    peer.fit(features / size, labels / item.span)
    new = rng.normal(size=(10, 200))
    expected = peer.predict(new / size) * item.span
    assert new @ linear.weights + linear.bias == pytest.approx(expected, abs=1e-3 * item.span)


def test_dual_and_primal_predict_the_same() -> None:
    item = EFACE.by_id["R1"]
    rng = np.random.default_rng(4)
    features = rng.normal(size=(20, 50))
    model = fit(gram(features), rng.uniform(0, 200, 20), item, Regression(epsilon=0.01))
    linear = model.primal(features)
    new = rng.normal(size=(5, 50))
    assert model.predict(new @ features.T) == pytest.approx(new @ linear.weights + linear.bias)


def test_the_unit_of_the_features_does_not_matter() -> None:
    item = EFACE.by_id["M1"]
    rng = np.random.default_rng(5)
    features = rng.normal(size=(20, 50))
    labels = rng.uniform(0, 100, 20)
    one, other = (fit(gram(scale * features), labels, item, Regression()) for scale in (1.0, 1000.0))
    assert one.predict(gram(features)) == pytest.approx(other.predict(gram(1000 * features)), abs=0.1)


def test_scores_are_brought_into_the_items_range() -> None:
    scores = np.array([-5.0, 50.0, 150.0])
    assert clip(scores, EFACE.by_id["M1"]).tolist() == [0.0, 50.0, 100.0]
    assert clip(scores, EFACE.by_id["R1"]).tolist() == [0.0, 50.0, 150.0]


def test_a_kernel_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        fit(np.eye(3), np.zeros(4), EFACE.by_id["M1"], Regression())
