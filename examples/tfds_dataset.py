"""A tensorflow-datasets data set, prepared from files on disk.

    python examples/tfds_dataset.py

Expected: test accuracy 0.9 on 5 to 9 (0.905 with seed 0).

No download: the script writes scikit-learn's digits as PNG files (they stand
for files of your own), prepares a TFDS data set from them, trains a source on
the digits 0 to 4 of it, and a target on 5 to 9 with 20 labels a class.
"""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_digits

import keras_transfer as kt

layers = keras.layers


class WrittenDigits(tfds.core.GeneratorBasedBuilder):
    """Reads `FOLDER/SPLIT/CLASS/NUMBER.png`."""

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, folder, **kwargs):
        self.folder = Path(folder)
        super().__init__(**kwargs)

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(8, 8, 1)),
            "label": tfds.features.ClassLabel(names=list("0123456789")),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {
            name: self._generate_examples(name) for name in ("train", "test")
        }

    def _generate_examples(self, split):
        for path in sorted((self.folder / split).glob("*/*.png")):
            yield path.stem, {"image": path, "label": path.parent.name}


def write_pngs(folder):
    """Every fourth digit is for testing."""
    images, labels = load_digits(return_X_y=True)
    pixels = (images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        split = "train" if number % 4 else "test"
        path = Path(folder, split, str(label), f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def prepare(folder, data_dir):
    """Writes the data set that `data.load("tfds:written_digits")` reads."""
    builder = WrittenDigits(
        folder=folder, data_dir=data_dir, file_format="array_record"
    )
    tfds.disable_progress_bar()
    builder.download_and_prepare()  # there is nothing to download


def source_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(5, activation="softmax"),
        ],
        name="digit_source",
    )


def load(data_dir, digits, **options):
    return kt.data.load(
        "tfds:written_digits",
        data_dir=data_dir,
        classes=list(digits),
        image_size=8,
        channels=1,
        **options,
    )


def main():
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        write_pngs(f"{folder}/png")
        prepare(f"{folder}/png", f"{folder}/tfds")
        low = load(f"{folder}/tfds", "01234")
        high = load(
            f"{folder}/tfds", "56789", shots_per_class=20, batch_size=16
        )
        print(low, high, sep="\n")

        source = source_model()
        source.compile("adam", "sparse_categorical_crossentropy")
        source.fit(low.train, epochs=8, verbose=0)

        model = kt.TransferModel(source, head=5)
        model.compile("auto")
        kt.set_trainable_depth(model, 2)
        model.fit(high.train, epochs=40, verbose=0)
        accuracy = model.evaluate(high.test, verbose=0)[1]
    print(f"test accuracy on 5 to 9, 20 labels a class: {accuracy:.3f}")


if __name__ == "__main__":
    main()
