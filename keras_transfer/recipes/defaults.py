"""The options of `fine_tune`, and the values of those that are not given."""

import dataclasses

from keras_transfer.data.horizontal_flips import takes_images
from keras_transfer.recipes.data_parts import HELD_OUT
from keras_transfer.recipes.head_stage import solvable_kind
from keras_transfer.training.schedules import whole_number

# Held out for validation where there is none and samples are not few.
_HELD_OUT_OF_MANY = 0.15
# Epochs, peak rate and its decay from block to block, by whether samples are
# few: with few the features must hardly move (chosen on held-out photos).
_FEW = (6, 1e-4, 1.0)
_MANY = (5, 1e-3, 0.8)
# Samples a class below which their loss does not reliably tell that pictures
# must not be flipped (benchmarks/mirrored_copies.py: digits).
_ENOUGH_TO_COMPARE = 20
# As long as the automatic epochs: the loss of an early epoch, at a high rate,
# says little about where the cosine ends.
_PATIENCE = 6


@dataclasses.dataclass(frozen=True)
class FineTuneOptions:
    """The options of `fine_tune` that have automatic values, for `None`.

    Attributes are those of `fine_tune`, under the same names.
    """

    epochs: int | None = None
    blocks: int | None = None
    learning_rate: float | None = None
    decay: float | None = None
    gradual: bool | None = None
    l2sp: float | None = None
    interpolate: bool | None = None
    views: int | None = None
    mirror: bool | None = None

    def check(self, num_blocks):
        """Raises a `ValueError` that names the option that does not fit."""
        for name, (expected, fits) in _EXPECTED.items():
            value = getattr(self, name)
            if value is not None and not fits(value):
                raise ValueError(
                    f"`{name}` is {expected}, or None for the automatic "
                    f"choice. Received: {name}={value!r}."
                )
        if self.blocks is not None and self.blocks > num_blocks:
            raise ValueError(
                f"The model has {num_blocks} blocks. Received: "
                f"blocks={self.blocks}. Expected 1 to {num_blocks}, or "
                "epochs=0 to train the head alone."
            )


def _is_whole(value, least):
    number = whole_number(value)
    return number is not None and number >= least


def _is_flag(value):
    return isinstance(value, bool)


def _is_number(value):
    return not isinstance(value, bool | str)


_EXPECTED = {
    "epochs": ("a whole number of at least 0", lambda x: _is_whole(x, 0)),
    "views": ("a whole number of at least 0", lambda x: _is_whole(x, 0)),
    "blocks": ("a whole number of at least 1", lambda x: _is_whole(x, 1)),
    "gradual": ("True, False", _is_flag),
    "interpolate": ("True, False", _is_flag),
    "mirror": ("True, False", _is_flag),
    "learning_rate": ("a number above 0", lambda x: _is_number(x) and x > 0),
    "decay": (
        "a number above 0 and at most 1",
        lambda x: _is_number(x) and 0 < x <= 1,
    ),
    "l2sp": ("a number at least 0", lambda x: _is_number(x) and x >= 0),
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a run of `fine_tune`.

    Attributes:
        kind: how the head is solved, or `None` if it is trained.
        hold_out: share of the samples to validate on, 0 for none.
        epochs: most epochs of fine-tuning.
        blocks: blocks that are fine-tuned.
        rate: peak learning rate.
        decay: factor of the rate from block to block.
        gradual: whether the blocks join one after the other.
        l2sp: strength of L2-SP.
        interpolate: whether weights in between are tried.
        views: augmented versions of each sample; 0 draws anew each epoch.
        patience: epochs without a better one before it stops.
        mirror: whether the head is solved on horizontal flips too; `None` is
            as the validation loss says.
    """

    kind: str | None
    hold_out: float
    epochs: int
    blocks: int
    rate: float
    decay: float = 1.0
    gradual: bool = False
    l2sp: float = 0.0
    interpolate: bool = True
    views: int = 0
    patience: int = 2
    mirror: bool | None = False


def plan(counts, given, runner):
    """Returns the `Plan` for a model, and logs what decides about it.

    Args:
        counts: the `LabelCounts`.
        given: the `FineTuneOptions`.
        runner: the `StageRunner` with the model and the data.
    """
    model, decide = runner.model, runner.log.decide
    if not model.is_pretrained:
        return _plan_from_random_weights(given, runner)
    kind = solvable_kind(model)
    # Who asks for fine-tuning gets it, with a part held out to judge it by.
    use_folds = (
        runner.validation is None
        and counts.is_few
        and kind is not None
        and not given.epochs
    )
    decide("head", None, *_about_head(kind, use_folds))
    mirror = _mirror(kind, counts, given, runner, use_folds)
    hold_out = _hold_out(counts, runner, use_folds)
    reason = f"{counts.mean:.0f} samples"
    reason += " a class" if counts.per_class else ""
    automatic_epochs, rate, decay = _FEW if counts.is_few else _MANY
    if use_folds:
        automatic_epochs = 0
        reason += ", too few to hold some out and see whether it pays"
    epochs = decide(
        "epochs of fine-tuning", given.epochs, automatic_epochs, reason
    )
    if not epochs:
        return Plan(kind, hold_out, 0, 1, 0.0, mirror=mirror)
    third = max(1, len(model.blocks) // 3)
    return Plan(
        kind,
        hold_out,
        epochs,
        decide("blocks", given.blocks, third, "the top third"),
        decide("learning rate", given.learning_rate, rate, reason),
        decide("decay of the rate by block", given.decay, decay, reason),
        *_regularisation(given),
        views=_views(given, runner, epochs),
        patience=_PATIENCE,
        mirror=mirror,
    )


def _plan_from_random_weights(given, runner):
    why = "the weights are random: there are no features to start from"
    decide = runner.log.decide
    hold_out = 0.0
    if runner.validation is None:
        hold_out = decide("validation", None, HELD_OUT, "held out")
    return Plan(
        None,
        hold_out,
        decide("epochs", given.epochs, 30, "stops when validation does"),
        decide("blocks", given.blocks, len(runner.model.blocks), why),
        decide("learning rate", given.learning_rate, 1e-3, "Adam's own"),
        1.0 if given.decay is None else given.decay,
        *_regularisation(given)[:2],
        interpolate=False,
        patience=5,
    )


def _about_head(kind, use_folds):
    if kind is None:
        return "trained", "it is not linear, or its loss has no known minimum"
    picked = "by cross-validation" if use_folds else "on validation"
    return "solved", f"linear {kind}, its penalty picked {picked}"


def _mirror(kind, counts, given, runner, use_folds):
    """`Plan.mirror`: with few pictures, but enough to compare, try it."""
    can = kind == "softmax" and takes_images(runner.model)
    if given.mirror and not can:
        raise ValueError(
            "`mirror=True` turns pictures left to right to solve a linear "
            "head of classes on them too. Received: a model that takes no "
            "pictures, or has another head or loss. Leave `mirror` out."
        )
    if given.mirror is not None or not can or not counts.is_few:
        return bool(given.mirror)
    compared_on = counts.num_samples if use_folds else 0
    if runner.validation is not None:
        compared_on = runner.validation.num_samples
    enough = _ENOUGH_TO_COMPARE * len(counts.per_class)
    return None if min(counts.num_samples, compared_on) >= enough else False


def _hold_out(counts, runner, use_folds):
    if runner.validation is not None or use_folds:
        return 0.0
    share = HELD_OUT if counts.is_few else _HELD_OUT_OF_MANY
    reason = "held out, as none was given"
    return runner.log.decide("validation", None, share, reason)


def _regularisation(given):
    """Options that bring nothing on the whole are off unless asked for."""
    return (
        bool(given.gradual),
        given.l2sp or 0.0,
        given.interpolate is not False,
    )


def _views(given, runner, epochs):
    if runner.model.augmentation is None:
        return 0
    return runner.log.decide(
        "augmented views", given.views, min(4, epochs),
        "computed once, not in each epoch",
    )  # fmt: skip
