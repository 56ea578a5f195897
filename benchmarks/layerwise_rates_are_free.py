"""Layer-wise rates cost nothing, nor does a schedule that changes the flags.

    KERAS_BACKEND=tensorflow python benchmarks/layerwise_rates_are_free.py

MobileNetV2 at 96 px, batch 16, random weights (they do not change the time).

- `rates`: a step with `LayerwiseOptimizer(AdamW, decay=0.8)`, everything
  training, against the same model with AdamW. Goal: upper end of the 95 %
  interval at most 1.05 on TensorFlow and JAX, 1.10 on torch.
- `stage ...`: one model whose depth was changed from stage to stage without
  compiling again, against a plain functional model that was frozen by hand
  and then compiled, both with Adam. Goal: at most 1.05.
"""

import argparse
import json

import keras
import numpy as np
from frozen_blocks_cost_nothing import SHAPE, assert_same_work, theirs
from paired import line, machine, paired

import keras_transfer as kt

STAGES = {"head": 0.0, "top third": 1 / 3, "all": 1.0, "third again": 1 / 3}


def ours(optimizer):
    model = kt.TransferModel(
        "MobileNetV2", head=5, input_shape=SHAPE, weights=None
    )
    kt.set_trainable_depth(model, len(model.blocks), train_batch_norm=False)
    model.compile(optimizer, "sparse_categorical_crossentropy")
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

    def compare(name, mine, other):
        assert_same_work(mine, other)
        results[name] = paired(
            lambda: mine.train_on_batch(x, y),
            lambda: other.train_on_batch(x, y),
            pairs=arguments.pairs,
        )
        print(line(name, results[name]), flush=True)

    adamw = keras.optimizers.AdamW
    layerwise = kt.LayerwiseOptimizer(adamw(1e-3), decay=0.8)
    compare("rates", ours(layerwise), ours(adamw(1e-3)))
    model = ours(keras.optimizers.Adam(1e-3))
    for name, share in STAGES.items():
        kt.set_trainable_depth(model, round(share * len(model.blocks)))
        flags = [layer.trainable for layer in model.backbone.layers]
        compare(f"stage {name}", model, theirs(flags))
    if arguments.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
