"""Few photos: the head alone, everything at once, or gradual unfreezing.

    python benchmarks/gradual_unfreezing.py --weights FILE.h5 PHOTOS [...]

MobileNetV2 with ImageNet weights (the file for 224 px, without top) on folders
`PHOTOS/train|test/CLASS/*.jpg` at 128 px: 20 images a class to train on and 20
others to validate on, 5 epochs at batch 16 with Adam, in 5 paired seeds:

- head: only the head trains;
- all: every block trains from the first epoch on;
- gradual: the head for 2 epochs, then 3 blocks more each epoch, with
  `LayerwiseOptimizer(decay=0.8)`.

Each side's learning rate is the best of the same three on validation; the test
set is looked at once, with that rate. One JSON file a data set and way in
`benchmarks/results/`; what is there is not run again. Prints the table of
`docs/schedules.md`.
"""

import time
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, tables, tests, write

import keras_transfer as kt
from keras_transfer.data.sampling import few_shot

RESULTS = Path(__file__).resolve().parent / "results" / "gradual_unfreezing"
RATES = (1e-4, 1e-3, 1e-2)
SHOTS = 20
EPOCHS = 5
WAYS = {
    "head": (kt.LinearProbe(), None),
    "all": (kt.FullFineTuning(), None),
    "gradual": (kt.GradualUnfreezing(2, 1, blocks_per_step=3), 0.8),
}


def photos(folder, size=128):
    """`(x, y)` of the training part and of the test part."""
    loaded = kt.data.load(
        folder, image_size=size, batch_size=64, validation_split=0.0
    )
    loaded.train.shuffle = False
    parts = []
    for batches in (loaded.train, loaded.test):
        pairs = [batches[i] for i in range(len(batches))]
        parts.append(
            tuple(np.concatenate(part) for part in zip(*pairs, strict=True))
        )
    return parts


def few(train, seed):
    """Two sets of `SHOTS` images a class that share none."""
    x, y = train
    drawn = few_shot(y, 2 * SHOTS, seed)
    first = few_shot(y[drawn], SHOTS, seed)
    rest = np.setdiff1d(np.arange(len(drawn)), first)
    return [(x[drawn[part]], y[drawn[part]]) for part in (first, rest)]


def trained(start, way, rate, data, seed):
    schedule, decay = WAYS[way]
    keras.utils.set_random_seed(seed)
    model = start.clone()
    optimizer = keras.optimizers.Adam(rate)
    if decay:
        optimizer = kt.LayerwiseOptimizer(optimizer, decay=decay)
    model.compile(
        optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(
        *data,
        batch_size=16,
        epochs=EPOCHS,
        seed=seed,
        verbose=0,
        callbacks=[kt.FreezingScheduler(schedule)],
    )
    return model


def accuracy(model, data):
    return model.evaluate(*data, batch_size=64, verbose=0, return_dict=True)


def cell(start, way, train, test, seed):
    """Picks the rate on validation; tests with that one alone."""
    data, held_out = few(train, seed)
    best, found = None, {}
    for rate in RATES:
        model = trained(start, way, rate, data, seed)
        logs = accuracy(model, held_out)
        found[str(rate)] = round(logs["accuracy"], 4)
        key = logs["accuracy"], -logs["loss"]
        if best is None or key > best[0]:
            best = key, rate, model
    return {
        "rate": best[1],
        "validation": found,
        "test": accuracy(best[2], test)["accuracy"],
    }


def run_missing(folder, weights, seeds):
    parts = None
    for seed in range(seeds):
        for way in WAYS:
            cells = read(file_of(folder.name, way))
            if str(seed) in cells:
                continue
            parts = parts or photos(folder)
            keras.utils.set_random_seed(seed)
            start = kt.TransferModel(
                "MobileNetV2",
                head=len(np.unique(parts[0][1])),
                input_shape=(128, 128, 3),
                weights=weights,
            )
            started = time.process_time()
            found = cell(start, way, *parts, seed)
            found["cpu_s"] = round(time.process_time() - started, 1)
            write(file_of(folder.name, way), cells | {str(seed): found})
            print(folder.name, way, seed, found, flush=True)
            keras.utils.clear_session()


def file_of(name, way):
    return RESULTS / f"{name}_{way}.json"


def rows(name):
    """The table's line: means, and differences to the head alone."""
    reached = {way: tests(file_of(name, way)) for way in WAYS}
    shown = [f"{reached[way].mean():.3f}" for way in WAYS]
    for way in ("all", "gradual"):
        shown.append(difference(reached[way], reached["head"]))
    yield f"| {name} | {' | '.join(shown)} |"


def main():
    header = ["data", "head alone", "all at once", "gradual", "all - head"]
    tables(__doc__, run_missing, [*header, "gradual - head"], rows)


if __name__ == "__main__":
    main()
