"""What a model will reach on data that nobody has labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer._private.types import Data, Verbose
from keras_transfer.feature_cache import boundary_at
from keras_transfer.recipes.assessment.class_labels import class_labels
from keras_transfer.recipes.assessment.expected_accuracy_result import (
    ExpectedAccuracy,
)
from keras_transfer.recipes.assessment.pooled_features import (
    check_model,
    drawn,
    pooled_features,
)
from keras_transfer.recipes.assessment.similarity import similarity
from keras_transfer.storage.printing import silent_at_verbose_0
from keras_transfer.transferability.confidence import (
    thresholded_confidence,
    thresholded_confidence_interval,
)
from keras_transfer.transferability.temperature import (
    best_temperature,
    logits_of,
)

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.data.views import SubsetBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel

# Samples of each set that the estimate looks at.
_MOST = 5000
# Of each set; fewer say nothing.
LEAST = 10


@silent_at_verbose_0
def expected_accuracy(
    model: TransferModel,
    *,
    unlabelled: Data,
    validation: Data,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> ExpectedAccuracy:
    """Estimates the accuracy on data without labels, and tests for a shift.

    The estimate is `transferability.thresholded_confidence` of calibrated
    probabilities: the share of samples that the model is sure enough of,
    where "enough" is what gives the right share on validation data. It holds
    for data of the same kind that are harder or easier. Where a two-sample
    test on the features (`transferability.mmd`, up to 1,000 samples of each)
    finds another kind of data, the estimate may be far off (28 points on
    sketches after a training on photos), and the text says "shifted: not
    reliable". The test also notices other shares of the classes.

    Args:
        model: a trained `TransferModel` with a softmax head.
        unlabelled: inputs `x`, or a data set without labels
            (`data.without_labels` takes them off).
        validation: labelled samples `(x, y)`, or a data set, that the model
            was not trained on. Of both sets up to 5,000 samples count.
        seed: seed of what is drawn.
        verbose: 0 shows no progress.

    Returns:
        An `ExpectedAccuracy`.

    Raises:
        ValueError: another head, no labels in the validation data, fewer
            than 10 samples.

    Example:

    ```python
    found = expected_accuracy(
        model, unlabelled=new_images, validation=data.validation
    )
    print(found)
    ```

    Reference:
        Garg et al. 2022, Leveraging Unlabeled Data to Predict
        Out-of-Distribution Performance; Rabanser et al. 2019, Failing
        Loudly; Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    _check_head(model)
    parts = {"validation": validation, "unlabelled": unlabelled}
    batches = {name: _drawn(x, name, seed) for name, x in parts.items()}
    labels = _labels(batches["validation"], model.head.num_outputs)
    known, new = (
        pooled_features(model, each, name, verbose)[0]
        for name, each in batches.items()
    )
    head = boundary_at(model, 0).suffix
    known_logits, new_logits = (
        logits_of("softmax", head.predict(x, verbose=0)) for x in (known, new)
    )
    temperature = best_temperature("softmax", known_logits, labels)
    found: dict[str, Any] = {
        "validation": _probabilities(known_logits / temperature),
        "labels": labels,
        "target": _probabilities(new_logits / temperature),
    }
    return ExpectedAccuracy(
        thresholded_confidence(**found),
        *thresholded_confidence_interval(**found, seed=seed),
        similarity(known, new, seed=seed).p_value,
        float(np.mean(known_logits.argmax(axis=1) == labels)),
        len(known),
        len(new),
    )


def _check_head(model: TransferModel) -> None:
    check_model(model)
    activation = getattr(model.head, "activation", None)
    if activation != "softmax":
        raise ValueError(
            "Expected accuracy is estimated from the probabilities of "
            f"classes. Received: the head {type(model.head).__name__} with "
            f"activation {activation!r}. Expected a ClassificationHead with "
            "a softmax; for other heads label a part of the data and measure."
        )


def _drawn(data: Data, name: str, seed: int) -> SubsetBatches:
    batches = drawn(data, name, _MOST, seed)
    if batches.num_samples < LEAST:
        raise ValueError(
            f"`{name}` holds too few samples to expect anything from. "
            f"Received: {batches.num_samples}. Expected at least {LEAST}, "
            "better some hundred."
        )
    return batches


def _labels(batches: SeededBatches, num_outputs: int) -> np.ndarray:
    labels = class_labels(batches, "validation", num_outputs)
    if labels is None:
        raise ValueError(
            "`validation` has no labels. Received: samples alone. Expected "
            "arrays (x, y), or batches of (x, y)."
        )
    return labels


def _probabilities(logits: np.ndarray) -> np.ndarray:
    from scipy.special import softmax

    return softmax(logits, axis=1)
