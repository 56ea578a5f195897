"""`rank_backbones` of five sources against the five bare feature passes.

    python benchmarks/ranking_takes_one_pass.py PHOTOS --weights KERAS_MODELS \
        --models FILE.keras ... [--size 128] [--pairs 3] [--no-drop]

The photos of `PHOTOS/train`, decoded, in memory. One side is `rank_backbones`
of MobileNetV2, MobileNets of widths 1, 0.5 and 0.25 (ImageNet weights from the
folder `KERAS_MODELS`) and the models in the files, the first five of these.
The other is what nobody can leave out: `predict` of each frozen backbone with
its mean over positions, built anew as the ranking builds it. Both sides
alternate in one process, after one of each that is not counted; CPU seconds
are counted too. `--no-drop` has every candidate run over all photos. Prints
seconds, the ratio (goal: at most 1.15), and the ranking.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from gradual_unfreezing import photos
from paired import line, machine, paired
from source_zoo import mobilenet, mobilenet_v2

import keras_transfer as kt
from keras_transfer.recipes.assessment import race


def sources(given):
    """The five candidates by name, all with real weights."""
    shape = (given.size, given.size, 3)
    found = {path.stem: path for path in given.models}
    found["MobileNetV2"] = mobilenet_v2(shape, given.weights)
    for alpha in (1.0, 0.5, 0.25):
        found[f"MobileNet {alpha}"] = mobilenet(shape, alpha, given.weights)
    return dict(list(found.items())[:5])


def passes(candidates, x):
    """The bare passes: build, predict, let go."""
    for source in candidates.values():
        model = kt.TransferModel(source, head=2, input_shape=x.shape[1:])
        pooled = keras.layers.GlobalAveragePooling2D()(model.features)
        keras.Model(model.input, pooled).predict(x, verbose=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("--models", nargs="*", type=Path, default=[])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--no-drop", action="store_true")
    given = parser.parse_args()
    if given.no_drop:
        race.dropped = lambda *arguments: []
    (x, y), _ = photos(given.photos, given.size)
    x = np.asarray(x)
    candidates, found, cpu = sources(given), [], {"ours": [], "theirs": []}

    def rank():
        started = time.process_time()
        found.append(kt.rank_backbones(candidates, (x, y), verbose=0))
        cpu["ours"].append(time.process_time() - started)

    def bare():
        started = time.process_time()
        passes(candidates, x)
        cpu["theirs"].append(time.process_time() - started)

    result = paired(rank, bare, pairs=given.pairs, warm_up=1)
    print(found[-1])
    print(line(f"{len(candidates)} sources, {len(x)} photos", result))
    ours, theirs = (np.median(cpu[side][1:]) for side in ("ours", "theirs"))
    print(
        f"CPU seconds, which other processes disturb less: {ours:.1f} and "
        f"{theirs:.1f}, ratio {ours / theirs:.3f}"
    )
    print(f"{machine()}, {keras.backend.backend()}, Keras {keras.__version__}")


if __name__ == "__main__":
    main()
