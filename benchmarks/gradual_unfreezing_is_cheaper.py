"""With the feature cache, gradual unfreezing costs less, to the same digits.

    python benchmarks/gradual_unfreezing_is_cheaper.py PHOTOS

MobileNetV2 at 224 px, all photos of `PHOTOS/train` as uint8 arrays, batch 32:
4 epochs of the head, then a block more every 2 epochs up to a third of the
network. Both sides are `TransferModel.fit` with that schedule, one with
`feature_cache="memory"`. Goal: at least 2.5 times faster, all losses equal; how
far uncached runs differ from each other is printed as the control.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from frozen_backbone_runs_once import SIZE, compiled, photos
from paired import line, machine, paired

import keras_transfer as kt


def trained(x, y, weights, feature_cache):
    keras.utils.set_random_seed(0)
    model = kt.TransferModel(
        "MobileNetV2",
        head=int(y.max()) + 1,
        input_shape=(SIZE, SIZE, 3),
        weights=weights,
    )
    kt.freeze(model)
    third = len(model.blocks) // 3
    schedule = kt.GradualUnfreezing(4, 2, max_blocks=third)
    history = compiled(model).fit(
        x,
        y,
        epochs=4 + 2 * third,
        verbose=0,
        feature_cache=feature_cache,
        callbacks=[kt.FreezingScheduler(schedule)],
    )
    return history.history["loss"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--limit", type=int, help="fewer photos, for a try")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    x, y = photos(arguments.photos, arguments.limit)
    print(
        f"{keras.backend.backend()}, Keras {keras.__version__}, {machine()}, "
        f"{len(x)} photos"
    )
    losses = {"memory": set(), None: set()}

    def side(feature_cache):
        loss = trained(x, y, arguments.weights, feature_cache)
        losses[feature_cache].add(tuple(loss))

    result = paired(
        lambda: side("memory"),
        lambda: side(None),
        pairs=arguments.pairs,
        warm_up=0,
    )
    print(line("gradual unfreezing", result))
    print(f"{1 / result['ratio']:.2f} times faster than uncached")
    for cache, runs in losses.items():
        kind = "cached" if cache else "uncached"
        print(f"{len(runs)} different among {arguments.pairs} {kind} runs")
    everything = np.array([*losses["memory"], *losses[None]])
    spread = np.ptp(everything, axis=0) / everything.mean(axis=0)
    print(f"largest relative difference of a loss: {spread.max():.1e}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
