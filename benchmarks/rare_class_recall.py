"""The recall of a rare class, with and without class weights.

    python benchmarks/rare_class_recall.py PHOTOS --weights FILE.h5 \
        [--seeds 3] [--rare 50] [--image-size 96] [--epochs 0]

MobileNetV2 on a folder `PHOTOS/CLASS/*.jpg` or `PHOTOS/train/CLASS/*.jpg`. Half
of the training samples of each class train and half test. Of one class, another
for each seed, one in 50 of what the other classes have on average trains.
`fine_tune` trains with `class_weight="balanced"` and without, on the same
samples. Prints the recall of the rare class and the balanced accuracy, the mean
over the seeds, and the difference in pairs with its standard error. What has
been measured lies in `rare_class_recall/` and is not run again.
"""

import argparse
from pathlib import Path

import numpy as np
from cells import difference, read, write

import keras_transfer as kt
from keras_transfer.data.sampling import train_validation_split
from keras_transfer.data.views import SubsetBatches
from keras_transfer.recipes.evaluation import evaluate


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rare", type=int, default=50)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=None)
    return parser.parse_args()


def divided(batches, seed, rare):
    """Returns training samples with a rare class, test samples, and its index.

    Each class has half of its samples in either part before it becomes rare.
    """
    labels = np.asarray(batches.read_labels()).reshape(-1).astype(int)
    train, test = train_validation_split(labels, 0.5, seed)
    label = seed % (labels.max() + 1)
    own = labels[train] == label
    count = max(1, round((~own).sum() / labels.max() / rare))
    own = np.random.default_rng(seed).permutation(train[own])[:count]
    kept = np.concatenate([train[labels[train] != label], own])
    parts = [SubsetBatches(batches, kept)]
    parts.append(SubsetBatches(batches, test, shuffle=False))
    return *parts, label


def measured(data, given, seed, class_weight):
    """Returns the recall of the rare class and the balanced accuracy."""
    train, test, rare = divided(data.train, seed, given.rare)
    model = kt.TransferModel(
        "MobileNetV2",
        head=len(data.class_names),
        input_shape=(given.image_size, given.image_size, 3),
        weights=given.weights,
    )
    model.class_names = data.class_names
    kt.fine_tune(
        model, train, epochs=given.epochs, class_weight=class_weight,
        seed=seed, verbose=0,
    )  # fmt: skip
    found = evaluate(model, test)
    return {
        "recall": list(found["recall"].values())[rare],
        "balanced_accuracy": found["balanced_accuracy"],
    }


def cells_of(given, data):
    """Returns the cells without and with class weights, seed by seed."""
    name = f"{given.photos.name}-{given.rare}-{given.image_size}"
    name += f"-{given.epochs}"
    ways = {"plain": None, "balanced": "balanced"}
    paths = {
        way: Path("rare_class_recall") / f"{name}-{way}.json" for way in ways
    }
    found = {way: read(path) for way, path in paths.items()}
    for seed in range(given.seeds):
        for way, class_weight in ways.items():
            cells = found[way]
            if str(seed) not in cells:
                cells[str(seed)] = measured(data, given, seed, class_weight)
                write(paths[way], cells)
                print(f"{way}, seed {seed}: {cells[str(seed)]}", flush=True)
    return [
        [found[way][str(seed)] for seed in range(given.seeds)] for way in ways
    ]


def main():
    given = arguments()
    data = kt.data.load(
        given.photos, image_size=given.image_size, validation_split=0.0
    )
    both = cells_of(given, data)
    print("| | without | balanced | difference |\n| --- | --- | --- | --- |")
    for name in ("recall", "balanced_accuracy"):
        plain, ours = (np.array([c[name] for c in cells]) for cells in both)
        print(
            f"| {name} | {plain.mean():.3f} | {ours.mean():.3f} | "
            f"{difference(ours, plain)} |"
        )


if __name__ == "__main__":
    main()
