"""What `FeatureMatcher.fit` takes, and how it goes on after a file."""

import keras
import numpy as np
import pytest
from doubles import Interrupt
from small_matching import NUM, SIZE, as_trained, net, numpy, target

import keras_transfer as kt


@pytest.mark.slow
def test_a_saved_matcher_goes_on(source, data, tmp_path):
    matcher = kt.FeatureMatcher(
        source=source, target=target(), loss="cosine", soft_targets=True
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
    matcher = kt.FeatureMatcher(source=source, target=target(), task_weight=0)
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
    matcher = kt.FeatureMatcher(source=source, target=target())
    matcher.compile("auto")
    with pytest.raises(ValueError, match="task_weight=1"):
        matcher.fit(data[0], verbose=0)
    matcher.task_weight = 0.0
    later = kt.MatchingWeightScheduler(lambda epoch: {"task_weight": 1.0})
    with pytest.raises(ValueError, match="have no labels"):
        matcher.fit(data[0], callbacks=[later], verbose=0)


@pytest.mark.slow
def test_sample_weights_reach_every_part(source, data):
    x, y = data
    weights = np.zeros(NUM, "float32")
    weights[:8] = 2.0
    matcher = kt.FeatureMatcher(source=source, target=target())
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
    matcher = kt.FeatureMatcher(source=source, target=target(), loss="cka")
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
    matcher = kt.FeatureMatcher(source=theirs, target=mine)
    matcher.compile("auto")
    logs = matcher.evaluate(*data, verbose=0, return_dict=True)
    kernel = numpy(mine.backbone.layers[1].kernel)
    expected = logs["task_loss"] + logs["matching_loss"]
    assert logs["loss"] == pytest.approx(
        expected + 0.1 * (kernel**2).sum(), rel=1e-4
    )


@pytest.mark.slow
def test_the_parts_of_a_training_work_on_it(source, data, tmp_path):
    matcher = kt.FeatureMatcher(source=source, target=target())
    matcher.compile(
        kt.LayerwiseOptimizer(keras.optimizers.Adam(1e-2), decay=0.5),
        "sparse_categorical_crossentropy",
        regularizer=kt.L2SP(0.1, 0.1),
    )
    assert matcher.trainable_depth == 3
    history = matcher.fit(
        *data, batch_size=NUM // 2, epochs=3, verbose=0,
        callbacks=[
            kt.FreezingScheduler(kt.GradualUnfreezing(1, 1)),
            kt.TransferCheckpoint(tmp_path / "run"),
        ],
    ).history  # fmt: skip
    assert history["trainable_blocks"] == [0, 1, 2]
    # The head is pulled to zero from the first step on.
    assert all(value > 0 for value in history["l2sp"])
    for epoch in range(3):
        parts = ("task_loss", "matching_loss", "l2sp")
        assert history["loss"][epoch] == pytest.approx(
            sum(history[name][epoch] for name in parts), rel=1e-4
        )
    assert matcher.target.trainable_depth == 2


@pytest.mark.slow
def test_a_killed_matching_goes_on(source, data, tmp_path):
    def matcher():
        made = kt.FeatureMatcher(source=source, target=target())
        made.compile("auto")
        return made

    kill = Interrupt(2, "begin", RuntimeError("killed"))
    whole = matcher()
    expected = whole.fit(*data, epochs=4, verbose=0).history
    checkpoint = kt.TransferCheckpoint(tmp_path / "run", verbose=0)
    with pytest.raises(RuntimeError, match="killed"):
        matcher().fit(*data, epochs=4, verbose=0, callbacks=[checkpoint, kill])
    checkpoint = kt.TransferCheckpoint(tmp_path / "run", verbose=0)
    found = matcher().fit(*data, epochs=4, verbose=0, callbacks=[checkpoint])
    for name, values in expected.items():
        assert found.history[name] == pytest.approx(values, rel=1e-4)


@pytest.mark.slow
def test_other_sizes_preprocessing_and_classes(data, rng):
    other = as_trained(net(4, 4, size=(24, 24, 3), head=7), rng)
    matcher = kt.FeatureMatcher(source=other, target=target())
    matcher.compile("auto")
    history = matcher.fit(*data, epochs=1, verbose=0).history
    assert matcher.output_shape == (None, 3)
    assert history["matching_loss"][0] > 0
    assert history["loss"][0] == pytest.approx(
        history["task_loss"][0] + history["matching_loss"][0], rel=1e-5
    )


def test_the_same_classes_are_matched_on_logits_too(source, data):
    names = ["a", "b", "c"]
    source.class_names, model = names, target()
    assert all(
        p.name != "logits"
        for p in kt.FeatureMatcher(source=source, target=model).pairs
    )
    model = target()
    model.class_names = list(names)
    pairs = kt.FeatureMatcher(source=source, target=model).pairs
    assert pairs[-1].name == "logits" and pairs[-1].weight == 1.0
