"""MixUp and CutMix against plain loops; what cannot be mixed."""

import numpy as np
import pytest

from keras_transfer.data.adapters import adapt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.mixing import Mixing, cut_mix, mix_up

pytestmark = pytest.mark.any_backend

PARTNERS = np.array([2, 0, 1])
SHARES = np.array([0.25, 1.0, 0.6])


def images(rng, count=3):
    return rng.uniform(0, 255, (count, 6, 8, 3)).astype("float32")


def test_mixup_is_a_weighted_mean(rng):
    x = images(rng)
    found = mix_up(x, PARTNERS, SHARES)
    for i in range(3):
        expected = SHARES[i] * x[i] + (1 - SHARES[i]) * x[PARTNERS[i]]
        np.testing.assert_allclose(found[i], expected, rtol=1e-5)
    np.testing.assert_array_equal(found[1], x[1])


def test_cutmix_is_a_box_and_shares_are_what_is_left(rng):
    x = images(rng)
    shares = np.array([0.25, 1.0, 0.0])
    centres = np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 0.99]])
    found, true = cut_mix(x, PARTNERS, shares, centres)
    # sqrt(0.75) of 6 and 8 is 5 and 6, in halves 2 and 3.
    expected = x[0].copy()
    expected[1:5, 1:7] = x[2][1:5, 1:7]
    np.testing.assert_array_equal(found[0], expected)
    np.testing.assert_array_equal(found[1], x[1])
    # All of the image, around its upper right corner: a part is outside.
    expected = x[2].copy()
    expected[0:3, 3:8] = x[1][0:3, 3:8]
    np.testing.assert_array_equal(found[2], expected)
    np.testing.assert_allclose(true, [1 - 24 / 48, 1.0, 1 - 15 / 48])


@pytest.mark.parametrize("method", ["mixup", "cutmix"])
def test_seed_epoch_and_batch_decide_whatever_ran_before(rng, method):
    x, y = images(rng, 12), np.arange(12)

    def batches(seed=1):
        order = {"batch_size": 4, "seed": seed}
        return ArrayBatches(x, y, **order).mixed(Mixing(method))

    first = batches()
    walked = [[first[i] for i in range(3)]]
    first.epoch = 1
    walked.append([first[i] for i in range(3)])
    later = batches().starting_at(1)
    found = later[2]
    np.testing.assert_array_equal(found[0], walked[1][2][0])
    for name, value in found[1].items():
        np.testing.assert_array_equal(value, walked[1][2][1][name])
    shares = [each[1]["mixing_share"] for each in [*walked[0], *walked[1]]]
    assert len(np.unique(np.concatenate(shares))) > 8
    assert not np.array_equal(batches(seed=2)[0][0], walked[0][0][0])


def test_labels_and_weights_go_with_their_samples(rng):
    x = np.arange(5.0)[:, None]
    mixing = Mixing("mixup", {1: 3.0})
    _, y = mixing.mixed((x, np.arange(5), np.arange(5) + 1.0), 0, 0, 0)
    np.testing.assert_array_equal(y["weights"], [1, 6, 3, 4, 5])
    partners = y["partner_labels"]
    assert sorted(partners) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(y["partner_weights"], y["weights"][partners])


REFUSED = {
    "token ids": (np.zeros((4, 5), "int32"), "mixup", "token ids"),
    "texts": (np.array(["a", "b", "c", "d"]), "mixup", "texts have none"),
    "no image": (np.zeros((4, 5), "float32"), "cutmix", "Use mixing='mixup'"),
    "two images": ([np.zeros((4, 6, 6, 3))] * 2, "cutmix", "one image"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_mixed(name):
    x, method, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        adapt(x, np.arange(4)).mixed(Mixing(method))


def test_data_without_numbers_or_labels_are_refused(rng):
    with pytest.raises(ValueError, match=r"labels too.*without any"):
        adapt(images(rng)).mixed(Mixing("mixup"))
    with pytest.raises(ValueError, match="which a generator does not tell"):
        adapt(iter_of(images(rng))).mixed(Mixing("mixup"))
    with pytest.raises(ValueError, match="Did you mean 'cutmix'"):
        Mixing("cut-mix")


def iter_of(x):
    yield x, np.arange(len(x))
