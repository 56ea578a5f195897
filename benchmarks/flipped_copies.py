"""A head that is solved on horizontal flips too, against one that is not.

    python benchmarks/flipped_copies.py --weights FILE.h5 \
        flowers5=PHOTOS trashnet6=PHOTOS [--shots 5 10 20] [--seeds 10]

MobileNetV2 with ImageNet weights (the file for 224 px, without top) on folders
`PHOTOS/train/CLASS/*.jpg` at 128 px, and scikit-learn's digits with a small net
that knows the lower five and learns the upper five. All of it is training data:
a head learns from 5, 10 or 20 labelled samples a class and is tested on the
other training samples; no test set is read. Prints a table: accuracy without
copies, what copies add to it (mean difference in pairs and standard error),
what is left of that where the cross-validated loss may rise by 2 % at most, and
how far that loss falls or rises.
"""

import argparse

import keras
import numpy as np
from cells import difference
from gradual_unfreezing import photos
from peer_recipes import backbone
from sklearn.datasets import load_digits

from keras_transfer.data.horizontal_flips import folds_with_flips
from keras_transfer.data.sampling import few_shot
from keras_transfer.recipes.head_stage import TOLERANCE
from keras_transfer.transferability.folds import folds_for
from keras_transfer.transferability.linear_probe import (
    STRENGTHS,
    fit_linear_probe,
    neighbouring_strengths,
)

layers = keras.layers


def both_features(net, x):
    """Pooled features of pictures, and of the same turned left to right."""
    pooled = keras.Model(
        net.inputs, layers.GlobalAveragePooling2D()(net.output)
    )
    return [
        np.concatenate(
            [
                pooled.predict_on_batch(side[i : i + 64].astype("float32"))
                for i in range(0, len(x), 64)
            ]
        )
        for side in (x, x[:, :, ::-1])
    ]


def of_photos(folder, weights):
    (x, y), _ = photos(folder)
    base = backbone(x, weights)
    inputs = keras.Input(x.shape[1:])
    rescaled = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    return both_features(keras.Model(inputs, base(rescaled)), x), y


def of_digits():
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8, 1) / 16
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    top = layers.Conv2D(16, 3, activation="relu")(inputs)
    for _ in range(2):
        top = layers.Conv2D(32, 3, activation="relu")(top)
    scores = layers.Dense(5, activation="softmax")(
        layers.GlobalAveragePooling2D()(top)
    )
    source = keras.Model(inputs, scores)
    source.compile("adam", "sparse_categorical_crossentropy")
    source.fit(x[y < 5], y[y < 5], epochs=20, verbose=0)
    features = both_features(keras.Model(inputs, top), x[y >= 5])
    return features, y[y >= 5] - 5


def pair(features, y, shots, seed):
    """Accuracy without and with copies, and the relative rise of the loss."""
    drawn = few_shot(y, shots, seed)
    rest = np.setdiff1d(np.arange(len(y)), drawn)
    folds = folds_for(y[drawn], "softmax", seed)
    both = (
        np.concatenate([side[drawn] for side in features]),
        np.concatenate([y[drawn], y[drawn]]),
    )
    plain = [part[: len(drawn)] for part in both]
    found, strengths = [], STRENGTHS
    for part, rows in (
        (plain, folds),
        (both, folds_with_flips(folds, len(drawn))),
    ):
        solved = fit_linear_probe(
            "softmax",
            part,
            None,
            int(y.max()) + 1,
            folds=rows,
            strengths=strengths,
        )
        strengths = neighbouring_strengths(solved.best["strength"])
        scores = features[0][rest] @ solved.kernel + solved.bias
        right = np.mean(scores.argmax(axis=-1) == y[rest])
        found.append((right, solved.best["val_loss"]))
    (without, before), (with_copies, after) = found
    return without, with_copies, after / before - 1


def row(name, features, y, shots, seeds):
    without, copies, rise = np.array(
        [pair(features, y, shots, seed) for seed in range(seeds)]
    ).T
    kept = np.where(rise <= TOLERANCE, copies, without)
    return (
        f"| {name} | {shots} | {without.mean():.3f} "
        f"| {difference(copies, without)} | {difference(kept, without)} "
        f"| {rise.min():+.1%} to {rise.max():+.1%} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--shots", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    print(
        "| data | samples a class | without copies | copies add "
        "| by the rule | validation loss |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    sets = dict(each.split("=", 1) for each in given.data)
    for name in [*sets, "digits"]:
        if name in sets:
            features, y = of_photos(sets[name], given.weights)
        else:
            features, y = of_digits()
        for shots in given.shots:
            if np.bincount(y).min() > shots:
                line = row(name, features, y, shots, given.seeds)
                print(line, flush=True)


if __name__ == "__main__":
    main()
