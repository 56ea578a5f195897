"""`assess_transfer`: will it transfer, and what is wrong with the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data.adapters import adapt
from keras_transfer.data.views import SubsetBatches
from keras_transfer.models import TransferModel
from keras_transfer.recipes.assessment.class_numbers import class_numbers
from keras_transfer.recipes.assessment.collected import collect
from keras_transfer.recipes.assessment.from_features import (
    Effort,
    assess_features,
    check_classes,
)
from keras_transfer.recipes.assessment.gain import gain_over_random
from keras_transfer.recipes.assessment.pooled_features import (
    drawn,
    pooled_features,
)
from keras_transfer.recipes.assessment.random_net import with_random_weights
from keras_transfer.recipes.assessment.similarity import similarity
from keras_transfer.recipes.assessment.stored_statistics import (
    distance_to_stored,
)
from keras_transfer.recipes.assessment.subsets import some_rows
from keras_transfer.recipes.assessment.target_data import (
    check_inputs,
    class_names_of,
    target_parts,
)
from keras_transfer.storage.printing import silent_at_verbose_0

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.recipes.assessment.assessment import TransferAssessment
    from keras_transfer.recipes.assessment.collected import Collected
    from keras_transfer.recipes.assessment.gain import Gain

# Samples that the random net sees, and those compared with other data.
_MOST_RANDOM, _MOST_COMPARED = 2000, 1000


@silent_at_verbose_0
def assess_transfer(
    model: keras.Model | PathLike,
    target: Data,
    *,
    source: Data = None,
    validation: Data = None,
    test: Data = None,
    unlabelled: Data = None,
    cache: FeatureCache | PathLike = "memory",
    seed: int = 0,
    verbose: Verbose = 1,
) -> TransferAssessment:
    """Says in about one pass over the data whether a transfer will work.

    The frozen net runs over the target once. From these features come: the
    counts, a linear probe beside its baselines, its learning curve with an
    interval (how much more labels would bring), and a check of the data
    (samples that are there twice, in two parts of the data too; labels that
    are likely wrong; samples unlike all others; dark, blank and tiny photos).
    Then up to 2,000 samples run through the same net with random weights: if
    the probe is no better on the pre-trained features, transfer does not help.
    With samples of the source data, up to 1,000 of them are compared with the
    target; without them up to 256 of the target with the batch-norm statistics
    that the source has kept. More alike is not always better: read it beside
    the gain.

    Classes alone: heads for several labels or numbers are refused.

    Args:
        model: a `TransferModel` (one that is not compiled is, with `"auto"`),
            a `keras.Model`, or the name of a backbone.
        target: labelled data: what `keras_transfer.data.load` returns, arrays
            `(x, y)`, or a data set that `fit` takes.
        source: samples that the source model was trained on, with labels or
            without, or `None`.
        validation: labelled data, or `None`: those of `target`.
        test: labelled data, or `None`: those of `target`. They are looked at
            for duplicates of the training data, and for nothing else.
        unlabelled: samples of the target without labels, or `None`.
        cache: where features are kept: `"memory"`, a folder or a
            `FeatureCache`.
        seed: seed of folds, subsets and random weights.
        verbose: 0 shows no progress.

    Returns:
        A `TransferAssessment`: it prints as a table, `.summary` is one
        paragraph, `.plot(folder)` draws it.

    Raises:
        ValueError: data without labels, words or NaN as labels, one class,
            fewer than 8 samples, a head that is not for classes.

    Example:

    ```python
    photos = keras_transfer.data.load("photos/", image_size=128)
    print(assess_transfer("MobileNetV2", photos).summary)
    ```

    Reference:
        Hoiem et al. 2021, Learning Curves for Analysis of Deep Networks;
        Northcutt et al. 2021, Confident Learning; Gretton et al. 2012, A
        Kernel Two-Sample Test.
    """
    batches = target_parts(target, validation, test, seed=seed)
    train = batches["train"]
    model = _ready(model, train)
    train = adapt(train).looked_at(model).data
    batches = {n: adapt(b).with_ids(model).data for n, b in batches.items()}
    for name, each in batches.items():
        check_inputs(model, each, name)
    options: dict[str, Any] = {"cache": cache, "verbose": verbose}
    check_classes(class_numbers(train.read_labels())[0])
    parts = [
        collect(model, each, name, **options) for name, each in batches.items()
    ]
    found = assess_features(
        model.backbone.name,
        parts,
        class_names_of(model, train),
        effort=Effort(),
        seed=seed,
    )
    found.gain = _gain(model, train, parts[0], found.notes, seed, verbose)
    if source is None and model.is_pretrained:
        found.statistics = distance_to_stored(model, train, seed=seed)
    for name, data in (("source", source), ("unlabelled", unlabelled)):
        if data is not None:
            features = _features_of(data, name, model, seed, options)
            found.drawn.others[name] = features
            compared = similarity(parts[0].features, features, seed=seed)
            attribute = "similarity" if name == "source" else "shift"
            setattr(found, attribute, compared)
    return found


def _ready(
    model: keras.Model | PathLike, train: SeededBatches
) -> TransferModel:
    """Returns a compiled `TransferModel` for classes."""
    if not isinstance(model, TransferModel):
        x = train.read(np.arange(1))[0]
        shape = np.shape(x)[1:] if isinstance(model, str) else None
        num_classes = max(2, class_numbers(train.read_labels())[1])
        model = TransferModel(model, num_classes, input_shape=shape)
    activation = getattr(model.head, "activation", None)
    if activation in ("sigmoid", "linear"):
        raise ValueError(
            "assess_transfer is for classes, of which each sample has one. "
            f"Received: '{model.name}', whose head puts out "
            f"{'numbers' if activation == 'linear' else 'several labels'} "
            f"({activation}). Expected a softmax, as "
            "TransferModel(backbone, head=NUMBER_OF_CLASSES) has it. Train "
            "with fine_tune and judge by validation instead."
        )
    if not getattr(model, "compiled", False):
        model.compile("auto")
    return model


def _gain(
    model: TransferModel,
    train: SeededBatches,
    collected: Collected,
    notes: list[str],
    seed: int,
    verbose: Verbose,
) -> Gain | None:
    """The `Gain` over random weights, or `None` with a note why."""
    if not model.is_pretrained:
        notes.append("the weights are random: there is nothing to gain over.")
        return None
    rows = some_rows(collected.labels, _MOST_RANDOM, seed)
    if len(rows) < len(collected):
        notes.append(
            f"the net with random weights saw {len(rows)} of "
            f"{len(collected)} samples."
        )
    chosen = SubsetBatches(train, rows, shuffle=True)
    fresh = with_random_weights(model, adapt(chosen).walk(), seed=seed)
    in_order = SubsetBatches(train, rows, shuffle=False)
    x, _ = pooled_features(fresh, in_order, "random net's", verbose)
    return gain_over_random(
        collected.features[rows], x, collected.labels[rows], seed=seed
    )


def _features_of(
    data: Data,
    name: str,
    model: TransferModel,
    seed: int,
    options: dict[str, Any],
) -> np.ndarray:
    """Features of at most 1,000 samples of other data."""
    batches = drawn(data, name, _MOST_COMPARED, seed)
    return pooled_features(model, batches, name, **options)[0]
