"""The head alone, on frozen features: solved where that is convex, or trained.

The first stage of every recipe, and of a trial of a search.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import numpy as np

from keras_transfer import _private, feature_cache
from keras_transfer._private.types import Data, Verbose
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.recipes.best_weights import BestWeights
from keras_transfer.transferability.folds import Folds
from keras_transfer.transferability.linear_probe import Probe

if TYPE_CHECKING:
    from keras_transfer.recipes.plan import Plan
    from keras_transfer.recipes.stage_runner import StageRunner
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.horizontal_flips import WithFlips, folds_with_flips
from keras_transfer.data.nested import integer_labels
from keras_transfer.layers import ClassificationHead, RegressionHead
from keras_transfer.recipes import level_choice
from keras_transfer.recipes.evaluation import metrics_of
from keras_transfer.recipes.training import compile_like
from keras_transfer.training.freezing import freeze
from keras_transfer.transferability import linear_probe
from keras_transfer.transferability.folds import folds_for
from keras_transfer.transferability.temperature import (
    ENOUGH,
    best_temperature,
)

# Features, labels and perhaps weights.
Parts: TypeAlias = Sequence[np.ndarray]
PATIENCE = 3
# How much higher the loss with horizontal flips may be. With 20 samples a class
# it is less on photos in most draws, and they help; on digits, which they
# harm, it is far more (benchmarks/flipped_copies.py).
TOLERANCE = 0.02
# By what the head puts out: the losses whose minimum `fit_linear_probe` finds.
_SOLVED_LOSSES = {
    "softmax": {"sparse_categorical_crossentropy", "categorical_crossentropy"},
    "sigmoid": {"binary_crossentropy"},
    "linear": {"mean_squared_error", "mse"},
}


class HeadStage:
    """Solves or trains the head, and does so again on all samples.

    Args:
        runner: the `StageRunner`.
        plan: the `Plan`.

    Attributes:
        uses_flips: whether the head was solved on horizontal flips too.
    """

    def __init__(self, runner: StageRunner, plan: Plan) -> None:
        self.runner, self.plan, self.model = runner, plan, runner.model
        self._parts = []
        self.uses_flips = False

    def run(self) -> None:
        """Leaves the best head in the model, and its row with `best`."""
        freeze(self.model)
        if not self.plan.head_epochs:
            self._keep()
        elif self.plan.kind is None:
            self._train()
        else:
            self._solve()
        self.runner.best.restore()
        self._solution = self.model.head.get_weights()

    def again(self) -> None:
        """Fits the head to all samples, as it was fitted to a part."""
        freeze(self.model)
        if not self.plan.head_epochs:
            return
        row = self._chosen
        if self.plan.kind is None:
            self._fit(row["rate"], row["epoch"], "head on all samples")
            return
        if self.uses_flips:
            together = self._solvable(WithFlips(self.runner.train))
        else:
            pairs = zip(*self._parts, strict=True)
            together = [np.concatenate(pair) for pair in pairs]
        probe = linear_probe.fit_linear_probe(
            self.plan.kind, together, None, self.model.head.num_outputs,
            strengths=(row["strength"],),
        )  # fmt: skip
        set_head(self.model, probe)

    @property
    def strength(self) -> float:
        """The strength of the penalty that was chosen."""
        return self._chosen["strength"]

    @property
    def held_out_loss(self) -> float | None:
        """The head's loss on validation or, cross-validated, on folds."""
        return self._chosen.get("val_loss")

    def features(self, validation: bool = False) -> Parts:
        """`(features, labels[, weights])` that the head was solved on."""
        return self._parts[1 if validation else 0]

    def validation_logits(self) -> np.ndarray:
        """The solved head's logits on validation data."""
        kernel, bias = self._solution
        return self.features(validation=True)[0] @ kernel + bias

    def metrics(self) -> dict[str, float]:
        """What an epoch of a solved head would log, from its features."""
        inputs = keras.Input(self.features()[0].shape[1:], name="features")
        alone = keras.Model(inputs, self.model.head(inputs))
        compile_like(alone, self.model, "sgd")
        alone.make_test_function()
        _private.trace_quietly(alone.test_function)
        found = {}
        for prefix, part in zip(("", "val_"), self._parts, strict=False):
            found |= metrics_of(alone, ArrayBatches(*part), prefix)
        return found

    def temperature_for(self, num_samples: int) -> float | None:
        """Towards which the temperature that few samples give is drawn.

        `None` where so many samples need no help.
        """
        if num_samples >= ENOUGH:
            return None
        is_classifier = self.plan.kind in ("softmax", "sigmoid")
        return self.temperature() if is_classifier else 1.0

    def temperature(self) -> float:
        """The temperature that suits the head on what it was not fitted to."""
        kind, data = self.plan.kind, self.features()
        logits = linear_probe.out_of_fold_logits(
            kind, data, self.model.head.num_outputs, self.strength,
            folds_for(data[1], kind, self.runner.seed),
        )  # fmt: skip
        return best_temperature(kind, logits, *data[1:])

    def _keep(self) -> None:
        """Judges the head as it is, as the one to beat."""
        runner = self.runner
        runner.best.add_present(runner.train, runner.validation)
        self._chosen = runner.best.row

    def _solve(self) -> None:
        runner, kind = self.runner, self.plan.kind
        if self.plan.hold_out:
            # One pass for both parts, and for all samples in the end.
            self._features(runner.train.batches, "training")
        both = None
        if self.plan.horizontal_flips is not False and not runner.limit.is_over:
            # In one go: each start of the frozen part costs seconds.
            both = self._solvable(WithFlips(runner.train))
            train = [part[: len(part) // 2] for part in both]
        else:
            train = self._solvable(runner.train)
        validation = self._solvable(runner.validation, "validation")
        self._parts = [p for p in (train, validation) if p is not None]
        if runner.on_features is not None and kind == "softmax":
            runner.on_features(self.model, runner.train, *train[:2])
        folds = None
        if validation is None and self.plan.cross_validates:
            # Samples are few: none are held out.
            folds = folds_for(train[1], kind, runner.seed)
        solve_head(self.model, train, validation, runner.best, folds=folds)
        if self.model._chooses_levels and not self._reads_levels(folds):
            train, validation, both = (
                level_choice.without_inner_levels(self.model, part)
                for part in (train, validation, both)
            )
            self._parts = [p for p in (train, validation) if p is not None]
        if both is not None:
            self._try_flips(both, validation, folds)
        self._chosen = runner.best.row

    def _reads_levels(self, folds: Folds | None) -> bool:
        """Whether several levels pay; if not, the head gets the last alone."""
        model, best, several = (
            self.model,
            self.runner.best,
            self.runner.best.row,
        )
        if "val_loss" not in several:
            return True
        probe = level_choice.probe_of_last_level(
            model, self.plan.kind, *self._parts, folds=folds
        )
        last = probe.best["val_loss"]
        pays = several["val_loss"] < (1 - level_choice.MARGIN) * last
        self.runner.log.decide(
            "levels", None,
            f"{1 + len(model.levels)}" if pays else "the last one alone",
            f"validation loss {several['val_loss']:.4f} with "
            f"{1 + len(model.levels)}, {last:.4f} with the last one alone",
        )  # fmt: skip
        if not pays:
            level_choice.leave_out_inner_levels(model)
            set_head(model, probe)
            best.add_solved(probe.rows, probe.best, 0.0)
        return pays

    def _try_flips(
        self, both: Parts, validation: Parts | None, folds: Folds | None
    ) -> None:
        """Solves the head on flips too, and keeps that if it pays."""
        best, before = self.runner.best, self.runner.best.row
        kept = best.weights
        solve_head(
            self.model,
            both,
            validation,
            best,
            folds=folds_with_flips(folds, len(both[1]) // 2),
            strengths=linear_probe.neighbouring_strengths(before["strength"]),
            flipped=True,
        )
        old, new = before["val_loss"], best.row["val_loss"]
        self.uses_flips = self.runner.log.decide(
            "horizontal flips",
            self.plan.horizontal_flips,
            new <= (1 + TOLERANCE) * old,
            f"validation loss {new:.4f} after {old:.4f} without",
        )
        if not self.uses_flips:
            best.row, best.weights = before, kept

    def _solvable(
        self, data: SeededBatches | None, name: str = "training"
    ) -> Parts | None:
        """Features and labels as `fit_linear_probe` takes them."""
        if data is None:
            return None
        parts = with_integer_labels(self.plan.kind, self._features(data, name))
        return level_choice.scaled(self.model, parts)

    def _features(self, part: SeededBatches, name: str) -> Parts:
        # What fine-tuning starts from is on the way to the head's features.
        plan, through = self.plan, None
        if plan.epochs and not plan.views and self.runner.cache_at(plan.blocks):
            through = plan.blocks
        return pooled_once(
            self.model, part, name, self.runner.verbose,
            cache=self.runner.cache, through=through,
        )  # fmt: skip

    def _train(self) -> None:
        start = self.model.head.get_weights()
        self._chosen = None
        for rate in self.plan.head_rates:
            if self._chosen is not None and self.runner.limit.is_over:
                break
            self.model.head.set_weights(start)
            self.runner.best.about = {"rate": rate}
            self._fit(rate, self.plan.head_epochs, f"head at {rate:g}")
            self._chosen = self.runner.best.row
        self.runner.best.about = {}

    def _fit(self, rate: float, epochs: int, name: str) -> None:
        compile_like(self.model, self.model, keras.optimizers.Adam(rate))
        self.runner.fit(epochs, PATIENCE, depth=0, name=name)


def solvable_kind(model: keras.Model) -> str | None:
    """Returns what `fit_linear_probe` would call the head, or `None`.

    Args:
        model: a compiled `TransferModel`.

    Returns:
        `"softmax"`, `"sigmoid"` or `"linear"` for a linear head of this
        package under the loss of that name, else `None`.
    """
    kind = convex_kind(model)
    return None if kind is None or model.head.hidden_units else kind


def convex_kind(model: keras.Model) -> str | None:
    """Returns what `linear_probe.score` would call head and loss, or `None`.

    Unlike for `solvable_kind`, the head may have hidden layers.
    """
    head = model.head
    if not isinstance(head, ClassificationHead | RegressionHead):
        return None
    fits = _loss_name(model.loss) in _SOLVED_LOSSES[head.activation]
    return head.activation if fits else None


def _loss_name(loss: str | keras.losses.Loss | None) -> str | None:
    """A loss that is nothing but its formula, by its name."""
    if isinstance(loss, str):
        return loss
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    if config.get("from_logits") or config.get("label_smoothing"):
        return None
    return {
        "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
        "CategoricalCrossentropy": "categorical_crossentropy",
        "BinaryCrossentropy": "binary_crossentropy",
        "MeanSquaredError": "mean_squared_error",
    }.get(type(loss).__name__)


def pooled_once(
    model: keras.Model,
    batches: Data,
    name: str,
    verbose: Verbose,
    **options: Any,
) -> Parts:
    """Runs the frozen part over a data set once, in inference mode.

    Args:
        model: a `TransferModel` whose head is one of this package.
        batches: what `fit` trains on.
        name: what to call the data in the progress bar.
        verbose: 0 shows no progress.
        **options: `cache` and `through` of `feature_cache.features`.

    Returns:
        `(features, labels)` or `(features, labels, weights)`, arrays.
    """
    found = feature_cache.features(
        model, batches, name=name, verbose=verbose, **options
    )
    return (found.take(found.rows), *found.rest)


def solve_head(
    model: keras.Model,
    train: Parts,
    validation: Parts | None,
    best: BestWeights,
    *,
    flipped: bool = False,
    **options: Any,
) -> None:
    """Solves the head on features and puts the solution into the model.

    Args:
        model: a compiled `TransferModel` with a `solvable_kind`.
        train: what `pooled_once` returns.
        validation: the same, or `None`.
        best: the `BestWeights` that takes the rows, one a strength.
        flipped: whether the rows say that flips are among the samples.
        **options: `folds` and `strengths` of `fit_linear_probe`.
    """
    started = time.perf_counter()
    kind = solvable_kind(model)
    train, validation = (
        with_integer_labels(kind, part) for part in (train, validation)
    )
    probe = linear_probe.fit_linear_probe(
        kind, train, validation, model.head.num_outputs, **options
    )
    set_head(model, probe)
    seconds = (time.perf_counter() - started) / len(probe.rows)
    about = {"flipped": True} if flipped else {}
    rows = [row | about for row in probe.rows]
    best.add_solved(rows, probe.best | about, seconds)


def set_head(model: keras.Model, probe: Probe) -> None:
    """Gives the model's head the weights of a `Probe`."""
    model.head.set_weights([probe.kernel, probe.bias])


def with_integer_labels(kind: str | None, part: Parts | None) -> Parts | None:
    """Returns `(x, y[, weights])`, of a softmax with integer labels."""
    if part is None or kind != "softmax":
        return part
    x, y, *rest = part
    return (x, integer_labels(y), *rest)
