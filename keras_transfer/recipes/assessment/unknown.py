"""Whether a sample is like anything that a model was trained on."""

import math
from pathlib import Path

import numpy as np

from keras_transfer.recipes.assessment.pooled_features import (
    drawn,
    pooled_features,
)
from keras_transfer.recipes.assessment.reference_samples import (
    ReferenceSamples,
)
from keras_transfer.storage import fingerprints
from keras_transfer.transferability.unknown_score import (
    of_length_one,
    unknown_score,
    unknown_score_of_training,
)

# Training samples that are kept: 5 MB at 1,280 features.
MOST_SAMPLES = 2000
# Fewer samples tell no shift from chance; and one in a hundred batches that
# are like the training data is called shifted.
ENOUGH_FOR_SHIFT = 30
# Fewer samples set no threshold with 5 % of false alarms.
ENOUGH_FOR_THRESHOLD = 19
SHIFT_LEVEL = 0.01


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

    Example:

    ```python
    detector = UnknownDetector.fit(model, data.train, data.validation)
    detector.is_unknown(new_images)
    ```

    Reference:
        Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest
        Neighbors; Bates et al. 2023, Testing for Outliers with Conformal
        p-values (the threshold).
    """

    def __init__(self, model, reference):
        self.model, self.reference = model, reference
        wanted = reference.wanted_false_alarm_rate
        k = _place(len(reference.scores), wanted)
        self.threshold = float(reference.scores[k - 1])

    @classmethod
    def fit(
        cls,
        model,
        train,
        validation=None,
        *,
        false_alarm_rate=0.05,
        max_samples=MOST_SAMPLES,
        validation_name="validation",
        seed=0,
        verbose="auto",
    ):
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

        Raises:
            ValueError: a rate out of (0, 1), fewer than 3 training samples,
                data that do not fit the model.
        """
        if not 0 < false_alarm_rate < 1:
            raise ValueError(
                "`false_alarm_rate` is a share of samples, above 0 and below "
                f"1. Received: {false_alarm_rate!r}. The usual one is 0.05."
            )
        parts = [(train, "train")]
        if validation is not None:
            parts.append((validation, validation_name))
        features, *held_out = (
            pooled_features(
                model, drawn(part, name, max_samples, seed), name, verbose
            )[0]
            for part, name in parts
        )
        if len(features) < 3:
            raise ValueError(
                "Unknown samples are told by their distance to known ones. "
                f"Received: {len(features)} training samples. Expected at "
                "least 3."
            )
        # As a file keeps them, so that it gives the same scores.
        features = of_length_one(features.astype("float64"))
        features = features.astype("float16").astype("float32")
        if held_out:
            scores = unknown_score(features, held_out[0])
        else:
            scores = unknown_score_of_training(features)
        return cls(
            model,
            ReferenceSamples(
                features,
                np.sort(scores),
                false_alarm_rate,
                parts[-1][1],
                not held_out and model.trainable_depth > 0,
                _digest(model),
            ),
        )

    def score(self, x, *, verbose=0):
        """Returns the unknown score of each sample, from 0 to 2.

        Args:
            x: inputs as the model takes them, `(samples, ...)`, or a data set.
            verbose: 0 shows no progress.
        """
        batches = drawn(x, "x", math.inf, 0)
        found, _ = pooled_features(self.model, batches, "given", verbose)
        return unknown_score(self.reference.features, found)

    def is_unknown(self, x, *, verbose=0):
        """Returns for each sample whether its score is above the threshold."""
        return self.score(x, verbose=verbose) > self.threshold

    @property
    def false_alarm_rate(self):
        """Share of new known samples above the threshold, in the mean.

        From how many of the known scores are above it; higher than the rate
        that was asked for where there are too few of them.
        """
        scores = self.reference.scores
        return float((1 + (scores > self.threshold).sum()) / (len(scores) + 1))

    def shift_p_value(self, scores):
        """Returns how often known samples have scores as high as these.

        A rank test of the scores against those of the known samples, one-sided
        (Mann and Whitney).

        Args:
            scores: what `score` returned, for 2 samples or more.
        """
        from scipy.stats import mannwhitneyu

        found = mannwhitneyu(
            scores, self.reference.scores, alternative="greater"
        )
        return float(found.pvalue)

    def shift_warning(self, scores):
        """Returns a sentence if a batch is unlike the training data.

        Args:
            scores: what `score` returned.

        Returns:
            The sentence, or `None`: no shift, fewer than 30 samples, or
            nothing to compare with that the backbone was not trained on.
        """
        scores = np.asarray(scores)
        if len(scores) < ENOUGH_FOR_SHIFT or self.reference.were_trained_on:
            return None
        p_value = self.shift_p_value(scores)
        if p_value >= SHIFT_LEVEL:
            return None
        return (
            f"these {len(scores)} samples are unlike the training data (mean "
            f"unknown score {scores.mean():.3f}, of known samples "
            f"{self.reference.scores.mean():.3f}; p = {p_value:.2g}): other "
            "cameras, places or styles, or classes that were not trained. The "
            "accuracy measured before does not hold for them."
        )

    def __str__(self):
        found = self.reference
        text = (
            f"unknown: above {self.threshold:.3f}, as about "
            f"{self.false_alarm_rate:.1%} of known samples are, by "
            f"{len(found.scores)} {found.name} samples"
        )
        if found.were_trained_on:
            text += (
                ". The model was fine-tuned on these: expect several times as "
                "many false alarms, and hold a part out to set the threshold"
            )
        return text

    def to_json(self):
        """Returns the threshold and its false alarms, for `json.dumps`."""
        found = self.reference
        return {
            "threshold": self.threshold,
            "false_alarm_rate": self.false_alarm_rate,
            "wanted_false_alarm_rate": found.wanted_false_alarm_rate,
            "measured_on": found.name,
            "num_samples": len(found.scores),
            "were_trained_on": found.were_trained_on,
        }

    def save(self, path):
        """Writes the detector to a file, without the model, whole or not."""
        self.reference.save(path)

    @classmethod
    def load(cls, path, model):
        """Reads a detector back.

        Args:
            path: a file that `save` has written.
            model: the model it was made with.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, or of another model.
        """
        reference = ReferenceSamples.load(path)
        if reference.digest != _digest(model):
            raise ValueError(
                f"'{Path(path)}' belongs to another model: the weights below "
                "the head are others than when it was made. Make a new one "
                "with UnknownDetector.fit."
            )
        return cls(model, reference)


def _place(n, rate):
    """The k of the smallest of n known scores with few enough above it.

    Above the k-th smallest are (n + 1 - k) / (n + 1) of new known samples, in
    the mean. With too few for the rate it is the largest.
    """
    return min(n, math.ceil((n + 1) * (1 - rate) - 1e-9))


def _digest(model):
    return fingerprints.of_arrays(model.backbone.get_weights())
