"""Scores of features: NumPy arrays in, a number out.

How well features serve a task, and how alike two sets of them are.
"""

from keras_transfer.transferability.accuracy import (
    knn_accuracy,
    linear_probe_accuracy,
)
from keras_transfer.transferability.confidence import thresholded_confidence
from keras_transfer.transferability.distances import (
    coral_distance,
    energy_distance,
    frechet_distance,
    proxy_a_distance,
)
from keras_transfer.transferability.h_score import h_score
from keras_transfer.transferability.label_errors import (
    LabelError,
    label_errors,
)
from keras_transfer.transferability.learning_curve import (
    LearningCurve,
    fit_learning_curve,
)
from keras_transfer.transferability.leep import leep, nce
from keras_transfer.transferability.linear_cka import linear_cka
from keras_transfer.transferability.log_me import log_me
from keras_transfer.transferability.mmd import TwoSampleTest, mmd
from keras_transfer.transferability.near_duplicates import (
    Pair,
    equal_samples,
    near_duplicates,
)
from keras_transfer.transferability.nleep import nleep
from keras_transfer.transferability.outliers import outliers
from keras_transfer.transferability.probe_curve import probe_learning_curve
from keras_transfer.transferability.transrate import transrate

__all__ = [
    "LabelError",
    "LearningCurve",
    "Pair",
    "TwoSampleTest",
    "coral_distance",
    "energy_distance",
    "equal_samples",
    "fit_learning_curve",
    "frechet_distance",
    "h_score",
    "knn_accuracy",
    "label_errors",
    "leep",
    "linear_cka",
    "linear_probe_accuracy",
    "log_me",
    "mmd",
    "nce",
    "near_duplicates",
    "nleep",
    "outliers",
    "probe_learning_curve",
    "proxy_a_distance",
    "thresholded_confidence",
    "transrate",
]
