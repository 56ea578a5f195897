"""20 labels a class: the target alone, soft targets, and feature matching.

    python benchmarks/matching_with_few_labels.py --weights FILE.h5 \
        PHOTOS [...] [--seeds 0 1 2 3 4] [--sides alone KD auto] \
        [--targets CNN] [--screen] [--all] [--rates] [--results DIR]

Folders `PHOTOS/train|test/CLASS/*.jpg` at 96 px. 20 photos a class have
labels; up to 2,000 photos, these among them, may be used without. The source
is MobileNetV2 with ImageNet weights (the file for 224 px, without top), whose
head was solved on the labelled photos. It teaches a CNN of four layers and
MobileNet of width 0.25, both from random weights. Every side trains for the
same number of steps with Adam, 5 epochs over all photos:

- alone: the labelled photos, again and again;
- KD: the source's scores on all photos (temperature 4), nothing else;
- a distance: `match` with that distance on features and no scores;
- auto: `match` with its defaults.

With `--all` all photos have labels, and the source was fine-tuned on them.

The rate is picked once for alone, KD and auto with each target, on a fifth of
the labelled photos of the first folder in seed 0, from the same three; the
distances take auto's. The test set is looked at once. One JSON file a cell in
`benchmarks/results/matching/` (or `--results`); what is there is not run again.
Prints the table of docs/matching.md. `--rates` picks the rates and no more;
`--screen` tries all distances with the CNN and seed 0, on held-out training
photos of the first folder.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, tests, write
from gradual_unfreezing import photos

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.sampling import few_shot, train_validation_split
from keras_transfer.data.views import JoinedInputs
from keras_transfer.losses import DISTANCES
from keras_transfer.recipes.compiling import rising_and_falling

RESULTS = Path(__file__).resolve().parent / "results" / "matching"
SIZE, SHOTS, EPOCHS, PHOTOS = 96, 20, 5, 2000
RATES = (3e-4, 1e-3, 3e-3)
# Of the targets' batch norm: 0.99 lags behind in a few hundred steps, and what
# learns scores alone then predicts one class.
MOMENTUM = 0.9
SIDES = ["alone", "KD", "auto", "cosine", "mse", "nst"]


def cnn(classes):
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, 3))
    x = inputs
    for width in (16, 32, 64, 128):
        x = layers.Conv2D(width, 3, 2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))
    return kt.TransferModel(
        keras.Model(inputs, x, name="cnn"), classes, preprocessing="tf",
        weights=None,
    )  # fmt: skip


def mobilenet(classes):
    backbone = keras.applications.MobileNet(
        (SIZE, SIZE, 3), alpha=0.25, include_top=False, weights=None
    )
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return kt.TransferModel(backbone, classes, preprocessing="tf", weights=None)


TARGETS = {"CNN": cnn, "MobileNet 0.25": mobilenet}


def some_photos(folder):
    """`(x, y)` of up to `PHOTOS` for training, and of the test part."""
    (x, y), test = photos(folder, SIZE)
    kept = np.random.default_rng(0).permutation(len(y))[:PHOTOS]
    return (x[kept], y[kept]), test


def mobilenet_v2(classes, weights):
    return kt.TransferModel(
        "MobileNetV2", head=classes, input_shape=(SIZE, SIZE, 3),
        weights=weights,
    )  # fmt: skip


def source_of(labelled, classes, weights, seed, epochs=0):
    keras.utils.set_random_seed(seed)
    model = mobilenet_v2(classes, weights)
    kt.fine_tune(model, labelled, epochs=epochs, seed=seed, verbose=0)
    model.class_names = [str(n) for n in range(classes)]
    return model


def trained(side, target, source, labelled, unlabelled, rate, seed):
    """Trains a target the way of a side."""
    every = [ArrayBatches(*labelled)]
    if unlabelled is not None:
        every.append(ArrayBatches(unlabelled))
    every = JoinedInputs(every, batch_size=32, seed=seed)
    steps = EPOCHS * len(every)
    adam = keras.optimizers.Adam(rising_and_falling(rate, steps))
    target.class_names = source.class_names
    if side == "alone":
        few = ArrayBatches(*labelled, seed=seed)
        target.compile(adam, "sparse_categorical_crossentropy")
        target.fit(few, epochs=-(-steps // len(few)), verbose=0)
    elif side == "KD":
        matcher = kt.FeatureMatcher(
            source=source, target=target, pairs=["logits"], loss="kl",
            soft_targets=False,
            task_weight=0,
        )  # fmt: skip
        matcher.compile(adam)
        matcher.fit(every, epochs=EPOCHS, feature_cache="memory", verbose=0)
    else:
        given = {}
        if side != "auto":
            given = {
                "soft_targets": False, "loss": side, "compare_alone": False,
            }  # fmt: skip
        result = kt.match(
            source=source, target=target, train=labelled, unlabelled=unlabelled,
            epochs=EPOCHS,
            learning_rate=rate, seed=seed, verbose=0, **given,
        )  # fmt: skip
        return [c["value"] for c in result.choices if "alone" in c["reason"]]
    return None


def accuracy(model, data):
    found = model.predict(data[0], verbose=0).argmax(axis=-1) == data[1]
    return round(float(np.mean(found)), 4)


def drawn(data, seed, shots):
    """The labelled photos and the others."""
    x, y = data
    if shots is None:
        return data, None
    chosen = few_shot(y, shots, seed)
    rest = np.setdiff1d(np.arange(len(y)), chosen)
    return (x[chosen], y[chosen]), x[rest]


class Sources:
    """The trained source of each folder and seed; it is never changed."""

    def __init__(self, weights, shots, results):
        self.weights, self.shots, self.results = weights, shots, results
        self._kept = {}

    @property
    def epochs(self):
        """Epochs of fine-tuning; with few labels the head alone is solved."""
        return 5 if self.shots is None else 0

    def of(self, folder, data, seed):
        """Returns `(source, labelled, unlabelled)`."""
        labelled, unlabelled = drawn(data, seed, self.shots)
        classes = int(data[1].max()) + 1
        if self.shots is None:
            # All seeds have the same photos, and so the same source.
            seed = 0
        if (folder, seed) not in self._kept:
            self._kept = {
                (folder, seed): source_of(
                    labelled, classes, self.weights, seed, self.epochs
                )
            }
        return self._kept[folder, seed], labelled, unlabelled


def cell(side, make, folder, data, test, rate, sources, seed):
    source, labelled, unlabelled = sources.of(folder, data, seed)
    keras.utils.set_random_seed(seed)
    target = make(source.output_shape[-1])
    started = time.perf_counter(), time.process_time()
    chosen = trained(side, target, source, labelled, unlabelled, rate, seed)
    return {
        "test": accuracy(target, test),
        "seconds": round(time.perf_counter() - started[0], 1),
        "CPU seconds": round(time.process_time() - started[1], 1),
        "rate": rate,
        "source": accuracy(source, test),
        **({"chosen": chosen} if chosen else {}),
    }


def rate_of(side, name, data, sources):
    """The rate of a side and target, picked once and written down."""
    if side not in ("alone", "KD"):
        side = "auto"
    path = sources.results / "rates.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    key = f"{name} {side}" + (" all" if sources.shots is None else "")
    if key not in known:
        (x, y), unlabelled = drawn(data, 0, sources.shots)
        stay, held = train_validation_split(y, 0.2, seed=0)
        classes = int(y.max()) + 1
        source = source_of(
            (x[stay], y[stay]), classes, sources.weights, 0, sources.epochs
        )
        found = {}
        for rate in RATES:
            keras.utils.set_random_seed(0)
            target = TARGETS[name](classes)
            labelled = x[stay], y[stay]
            trained(side, target, source, labelled, unlabelled, rate, 0)
            target.compile(loss="sparse_categorical_crossentropy")
            logs = target.evaluate(
                x[held], y[held], verbose=0, return_dict=True
            )
            found[rate] = round(logs["loss"], 4)
        known[key] = {
            "rate": min(found, key=found.get),
            "loss": {str(rate): loss for rate, loss in found.items()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n")
        print(key, known[key], flush=True)
    return known[key]["rate"]


def file_of(folder, name, side, sources):
    labels = sources.shots or "all"
    file = f"{folder}_{name}_{labels}_{side}.json"
    return sources.results / file.replace(" ", "_")


def run_missing(given, loaded, sources):
    first = given.folders[0]
    for seed in given.seeds:
        for folder in given.folders:
            for name in given.targets:
                for side in given.sides:
                    path = file_of(folder.name, name, side, sources)
                    if str(seed) in read(path):
                        continue
                    rate = rate_of(side, name, loaded(first)[0], sources)
                    found = cell(
                        side, TARGETS[name], folder.name, *loaded(folder),
                        rate, sources, seed,
                    )  # fmt: skip
                    write(path, read(path) | {str(seed): found})
                    print(folder.name, name, side, seed, found, flush=True)


def screen(given, loaded, sources):
    """All distances once, on training photos that were held out."""
    (x, y), _ = loaded(given.folders[0])
    stay, held = train_validation_split(y, 0.25, seed=0)
    data, held_out = (x[stay], y[stay]), (x[held], y[held])
    path = sources.results / "screen.json"
    for side in ["alone", "KD", *DISTANCES, "auto"]:
        if side in DISTANCES and not DISTANCES[side]._takes_any_scale:
            continue
        if side not in read(path):
            found = cell(
                side, cnn, "held out", data, held_out, 1e-3, sources, 0
            )
            found["held out"] = found.pop("test")
            write(path, read(path) | {side: found})
            print(side, found, flush=True)


def rows(folder, sources):
    labels = sources.shots or "all"
    for name in TARGETS:
        auto = tests(file_of(folder, name, "auto", sources))
        for side in SIDES:
            path = file_of(folder, name, side, sources)
            if not path.exists():
                continue
            values = tests(path)
            count = min(len(values), len(auto))
            gain = ""
            if side != "auto" and count > 1:
                gain = difference(auto[:count], values[:count])
            seconds = [c["seconds"] for c in read(path).values()]
            yield (
                f"| {folder} | {labels} | {name} | {side} | "
                f"{values.mean():.3f} ({len(values)}) | {gain} | "
                f"{np.median(seconds):.0f} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--seeds", nargs="+", type=int, default=range(5))
    parser.add_argument("--sides", nargs="+", default=SIDES)
    parser.add_argument("--targets", nargs="+", default=list(TARGETS))
    parser.add_argument("--screen", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    held = {}

    def loaded(folder):
        if folder not in held:
            held[folder] = some_photos(folder)
        return held[folder]

    shots = None if given.all else SHOTS
    sources = Sources(given.weights, shots, given.results)
    if given.rates:
        for name in given.targets:
            for side in given.sides:
                rate_of(side, name, loaded(given.folders[0])[0], sources)
        return
    if given.screen:
        screen(given, loaded, sources)
        return
    run_missing(given, loaded, sources)
    header = ["data", "labels a class", "target", "side", "test (seeds)",
              "auto is better by", "seconds"]  # fmt: skip
    print(f"| {' | '.join(header)} |")
    print(f"| {' | '.join('---' for _ in header)} |")
    for folder in given.folders:
        print("\n".join(rows(folder.name, sources)))


if __name__ == "__main__":
    main()
