"""What `fine_tune` is going to do: its plan, with a reason for each choice."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras

from keras_transfer import _private
from keras_transfer.data.horizontal_flips import takes_images
from keras_transfer.recipes.data_parts import HELD_OUT
from keras_transfer.recipes.label_counts import LabelCounts
from keras_transfer.recipes.options import FineTuneOptions
from keras_transfer.recipes.plan import HEAD_EPOCHS, HEAD_RATES, Plan
from keras_transfer.recipes.stage_runner import StageRunner
from keras_transfer.training.freezing import freeze_state

# Held out for validation where there is none and samples are not few.
_HELD_OUT_OF_MANY = 0.15
# Epochs, peak rate and its decay from block to block, by whether samples are
# few: with few the features must hardly move (chosen on held-out photos).
_FEW = (6, 1e-4, 1.0)
_MANY = (5, 1e-3, 0.8)
# With few labels of classes: all blocks, AdamW from this rate linearly to 0,
# from a solved head so much smaller (a loss is left to learn from), for so
# many passes over the samples, at least so many steps, and above so many steps
# half of the passes (chosen on training samples:
# benchmarks/choosing_how_to_fine_tune.py).
_FULL_RATE, _WEIGHT_DECAY, _HEAD_START, _BATCH_SIZE = 1e-4, 0.01, 0.1, 16
_PASSES, _LEAST_STEPS, _MOST_STEPS, _PASSES_OF_MANY = 10, 64, 640, 5
# With effort="best", of any number of labels: as many times the steps, and so
# many ends to average.
_TIMES_THE_STEPS, _ENDS = 2, 3
# Samples a class below which their loss does not reliably tell that pictures
# must not be flipped (benchmarks/flipped_copies.py: digits).
_ENOUGH_TO_COMPARE = 20
# As long as the automatic epochs: the loss of an early epoch, at a high rate,
# says little about where the cosine ends.
_PATIENCE = 6


def plan(
    counts: LabelCounts, given: FineTuneOptions, runner: StageRunner
) -> Plan:
    """Returns the `Plan` for a model, and logs what decides about it.

    Args:
        counts: the `LabelCounts`.
        given: the `FineTuneOptions`.
        runner: the `StageRunner` with the model and the data.
    """
    model, decide = runner.model, runner.log.decide
    if not model.is_pretrained:
        return _plan_from_random_weights(given, runner)
    given = _with_effort(given)
    keeps_head = given.head_epochs == 0
    kind = None if keeps_head else runner.solvable_kind()
    is_full = _is_full(kind, counts, given)
    # Who asks for fine-tuning gets it, with a part held out to judge it by.
    use_folds = (
        runner.validation is None
        and kind is not None
        and (
            (is_full and not counts.is_enough_to_hold_out)
            or (counts.is_few and not given.epochs)
        )
    )
    decide("head", None, *_about_head(kind, keeps_head, use_folds))
    hold_out = _hold_out(counts, runner, use_folds)
    compared_on = 1.0 if use_folds else hold_out
    wants_flips = is_full or counts.is_few
    flips = _flips(kind, counts, given, runner, compared_on, wants_flips)
    if is_full:
        return _full_plan(counts, given, runner, kind, flips, hold_out)
    reason = _number_of(counts)
    automatic_epochs, rate, layer_decay = _FEW if counts.is_few else _MANY
    if given.effort == "best":
        automatic_epochs *= _TIMES_THE_STEPS
    if use_folds:
        automatic_epochs = 0
        reason += f", {_why_head_alone(kind, counts)}"
    epochs = decide(
        "epochs of fine-tuning", given.epochs, automatic_epochs, reason
    )
    head = {"horizontal_flips": flips, **head_options(given)}
    if not epochs:
        return Plan(kind, hold_out, 0, 1, 0.0, **head)
    num_blocks = len(model.blocks)
    return Plan(
        kind,
        hold_out,
        epochs,
        decide(
            "blocks",
            given.number_of_blocks(num_blocks),
            max(1, num_blocks // 3),
            "the top third",
        ),
        decide("learning rate", given.learning_rate, rate, reason),
        layer_decay=decide(
            "layer decay", given.layer_decay, layer_decay, reason
        ),
        views=0 if given.mixing else _views(given, runner, epochs),
        mixing=given.mixing,
        patience=_PATIENCE,
        **_optimizer(given, "adam"),
        **_regularisation(given),
        **head,
    )


def _with_effort(given: FineTuneOptions) -> FineTuneOptions:
    """The head alone is no epochs of fine-tuning."""
    if given.mixing and (given.epochs == 0 or given.effort == "quick"):
        raise ValueError(
            f"mixing='{given.mixing}' is for fine-tuning. Received: the head "
            "alone (epochs=0 or effort='quick'), which is solved on the "
            "samples as they are. Leave `mixing` out."
        )
    if given.effort != "quick":
        return given
    if given.epochs:
        raise ValueError(
            "effort='quick' trains the head alone. Received: "
            f"epochs={given.epochs} of fine-tuning. Leave `epochs` out, or "
            "take effort='normal'."
        )
    return dataclasses.replace(given, epochs=0)


def head_options(given: FineTuneOptions) -> dict[str, Any]:
    """The values of a `Plan` for a head that is trained."""
    epochs, rate = given.head_epochs, given.head_learning_rate
    return {
        "head_epochs": HEAD_EPOCHS if epochs is None else epochs,
        "head_rates": HEAD_RATES if rate is None else (rate,),
    }


def _optimizer(given: FineTuneOptions, automatic: str) -> dict[str, Any]:
    name = given.optimizer or ("adamw" if given.weight_decay else automatic)
    decay = given.weight_decay
    if decay is None:
        decay = _WEIGHT_DECAY if name == "adamw" else 0.0
    return {"optimizer": name, "weight_decay": decay}


def _is_full(
    kind: str | None, counts: LabelCounts, given: FineTuneOptions
) -> bool:
    """Whether all blocks train for a fixed number of steps."""
    asks_for_more = given.gradual or given.interpolate or given.views
    return (
        kind == "softmax"
        and (counts.trains_fully or given.effort == "best")
        and counts.smallest > 1
        and given.epochs != 0
        and not asks_for_more
    )


def _number_of(counts: LabelCounts) -> str:
    number = f"{counts.mean:.0f} samples"
    return number + " a class" if counts.per_class else number


def _why_head_alone(kind: str | None, counts: LabelCounts) -> str:
    if kind == "softmax" and counts.smallest < 2:
        return "and a class with one, too few to see whether more pays"
    return "too few to hold some out and see whether it pays"


def _full_plan(
    counts: LabelCounts,
    given: FineTuneOptions,
    runner: StageRunner,
    kind: str | None,
    flips: bool | None,
    hold_out: float,
) -> Plan:
    """The plan for all blocks and a fixed number of steps."""
    decide, model = runner.log.decide, runner.model
    reason = _number_of(counts)
    size = decide("batch size", given.batch_size, _BATCH_SIZE, reason)
    num_samples = round((1 - hold_out) * runner.train.num_samples)
    a_pass = math.ceil(num_samples / size)
    steps = _steps(num_samples)
    more: dict[str, Any] = {}
    if given.effort == "best":
        steps *= _TIMES_THE_STEPS
        more["ends"] = decide("ends", None, *_about_ends(model))
        more["limits_folds"] = False
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
        hold_out,
        epochs,
        decide(
            "blocks",
            given.number_of_blocks(len(model.blocks)),
            len(model.blocks),
            "all",
        ),
        decide("learning rate", given.learning_rate, _FULL_RATE, reason),
        "linear",
        layer_decay=decide("layer decay", given.layer_decay, 1.0, reason),
        l2sp=given.l2sp or 0.0,
        horizontal_flips=flips,
        is_full=True,
        batch_size=size,
        head_start=_HEAD_START,
        trains_flips=model.augmentation is None,
        mixing=given.mixing,
        **_optimizer(given, "adamw"),
        **more,
    )


def _about_ends(model: keras.Model) -> tuple[int, str]:
    if freeze_state(model).train_batch_norm:
        return 1, "statistics of batch norm that train have no average"
    return _ENDS, "to average; effort='best'"


def _steps(num_samples: int) -> int:
    """Steps of fine-tuning by the number of samples to train on."""
    a_pass = math.ceil(num_samples / _BATCH_SIZE)
    most = max(_MOST_STEPS, _PASSES_OF_MANY * a_pass)
    return min(max(_PASSES * a_pass, _LEAST_STEPS), most)


def _dropout_rates(backbone: keras.Model) -> set[float]:
    return {
        layer.rate
        for layer in _private.leaf_layers(backbone)
        if isinstance(layer, keras.layers.Dropout) and layer.rate
    }


def _plan_from_random_weights(
    given: FineTuneOptions, runner: StageRunner
) -> Plan:
    decide, num_blocks = runner.log.decide, len(runner.model.blocks)
    if given.effort == "quick":
        raise ValueError(
            "effort='quick' solves a head on the features of a source. "
            f"Received: '{runner.model.name}' with random weights, which has "
            "none. Give it weights, or take effort='normal'."
        )
    hold_out = 0.0
    if runner.validation is None:
        hold_out = decide("validation", None, HELD_OUT, "held out")
    return Plan(
        None,
        hold_out,
        decide("epochs", given.epochs, 30, "stops when validation does"),
        decide(
            "blocks",
            given.number_of_blocks(num_blocks),
            num_blocks,
            "the weights are random: there are no features to start from",
        ),
        decide("learning rate", given.learning_rate, 1e-3, "Adam's own"),
        layer_decay=given.layer_decay or 1.0,
        mixing=given.mixing,
        patience=5,
        **_optimizer(given, "adam"),
        **_regularisation(given) | {"interpolate": False},
    )


def _about_head(
    kind: str | None, keeps_head: bool, use_folds: bool
) -> tuple[str, str]:
    if keeps_head:
        return "kept as it is", "as given"
    if kind is None:
        return "trained", (
            "it is not linear, its loss has no known minimum, or the source "
            "draws random numbers in inference too"
        )
    picked = "by cross-validation" if use_folds else "on validation"
    return "solved", f"linear {kind}, its penalty picked {picked}"


def _flips(
    kind: str | None,
    counts: LabelCounts,
    given: FineTuneOptions,
    runner: StageRunner,
    share_compared_on: float,
    is_wanted: bool,
) -> bool | None:
    """Whether flips are tried: where there are enough to compare them."""
    can = kind == "softmax" and takes_images(runner.model)
    if given.horizontal_flips and not can:
        raise ValueError(
            "`horizontal_flips=True` solves a linear head of classes on "
            "pictures turned left to right too. Received: a model that takes "
            "no pictures, or has another head or loss. Leave "
            "`horizontal_flips` out."
        )
    if given.horizontal_flips is not None or not can or not is_wanted:
        return bool(given.horizontal_flips)
    compared_on = share_compared_on * counts.num_samples
    if runner.validation is not None:
        compared_on = runner.validation.num_samples
    enough = _ENOUGH_TO_COMPARE * len(counts.per_class)
    return None if min(counts.num_samples, compared_on) >= enough else False


def _hold_out(
    counts: LabelCounts, runner: StageRunner, use_folds: bool
) -> float:
    if runner.validation is not None or use_folds:
        return 0.0
    share = HELD_OUT if counts.is_few else _HELD_OUT_OF_MANY
    reason = "held out, as none was given"
    return runner.log.decide("validation", None, share, reason)


def _regularisation(given: FineTuneOptions) -> dict[str, Any]:
    """Options that bring nothing on the whole are off unless asked for."""
    return {
        "gradual": bool(given.gradual),
        "l2sp": given.l2sp or 0.0,
        "interpolate": given.interpolate is not False,
    }


def _views(given: FineTuneOptions, runner: StageRunner, epochs: int) -> int:
    if runner.model.augmentation is None:
        return 0
    return runner.log.decide(
        "augmented views", given.views, min(4, epochs),
        "computed once, not in each epoch",
    )  # fmt: skip
