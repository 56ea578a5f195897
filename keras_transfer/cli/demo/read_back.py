"""An export, read by a process that knows neither Keras nor this package."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from keras_transfer._private.types import PathLike

_SCRIPT = """
import sys
sys.modules["keras"] = sys.modules["keras_transfer"] = None  # not to be had
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
scores = model.serve(tf.constant(np.load(sys.argv[2])))["scores"]
np.save(sys.argv[3], scores.numpy())
"""


def served_scores(path: PathLike, images: np.ndarray) -> np.ndarray:
    """The scores that a SavedModel gives in a process of its own.

    Args:
        path: folder of the SavedModel.
        images: uint8 array `(samples, height, width, channels)`.

    Returns:
        Array `(samples, classes)`.

    Raises:
        RuntimeError: the process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, scores = Path(folder) / "in.npy", Path(folder) / "out.npy"
        np.save(given, images)
        outcome = subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(path), str(given), str(scores)],
            capture_output=True,
            text=True,
        )
        if outcome.returncode:
            raise RuntimeError(
                f"The SavedModel '{path}' could not be read back: "
                f"{outcome.stderr.strip()[-1500:]}"
            )
        return np.load(scores)
