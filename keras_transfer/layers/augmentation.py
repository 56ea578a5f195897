"""Augmentation in a word: layers of Keras' own for raw pixels."""

import difflib
from collections.abc import Collection

import keras

STRENGTHS = ("light", "strong")

# What photos bear: a tenth of the side, and a crop of at least four fifths.
_SHIFT, _CROP = 0.1, 0.2


def augmentation_layer(
    strength: str, channels: Collection[int]
) -> keras.Sequential:
    """Returns the augmentation that a word stands for.

    `"light"` flips from left to right, shifts by up to a tenth of the side and
    crops to at least four fifths of it. `"strong"` flips, and applies two
    operations of `keras.layers.RandAugment` a batch, with the defaults of
    Keras; it computes all eleven to apply two, so it takes several times as
    long.

    Images of one channel are not flipped: they are digits, letters or scans
    more often than photos. What else has a left and a right (text, hands,
    traffic signs) needs a layer without `RandomFlip` in place of a word.

    Args:
        strength: `"light"` or `"strong"`.
        channels: number of channels of each input that is an image, with
            values in 0..255.

    Returns:
        A `keras.Sequential`. It draws its seeds from
        `keras.utils.set_random_seed`.

    Raises:
        ValueError: another word, or channels that `RandAugment` does not
            take.

    Reference:
        Cubuk et al., "RandAugment: Practical Automated Data Augmentation with
        a Reduced Search Space", NeurIPS 2020,
        https://arxiv.org/abs/1909.13719.
    """
    check_strength(strength)
    layers = keras.layers
    flips = [] if 1 in channels else [layers.RandomFlip("horizontal")]
    if strength == "light":
        moves = [
            layers.RandomTranslation(_SHIFT, _SHIFT),
            layers.RandomZoom((-_CROP, 0.0)),
        ]
        return keras.Sequential([*flips, *moves], name="light")
    _check_channels(channels)
    # Not with a smaller factor: Keras then keeps fewer bits of each pixel.
    policy = layers.RandAugment(value_range=(0, 255))
    return keras.Sequential([*flips, policy], name="strong")


def check_strength(strength: str) -> None:
    """Raises unless a word stands for an augmentation.

    Args:
        strength: the word.

    Raises:
        ValueError: it is another one; the nearest is named.
    """
    if strength in STRENGTHS:
        return
    near = difflib.get_close_matches(strength.lower(), STRENGTHS, n=1)
    meant = f" Did you mean '{near[0]}'?" if near else ""
    raise ValueError(
        f"There is no such augmentation. Received: augmentation='{strength}'."
        f" Expected 'light', 'strong' or a Keras layer.{meant}"
    )


def _check_channels(channels: Collection[int]) -> None:
    if other := set(channels) - {1, 3}:
        raise ValueError(
            "augmentation='strong' is keras.layers.RandAugment, which takes "
            "images of 1 or 3 channels. Received: images of "
            f"{max(other)} channels. Expected augmentation='light', or a "
            "layer of your own."
        )
