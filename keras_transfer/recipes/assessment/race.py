"""The rounds of a ranking: features, scores, and who is dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer._private.types import PathLike, Verbose
from keras_transfer.data import look
from keras_transfer.data.adapters import adapt
from keras_transfer.recipes import label_counts
from keras_transfer.recipes.assessment.halving import (
    dropped,
    nested_order,
    round_sizes,
)
from keras_transfer.storage.printing import show
from keras_transfer.transferability.folds import Folds, folds_for
from keras_transfer.transferability.linear_probe import TOLERANCE
from keras_transfer.transferability.paired_difference import paired_difference

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.settings import FeatureCache
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.assessment.contender import Contender
    from keras_transfer.recipes.assessment.targets import Targets

# With few labels one division into folds is a matter of luck.
_REPEATS = 3
# To drop the worst, a third of the solver's time does: on training photos of
# flowers5 accuracies differ by 0.3 points, and the ranking does not.
_ROUGH, _FEWER_FOLDS = 1e-3, 3


class Race:
    """Successive halving over contenders.

    Args:
        contenders: list of `Contender`.
        targets: the `Targets`.
        data: `SeededBatches`.
        folds: parts that are left out in turn.
        seed: seed of samples and folds.
        cache: where features are kept.
        verbose: 0 prints nothing.
    """

    def __init__(
        self,
        contenders: list[Contender],
        targets: Targets,
        data: SeededBatches,
        *,
        folds: int,
        seed: int,
        cache: FeatureCache | PathLike,
        verbose: Verbose,
    ):
        self.contenders, self.targets, self.data = contenders, targets, data
        self.folds, self.seed, self.verbose = folds, seed, verbose
        self.options = {"cache": cache, "verbose": verbose}
        self.order = nested_order(targets.labels, seed)
        self.sizes = round_sizes(
            targets.num_samples,
            targets.per_class,
            len(contenders),
            data.batch_size,
        )
        self.seconds = 0.0
        self._looked: bool | None = None

    @property
    def running(self) -> list[Contender]:
        """Those that have neither failed nor been dropped."""
        return [
            c
            for c in self.contenders
            if c.error is None and c.left_after is None
        ]

    def run(self) -> None:
        """Runs all rounds.

        Raises:
            ValueError: data that no network can take, or all have failed.
        """
        started = time.perf_counter()
        before = 0
        for number, size in enumerate(self.sizes):
            if len(self.sizes) > 1:
                self._show(
                    f"Round {number + 1} of {len(self.sizes)}: {size} samples, "
                    f"candidates: {', '.join(c.name for c in self.running)}."
                )
            self._round(before, size)
            self._check_any_left()
            if size < self.sizes[-1]:
                self._drop(size)
            before = size
        for contender in self.running:
            self._try(contender, contender.close, self.order)
        self._check_any_left()
        self.seconds = time.perf_counter() - started

    def _round(self, before: int, size: int) -> None:
        rows, is_last = self.order[:size], size == self.sizes[-1]
        folds = self._folds(rows, is_last)
        for contender in self.running:
            self._try(contender, contender.open, self.data)
            if contender.error is None:
                self._look(contender.model)
                with look.done():
                    self._try(
                        contender, contender.see, self.data, rows[before:],
                        **self.options,
                    )  # fmt: skip
            if contender.error is None:
                if is_last:
                    contender.close_network()
                self._try(
                    contender, contender.score, rows, folds,
                    tolerance=TOLERANCE if is_last else _ROUGH,
                )  # fmt: skip

    def _folds(self, rows: np.ndarray, is_last: bool) -> list[Folds]:
        """Lists of folds: one, or several in the last round of few labels."""
        labels, kind = self.targets.labels[rows], self.targets.kind
        most = self.folds if is_last else min(self.folds, _FEWER_FOLDS)
        is_few = self.targets.per_class < label_counts.FEW
        return [
            folds_for(labels, kind, self.seed + repeat, most=most)
            for repeat in range(_REPEATS if is_last and is_few else 1)
        ]

    def _look(self, model: TransferModel) -> None:
        """Looks at the data once; again for the first that takes pixels."""
        expects_pixels = model.expects_pixels
        if self._looked is None or expects_pixels > self._looked:
            adapt(self.data).looked_at(model, labels=False)
            self._looked = expects_pixels

    def _try(
        self,
        contender: Contender,
        step: Callable[..., None],
        *arguments: Any,
        **options: Any,
    ) -> None:
        try:
            step(*arguments, **options)
        except Exception as error:
            # Whatever it is, the other candidates go on.
            contender.error = f"{type(error).__name__}: {error}"
            contender.close_network()
            self._show(f"{contender.name} failed: {contender.error}")

    def _drop(self, size: int) -> None:
        means = {c.name: c.scores[size].mean() for c in self.running}
        best = max(means, key=means.__getitem__)
        scores = {c.name: c.scores[size] for c in self.running}
        differences = {
            name: paired_difference(
                scores[best], found, are_shares=self.targets.are_shares
            )
            for name, found in scores.items()
        }
        kept = best_prior(self.running)
        leaving = dropped(means, differences, {kept.name} if kept else ())
        for contender in self.running:
            if contender.name in leaving:
                contender.left_after = size
                self._try(contender, contender.close, self.order[:size])
        if leaving:
            self._show(f"Dropped: {', '.join(leaving)}.")

    def _check_any_left(self) -> None:
        if not self.running:
            errors = [f"{c.name}: {c.error}" for c in self.contenders]
            raise ValueError(
                "No candidate can be used for these data. Received: "
                f"{len(errors)} that failed.\n" + "\n".join(errors)
            )

    def _show(self, text: str) -> None:
        if self.verbose:
            show(text)


def best_prior(contenders: Iterable[Contender]) -> Contender | None:
    """Returns the contender of the highest prior; `None` if there is none."""
    known = [c for c in contenders if c.prior is not None]
    return max(known, key=lambda c: c.prior, default=None)
