"""resolve_backbone: models of one's own, and files of them."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from small_backbones import classifier, outputs, pixels

from keras_transfer.backbones.resolving import resolve_backbone
from keras_transfer.layers import ImageNetPreprocessing


def test_a_classifier_is_cut_and_the_cut_printed(capsys, rng):
    model = classifier()
    source = resolve_backbone(model)
    assert capsys.readouterr().out == (
        "backbone: cut 'own' at 'pool' (None, 7, 7, 4); dropped flat, scores\n"
    )
    assert source.model.output_shape == (None, 7, 7, 4)
    assert (source.name, source.preprocessing) == ("own", "none")
    assert (source.min_size, source.input_shape) == (None, (16, 16, 3))
    assert source.pretrained
    assert not resolve_backbone(model, weights=None).pretrained
    images = pixels(rng)
    expected = model.layers[1](model.layers[0](images))
    np.testing.assert_array_equal(
        outputs(source.model, images), ops.convert_to_numpy(expected)
    )
    # The layers are shared, not copied.
    assert source.model.get_layer("conv") is model.get_layer("conv")


def test_output_layer_overrides_the_cut(capsys):
    source = resolve_backbone(classifier(), output_layer="conv")
    assert source.model.output_shape == (None, 14, 14, 4)
    assert "dropped pool, flat, scores" in capsys.readouterr().out


def test_a_feature_extractor_is_taken_whole(capsys):
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 3)(inputs))
    assert resolve_backbone(model).model is model
    assert capsys.readouterr().out == ""
    single = keras.Model(inputs, layers.Conv2D(4, 16)(inputs))
    assert single.output_shape == (None, 1, 1, 4)
    assert resolve_backbone(single).model is single


def test_another_shape_makes_an_adapted_copy():
    model = classifier()
    source = resolve_backbone(model, input_shape=(20, 20, 1))
    assert source.model.input_shape == (None, 20, 20, 1)
    assert source.model.output_shape == (None, 9, 9, 4)
    kernel = model.get_layer("conv").get_weights()[0]
    np.testing.assert_allclose(
        source.model.get_layer("conv").get_weights()[0],
        kernel.sum(axis=2, keepdims=True),
        rtol=1e-5,
        atol=1e-6,
    )


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)

    def call(self, inputs):
        return self.dense(inputs)


def test_a_subclassed_model_is_one_block(capsys, rng):
    model = Subclassed(name="own")
    source = resolve_backbone(model, input_shape=(16, 16, 3))
    assert (
        "'own', a subclassed Subclassed, is one block"
        in capsys.readouterr().out
    )
    assert source.model.input_shape == (None, 16, 16, 3)
    images = pixels(rng)
    np.testing.assert_array_equal(
        outputs(source.model, images), outputs(model, images)
    )
    with pytest.raises(ValueError, match="Give `input_shape`"):
        resolve_backbone(Subclassed())
    with pytest.raises(ValueError, match="needs a model with a graph"):
        resolve_backbone(model, input_shape=(16, 16, 3), output_layer="dense")


def test_an_unbuilt_sequential_is_built():
    model = keras.Sequential([layers.Conv2D(4, 3)])
    source = resolve_backbone(model, input_shape=(8, 8, 3))
    assert source.model.output_shape == (None, 6, 6, 4)
    with pytest.raises(ValueError, match="not built"):
        resolve_backbone(keras.Sequential([layers.Conv2D(4, 3)]))


def test_dictionaries_of_inputs():
    tokens = keras.Input((None,), name="tokens", dtype="int32")
    mask = keras.Input((None,), name="mask", dtype="bool")
    x = layers.Embedding(9, 4)(tokens)
    x = layers.LSTM(3)(x, mask=mask)
    inputs = {"tokens": tokens, "mask": mask}
    source = resolve_backbone(keras.Model(inputs, x))
    assert source.input_shape == {"tokens": (None,), "mask": (None,)}
    with pytest.raises(ValueError, match="has 2 inputs"):
        resolve_backbone(source.model, input_shape=(8,))


def transfer_like(backbone, preprocessing):
    """Has the two attributes by which a TransferModel is known."""
    inputs = keras.Input(backbone.input_shape[1:])
    features = backbone(preprocessing(inputs))
    scores = layers.Dense(2)(layers.GlobalAveragePooling2D()(features))
    model = keras.Model(inputs, scores)
    model.backbone, model.preprocessing = backbone, preprocessing
    return model


def test_a_transfer_model_gives_its_own_backbone(capsys):
    backbone = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3)])
    preprocessing = ImageNetPreprocessing("tf")
    source = resolve_backbone(transfer_like(backbone, preprocessing))
    assert source.preprocessing is preprocessing
    assert source.model.layers[-1] is backbone.layers[-1]
    assert capsys.readouterr().out == ""


def test_a_model_file_is_loaded_and_cut(tmp_path, capsys, rng):
    model = classifier()
    model.compile("sgd", "mse")
    for path in (tmp_path / "own.keras", str(tmp_path / "own.keras")):
        model.save(path)
        source = resolve_backbone(path)
        assert "cut 'own' at 'pool'" in capsys.readouterr().out
        images = pixels(rng)
        np.testing.assert_array_equal(
            outputs(source.model, images),
            outputs(resolve_backbone(model).model, images),
        )


def test_model_files_that_cannot_be_loaded(tmp_path):
    missing = tmp_path / "missing.keras"
    with pytest.raises(FileNotFoundError, match=r"missing\.keras"):
        resolve_backbone(missing)
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(b"not an archive")
    with pytest.raises(
        ValueError, match=r"damaged\.keras.*not a .keras archive"
    ):
        resolve_backbone(str(damaged))
    with pytest.raises(ValueError, match="Received the folder"):
        resolve_backbone(tmp_path)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    model.save(tmp_path / "cut.keras")
    whole = (tmp_path / "cut.keras").read_bytes()
    damaged.write_bytes(whole.replace(b"config.json", b"canfig.json"))
    with pytest.raises(ValueError, match=r"damaged\.keras.*cannot be read"):
        resolve_backbone(damaged)


def test_what_is_no_backbone():
    with pytest.raises(ValueError, match="Received: 3 of type int"):
        resolve_backbone(3)


def test_the_printed_cut_names_layers_of_the_model_only(capsys):
    start = keras.Input((8, 6))
    x = layers.Masking(name="masking")(start)
    x = layers.LSTM(4, return_sequences=True, name="first")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    masked = keras.Model(start, layers.Dense(4, "softmax", name="top")(x))
    resolve_backbone(masked)
    assert "dropped pool, top\n" in capsys.readouterr().out
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="one")(start)
    model = keras.Model(start, layers.Conv2D(4, 3, name="two")(x))
    resolve_backbone(model, output_layer="two")
    assert "dropped" not in capsys.readouterr().out
