"""What an `UnknownDetector` knows of known samples, and its file."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from keras_transfer.storage import files


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

    def save(self, path):
        """Writes a `.npz` file, whole or not at all."""
        about = dataclasses.asdict(self)
        arrays = {
            "features": about.pop("features").astype("float16"),
            "scores": about.pop("scores"),
        }
        with (
            files.replacing(path) as temporary,
            open(temporary, "wb") as stream,
        ):
            np.savez(stream, about=json.dumps(about), **arrays)

    @classmethod
    def load(cls, path):
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
