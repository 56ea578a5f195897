"""Memory and disk of a search of 20 trials.

    python benchmarks/search_stays_small.py --weights FILE.h5 PHOTOS \
        [--trials 20] [--epochs 4] [--size 96] [--keep-gradients]

Folder `PHOTOS/train/CLASS/*.jpg`. `kt.search` over the space "small" with
MobileNetV2, features in a folder, weights of the best trial kept. Prints
the resident memory of the process after each trial, what it grew by from the
first trial to the last, and the bytes on disk. `--keep-gradients` is the other
side: TensorFlow keeps the gradients that each `fit` registers, and with them
the graphs and the variables. On flowers5 and two cores the process grew by
-58 MiB from the first trial to the last (from 1,046 to 988), and by 576 MiB
(from 1,048 to 1,624) with `--keep-gradients`.
"""

import argparse
import tempfile
from pathlib import Path

from gradual_unfreezing import photos
from paired import machine

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.tuner import searching, trial_tuner


def resident():
    """Resident memory of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith("VmRSS"))
    return int(found.split()[1]) / 2**10


def size_of(folder):
    """Size of all files in a folder in MiB."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / (
        2**20
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--keep-gradients", action="store_true")
    given = parser.parse_args()
    if given.keep_gradients:
        _private.forget_step_gradients = lambda: None
    memory = []

    class Watched(trial_tuner.TrialTuner):
        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            memory.append(resident())

    searching.TrialTuner = Watched
    (x, y), _ = photos(given.folder, given.size)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        hypermodel = kt.TransferHyperModel(
            int(y.max()) + 1, (given.size, given.size, 3), ["MobileNetV2"],
            weights=given.weights, feature_cache=str(folder / "features"),
        )  # fmt: skip
        kt.search(
            hypermodel, (x, y), trials=given.trials, epochs=given.epochs,
            directory=folder / "search",
        )  # fmt: skip
        search, features = (
            size_of(folder / name) for name in ("search", "features")
        )
        kept = len(list(folder.rglob("*.weights.h5")))
    print("MiB after each trial:", " ".join(f"{m:.0f}" for m in memory))
    print(
        f"{machine()}: {given.trials} trials; memory grew by "
        f"{memory[-1] - memory[0]:.0f} MiB from the first to the last; on "
        f"disk {search:.0f} MiB of search ({kept} checkpoints) and "
        f"{features:.0f} MiB of features"
    )


if __name__ == "__main__":
    main()
