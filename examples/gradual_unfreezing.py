"""Unfreezing block after block inside one `fit`, each block at its own rate.

    python examples/gradual_unfreezing.py [--seeds 3]

Takes about 40 s and needs no download. A small network that has learnt the
digits 0 to 4 is fine-tuned on 5 to 9 with 10 labels a class: the head alone for
5 epochs, then a block more every 5. `FreezeAudit` proves that what is frozen
stands still, `TransferCheckpoint` lets a killed run go on where it was, and
`feature_cache="memory"` runs the frozen part once, with the same numbers.
Beside it, everything at once: for so small a network it does as well. Mean and
standard deviation of 3 seeds:

    all at once  0.667 +- 0.010
    gradual      0.642 +- 0.034
"""

import argparse

import keras
import numpy as np
from digits import SHOTS, source_model, train

import keras_transfer as kt
from keras_transfer.cli.demo.digits import digits, few

EPOCHS = 20
WAYS = {
    "all at once": kt.FullFineTuning(),
    "gradual": kt.GradualUnfreezing(start_epoch=5, epochs_per_block=5),
}


def fine_tune(schedule, labelled, test_data, seed):
    """One `fit`; returns the test accuracy and the blocks by epoch."""
    keras.utils.set_random_seed(seed)
    head = kt.ClassificationHead(5, pooling="max")
    model = kt.TransferModel("source.keras", head)
    optimizer = keras.optimizers.AdamW(3e-3)
    model.compile(
        kt.LayerwiseOptimizer(optimizer, decay=0.7),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        *labelled,
        batch_size=16,
        epochs=EPOCHS,
        verbose=0,
        feature_cache="memory",
        callbacks=[
            kt.FreezingScheduler(schedule),
            kt.FreezeAudit(),
            kt.TransferCheckpoint(f"checkpoints-{seed}"),
        ],
    )
    accuracy = model.evaluate(*test_data, verbose=0)[1]
    return accuracy, history.history["trainable_blocks"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    old, new = digits(range(5), copies=10), digits(range(5, 10))
    keras.utils.set_random_seed(0)
    source = source_model()
    train(source, old["train"], old["test"], 1e-3, epochs=4)
    source.save("source.keras")
    for way, schedule in WAYS.items():
        results = [
            fine_tune(
                schedule, few(new["train"], SHOTS, seed), new["test"], seed
            )
            for seed in seeds
        ]
        accuracies = [accuracy for accuracy, _ in results]
        spread = np.std(accuracies, ddof=1) if len(accuracies) > 1 else 0.0
        print(f"{way:12s} {np.mean(accuracies):.3f} +- {spread:.3f}")
        print(f"{'':12s} blocks that trained, by epoch: {results[0][1]}")


if __name__ == "__main__":
    main()
