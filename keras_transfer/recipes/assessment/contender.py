"""One candidate in a ranking: its network, its features, its scores."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer.data.nested import num_rows
from keras_transfer.data.views import SubsetBatches
from keras_transfer.feature_cache import features
from keras_transfer.feature_cache.boundary import boundary_at
from keras_transfer.models import TransferModel
from keras_transfer.recipes.assessment.target_data import check_inputs
from keras_transfer.transferability import log_me
from keras_transfer.transferability.folds import Folds
from keras_transfer.transferability.linear_probe import (
    fit_linear_probe,
    out_of_fold_logits,
)

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.feature_cache.boundary import Boundary
    from keras_transfer.feature_cache.cached import CachedFeatures
    from keras_transfer.recipes.assessment.candidates import Candidate
    from keras_transfer.recipes.assessment.targets import Targets


class Contender:
    """A candidate with what is known of it so far.

    Args:
        candidate: the `Candidate`.
        targets: the `Targets`.

    Attributes:
        model: its `TransferModel`, while it is open.
        scores: by number of samples, the score of each, in their order.
        num_params: parameters of the backbone; `None` before it was open.
        error: what went wrong, or `None`.
        left_after: samples after which it was dropped, or `None`.
        log_me: LogME of all features, or `None`.
    """

    def __init__(self, candidate: Candidate, targets: Targets):
        self.name, self.prior = candidate.name, candidate.prior
        self.candidate, self.targets = candidate, targets
        self.model: TransferModel | None = None
        self._boundary: Boundary | None = None
        self.num_params: int | None = None
        self.error: str | None = None
        self.left_after: int | None = None
        self.log_me: float | None = None
        self.scores = {}
        self._features, self._strength = [], None
        self._seconds, self._num_timed = 0.0, 0

    @property
    def num_samples(self) -> int:
        """Samples whose features it has."""
        return sum(map(len, self._features))

    @property
    def seconds_per_1000(self) -> float | None:
        """Of the feature pass, its first batch apart; `None` if unknown."""
        if not self._seconds:
            return None
        return 1000 * self._seconds / self._num_timed

    def new_model(self, data: SeededBatches) -> TransferModel:
        """Returns the source under a head for the labels, for these data."""
        return TransferModel(
            self.candidate.source,
            head=self.targets.head(),
            input_shape=_image_shape(data),
            weights=self.candidate.weights,
        )

    def open(self, data: SeededBatches) -> None:
        """Builds the network, unless it is there."""
        if self.model is None:
            self.model = self.new_model(data)
            self.num_params = self.model.backbone.count_params()
            check_inputs(self.model, data, "data")
            self._boundary = boundary_at(self.model, 0)

    def see(
        self, data: SeededBatches, rows: np.ndarray, **options: Any
    ) -> None:
        """Computes the features of more samples.

        Args:
            data: `SeededBatches`.
            rows: numbers of the samples.
            **options: `cache` and `verbose` of `feature_cache.features`.
        """
        if not self._features:
            # The first batch starts the network: it is not timed.
            first, rows = np.split(rows, [data.batch_size])
            self._pass(data, first, **options | {"verbose": 0})
        if len(rows):
            found = self._pass(data, rows, **options)
            if found.seconds:
                self._seconds += found.seconds
                self._num_timed += len(rows)

    def _pass(
        self, data: SeededBatches, rows: np.ndarray, **options: Any
    ) -> CachedFeatures:
        part = SubsetBatches(data, rows, shuffle=False)
        found = features(
            self.model, part, boundary=self._boundary, name=self.name, **options
        )
        x = np.asarray(found.take(found.rows))
        if not np.isfinite(x).all():
            raise ValueError(
                "The network puts out NaN or infinity. Expected finite "
                "features. Its weights may be damaged."
            )
        self._features.append(x)
        return found

    def score(
        self, rows: np.ndarray, folds: list[Folds], *, tolerance: float
    ) -> None:
        """Scores a linear head on the samples that each fold leaves out.

        The strength of its penalty is chosen in the first round; later ones
        keep its product with the number of samples, as the best one does.

        Args:
            rows: numbers of the samples seen so far, in their order.
            folds: lists of folds; the score is the mean over them.
            tolerance: as in `fit_linear_probe`.
        """
        x = np.concatenate(self._features)
        self._features = [x]
        largest = np.abs(x).max()
        kind, labels = self.targets.kind, self.targets.labels[rows]
        data = x / largest if largest else x, labels
        outputs = self.targets.num_outputs
        options: dict[str, Any] = {"tolerance": tolerance}
        if self._strength is None:
            probe = fit_linear_probe(
                kind, data, None, outputs, folds=folds[0], **options
            )
            self._strength = probe.best["strength"] * len(x)
        found = [
            out_of_fold_logits(
                kind, data, outputs, self._strength / len(x), each, **options
            )
            for each in folds
        ]
        scores = [self.targets.scores(logits, labels) for logits in found]
        self.scores[len(x)] = np.mean(scores, axis=0)

    def close(self, rows: np.ndarray) -> None:
        """Lets go of network and features, and keeps the last score of them.

        Args:
            rows: numbers of the samples seen, in their order.
        """
        self.close_network()
        x = np.concatenate(self._features)
        self._features = []
        is_numbers = self.targets.kind != "softmax"
        self.log_me = log_me(
            x, self.targets.labels[rows], regression=is_numbers
        )

    def close_network(self) -> None:
        """Frees the network, if it is there; the features stay."""
        if self.model is not None:
            self.model = self._boundary = None
            # Layers and tensors refer to each other.
            gc.collect()


def _image_shape(data: SeededBatches) -> tuple[int, ...] | None:
    """The shape of one image; `None` for samples of another kind."""
    x = data.read(np.arange(1))[0]
    is_image = hasattr(x, "shape") and len(x.shape) == 4 and num_rows(x)
    return tuple(x.shape[1:]) if is_image else None
