"""`FeatureMatcher` on sequences: recurrent nets, attention, padding."""

import keras
import numpy as np
import pytest
from small_matching import NUM, as_trained, numpy

import keras_transfer as kt


@pytest.mark.slow
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
        matcher = kt.FeatureMatcher(source=other, target=model, data=x)
        assert matcher.pairs and matcher.pairs[0].similarity is not None
        matcher.compile("auto")
        matcher.optimizer.learning_rate = 0.01
        history = matcher.fit(x, y, epochs=12, verbose=0).history
        assert history["matching_loss"][-1] < history["matching_loss"][0]
        assert history["task_loss"][-1] < history["task_loss"][0]


def test_padding_does_not_count(rng):
    layers = keras.layers

    def encoder(width):
        tokens = keras.Input((6,), dtype="int32")
        z = layers.Embedding(20, width, mask_zero=True)(tokens)
        return kt.TransferModel(
            keras.Model(tokens, layers.LSTM(width, return_sequences=True)(z)),
            2, preprocessing=None, weights=None,
        )  # fmt: skip

    matcher = kt.FeatureMatcher(
        source=encoder(5), target=encoder(4), pairs=[(-1, -1)]
    )
    x = rng.integers(1, 20, (3, 6))
    x[:, 4:] = 0
    matcher._parts.scale_by([x])
    _, theirs, mine = matcher._parts.run(x, None, training=False)
    mine += matcher._parts.adapted(mine, theirs)
    for features in (*theirs, *mine):
        assert not numpy(features)[:, 4:].any()
        assert numpy(features)[:, :4].any()
