"""What a cache that is not exact costs in accuracy: views and 16-bit floats.

    python benchmarks/what_views_and_half_floats_cost.py --weights FILE.h5 \
        PHOTOS [...]

MobileNetV2 with ImageNet weights (the file for 224 px, without top) on folders
`PHOTOS/train|test/CLASS/*.jpg` at 128 px: the head alone on 20 images a class,
20 others to validate on, 5 epochs at batch 16 with Adam, in 5 paired seeds.

- fresh: random flips, turns and zooms, drawn anew in each epoch, no cache;
- views 2, views 5: the same through `FeatureCache("memory", views=K)`;
- plain: no augmentation, float32; float16, bfloat16: the same in 16 bits.

Each side's learning rate is the best of the same three on validation; the test
set is looked at once, with that rate. One JSON file a data set and way in
`benchmarks/results/`; what is there is not run again. Prints the table of
`docs/feature_cache.md`.
"""

import time
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, tables, tests, write
from gradual_unfreezing import RATES, few, photos

import keras_transfer as kt
from keras_transfer import feature_cache

RESULTS = Path(__file__).resolve().parent / "results" / "inexact_caches"
EPOCHS = 5
# Whether it augments, and the cache.
WAYS = {
    "fresh": (True, lambda: None),
    "views 2": (True, lambda: kt.FeatureCache("memory", views=2)),
    "views 5": (True, lambda: kt.FeatureCache("memory", views=5)),
    "plain": (False, lambda: kt.FeatureCache("memory")),
    "float16": (False, lambda: kt.FeatureCache("memory", dtype="float16")),
    "bfloat16": (False, lambda: kt.FeatureCache("memory", dtype="bfloat16")),
}
# What each is compared with.
BASES = {
    "views 2": "fresh",
    "views 5": "fresh",
    "float16": "plain",
    "bfloat16": "plain",
}


def models(weights, num_classes):
    """The model with augmentation and the one without, by that."""
    layers = keras.layers
    augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
        ]
    )
    return {
        augments: kt.TransferModel(
            "MobileNetV2",
            head=num_classes,
            input_shape=(128, 128, 3),
            weights=weights,
            augmentation=augmentation if augments else None,
        )
        for augments in (True, False)
    }


def pooled(model, data):
    """Features of the frozen backbone, to read the accuracy on."""
    found = feature_cache.features(model, data, verbose=0)
    return found.take(found.rows), data[1]


def accuracy(model, features):
    scores = keras.ops.convert_to_numpy(model.head(features[0]))
    return float(np.mean(scores.argmax(axis=-1) == features[1]))


def trained(model, cache, rate, data, seed):
    keras.utils.set_random_seed(seed)
    kernel, bias = model.head.get_weights()
    kernel = keras.initializers.GlorotUniform(seed)(kernel.shape)
    model.head.set_weights([kernel, np.zeros_like(bias)])
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy"
    )
    model.fit(
        *data,
        batch_size=16,
        epochs=EPOCHS,
        seed=seed,
        verbose=0,
        feature_cache=cache,
    )


def cell(model, cache, train, held_out, test, seed):
    """Picks the rate on validation; tests with that one alone."""
    best, found = None, {}
    for rate in RATES:
        trained(model, cache, rate, train, seed)
        found[str(rate)] = reached = accuracy(model, held_out)
        if best is None or reached > best[0]:
            best = reached, rate, model.head.get_weights()
    model.head.set_weights(best[2])
    return {
        "rate": best[1],
        "validation": {r: round(v, 4) for r, v in found.items()},
        "test": accuracy(model, test),
    }


def run_missing(folder, weights, seeds):
    missing = [
        (seed, way)
        for seed in range(seeds)
        for way in WAYS
        if str(seed) not in read(file_of(folder.name, way))
    ]
    if not missing:
        return
    train, test = photos(folder)
    built = models(weights, len(np.unique(train[1])))
    test = pooled(built[False], test)
    for seed, way in missing:
        data, held_out = few(train, seed)
        augments, cache = WAYS[way]
        started = time.process_time()
        found = cell(
            built[augments],
            cache(),
            data,
            pooled(built[False], held_out),
            test,
            seed,
        )
        found["cpu_s"] = round(time.process_time() - started, 1)
        path = file_of(folder.name, way)
        write(path, read(path) | {str(seed): found})
        print(folder.name, way, seed, found, flush=True)


def file_of(name, way):
    return RESULTS / f"{name}_{way.replace(' ', '_')}.json"


def rows(name):
    """The table's lines: means, and differences to what would be exact."""
    reached = {way: tests(file_of(name, way)) for way in WAYS}
    for way in WAYS:
        gain = ""
        if way in BASES:
            base = BASES[way]
            gain = f"{difference(reached[way], reached[base])} to {base}"
        yield f"| {name} | {way} | {reached[way].mean():.3f} | {gain} |"


def main():
    header = ["data", "cache", "test accuracy", "difference"]
    tables(__doc__, run_missing, header, rows)


if __name__ == "__main__":
    main()
