"""How sure of itself a classifier may be: its temperature."""

import numpy as np

from keras_transfer.transferability.linear_probe import score

# Not below a half: where validation has no mistake, the loss would fall for
# ever while the classifier claims to be sure of everything.
_LOWEST, _HIGHEST = 0.5, 20.0
_SMALLEST = 1e-30
# Samples from which on what they say about the temperature is taken as it is.
ENOUGH = 200


def logits_of(kind: str, probabilities: np.ndarray) -> np.ndarray:
    """Returns logits that give these probabilities, `(samples, outputs)`.

    Args:
        kind: `"softmax"` or `"sigmoid"`.
        probabilities: what the head puts out.
    """
    p = np.asarray(probabilities, "float64")
    if kind == "softmax":
        return np.log(np.maximum(p, _SMALLEST))
    # Beside 1.0 float32 has no number nearer than this.
    p = np.clip(p, 1e-7, 1 - 6e-8)
    return np.log(p) - np.log1p(-p)


def best_temperature(
    kind: str,
    logits: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
) -> float:
    """Returns the T from 0.5 to 20 at which `logits / T` have the lowest loss.

    Args:
        kind: `"softmax"` or `"sigmoid"`.
        logits: `(samples, outputs)`.
        labels: as in `fit_linear_probe`.
        weights: `(samples,)`, or `None`.

    Reference:
        Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda a: score(kind, logits / np.exp(a), labels, weights)["loss"],
        bounds=(np.log(_LOWEST), np.log(_HIGHEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


def drawn_towards(prior: float, temperature: float, num_samples: int) -> float:
    """Returns a temperature from few samples, drawn towards a known one.

    With n samples below 200, log T = n/200 log T_n + (1 - n/200) log T_0, and
    T is at least 1: few samples without a mistake would make a classifier
    surer of itself than it may be.

    Args:
        prior: T_0, a temperature that more samples have given.
        temperature: T_n, what suits the samples best.
        num_samples: how many they are.
    """
    if num_samples >= ENOUGH:
        return temperature
    share = num_samples / ENOUGH
    logs = share * np.log(temperature) + (1 - share) * np.log(prior)
    return max(1.0, float(np.exp(logs)))
