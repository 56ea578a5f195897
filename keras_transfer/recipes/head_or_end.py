"""Whether an end of fine-tuning is kept: on validation or on folds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from keras_transfer.data.seeded_batches import SeededBatches
from keras_transfer.recipes.judging import Comparison
from keras_transfer.transferability.folds import Folds

if TYPE_CHECKING:
    from keras_transfer.recipes.full_tuning import FullTuningStage


from keras_transfer.data.views import SubsetBatches
from keras_transfer.recipes import judging
from keras_transfer.recipes.label_counts import count_labels
from keras_transfer.transferability import linear_probe
from keras_transfer.transferability.folds import folds_for
from keras_transfer.transferability.temperature import logits_of

_MOST_FOLDS = 3
# Folds end within so many seconds, and within so many times those of training
# on all samples, that included.
_SECONDS, _TIMES = 180, 4


class HeadOrEnd:
    """Compares the end of a `FullTuningStage` with the head it began with.

    Args:
        stage: the stage, after its `run`.
        max_folds: most folds; `None` is as many as fit the time, up to 3, and
            none below 10 samples a class.
    """

    def __init__(
        self, stage: FullTuningStage, max_folds: int | None = None
    ) -> None:
        self.stage, self.max_folds = stage, max_folds
        self.runner, self.head = stage.runner, stage.head
        self.kind = stage.plan.kind

    def compared(self) -> tuple[list[Comparison], str | None]:
        """Returns a `Comparison` for each average, and what they are on.

        None without validation data and folds. The model has other weights
        afterwards.
        """
        validation = self.runner.validation
        if validation is not None:
            found = self._on(validation)
            return found, f"on {validation.num_samples} validation samples"
        folds = self._folds()
        if not folds:
            return [], None
        return self._by(folds), f"on what {len(folds)} folds left out"

    def _on(self, validation: SeededBatches) -> list[Comparison]:
        _, labels, *weights = self.head.features(validation=True)
        found = []
        for average in self.stage.averages:
            self.stage.model.set_weights(average)
            found.append(
                judging.compare(
                    self.kind,
                    self.head.validation_logits(),
                    self._logits(validation),
                    labels,
                    *weights,
                    groups=judging.halves(labels),
                    prior=self.head.temperature_for(len(labels)),
                    by_class=bool(validation.class_weight),
                )
            )
        return found

    def _logits(self, data: SeededBatches) -> np.ndarray:
        scores = self.stage.model.predict(data, verbose=0)
        return logits_of(self.kind, scores)

    def number_of_folds(self, seconds: float) -> tuple[int, str | None]:
        """How many folds fit, and the reason if there are none.

        Args:
            seconds: of training on all samples.
        """
        if self.runner.validation is not None:
            return 0, None
        if self.max_folds is not None:
            return self.max_folds, None
        _, labels, *_ = self.head.features()
        counts = count_labels(labels, self.stage.model)
        if counts.is_too_few_to_fold:
            return 0, f"{counts.mean:.3g} samples a class say too little"
        most = _SECONDS if self.stage.plan.limits_folds else math.inf
        left = min(most, _TIMES * seconds) - seconds
        left = min(left, self.runner.limit.seconds_left)
        count = min(_MOST_FOLDS, int(left / seconds + 1e-6))
        if count >= 2:
            return count, None
        return 0, (
            f"fine-tuning took {seconds:.0f} s, and there are "
            f"{max(left, 0):.0f} s for two more"
        )

    def _folds(self) -> Folds:
        """Pairs of rows to train on and to leave out, as many as fit."""
        log = self.runner.log
        _, labels, *_ = self.head.features()
        count, reason = self.number_of_folds(self.stage.seconds)
        if reason:
            log.show(f"folds: none ({reason})")
        if count < 2:
            return []
        folds = folds_for(labels, self.kind, self.runner.seed, most=count)
        seconds = len(folds) * self.stage.seconds
        log.show(f"folds: {len(folds)}, about {seconds:.0f} s")
        return folds

    def _by(self, folds: Folds) -> list[Comparison]:
        """Trains without each fold, and takes together what that says of it."""
        features, labels, *weights = self.head.features()
        outputs = self.stage.model.head.num_outputs
        old = np.zeros((len(labels), outputs))
        new = np.zeros((len(self.stage.averages), *old.shape))
        groups = np.zeros(len(labels), int)
        for number, (rows, rest) in enumerate(folds):
            parts = [part[rows] for part in (features, labels, *weights)]
            probe = linear_probe.fit_linear_probe(
                self.kind, parts, None, outputs, strengths=(self.head.strength,)
            )
            old[rest] = features[rest] @ probe.kernel + probe.bias
            train, groups[rest] = self.runner.train, number
            held_out = SubsetBatches(train, rest, shuffle=False)
            trained = self.stage.train_again(
                SubsetBatches(train, rows), probe, f"fold {number + 1}"
            )
            for each, _ in zip(new, trained, strict=True):
                each[rest] = self._logits(held_out)
        return [
            judging.compare(
                self.kind, old, each, labels, *weights, groups=groups,
                by_class=bool(self.runner.train.class_weight),
            )
            for each in new
        ]  # fmt: skip
