"""NLEEP: LEEP on clusters of features, for sources without classes."""

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer.transferability.checking import checked_both
from keras_transfer.transferability.leep import leep


def nleep(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    components_a_class: int = 5,
    energy: float = 0.8,
    seed: int = 0,
) -> float:
    """Returns LEEP with the clusters of a Gaussian mixture for classes.

    Features are reduced to the principal components that hold a share of
    their variance; a mixture of diagonal Gaussians takes the place of the
    source's classes.

    Args:
        features: `(samples, dimensions)`.
        labels: classes `(samples,)`.
        components_a_class: Gaussians for each target class; fewer where there
            are fewer than two samples for each.
        energy: share of the variance that is kept, in (0, 1].
        seed: seed of the mixture.

    Raises:
        ValueError: shapes that do not fit, NaN, one class.

    Reference:
        Li et al. 2021, Ranking Neural Checkpoints.
    """
    from sklearn.mixture import GaussianMixture

    features, labels = checked_both(features, labels)
    reduced = _principal(features, energy)
    most = max(1, len(reduced) // 2)
    number = min(components_a_class * (labels.max() + 1), most)
    mixture = GaussianMixture(
        number, covariance_type="diag", random_state=seed, reg_covar=1e-6
    )
    return leep(mixture.fit(reduced).predict_proba(reduced), labels)


def _principal(features: np.ndarray, energy: float) -> np.ndarray:
    centred = features - features.mean(axis=0)
    scale = np.abs(centred).max()
    if not scale:
        return np.zeros((len(features), 1))
    left, values, _ = np.linalg.svd(centred / scale, full_matrices=False)
    share = np.cumsum(values**2) / (values**2).sum()
    count = int(np.searchsorted(share, energy)) + 1
    # Signs of singular vectors are a matter of taste; clusters are not.
    return left[:, :count] * values[:count]
