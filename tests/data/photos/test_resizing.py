import numpy as np
import pytest
from PIL import Image

from keras_transfer.data.photos.resizing import resize_into

pytestmark = pytest.mark.any_backend


def stretched(image, height, width):
    out = np.empty((height, width, len(image.getbands())), np.uint8)
    resize_into(image, out)
    return out


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((128, 156), (224, 224)),
        ((2, 3), (7, 5)),
        ((50, 90), (51, 30)),
        ((64, 64), (128, 64)),
        ((90, 40), (30, 80)),
        ((8, 8), (8, 8)),
        ((1, 1), (6, 6)),
    ],
    ids=str,
)
def test_it_agrees_with_pillow_to_one_level(rng, mode, before, after):
    channels = 3 if mode == "RGB" else 1
    array = rng.integers(0, 256, (*before, channels), dtype=np.uint8)
    image = Image.fromarray(array.squeeze(-1) if mode == "L" else array)
    expected = np.asarray(
        image.resize(after[::-1], Image.Resampling.BILINEAR)
    ).reshape(*after, channels)
    difference = stretched(image, *after).astype(int) - expected
    assert np.abs(difference).max() <= 1
    assert np.mean(difference != 0) < 0.1


def test_two_rows_become_four_by_hand():
    # Rows at -1/4, 1/4, 3/4, 5/4, held inside 0..1.
    image = Image.fromarray(np.array([[0], [200]], np.uint8))
    assert stretched(image, 4, 1).ravel().tolist() == [0, 50, 150, 200]


def test_extremes_do_not_wrap_around():
    stripes = np.zeros((30, 4), np.uint8)
    stripes[::2] = 255
    out = stretched(Image.fromarray(stripes), 60, 4)
    assert out[0].min() == 255
    assert out[-1].max() == 0
    assert set(np.unique(out[1:-1, 0])) == {64, 191}
