"""All four stages of a transfer on digits, and the three limits of stage 2.

    python examples/four_stages.py [--seed 0]

Takes about a minute of one core and needs no download. The digits lie turned
and anywhere on a field of 16x16 pixels. A VGG-like net learns 0 to 4 (stage 1).
It is assessed as a source for 5 to 9, of which 40 a class are labelled (stage
2): which source, how many labels, how similar. A ResNet-like net, which cannot
take its weights, learns its features from 448 images without labels (stage 3).
Both are trained on the labels (stage 4). In the end: what was forgotten, what
new images will give, and what is no 5 to 9 at all. Pictures go to
`four_stages/`.

Expected accuracy on new images of 5 to 9, mean and standard deviation of seeds
0 to 2:

    VGG-like, pre-trained, fine_tune   0.784 +- 0.032
    VGG-like, pre-trained, plain fit   0.836 +- 0.003
    ResNet-like, matched               0.758 +- 0.028
    ResNet-like, from scratch          0.623 +- 0.014

The source on wrong labels is worse than random weights in all three, and the
error with twice the labels lies inside its interval in two. Plain fit of all
blocks leaves the source's own head 0.52 to 0.85 of the digits 0 to 4, after
0.92 to 0.97; a new head reads 0.92 to 0.96 from its features: they have moved,
and little is forgotten. On this small net plain fit at ten times the rate is
ahead of `fine_tune`, whose rate is for large pre-trained ones.
"""

import argparse
import time

import keras
import numpy as np

import keras_transfer as kt
from keras_transfer.cli.demo.digits import digits, few

SHOTS, FOLDER = 40, "four_stages"
layers = keras.layers


def vgg_like():
    """Three stages of two convolutions, as VGG16 has five."""
    steps = [keras.Input((16, 16, 1)), layers.Rescaling(1 / 255)]
    for stage, width in enumerate((16, 32, 64)):
        for number in range(2):
            steps.append(
                layers.Conv2D(
                    width, 3, padding="same", activation="relu",
                    name=f"stage{stage}_conv{number}",
                )
            )  # fmt: skip
        if stage < 2:
            steps.append(layers.MaxPooling2D())
    steps += [
        layers.GlobalMaxPooling2D(),
        layers.Dense(5, activation="softmax", name="classes"),
    ]
    return keras.Sequential(steps, name="vgg_like")


def resnet_like():
    """Three residual stages with batch norm, as ResNet50 has four."""
    inputs = keras.Input((16, 16, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    for stage, width in enumerate((12, 24, 48)):
        strides = 1 if stage == 0 else 2
        options = {"padding": "same", "use_bias": False}
        y = layers.Conv2D(width, 3, strides=strides, **options)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.Conv2D(width, 3, **options)(y)
        y = layers.BatchNormalization()(y)
        x = layers.Conv2D(width, 1, strides=strides, **options)(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    return keras.Model(inputs, x, name="resnet_like")


def trained(model, data, epochs, rate=1e-3, callbacks=None):
    """Plain Keras."""
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        *data, batch_size=32, epochs=epochs, callbacks=callbacks, verbose=0
    )
    return model


def accuracy(model, data):
    return model.evaluate(*data, verbose=0, return_dict=True)["accuracy"]


def for_new(backbone, **options):
    """A model of 5 to 9."""
    head = kt.ClassificationHead(5, pooling="max")
    return kt.TransferModel(backbone, head, **options)


def divided(new, seed):
    """Returns 40 labelled a class, a validation part, and images of both."""
    x, y = new["train"]
    labelled = few((x[150:], y[150:]), SHOTS, seed)
    return labelled, (x[:150], y[:150]), x[150:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed, started = parser.parse_args().seed, time.perf_counter()
    keras.utils.set_random_seed(seed)
    old, new = digits(range(5), copies=6), digits(range(5, 10))
    labelled, validation, images = divided(new, seed)

    print("Stage 1, a source")
    source = trained(vgg_like(), old["train"], epochs=5)
    print(f"  0 to 4: {accuracy(source, old['test']):.3f} of new images")

    print("Stage 2, will it transfer?")
    found = which_source(source, old, labelled, new)
    how_many(found, source, new)
    how_similar(found)
    found.save(FOLDER)

    print("Stage 3, its features for another architecture")
    target = for_new(resnet_like(), weights=None)
    matcher = kt.FeatureMatcher(source=source, target=target, task_weight=0)
    matcher.compile(keras.optimizers.Adam(3e-3))
    matcher.fit(
        images, epochs=15, feature_cache="memory", verbose=0,
        callbacks=[kt.PreciseBatchNorm(images)],
    )  # fmt: skip
    print(matcher.pairs)
    target._mark_pretrained()

    print("Stage 4, the labels: accuracy on new images of 5 to 9")
    before = for_new(source)
    model = before.clone()
    for name, each in {
        "VGG-like, pre-trained": model,
        "ResNet-like, matched": target,
    }.items():
        kt.fine_tune(each, labelled, seed=seed, verbose=0)
        print(f"  {name:24s} {accuracy(each, new['test']):.3f}")
    scratch = for_new(resnet_like(), weights=None)
    statistics = [kt.PreciseBatchNorm(labelled[0])]
    trained(scratch, labelled, 40, rate=3e-3, callbacks=statistics)
    print(f"  ResNet-like, scratch     {accuracy(scratch, new['test']):.3f}")
    tuned = before.clone()
    kt.set_trainable_depth(tuned, len(tuned.blocks))
    trained(tuned, labelled, 20)
    print(f"  VGG-like, plain fit      {accuracy(tuned, new['test']):.3f}")

    print("Afterwards: what plain fit has changed and forgotten")
    maps = keras.Input(before.backbone.output_shape[1:])
    head = keras.Sequential([maps, *source.layers[-2:]])
    kept = kt.source_retention(
        before=before,
        after=tuned,
        source_data=old["test"],
        source_head=head,
        verbose=0,
    )
    kept.plot(f"{FOLDER}/forgotten.png")
    print(kept)
    in_use(model, labelled, validation, old, new)
    print(f"  ({time.perf_counter() - started:.0f} s)")


def which_source(source, old, labelled, new):
    """Limit 1: the probe ranks sources before any of them is fine-tuned."""
    wrong = np.random.default_rng(0).permutation(old["train"][1])
    candidates = {
        "trained on 0 to 4": source,
        "on wrong labels": trained(vgg_like(), (old["train"][0], wrong), 2),
    }
    reports = []
    for name, each in candidates.items():
        model = for_new(each)
        found = kt.assess_transfer(
            model, labelled, source=old["test"][0],
            unlabelled=new["test"][0], verbose=0,
        )  # fmt: skip
        reports.append(found)
        kt.fine_tune(model, labelled, epochs=0, verbose=0)
        gain = found.gain
        print(
            f"  source {name}: probe {gain.pretrained:.3f}, over random "
            f"weights {gain.gain:+.3f} ± {gain.error:.3f}; head on new images "
            f"{accuracy(model, new['test']):.3f}"
        )
    ranking = kt.rank_backbones(candidates, labelled, verbose=0)
    print(ranking)
    ranking.plot(f"{FOLDER}/sources.png")
    return reports[0]


def how_many(found, source, new):
    """Limit 2: the curve says what twice the labels will give."""
    number = 2 * SHOTS * 5
    low, high = found.curve.interval(number)
    model = for_new(source)
    kt.fine_tune(
        model, few(new["train"], 2 * SHOTS, seed=0), epochs=0, verbose=0
    )
    print(
        f"  samples: a probe on {number} is expected to err in "
        f"{found.curve.predict(number):.3f} ({low:.3f} to {high:.3f}); it "
        f"errs in {1 - accuracy(model, new['test']):.3f}"
    )


def how_similar(found):
    """Limit 3: the source's images against the target's, and these alone."""
    for name, each in (("0 to 4", found.similarity), ("new", found.shift)):
        print(
            f"  similarity of {name} and labelled images: p = "
            f"{each.p_value:.3f}, distance {each.frechet:.2f}: {each.reading}"
        )


def in_use(model, labelled, validation, old, new):
    """What the model will reach on new images, and what it never learnt."""
    expected = kt.expected_accuracy(
        model, unlabelled=new["test"][0], validation=validation, verbose=0
    )
    print(expected)
    print(f"  as measured: {accuracy(model, new['test']):.3f}")
    detector = kt.UnknownDetector.fit(
        model, labelled[0], validation=validation[0], verbose=0
    )
    for name, part in (("5 to 9", new), ("0 to 4", old)):
        scores = detector.score(part["test"][0])
        called = np.mean(scores > detector.threshold)
        print(f"  called unknown of {name}: {called:.0%}")
        print(f"  warning: {detector.shift_warning(scores)}")


if __name__ == "__main__":
    main()
