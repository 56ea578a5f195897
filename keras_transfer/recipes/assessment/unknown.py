"""Whether a sample is like anything that a model was trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from keras_transfer._private.types import Data, PathLike, Verbose
from keras_transfer.recipes.assessment.batch_shift import shift_warning
from keras_transfer.recipes.assessment.pooled_features import (
    drawn,
    pooled_features,
)
from keras_transfer.recipes.assessment.reference_fit import (
    digest_of,
    fit_reference,
)
from keras_transfer.recipes.assessment.reference_samples import (
    ReferenceSamples,
)
from keras_transfer.storage.printing import brief
from keras_transfer.transferability.unknown_score import unknown_score

if TYPE_CHECKING:
    from keras_transfer.models.transfer.transfer_model import TransferModel

# Training samples that are kept: 5 MB at 1,280 features.
MOST_SAMPLES = 2000
# Fewer samples set no threshold with 5 % of false alarms.
ENOUGH_FOR_THRESHOLD = 19


class UnknownDetector:
    """Says of samples how unlike the training samples they are.

    The score is `transferability.unknown_score`: the mean distance to the two
    nearest training samples, on the features below the head. It stands beside
    the scores of the head, which know no answer but their own classes. Above
    the threshold a sample is called unknown; so many samples of the known
    kinds are called that too, by the false-alarm rate that was asked for.

    Make one with `UnknownDetector.fit`, or with `UnknownDetector.load`.

    Args:
        model: the `TransferModel`.
        reference: the `ReferenceSamples`.

    Attributes:
        model: the model.
        reference: the training samples and the scores of known samples.
        threshold: a sample with a higher score is unknown.
        false_alarm_rate: share of new known samples that have one, in the
            mean.

    Example:

    ```python
    detector = UnknownDetector.fit(
        model, data.train, validation=data.validation
    )
    detector.is_unknown(new_images)
    ```

    Reference:
        Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest
        Neighbors; Bates et al. 2023, Testing for Outliers with Conformal
        p-values (the threshold).
    """

    def __init__(self, model: TransferModel, reference: ReferenceSamples):
        self.model, self.reference = model, reference

    def __repr__(self) -> str:
        return brief(
            self,
            f"of '{self.model.name}'",
            f"threshold {self.threshold:.4f}",
            f"{self.false_alarm_rate:.1%} false alarms",
        )

    @property
    def threshold(self) -> float:
        """The score above which a sample is unknown."""
        return self.reference.threshold

    @property
    def false_alarm_rate(self) -> float:
        """Share of new known samples above the threshold, in the mean."""
        return self.reference.false_alarm_rate

    @classmethod
    def fit(
        cls,
        model: TransferModel,
        train: Data,
        *,
        validation: Data = None,
        false_alarm_rate: float = 0.05,
        max_samples: int = MOST_SAMPLES,
        validation_name: str = "validation",
        seed: int = 0,
        verbose: Verbose = "auto",
    ) -> Self:
        """Keeps features of training samples, and finds the threshold.

        Args:
            model: a trained `TransferModel`.
            train: what it was trained on; labels are not looked at.
            validation: samples of the same kinds that it was not trained on.
                Without them each training sample is judged by the others,
                which is as good while the backbone is frozen. A backbone that
                was fine-tuned on them holds them closer together than new
                ones, and false alarms are then more frequent than asked for.
            false_alarm_rate: share of known samples that may be called
                unknown.
            max_samples: most samples of each part; of more, so many are drawn.
            validation_name: what the validation data are called in words.
            seed: seed of which are drawn.
            verbose: 0 shows no progress.

        Returns:
            An `UnknownDetector`.

        Raises:
            ValueError: a rate out of (0, 1), fewer than 3 training samples,
                data that do not fit the model.
        """
        reference = fit_reference(
            model,
            [("train", train), (validation_name, validation)],
            false_alarm_rate,
            max_samples=max_samples,
            seed=seed,
            verbose=verbose,
        )
        return cls(model, reference)

    def score(self, x: Data, *, verbose: Verbose = 0) -> np.ndarray:
        """Returns the unknown score of each sample, from 0 to 2.

        Args:
            x: inputs as the model takes them, `(samples, ...)`, or a data set.
            verbose: 0 shows no progress.
        """
        batches = drawn(x, "x", math.inf, 0)
        found, _ = pooled_features(self.model, batches, "given", verbose)
        return unknown_score(train=self.reference.features, features=found)

    def is_unknown(self, x: Data, *, verbose: Verbose = 0) -> np.ndarray:
        """Returns for each sample whether its score is above the threshold.

        Args:
            x: as in `score`.
            verbose: 0 shows no progress.
        """
        return self.score(x, verbose=verbose) > self.threshold

    def shift_warning(self, scores: ArrayLike) -> str | None:
        """Returns a sentence if a batch is unlike the training data.

        Args:
            scores: what `score` returned.

        Returns:
            The sentence, or `None`: no shift, fewer than 30 samples, or
            nothing to compare with that the backbone was not trained on.
        """
        return shift_warning(scores, self.reference)

    def __str__(self) -> str:
        return str(self.reference)

    def to_json(self) -> dict[str, Any]:
        """Returns the threshold and its false alarms, for `json.dumps`."""
        return self.reference.to_json()

    def save(self, path: PathLike) -> None:
        """Writes the detector to a file, without the model, whole or not.

        Args:
            path: the file to write.
        """
        self.reference.save(path)

    @classmethod
    def load(cls, path: PathLike, model: TransferModel) -> Self:
        """Reads a detector back.

        Args:
            path: a file that `save` has written.
            model: the model it was made with.

        Returns:
            The `UnknownDetector`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, or of another model.
        """
        reference = ReferenceSamples.load(path)
        if reference.digest != digest_of(model):
            raise ValueError(
                f"'{Path(path)}' belongs to another model: the weights below "
                "the head are others than when it was made. Make a new one "
                "with UnknownDetector.fit."
            )
        return cls(model, reference)
