"""What each part of `fine_tune` brings: one left out, or one put in.

    python benchmarks/what_each_part_brings.py --weights FILE.h5 PHOTOS [...]

MobileNetV2 with ImageNet weights (the file for 224 px, without top) on folders
`PHOTOS/train|test/CLASS/*.jpg` at 128 px: 100 labelled photos a class and no
more, in paired seeds; batch 32, 5 epochs. The test set is looked at once.

- as it is: `fine_tune` with its own choices;
- no probe start: the head starts from random weights;
- head alone; one rate for all blocks; no interpolation;
- gradual unfreezing; L2-SP; 4 augmented views (flips, turns, zooms).

One JSON file a data set and way in `benchmarks/results/`; what is there is not
run again. Prints a table.
"""

import time
from pathlib import Path
from unittest import mock

import keras
import numpy as np
from cells import difference, read, tables, tests, write
from gradual_unfreezing import photos

import keras_transfer as kt
from keras_transfer.data.sampling import few_shot
from keras_transfer.recipes import fine_tuning, head_stage

RESULTS = Path(__file__).resolve().parent / "results" / "fine_tune_parts"
SHOTS = 100
WAYS = {
    "as it is": {},
    "head alone": {"epochs": 0},
    "no probe start": {},
    "one rate for all blocks": {"layer_decay": 1.0},
    "no interpolation": {"interpolate": False},
    "gradual unfreezing": {"gradual": True},
    "L2-SP 0.01": {"l2sp": 0.01},
    "4 augmented views": {"views": 4},
}


def augmentation():
    layers = keras.layers
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
        ]
    )


class RandomHead(head_stage.HeadStage):
    """Leaves the head as it was initialised."""

    def run(self):
        kernel, bias = self.model.head.get_weights()
        super().run()
        self.model.head.set_weights([kernel, bias])
        self.runner.best.weights = self.model.get_weights()


def cell(way, weights, train, test, seed):
    drawn = few_shot(train[1], SHOTS, seed)
    x, y = (part[drawn] for part in train)
    keras.utils.set_random_seed(seed)
    model = kt.TransferModel(
        "MobileNetV2",
        head=int(y.max()) + 1,
        input_shape=x.shape[1:],
        weights=weights,
        augmentation=augmentation() if "views" in way else None,
    )
    started = time.perf_counter()
    result = kt.fine_tune(model, (x, y), seed=seed, verbose=0, **WAYS[way])
    seconds = time.perf_counter() - started
    scores = model.predict(test[0], verbose=0)
    return {
        "test": round(float(np.mean(scores.argmax(axis=-1) == test[1])), 4),
        "seconds": round(seconds, 1),
        "share": result.best.get("share"),
    }


def run_missing(folder, weights, seeds):
    train, test = photos(folder)
    for seed in range(seeds):
        for way in WAYS:
            path = file_of(folder.name, way)
            if str(seed) in read(path):
                continue
            own = head_stage.HeadStage
            stage = RandomHead if way == "no probe start" else own
            with mock.patch.object(fine_tuning, "HeadStage", stage):
                found = cell(way, weights, train, test, seed)
            write(path, read(path) | {str(seed): found})
            print(folder.name, way, seed, found, flush=True)


def file_of(name, way):
    return RESULTS / f"{name}_{way.replace(' ', '_')}.json"


def rows(name):
    reached = {way: tests(file_of(name, way)) for way in WAYS}
    for way, values in reached.items():
        gain = ""
        if way != "as it is":
            gain = difference(values, reached["as it is"])
        seconds = [c["seconds"] for c in read(file_of(name, way)).values()]
        yield (
            f"| {name} | {way} | {values.mean():.3f} | {gain} | "
            f"{np.median(seconds):.0f} |"
        )


def main():
    header = ["data", "way", "test accuracy", "against as it is", "seconds"]
    tables(__doc__, run_missing, header, rows)


if __name__ == "__main__":
    main()
