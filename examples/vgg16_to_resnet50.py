"""ResNet50 learns to have the features of VGG16, no layer named by hand.

    python examples/vgg16_to_resnet50.py

Expected with random weights and seed 0: in two epochs the matching loss falls
from 1.90 to 1.48 (2 is no relation at all), and the head that is solved on what
came of it gets 0.93 of the test set. CKA does not rise: it is measured in
inference mode, and the averages of ResNet50's batch norm need some hundred
steps. Eight steps towards random features show how it is done, not what it is
good for; `keras-transfer demo` shows that.

VGG16's ImageNet weights are taken from the Keras cache (`$KERAS_HOME/models`
or `~/.keras/models`) if they are there. If not, they are random, which is said,
and nothing is downloaded. ResNet50 begins with random weights.
"""

import os
from pathlib import Path

import keras

import keras_transfer as kt

FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
SHAPE = (32, 32, 3)


def cached_weights():
    """Path of the ImageNet weights, or `None`."""
    home = os.environ.get("KERAS_HOME", Path.home() / ".keras")
    path = Path(home, "models", FILE)
    return str(path) if path.exists() else None


def main():
    keras.utils.set_random_seed(0)
    weights = cached_weights()
    print("weights:", weights or f"random ({FILE} is not in the Keras cache)")
    digits = kt.data.load(
        "digits",
        classes=["0", "1", "2", "3"],
        image_size=32,
        batch_size=16,
        shots_per_class=16,
        validation_split=0,
        test_split=0.1,
    )
    source = kt.TransferModel(
        "VGG16", head=4, input_shape=SHAPE, weights=weights
    )
    target = kt.TransferModel(
        "ResNet50", head=4, input_shape=SHAPE, weights=None
    )

    # Stage 3: the features alone; labels are not looked at.
    matcher = kt.FeatureMatcher(source=source, target=target, task_weight=0)
    matcher.compile(keras.optimizers.Adam(1e-3))
    matcher.fit(digits.train, epochs=2, feature_cache="memory", verbose=2)
    print(matcher.pairs)

    # Stage 4: the labels. The backbone has learnt something by now.
    target._mark_pretrained()
    kt.fine_tune(target, digits.train, epochs=0, verbose=0)
    accuracy = target.evaluate(digits.test, verbose=0, return_dict=True)
    print(f"test accuracy: {accuracy['accuracy']:.3f}")


if __name__ == "__main__":
    main()
