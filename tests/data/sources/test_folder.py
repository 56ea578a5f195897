import warnings
from pathlib import Path

import numpy as np
import pytest

from keras_transfer import data

pytestmark = pytest.mark.any_backend


def labels_of(batches):
    return np.concatenate([y for _, y in batches]).tolist()


@pytest.fixture
def split_folder(tmp_path, photos):
    photos.fill(tmp_path / "train", {"cat": 8, "dog": 12, "owl": 4})
    photos.fill(tmp_path / "test", {"cat": 2, "dog": 3, "owl": 1}, seed=50)
    return tmp_path


@pytest.fixture
def class_folder(tmp_path, photos):
    return photos.fill(tmp_path, {"cat": 20, "dog": 10})


def test_train_and_test_folders(split_folder):
    loaded = data.load(split_folder, image_size=(8, 10), batch_size=4)
    assert loaded.class_names == ["cat", "dog", "owl"]
    assert loaded.num_samples == {"train": 19, "validation": 5, "test": 6}
    images, labels = loaded.train[0]
    assert images.shape == (4, 8, 10, 3)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert loaded.skipped == {}


def test_validation_and_test_are_never_shuffled(split_folder):
    loaded = data.load(split_folder, image_size=8)
    assert labels_of(loaded.test) == [0, 0, 1, 1, 1, 2]
    assert labels_of(loaded.validation) == [0, 0, 1, 1, 2]
    assert not loaded.test.shuffle
    assert loaded.train.shuffle


def test_labels_belong_to_their_photos(split_folder):
    train = data.load(split_folder, image_size=8).train
    for index in range(len(train)):
        ids = train.sample_ids(index)
        images, labels = train[index]
        for sample, image, label in zip(ids, images, labels, strict=True):
            path = Path(train.photos[sample])
            assert ["cat", "dog", "owl"][label] == path.parent.name
            np.testing.assert_array_equal(image, data.read_photo(path, 8))


@pytest.mark.parametrize("name", ["validation", "val", "valid"])
def test_a_validation_folder_is_used(split_folder, photos, name):
    photos.fill(split_folder / name, {"cat": 1, "dog": 1, "owl": 2}, seed=90)
    loaded = data.load(split_folder, image_size=8)
    assert loaded.num_samples == {"train": 24, "validation": 4, "test": 6}


def test_class_folders_alone_are_split_by_the_seed(class_folder):
    loaded = data.load(class_folder, image_size=8)
    assert loaded.num_samples == {"train": 19, "validation": 5, "test": 6}
    assert np.bincount(labels_of(loaded.test)).tolist() == [4, 2]
    parts = [loaded.train, loaded.validation, loaded.test]
    paths = [set(part.photos) for part in parts]
    assert len(set.union(*paths)) == 30
    again, other = (
        data.load(class_folder, image_size=8, seed=seed) for seed in (0, 1)
    )
    assert again.test.photos == loaded.test.photos
    assert other.test.photos != loaded.test.photos


def test_without_splits_there_is_only_train(class_folder):
    loaded = data.load(class_folder, validation_split=0, test_split=0)
    assert loaded.num_samples == {"train": 30}
    assert loaded.validation is None
    assert loaded.test is None


def test_shots_leave_validation_and_test_alone(class_folder):
    whole = data.load(class_folder)
    few = data.load(class_folder, shots_per_class=3)
    assert few.num_samples == {"train": 6, "validation": 5, "test": 6}
    assert few.test.photos == whole.test.photos
    assert set(few.train.photos) < set(whole.train.photos)


def test_small_classes_are_named_when_shots_run_out(class_folder):
    with pytest.warns(UserWarning, match=r"1 class.*dog \(6\)"):
        loaded = data.load(class_folder, shots_per_class=10)
    assert loaded.num_samples["train"] == 16


def test_classes_choose_and_order(split_folder):
    loaded = data.load(split_folder, classes=["owl", "cat"])
    assert loaded.class_names == ["owl", "cat"]
    assert labels_of(loaded.test) == [0, 1, 1]
    with pytest.raises(ValueError, match="bat is unknown"):
        data.load(split_folder, classes=["cat", "bat"])


def test_grey_photos_on_request(class_folder):
    images, _ = data.load(class_folder, image_size=8, channels=1).train[0]
    assert images.shape == (19, 8, 8, 1)
    with pytest.raises(ValueError, match="1 or 3"):
        data.load(class_folder, channels=4)


def test_a_class_may_be_called_train(tmp_path, photos):
    photos.fill(tmp_path, {"train": 5, "bus": 5})
    assert data.load(tmp_path).class_names == ["bus", "train"]


def test_bad_files_are_named_in_one_warning_and_skipped(split_folder, photos):
    bad = photos.add_bad_files(split_folder / "train" / "cat")
    bad |= photos.add_bad_files(split_folder / "test" / "dog")
    loose = split_folder / "train" / "loose.jpg"
    photos.save(photos.picture(), loose)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = data.load(split_folder, image_size=8)
    assert len(caught) == 1
    for path, reason in [*bad.items(), (str(loose), "not in a class folder")]:
        assert reason in loaded.skipped[path]
    # The message ends after twenty of them.
    message = str(caught[0].message)
    first, last = list(loaded.skipped.items())[19:21]
    assert ": ".join(first) in message and last[0] not in message
    assert f"and {len(loaded.skipped) - 20} more: `skipped` has all" in message
    assert len(loaded.skipped) == len(bad) + 1
    assert loaded.num_samples == {"train": 19, "validation": 5, "test": 6}
    assert sum(len(images) for images, _ in loaded.train) == 19


def test_clutter_is_not_worth_a_warning(split_folder, recwarn):
    (split_folder / "train" / ".DS_Store").touch()
    (split_folder / "train" / "cat" / "Thumbs.db").touch()
    (split_folder / "train" / ".ipynb_checkpoints").mkdir()
    (split_folder / "train" / "back").symlink_to(split_folder)
    loaded = data.load(split_folder)
    assert loaded.class_names == ["cat", "dog", "owl"]
    assert len(recwarn) == 0


def test_a_photo_that_breaks_later_is_named(class_folder):
    loaded = data.load(class_folder, image_size=8)
    path = Path(loaded.test.photos[0])
    path.write_bytes(b"gone bad")
    with pytest.raises(data.PhotoError, match=path.name):
        loaded.test[0]


def test_a_folder_with_no_photo_left(tmp_path, photos):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_text("no")
    with (
        pytest.warns(UserWarning, match="2 of 2 files"),
        pytest.raises(ValueError, match=r"cat has no photo.*1 x not an image"),
    ):
        data.load(tmp_path)


def test_an_empty_class(class_folder):
    (class_folder / "owl").mkdir()
    with pytest.raises(ValueError, match=r"owl has no photo.*Found.*nothing"):
        data.load(class_folder)


def test_one_class(tmp_path, photos):
    photos.fill(tmp_path, {"cat": 3})
    with pytest.raises(ValueError, match="one class: 'cat'"):
        data.load(tmp_path)


def test_no_class_folders(tmp_path, photos):
    photos.save(photos.picture(), tmp_path / "a.jpg")
    (tmp_path / "b.txt").touch()
    with pytest.raises(ValueError, match=r"Found in it: 1 \.jpg, 1 \.txt"):
        data.load(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(ValueError, match="Found in it: nothing"):
        data.load(tmp_path)


def test_other_classes_in_test_than_in_train(split_folder):
    (split_folder / "test" / "owl").rename(split_folder / "test" / "eule")
    with pytest.raises(
        ValueError, match=r"Only in test: eule\. Only in train: owl"
    ):
        data.load(split_folder)


def test_test_without_train(tmp_path, photos):
    photos.fill(tmp_path / "test", {"cat": 1, "dog": 1})
    with pytest.raises(ValueError, match="holds test, but no train folder"):
        data.load(tmp_path)


def test_a_missing_folder_names_its_neighbours(class_folder):
    with pytest.raises(FileNotFoundError, match=r"'dogs'\. Near: dog\."):
        data.load(class_folder / "dogs" / "more")


def test_a_zip_is_not_a_folder(tmp_path):
    (tmp_path / "flowers.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"is a file.*unzip it first"):
        data.load(tmp_path / "flowers.zip")


@pytest.mark.parametrize("name", ["validate", "dev", "holdout", "test_set"])
def test_a_folder_beside_train_that_nobody_knows_is_named(
    tmp_path, photos, name
):
    photos.fill(tmp_path / "train", {"cat": 8, "dog": 8})
    photos.fill(tmp_path / name, {"cat": 4, "dog": 4})
    with pytest.warns(UserWarning, match=f"left out: {name}"):
        data.load(tmp_path, image_size=8)


def test_photos_a_level_deeper_are_counted(tmp_path, photos):
    photos.fill(tmp_path, {"cat": 4, "dog": 6})
    photos.fill(tmp_path / "cat", {"more": 7})
    with pytest.warns(UserWarning, match=r"(?s)7 files lie in folders.*more"):
        loaded = data.load(tmp_path, image_size=8)
    assert sum(loaded.num_samples.values()) == 10


def test_a_folder_in_a_folder_names_the_inner_one(tmp_path, photos):
    photos.fill(tmp_path / "PetImages", {"cat": 4, "dog": 4})
    with pytest.raises(ValueError, match=r"pass .*PetImages"):
        data.load(tmp_path, image_size=8)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_grey_files_of_few_bits_are_warned_about(tmp_path, bits):
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(5):
            grey = np.full((8, 8), 2**bits - 1 - number, "uint16")
            Image.fromarray(grey).save(tmp_path / name / f"{number}.png")
    with pytest.warns(UserWarning, match=f"have {bits} bits"):
        data.load(tmp_path, image_size=8)


def test_grey_files_of_16_bits_pass_in_silence(tmp_path):
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(5):
            grey = np.full((8, 8), 60000, "uint16")
            Image.fromarray(grey).save(tmp_path / name / f"{number}.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.load(tmp_path, image_size=8)
