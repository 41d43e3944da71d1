"""How far a regressor draws scores towards normal, measured on people it has not seen, to be undone.

A regressor with far more features than recordings answers with the smallest weights that explain its training
recordings. Of new people it then sees but a part of what it looks for, and their scores come out too near to
normal: each item a little, a sub-score, which is a mean of items, always to the same side.
"""

import numpy as np
from numpy.typing import NDArray

from grading.regression import Floats, Regression, Target, fit

FOLDS = 5
STEEPEST = 1.5
_FEWEST = 20


def slope(
    kernel: Floats,
    labels: Floats,
    persons: NDArray[np.str_],
    patients: NDArray[np.bool_],
    normal: float,
    target: Target,
    settings: Regression,
    weights: Floats,
) -> float:
    """The factor by which the distances of scores from ``normal`` have to be stretched, 1 to `STEEPEST`.

    By cross-validation split by person among the cases themselves: the least squares slope, through normal,
    of the labels (n,) of ``patients`` on their out-of-fold scores. ``kernel`` (n, n) and the other arrays
    (n,) are those of `fit`. Fewer than 20 patients' cases or two persons tell too little: 1.
    """
    from sklearn.model_selection import GroupKFold

    folds = min(FOLDS, len(set(persons)))
    if folds < 2 or patients.sum() < _FEWEST:
        return 1.0
    scores = np.empty(len(labels))
    for seen, unseen in GroupKFold(folds).split(labels, groups=persons):
        if len(set(labels[seen])) < 2:
            return 1.0
        fitted = fit(kernel[np.ix_(seen, seen)], labels[seen], target, settings, weights[seen])
        scores[unseen] = fitted.predict(kernel[np.ix_(unseen, seen)])
    told, given = scores[patients] - normal, labels[patients] - normal
    spread = float(told @ told)
    return float(np.clip(told @ given / spread, 1.0, STEEPEST)) if spread > 0 else 1.0
