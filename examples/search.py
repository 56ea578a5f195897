"""A search with KerasTuner that can be killed at any time, and goes on.

    python examples/search.py [--trials 6] [--seed 0]

A small network that has learnt scikit-learn's digits 0 to 4 becomes the
backbone for 5 to 9, 40 a class. Head, rates, batch size and how much is
fine-tuned are searched; the trials share what the backbone puts out. Nothing
is downloaded. Start it again to go on, or with more trials. About a minute.
Expected test accuracy, mean and standard deviation of the seeds 0 to 2:

    0.921 +- 0.028
"""

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits

import keras_transfer as kt
from keras_transfer.data.sampling import few_shot


def digits(names):
    """Images `(samples, 8, 8, 1)` of some digits, and labels from 0 on."""
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32") * 16
    chosen = np.isin(labels, names)
    return images[chosen], labels[chosen] - min(names)


def source():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ],
        name="digits",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*digits(range(5)), epochs=15, verbose=0)
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    keras.utils.set_random_seed(given.seed)
    x, y = digits(range(5, 10))
    drawn = few_shot(y, 40, given.seed)
    rest = np.setdiff1d(np.arange(len(y)), drawn)
    hypermodel = kt.TransferHyperModel(
        num_classes=5,
        backbones=[source()],
        space={
            "hidden_units": [0, 64],
            "dropout": (0.0, 0.5),
            "learning_rate": (1e-4, 1e-2, "log"),
            "batch_size": [16, 32],
            "blocks": [0.0, 0.5, 1.0],
            "layer_decay": [1.0, 0.8],
        },
        seed=given.seed,
    )
    result = kt.search(
        hypermodel, (x[drawn], y[drawn]), trials=given.trials, seed=given.seed
    )
    print(result.table())
    result.plot("search.png")
    test = result.model.evaluate(x[rest], y[rest], verbose=0, return_dict=True)
    print(f"test accuracy of the best: {test['accuracy']:.3f}")
    print("found:", result.recipe)


if __name__ == "__main__":
    main()
