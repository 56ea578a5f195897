"""`match`: stage 3 and 4 in one call, features first and labels afterwards."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.data.adapters import adapt
from keras_transfer.data.data_adapter import joined
from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.data.views import JoinedInputs
from keras_transfer.feature_cache import FeatureCache
from keras_transfer.feature_cache.rows import num_bytes
from keras_transfer.losses import FeatureMatchingLoss
from keras_transfer.models import FeatureMatcher, TransferModel
from keras_transfer.models.matching.pairs import Pairs
from keras_transfer.models.matching.source_scale import SCALED_BY
from keras_transfer.recipes import data_parts
from keras_transfer.recipes.best_weights import BestWeights, loss_of, stage
from keras_transfer.recipes.checkpointing import checkpoints
from keras_transfer.recipes.compiling import rising_and_falling
from keras_transfer.recipes.decision_log import DecisionLog
from keras_transfer.recipes.evaluation import metrics_of
from keras_transfer.recipes.fine_tuning import FineTuneResult, fine_tune
from keras_transfer.recipes.training import (
    has_room,
    statistics_callbacks,
)
from keras_transfer.storage.printing import silent_at_verbose_0
from keras_transfer.training.freezing import set_trainable_depth

# Samples by whose features pairs are chosen, all in one batch.
_LOOKED_AT = 32


@dataclasses.dataclass(repr=False)
class MatchResult(FineTuneResult):
    """The result of `match`: a `FineTuneResult`, and the pairs.

    Attributes:
        pairs: the pairs of features that were matched; they print as a table.
        helped: whether validation was better with matching than with the
            labels alone; `None` if that was not compared.
    """

    pairs: Pairs | None = None
    helped: bool | None = None

    def __repr__(self) -> str:
        about = {
            True: "matching helped",
            False: "matching did not help",
            None: "not compared with the labels alone",
        }[self.helped]
        loss = loss_of(self.best) if self.best else float("nan")
        return (
            f"<MatchResult: {about}, validation loss {loss:.4f}, "
            f"{len(self.pairs or ())} pairs, {len(self.stages)} stages>"
        )


@silent_at_verbose_0
def match(
    *,
    source: keras.Model,
    target: TransferModel,
    train: Data,
    unlabelled: Data = None,
    validation: Data = None,
    epochs: int = 5,
    learning_rate: float = 1e-3,
    pairs: str | Sequence[tuple] = "auto",
    loss: FeatureMatchingLoss | str | None = None,
    soft_targets: bool | str = "auto",
    compare_alone: bool = True,
    batch_size: int | None = None,
    seed: int = 0,
    checkpoint: PathLike | None = None,
    verbose: Verbose = "auto",
    **fine_tuning: Any,
) -> MatchResult:
    """Trains a target on the features of a source, then on the labels.

    1. Alone. `fine_tune` trains the target as it is, to have what matching
       has to beat.
    2. Matching. From where it began, the target learns to have the source's
       features on all samples, labelled or not, and its scores too where both
       name the same classes. The source runs over the data once.
    3. The labels. `fine_tune` solves the head on the features that came of
       it, and trains further as far as validation says it pays.
    4. The choice. Of the target alone, the one with the scores it has learnt
       and the one with the labels after matching, the lowest loss on
       validation wins: no worse there than without matching.
    5. Where a part was held out for that, `fine_tune` trains what has won
       again, with all labels.

    Args:
        source: what `FeatureMatcher` takes for a source.
        target: a `TransferModel`; weights that are random are fine. A
            compiled one keeps its loss and metrics.
        train: labelled data, as in `fine_tune`.
        unlabelled: further samples without labels: arrays `x`, or a data
            set that can be walked over again (`data.without_labels` takes
            labels off).
        validation: labelled data, or `None` to hold out a fifth.
        epochs: epochs of matching.
        learning_rate: peak rate of Adam in matching; it rises over the first
            tenth of the steps and falls along a cosine.
        pairs: as in `FeatureMatcher`.
        loss: as in `FeatureMatcher`.
        soft_targets: as in `FeatureMatcher`.
        compare_alone: whether the target is trained alone too, to compare;
            without it, matching may end below what the labels alone give.
        batch_size: samples a step. By default 32, and for the labels what
            `fine_tune` takes.
        seed: seed of the order of samples and of what is held out.
        checkpoint: as in `fine_tune`.
        verbose: as in `keras.Model.fit`; 0 prints nothing.
        **fine_tuning: further arguments of `fine_tune`; `horizontal_flips` is
            False and `folds` is 0 unless they are asked for.

    Returns:
        A `MatchResult`.

    Raises:
        ValueError: arguments, models or data that do not fit.

    Example:

    ```python
    source = kt.load_model("vgg16_flowers.keras")
    target = kt.TransferModel("ResNet50", head=5)
    flowers = kt.data.load("flowers")
    result = kt.match(source=source, target=target, train=flowers)
    print(result.pairs)
    ```

    Reference:
        Romero et al. 2015, FitNets: Hints for Thin Deep Nets (features first,
        then the task); Hinton et al. 2015 (scores).
    """
    _check(epochs, learning_rate, fine_tuning)
    _check_target(target)
    if not target.compiled:
        target.compile("auto")
    names = getattr(getattr(train, "train", train), "class_names", None)
    if target.class_names is None and names:
        target.class_names = list(names)
    order: dict[str, Any] = {"batch_size": batch_size or 32, "seed": seed}
    train, validation = data_parts.parts(train, validation, **order)
    train = adapt(train).with_ids(target, settles=True).data
    labelled = None
    if validation is not None:
        validation = adapt(validation).with_ids(target).data
    else:
        labelled = train
        train, validation = data_parts.hold_out(
            train, data_parts.HELD_OUT, seed
        )
    # In the end, on all labels, as in what has been compared.
    fine_tuning = {"horizontal_flips": False, "folds": 0} | fine_tuning
    fine_tuning |= {"batch_size": batch_size, "seed": seed}
    recipe = _Recipe(target, fine_tuning, checkpoint, verbose)
    # Not what is held out: a source may have learnt the labels of that.
    every = [train]
    if unlabelled is not None:
        more = data_parts.as_numbered(unlabelled, "unlabelled", **order)
        every.append(adapt(more).with_ids(target).data)
    every = JoinedInputs(every, **order)
    matcher = FeatureMatcher(
        source=source, target=target, pairs=pairs, loss=loss,
        soft_targets=soft_targets,
        task_weight=0, data=joined(adapt(every).inputs(_LOOKED_AT)),
    )  # fmt: skip
    matcher._parts.scale_by(adapt(every).inputs(SCALED_BY))
    # Whatever cannot be matched has been found by now.
    if compare_alone and not recipe.alone(train, validation):
        return recipe.finished()
    if not recipe.match(matcher, every, epochs, learning_rate):
        return recipe.finished()
    recipe.labels(matcher, train, validation)
    return recipe.finished(labelled)


class _Recipe:
    """The stages one after the other; each says whether it was finished."""

    def __init__(
        self,
        target: TransferModel,
        fine_tuning: dict[str, Any],
        checkpoint: PathLike | None,
        verbose: Verbose,
    ) -> None:
        self.target, self.verbose = target, verbose
        self.fine_tuning, self.checkpoint = fine_tuning, checkpoint
        self.log, self.candidates = DecisionLog(verbose), []
        self.result = MatchResult(choices=self.log.rows)

    def tune(
        self, name: str, train: Data, validation: Data = None
    ) -> FineTuneResult:
        folder = self.checkpoint and Path(self.checkpoint) / name
        return fine_tune(
            self.target, train, validation=validation, checkpoint=folder,
            verbose=self.verbose, **self.fine_tuning,
        )  # fmt: skip

    def alone(self, train: Data, validation: Data) -> bool:
        start = self.target.get_weights()
        tuned = self.tune("alone", train, validation)
        self._candidate("alone", start, tuned)
        if not self.result.interrupted:
            self.target.set_weights(start)
        return not self.result.interrupted

    def match(
        self,
        matcher: FeatureMatcher,
        every: SeededBatches,
        epochs: int,
        rate: float,
    ) -> bool:
        self.result.pairs = matcher.pairs
        self.log.show(matcher.pairs)
        # Frozen, a target would have nothing to match with.
        set_trainable_depth(self.target, len(self.target.blocks))
        best = BestWeights(self.target)
        rates = rising_and_falling(rate, epochs * len(every))
        matcher.compile(keras.optimizers.Adam(rates))
        try:
            with stage("matching", self.result, best):
                matcher.fit(
                    every,
                    epochs=epochs,
                    feature_cache=_cache_for(matcher, every),
                    callbacks=[
                        *statistics_callbacks(
                            self.target, every, part=self.target
                        ),
                        best,
                        *checkpoints(self.checkpoint, "matching"),
                    ],
                    verbose=self.verbose,
                )
        except KeyboardInterrupt:
            self.result.interrupted = True
        self.target._mark_pretrained()
        return not self.result.interrupted

    def labels(
        self, matcher: FeatureMatcher, train: Data, validation: Data
    ) -> None:
        start = self.target.get_weights()
        if any(pair.loss.on_logits for pair in matcher.pairs):
            row = metrics_of(self.target, validation, "val_")
            row = {"stage": "matching", **row}
            learnt = _Candidate("with the scores learnt", row, start)
            self.candidates.append(learnt)
        tuned = self.tune("matched", train, validation)
        self._candidate("matched", start, tuned)

    def finished(self, labelled: SeededBatches | None = None) -> MatchResult:
        """Takes the candidate with the lowest loss on validation.

        Args:
            labelled: all labelled data, to train it again with.
        """
        result = self.result
        if not self.candidates:
            return result
        chosen = min(self.candidates, key=lambda each: loss_of(each.row))
        self.target.set_weights(chosen.weights)
        result.best, result.warnings = chosen.row, list(chosen.warnings)
        losses = ", ".join(
            f"{each.name} {loss_of(each.row):.4f}" for each in self.candidates
        )
        self.log.decide(
            "weights", None, chosen.name, f"validation loss: {losses}"
        )
        self._judge(chosen, losses)
        again = labelled is not None and chosen.start is not None
        if again and not result.interrupted:
            self.target.set_weights(chosen.start)
            self.target._mark_pretrained(chosen.pretrained)
            self._add(self.tune("all labels", labelled), "all labels: ")
        return result

    def _judge(self, chosen: _Candidate, losses: str) -> None:
        """Says whether matching has helped, where that was compared."""
        others = {each.name for each in self.candidates} - {"alone"}
        if len(others) in (0, len(self.candidates)):
            return
        self.result.helped = chosen.name != "alone"
        if self.result.helped:
            return
        sentence = (
            f"matching did not help: validation loss {losses}. The model is "
            "the one that was trained on the labels alone."
        )
        self.result.warnings.insert(0, sentence)
        self.log.show(f"Note: {sentence}")

    def _candidate(
        self, name: str, start: list[np.ndarray], tuned: FineTuneResult
    ) -> None:
        self._add(tuned, "" if name == "matched" else f"{name}: ")
        weights = self.target.get_weights()
        self.candidates.append(
            _Candidate(
                name, tuned.best, weights, start, self.target.is_pretrained,
                tuned.warnings,
            )
        )  # fmt: skip

    def _add(self, part: FineTuneResult, prefix: str = "") -> None:
        """Adds the rows of a part of the recipe to those of the whole."""
        for name in ("history", "stages"):
            getattr(self.result, name).extend(
                {**row, "stage": prefix + row["stage"]}
                for row in getattr(part, name)
            )
        self.result.choices += part.choices
        self.result.interrupted |= part.interrupted


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """A way to have trained the target.

    Attributes:
        name: what it is called.
        row: what it reached on validation.
        weights: the target's weights then.
        start: the weights from which labels alone have led there; `None`
            where labels had no part in it.
        pretrained: whether these have learnt something.
        warnings: what `fine_tune` says about it.
    """

    name: str
    row: dict
    weights: list
    start: list | None = None
    pretrained: bool = True
    warnings: list = dataclasses.field(default_factory=list)


def _check(
    epochs: int, learning_rate: float, fine_tuning: dict[str, Any]
) -> None:
    """Raises before anything trains."""
    # An argument that `fine_tune` does not know is a TypeError.
    inspect.signature(fine_tune).bind_partial(**fine_tuning)
    if not epochs >= 1 or not learning_rate > 0:
        raise ValueError(
            "`epochs` of matching must be at least 1 and `learning_rate` "
            "above 0. Received: "
            f"epochs={epochs!r}, learning_rate={learning_rate!r}. The epochs "
            "of fine-tuning are fine_tune's business: it picks them."
        )


def _check_target(target: TransferModel) -> None:
    """Raises unless a model has what the recipe trains: blocks and a head."""
    if not isinstance(target, TransferModel):
        raise ValueError(
            "The target of `match` is a TransferModel, which has a head for "
            f"your classes. Received: target={target!r}. Expected for example "
            "TransferModel('ResNet50', head=5); the model to learn from is "
            "the `source`."
        )


def _cache_for(
    matcher: FeatureMatcher, every: SeededBatches
) -> FeatureCache | None:
    """A cache for the source's features, `None` if they should not be kept."""
    if matcher._parts.augments:
        return None
    shapes = [pair.source.shape for pair in matcher.pairs]
    if any(axis is None for shape in shapes for axis in shape):
        return None
    needed = sum(num_bytes(every.num_samples, s, "float32") for s in shapes)
    return FeatureCache("memory") if has_room(4 * needed) else None
