"""The error of a model by its number of samples, and how it will go on."""

import dataclasses
from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.power_law import (
    POWER,
    POWER_SPREAD,
    fit_power_law,
    variances_by_size,
)

# How many times the labels that there are a curve may be read ahead: of a
# probe 4 times, of fine-tuning 2 times (Hoiem et al. 2021, their figures).
REACH = {"probe": 4.0, "fine-tuned": 2.0}
# How far errors leave the fitted form, as a share of the error, for each
# doubling of the samples beyond the last that were measured. It, the spread and
# the three divisions of `probe_learning_curve` were chosen on training photos
# of six sets: a quarter of 60 % seen, 40 % as test, 17 of 18 curves inside.
_MODEL_ERROR = 0.03


@dataclasses.dataclass(frozen=True)
class LearningCurve:
    """The curve error(n) = a + b n^g, with what noise would make of it.

    Attributes:
        asymptote: a, the error with endless samples.
        factor: b.
        power: g, between -1 and 0.
        sizes: numbers of samples at which errors were measured.
        errors: mean error at each of them.
        num_samples: how many labelled samples were there to measure with.
        reach: how many times as many may be predicted.
        draws: a, b and g of curves fitted to noisy copies, `(copies, 3)`.
        seed: seed of the noise.
    """

    asymptote: float
    factor: float
    power: float
    sizes: np.ndarray
    errors: np.ndarray
    num_samples: int
    reach: float
    draws: np.ndarray
    seed: int = 0

    def __repr__(self) -> str:
        return (
            f"<LearningCurve: error {self.asymptote:.3f} + {self.factor:.3f} "
            f"n^{self.power:.2f}, measured on {self.num_samples} samples>"
        )

    @property
    def furthest(self) -> int:
        """The most samples at which the curve may be read."""
        return int(self.reach * self.num_samples)

    @overload
    def predict(self, num_samples: float) -> float: ...

    @overload
    def predict(self, num_samples: np.ndarray) -> np.ndarray: ...

    def predict(self, num_samples: float | np.ndarray) -> float | np.ndarray:
        """Returns the error with that many samples.

        Args:
            num_samples: a number of samples, or an array of numbers.
        """
        n = np.asarray(num_samples, "float64")
        found = self.asymptote + self.factor * n**self.power
        return np.clip(found, 0.0, 1.0)

    def interval(
        self, num_samples: float, level: float = 0.9
    ) -> tuple[float, float]:
        """Returns the lowest and highest error to expect, a pair.

        It covers the noise of the errors, the power that they leave open, and
        that no curve has exactly this form.

        Args:
            num_samples: a number of samples.
            level: share of cases in which the error lies inside.
        """
        n = float(num_samples)
        a, b, g = self.draws.T
        found = a + b * n**g
        doublings = abs(np.log2(n / self.sizes[-1]))
        random = np.random.default_rng((self.seed, 1))
        found = found * (
            1 + _MODEL_ERROR * doublings * random.normal(size=len(found))
        )
        tail = (1 - level) / 2
        low, high = np.quantile(found, [tail, 1 - tail])
        at = float(self.predict(n))
        return (
            float(np.clip(min(low, at), 0, 1)),
            float(np.clip(max(high, at), 0, 1)),
        )

    def samples_for(
        self, gain: float = 0.01, num_samples: int | None = None
    ) -> int | None:
        """Returns how many samples more lower the error by that much.

        Args:
            gain: by how much, 0.01 is one point.
            num_samples: from how many on; `None` is those that there are.

        Returns:
            A number, or `None` if that is more than the curve can be read
            ahead.
        """
        start = num_samples or self.num_samples
        wanted = self.asymptote + self.factor * start**self.power - gain
        if start >= self.furthest or self.predict(self.furthest) > wanted:
            return None
        needed = ((wanted - self.asymptote) / self.factor) ** (1 / self.power)
        return max(1, int(np.ceil(needed)) - start)


def fit_learning_curve(
    sizes: ArrayLike,
    errors: ArrayLike,
    *,
    num_samples: int | None = None,
    num_tested: int | None = None,
    kind: str = "probe",
    num_draws: int = 200,
    seed: int = 0,
) -> LearningCurve:
    """Fits error(n) = a + b n^g to errors at several numbers of samples.

    Minimises, over a >= 0, b >= 0 and -1 < g < 0,

        sum_n (error(n) - mean_n)^2 / var(n) + ((g + 0.5) / 0.2)^2

    with var(n) = v0 + v1 / n fitted to the variances over the draws. The paper
    pulls g to -0.5 by its absolute distance; the square here is the logarithm
    of a normal distribution, so that copies of the errors with noise of that
    variance, and a pull to a power drawn from it, give an interval.

    Args:
        sizes: numbers of samples, increasing, `(sizes,)`.
        errors: error rates in 0..1, `(draws, sizes)`; a draw is another subset
            of samples to fit on.
        num_samples: how many labelled samples were there to measure with;
            `None` is the last of `sizes`.
        num_tested: on how many samples the errors were measured, which all
            draws share; `None` adds no noise for these.
        kind: `"probe"` or `"fine-tuned"`: how far it may be read ahead.
        num_draws: copies with noise.
        seed: seed of the noise.

    Returns:
        A `LearningCurve`.

    Raises:
        ValueError: fewer than 3 sizes, errors of another shape or not in 0..1.

    Example:

    ```python
    curve = fit_learning_curve([50, 100, 200], [[.4, .31, .25], [.38, .3, .24]])
    curve.predict(400), curve.interval(400)
    ```

    Reference:
        Hoiem et al. 2021, Learning Curves for Analysis of Deep Networks.
    """
    sizes, errors = _checked(sizes, errors, kind)
    means = errors.mean(axis=0)
    apart = errors
    if num_tested:
        # What moves all sizes of a draw is the noise of what it is tested on.
        apart = errors - errors.mean(axis=1, keepdims=True)
    variances = variances_by_size(sizes, apart)
    random = np.random.default_rng(seed)
    best = fit_power_law(sizes, means[None], variances, np.array([POWER]))[0]
    noise = random.normal(size=(num_draws, len(sizes))) * np.sqrt(variances)
    if num_tested:
        # The same samples test at every size: their noise moves all errors.
        shared = np.sqrt(np.maximum(means * (1 - means), 1e-4) / num_tested)
        noise += random.normal(size=(num_draws, 1)) * shared
    powers = POWER + POWER_SPREAD * random.normal(size=num_draws)
    # Noise around the fitted curve, not around errors that hold noise already.
    around = best[0] + best[1] * sizes ** best[2]
    copies = np.clip(around + noise, 0, 1)
    draws = fit_power_law(
        sizes, copies, variances, np.clip(powers, -0.98, -0.02)
    )
    asymptote, factor, power = map(float, best)
    return LearningCurve(
        asymptote,
        factor,
        power,
        sizes,
        means,
        int(num_samples or sizes[-1]),
        REACH[kind],
        draws,
        seed,
    )


def _checked(
    sizes: ArrayLike, errors: ArrayLike, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    sizes, errors = np.asarray(sizes, "float64"), np.asarray(errors, "float64")
    if sizes.ndim != 1 or len(sizes) < 3 or (np.diff(sizes) <= 0).any():
        raise ValueError(
            "A learning curve needs errors at 3 numbers of samples at least, "
            f"in increasing order. Received: sizes={sizes.tolist()}."
        )
    if sizes[0] < 1:
        raise ValueError(
            "Numbers of samples are at least 1. Received: "
            f"sizes={sizes.tolist()}."
        )
    errors = np.atleast_2d(errors)
    if errors.ndim != 2 or errors.shape[1] != len(sizes) or not errors.size:
        raise ValueError(
            f"`errors` has a row for each draw with {len(sizes)} errors, one "
            f"for each size. Received: shape {errors.shape}."
        )
    if not ((errors >= 0) & (errors <= 1)).all():
        raise ValueError(
            "Errors are shares of samples, from 0 to 1. Received: values from "
            f"{errors.min():g} to {errors.max():g}. Divide percents by 100."
        )
    if kind not in REACH:
        raise ValueError(
            f"`kind` says what was trained. Received: {kind!r}. Expected one "
            f"of {', '.join(map(repr, REACH))}."
        )
    return sizes, errors
