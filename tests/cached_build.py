"""A training by a cache of views that takes many small files."""

import json

import keras
import pytest
from cached_training import counted
from doubles import vectors
from small_nets import built, dense_net, values

import keras_transfer as kt
from keras_transfer.feature_cache import FeatureCache, rows

NUM, VIEWS = 60, 2
EIGHT_ROWS = 8 * 5 * 4


def model():
    return built(
        lambda: dense_net(3),
        lambda: "adam",
        seed=3,
        head=lambda: kt.ClassificationHead(3, dropout=0.3),
        augmentation=keras.layers.GaussianNoise(0.3, seed=5),
    )


def train(folder):
    """Trains by the cache in a folder, of which each file has eight rows.

    Returns:
        How many rows were computed, and all numbers of the training.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "SHARD_BYTES", EIGHT_ROWS)
        trained = model()
        with counted(patch) as computed:
            history = trained.fit(
                *vectors(NUM),
                batch_size=8,
                epochs=3,
                verbose=0,
                feature_cache=FeatureCache(folder, views=VIEWS),
            )
    numbers = dict(enumerate(values(trained.variables)))
    return sum(computed), {
        "history": json.dumps(history.history),
        **{str(index): array for index, array in numbers.items()},
    }
