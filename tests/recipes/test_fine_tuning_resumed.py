"""`fine_tune` on sequences, and after it was killed."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from doubles import Interrupt
from small_nets import conv_net
from small_recipes import pictures

import keras_transfer as kt
from keras_transfer.recipes import fine_tune


def sentences(rng, number):
    """Token ids, padded with zeros; the class is which id comes up often."""
    y = np.arange(number) % 2
    x = rng.integers(2, 20, (number, 12))
    x[:, ::3] = 2 + 5 * y[:, None]
    x[:, 9:] = 0
    return x, y


def encoder(recurrent):
    layers = keras.layers
    tokens = keras.Input((12,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(tokens)
    if recurrent:
        x = layers.LSTM(8, return_sequences=True)(x)
        return keras.Model(tokens, layers.LSTM(8)(x))
    for _ in range(2):
        x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
        x = layers.LayerNormalization()(x)
    return keras.Model(tokens, layers.GlobalAveragePooling1D()(x))


@pytest.mark.parametrize(
    "recurrent", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_sequences(recurrent, rng):
    train, validation = sentences(rng, 48), sentences(rng, 32)
    keras.utils.set_random_seed(0)
    model = kt.TransferModel(encoder(recurrent), head=2, preprocessing=None)
    result = fine_tune(
        model, train, validation=validation, epochs=2, learning_rate=1e-2,
        blocks=2,
        verbose=0,
    )  # fmt: skip
    assert [s["stage"] for s in result.stages] == [
        "head", "fine-tune", "choice"
    ]  # fmt: skip
    head = next(r for r in result.history if r["stage"] == "head")
    assert result.best["val_loss"] <= head["val_loss"] + 1e-6
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )


def loss_name(row):
    return "val_loss" if "val_loss" in row else "loss"


@pytest.mark.slow
def test_a_killed_run_goes_on_and_knows_its_best_epoch(rng, tmp_path):
    def make():
        keras.utils.set_random_seed(0)
        backbone = conv_net(4, 4, padding="valid")
        return kt.TransferModel(backbone, head=3, preprocessing="tf")

    train, validation = pictures(rng, 64), pictures(rng, 32)
    # A rate at which later epochs are worse than the first.
    arguments = {"epochs": 4, "learning_rate": 0.3, "blocks": 2, "verbose": 0}
    arguments["validation"] = validation
    whole = make()
    expected = fine_tune(whole, train, **arguments)

    def checkpoint():
        return kt.TransferCheckpoint(tmp_path / "run", verbose=0)

    kill = Interrupt(2, "begin", RuntimeError("killed"))
    with pytest.raises(RuntimeError, match="killed"):
        fine_tune(make(), train, callbacks=[checkpoint(), kill], **arguments)
    resumed = make()
    found = fine_tune(resumed, train, callbacks=[checkpoint()], **arguments)

    def told(result):
        return [
            (row["stage"], row["epoch"], row[loss_name(row)])
            for row in result.history
        ]

    assert [row[:2] for row in told(found)] == [r[:2] for r in told(expected)]
    np.testing.assert_allclose(
        [row[2] for row in told(found)],
        [row[2] for row in told(expected)],
        rtol=1e-3,
    )
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
