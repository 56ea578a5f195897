"""An LSTM that has learnt the digits 0 to 4 learns 5 to 9 from few labels.

    python examples/lstm_source.py [--seeds 1] [--shots 5 20]

Expected, accuracy on the digits not seen (mean ± standard deviation of
`--seeds 5`; one seed by default):

    labels a class  transfer       from scratch
                 5  0.785 ± 0.024  0.664 ± 0.034
                20  0.886 ± 0.027  0.843 ± 0.025

Each side trains the same net with the same samples, steps and learning rate;
`benchmarks/sequences_transfer.py` measures it with more seeds and with every
side's learning rate picked on validation.
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

import keras_transfer as kt

layers = keras.layers


def digits_as_steps():
    """scikit-learn's digits as 8 steps (rows) of 8 features (pixels)."""
    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 8, 8) / 16).astype("float32"), labels


def shifted(x):
    """Every sample at its place and moved by one pixel in 8 directions."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    moves = [(row, column) for row in range(3) for column in range(3)]
    return np.concatenate([padded[:, r : r + 8, c : c + 8] for r, c in moves])


def source_model():
    """Two LSTMs under a classifier, 21 005 weights."""
    inputs = keras.Input((8, 8), name="rows")
    x = layers.LSTM(40, return_sequences=True, name="first")(inputs)
    x = layers.LSTM(40, return_sequences=True, name="second")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    outputs = layers.Dense(5, activation="softmax", name="classes")(x)
    return keras.Model(inputs, outputs, name="lstm")


def train_source(build, path, seed):
    """Trains the source on the digits 0 to 4 and writes it to `path`."""
    x, y = digits_as_steps()
    x, y = shifted(x[y < 5]), np.tile(y[y < 5], 9)
    keras.utils.set_random_seed(seed)
    source = build()
    source.compile(
        keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy"
    )
    source.fit(x, y, batch_size=32, epochs=7, verbose=0)
    source.save(path)


def two_sides(build, path, seed):
    """The same net with the same head: from the source, and untrained."""
    keras.utils.set_random_seed(seed)
    transfer = kt.TransferModel(path, head=5)
    keras.utils.set_random_seed(seed)
    scratch = kt.TransferModel(build(), head=5, weights=None)
    return {"transfer": transfer, "scratch": scratch}


def fine_tune(model, x, y, rate, seed):
    """Trains the whole model for 320 steps of 16 samples."""
    # An epoch of two steps would be mostly overhead: the few samples are
    # repeated up to 500.
    repeated = np.resize(np.arange(len(y)), 500)
    kt.unfreeze(model)
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        x[repeated],
        y[repeated],
        batch_size=16,
        epochs=10,
        seed=seed,
        verbose=0,
    )


def few_shots(labels, shots, seed):
    """Indices of `shots` samples a class, and of all the others."""
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = [order[labels[order] == c][:shots] for c in np.unique(labels)]
    few = np.concatenate(chosen)
    return few, np.setdiff1d(order, few)


def accuracies(build, path, shots, seed):
    """Accuracy of both sides on all digits 5 to 9 that they did not see."""
    x, y = digits_as_steps()
    x, y = x[y >= 5], y[y >= 5] - 5
    few, rest = few_shots(y, shots, seed)
    sides = two_sides(build, path, seed)
    for model in sides.values():
        fine_tune(model, x[few], y[few], rate=3e-3, seed=seed)
    return [
        model.evaluate(x[rest], y[rest], batch_size=256, verbose=0)[1]
        for model in sides.values()
    ]


def main(build=source_model, description=__doc__):
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 20])
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "source.keras"))
        train_source(build, path, seed=0)
        for shots in given.shots:
            for seed in range(given.seeds):
                rows.append(
                    (shots, seed, *accuracies(build, path, shots, seed))
                )
    print("\nlabels a class  seed  transfer  from scratch")
    for shots, seed, transfer, scratch in rows:
        print(f"{shots:14d}{seed:6d}{transfer:10.3f}{scratch:14.3f}")


if __name__ == "__main__":
    main()
