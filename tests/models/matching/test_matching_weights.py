"""`MatchingWeightScheduler`: weights by epoch, without another trace."""

import keras
import pytest
from small_matching import NUM, target

import keras_transfer as kt


@pytest.mark.slow
def test_weights_follow_a_schedule_without_a_retrace(source, data):
    x, y = data
    matcher = kt.FeatureMatcher(source=source, target=target(), loss="mse")
    matcher.compile("auto")
    traced = []
    call = matcher.call

    def counted(*args, **kwargs):
        traced.append(1)
        return call(*args, **kwargs)

    matcher.call = counted
    pairs = len(matcher.pairs)

    def schedule(epoch):
        return {
            "matching_weight": 2.0 - epoch,
            "task_weight": float(epoch),
            "pair_weights": [1.0] * pairs,
        }

    history = matcher.fit(
        x, y, batch_size=NUM, epochs=3, verbose=0,
        callbacks=[kt.MatchingWeightScheduler(schedule)],
    ).history  # fmt: skip
    assert history["matching_weight"] == [2.0, 1.0, 0.0]
    for epoch in range(3):
        expected = (
            (2.0 - epoch) * history["matching_loss"][epoch]
            + epoch * history["task_loss"][epoch]
        )  # fmt: skip
        assert history["loss"][epoch] == pytest.approx(expected, rel=1e-4)
    if keras.backend.backend() == "tensorflow":
        assert len(traced) <= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", [lambda epoch: "much", lambda epoch: {"weight": 1}]
)
def test_a_schedule_that_returns_something_else(wrong, source, data):
    matcher = kt.FeatureMatcher(source=source, target=target())
    matcher.compile("auto")
    callback = kt.MatchingWeightScheduler(wrong)
    with pytest.raises(ValueError, match=r"Received: '?(much|\{)"):
        matcher.fit(*data, callbacks=[callback], verbose=0)


@pytest.mark.slow
def test_a_schedule_for_another_model(source, data):
    callback = kt.MatchingWeightScheduler(lambda epoch: 1.0)
    source.compile("auto")
    with pytest.raises(ValueError, match="FeatureMatcher"):
        source.fit(*data, callbacks=[callback], verbose=0)
