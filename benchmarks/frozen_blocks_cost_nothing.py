"""A training step costs what it costs in plain Keras with the same flags.

    KERAS_BACKEND=tensorflow python benchmarks/frozen_blocks_cost_nothing.py

MobileNetV2 at 96 px, batch 16, Adam, random weights (they do not change the
time). Both sides are the same layers with the same `trainable` flags, one as
a `TransferModel`, one as a plain functional model that was frozen before it
was compiled. The goal is an upper end of the 95 % interval of at most 1.05.
"""

import argparse
import json

import keras
import numpy as np
from paired import line, machine, paired

import keras_transfer as kt

SHAPE = (96, 96, 3)
STAGES = {"frozen": 0.0, "top third": 1 / 3, "all": 1.0}


def ours(share):
    model = kt.TransferModel(
        "MobileNetV2", head=5, input_shape=SHAPE, weights=None
    )
    depth = round(share * len(model.blocks))
    kt.set_trainable_depth(model, depth, train_batch_norm=False)
    model.compile(
        keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy"
    )
    return model


def theirs(flags):
    """The same network, written by hand, with the flags of ours."""
    backbone = keras.applications.MobileNetV2(
        input_shape=SHAPE, include_top=False, weights=None
    )
    for layer, flag in zip(backbone.layers, flags, strict=True):
        layer.trainable = flag
    inputs = keras.Input(SHAPE)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(backbone(x))
    outputs = keras.layers.Dense(5, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy"
    )
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (16, *SHAPE)).astype("float32")
    y = rng.integers(0, 5, 16)
    print(f"{keras.backend.backend()}, Keras {keras.__version__}, {machine()}")
    results = {}
    for name, share in STAGES.items():
        mine = ours(share)
        flags = [layer.trainable for layer in mine.backbone.layers]
        plain = theirs(flags)
        assert_same_work(mine, plain)
        results[name] = paired(
            lambda m=mine: m.train_on_batch(x, y),
            lambda m=plain: m.train_on_batch(x, y),
            pairs=arguments.pairs,
        )
        print(line(name, results[name]), flush=True)
    if arguments.json:
        print(json.dumps(results))


def assert_same_work(mine, plain):
    counts = [
        sum(int(np.prod(v.shape)) for v in model.trainable_variables)
        for model in (mine, plain)
    ]
    if counts[0] != counts[1]:
        raise RuntimeError(f"the two sides train different variables: {counts}")


if __name__ == "__main__":
    main()
