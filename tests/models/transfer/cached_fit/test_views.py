"""Several versions of each sample in a cache: `FeatureCache(views=K)`."""

import keras
import numpy as np
import pytest
from cached_training import (
    BATCH,
    NUM,
    adam,
    arrays,
    assert_same_history,
    assert_same_model,
    counted,
    fit,
    made,
    validation_arrays,
)
from doubles import vectors
from keras import layers

from keras_transfer.data.batches import ArrayBatches
from keras_transfer.feature_cache import FeatureCache


def augmented():
    return {"augmentation": layers.GaussianNoise(0.5, seed=3)}


def test_views_are_used_one_after_the_other():
    """Epoch e trains on view e % K, as on arrays with those activations."""
    cache = FeatureCache("memory", views=2)
    model = made(**augmented())
    history = fit(model, arrays(), cache, [], epochs=4)
    (found,) = cache.kept.values()
    first, second = (found.take(np.arange(NUM), view) for view in (0, 1))
    assert np.abs(first - second).max() > 0.01
    # The head alone, on those arrays, epoch after epoch.
    head = made(**augmented()).head
    inputs = keras.Input(first.shape[1:])
    plain = keras.Model(inputs, head(inputs))
    plain.compile(adam(), "sparse_categorical_crossentropy")
    losses = []
    for epoch in range(4):
        batches = ArrayBatches(
            (first, second)[epoch % 2], vectors()[1], batch_size=BATCH
        )
        batches.epoch = epoch
        losses += plain.fit(batches, verbose=0, shuffle=False).history["loss"]
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)


def test_two_runs_with_one_cache_of_views_are_equal(monkeypatch):
    cache = FeatureCache("memory", views=3)
    results = []
    for computes in (True, False):
        model = made(**augmented())
        with counted(monkeypatch) as rows:
            history = fit(
                model, arrays(), cache, [], validation=validation_arrays
            )
        assert bool(rows) == computes
        results.append((model, history))
    assert_same_history(results[1][1], results[0][1])
    assert_same_model(results[1][0], results[0][0])


def test_validation_data_are_not_augmented():
    """The same validation numbers as of the trained model itself."""
    model = made(**augmented())
    history = fit(
        model,
        arrays(),
        FeatureCache("memory", views=2),
        [],
        validation=validation_arrays,
    )
    loss, accuracy = model.evaluate(*validation_arrays(), verbose=0)
    np.testing.assert_allclose(history.history["val_loss"][-1], loss, rtol=1e-5)
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy)
