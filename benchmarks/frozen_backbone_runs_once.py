"""With the feature cache, head-only training costs one pass over the data.

    python benchmarks/frozen_backbone_runs_once.py PHOTOS [--epochs 10 20]

MobileNetV2 at 224 px, the head alone, all photos of `PHOTOS/train` as uint8
arrays, batch 32, whole runs with everything that `fit` traces and builds.

- ours: `TransferModel.fit(feature_cache="memory")`;
- theirs: the same network as a plain frozen Keras model, `fit` on the images.
  Goal: theirs / ours at least 7 for 10 epochs and 13 for 20;
- floor: one `predict` over the images and a plain head's epochs on the result
  in memory. Goal: ours / floor at most 1.15.

A run of 20 epochs is read at its 10th as well; the order alternates.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
from paired import line, machine, summary

import keras_transfer as kt

SIZE = 224


def photos(folder, limit):
    loaded = kt.data.load(
        folder, image_size=SIZE, batch_size=64, validation_split=0.0
    )
    loaded.train.shuffle = False
    pairs = [loaded.train[i] for i in range(len(loaded.train))]
    x, y = (np.concatenate(part) for part in zip(*pairs, strict=True))
    chosen = np.random.default_rng(0).permutation(len(x))[:limit]
    return x[chosen], y[chosen]


def compiled(model):
    model.compile(
        keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy"
    )
    return model


def backbone(weights):
    return keras.applications.MobileNetV2(
        input_shape=(SIZE, SIZE, 3), include_top=False, weights=weights
    )


def ours(x, y, weights, **fit):
    model = kt.TransferModel(
        "MobileNetV2",
        head=int(y.max()) + 1,
        input_shape=(SIZE, SIZE, 3),
        weights=weights,
    )
    kt.freeze(model)
    compiled(model).fit(x, y, feature_cache="memory", **fit)


def theirs(x, y, weights, **fit):
    base = backbone(weights)
    base.trainable = False
    inputs = keras.Input((SIZE, SIZE, 3))
    z = base(keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs))
    z = keras.layers.GlobalAveragePooling2D()(z)
    z = keras.layers.Dense(int(y.max()) + 1, activation="softmax")(z)
    compiled(keras.Model(inputs, z)).fit(x, y, **fit)


def floor(x, y, weights, **fit):
    inputs = keras.Input((SIZE, SIZE, 3))
    z = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    z = keras.layers.GlobalAveragePooling2D()(backbone(weights)(z))
    features = keras.Model(inputs, z).predict(x, verbose=0)
    head = keras.layers.Dense(int(y.max()) + 1, activation="softmax")
    model = keras.Sequential([keras.Input((features.shape[1],)), head])
    compiled(model).fit(features, y, **fit)


def seconds(side, x, y, weights, marks):
    """Seconds from the building of the model to the end of each mark."""
    reached = {}
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: reached.setdefault(
            epoch + 1, time.perf_counter()
        )
    )
    started = time.perf_counter()
    side(x, y, weights, epochs=max(marks), verbose=0, callbacks=[clock])
    return [reached[mark] - started for mark in marks]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--epochs", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--limit", type=int, help="fewer photos, for a try")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    x, y = photos(arguments.photos, arguments.limit)
    print(
        f"{keras.backend.backend()}, Keras {keras.__version__}, {machine()}, "
        f"{len(x)} photos"
    )
    marks = sorted(arguments.epochs)
    sides = [floor, ours, theirs]
    times = {side: [] for side in sides}
    for _ in range(arguments.pairs):
        for side in sides:
            taken = seconds(side, x, y, arguments.weights, marks)
            times[side].append(taken)
            print(side.__name__, [round(s, 1) for s in taken], flush=True)
        sides.reverse()
    results = {}
    for i, epochs in enumerate(marks):
        mine = [taken[i] for taken in times[ours]]
        for other in (floor, theirs):
            name = f"{epochs} epochs, {other.__name__}"
            others = [taken[i] for taken in times[other]]
            results[name] = summary(list(zip(mine, others, strict=True)))
            print(line(name, results[name]))
        print(f"{epochs} epochs: {1 / results[name]['ratio']:.1f} times faster")
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
