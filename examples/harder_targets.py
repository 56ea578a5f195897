"""Digits 5 to 9 with few labels, a rare class, and in another style.

    python examples/harder_targets.py

Takes about a minute and needs no download. A source model that was trained on
the digits 0 to 4 is fine-tuned with every effort, with its head on the last
level and on several; one class is made rare; and the trained model is set to
digits with the colours of a negative, without their labels.
"""

import keras
import numpy as np
from digits import source_model, train

import keras_transfer as kt
from keras_transfer.cli.demo.digits import digits, few

SHOTS = 10


def target(levels="last"):
    """A model for five new digits, always with the same first weights."""
    keras.utils.set_random_seed(0)
    return kt.TransferModel("source.keras", head=5, levels=levels)


def accuracy(model, x, y):
    return float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())


def with_effort(labelled, test):
    print(f"\nTest accuracy with {SHOTS} labels a class:")
    for levels in ("last", 3):
        for effort in ("quick", "normal", "best"):
            model = target(levels)
            kt.fine_tune(model, labelled, effort=effort, verbose=0)
            found = accuracy(model, *test)
            print(f"  levels={levels!r:7} effort={effort!r:9} {found:.3f}")


def with_a_rare_class(training, test):
    x, y = training
    rare = np.flatnonzero(y == 0)[:4]
    rows = np.concatenate([rare, np.flatnonzero(y)])
    print(f"\n{len(rare)} samples of one class, {len(rows)} in all:")
    for weights in (None, "balanced"):
        model = target()
        kt.fine_tune(
            model, (x[rows], y[rows]), validation=test, class_weight=weights,
            effort="quick", verbose=0,
        )  # fmt: skip
        of_rare = test[1] == 0
        recall = accuracy(model, test[0][of_rare], test[1][of_rare])
        print(
            f"  class_weight={weights!r:10} recall of it {recall:.3f}, "
            f"accuracy {accuracy(model, *test):.3f}"
        )


def in_another_style(training, test):
    x, y = test
    half = len(x) // 2
    negative = 255 - x
    model = target(levels=3)
    kt.fine_tune(model, training, effort="quick", verbose=0)
    found = kt.adapt(model, negative[:half], validation=test, verbose=0)
    print("\nAnother style, no label of it:")
    for name, each in (("as trained", model), ("adapted", found.model)):
        reached = accuracy(each, negative[half:], y[half:])
        print(f"  {name:10} {reached:.3f}")
    for sentence in found.warnings:
        print(f"  Note: {sentence}")


def main():
    old, new = digits(range(5), copies=10), digits(range(5, 10))
    keras.utils.set_random_seed(0)
    source = source_model()
    train(source, old["train"], old["test"], 1e-3, epochs=4)
    source.save("source.keras")
    with_effort(few(new["train"], SHOTS, 0), new["test"])
    with_a_rare_class(new["train"], new["test"])
    in_another_style(new["train"], new["test"])


if __name__ == "__main__":
    main()
