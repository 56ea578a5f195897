"""LSTM, GRU and self-attention sources: as first class as images."""

import keras
import numpy as np
import pytest

import keras_transfer as kt

layers = keras.layers


def lstm():
    inputs = keras.Input((8, 6))
    x = layers.Masking(name="masking")(inputs)
    x = layers.LSTM(10, return_sequences=True, name="first")(x)
    x = layers.LSTM(10, return_sequences=True, name="second")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(4, "softmax", name="top")(x))


def gru():
    inputs = keras.Input((8,), dtype="int32")
    x = layers.Embedding(20, 6, mask_zero=True, name="token")(inputs)
    x = layers.Bidirectional(
        layers.GRU(5, return_sequences=True), name="forth_and_back"
    )(x)
    x = layers.LSTM(7, name="summary")(x)
    return keras.Model(inputs, layers.Dense(4, "softmax", name="top")(x))


def encoder():
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    mask = keras.Input((8,), dtype="bool", name="mask")
    x = layers.Embedding(20, 8, name="embedding")(tokens)
    for index in range(2):
        attended = layers.MultiHeadAttention(2, 4, name=f"attention{index}")(
            x, x, attention_mask=mask[:, None, :]
        )
        x = layers.LayerNormalization(name=f"norm{index}a")(x + attended)
        y = layers.Dense(16, "relu", name=f"wide{index}")(x)
        y = layers.Dense(8, name=f"narrow{index}")(y)
        x = layers.LayerNormalization(name=f"norm{index}b")(x + y)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    outputs = layers.Dense(4, "softmax", name="top")(x)
    return keras.Model({"tokens": tokens, "mask": mask}, outputs)


def steps(rng):
    x = rng.normal(size=(24, 8, 6)).astype("float32")
    x[:, 5:] = 0.0
    return x


def tokens(rng):
    x = rng.integers(1, 20, (24, 8))
    x[:, 6:] = 0
    return x


def tokens_and_mask(rng):
    x = tokens(rng)
    return {"tokens": x, "mask": x > 0}


SOURCES = {
    "lstm": (lstm, steps, ["first", "second"]),
    "gru": (gru, tokens, ["token", "forth_and_back", "summary"]),
    "encoder": (encoder, tokens_and_mask, None),
}


@pytest.fixture(params=SOURCES)
def case(request, rng):
    make, data, names = SOURCES[request.param]
    return kt.TransferModel(make(), head=3), data(rng), np.arange(24) % 3, names


def test_blocks_are_layers(case):
    model, _, _, names = case
    found = [block.name for block in model.blocks]
    assert len(found) == (len(names) if names else 3)
    if names:
        assert found == names


def test_frozen_layers_stand_still_and_the_others_move(case):
    model, x, y, _ = case
    kt.set_trainable_depth(model, 1)
    model.compile("adam", "sparse_categorical_crossentropy")
    before = [np.copy(w) for w in model.backbone.get_weights()]
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    after = model.backbone.get_weights()
    trains = {id(v) for v in model.trainable_variables}
    for variable, old, new in zip(
        model.backbone.weights, before, after, strict=True
    ):
        moved = not np.array_equal(old, new)
        if id(variable) not in trains:
            assert not moved, variable.path
    assert any(
        not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
    )


def test_the_keras_file_gives_the_same(case, tmp_path):
    model, x, _, _ = case
    model.save(tmp_path / "m.keras")
    again = kt.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), again.predict(x, verbose=0)
    )


def test_the_export_gives_the_same(case, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tested on TensorFlow, which writes it for all backends")
    import tensorflow as tf

    model, x, _, _ = case
    path = kt.export_saved_model(model, tmp_path / "m", ["a", "b", "c"])
    archive = tf.saved_model.load(str(path))
    as_declared = keras.tree.map_structure(
        lambda t, a: tf.cast(a, t.dtype), model.input, x
    )
    np.testing.assert_allclose(
        archive.serve(as_declared)["scores"],
        model.predict(x, verbose=0),
        atol=1e-5,
    )


def test_masked_steps_do_not_count(rng):
    """The head pools over the steps that the mask leaves in."""
    model = kt.TransferModel(lstm(), head=3)
    x = steps(rng)
    features = model.backbone.predict(x, verbose=0)
    kernel, bias = model.head.get_weights()
    expected = features[:, :5].mean(axis=1) @ kernel + bias
    np.testing.assert_allclose(
        model.logits.predict(x, verbose=0), expected, atol=1e-5
    )


def test_weights_move_to_a_net_with_another_head():
    source = lstm()
    target = kt.TransferModel(lstm(), head=3).backbone
    report = kt.transfer_weights(source=source, target=target)
    assert report.num_copied == 2
    for name in ("first", "second"):
        for a, b in zip(
            source.get_layer(name).get_weights(),
            target.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)


def test_unbatched_token_ids_stay_whole_numbers(rng):
    model = kt.TransferModel(gru(), head=3)
    assert model.input.dtype == "int32"
    assert model.predict(tokens(rng), verbose=0).shape == (24, 3)
