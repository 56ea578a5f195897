"""`TransferModel`: assembly, compile, saving, order of samples, precision."""

import keras
import numpy as np
import pytest

import keras_transfer as kt


def bits(model):
    return [keras.ops.convert_to_numpy(v).copy() for v in model.variables]


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture
def model(tiny_cnn):
    return kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")


def test_it_is_a_functional_keras_model(model):
    assert isinstance(model, keras.Model)
    assert model.input_shape == (None, 16, 16, 3)
    assert model.input.dtype == "float32"
    assert model.output_shape == (None, 3)
    names = [block.name for block in model.blocks]
    assert len(names) == len(set(names)) == 5
    lines = []
    model.summary(print_fn=lines.append)
    assert "head" in "\n".join(lines)


def test_integers_and_floats_give_the_same(model, rng):
    x = rng.integers(0, 256, (4, 16, 16, 3), dtype="uint8")
    np.testing.assert_array_equal(
        model.predict(x, verbose=0),
        model.predict(x.astype("float32"), verbose=0),
    )


def test_preprocessing_happens_inside(tiny_cnn, rng):
    backbone = tiny_cnn()
    model = kt.TransferModel(backbone, head=3, preprocessing="tf")
    x = rng.uniform(0, 255, (4, 16, 16, 3)).astype("float32")
    expected = model.head(backbone(x / 127.5 - 1))
    np.testing.assert_allclose(
        model.predict(x, verbose=0),
        keras.ops.convert_to_numpy(expected),
        atol=1e-5,
    )


def test_augmentation_runs_in_training_only(tiny_cnn, pictures):
    class Blank(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 0

    plain = tiny_cnn()
    model = kt.TransferModel(plain, head=3, augmentation=Blank())
    x = pictures[0]
    expected = model.head(plain(x))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(x)),
        keras.ops.convert_to_numpy(expected),
    )
    blank = model.head(plain(x * 0))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(x, training=True)),
        keras.ops.convert_to_numpy(blank),
    )


def test_logits_are_the_values_before_the_softmax(model, pictures):
    logits = model.logits.predict(pictures[0], verbose=0)
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        exps / exps.sum(axis=1, keepdims=True),
        model.predict(pictures[0], verbose=0),
        atol=1e-6,
    )


def test_logits_of_a_head_without_them_is_an_error(tiny_cnn):
    head = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model = kt.TransferModel(tiny_cnn(), head=head)
    with pytest.raises(ValueError, match="no `logits"):
        _ = model.logits


COMPILED = [
    (kt.ClassificationHead(3), "sparse_categorical_crossentropy"),
    (kt.ClassificationHead(3, activation="sigmoid"), "binary_crossentropy"),
    (kt.RegressionHead(2), "mean_squared_error"),
    (
        lambda: keras.Sequential(
            [keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(3)]
        ),
        None,
    ),
]


@pytest.mark.parametrize(("head", "loss"), COMPILED)
def test_compile_auto_follows_the_head(tiny_cnn, capsys, head, loss):
    head = head() if not isinstance(head, keras.layers.Layer) else head
    head = type(head).from_config(head.get_config())
    model = kt.TransferModel(tiny_cnn(), head=head)
    if loss is None:
        with pytest.raises(ValueError, match="picks the loss from the head"):
            model.compile("auto")
        return
    model.compile("auto")
    assert model.loss == loss
    assert loss in capsys.readouterr().out


def test_compile_auto_keeps_what_is_given(model):
    model.compile("auto", loss="mse", metrics=["mae"])
    assert model.loss == "mse"


@pytest.mark.parametrize("head", [1, 0, -2, 2.5, "five", True, None])
def test_a_head_that_makes_no_sense_is_an_error(tiny_cnn, head):
    with pytest.raises(ValueError, match=r"[Rr]eceived"):
        kt.TransferModel(tiny_cnn(), head=head)


def test_an_unknown_batch_norm_policy_is_an_error(tiny_cnn):
    with pytest.raises(ValueError, match="'auto', True or False"):
        kt.TransferModel(tiny_cnn(), head=3, train_batch_norm="never")


def test_the_keras_file_gives_everything_back(model, pictures, tmp_path):
    model.class_names = ["a", "b", "c"]
    kt.set_trainable_depth(model, 2)
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy"
    )
    model.fit(*pictures, batch_size=8, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    assert type(again) is kt.TransferModel
    assert equal(bits(model), bits(again))
    assert again.class_names == ["a", "b", "c"]
    assert again.trainable_depth == 2
    assert kt.trainable_blocks(again) == kt.trainable_blocks(model)
    assert equal(
        map(keras.ops.convert_to_numpy, model.optimizer.variables),
        map(keras.ops.convert_to_numpy, again.optimizer.variables),
    )
    np.testing.assert_array_equal(
        model.predict(pictures[0], verbose=0),
        again.predict(pictures[0], verbose=0),
    )


def test_a_reloaded_model_goes_on_as_if_nothing_had_happened(
    model, pictures, tmp_path
):
    kt.set_trainable_depth(model, 2)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*pictures, batch_size=8, verbose=0)
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    for each in (model, again):
        kt.set_trainable_depth(each, 4)
        each.fit(*pictures, batch_size=8, epochs=2, initial_epoch=1, verbose=0)
    for a, b in zip(bits(model), bits(again), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_flags_set_by_hand_survive(model, tmp_path):
    model.backbone.get_layer("conv1").trainable = True
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    assert again.backbone.get_layer("conv1").trainable
    assert not again.backbone.get_layer("conv2").trainable


def test_config_and_clone_give_an_equal_architecture(model, pictures):
    again = kt.TransferModel.from_config(model.get_config())
    again.set_weights(model.get_weights())
    by_keras = keras.models.clone_model(model)
    by_keras.set_weights(model.get_weights())
    expected = model.predict(pictures[0], verbose=0)
    for each in (again, model.clone(), by_keras):
        np.testing.assert_array_equal(
            each.predict(pictures[0], verbose=0), expected
        )


def test_a_clone_shares_nothing(model, pictures):
    model.class_names = ["a", "b", "c"]
    kt.set_trainable_depth(model, 2)
    clone = model.clone()
    assert type(clone) is kt.TransferModel
    assert (clone.trainable_depth, clone.class_names) == (2, ["a", "b", "c"])
    before = bits(model)
    clone.compile("adam", "sparse_categorical_crossentropy")
    clone.fit(*pictures, verbose=0)
    assert equal(before, bits(model))
    assert not equal(before, bits(clone))


def test_two_models_on_one_architecture_do_not_mix(tiny_cnn, pictures):
    first, second = (kt.TransferModel(tiny_cnn(), head=3) for _ in range(2))
    assert [b.name for b in first.blocks] == [b.name for b in second.blocks]
    kt.set_trainable_depth(first, 5)
    assert second.trainable_depth == 0
    assert kt.trainable_blocks(second) == []
    before = bits(second)
    first.compile("adam", "sparse_categorical_crossentropy")
    first.fit(*pictures, verbose=0)
    assert equal(before, bits(second))


def test_a_transfer_model_gives_its_backbone_on(tiny_cnn):
    first = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
    second = kt.TransferModel(first, head=7)
    assert second.backbone is first.backbone
    assert second.output_shape == (None, 7)
    assert second.preprocessing.mode == "tf"


def test_the_order_of_arrays_follows_seed_and_epoch(tiny_cnn, pictures):
    def losses(seed, **arguments):
        keras.utils.set_random_seed(3)
        model = kt.TransferModel(tiny_cnn(), head=3)
        model.compile("adam", "sparse_categorical_crossentropy")
        fit = model.fit(
            *pictures, batch_size=5, epochs=2, seed=seed, verbose=0, **arguments
        )
        return fit.history["loss"]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)
    assert losses(1, shuffle=False) == losses(2, shuffle=False)


class Batches(keras.utils.PyDataset):
    """A data set of somebody's own that notes what it was asked for."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y, self.asked, self.ends = x, y, [], 0

    def __len__(self):
        return 8

    def __getitem__(self, index):
        self.asked.append(index)
        where = slice(3 * index, 3 * index + 3)
        return self.x[where], self.y[where]

    def on_epoch_end(self):
        self.ends += 1


def test_the_batches_of_a_py_dataset_follow_seed_and_epoch(model, pictures):
    model.compile("adam", "sparse_categorical_crossentropy")

    def epochs(**arguments):
        batches = Batches(*pictures)
        model.fit(batches, epochs=2, verbose=0, **arguments)
        # Keras and the check read some at first, to see their form.
        return batches.asked[-16:-8], batches.asked[-8:], batches.ends

    first, second, ends = epochs(seed=1)
    assert ends >= 2
    assert sorted(first) == sorted(second) == list(range(8))
    assert first != second
    assert epochs(seed=1)[:2] == (first, second)
    assert epochs(seed=2)[:2] != (first, second)
    assert epochs(shuffle=False)[0] == list(range(8))


SHUFFLED_BY_KERAS = {
    "several workers": (2, True, True),
    "several workers, not wanted": (2, False, False),
    "one worker": (1, True, False),
}


@pytest.mark.parametrize("case", SHUFFLED_BY_KERAS)
def test_keras_shuffles_only_data_sets_with_several_workers(
    model, pictures, monkeypatch, case
):
    workers, wanted, expected = SHUFFLED_BY_KERAS[case]
    batches = Batches(*pictures)
    batches.workers = workers
    given = {}
    monkeypatch.setattr(
        keras.Model, "fit", lambda self, *a, **options: given.update(options)
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(batches, shuffle=wanted)
    assert given["shuffle"] is expected


def test_validation_split_of_a_data_set_is_refused_as_by_keras(model, pictures):
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="validation_split"):
        model.fit(Batches(*pictures), validation_split=0.5, verbose=0)


def test_a_model_compiled_without_an_optimizer_evaluates(model, pictures):
    model.compile(None, "sparse_categorical_crossentropy")
    assert np.isfinite(model.evaluate(*pictures, verbose=0))


def test_fit_takes_what_keras_takes(model, pictures):
    x, y = pictures
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    history = model.fit(
        x,
        y,
        epochs=2,
        batch_size=8,
        validation_split=0.25,
        sample_weight=np.ones(24),
        verbose=0,
    )
    assert "val_accuracy" in history.history
    history = model.fit(
        x, y, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, verbose=0, epochs=1
    )
    assert np.isfinite(history.history["loss"][0])


def test_the_loss_with_sample_weights_is_the_one_keras_gives(
    tiny_cnn, pictures
):
    x, y = pictures
    weights = np.linspace(0.1, 2, 24)
    model = kt.TransferModel(tiny_cnn(), head=3)
    model.compile("sgd", "sparse_categorical_crossentropy")
    expected = model.evaluate(x, y, sample_weight=weights, verbose=0)
    history = model.fit(
        x, y, sample_weight=weights, batch_size=24, verbose=0
    ).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
