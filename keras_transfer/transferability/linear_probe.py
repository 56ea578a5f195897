"""The linear head on features that stand still, solved and not trained.

Logistic regression and least squares are convex: their minimum takes a second
where gradient descent takes epochs and stops short. How strongly to regularise
is chosen on validation, or by cross-validation.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.transferability.folds import Folds

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

# Inverse strengths of the L2 penalty, on features of variance one.
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
DEFAULT_STRENGTH = 3e-2
# Largest slope of the mean loss at which a logistic solution is near enough.
TOLERANCE = 1e-4
_WORSE_IN_A_ROW = 2
# Numbers in the features below which a second thread costs more than it does.
_SMALL = 4_000_000


@dataclasses.dataclass
class Probe:
    """A solved linear head.

    Attributes:
        kernel: `(features, outputs)`.
        bias: `(outputs,)`.
        rows: one dict for each strength that was tried, with `strength` and,
            for validation data or folds, `val_loss` and `val_accuracy` (of
            numbers `val_mean_absolute_error`).
        best: the row whose solution this is; it has `loss` and `accuracy` too.
    """

    kernel: np.ndarray
    bias: np.ndarray
    rows: list
    best: dict


def fit_linear_probe(
    kind: str,
    train: Sequence[np.ndarray],
    validation: Sequence[np.ndarray] | None,
    num_outputs: int,
    *,
    folds: Folds | None = None,
    strengths: Sequence[float] = STRENGTHS,
    tolerance: float = TOLERANCE,
) -> Probe:
    """Fits a linear head; validation picks the strength of its penalty.

    Minimises, over kernel W and bias b,

        sum_i l(W'x_i + b, y_i) + |W|^2 / (2 C)

    for each C in `strengths`, on features scaled by one common factor to an
    average variance of one (so that C means the same for every backbone), and
    keeps the solution with the lowest loss on validation. l is

        softmax   -log softmax(z)[y]
        sigmoid   -sum_k y_k log s(z_k) + (1 - y_k) log (1 - s(z_k))
        linear    sum_k (z_k - y_k)^2 / (2 var(y_k))

    With `folds` instead of validation data the losses on what each fold leaves
    out are taken together, and the strength with the lowest is fitted to all
    samples. With neither, a single strength is taken as it is, and of several
    there is nothing to pick by: C is 0.03 then.

    Args:
        kind: `"softmax"`, `"sigmoid"` or `"linear"`.
        train: `(x, y)` or `(x, y, weights)`: features `(samples, features)`;
            labels, integers `(samples,)` for a softmax, else
            `(samples, outputs)`; weights `(samples,)`.
        validation: the same, or `None`.
        num_outputs: number of outputs. A class or label without samples (or
            without counterexamples) gets a bias so far out that it is never
            (or always) predicted.
        folds: pairs `(rows to fit, rows to validate)` of `train`, or `None`.
        strengths: values of C to try, from the smallest on; the search ends
            after two in a row that are worse than the best.
        tolerance: slope of the mean loss at which classes and labels end.

    Returns:
        A `Probe`.
    """
    if validation is None and folds is None and len(strengths) > 1:
        strengths = (DEFAULT_STRENGTH,)
    problem = None
    if folds is None:
        problem = _Problem(train, num_outputs, tolerance)
        held_out = [] if validation is None else [(problem, validation)]
    else:
        held_out = [
            _without(train, *fold, num_outputs, tolerance) for fold in folds
        ]
    rows, solutions = _path(kind, held_out, strengths)
    # Frees the samples that folds have copied.
    del held_out
    best = min(rows, key=lambda row: row.get("val_loss", 0.0))
    if validation is None:
        problem = problem or _Problem(train, num_outputs, tolerance)
        kernel, bias = _KINDS[kind][0](problem, best["strength"])
    else:
        kernel, bias = solutions[rows.index(best)]  # type: ignore[misc]
    best |= _scored(kind, (kernel, bias), train)
    return Probe(kernel, bias, rows, best)


def _without(
    train: Sequence[np.ndarray],
    rows: np.ndarray,
    rest: np.ndarray,
    num_outputs: int,
    tolerance: float,
) -> tuple[_Problem, list[np.ndarray]]:
    """The problem of a fold, and what it leaves out."""
    parts = [part[rows] for part in train]
    problem = _Problem(parts, num_outputs, tolerance)
    return problem, [part[rest] for part in train]


def out_of_fold_logits(
    kind: str,
    data: Sequence[np.ndarray],
    num_outputs: int,
    strength: float,
    folds: Folds,
    *,
    others: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> np.ndarray:
    """Returns the logits of each sample by a probe that has not seen it.

    Args:
        kind: as in `fit_linear_probe`.
        data: `(x, y)` or `(x, y, weights)`, as in `fit_linear_probe`.
        num_outputs: number of outputs.
        strength: C of all probes.
        folds: pairs `(rows to fit, rows to leave out)`.
        others: other features of the same samples, on which the probes are
            applied instead of those that they were fitted to.
        tolerance: as in `fit_linear_probe`.

    Returns:
        Array `(samples, num_outputs)`.
    """
    logits = np.zeros((len(data[1]), num_outputs))
    applied_to = data[0] if others is None else others
    for rows, rest in folds:
        parts = [part[rows] for part in data]
        probe = fit_linear_probe(
            kind, parts, None, num_outputs,
            strengths=(strength,), tolerance=tolerance,
        )  # fmt: skip
        logits[rest] = applied_to[rest] @ probe.kernel + probe.bias
    return logits


def neighbouring_strengths(strength: float) -> tuple[float, ...]:
    """Returns a strength of `STRENGTHS` with its neighbours."""
    index = STRENGTHS.index(strength)
    return STRENGTHS[max(0, index - 1) : index + 2]


def _path(
    kind: str,
    held_out: Sequence[tuple[_Problem, Sequence[np.ndarray]]],
    strengths: Sequence[float],
) -> tuple[list[dict[str, float]], list[tuple[np.ndarray, np.ndarray] | None]]:
    """Goes through strengths from small to large, until they get worse.

    The loss on what is held out falls and then rises; and large strengths take
    the solver longest.

    Returns:
        The rows, and for each the solution of the last of `held_out`.
    """
    rows, solutions = [], []
    for strength in sorted(strengths):
        solution, found = None, []
        for problem, rest in held_out:
            solution = _KINDS[kind][0](problem, strength)
            found.append(_scored(kind, solution, rest, "val_"))
        solutions.append(solution)
        sizes = [len(rest[0]) for _, rest in held_out]
        means = {
            name: float(np.average([row[name] for row in found], weights=sizes))
            for name in (found[0] if found else ())
        }
        rows.append({"strength": strength, **means})
        losses = [row.get("val_loss", 0.0) for row in rows]
        if len(rows) - 1 - int(np.argmin(losses)) == _WORSE_IN_A_ROW:
            break
    return rows, solutions


class _Problem:
    """Samples to fit, scaled; it remembers where the last fit ended."""

    def __init__(
        self, data: Sequence[np.ndarray], num_outputs: int, tolerance: float
    ):
        x, y, *weights = data
        # One factor for all features, so that the penalty stays isotropic.
        spread = float(np.sqrt(np.var(x, axis=0).mean()))
        self.scale = 1.0 / max(spread, 1e-12)
        self.x, self.basis = x * self.scale, None
        if len(x) < x.shape[1]:
            # The solution lies in the span of the samples, and the penalty does
            # not change under rotation: solve in as many axes as samples.
            self.basis, triangle = np.linalg.qr(self.x.T)
            self.x = triangle.T
        self.y = np.asarray(y)
        self.weights = weights[0] if weights else None
        self.num_outputs, self.tolerance = num_outputs, tolerance
        self.solvers = {}

    def in_features(self, kernel: np.ndarray) -> np.ndarray:
        """A kernel on `self.x` as one on the features as they came."""
        if self.basis is not None:
            kernel = self.basis @ kernel
        return kernel * self.scale

    def logistic(
        self, name: int | str, y: np.ndarray, strength: float
    ) -> LogisticRegression:
        """Returns scikit-learn's solution, started from the last one."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        # With many samples each step costs more, and the solution depends
        # less on how near the minimum it ends.
        most = 500 if len(y) < 5000 else 100
        solver = self.solvers.setdefault(
            name,
            LogisticRegression(
                max_iter=most, warm_start=True, tol=self.tolerance
            ),
        )
        with warnings.catch_warnings():
            # A solution that is not quite the minimum is one with a slightly
            # stronger penalty; validation judges it like any other.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # One thread for steps that take less than waking and joining some.
            with threadpool_limits(1 if self.x.size < _SMALL else None):
                solver.set_params(C=strength)
                return solver.fit(self.x, y, self.weights)


def _fit_softmax(
    problem: _Problem, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """The solution as kernel and bias over all classes and raw features."""
    y = problem.y.reshape(-1).astype(int)
    seen = np.unique(y)
    kernel = np.zeros((problem.x.shape[1], problem.num_outputs))
    bias = np.full(problem.num_outputs, -30.0)
    if len(seen) == 1:
        bias[seen] = 0.0
        return problem.in_features(kernel), bias
    # For two classes scikit-learn penalises their difference W, which as
    # kernel columns of W/2 and -W/2 has half of that norm.
    factor = 2 if len(seen) == 2 else 1
    solver = problem.logistic("softmax", y, strength * factor)
    coefficients, intercepts = solver.coef_, solver.intercept_
    if len(seen) == 2:
        # scikit-learn keeps one row for two classes: their difference.
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    kernel[:, seen] = coefficients.T
    bias[seen] = intercepts
    return problem.in_features(kernel), bias


def _fit_sigmoid(
    problem: _Problem, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """One logistic regression a label."""
    y = problem.y.reshape(-1, problem.num_outputs) > 0.5
    kernel = np.zeros((problem.x.shape[1], problem.num_outputs))
    bias = np.where(y[0], 30.0, -30.0)
    for label in np.flatnonzero((y != y[0]).any(axis=0)):
        solver = problem.logistic(label, y[:, label], strength)
        kernel[:, label] = solver.coef_[0]
        bias[label] = solver.intercept_[0]
    return problem.in_features(kernel), bias


def _fit_linear(
    problem: _Problem, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression on targets of variance one."""
    from sklearn.linear_model import Ridge

    y = problem.y.reshape(-1, problem.num_outputs).astype("float64")
    spread = np.maximum(y.std(axis=0), 1e-12)
    solver = Ridge(alpha=1.0 / strength)
    solver.fit(problem.x, y / spread, problem.weights)
    coefficients = np.reshape(solver.coef_, (problem.num_outputs, -1))
    kernel = problem.in_features(coefficients.T) * spread
    return kernel, solver.intercept_ * spread


def score(
    kind: str,
    logits: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    prefix: str = "",
    by_class: bool = False,
) -> dict[str, float]:
    """Returns the mean loss, and for classes the accuracy, by name.

    Args:
        kind: as in `fit_linear_probe`.
        logits: `(samples, outputs)`, before softmax or sigmoid.
        labels: as in `fit_linear_probe`.
        weights: `(samples,)`, or `None`.
        prefix: what the names begin with.
        by_class: whether a softmax has its `balanced_accuracy` too, the mean
            recall of the classes that there are.
    """
    weights = np.ones(len(logits)) if weights is None else weights
    losses, (name, value) = _KINDS[kind][1](logits, np.asarray(labels))
    loss = float((losses * weights).sum() / len(losses))
    found = {f"{prefix}loss": loss, f"{prefix}{name}": float(value)}
    if by_class and kind == "softmax":
        balanced = _balanced_accuracy(logits, np.asarray(labels))
        found[f"{prefix}balanced_accuracy"] = balanced
    return found


def _balanced_accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    labels = labels.reshape(-1).astype(int)
    right = logits.argmax(axis=1) == labels
    counts = np.bincount(labels)
    recalls = np.bincount(labels, right) / np.maximum(counts, 1)
    return float(recalls[counts > 0].mean())


def sample_losses(
    kind: str, logits: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Returns the loss of each sample, `(samples,)`, as `score` means it."""
    return _KINDS[kind][1](logits, np.asarray(labels))[0]


def _scored(
    kind: str,
    solution: tuple[np.ndarray, np.ndarray],
    data: Sequence[np.ndarray],
    prefix: str = "",
) -> dict[str, float]:
    kernel, bias = solution
    x, y, *weights = data
    given = weights[0] if weights else None
    return score(kind, x @ kernel + bias, y, given, prefix)


def _score_softmax(
    logits: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, tuple[str, float]]:
    y = y.reshape(-1).astype(int)
    logits = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits).sum(axis=1))
    losses = log_sum - logits[np.arange(len(y)), y]
    return losses, ("accuracy", np.mean(logits.argmax(axis=1) == y))


def _score_sigmoid(
    logits: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, tuple[str, float]]:
    y = y.reshape(len(logits), -1)
    losses = (np.logaddexp(0.0, logits) - y * logits).mean(axis=1)
    return losses, ("binary_accuracy", np.mean((logits > 0) == (y > 0.5)))


def _score_linear(
    logits: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, tuple[str, float]]:
    errors = logits - y.reshape(len(logits), -1)
    absolute = np.abs(errors).mean()
    return (errors**2).mean(axis=1), ("mean_absolute_error", absolute)


_KINDS = {
    "softmax": (_fit_softmax, _score_softmax),
    "sigmoid": (_fit_sigmoid, _score_sigmoid),
    "linear": (_fit_linear, _score_linear),
}
