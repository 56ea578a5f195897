"""VGG16 in two stages of freezing: the head alone, then its last blocks too.

    python examples/vgg16.py

Expected: with random weights about 0.5 on four digits (0.49 after stage 1,
0.51 after stage 2 with seed 0; chance is 0.25).

The ImageNet weights are taken from the Keras cache (`$KERAS_HOME/models` or
`~/.keras/models`) if they are there. If not, the weights are random, which is
said, and nothing is downloaded: the mechanics are the same, the accuracy is
not.
"""

import os
from pathlib import Path

import keras

import keras_transfer as kt

FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


def cached_weights():
    """Path of the ImageNet weights, or `None`."""
    home = os.environ.get("KERAS_HOME", Path.home() / ".keras")
    path = Path(home, "models", FILE)
    return str(path) if path.exists() else None


def fit_stage(name, model, digits, rate, epochs):
    """Trains whatever is trainable now; prints what that is."""
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(digits.train, epochs=epochs, verbose=0)
    accuracy = model.evaluate(digits.test, verbose=0)[1]
    trains = kt.trainable_blocks(model)
    print(
        f"{name}: trains {', '.join([*trains, 'head'])}; "
        f"loss {history.history['loss'][0]:.3f} to "
        f"{history.history['loss'][-1]:.3f}, test accuracy {accuracy:.3f}"
    )


def main():
    keras.utils.set_random_seed(0)
    weights = cached_weights()
    print("weights:", weights or f"random ({FILE} is not in the Keras cache)")
    digits = kt.data.load(
        "digits",
        classes=["0", "1", "2", "3"],
        image_size=32,
        shots_per_class=10,
        batch_size=20,
        validation_split=0,
        test_split=0.1,
    )
    print(digits)

    model = kt.TransferModel(
        "VGG16", head=4, input_shape=(32, 32, 3), weights=weights
    )
    for block in model.blocks:
        print(f"  {block.index:2d} {block.name:24s} {block.num_params:>9,d}")

    kt.freeze(model)
    fit_stage("stage 1", model, digits, rate=1e-2, epochs=8)
    kt.set_trainable_depth(model, 3)
    fit_stage("stage 2", model, digits, rate=1e-4, epochs=4)


if __name__ == "__main__":
    main()
