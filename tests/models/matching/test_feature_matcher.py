"""`FeatureMatcher`: one pass of each model, losses, what stays as it was."""

import keras
import numpy as np
import pytest
from small_matching import NUM, SIZE, CallCount, numpy, target

import keras_transfer as kt
from keras_transfer.losses import DISTANCES


def test_loss_is_the_sum_of_its_parts(source, data):
    matcher = kt.FeatureMatcher(
        source=source, target=target(), soft_targets=True, task_weight=0.5,
        matching_weight=2.0,
    )  # fmt: skip
    matcher.compile("auto")
    logs = matcher.evaluate(*data, batch_size=NUM, verbose=0, return_dict=True)
    parts = matcher._parts
    output, theirs, mine = parts.run(data[0], None, training=False)
    total = 0.0
    for pair, a, b in zip(
        matcher.pairs, theirs, parts.adapted(mine, theirs), strict=True
    ):
        value = float(pair.loss(a, b))
        assert logs[f"match_{pair.name}"] == pytest.approx(value, rel=1e-4)
        total += pair.weight * value
    assert logs["matching_loss"] == pytest.approx(total, rel=1e-4)
    task = keras.losses.sparse_categorical_crossentropy(data[1], output)
    assert logs["task_loss"] == pytest.approx(numpy(task).mean(), rel=1e-4)
    expected = 0.5 * logs["task_loss"] + 2.0 * logs["matching_loss"]
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_first_step_follows_the_gradient_of_that_loss(source, data):
    x, y = data
    matcher = kt.FeatureMatcher(source=source, target=target(), task_weight=1.0)
    rate = 1e-3
    matcher.compile(
        keras.optimizers.SGD(rate), "sparse_categorical_crossentropy"
    )
    adapter = matcher.adapters[0].projection
    before = numpy(adapter.bias).copy()

    def loss_at(shift):
        adapter.bias.assign(before + shift)
        # Batch norm is in training in a step, so not by `evaluate`.
        output, theirs, mine = matcher._parts.run(x, None, training=True)
        task = keras.losses.sparse_categorical_crossentropy(y, output)
        mine = matcher._parts.adapted(mine, theirs)
        match = sum(
            pair.weight * pair.loss(a, b)
            for pair, a, b in zip(matcher.pairs, theirs, mine, strict=True)
        )
        return float(numpy(keras.ops.mean(task) + match))

    step = np.zeros_like(before)
    step[1] = 1e-2
    slope = (loss_at(step) - loss_at(-step)) / 2e-2
    adapter.bias.assign(before)
    matcher.train_on_batch(x, y)
    moved = (numpy(adapter.bias) - before)[1] / -rate
    assert moved == pytest.approx(slope, rel=2e-2, abs=1e-4)


def test_the_source_is_brought_to_one_scale_by_channel(source, data):
    x, y = data
    model = target()
    matcher = kt.FeatureMatcher(
        source=source, target=model, pairs=[(0, 0), (2, 2)]
    )
    raw = [numpy(f) for f in matcher._parts.run(x, None, training=False)[1]]
    matcher.compile("auto")
    matcher.fit(x, y, epochs=1, verbose=0)
    _, found, _ = matcher._parts.run(x, None, training=False)
    for before, after in zip(raw, found, strict=True):
        flat = before.reshape(-1, before.shape[-1]).astype("float64")
        least = 0.01 * flat.var(axis=0).mean()
        expected = (before - flat.mean(axis=0)) / np.sqrt(
            flat.var(axis=0) + least
        )
        np.testing.assert_allclose(numpy(after), expected, atol=1e-3)
    # Once: later data are compared at the same scale.
    matcher.fit(x[:20] / 2, y[:20], epochs=1, verbose=0)
    _, again, _ = matcher._parts.run(x, None, training=False)
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))


def test_a_copy_of_the_source_is_at_distance_zero(source, data):
    copy = source.clone()
    copy.set_weights(source.get_weights())
    matcher = kt.FeatureMatcher(
        source=source, target=copy, data=data[0], task_weight=0
    )
    matcher.compile("auto")
    logs = matcher.evaluate(*data, verbose=0, return_dict=True)
    assert logs["matching_loss"] == pytest.approx(0, abs=1e-6)


def test_equal_shapes_are_mapped_unless_taken_as_they_come(source, data):
    """Two models have scales of their own, which a map learns apart."""
    copy = source.clone()
    matcher = kt.FeatureMatcher(source=source, target=copy, data=data[0])
    assert all(p.adapter.projection is not None for p in matcher.pairs)
    raw = kt.FeatureMatchingLoss("mse", normalize=False)
    matcher = kt.FeatureMatcher(source=source, target=copy, loss=raw)
    assert all(pair.adapter is None for pair in matcher.pairs)


@pytest.mark.parametrize("distance", ["attention", "cka"])
def test_other_distances_have_the_scale_of_the_source(distance, source):
    matcher = kt.FeatureMatcher(source=source, target=target(), loss=distance)
    assert all(pair.scale is None for pair in matcher.pairs)


def test_data_that_can_be_walked_over_once(source, data):
    matcher = kt.FeatureMatcher(source=source, target=target())
    matcher.compile("auto")
    with pytest.warns(UserWarning, match="were not measured"):
        matcher.fit((data for _ in range(2)), steps_per_epoch=2, verbose=0)


def test_each_model_runs_once_a_step(source, data):
    mine, theirs = CallCount(), CallCount()
    inputs = keras.Input(SIZE)
    features = keras.layers.Conv2D(4, 3)(mine(inputs))
    model = kt.TransferModel(
        keras.Model(inputs, features), 3, preprocessing=None, weights=None,
        share_source=True,
    )  # fmt: skip
    inputs = keras.Input(SIZE)
    features = keras.layers.Conv2D(6, 3, bias_initializer="ones")(
        theirs(inputs)
    )
    other = kt.TransferModel(keras.Model(inputs, features), 3,
                             preprocessing=None, share_source=True)  # fmt: skip
    matcher = kt.FeatureMatcher(source=other, target=model)
    matcher.compile("auto", run_eagerly=True)
    x, y = data
    matcher.train_on_batch(x, y)
    mine.calls.clear(), theirs.calls.clear()
    matcher.train_on_batch(x, y)
    assert mine.calls == [True]
    assert theirs.calls == [False]


def test_the_source_is_left_as_it_was(source, data):
    source.backbone.layers[1].trainable = False
    weights = source.get_weights()
    flags = [layer.trainable for layer in source._flatten_layers()]
    matcher = kt.FeatureMatcher(source=source, target=target())
    matcher.compile("auto")
    matcher.fit(*data, epochs=2, verbose=0)
    for before, now in zip(weights, source.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)
    assert flags == [layer.trainable for layer in source._flatten_layers()]


@pytest.mark.slow
def test_evaluate_changes_nothing(source, data):
    matcher = kt.FeatureMatcher(source=source, target=target())
    matcher.compile("auto")
    matcher.fit(*data, epochs=1, verbose=0)
    before = [numpy(v).copy() for v in matcher.variables]
    first = matcher.evaluate(*data, verbose=0)
    assert first == matcher.evaluate(*data, verbose=0)
    metrics = {id(v) for v in matcher.metrics_variables}
    for old, variable in zip(before, matcher.variables, strict=True):
        if id(variable) not in metrics:
            np.testing.assert_array_equal(old, numpy(variable))


@pytest.mark.slow
def test_the_target_is_clean(source, data, tmp_path):
    model = target()
    names = [v.path for v in model.variables]
    matcher = kt.FeatureMatcher(source=source, target=model)
    matcher.compile("auto")
    matcher.fit(*data, epochs=1, verbose=0)
    assert matcher.target is model
    assert [v.path for v in model.variables] == names
    model.save(tmp_path / "target.keras")
    back = keras.saving.load_model(tmp_path / "target.keras")
    expected = model.predict(data[0], verbose=0)
    np.testing.assert_array_equal(back.predict(data[0], verbose=0), expected)
    np.testing.assert_array_equal(matcher.predict(data[0], verbose=0), expected)


def test_the_source_sees_what_the_target_sees(source, data):
    class Brighter(keras.layers.Layer):
        def call(self, inputs, training=None):
            return inputs + 30.0

    model = target(augmentation=Brighter())
    matcher = kt.FeatureMatcher(source=source, target=model)
    x, _ = data
    _, found, _ = matcher._parts.run(x, None, training=True)
    expected = keras.tree.flatten(matcher._parts.source(x + 30.0))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(numpy(a), numpy(b), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        name if name == "cka" else pytest.param(name, marks=pytest.mark.slow)
        for name in DISTANCES
    ],
)
def test_every_distance_trains(name, source, data):
    on_logits = not DISTANCES[name]._takes_any_scale
    pairs = ["logits"] if on_logits else [(1, 1), (2, 2)]
    matcher = kt.FeatureMatcher(
        source=source, target=target(), pairs=pairs, loss=name, task_weight=0
    )
    matcher.compile(keras.optimizers.Adam(3e-3))
    history = matcher.fit(data[0], epochs=4, verbose=0).history
    values = history["matching_loss"]
    assert np.isfinite(values).all() and values[-1] < values[0]
