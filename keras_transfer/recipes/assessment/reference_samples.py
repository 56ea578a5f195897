"""What an `UnknownDetector` knows of known samples, and its file."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.storage.replacing import replacing


@dataclasses.dataclass(frozen=True)
class ReferenceSamples:
    """Features of training samples, and scores of samples of known kinds.

    Attributes:
        features: of training samples, `(samples, dimensions)`, each of length
            1; a file holds them in 16 bits.
        scores: unknown scores of known samples, sorted, `(samples,)`.
        wanted_false_alarm_rate: the rate that was asked for.
        name: what the samples with the scores are called.
        were_trained_on: whether the backbone was trained on these.
        digest: of the weights below the head.
    """

    features: np.ndarray = dataclasses.field(repr=False)
    scores: np.ndarray = dataclasses.field(repr=False)
    wanted_false_alarm_rate: float
    name: str
    were_trained_on: bool
    digest: str

    @property
    def threshold(self) -> float:
        """The lowest known score with few enough new known samples above it.

        Above the k-th smallest of n are (n + 1 - k) / (n + 1) of them, in the
        mean. With too few scores for the rate it is the largest.
        """
        n, rate = len(self.scores), self.wanted_false_alarm_rate
        k = min(n, math.ceil((n + 1) * (1 - rate) - 1e-9))
        return float(self.scores[k - 1])

    @property
    def false_alarm_rate(self) -> float:
        """Share of new known samples above the threshold, in the mean.

        From how many of the known scores are above it; higher than the rate
        that was asked for where there are too few of them.
        """
        above = int((self.scores > self.threshold).sum())
        return (1 + above) / (len(self.scores) + 1)

    def __str__(self) -> str:
        text = (
            f"unknown: above {self.threshold:.3f}, as about "
            f"{self.false_alarm_rate:.1%} of known samples are, by "
            f"{len(self.scores)} {self.name} samples"
        )
        if self.were_trained_on:
            text += (
                ". The model was fine-tuned on these: expect several times as "
                "many false alarms, and hold a part out to set the threshold"
            )
        return text

    def to_json(self) -> dict[str, Any]:
        """Returns the threshold and its false alarms, for `json.dumps`."""
        return {
            "threshold": self.threshold,
            "false_alarm_rate": self.false_alarm_rate,
            "wanted_false_alarm_rate": self.wanted_false_alarm_rate,
            "measured_on": self.name,
            "num_samples": len(self.scores),
            "were_trained_on": self.were_trained_on,
        }

    def save(self, path: PathLike) -> None:
        """Writes a `.npz` file, whole or not at all."""
        about = dataclasses.asdict(self)
        arrays = {
            "features": about.pop("features").astype("float16"),
            "scores": about.pop("scores"),
        }
        with (
            replacing(path) as temporary,
            open(temporary, "wb") as stream,
        ):
            np.savez(stream, about=json.dumps(about), **arrays)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Reads what `save` has written.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file cannot be read.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no file '{path}'. Expected one that "
                "`UnknownDetector.save` or `keras-transfer fit` has written."
            )
        try:
            with np.load(path, allow_pickle=False) as found:
                about = json.loads(str(found["about"]))
                return cls(
                    found["features"].astype("float32"),
                    found["scores"],
                    **about,
                )
        except Exception as error:
            # A zip cut short raises what it likes.
            raise ValueError(
                f"'{path}' cannot be read: {type(error).__name__}: {error}. "
                "Expected a file that `UnknownDetector.save` has written; "
                "make it again."
            ) from error
