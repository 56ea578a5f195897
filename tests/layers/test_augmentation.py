"""Augmentation in a word: which layers, what they do, what is refused."""

import keras
import numpy as np
import pytest

from keras_transfer.layers import augmentation_layer

# Left half dark, right half light.
HALVES = np.zeros((64, 8, 8, 3), "float32")
HALVES[:, :, 4:] = 200.0


def names(strength, *channels):
    found = augmentation_layer(strength, channels).layers
    return [type(layer).__name__ for layer in found]


def augmented(strength, seed):
    keras.utils.set_random_seed(seed)
    layer = augmentation_layer(strength, [3])
    return keras.ops.convert_to_numpy(layer(HALVES, training=True))


def test_light_flips_half_of_the_photos_and_keeps_their_pixels():
    found = augmented("light", seed=0)
    turned = found[:, :, :3].mean((1, 2, 3)) > found[:, :, 5:].mean((1, 2, 3))
    # 32 on the average; 16 or fewer by chance once in 20000 times.
    assert 16 < turned.sum() < 48
    assert found.min() >= -0.01 and found.max() <= 200.01
    assert len(np.unique(found.round(2), axis=0)) > 16


@pytest.mark.parametrize("strength", ["light", "strong"])
def test_the_seed_alone_decides(strength):
    first = augmented(strength, seed=1)
    np.testing.assert_array_equal(first, augmented(strength, seed=1))
    assert not np.array_equal(first, augmented(strength, seed=2))


@pytest.mark.any_backend
def test_images_of_one_channel_are_not_flipped():
    moves = ["RandomTranslation", "RandomZoom"]
    assert names("light", 3) == ["RandomFlip", *moves]
    assert names("light", 1) == names("light", 3, 1) == moves
    assert names("strong", 3) == ["RandomFlip", "RandAugment"]
    assert names("strong", 1) == ["RandAugment"]


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("strnog", [3]), "Received: augmentation='strnog'.*mean 'strong'"),
        (("Light", [3]), "Did you mean 'light'"),
        (("xyz", [3]), r"or a Keras layer\.$"),
        (("strong", [3, 4]), "images of 4 channels.*augmentation='light'"),
    ],
)
def test_what_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        augmentation_layer(*arguments)
