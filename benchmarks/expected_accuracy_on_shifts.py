"""Expected accuracy without labels, and the shift test, on PACS.

    python benchmarks/expected_accuracy_on_shifts.py PACS --weights FILE.h5 \
        [--seeds 3] [--size 128]

PACS holds `photo`, `art_painting` and `sketch`, each `train|test/CLASS/*.jpg`.
A seed divides all photos into halves. Of the first half two thirds train the
head of MobileNetV2 (ImageNet weights, frozen) and one third validates. Then
`expected_accuracy` sees, without labels, the second half of the photos, all
paintings and all sketches; their labels give the accuracy as measured. Nothing
was chosen on any of it. One JSON file a set in
`benchmarks/results/expected_accuracy/`. Prints a table.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from cells import read, write

import keras_transfer as kt

RESULTS = Path(__file__).resolve().parent / "results" / "expected_accuracy"
SETS = {"photo": "photos, second half", "art_painting": "paintings",
        "sketch": "sketches"}  # fmt: skip


def photos(folder, size):
    """Returns all samples of both parts of a folder as `(x, y)`."""
    data = kt.data.load(folder, image_size=size, validation_split=0)
    batches = [
        part.read(rows)
        for part in (data.train, data.test)
        for rows in part.numbers_in_batches()
    ]
    return [np.concatenate(each) for each in zip(*batches, strict=True)]


def pooled(weights, size):
    """Returns MobileNetV2 up to the features that a head starts from."""
    return keras.applications.MobileNetV2(
        input_shape=(size, size, 3), include_top=False, weights=weights,
        pooling="avg",
    )  # fmt: skip


def on_features(x, y):
    """A head for classes on fixed features, solved."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(x.shape[1:])
    backbone = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    model = kt.TransferModel(backbone, head=int(y.max()) + 1)
    model._mark_pretrained()
    kt.fine_tune(model, (x, y), epochs=0, verbose=0)
    return model


def features_of(folder, weights, size):
    """Returns `(features, labels)` of all samples of a folder."""
    x, y = photos(folder, size)
    net = pooled(weights, size)
    x = keras.applications.mobilenet_v2.preprocess_input(x)
    return net.predict(x, batch_size=32, verbose=0), y


def halves(y, seed):
    """Returns rows to train on, to validate on, and the second half."""
    order = np.random.default_rng(seed).permutation(len(y))
    half = len(y) // 2
    return order[: 2 * half // 3], order[2 * half // 3 : half], order[half:]


def cell(known, other, seed, is_photo):
    """What is expected of a set, and what the model reaches on it."""
    x, y = known
    train, validation, rest = halves(y, seed)
    model = on_features(x[train], y[train])
    new, labels = (x[rest], y[rest]) if is_photo else other
    found = kt.expected_accuracy(
        model,
        unlabelled=new,
        validation=(x[validation], y[validation]),
        seed=seed,
        verbose=0,
    )
    named = model.predict(new, verbose=0).argmax(axis=1)
    return found.to_json() | {"measured": float(np.mean(named == labels))}


def run_missing(folder, weights, seeds, size):
    paths = {name: RESULTS / f"{name}.json" for name in SETS}
    wanted = {str(seed) for seed in range(seeds)}
    if all(wanted <= set(read(path)) for path in paths.values()):
        return
    known = features_of(folder / "photo", weights, size)
    for name, path in paths.items():
        cells = read(path)
        is_photo = name == "photo"
        other = None
        if not is_photo:
            other = features_of(folder / name, weights, size)
        for seed in map(int, sorted(wanted - set(cells))):
            cells[str(seed)] = cell(known, other, seed, is_photo)
            write(path, cells)


def row(name):
    cells = list(read(RESULTS / f"{name}.json").values())
    value, measured, valid = (
        np.array([each[key] for each in cells])
        for key in ("value", "measured", "validation_accuracy")
    )
    inside = [c["low"] <= c["measured"] <= c["high"] for c in cells]
    shifted = sum(each["is_shifted"] for each in cells)
    p = max(each["p_value"] for each in cells)
    return [
        SETS[name],
        f"{valid.mean():.3f}",
        f"{value.mean():.3f}",
        f"{measured.mean():.3f}",
        ", ".join(f"{100 * d:+.1f}" for d in value - measured),
        f"{sum(inside)} of {len(cells)}",
        f"{shifted} of {len(cells)} (p up to {p:.3f})",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    run_missing(given.folder, given.weights, given.seeds, given.size)
    print(
        "| set | validation | expected | measured | off by, points | inside "
        "| shifted |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in SETS:
        print(f"| {' | '.join(row(name))} |")


if __name__ == "__main__":
    main()
