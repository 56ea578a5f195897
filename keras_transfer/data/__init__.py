"""Labelled images from folders and names, ready for `fit` on any backend."""

from keras_transfer.data.dataset import Dataset
from keras_transfer.data.loading import load
from keras_transfer.data.photos.photo import read_photo
from keras_transfer.data.photos.photo_batches import PhotoBatches
from keras_transfer.data.photos.photo_file import PhotoError
from keras_transfer.data.unlabelled import without_labels

__all__ = [
    "Dataset",
    "PhotoBatches",
    "PhotoError",
    "load",
    "read_photo",
    "without_labels",
]
