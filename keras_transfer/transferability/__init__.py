"""Scores of features: NumPy arrays in, a number out.

How well features serve a task, and how alike two sets of them are.
"""

from keras_transfer.transferability.accuracy import (
    knn_accuracy,
    linear_probe_accuracy,
)
from keras_transfer.transferability.confidence import (
    thresholded_confidence,
    thresholded_confidence_interval,
)
from keras_transfer.transferability.distances import (
    coral_distance,
    energy_distance,
    frechet_distance,
    proxy_a_distance,
)
from keras_transfer.transferability.h_score import h_score
from keras_transfer.transferability.leep import leep, nce
from keras_transfer.transferability.linear_cka import linear_cka
from keras_transfer.transferability.log_me import log_me
from keras_transfer.transferability.mmd import TwoSampleTest, mmd
from keras_transfer.transferability.nleep import nleep
from keras_transfer.transferability.transrate import transrate
from keras_transfer.transferability.unknown_score import (
    unknown_score,
    unknown_score_of_training,
)

__all__ = [
    "TwoSampleTest",
    "coral_distance",
    "energy_distance",
    "frechet_distance",
    "h_score",
    "knn_accuracy",
    "leep",
    "linear_cka",
    "linear_probe_accuracy",
    "log_me",
    "mmd",
    "nce",
    "nleep",
    "proxy_a_distance",
    "thresholded_confidence",
    "thresholded_confidence_interval",
    "transrate",
    "unknown_score",
    "unknown_score_of_training",
]
