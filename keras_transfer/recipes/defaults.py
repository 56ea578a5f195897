"""The options of `fine_tune`, and the values of those that are not given."""

import dataclasses
import math

import keras

from keras_transfer import _private
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
# With few labels of classes: all blocks, AdamW from this rate linearly to 0,
# from a solved head so much smaller (a loss is left to learn from), for so
# many passes over the samples and between so many steps (chosen on training
# samples: benchmarks/choosing_how_to_fine_tune.py).
_FULL_RATE, _WEIGHT_DECAY, _HEAD_START, _BATCH_SIZE = 1e-4, 0.01, 0.1, 16
_PASSES, _LEAST_STEPS, _MOST_STEPS = 10, 64, 640
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
    folds: int | None = None
    batch_size: int | None = None

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
    "batch_size": ("a whole number of at least 1", lambda x: _is_whole(x, 1)),
    "folds": (
        "0 for none, or a whole number of at least 2",
        lambda x: x == 0 or _is_whole(x, 2),
    ),
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
        is_full: whether all samples train to the end of the schedule, as with
            few labels. The next three are for that.
        batch_size: samples a step; `None` is as the data have it.
        head_start: factor of the solved head's logits at the start.
        weight_decay: of AdamW.
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
    is_full: bool = False
    batch_size: int | None = None
    head_start: float = 1.0
    weight_decay: float = 0.0


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
    is_full = _is_full(kind, counts, given)
    # Who asks for fine-tuning gets it, with a part held out to judge it by.
    use_folds = (
        runner.validation is None
        and kind is not None
        and (is_full or (counts.is_few and not given.epochs))
    )
    decide("head", None, *_about_head(kind, use_folds))
    mirror = _mirror(kind, counts, given, runner, use_folds)
    if is_full:
        return _full_plan(counts, given, runner, kind, mirror)
    hold_out = _hold_out(counts, runner, use_folds)
    reason = _number_of(counts)
    automatic_epochs, rate, decay = _FEW if counts.is_few else _MANY
    if use_folds:
        automatic_epochs = 0
        reason += f", {_why_head_alone(kind, counts)}"
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


def _is_full(kind, counts, given):
    """Whether the rule for few labels holds: it was chosen for these."""
    asks_for_more = given.gradual or given.interpolate or given.views
    return (
        kind == "softmax"
        and counts.trains_fully
        and counts.smallest > 1
        and given.epochs != 0
        and not asks_for_more
    )


def _number_of(counts):
    number = f"{counts.mean:.0f} samples"
    return number + " a class" if counts.per_class else number


def _why_head_alone(kind, counts):
    if kind == "softmax" and counts.smallest < 2:
        return "and a class with one, too few to see whether more pays"
    return "too few to hold some out and see whether it pays"


def _full_plan(counts, given, runner, kind, mirror):
    """The plan for few labels: all samples, all blocks, a fixed length."""
    decide, model = runner.log.decide, runner.model
    reason = _number_of(counts)
    size = decide("batch size", given.batch_size, _BATCH_SIZE, reason)
    num_samples = runner.train.num_samples
    a_pass = math.ceil(num_samples / size)
    steps = _PASSES * math.ceil(num_samples / _BATCH_SIZE)
    steps = min(max(steps, _LEAST_STEPS), _MOST_STEPS)
    epochs = decide(
        "epochs of fine-tuning",
        given.epochs,
        math.ceil(steps / a_pass),
        f"{num_samples} samples in {a_pass} batches: about {steps} steps",
    )
    if model.augmentation is not None:
        decide("augmented views", None, 0, "drawn anew in each step")
    if rates := _dropout_rates(model.backbone):
        rates = ", ".join(f"{rate:g}" for rate in sorted(rates))
        decide("dropout of the source", None, rates, "where its blocks train")
    return Plan(
        kind,
        0.0,
        epochs,
        decide("blocks", given.blocks, len(model.blocks), "all"),
        decide("learning rate", given.learning_rate, _FULL_RATE, reason),
        decide("decay of the rate by block", given.decay, 1.0, reason),
        l2sp=given.l2sp or 0.0,
        mirror=mirror,
        is_full=True,
        batch_size=size,
        head_start=_HEAD_START,
        weight_decay=_WEIGHT_DECAY,
    )


def _dropout_rates(backbone):
    return {
        layer.rate
        for layer in _private.leaf_layers(backbone)
        if isinstance(layer, keras.layers.Dropout) and layer.rate
    }


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
