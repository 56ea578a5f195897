"""Whether a photo's activations depend on its place in the batch.

    python benchmarks/place_in_the_batch.py PHOTOS

MobileNetV2 at 224 px with ImageNet weights, 32 photos of `PHOTOS/train`: the
frozen part's output below the last block, for batches in another order and for
a batch of 8, against the same photos in the first batch. Prints the largest
differences. Where they are not 0, no cache of activations can give the bits of
an uncached training.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from frozen_backbone_runs_once import SIZE, photos
from paired import machine

import keras_transfer as kt
from keras_transfer import feature_cache
from keras_transfer.data.sampling import epoch_order


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    x, _ = photos(parser.parse_args().photos, 32)
    print(f"{keras.backend.backend()}, Keras {keras.__version__}, {machine()}")
    model = kt.TransferModel("MobileNetV2", 5, input_shape=(SIZE, SIZE, 3))
    run = feature_cache.boundary_at(model, 1).prefix.predict_on_batch
    whole = run(x)
    for epoch in range(4):
        order = epoch_order(0, epoch, len(x))
        difference = np.abs(run(x[order]) - whole[order]).max()
        print(f"another order: {difference:.1e}")
    print(f"a batch of 8: {np.abs(run(x[:8]) - whole[:8]).max():.1e}")


if __name__ == "__main__":
    main()
