"""Which features are paired: by size, by depth, by similarity, by name."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import graph
from keras_transfer.models.matching.pairing import (
    automatic_pairs,
    best_in_order,
)
from keras_transfer.models.matching.similarity import debiased_cka
from keras_transfer.models.matching.taps import Tap, tap_named, tapped, taps

layers = keras.layers


def made(shapes):
    return [
        Tap(f"t{index}", shape, (index + 1) / len(shapes))
        for index, shape in enumerate(shapes)
    ]


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def names(pairs):
    return [(a.name, b.name) for a, b in pairs]


def test_stages_of_one_size_by_their_ends():
    source = made([(16, 16, 4), (16, 16, 8), (8, 8, 8), (4, 4, 8)])
    target = made([(32, 32, 2), (16, 16, 2), (8, 8, 2), (8, 8, 3), (2, 2, 3)])
    found = names(automatic_pairs(source, target))
    assert found == [("t1", "t1"), ("t2", "t3")]


def test_no_size_in_common_by_depth():
    source = made([(15, 15, 4), (7, 7, 8), (5, 5, 8), (3, 3, 8)])
    target = made([(16, 16, 2), (4, 4, 2)])
    assert names(automatic_pairs(source, target)) == [
        ("t1", "t0"),
        ("t3", "t1"),
    ]


def test_no_size_in_common_by_similarity():
    source = made([(15, 15, 4), (7, 7, 8), (5, 5, 8)])
    target = made([(16, 16, 2), (4, 4, 2)])
    alike = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.3]])
    found = automatic_pairs(source, target, lambda a, b: alike)
    assert names(found) == [("t0", "t0"), ("t1", "t1")]


def test_sequences_and_vectors_in_order():
    for shape in ((7, 4), (4,)):
        source, target = made([shape] * 4), made([shape] * 2)
        found = names(automatic_pairs(source, target))
        assert found == [("t1", "t0"), ("t3", "t1")]


def test_a_sequence_and_a_vector():
    found = automatic_pairs(made([(7, 4), (7, 5)]), made([(3,)]))
    assert names(found) == [("t1", "t0")]


def test_best_in_order_against_all_ways(rng):
    import itertools

    for rows, columns in ((2, 4), (3, 3), (4, 2)):
        closeness = rng.normal(size=(rows, columns))
        found = best_in_order(closeness)
        count = min(rows, columns)
        best = max(
            sum(closeness[i, j] for i, j in zip(a, b, strict=True))
            for a in itertools.combinations(range(rows), count)
            for b in itertools.combinations(range(columns), count)
        )
        assert sum(closeness[i, j] for i, j in found) == pytest.approx(best)
        assert found == sorted(found) and len(found) == count


def test_debiased_cka(rng):
    x = rng.normal(size=(40, 5))
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert debiased_cka(x, 3 * x @ rotation + 1) == pytest.approx(1)
    # Far more features than samples: plain CKA is near 1 here.
    noise = [
        debiased_cka(rng.normal(size=(20, 5000)), rng.normal(size=(20, 5000)))
        for _ in range(5)
    ]
    assert abs(np.mean(noise)) < 0.1
    assert np.isnan(debiased_cka(x[:3], x[:3]))
    assert np.isnan(debiased_cka(np.ones((8, 2)), x[:8]))


def test_debiased_cka_by_the_formula_in_loops(rng):
    a, b = rng.normal(size=(6, 3)), rng.normal(size=(6, 4))

    def hsic(k, m):
        n, total = len(k), 0.0
        for i in range(n):
            for j in range(n):
                total += k[i, j] * m[j, i]
        ones = sum(k.flat) * sum(m.flat) / ((n - 1) * (n - 2))
        crossed = sum(
            k[i, j] * m[j, q]
            for i in range(n) for j in range(n) for q in range(n)
        )  # fmt: skip
        return (total + ones - 2 * crossed / (n - 2)) / (n * (n - 3))

    def gram(x):
        x = x - x.mean(axis=0)
        k = x @ x.T
        k[np.diag_indices(len(k))] = 0
        return k

    k, m = gram(a), gram(b)
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert debiased_cka(a, b) == pytest.approx(expected)


def nested():
    """A plain model with a nested backbone and a top."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="a")(inputs)
    x = layers.ReLU(name="a_relu")(x)
    x = layers.Conv2D(5, 3, name="b")(x)
    backbone = keras.Model(inputs, x, name="inner")
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            backbone,
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )


def test_references():
    model = nested()
    assert [tap.shape for tap in taps(model)] == [(6, 6, 4), (4, 4, 5)]
    tensor = next(c.tensor for c in graph.cut_points(model) if c.name == "b")
    for reference in (1, -1, "b", tensor):
        assert tap_named(model, reference, "source").shape == (4, 4, 5)
    assert tap_named(model, "a", "source").shape == (6, 6, 4)


def test_tapped_features_are_those_on_the_way(rng):
    model = nested()
    x = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    output, *found = tapped(model, taps(model))(x)
    np.testing.assert_allclose(
        numpy(output), numpy(model(x)), rtol=1e-5, atol=1e-6
    )
    inner = model.get_layer("inner")
    expected = keras.Model(
        inner.input, [inner.get_layer("a_relu").output, inner.output]
    )(x)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(numpy(a), numpy(b), rtol=1e-5, atol=1e-6)


def test_logits_are_before_the_activation(rng):
    model = kt.TransferModel(nested(), 4, preprocessing=None, weights=None)
    x = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    wanted = [tap_named(model, "logits", "target"), *taps(model)]
    output, logits, *_ = tapped(model, wanted)(x)
    np.testing.assert_allclose(
        numpy(logits), numpy(model.logits(x)), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        numpy(output), numpy(model(x)), rtol=1e-5, atol=1e-6
    )


ARCHITECTURES = [
    ("VGG16", "ResNet50"),
    ("ResNet50", "MobileNetV2"),
    ("DenseNet121", "EfficientNetV2B0"),
    ("ConvNeXtTiny", "MobileNetV3Small"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), ARCHITECTURES)
@pytest.mark.filterwarnings("ignore:.*looks untrained")
def test_published_architectures_pair_by_themselves(source, target):
    models = {
        role: kt.TransferModel(name, 5, input_shape=(64, 64, 3), weights=None)
        for role, name in (("source", source), ("target", target))
    }
    pairs = kt.FeatureMatcher(**models).pairs
    sizes = [pair.source.positions for pair in pairs]
    assert sizes == [(16, 16), (8, 8), (4, 4), (2, 2)]
    assert sizes == [pair.target.positions for pair in pairs]
    text = str(pairs)
    for pair in pairs:
        assert pair.source.name in text and pair.target.name in text
