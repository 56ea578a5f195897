import numpy as np
import pytest
from PIL import Image

from keras_transfer.data.photos.photo import (
    check_photo,
    height_and_width,
    read_photo,
)
from keras_transfer.data.photos.photo_file import PhotoError

pytestmark = pytest.mark.any_backend

# Colours of four quarters: red, green / blue, white.
QUARTERS = np.array(
    [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8
)
GREY = np.array([[0, 80], [160, 240]], np.uint8)


def big(array, times=8):
    return Image.fromarray(array.repeat(times, axis=0).repeat(times, axis=1))


def corners(array):
    """The four corners, which bilinear interpolation leaves alone."""
    return array[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif", "gif", "jpg"])
def test_formats_give_the_same_photo(tmp_path, photos, suffix):
    exact = {"webp": {"lossless": True}, "jpg": {"quality": 100}}
    path = photos.save(
        big(QUARTERS), tmp_path / f"x.{suffix}", **exact.get(suffix, {})
    )
    array = read_photo(path, 16)
    assert array.dtype == np.uint8
    assert array.shape == (16, 16, 3)
    tolerance = 6 if suffix == "jpg" else 0
    np.testing.assert_allclose(
        corners(array), QUARTERS.reshape(4, 3).astype(int), atol=tolerance
    )


def test_resizing_stretches_and_is_bilinear_with_antialias(tmp_path, photos):
    image = photos.picture(7, height=20, width=30)
    path = photos.save(image, tmp_path / "x.png")
    expected = image.resize((12, 9), Image.Resampling.BILINEAR)
    array = read_photo(path, (9, 12))
    np.testing.assert_array_equal(array, np.asarray(expected))


def test_large_jpegs_are_reduced_without_visible_change(tmp_path, photos):
    image = photos.picture(7, height=1200, width=1600)
    path = photos.save(image, tmp_path / "x.jpg", quality=95)
    expected = Image.open(path).resize((64, 64), Image.Resampling.BILINEAR)
    difference = read_photo(path, 64).astype(int) - np.asarray(expected)
    assert np.abs(difference).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_rotation_is_applied(tmp_path, photos, orientation, suffix):
    from PIL import ImageOps

    image = photos.picture(3, height=40, width=60)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = photos.save(image, tmp_path / f"x.{suffix}", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(path))
    expected = upright.resize((31, 35), Image.Resampling.BILINEAR)
    difference = read_photo(path, (35, 31)).astype(int) - np.asarray(expected)
    assert np.abs(difference).max() <= 1


def test_grey_is_repeated(tmp_path, photos):
    path = photos.save(big(GREY), tmp_path / "x.png")
    array = read_photo(path, 16)
    assert corners(array)[:, 0].tolist() == [0, 80, 160, 240]
    assert (array == array[..., :1]).all()


def test_one_channel_is_grey(tmp_path, photos):
    path = photos.save(big(GREY), tmp_path / "x.png")
    array = read_photo(path, 16, channels=1)
    assert array.shape == (16, 16, 1)
    assert corners(array)[:, 0].tolist() == [0, 80, 160, 240]


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_grey_keeps_its_upper_bits(tmp_path, photos, suffix, channels):
    deep = GREY.astype(np.uint16) * 256 + 255
    path = photos.save(big(deep), tmp_path / f"x.{suffix}")
    array = read_photo(path, 16, channels)
    assert corners(array)[:, 0].tolist() == [0, 80, 160, 240]


def test_transparent_pixels_lie_over_white(tmp_path, photos):
    alpha = np.array([[[255], [0]], [[255], [0]]], np.uint8)
    rgba = np.concatenate([QUARTERS, alpha], axis=-1)
    path = photos.save(big(rgba), tmp_path / "x.png")
    white = [255, 255, 255]
    assert corners(read_photo(path, 16)).tolist() == [
        [255, 0, 0],
        white,
        [0, 0, 255],
        white,
    ]


def test_grey_with_alpha_lies_over_white(tmp_path, photos):
    alpha = np.array([[255, 0], [255, 255]], np.uint8)
    path = photos.save(big(np.dstack([GREY, alpha])), tmp_path / "x.png")
    assert corners(read_photo(path, 16))[:, 1].tolist() == [0, 255, 160, 240]


def test_palette_with_and_without_transparency(tmp_path, photos):
    image = big(QUARTERS).quantize(4, dither=Image.Dither.NONE)
    plain = photos.save(image, tmp_path / "plain.png")
    red = image.getpixel((0, 0))
    clear = photos.save(image, tmp_path / "clear.png", transparency=red)
    expected = QUARTERS.reshape(4, 3).astype(int)
    np.testing.assert_array_equal(corners(read_photo(plain, 16)), expected)
    expected[0] = 255
    np.testing.assert_array_equal(corners(read_photo(clear, 16)), expected)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_is_converted(tmp_path, photos, suffix):
    image = big(QUARTERS, 16).convert("CMYK")
    path = photos.save(image, tmp_path / f"x.{suffix}")
    np.testing.assert_allclose(
        corners(read_photo(path, 32)), QUARTERS.reshape(4, 3), atol=12
    )


def test_one_bit_images(tmp_path, photos):
    bits = np.array([[0, 255], [255, 0]], np.uint8)
    path = photos.save(big(bits).convert("1"), tmp_path / "x.png")
    assert corners(read_photo(path, 16))[:, 2].tolist() == [0, 255, 255, 0]


def test_the_first_frame_of_an_animation_counts(tmp_path, photos):
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    path = photos.save(
        frames[0], tmp_path / "x.gif", save_all=True, append_images=frames[1:]
    )
    assert read_photo(path, 8)[0, 0].tolist() == [255, 0, 0]


def test_the_name_does_not_decide_the_format(tmp_path, photos):
    path = photos.save(big(QUARTERS), tmp_path / "x.jpg", format="PNG")
    assert check_photo(path) == (None, None)
    assert read_photo(path, 4).shape == (4, 4, 3)


def test_bad_files_say_why_when_checked_and_when_read(tmp_path, photos):
    for path, reason in photos.add_bad_files(tmp_path).items():
        assert reason in (check_photo(path)[0] or "read as a photo"), path
        with pytest.raises(PhotoError, match=reason) as caught:
            read_photo(path)
        assert caught.value.path == path


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PhotoError, match=r"gone\.jpg: no such file"):
        read_photo(tmp_path / "gone.jpg")


def test_heic_says_what_it_needs(tmp_path):
    path = tmp_path / "IMG_1.HEIC"
    path.write_bytes(bytes(100))
    assert "pillow-heif" in check_photo(path)[0]


def test_good_photos_pass_the_check(tmp_path, photos):
    path = photos.save(photos.picture(), tmp_path / "x.jpg")
    assert check_photo(path) == (None, None)


@pytest.mark.parametrize(
    ("given", "pair"), [(5, (5, 5)), ((4, 6), (4, 6)), ([4, 6.0], (4, 6))]
)
def test_image_size(given, pair):
    assert height_and_width(given) == pair


@pytest.mark.parametrize("size", [0, (4,), (4, 5, 3), 4.5, (4, -1)])
def test_other_image_sizes_are_refused(size):
    with pytest.raises(ValueError, match="number of pixels or a pair"):
        height_and_width(size)
