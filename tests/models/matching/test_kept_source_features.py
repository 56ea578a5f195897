"""`FeatureMatcher.fit(feature_cache=...)`: the source runs once."""

import keras
import pytest
from small_matching import SIZE, CallCount, target

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches


@pytest.mark.parametrize(
    "place", [pytest.param("memory", marks=pytest.mark.slow), "disk"]
)
def test_kept_features_give_the_same_numbers(place, source, data, tmp_path):
    cache = "memory" if place == "memory" else tmp_path / "cache"
    histories = []
    for feature_cache in (None, cache):
        matcher = kt.FeatureMatcher(
            source=source, target=target(), soft_targets=True
        )
        matcher.compile("auto")
        histories.append(
            matcher.fit(
                *data, validation_data=data, epochs=3, batch_size=16,
                feature_cache=feature_cache, verbose=0,
            ).history
        )  # fmt: skip
    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, rel=1e-4)


@pytest.mark.slow
def test_kept_features_run_the_source_once(data):
    theirs = CallCount()
    inputs = keras.Input(SIZE)
    features = keras.layers.Conv2D(6, 3, bias_initializer="ones")(
        theirs(inputs)
    )
    other = kt.TransferModel(keras.Model(inputs, features), 3,
                             preprocessing=None)  # fmt: skip
    matcher = kt.FeatureMatcher(source=other, target=target(), pairs=[(0, 1)])
    matcher.compile("auto", run_eagerly=True)
    cache = kt.FeatureCache("memory")
    matcher.fit(*data, epochs=1, feature_cache=cache, verbose=0)
    theirs.calls.clear()
    matcher.fit(
        ArrayBatches(*data, seed=3), epochs=3, feature_cache=cache, verbose=0
    )
    # Before and after, to measure; the features are there.
    assert len(theirs.calls) <= 2


@pytest.mark.slow
def test_kept_features_with_augmentation_are_refused(source, data):
    model = target(augmentation=keras.layers.RandomFlip("horizontal"))
    matcher = kt.FeatureMatcher(source=source, target=model)
    matcher.compile("auto")
    with pytest.raises(ValueError, match="augments"):
        matcher.fit(*data, feature_cache="memory", verbose=0)
