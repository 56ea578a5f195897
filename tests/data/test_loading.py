import keras
import numpy as np
import pytest

from keras_transfer import data


def test_digits_come_as_bytes_in_three_parts():
    digits = data.load("digits")
    assert digits.num_samples == {"train": 1150, "validation": 288, "test": 359}
    assert digits.class_names == [str(i) for i in range(10)]
    images, labels = digits.train[0]
    assert images.shape == (32, 8, 8, 3)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    all_images = np.concatenate([x for x, _ in digits.test])
    assert (all_images.min(), all_images.max()) == (0, 255)


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    grey, labels = load_digits(return_X_y=True)
    digits = data.load("digits", channels=1, validation_split=0, test_split=0)
    images, found = digits.train.read(np.arange(1797))
    np.testing.assert_array_equal(found, labels)
    expected = np.round(grey * 255 / 16).reshape(-1, 8, 8, 1)
    np.testing.assert_array_equal(images, expected)


def test_digits_in_another_size_and_of_chosen_classes():
    digits = data.load("digits", image_size=(16, 12), classes=["7", "5"])
    images, labels = digits.test[0]
    assert images.shape[1:] == (16, 12, 3)
    assert digits.class_names == ["7", "5"]
    assert sorted(set(labels.tolist())) == [0, 1]
    assert sum(digits.num_samples.values()) == 179 + 182


def test_a_dataset_reads_well():
    assert repr(data.load("digits", shots_per_class=5)) == (
        "<Dataset for classification: 50 train, 288 validation, 359 test "
        "samples, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9>"
    )


def test_a_misspelt_name_is_told_apart():
    with pytest.raises(FileNotFoundError, match=r"Near: digits\b"):
        data.load("digit")


def test_photos_train_on_every_backend(tmp_path, photos):
    folder = photos.fill(tmp_path, {"cat": 12, "dog": 8})
    loaded = data.load(folder, image_size=8, batch_size=4)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    history = model.fit(
        loaded.train, validation_data=loaded.validation, epochs=2, verbose=0
    )
    assert len(history.history["val_loss"]) == 2
    assert model.predict(loaded.test, verbose=0).shape == (4, 2)
