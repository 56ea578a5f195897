import io
import subprocess
import sys

import numpy as np
import pytest

from keras_transfer import data

tfds = pytest.importorskip("tensorflow_datasets")

pytestmark = pytest.mark.any_backend

FORMATS = ["array_record", "tfrecord"]


def prepare(folder, name, examples, label, file_format="array_record"):
    """A prepared data set, as `download_and_prepare` leaves it."""
    pytest.importorskip("array_record")
    pytest.importorskip("tensorflow")
    image = tfds.features.Image(shape=(None, None, 3), encoding_format="png")
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.2.0",
        features=tfds.features.FeaturesDict({"image": image, "label": label}),
        split_datasets={
            split: list(enumerate(rows)) for split, rows in examples.items()
        },
        data_dir=folder,
        file_format=file_format,
    )


def examples(count, label):
    rng = np.random.default_rng(count)
    return [
        {
            "image": rng.integers(0, 256, (9, 7, 3), dtype=np.uint8),
            "label": label(i),
        }
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    names = tfds.features.ClassLabel(names=["cat", "dog", "owl"])
    splits = {n: examples(c, lambda i: i % 3) for n, c in SIZES.items()}
    for file_format in FORMATS:
        name = f"pets_{file_format}"
        prepare(folder, name, splits, names, file_format)
    alone = {"train": examples(20, lambda i: i % 3)}
    prepare(folder, "alone", alone, names)
    several = {"train": examples(6, lambda i: [i % 3, 2])}
    prepare(folder, "several", several, tfds.features.Sequence(names))
    prices = {"train": examples(8, float)}
    number = tfds.features.Scalar(np.float32)
    prepare(folder, "prices", prices, number)
    text = {"train": examples(3, lambda i: "words")}
    prepare(folder, "captions", text, tfds.features.Text())
    return folder


SIZES = {"train": 24, "test": 9}


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_prepared_data_set(data_dir, file_format):
    name = f"tfds:pets_{file_format}"
    loaded = data.load(name, data_dir=data_dir, image_size=(9, 7))
    assert loaded.class_names == ["cat", "dog", "owl"]
    assert loaded.num_samples == {"train": 19, "validation": 5, "test": 9}
    images, labels = loaded.test[0]
    assert images.dtype == np.uint8
    expected = {
        row["image"].tobytes(): row["label"]
        for row in examples(9, lambda i: i % 3)
    }
    for image, label in zip(images, labels, strict=True):
        assert expected.pop(image.tobytes()) == label
    assert not expected


def test_both_formats_and_two_readings_give_one_order(data_dir):
    first, again, other = (
        data.load(f"tfds:pets_{name}", data_dir=data_dir, image_size=8)
        for name in ("tfrecord", "tfrecord", "array_record")
    )
    for one, two in zip(first.train, again.train, strict=True):
        np.testing.assert_array_equal(one[0], two[0])
    assert len(other.train) == len(first.train)


def test_one_split_is_divided_and_drawn_from(data_dir):
    loaded = data.load("tfds:alone", data_dir=data_dir, shots_per_class=2)
    assert loaded.num_samples == {"train": 6, "validation": 3, "test": 4}


def test_classes_choose(data_dir):
    loaded = data.load(
        "tfds:pets_array_record", data_dir=data_dir, classes=["owl", "cat"]
    )
    assert loaded.class_names == ["owl", "cat"]
    assert np.bincount(loaded.test.labels).tolist() == [3, 3]


def test_several_labels_become_multi_hot(data_dir):
    loaded = data.load("tfds:several", data_dir=data_dir, test_split=0)
    assert loaded.task == "multi_label"
    assert loaded.train.labels.shape == (5, 3)
    assert (loaded.train.labels[:, 2] == 1).all()


def test_numbers_become_a_regression(data_dir):
    loaded = data.load("tfds:prices", data_dir=data_dir)
    assert loaded.task == "regression"
    assert loaded.test.labels.shape == (2, 1)


def test_the_version_may_be_named(data_dir):
    data.load("tfds:alone:1.2.0", data_dir=data_dir)
    with pytest.raises(FileNotFoundError, match=r"alone:1\.2\.0"):
        data.load("tfds:alone:2.0.0", data_dir=data_dir)


def test_what_is_not_prepared_says_what_lies_there(data_dir):
    with pytest.raises(
        FileNotFoundError,
        match=r"What lies there: alone:1\.2\.0.*Near: alone.*download_and_prep",
    ):
        data.load("tfds:alnoe", data_dir=data_dir)


def test_the_default_folder_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}.*nothing"):
        data.load("tfds:mnist")


def test_labels_that_are_no_classes_are_refused(data_dir):
    with pytest.raises(ValueError, match="label 'label' is Text"):
        data.load("tfds:captions", data_dir=data_dir)


def test_a_broken_record_is_named(data_dir):
    loaded = data.load("tfds:pets_tfrecord", data_dir=data_dir)
    record = loaded.test.photos[4]
    record.source[4] = b"broken"
    with pytest.raises(
        data.PhotoError, match="record 4 of test of tfds:pets_tfrecord: not an"
    ):
        loaded.test[0]


def test_encoded_bytes_are_read_like_a_file():
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (4, 4), (1, 2, 3)).save(file, "png")
    assert data.read_photo(file.getvalue(), 4)[0, 0].tolist() == [1, 2, 3]
    with pytest.raises(data.PhotoError, match="the encoded photo: not an"):
        data.read_photo(b"x")


@pytest.mark.slow
def test_random_access_needs_no_tensorflow(data_dir):
    code = f"""
import importlib.machinery, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec):
        raise ImportError("blocked: " + spec.name)
    def exec_module(self, module):
        pass
sys.meta_path.insert(0, Blocked())
import os; os.environ["KERAS_BACKEND"] = "torch"
from keras_transfer import data
d = data.load("tfds:pets_array_record", data_dir={str(data_dir)!r})
assert d.train[0][0].shape == (19, 224, 224, 3)
"""
    pytest.importorskip("torch")
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
