"""A self-attention encoder that knows the digits 0 to 4 learns 5 to 9.

    python examples/self_attention_source.py [--seeds 1] [--shots 5 20]

Expected, accuracy on the digits not seen (mean ± standard deviation of
`--seeds 5`; one seed by default):

    labels a class  transfer       from scratch
                 5  0.870 ± 0.029  0.791 ± 0.088
                20  0.949 ± 0.018  0.935 ± 0.023

With every side's learning rate picked on validation the net from scratch is
level with it (`docs/sequences.md`).

Each side trains the same net with the same samples, steps and learning rate,
as in `lstm_source.py`; `benchmarks/sequences_transfer.py` measures it with
more seeds and with every side's learning rate picked on validation.
"""

import keras
from lstm_source import main

layers = keras.layers


@keras.saving.register_keras_serializable(package="examples")
class PositionEmbedding(layers.Layer):
    """Adds a learnt vector to every step, so that their order counts."""

    def build(self, input_shape):
        self.table = self.add_weight(
            shape=input_shape[1:],
            initializer=keras.initializers.RandomNormal(stddev=0.1),
            name="table",
        )

    def call(self, inputs):
        return inputs + self.table


def encoder_block(x, index, units=32, heads=4, dropout=0.2):
    """Attention and a dense part, each added and normalised."""
    attended = layers.MultiHeadAttention(
        heads, units // heads, name=f"attention{index}"
    )(x, x)
    attended = layers.Dropout(dropout, name=f"drop{index}a")(attended)
    x = layers.LayerNormalization(name=f"norm{index}a")(x + attended)
    dense = layers.Dense(2 * units, "relu", name=f"wide{index}")(x)
    dense = layers.Dense(units, name=f"narrow{index}")(dense)
    dense = layers.Dropout(dropout, name=f"drop{index}b")(dense)
    return layers.LayerNormalization(name=f"norm{index}b")(x + dense)


def source_model():
    """Two encoder blocks under a classifier, 17 797 weights."""
    inputs = keras.Input((8, 8), name="rows")
    x = layers.Dense(32, name="embedding")(inputs)
    x = PositionEmbedding(name="position")(x)
    for index in range(2):
        x = encoder_block(x, index)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    outputs = layers.Dense(5, activation="softmax", name="classes")(x)
    return keras.Model(inputs, outputs, name="encoder")


if __name__ == "__main__":
    main(source_model, __doc__)
