"""transfer_weights against tables written by hand."""

import keras
import numpy as np
import pytest

from keras_transfer.backbones.layer_pairing import longest_common_subsequence
from keras_transfer.backbones.weights import TransferReport, transfer_weights


def network(*layers, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *layers])


def conv(filters, name=None):
    return keras.layers.Conv2D(filters, 3, padding="same", name=name)


def dense(units, name=None):
    return keras.layers.Dense(units, name=name)


def pool():
    return keras.layers.GlobalAveragePooling2D()


def table(report):
    return [(row.layer, row.target_layer, row.status) for row in report.rows]


def same_weights(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_same_architecture_is_copied_whole(rng):
    def build():
        return network(
            conv(4, "a"), keras.layers.BatchNormalization(), pool(), dense(2)
        )

    source, target = build(), build()
    source.set_weights([rng.random(w.shape) for w in source.weights])
    report = transfer_weights(source=source, target=target)
    assert report.num_copied == 3
    assert [row.status for row in report.rows] == ["copied"] * 3
    assert same_weights(source, target)


def test_another_head_is_skipped_with_both_shapes():
    source = network(conv(4, "a"), pool(), dense(10, "scores"))
    target = network(conv(4, "a"), pool(), dense(5, "scores"))
    before = target.get_weights()
    report = transfer_weights(source=source, target=target)
    assert table(report) == [
        ("a", "a", "copied"),
        ("scores", "scores", "skipped"),
    ]
    assert report.rows[1].reason == "shapes differ: 4x10 10 and 4x5 5"
    assert same_weights(source.layers[0], target.layers[0])
    np.testing.assert_array_equal(before[2], target.get_weights()[2])


def test_unnamed_layers_of_another_shape_have_no_partner():
    source = network(conv(4), conv(4), pool(), dense(10))
    target = network(conv(4), conv(4), pool(), dense(5))
    report = transfer_weights(source=source, target=target)
    assert report.num_copied == 2
    assert [row.reason for row in report.rows[2:]] == [
        "no Dense with 4x10 10 is left in the target",
        "no Dense with 4x5 5 is left in the source",
    ]


def test_other_input_channels_skip_only_the_first_convolution():
    source = network(conv(4, "a"), conv(6, "b"), shape=(8, 8, 3))
    target = network(conv(4, "a"), conv(6, "b"), shape=(8, 8, 1))
    report = transfer_weights(source=source, target=target)
    assert table(report) == [("a", "a", "skipped"), ("b", "b", "copied")]
    assert report.rows[0].reason == "shapes differ: 3x3x3x4 4 and 3x3x1x4 4"


def test_partial_overlap_pairs_by_order():
    source = network(conv(4), conv(6), pool(), dense(8), dense(2))
    target = network(conv(4), conv(5), conv(6), pool(), dense(8), dense(2))
    target_names = [layer.name for layer in target.layers if layer.weights]
    source_names = [layer.name for layer in source.layers if layer.weights]
    # conv(6) has other inputs (4 against 5 channels): it has no partner.
    report = transfer_weights(source=source, target=target)
    assert table(report) == [
        (source_names[0], target_names[0], "copied"),
        (source_names[1], None, "skipped"),
        (source_names[2], target_names[3], "copied"),
        (source_names[3], target_names[4], "copied"),
        (None, target_names[1], "skipped"),
        (None, target_names[2], "skipped"),
    ]


def test_numbered_names_do_not_count():
    source = network(
        keras.layers.Dense(4, name="dense_1"),
        keras.layers.Dense(4, name="dense_2"),
        shape=(4,),
    )
    target = network(
        keras.layers.Dense(4, name="dense_2"),
        keras.layers.Dense(4, name="dense_1"),
        shape=(4,),
    )
    report = transfer_weights(source=source, target=target)
    assert table(report) == [
        ("dense_1", "dense_2", "copied"),
        ("dense_2", "dense_1", "copied"),
    ]


def test_given_names_go_before_order():
    source = network(dense(4, "low"), dense(4, "high"), shape=(4,))
    target = network(dense(4, "new"), dense(4, "low"), shape=(4,))
    report = transfer_weights(source=source, target=target)
    assert table(report) == [
        ("low", "low", "copied"),
        ("high", None, "skipped"),
        (None, "new", "skipped"),
    ]


def test_order_is_kept_between_named_layers():
    def norm():
        return keras.layers.BatchNormalization()

    source = network(conv(4, "a"), norm(), conv(4, "c"), norm())
    target = network(
        conv(4, "a"), norm(), conv(4, "b"), norm(), conv(4, "c"), norm()
    )
    names = [layer.name for layer in target.layers]
    report = transfer_weights(source=source, target=target)
    partners = [row.target_layer for row in report.rows[:4]]
    assert partners == ["a", names[1], "c", names[5]]


def test_nested_models_are_looked_into():
    inner = network(conv(4, "a"), pool())
    source = network(inner, dense(2, "scores"))
    target = network(conv(4, "a"), pool(), dense(2, "scores"))
    assert transfer_weights(source=source, target=target).num_copied == 2
    assert same_weights(source, target)


def test_composite_layers_are_copied_part_by_part(rng):
    def build():
        query = keras.Input((5, 6))
        layer = keras.layers.MultiHeadAttention(2, 3, name="attention")
        return keras.Model(query, layer(query, query))

    source, target = build(), build()
    source.set_weights([rng.random(w.shape) for w in source.weights])
    assert transfer_weights(source=source, target=target).num_copied == 4
    assert same_weights(source, target)


def test_copied_normalization_statistics_are_used(rng):
    source = network(keras.layers.Normalization(), shape=(3,))
    target = network(keras.layers.Normalization(), shape=(3,))
    source.layers[0].adapt(rng.normal(5, 2, (50, 3)).astype("float32"))
    transfer_weights(source=source, target=target)
    samples = rng.normal(5, 2, (4, 3)).astype("float32")
    np.testing.assert_array_equal(
        source.predict(samples, verbose=0), target.predict(samples, verbose=0)
    )


def test_shared_layers_are_told():
    layer = dense(4, "shared")
    source = network(layer, shape=(4,))
    target = network(layer, dense(2), shape=(4,))
    report = transfer_weights(source=source, target=target)
    assert report.rows[0].reason == "the same layer is in both models"
    assert report.num_copied == 0


def test_the_report_reads_as_a_table():
    source = network(conv(4, "a"), pool(), dense(10, "scores"))
    target = network(conv(4, "a"), pool(), dense(5, "scores"))
    lines = str(transfer_weights(source=source, target=target)).splitlines()
    assert lines[0].strip() == (
        "copied 1 of the 2 layers with weights in the target"
    )
    assert any(
        line.split()[:3] == ["scores", "scores", "skipped"] for line in lines
    )
    assert str(TransferReport(())).startswith("copied 0 of the 0")


@pytest.mark.parametrize("role", ["source", "target"])
def test_a_model_that_is_not_built_is_an_error(role):
    models = {
        "source": network(dense(2), shape=(3,)),
        "target": network(dense(2), shape=(3,)),
    }
    models[role] = keras.Sequential([dense(2)])
    with pytest.raises(ValueError, match=f"The {role} of transfer_weights"):
        transfer_weights(**models)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "xbc", [(1, 1), (2, 2)]),
        ("aa", "a", [(0, 0)]),
        # "bdab", one of the three of length 4
        ("abcbdab", "bdcaba", [(1, 0), (4, 1), (5, 3), (6, 4)]),
        ("abc", "", []),
    ],
)
def test_longest_common_subsequence(first, second, expected):
    assert longest_common_subsequence(first, second) == expected
