"""The linear head on features that stand still, solved and not trained.

Logistic regression is convex: L-BFGS finds its minimum in a second where
gradient descent takes epochs and stops short. How strongly to regularise is
chosen on validation.
"""

import dataclasses

import numpy as np

# Inverse strengths of the L2 penalty, on features of variance one.
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)


@dataclasses.dataclass
class Probe:
    """A solved linear softmax head.

    Attributes:
        kernel: `(features, classes)`.
        bias: `(classes,)`.
        rows: one dict for each strength that was tried, with `strength`,
            `loss`, `accuracy` and, with validation data, `val_loss` and
            `val_accuracy`.
        best: the row whose solution this is.
    """

    kernel: np.ndarray
    bias: np.ndarray
    rows: list
    best: dict


def solve_softmax(train, validation, num_classes, strengths=STRENGTHS):
    """Fits multinomial logistic regression; validation picks its strength.

    Minimises, over kernel W and bias b,

        sum_i -log softmax(W'x_i + b)[y_i] + |W|^2 / (2 C)

    for each C in `strengths`, on features scaled by one common factor to an
    average variance of one (so that C means the same for every backbone), and
    keeps the solution with the lowest loss on validation. Without validation
    data C is 0.03.

    Args:
        train: `(x, y)` or `(x, y, weights)`: features `(samples, features)`,
            integer labels `(samples,)`, weights `(samples,)`.
        validation: the same, or `None`.
        num_classes: number of classes; a class without samples gets a bias
            so low that it is never predicted.
        strengths: values of C to try.

    Returns:
        A `Probe`.
    """
    from sklearn.linear_model import LogisticRegression

    x, y, *weights = train
    scale = 1.0 / max(float(np.sqrt(np.var(x, axis=0).mean())), 1e-12)
    if validation is None:
        strengths = (3e-2,)
    rows, best = [], None
    solver = LogisticRegression(max_iter=500, warm_start=True)
    for strength in strengths:
        # For two classes scikit-learn penalises their difference W, which as
        # kernel columns of W/2 and -W/2 has half of that norm.
        solver.set_params(C=strength * (2 if len(np.unique(y)) == 2 else 1))
        solver.fit(x * scale, y.reshape(-1), *weights)
        kernel, bias = _as_dense(solver, scale, num_classes)
        row = {"strength": strength, **_scores(kernel, bias, train)}
        if validation is not None:
            row |= _scores(kernel, bias, validation, "val_")
        rows.append(row)
        value = row.get("val_loss", row["loss"])
        if best is None or value < best[0]:
            best = (value, kernel, bias, row)
    return Probe(*best[1:3], rows, best[3])


def _as_dense(solver, scale, num_classes):
    """The solution as kernel and bias over all classes and raw features."""
    kernel = np.zeros((solver.coef_.shape[1], num_classes))
    bias = np.full(num_classes, -30.0)
    seen = solver.classes_.astype(int)
    coefficients, intercepts = solver.coef_, solver.intercept_
    if len(seen) == 2:
        # scikit-learn keeps one row for two classes: their difference.
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    kernel[:, seen] = coefficients.T * scale
    bias[seen] = intercepts
    return kernel, bias


def _scores(kernel, bias, data, prefix=""):
    x, y, *weights = data
    y = y.reshape(-1).astype(int)
    logits = x @ kernel + bias
    logits -= logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits).sum(axis=1))
    losses = log_sum - logits[np.arange(len(y)), y]
    weights = weights[0] if weights else np.ones(len(y))
    hits = logits.argmax(axis=1) == y
    return {
        f"{prefix}loss": float((losses * weights).sum() / len(y)),
        f"{prefix}accuracy": float(np.mean(hits)),
    }
