"""Image data sets that tensorflow-datasets prepared on this disk."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_transfer._private.types import PathLike
from keras_transfer.data.class_names import checked_names
from keras_transfer.data.dataset import SPLIT_NAMES, LabelledInputs, Source
from keras_transfer.data.photos.photo_file import Record
from keras_transfer.data.progress import progress
from keras_transfer.data.sources.folder import chosen_classes
from keras_transfer.data.sources.tfds_folder import prepared_folder

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetBuilder, DatasetInfo
    from tensorflow_datasets.features import FeatureConnector

_RANDOM_ACCESS = {"array_record", "parquet"}


def find_tfds(
    name: str,
    data_dir: PathLike | None = None,
    classes: Iterable[str] | None = None,
) -> Source:
    """Images and labels of a prepared data set; never touches the network.

    Prepared as `array_record`, images are read one by one when they are
    needed, without TensorFlow. Prepared as `tfrecord`, which has no random
    access, the encoded images are held in memory, in the order of the files.

    Args:
        name: `NAME`, `NAME/CONFIG`, either followed by `:VERSION`.
        data_dir: folder that holds the prepared data sets; `None` is
            `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
        classes: names of the classes to keep, in the order of their labels.
    """
    import tensorflow_datasets as tfds

    folder = prepared_folder(name, data_dir)
    builder = tfds.builder_from_directory(folder)
    image, label = _image_and_label(tfds, builder.info, name)
    records = {
        SPLIT_NAMES[split]: _read_split(tfds, builder, split, image, label)
        for split in builder.info.splits
        if split in SPLIT_NAMES
    }
    if "train" not in records:
        raise ValueError(
            f"tfds:{name} has no train split. Found: "
            f"{', '.join(builder.info.splits)}."
        )
    if set(records) == {"train"}:
        records = {"all": records["train"]}
    return _to_source(tfds, builder.info, label, records, classes)


def _image_and_label(
    tfds: ModuleType, info: DatasetInfo, name: str
) -> tuple[str, str]:
    """Names of the two features: by supervised keys, else by their types."""
    features = dict(info.features.items())
    if info.supervised_keys and len(info.supervised_keys) == 2:
        image, label = info.supervised_keys
    else:
        images = [k for k, f in features.items() if _is_image(tfds, f)]
        labels = [k for k, f in features.items() if _task(tfds, f)]
        labels = ["label"] if "label" in features else labels
        image, label = (
            names[0] if len(names) == 1 else None for names in (images, labels)
        )
    if not (image and label and _is_image(tfds, features.get(image))):
        raise ValueError(
            f"tfds:{name} has no single image with a label. Its features: "
            f"{features}. Only image classification, multi-label and "
            "regression data sets are read; for others pass a tf.data.Dataset "
            "to fit."
        )
    if np.issubdtype(features[image].np_dtype, np.floating):
        raise ValueError(
            f"tfds:{name}: {image!r} holds numbers of type "
            f"{np.dtype(features[image].np_dtype)}, not pixels in 0..255. "
            "Scale them yourself, and pass arrays or a tf.data.Dataset to fit."
        )
    if not _task(tfds, features[label]):
        raise ValueError(
            f"tfds:{name}: the label {label!r} is {features[label]!r}. "
            "Expected a class, a sequence of classes, or a number."
        )
    return image, label


def _is_image(tfds: ModuleType, feature: FeatureConnector | None) -> bool:
    return isinstance(feature, tfds.features.Image)


def _task(tfds: ModuleType, feature: FeatureConnector) -> str | None:
    if isinstance(feature, tfds.features.ClassLabel):
        return "classification"
    inner = getattr(feature, "feature", None)
    if isinstance(inner, tfds.features.ClassLabel):
        return "multi_label"
    is_number = isinstance(
        feature, (tfds.features.Scalar, tfds.features.Tensor)
    )
    if is_number and np.dtype(feature.np_dtype).kind in "fiu":
        return "regression"
    return None


class _Images:
    """The encoded images of a random-access source, one by one."""

    def __init__(self, source: Sequence, key: str):
        self.source = source
        self.key = key

    def __getitem__(self, index: int) -> bytes:
        return self.source[index][self.key]


def _read_split(
    tfds: ModuleType,
    builder: DatasetBuilder,
    split: str,
    image: str,
    label: str,
) -> tuple[list[Record], list]:
    """Records of the images, and their labels as TFDS gives them."""
    decoders = {image: tfds.decode.SkipDecoding()}
    count = builder.info.splits[split].num_examples
    formats = {f.value for f in builder.info.available_file_formats()}
    if formats & _RANDOM_ACCESS:
        source = builder.as_data_source(split, decoders=decoders)
        images: Any = _Images(source, image)
        labels = [e[label] for e in progress(source, count, f"Labels: {split}")]
    else:
        dataset = builder.as_dataset(
            split=split,
            shuffle_files=False,
            decoders=decoders,
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        )
        rows = progress(dataset.as_numpy_iterator(), count, f"Reading: {split}")
        pairs = [(row[image], row[label]) for row in rows]
        images, labels = map(list, zip(*pairs, strict=True))
    where = f"{split} of tfds:{builder.info.name}"
    return [Record(images, i, where) for i in range(len(labels))], labels


def _to_source(
    tfds: ModuleType,
    info: DatasetInfo,
    label: str,
    records: dict[str, tuple[list[Record], list]],
    classes: Iterable[str] | None,
) -> Source:
    feature = info.features[label]
    task = _task(tfds, feature)
    labels = feature.feature if task == "multi_label" else feature
    names = None if task == "regression" else checked_names(labels.names)
    if classes is not None and task != "classification":
        raise ValueError(f"`classes` can't choose among {task} labels.")
    kept = names if classes is None else chosen_classes(classes, names)
    splits = {}
    for split, (photos, labels) in records.items():
        labels = _label_array(labels, task, names)
        if task == "classification":
            _warn_of_unlabelled(labels, split)
        samples = _samples(photos, labels, names, kept)
        if len(samples):
            splits[split] = samples
    if task != "regression":
        return Source(splits, kept, task)
    width = next(iter(splits.values())).labels.shape[1]
    targets = [label] if width == 1 else [f"{label}_{i}" for i in range(width)]
    return Source(splits, None, task, target_names=targets)


def _warn_of_unlabelled(labels: np.ndarray, split: str) -> None:
    without = int((labels < 0).sum())
    if without:
        warnings.warn(
            f"{without} of {len(labels)} samples of {split!r} have no label "
            "(-1 in TFDS), and are left out.",
            stacklevel=2,
        )


def _label_array(labels: list, task: str, names: list[str]) -> np.ndarray:
    if task == "classification":
        return np.array(labels, np.int64)
    if task == "regression":
        return np.array(labels, np.float32).reshape(len(labels), -1)
    rows = np.zeros((len(labels), len(names)), np.float32)
    for row, positive in zip(rows, labels, strict=True):
        row[np.asarray(positive, np.int64)] = 1
    return rows


def _samples(
    photos: list[Record], labels: np.ndarray, names: list[str], kept: list[str]
) -> LabelledInputs:
    if labels.ndim > 1:
        return LabelledInputs(photos, labels)
    # The last place is that of -1, which stands for no label.
    places = [kept.index(n) if n in kept else -1 for n in names] + [-1]
    new = np.array(places)[labels]
    return LabelledInputs(photos, new).take(np.flatnonzero(new >= 0))
