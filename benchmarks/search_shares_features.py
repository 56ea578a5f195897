"""A search whose trials share features, against the same trials without.

    python benchmarks/search_shares_features.py --weights FILE.h5 PHOTOS \
        [--trials 20] [--epochs 5] [--size 128]

Folder `PHOTOS/train/CLASS/*.jpg`. MobileNetV2 (the weights for 224 px, without
top), a fifth of the photos for validation. KerasTuner's RandomSearch over
hidden units, dropout, rate and batch size of a head, twice in this process with
the same seed: `TransferHyperModel` as it is, and with `feature_cache=None`,
which is what plain KerasTuner does. Prints seconds, their ratio, and how far
the scores of the trials are apart.
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras_tuner
import numpy as np
from gradual_unfreezing import photos
from paired import machine

import keras_transfer as kt
from keras_transfer.data.sampling import train_validation_split

SPACE = {
    "hidden_units": [128, 256],
    "dropout": (0.0, 0.5),
    "head_learning_rate": (1e-4, 1e-2, "log"),
    "batch_size": [16, 32, 64],
    "blocks": 0.0,
}


def search(given, cache, train, validation):
    """Returns seconds and the scores of all trials, in order."""
    hypermodel = kt.TransferHyperModel(
        int(train[1].max()) + 1,
        (given.size, given.size, 3),
        ["MobileNetV2"],
        SPACE,
        weights=given.weights,
        feature_cache=cache,
    )
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.RandomSearch(
            hypermodel, "val_accuracy", max_trials=given.trials, seed=1,
            directory=folder,
        )  # fmt: skip
        started = time.perf_counter()
        tuner.search(
            *train, epochs=given.epochs, validation_data=validation, verbose=0
        )
        seconds = time.perf_counter() - started
    trials = sorted(tuner.oracle.trials.items())
    return seconds, np.array([trial.score for _, trial in trials])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    (x, y), _ = photos(given.folder, given.size)
    stay, held = train_validation_split(y, 0.2, seed=0)
    data = (x[stay], y[stay]), (x[held], y[held])
    ours, scores = search(given, "memory", *data)
    print(f"shared features: {ours:.1f} s", flush=True)
    plain, others = search(given, None, *data)
    print(f"plain: {plain:.1f} s")
    print(
        f"{machine()}: {given.trials} trials of {given.epochs} epochs on "
        f"{len(stay)} photos: {plain / ours:.2f} times faster; scores differ "
        f"by {np.abs(scores - others).max():.2e} at most"
    )


if __name__ == "__main__":
    main()
