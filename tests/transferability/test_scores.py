"""Scores of features equal plain loops over their formulas."""

import numpy as np
import pytest
from scipy import linalg
from scipy.spatial.distance import cdist

from keras_transfer import transferability as scores

pytestmark = pytest.mark.any_backend
RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 3
CENTRES = RNG.normal(size=(3, 7))
FEATURES = CENTRES[LABELS] + 0.8 * RNG.normal(size=(60, 7))
WIDE = RNG.normal(size=(20, 35))
OTHERS = RNG.normal(0.5, 1.3, size=(40, 7))
SCORES = RNG.normal(size=(60, 5))
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)


def log_me_by_loops(features, targets):
    """You et al. 2021, algorithm 1, with whole matrices."""
    n, d = features.shape
    found = []
    for y in targets.T:
        alpha = beta = 1.0
        for _ in range(100):
            inverse = np.linalg.inv(
                alpha * np.eye(d) + beta * features.T @ features
            )
            mean = beta * inverse @ features.T @ y
            values = np.linalg.eigvalsh(features.T @ features) * beta
            values = np.maximum(values, 0)
            gamma = sum(v / (alpha + v) for v in values)
            ratio = alpha / beta
            alpha = gamma / (mean @ mean)
            beta = (n - gamma) / ((features @ mean - y) ** 2).sum()
            if abs(alpha / beta - ratio) <= 1e-5 * ratio:
                break
        matrix = alpha * np.eye(d) + beta * features.T @ features
        # Mean and error are those that alpha and beta come from.
        evidence = (
            d / 2 * np.log(alpha)
            + n / 2 * np.log(beta)
            - n / 2 * np.log(2 * np.pi)
            - np.linalg.slogdet(matrix)[1] / 2
            - beta / 2 * ((features @ mean - y) ** 2).sum()
            - alpha / 2 * mean @ mean
        )
        found.append(evidence / n)
    return np.mean(found)


@pytest.mark.parametrize("features", [FEATURES, WIDE], ids=["tall", "wide"])
def test_log_me(features):
    labels = LABELS[: len(features)]
    expected = log_me_by_loops(features, np.eye(3)[labels])
    assert scores.log_me(features, labels) == pytest.approx(expected, abs=1e-8)
    targets = RNG.normal(size=(len(features), 2))
    expected = log_me_by_loops(features, targets)
    found = scores.log_me(features, targets, regression=True)
    assert found == pytest.approx(expected, abs=1e-8)


def test_log_me_grows_as_classes_move_apart():
    noise = RNG.normal(size=(60, 7))
    found = [
        scores.log_me(apart * CENTRES[LABELS] + noise, LABELS)
        for apart in (0.0, 0.5, 1.0, 2.0, 4.0)
    ]
    assert (np.diff(found) > 0).all()


def test_leep():
    expected = 0.0
    for i in range(60):
        inner = 0.0
        for z in range(5):
            joint = sum(
                SHARES[j, z] for j in range(60) if LABELS[j] == LABELS[i]
            )
            inner += joint / SHARES[:, z].sum() * SHARES[i, z]
        expected += np.log(inner) / 60
    assert scores.leep(SHARES, LABELS) == pytest.approx(expected, abs=1e-10)


def test_nce():
    source = SHARES.argmax(axis=1)
    expected = 0.0
    for i in range(60):
        same = source == source[i]
        both = same & (LABELS[i] == LABELS)
        expected += np.log(both.sum() / same.sum()) / 60
    assert scores.nce(source_labels=source, labels=LABELS) == pytest.approx(
        expected, abs=1e-10
    )
    assert scores.nce(source_labels=LABELS, labels=LABELS) == 0.0


def test_nleep_is_seeded_and_prefers_classes_that_lie_apart():
    near = scores.nleep(RNG.normal(size=(60, 7)), LABELS)
    far = scores.nleep(5 * CENTRES[LABELS] + 0.1 * FEATURES, LABELS)
    assert near < far <= 0.0
    assert scores.nleep(FEATURES, LABELS) == scores.nleep(FEATURES, LABELS)


def test_h_score():
    centred = FEATURES - FEATURES.mean(axis=0)
    covariance = sum(np.outer(f, f) for f in centred) / 60
    between = np.zeros((7, 7))
    for i in range(60):
        mean = centred[LABELS[i] == LABELS].mean(axis=0)
        between += np.outer(mean, mean) / 60
    expected = np.trace(np.linalg.inv(covariance) @ between)
    assert scores.h_score(FEATURES, LABELS) == pytest.approx(expected, abs=1e-8)


def ledoit_wolf_by_loops(x):
    n, d = x.shape
    covariance = x.T @ x / n
    mu = np.trace(covariance) / d
    distance = ((covariance - mu * np.eye(d)) ** 2).sum() / d
    spread = sum(((np.outer(f, f) - covariance) ** 2).sum() for f in x)
    amount = min(spread / n**2 / d, distance) / distance
    return (1 - amount) * covariance + amount * mu * np.eye(d), amount


def test_h_score_with_shrinkage():
    labels = LABELS[:20]
    centred = WIDE - WIDE.mean(axis=0)
    covariance, amount = ledoit_wolf_by_loops(centred)
    between = np.zeros((35, 35))
    for i in range(20):
        mean = centred[labels == labels[i]].mean(axis=0)
        between += np.outer(mean, mean) / 20
    expected = (1 - amount) * np.trace(np.linalg.inv(covariance) @ between)
    found = scores.h_score(WIDE, labels, shrinkage=True)
    assert found == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("features", [FEATURES, WIDE], ids=["tall", "wide"])
def test_transrate(features):
    labels = LABELS[: len(features)]

    def rate(z):
        matrix = np.eye(z.shape[1]) + z.T @ z / (len(z) * 1e-4)
        return np.linalg.slogdet(matrix)[1] / 2

    z = features - features.mean(axis=0)
    expected = rate(z) - sum(
        (labels == y).mean() * rate(z[labels == y]) for y in range(3)
    )
    found = scores.transrate(features, labels)
    assert found == pytest.approx(expected, abs=1e-8)


def hsic_by_loops(k, m):
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    ones = np.ones(n)
    return (
        np.trace(k @ m)
        + ones @ k @ ones * (ones @ m @ ones) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (ones @ k @ m @ ones)
    ) / (n * (n - 3))


@pytest.mark.parametrize("debiased", [False, True])
def test_linear_cka(debiased):
    a, b = FEATURES[:20] - FEATURES[:20].mean(axis=0), WIDE - WIDE.mean(axis=0)
    k, m = a @ a.T, b @ b.T
    if debiased:
        expected = hsic_by_loops(k, m) / np.sqrt(
            hsic_by_loops(k, k) * hsic_by_loops(m, m)
        )
    else:
        expected = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    found = scores.linear_cka(FEATURES[:20], WIDE, debiased=debiased)
    assert found == pytest.approx(expected, abs=1e-8)
    turned = FEATURES @ linalg.qr(RNG.normal(size=(7, 7)))[0]
    assert scores.linear_cka(
        3 * FEATURES, turned, debiased=debiased
    ) == pytest.approx(1.0)


def test_debiased_cka_of_nothing_in_common_is_near_0():
    pairs = [RNG.normal(size=(2, 20, 50)) for _ in range(30)]
    assert (
        abs(np.mean([scores.linear_cka(*p, debiased=True) for p in pairs]))
        < 0.05
    )
    assert np.mean([scores.linear_cka(*p) for p in pairs]) > 0.5


def test_knn_accuracy():
    unit = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    right = 0
    for i in range(60):
        order = np.argsort(-(unit @ unit[i]))
        near = LABELS[order[order != i][:5]]
        votes = np.bincount(near, minlength=3)
        winner = next(y for y in near if votes[y] == votes.max())
        right += winner == LABELS[i]
    assert scores.knn_accuracy(FEATURES, LABELS) == right / 60


def test_linear_probe_accuracy():
    apart = scores.linear_probe_accuracy(4 * CENTRES[LABELS] + FEATURES, LABELS)
    chance = scores.linear_probe_accuracy(RNG.normal(size=(60, 7)), LABELS)
    assert apart == 1.0 and chance < 0.6


def test_frechet_distance():
    first, second = np.cov(FEATURES.T), np.cov(OTHERS.T)
    difference = FEATURES.mean(axis=0) - OTHERS.mean(axis=0)
    root = linalg.sqrtm(first @ second).real
    expected = difference @ difference + np.trace(first + second - 2 * root)
    found = scores.frechet_distance(FEATURES, OTHERS)
    assert found == pytest.approx(expected, abs=1e-8)
    assert scores.frechet_distance(FEATURES, FEATURES) == pytest.approx(
        0, abs=1e-8
    )


def test_coral_distance():
    difference = np.cov(FEATURES.T) - np.cov(OTHERS.T)
    expected = (difference**2).sum() / (4 * 49)
    found = scores.coral_distance(FEATURES, OTHERS)
    assert found == pytest.approx(expected, abs=1e-10)


def test_energy_distance():
    expected = (
        2 * cdist(FEATURES, OTHERS).sum() / (60 * 40)
        - cdist(FEATURES, FEATURES).sum() / 60**2
        - cdist(OTHERS, OTHERS).sum() / 40**2
    )
    found = scores.energy_distance(FEATURES, OTHERS)
    assert found == pytest.approx(expected, abs=1e-10)
    assert scores.energy_distance(FEATURES, FEATURES) == 0.0


def test_mmd():
    both = np.concatenate([FEATURES, OTHERS])
    squares = cdist(both, both) ** 2
    median = np.median(squares[np.triu_indices(100, 1)])
    kernel = sum(
        np.exp(-squares / (2 * w**2 * median)) for w in (0.25, 0.5, 1, 2, 4)
    )
    expected = 0.0
    for i in range(100):
        for j in range(100):
            if i == j:
                continue
            if i < 60 and j < 60:
                expected += kernel[i, j] / (60 * 59)
            elif i >= 60 and j >= 60:
                expected += kernel[i, j] / (40 * 39)
            else:
                expected -= kernel[i, j] / (60 * 40)
    found = scores.mmd(FEATURES, OTHERS)
    assert found.value == pytest.approx(expected, abs=1e-8)
    assert found.p_value == 1 / 201


def test_p_values_of_mmd_are_uniform_where_nothing_differs():
    from scipy.stats import kstest

    found = [
        scores.mmd(
            *RNG.normal(size=(2, 15, 3)), num_permutations=99, seed=seed
        ).p_value
        for seed in range(500)
    ]
    # They are multiples of 0.01; half a step is spread over each.
    spread = np.array(found) - RNG.uniform(0, 0.01, 500)
    assert kstest(spread, "uniform").pvalue > 0.01


def test_proxy_a_distance_from_0_to_2():
    same = scores.proxy_a_distance(*RNG.normal(size=(2, 200, 5)))
    apart = scores.proxy_a_distance(FEATURES, FEATURES + 100)
    assert same < 0.35 and apart > 1.95


def test_thresholded_confidence():
    labels = SHARES.argmax(axis=1)
    labels[:15] = (labels[:15] + 1) % 5
    found = scores.thresholded_confidence(
        validation=SHARES, labels=labels, target=SHARES
    )
    assert found == pytest.approx(0.75)
    sure = np.eye(5)[[0, 1, 2]]
    assert (
        scores.thresholded_confidence(
            validation=SHARES, labels=labels, target=sure
        )
        == 1.0
    )
    unsure = np.full((4, 5), 0.2)
    assert (
        scores.thresholded_confidence(
            validation=SHARES, labels=labels, target=unsure
        )
        == 0.0
    )


OF_CLASSES = {
    "log_me": scores.log_me,
    "nleep": scores.nleep,
    "h_score": scores.h_score,
    "h_score, shrunk": lambda x, y: scores.h_score(x, y, shrinkage=True),
    "transrate": scores.transrate,
    "knn_accuracy": scores.knn_accuracy,
    "linear_probe_accuracy": scores.linear_probe_accuracy,
}
ODD = {
    "constant": np.ones((60, 7)),
    "one constant dimension": np.hstack([FEATURES, np.ones((60, 1))]),
    "tiny": FEATURES * 1e-12,
    "huge": FEATURES * 1e12,
    "float16": FEATURES.astype("float16"),
    "more dimensions than samples": RNG.normal(size=(60, 200)),
    "integers": (10 * FEATURES).astype(int),
}


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("kind", ODD)
def test_odd_features_give_a_number(name, kind):
    assert np.isfinite(OF_CLASSES[name](ODD[kind], LABELS))


@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_class_of_one_sample(name):
    labels = LABELS.copy()
    labels[0] = 9
    assert np.isfinite(OF_CLASSES[name](FEATURES, labels))


@pytest.mark.parametrize("name", OF_CLASSES)
def test_bad_input_of_scores_of_classes(name):
    score = OF_CLASSES[name]
    with pytest.raises(ValueError, match="one class"):
        score(FEATURES, np.zeros(60))
    with pytest.raises(ValueError, match="NaN"):
        score(np.full((60, 7), np.nan), LABELS)
    with pytest.raises(ValueError, match="Pool feature maps"):
        score(np.ones((60, 2, 2, 3)), LABELS)
    with pytest.raises(ValueError, match="60 samples"):
        score(FEATURES, LABELS[:50])
    words = np.array(["a", "b", "c"])[LABELS]
    assert score(FEATURES, words) == score(FEATURES, LABELS)


OF_TWO = {
    "frechet_distance": scores.frechet_distance,
    "coral_distance": scores.coral_distance,
    "energy_distance": scores.energy_distance,
    "proxy_a_distance": scores.proxy_a_distance,
    "mmd": lambda a, b: scores.mmd(a, b, num_permutations=9).value,
}


@pytest.mark.parametrize("name", OF_TWO)
@pytest.mark.parametrize("kind", ODD)
def test_odd_pairs_give_a_number(name, kind):
    assert np.isfinite(OF_TWO[name](ODD[kind], ODD[kind][:30] * 1.5))


@pytest.mark.parametrize("name", OF_TWO)
def test_bad_input_of_distances(name):
    with pytest.raises(ValueError, match="same dimensions"):
        OF_TWO[name](FEATURES, WIDE)
    with pytest.raises(ValueError, match="NaN"):
        OF_TWO[name](FEATURES, np.full((5, 7), np.inf))


def test_rows_that_are_no_probabilities():
    with pytest.raises(ValueError, match="softmax"):
        scores.leep(SCORES, LABELS)
    with pytest.raises(ValueError, match="softmax"):
        scores.thresholded_confidence(
            validation=SHARES, labels=LABELS, target=SCORES
        )


def noisy_confidences(rng, samples):
    """Probabilities of two classes that are right as often as they say."""
    sure = rng.uniform(0.5, 1, samples)
    labels = rng.integers(2, size=samples)
    named = np.where(rng.uniform(size=samples) < sure, labels, 1 - labels)
    p = np.where(
        named[:, None] == np.arange(2), sure[:, None], 1 - sure[:, None]
    )
    return p, labels


def test_the_interval_of_the_expected_accuracy_is_that_of_other_draws():
    """Its ends are where the estimate falls when all samples are new."""
    estimates = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        known, labels = noisy_confidences(random, 300)
        estimates.append(
            scores.thresholded_confidence(
                validation=known,
                labels=labels,
                target=noisy_confidences(random, 300)[0],
            )
        )
    widths = []
    for seed in range(5):
        random = np.random.default_rng(1000 + seed)
        known, labels = noisy_confidences(random, 300)
        low, high = scores.thresholded_confidence_interval(
            validation=known,
            labels=labels,
            target=noisy_confidences(random, 300)[0],
            draws=300,
        )
        widths.append(high - low)
    true_low, true_high = np.quantile(estimates, [0.025, 0.975])
    assert np.mean(widths) == pytest.approx(true_high - true_low, rel=0.25)


def test_the_interval_holds_the_estimate_and_the_seed_decides(rng):
    known, labels = noisy_confidences(rng, 100)
    new, _ = noisy_confidences(rng, 50)

    def interval(**options):
        return scores.thresholded_confidence_interval(**given, **options)

    given = {"validation": known, "labels": labels, "target": new}
    low, high = interval(draws=100)
    value = scores.thresholded_confidence(**given)
    assert low <= value <= high
    assert interval(draws=100) == (low, high)
    assert interval(draws=100, seed=1) != (low, high)
    inner = interval(draws=100, level=0.5)
    assert low < inner[0] < inner[1] < high
