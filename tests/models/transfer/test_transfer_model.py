"""`TransferModel`: assembly, heads, what `compile` makes of them."""

import keras
import numpy as np
import pytest
from small_nets import conv_net

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.dataset import Dataset
from keras_transfer.recipes import run_folder


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


def test_get_layer_says_where_layers_and_blocks_are(tiny_cnn):
    model = kt.TransferModel(tiny_cnn(), head=3, output_layer="add3")
    assert model.get_layer("head") is model.head
    assert model.get_layer(index=-1) is model.head
    with pytest.raises(ValueError, match=r"backbone\.get_layer\('conv2'\)"):
        model.get_layer("conv2")
    with pytest.raises(ValueError, match=r"near in name: \[.*'stem_norm'"):
        model.get_layer("stem_nor")
    with pytest.raises(ValueError, match="layer at index 99"):
        model.get_layer(index=99)


def test_get_layer_tells_a_block_from_a_layer():
    net = conv_net(4, 4, batch_norm=True, named=False)
    model = kt.TransferModel(net, head=3, output_layer=net.layers[-1].name)
    block = model.blocks[1]
    assert block.name not in [layer.name for layer in net.layers]
    with pytest.raises(
        ValueError, match=r"is a block: model\.blocks\[1\].*model\.backbone"
    ):
        model.get_layer(block.name)


def test_class_names_have_one_spelling_wherever_they_come_from(
    model, rng, tmp_path
):
    decomposed, composed = "cafe\u0301", "caf\u00e9"
    data = ArrayBatches(
        rng.uniform(0, 255, (4, 16, 16, 3)).astype("float32"),
        np.array([0, 1, 2, 0]),
    )
    data.class_names = [decomposed, "b", "c"]
    model.compile("auto")
    model.fit(data, verbose=0)
    assert model.class_names == [composed, "b", "c"]
    model.save(tmp_path / "model.keras")
    again = kt.load_model(tmp_path / "model.keras")
    assert again.class_names == [composed, "b", "c"]
    run_folder.check_names(
        again, Dataset(data, class_names=[composed, "b", "c"])
    )
    with pytest.raises(ValueError, match="other classes"):
        run_folder.check_names(again, Dataset(data, class_names=["b", "c"]))
    with pytest.raises(ValueError, match="control character"):
        model.class_names = ["a\nb", "b", "c"]
    assert model.class_names == [composed, "b", "c"]
