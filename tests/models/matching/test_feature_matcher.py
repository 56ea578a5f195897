"""`FeatureMatcher`: one pass of each model, losses, what stays as it was."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.losses import DISTANCES

SIZE = (16, 16, 3)
NUM = 40


def net(widths, size=SIZE, head=3, **arguments):
    layers = keras.layers
    inputs = keras.Input(size)
    x = inputs
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x)
    return kt.TransferModel(
        keras.Model(inputs, x), head=head, preprocessing="tf", **arguments
    )


@pytest.fixture
def data(rng):
    y = np.arange(NUM) % 3
    x = rng.uniform(0, 120, (NUM, *SIZE)) + 40.0 * y[:, None, None, None]
    return x.astype("float32"), y


def as_trained(model, rng):
    """Moves what begins at zero, as training would."""
    for variable in model.variables:
        if variable.path.endswith(("beta", "bias", "moving_mean")):
            variable.assign(0.1 * rng.normal(size=variable.shape))
    return model


@pytest.fixture
def source(rng):
    keras.utils.set_random_seed(1)
    return as_trained(net((8, 12, 12), weights=None), rng)


def target(**arguments):
    keras.utils.set_random_seed(2)
    return net((4, 8, 8), weights=None, **arguments)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


class Count(keras.layers.Layer):
    """Counts how often it is called, and in which mode."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = []

    def call(self, inputs, training=None):
        self.calls.append(training)
        return inputs


def test_loss_is_the_sum_of_its_parts(source, data):
    matcher = kt.FeatureMatcher(
        target(), source, soft_targets=True, task_weight=0.5,
        matching_weight=2.0,
    )  # fmt: skip
    matcher.compile("auto")
    logs = matcher.evaluate(*data, batch_size=NUM, verbose=0, return_dict=True)
    parts = matcher.parts
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
    matcher = kt.FeatureMatcher(target(), source, task_weight=1.0)
    rate = 1e-3
    matcher.compile(
        keras.optimizers.SGD(rate), "sparse_categorical_crossentropy"
    )
    adapter = matcher.adapters[0].projection
    before = numpy(adapter.bias).copy()

    def loss_at(shift):
        adapter.bias.assign(before + shift)
        # Batch norm is in training in a step, so not by `evaluate`.
        output, theirs, mine = matcher.parts.run(x, None, training=True)
        task = keras.losses.sparse_categorical_crossentropy(y, output)
        mine = matcher.parts.adapted(mine, theirs)
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
    matcher = kt.FeatureMatcher(model, source, pairs=[(0, 0), (2, 2)])
    raw = [numpy(f) for f in matcher.parts.run(x, None, training=False)[1]]
    matcher.compile("auto")
    matcher.fit(x, y, epochs=1, verbose=0)
    _, found, _ = matcher.parts.run(x, None, training=False)
    for before, after in zip(raw, found, strict=True):
        flat = before.reshape(-1, before.shape[-1]).astype("float64")
        least = 0.01 * flat.var(axis=0).mean()
        expected = (before - flat.mean(axis=0)) / np.sqrt(
            flat.var(axis=0) + least
        )
        np.testing.assert_allclose(numpy(after), expected, atol=1e-3)
    # Once: later data are compared at the same scale.
    matcher.fit(x[:20] / 2, y[:20], epochs=1, verbose=0)
    _, again, _ = matcher.parts.run(x, None, training=False)
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))


def test_a_copy_of_the_source_is_at_distance_zero(source, data):
    copy = source.clone()
    copy.set_weights(source.get_weights())
    matcher = kt.FeatureMatcher(copy, source, data=data[0], task_weight=0)
    matcher.compile("auto")
    logs = matcher.evaluate(*data, verbose=0, return_dict=True)
    assert logs["matching_loss"] == pytest.approx(0, abs=1e-6)


def test_equal_shapes_are_mapped_unless_taken_as_they_come(source, data):
    """Two models have scales of their own, which a map learns apart."""
    copy = source.clone()
    matcher = kt.FeatureMatcher(copy, source, data=data[0])
    assert all(p.adapter.projection is not None for p in matcher.pairs)
    raw = kt.FeatureMatchingLoss("mse", normalize=False)
    matcher = kt.FeatureMatcher(copy, source, loss=raw)
    assert all(pair.adapter is None for pair in matcher.pairs)


@pytest.mark.parametrize("distance", ["attention", "cka"])
def test_other_distances_have_the_scale_of_the_source(distance, source):
    matcher = kt.FeatureMatcher(target(), source, loss=distance)
    assert all(pair.scale is None for pair in matcher.pairs)


def test_data_that_can_be_walked_over_once(source, data):
    matcher = kt.FeatureMatcher(target(), source)
    matcher.compile("auto")
    with pytest.warns(UserWarning, match="were not measured"):
        matcher.fit((data for _ in range(2)), steps_per_epoch=2, verbose=0)


def test_each_model_runs_once_a_step(source, data):
    mine, theirs = Count(), Count()
    inputs = keras.Input(SIZE)
    features = keras.layers.Conv2D(4, 3)(mine(inputs))
    model = kt.TransferModel(
        keras.Model(inputs, features), 3, preprocessing=None, weights=None
    )
    inputs = keras.Input(SIZE)
    features = keras.layers.Conv2D(6, 3, bias_initializer="ones")(
        theirs(inputs)
    )
    other = kt.TransferModel(keras.Model(inputs, features), 3,
                             preprocessing=None)  # fmt: skip
    matcher = kt.FeatureMatcher(model, other)
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
    matcher = kt.FeatureMatcher(target(), source)
    matcher.compile("auto")
    matcher.fit(*data, epochs=2, verbose=0)
    for before, now in zip(weights, source.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)
    assert flags == [layer.trainable for layer in source._flatten_layers()]


@pytest.mark.slow
def test_evaluate_changes_nothing(source, data):
    matcher = kt.FeatureMatcher(target(), source)
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
    matcher = kt.FeatureMatcher(model, source)
    matcher.compile("auto")
    matcher.fit(*data, epochs=1, verbose=0)
    assert matcher.target is model
    assert [v.path for v in model.variables] == names
    model.save(tmp_path / "target.keras")
    back = keras.saving.load_model(tmp_path / "target.keras")
    expected = model.predict(data[0], verbose=0)
    np.testing.assert_array_equal(back.predict(data[0], verbose=0), expected)
    np.testing.assert_array_equal(matcher.predict(data[0], verbose=0), expected)


def test_a_saved_matcher_goes_on(source, data, tmp_path):
    matcher = kt.FeatureMatcher(
        target(), source, loss="cosine", soft_targets=True
    )
    matcher.compile("auto")
    matcher.fit(*data, epochs=1, verbose=0)
    matcher.matching_weight = 0.25
    matcher.save(tmp_path / "matcher.keras")
    back = keras.saving.load_model(tmp_path / "matcher.keras")
    assert back.matching_weight == 0.25
    assert back.evaluate(*data, verbose=0) == pytest.approx(
        matcher.evaluate(*data, verbose=0), rel=1e-5
    )
    histories = [
        m.fit(*data, initial_epoch=1, epochs=2, verbose=0).history
        for m in (matcher, back)
    ]
    for name, values in histories[0].items():
        assert histories[1][name] == pytest.approx(values, rel=1e-4)


def test_unlabelled_data(source, data):
    x, _ = data
    matcher = kt.FeatureMatcher(target(), source, task_weight=0)
    matcher.compile("auto")
    head = numpy(matcher.head.variables[0]).copy()
    history = matcher.fit(x, epochs=3, verbose=0).history
    assert history["matching_loss"][-1] < history["matching_loss"][0]
    assert "task_loss" not in history and "accuracy" not in history
    np.testing.assert_array_equal(head, numpy(matcher.head.variables[0]))
    # The same matcher, with labels.
    matcher.task_weight = 1.0
    history = matcher.fit(*data, epochs=1, verbose=0).history
    assert history["task_loss"][0] > 0 and "accuracy" in history


@pytest.mark.slow
def test_unlabelled_data_with_a_task_weight(source, data):
    matcher = kt.FeatureMatcher(target(), source)
    matcher.compile("auto")
    with pytest.raises(ValueError, match="task_weight=1"):
        matcher.fit(data[0], verbose=0)
    matcher.task_weight = 0.0
    later = kt.MatchingWeightScheduler(lambda epoch: {"task_weight": 1.0})
    with pytest.raises(ValueError, match="have no labels"):
        matcher.fit(data[0], callbacks=[later], verbose=0)


@pytest.mark.slow
def test_weights_follow_a_schedule_without_a_retrace(source, data):
    x, y = data
    matcher = kt.FeatureMatcher(target(), source, loss="mse")
    matcher.compile("auto")
    traced = []
    call = matcher.call

    def counted(*args, **kwargs):
        traced.append(1)
        return call(*args, **kwargs)

    matcher.call = counted
    pairs = len(matcher.pairs)

    def schedule(epoch):
        return {
            "matching_weight": 2.0 - epoch,
            "task_weight": float(epoch),
            "pair_weights": [1.0] * pairs,
        }

    history = matcher.fit(
        x, y, batch_size=NUM, epochs=3, verbose=0,
        callbacks=[kt.MatchingWeightScheduler(schedule)],
    ).history  # fmt: skip
    assert history["matching_weight"] == [2.0, 1.0, 0.0]
    for epoch in range(3):
        expected = (
            (2.0 - epoch) * history["matching_loss"][epoch]
            + epoch * history["task_loss"][epoch]
        )  # fmt: skip
        assert history["loss"][epoch] == pytest.approx(expected, rel=1e-4)
    if keras.backend.backend() == "tensorflow":
        assert len(traced) <= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", [lambda epoch: "much", lambda epoch: {"weight": 1}]
)
def test_a_schedule_that_returns_something_else(wrong, source, data):
    matcher = kt.FeatureMatcher(target(), source)
    matcher.compile("auto")
    callback = kt.MatchingWeightScheduler(wrong)
    with pytest.raises(ValueError, match=r"Received: '?(much|\{)"):
        matcher.fit(*data, callbacks=[callback], verbose=0)


@pytest.mark.slow
def test_a_schedule_for_another_model(source, data):
    callback = kt.MatchingWeightScheduler(lambda epoch: 1.0)
    source.compile("auto")
    with pytest.raises(ValueError, match="FeatureMatcher"):
        source.fit(*data, callbacks=[callback], verbose=0)


@pytest.mark.slow
def test_sample_weights_reach_every_part(source, data):
    x, y = data
    weights = np.zeros(NUM, "float32")
    weights[:8] = 2.0
    matcher = kt.FeatureMatcher(target(), source)
    matcher.compile("auto")
    weighted = matcher.evaluate(
        x, y, sample_weight=weights, batch_size=NUM, verbose=0,
        return_dict=True,
    )  # fmt: skip
    few = matcher.evaluate(
        x[:8], y[:8], batch_size=8, verbose=0, return_dict=True
    )
    for name in ("task_loss", "matching_loss"):
        assert weighted[name] == pytest.approx(
            few[name] * 2 * 8 / NUM, rel=1e-4
        )


@pytest.mark.slow
def test_losses_of_batches_refuse_sample_weights(source, data):
    matcher = kt.FeatureMatcher(target(), source, loss="cka")
    matcher.compile("auto")
    matcher.fit(*data, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="cannot have weights"):
        matcher.fit(*data, sample_weight=np.arange(NUM), verbose=0)


@pytest.mark.slow
def test_what_regularises_the_target_counts_and_the_source_does_not(data):
    def regularised(strength):
        inputs = keras.Input(SIZE)
        features = keras.layers.Conv2D(
            4, 3, bias_initializer="ones",
            kernel_regularizer=keras.regularizers.L2(strength),
        )(inputs)  # fmt: skip
        return kt.TransferModel(
            keras.Model(inputs, features), 3, preprocessing=None, weights=None
        )

    mine, theirs = regularised(0.1), regularised(100.0)
    matcher = kt.FeatureMatcher(mine, theirs)
    matcher.compile("auto")
    logs = matcher.evaluate(*data, verbose=0, return_dict=True)
    kernel = numpy(mine.backbone.layers[1].kernel)
    expected = logs["task_loss"] + logs["matching_loss"]
    assert logs["loss"] == pytest.approx(
        expected + 0.1 * (kernel**2).sum(), rel=1e-4
    )


@pytest.mark.slow
def test_the_parts_of_a_training_work_on_it(source, data, tmp_path):
    matcher = kt.FeatureMatcher(target(), source)
    matcher.compile(
        kt.LayerwiseOptimizer(keras.optimizers.Adam(1e-2), decay=0.5),
        "sparse_categorical_crossentropy",
        regularizer=kt.L2SP(0.1, 0.1),
    )
    assert matcher.trainable_depth == 3
    history = matcher.fit(
        *data, epochs=3, verbose=0,
        callbacks=[
            kt.FreezingScheduler(kt.GradualUnfreezing(1, 1)),
            kt.TransferCheckpoint(tmp_path / "run"),
        ],
    ).history  # fmt: skip
    assert history["trainable_blocks"] == [0, 1, 2]
    assert all(value >= 0 for value in history["l2sp"])
    assert matcher.target.trainable_depth == 2


class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise RuntimeError("killed")


@pytest.mark.slow
def test_a_killed_matching_goes_on(source, data, tmp_path):
    def matcher():
        made = kt.FeatureMatcher(target(), source)
        made.compile("auto")
        return made

    whole = matcher()
    expected = whole.fit(*data, epochs=4, verbose=0).history
    checkpoint = kt.TransferCheckpoint(tmp_path / "run", verbose=0)
    with pytest.raises(RuntimeError, match="killed"):
        matcher().fit(
            *data, epochs=4, verbose=0, callbacks=[checkpoint, Kill()]
        )
    checkpoint = kt.TransferCheckpoint(tmp_path / "run", verbose=0)
    found = matcher().fit(*data, epochs=4, verbose=0, callbacks=[checkpoint])
    for name, values in expected.items():
        assert found.history[name] == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize(
    "place", [pytest.param("memory", marks=pytest.mark.slow), "disk"]
)
def test_kept_features_give_the_same_numbers(place, source, data, tmp_path):
    cache = "memory" if place == "memory" else tmp_path / "cache"
    histories = []
    for feature_cache in (None, cache):
        matcher = kt.FeatureMatcher(target(), source, soft_targets=True)
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
    theirs = Count()
    inputs = keras.Input(SIZE)
    features = keras.layers.Conv2D(6, 3, bias_initializer="ones")(
        theirs(inputs)
    )
    other = kt.TransferModel(keras.Model(inputs, features), 3,
                             preprocessing=None)  # fmt: skip
    matcher = kt.FeatureMatcher(target(), other, pairs=[(0, 1)])
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
    matcher = kt.FeatureMatcher(model, source)
    matcher.compile("auto")
    with pytest.raises(ValueError, match="augments"):
        matcher.fit(*data, feature_cache="memory", verbose=0)


def test_the_source_sees_what_the_target_sees(source, data):
    class Brighter(keras.layers.Layer):
        def call(self, inputs, training=None):
            return inputs + 30.0

    model = target(augmentation=Brighter())
    matcher = kt.FeatureMatcher(model, source)
    x, _ = data
    _, found, _ = matcher.parts.run(x, None, training=True)
    expected = keras.tree.flatten(matcher.parts.source(x + 30.0))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(numpy(a), numpy(b), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_other_sizes_preprocessing_and_classes(data, rng):
    other = as_trained(net((4, 4), size=(24, 24, 3), head=7), rng)
    matcher = kt.FeatureMatcher(target(), other)
    matcher.compile("auto")
    history = matcher.fit(*data, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_the_same_classes_are_matched_on_logits_too(source, data):
    names = ["a", "b", "c"]
    source.class_names, model = names, target()
    assert all(
        p.name != "logits" for p in kt.FeatureMatcher(model, source).pairs
    )
    model = target()
    model.class_names = list(names)
    pairs = kt.FeatureMatcher(model, source).pairs
    assert pairs[-1].name == "logits" and pairs[-1].weight == 1.0


@pytest.mark.parametrize(
    "name",
    [
        name if name == "cka" else pytest.param(name, marks=pytest.mark.slow)
        for name in DISTANCES
    ],
)
def test_every_distance_trains(name, source, data):
    on_logits = not DISTANCES[name].takes_any_scale
    pairs = ["logits"] if on_logits else [(1, 1), (2, 2)]
    matcher = kt.FeatureMatcher(
        target(), source, pairs=pairs, loss=name, task_weight=0
    )
    matcher.compile(keras.optimizers.Adam(3e-3))
    history = matcher.fit(data[0], epochs=4, verbose=0).history
    values = history["matching_loss"]
    assert np.isfinite(values).all() and values[-1] < values[0]


def test_sequences_of_other_kinds(rng):
    layers = keras.layers
    x = rng.integers(2, 20, (NUM, 12))
    x[:, 9:] = 0
    y = np.arange(NUM) % 2
    x[:, ::3] = 2 + 5 * y[:, None]

    def recurrent():
        tokens = keras.Input((12,), dtype="int32")
        z = layers.Embedding(20, 8, mask_zero=True)(tokens)
        z = layers.LSTM(8, return_sequences=True)(z)
        return keras.Model(tokens, layers.LSTM(6)(z))

    def attention():
        tokens = keras.Input((12,), dtype="int32")
        z = layers.Embedding(20, 8, mask_zero=True)(tokens)
        for _ in range(2):
            z = layers.Add()([z, layers.MultiHeadAttention(2, 4)(z, z)])
            z = layers.LayerNormalization()(z)
        return keras.Model(tokens, z)

    nets = [
        kt.TransferModel(made(), 2, preprocessing=None, weights=None)
        for made in (recurrent, attention, recurrent)
    ]
    for other in nets[:2]:
        as_trained(other, rng)
    for other, model in ((nets[0], nets[1]), (nets[1], nets[2])):
        matcher = kt.FeatureMatcher(model, other, data=x)
        assert matcher.pairs and matcher.pairs[0].similarity is not None
        matcher.compile("auto")
        history = matcher.fit(x, y, epochs=2, verbose=0).history
        assert np.isfinite(history["loss"]).all()


def test_padding_does_not_count(rng):
    layers = keras.layers

    def encoder(width):
        tokens = keras.Input((6,), dtype="int32")
        z = layers.Embedding(20, width, mask_zero=True)(tokens)
        return kt.TransferModel(
            keras.Model(tokens, layers.LSTM(width, return_sequences=True)(z)),
            2, preprocessing=None, weights=None,
        )  # fmt: skip

    matcher = kt.FeatureMatcher(encoder(4), encoder(5), pairs=[(-1, -1)])
    x = rng.integers(1, 20, (3, 6))
    x[:, 4:] = 0
    matcher.parts.scale_by([x])
    _, theirs, mine = matcher.parts.run(x, None, training=False)
    mine += matcher.parts.adapted(mine, theirs)
    for features in (*theirs, *mine):
        assert not numpy(features)[:, 4:].any()
        assert numpy(features)[:, :4].any()


class TestWrong:
    @pytest.mark.slow
    def test_a_frozen_target(self, source, data):
        model = net((4, 8, 8))
        matcher = kt.FeatureMatcher(model, source)
        matcher.compile("auto")
        with pytest.warns(UserWarning, match="None of the blocks"):
            matcher.fit(*data, verbose=0)
        features = model.backbone.get_weights()
        kt.unfreeze(matcher)
        matcher.fit(*data, verbose=0)
        moved = zip(features, model.backbone.get_weights(), strict=True)
        assert any((a != b).any() for a, b in moved)

    def test_the_same_model(self, source):
        with pytest.raises(ValueError, match="share"):
            kt.FeatureMatcher(source, source)

    def test_random_weights(self):
        with pytest.warns(UserWarning, match="looks untrained"):
            kt.FeatureMatcher(target(), net((4, 8, 8), weights=None))

    def test_other_channels(self, source):
        grey = net((4, 8), size=(16, 16, 1), weights=None)
        with pytest.raises(ValueError, match="cannot be given the same"):
            kt.FeatureMatcher(grey, source)

    def test_nothing_to_pair(self, source):
        with pytest.raises(ValueError, match="nothing to match"):
            kt.FeatureMatcher(target(), source, pairs=[])

    @pytest.mark.parametrize("pairs", ["all", 3, [3], [(0, 1, 2)]])
    def test_no_pairs(self, pairs, source):
        with pytest.raises(ValueError, match="`pairs` is 'auto' or a list"):
            kt.FeatureMatcher(target(), source, pairs=pairs)

    @pytest.mark.parametrize("end", [9, "conv_77"])
    def test_no_such_features(self, end, source):
        with pytest.raises(ValueError, match=r"Its blocks: .*conv_0"):
            kt.FeatureMatcher(target(), source, pairs=[(end, 0)])

    def test_a_vector_to_a_map(self, source):
        model = net((4, 8), weights=None)
        pooled = keras.layers.GlobalAveragePooling2D()(model.backbone.output)
        vector = kt.TransferModel(
            keras.Model(model.backbone.input, pooled), 3, preprocessing=None
        )
        cut = next(c for c in kt_cuts(vector) if len(c.shape) == 2)
        matcher = kt.FeatureMatcher(vector, source, pairs=[(-1, cut.name)])
        assert matcher.pairs[0].source.shape == (12,)

    def test_logits_of_other_classes(self, source):
        with pytest.raises(ValueError, match="same classes"):
            kt.FeatureMatcher(
                net((4,), head=5, weights=None), source, pairs=["logits"],
                loss="kl",
            )  # fmt: skip

    def test_losses_for_other_pairs(self, source):
        with pytest.raises(ValueError, match="2 entries for 1 pairs"):
            kt.FeatureMatcher(
                target(), source, pairs=[(0, 0)], loss=["mse", "cosine"]
            )

    @pytest.mark.parametrize("weight", [-1, "much", float("nan"), [1, 2]])
    def test_weights(self, weight, source):
        with pytest.raises(ValueError, match="matching_weight"):
            kt.FeatureMatcher(target(), source, matching_weight=weight)

    def test_features_that_are_no_numbers(self, source, data):
        kernel = source.backbone.layers[1].kernel
        kernel.assign(numpy(kernel) * np.nan)
        matcher = kt.FeatureMatcher(target(), source)
        matcher.compile("auto")
        with pytest.raises(ValueError, match="not all numbers"):
            matcher.fit(*data, verbose=0)

    @pytest.mark.slow
    def test_a_loss_that_is_no_number_any_more(self, source, data):
        matcher = kt.FeatureMatcher(target(), source)
        matcher.compile(keras.optimizers.SGD(1e30),
                        "sparse_categorical_crossentropy")  # fmt: skip
        with pytest.raises(ValueError, match="not a number after epoch"):
            matcher.fit(*data, epochs=3, verbose=0)


def kt_cuts(model):
    from keras_transfer import graph

    return graph.cut_points(model)
