"""Fits the linear SVM voter: one label against the rest, with scikit-learn's liblinear."""

import warnings

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import LinearVoter

C_GRID = (0.1, 0.3, 1.0)
Numbers = NDArray[np.int64]


def fit_svm(rows: Floats, y: Numbers, label_count: int, *, c: float, copies: int = 1, seed: int = 0) -> LinearVoter:
    """Fits one linear SVM per label against all others.

    Args:
        rows: float32 (n, d), L2 norm 1.
        y: int64 (n,), label numbers; a label without rows is never predicted.
        c: weight of the errors against the margin.
        copies: how many rows show each photo; C counts photos, not rows.
    """
    from sklearn.svm import LinearSVC

    # With several hundred directions and thousands of rows, the dual problem is solved three times as fast.
    model = LinearSVC(C=c / copies, tol=1e-2, dual=True, random_state=seed)
    with warnings.catch_warnings():  # a small shop may have a photo or two per label
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        model.fit(rows, y)
    present = model.classes_.astype(np.int64)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(present) == 2:  # liblinear keeps one row for two labels
        coefficients, intercepts = np.vstack([-coefficients, coefficients]), np.hstack([-intercepts, intercepts])
    weights = np.zeros((rows.shape[1], label_count), np.float32)
    bias = np.full(label_count, -2.0, np.float32)
    weights[:, present], bias[present] = coefficients.T, intercepts
    return LinearVoter(layers=((weights, bias),))
