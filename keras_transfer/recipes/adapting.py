"""`adapt`: a trained model set to other images, without labels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer._private.types import Data, Verbose
from keras_transfer.data.unlabelled import check_unlabelled
from keras_transfer.feature_cache import boundary_at
from keras_transfer.recipes.assessment.class_labels import class_labels
from keras_transfer.recipes.assessment.expected_accuracy import (
    LEAST,
    expected_accuracy,
)
from keras_transfer.recipes.assessment.pooled_features import (
    check_model,
    drawn,
    pooled_features,
)
from keras_transfer.storage.printing import brief, silent_at_verbose_0
from keras_transfer.training.batch_norm import StatisticsPass
from keras_transfer.training.freezing import flags, restore_flags, unfreeze

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.assessment.expected_accuracy_result import (
        ExpectedAccuracy,
    )

_MOST = 5000
# Fewer samples say little about where the features lie.
_ENOUGH = 32
# Share of the mean spread that is added to each, so that a feature that hardly
# moves is not blown up (chosen on PACS' training images).
_FLOOR = 0.1
# How far the predicted classes may be from the expected ones (total variation)
# before a warning. On PACS' training images, after a training on photos, .02 to
# .30 with all classes, .27 to .62 with one or two of seven or a skewed mix.
_UNLIKE = 0.25


@dataclasses.dataclass(repr=False)
class Adaptation:
    """A model that was set to other images.

    Attributes:
        model: the adapted model, a copy.
        expected_before: the `ExpectedAccuracy` before, `None` without
            validation data. An estimate that often calls adapting worse
            where it helps: it is no reason to keep or to drop it.
        expected_after: the same of the adapted model.
        class_shares: share of the images that are predicted to be of each
            class, `(classes,)`; `None` for other heads.
        warnings: sentences about what may be wrong.
    """

    model: TransferModel
    expected_before: ExpectedAccuracy | None
    expected_after: ExpectedAccuracy | None
    class_shares: np.ndarray | None
    warnings: list[str]

    def __repr__(self) -> str:
        parts = [f"'{self.model.name}'"]
        if self.expected_before and self.expected_after:
            before, after = (
                self.expected_before.value,
                self.expected_after.value,
            )
            parts.append(
                f"expected accuracy {before:.2f} before, {after:.2f} after "
                "(an estimate that decides nothing)"
            )
        return brief(self, *parts, *self.warnings)


@silent_at_verbose_0
def adapt(
    model: TransferModel,
    unlabelled: Data,
    *,
    batch_norm: bool = False,
    validation: Data = None,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> Adaptation:
    """Sets a trained model to images of another kind, without labels.

    The features of a head with several levels are centred and scaled with the
    statistics of `unlabelled` instead of those of the training samples:

        x' = (x - mean') * scale * (std + e) / (std' + e)

    with e a tenth of the mean of std. Use it where the new images differ in
    style from those that the model was trained on: sketches after photos,
    another camera. No weight is trained, and the model that is given stays as
    it is.

    The images must hold the classes in about the shares of the training.
    Adapting on a batch of one or two classes costs accuracy; a warning says
    where the predicted classes are unlike those of the validation data, or
    without these unlike equal shares.

    Args:
        model: a trained `TransferModel`, with `levels` other than `"last"`,
            or with batch normalisation and `batch_norm=True`.
        unlabelled: inputs `x`, or a data set without labels
            (`data.without_labels` takes them off); up to 5,000 are used, 32
            are the least, 200 are better.
        batch_norm: whether the statistics of all batch normalisation are
            taken anew too, from up to 30 batches.
        validation: labelled samples `(x, y)` of the training's kind, for the
            estimate of accuracy and the shares of the classes; or `None`.
        seed: seed of what is drawn.
        verbose: 0 shows no progress.

    Returns:
        An `Adaptation`, whose `model` is the adapted one.

    Raises:
        ValueError: nothing to adapt, fewer than 32 images, labels among
            them.

    Example:

    ```python
    model = TransferModel("MobileNetV2", head=7, levels=5)
    kt.fine_tune(model, photos)
    sketched = kt.adapt(model, kt.data.without_labels(sketches)).model
    ```

    Reference:
        Li et al. 2017, Revisiting Batch Normalization For Practical Domain
        Adaptation; Schneider et al. 2020, Improving robustness against common
        corruptions by covariate shift adaptation.
    """
    check_adaptable(model, batch_norm)
    _check_centred(model)
    batches = images_to_adapt_to(unlabelled, seed)
    adapted = model.clone()
    adapted.class_names = model.class_names
    if getattr(model, "compiled", False):
        adapted.compile_from_config(model.get_compile_config())
    if batch_norm:
        _renew_statistics(adapted, batches)
    features, _ = pooled_features(adapted, batches, "unlabelled", verbose)
    if adapted.level_scaling is not None:
        _recentre(adapted, features)
    before, after = (
        None
        if validation is None
        else expected_accuracy(
            each, unlabelled=unlabelled, validation=validation, seed=seed,
            verbose=verbose,
        )
        for each in (model, adapted)
    )  # fmt: skip
    shares, warnings = _class_shares(adapted, features, validation, seed)
    return Adaptation(adapted, before, after, shares, warnings)


def check_adaptable(model: TransferModel, batch_norm: bool = False) -> None:
    """Makes sure that a model, once trained, has something to adapt.

    Raises:
        ValueError: it has not.
    """
    check_model(model)
    if model.level_scaling is None and not batch_norm:
        raise ValueError(
            "There is nothing to adapt: the head reads the last level alone, "
            "and its features are not centred. Received: "
            f"'{model.name}' with levels='last' and batch_norm=False. Build "
            "it with TransferModel(..., levels=5) and train it, or pass "
            "batch_norm=True."
        )


def _check_centred(model: TransferModel) -> None:
    if model.level_scaling is not None and not model.level_scaling.is_centred:
        raise ValueError(
            f"The levels of '{model.name}' have no centre yet, so there is "
            "nothing to compare the images with. Train it first, with "
            "fine_tune or fit."
        )


def images_to_adapt_to(unlabelled: Data, seed: int) -> SeededBatches:
    """Returns what is used of `unlabelled`.

    Raises:
        ValueError: labels among them, or too few.
    """
    batches = drawn(unlabelled, "unlabelled", _MOST, seed)
    check_unlabelled(batches)
    if batches.num_samples < _ENOUGH:
        raise ValueError(
            "Too few images to say where their features lie. Received: "
            f"{batches.num_samples} in `unlabelled`. Expected at least "
            f"{_ENOUGH}, better 200, of all classes."
        )
    return batches


def can_be_estimated(model: TransferModel, validation: Data) -> bool:
    """Whether `expected_accuracy` has an estimate for a model and these."""
    is_softmax = getattr(model.head, "activation", None) == "softmax"
    return is_softmax and getattr(validation, "num_samples", 0) >= LEAST


def _renew_statistics(model: TransferModel, batches: SeededBatches) -> None:
    before = flags(model)
    norms = model._freeze_state.train_batch_norm
    depth = model.trainable_depth
    try:
        model._freeze_state.train_batch_norm = True
        unfreeze(model)
        StatisticsPass(model).run(batches)
    finally:
        model._freeze_state.train_batch_norm = norms
        model._freeze_state.depth = depth
        restore_flags(model, before)


def _recentre(model: TransferModel, features: np.ndarray) -> None:
    _, spread, scale = model.level_scaling.get_weights()
    new = features.std(axis=0)
    floor = _FLOOR * spread.mean()
    scale = scale * (spread + floor) / (new + floor)
    model.level_scaling.set_weights([features.mean(axis=0), new, scale])


def _class_shares(
    model: TransferModel,
    features: np.ndarray,
    validation: Data,
    seed: int,
) -> tuple[np.ndarray | None, list[str]]:
    """The shares of predicted classes, and a warning where they are odd."""
    if getattr(model.head, "activation", None) != "softmax":
        return None, []
    scores = boundary_at(model, 0).suffix.predict(features, verbose=0)
    number = scores.shape[-1]
    shares = np.bincount(scores.argmax(axis=1), minlength=number)
    shares = shares / len(scores)
    expected, what = np.full(number, 1 / number), "equal shares of the classes"
    if validation is not None:
        known = drawn(validation, "validation", _MOST, seed)
        labels = class_labels(known, "validation", number)
        expected = np.bincount(labels, minlength=number) / len(labels)
        what = "those of the validation data"
    distance = float(np.abs(shares - expected).sum() / 2)
    if distance <= _UNLIKE:
        return shares, []
    most = int(shares.argmax())
    names = model.class_names
    name = names[most] if isinstance(names, list) else most
    return shares, [
        f"The predicted classes are unlike {what}: {distance:.0%} of the "
        f"images would have to change theirs, {shares[most]:.0%} are taken "
        f"for {name!r}. Adapting on images of a few classes costs accuracy: "
        "use more of them, of all classes, or leave the model as it was."
    ]
