"""Whether a solved head reads several levels of features, or the last alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer.transferability import linear_probe

if TYPE_CHECKING:
    from keras_transfer.models import TransferModel
    from keras_transfer.transferability.linear_probe import Probe

# How much lower the loss with several levels has to be, to be worth it: where
# source and target differ inner levels are the first to mislead.
MARGIN = 0.01


def scaled(
    model: TransferModel, parts: Sequence[np.ndarray]
) -> Sequence[np.ndarray]:
    """Returns features as the head takes them; the first set the centre.

    Args:
        model: a `TransferModel`.
        parts: `(features, labels[, weights])`, as `pooled_once` returns them.
    """
    scaling = model.level_scaling
    if scaling is None:
        return parts
    x, *rest = parts
    scaling.learn_from(x)
    centre, _, scale = scaling.get_weights()
    return ((x - centre) * scale, *rest)


def without_inner_levels(
    model: TransferModel, parts: Sequence[np.ndarray] | None
) -> Sequence[np.ndarray] | None:
    """Returns scaled features with zeros for all but the last level."""
    if parts is None:
        return None
    x, *rest = parts
    width = model.level_scaling.factors[0][0]
    x = x.copy()
    x[:, width:] = 0.0
    return (x, *rest)


def leave_out_inner_levels(model: TransferModel) -> None:
    """Lets the head see zeros for all but the last level."""
    scaling = model.level_scaling
    centre, spread, scale = scaling.get_weights()
    scale[scaling.factors[0][0] :] = 0.0
    scaling.set_weights([centre, spread, scale])


def probe_of_last_level(
    model: TransferModel,
    kind: str,
    train: Sequence[np.ndarray],
    validation: Sequence[np.ndarray] | None = None,
    **options: Any,
) -> Probe:
    """Returns the `Probe` on the last level alone, over all features.

    Args:
        model: a `TransferModel` with several levels.
        kind: what `fit_linear_probe` calls the head.
        train: scaled features, labels and perhaps weights.
        validation: the same, or `None`.
        **options: `folds` of `fit_linear_probe`.
    """
    width = model.level_scaling.factors[0][0]
    train, validation = (
        part and (part[0][:, :width], *part[1:]) for part in (train, validation)
    )
    probe = linear_probe.fit_linear_probe(
        kind, train, validation, model.head.num_outputs, **options
    )
    inner = model.features.shape[-1] - width
    probe.kernel = np.pad(probe.kernel, [(0, inner), (0, 0)])
    return probe
