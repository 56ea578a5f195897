"""What an object shows at a prompt: one line with what it is."""

import keras
import numpy as np
import pytest
from small_nets import conv_net

import keras_transfer as kt
from keras_transfer import graph, losses, recipes, tuner
from keras_transfer.backbones import TransferReport, TransferRow
from keras_transfer.data import without_labels
from keras_transfer.recipes import assessment
from keras_transfer.transferability import TwoSampleTest

pytestmark = pytest.mark.any_backend


def model(**options):
    return kt.TransferModel(
        conv_net(4, 4), head=3, preprocessing="tf", **options
    )


def matcher():
    source, target = model(), model(weights=None, name="small")
    # No bias of either has moved.
    with pytest.warns(UserWarning, match="looks untrained"):
        return kt.FeatureMatcher(source=source, target=target)


def result(kind, **more):
    return kind(
        best={"val_loss": 0.25, "val_accuracy": 0.9, "epoch": 3},
        stages=[{"stage": "head"}, {"stage": "fine-tune"}],
        **more,
    )


OBJECTS = {
    "<TransferModel: 'mine', conv (trained), 0 of 2 blocks train": (
        lambda: model(name="mine")
    ),
    "<FeatureMatcher: source 'transfer_model": matcher,
    "<Pairs: 1, conv1 and conv1>": lambda: matcher().pairs,
    "<Pair: conv1 (8, 8, 4) and conv1 (8, 8, 4), hint_loss>": (
        lambda: matcher().pairs[0]
    ),
    "Block(index=0, name='conv0'": lambda: model().blocks[0],
    "Cut(index=0, name='conv0')": lambda: graph.cut_points(conv_net(4))[0],
    "<FeatureCache: in memory, 3 views, float32>": (
        lambda: kt.FeatureCache("memory", views=3)
    ),
    "<LayerwiseOptimizer: around Adam, decay 0.8>": (
        lambda: kt.LayerwiseOptimizer("adam", decay=0.8)
    ),
    "L2SP(strength=0.1, head_strength=0)": lambda: kt.L2SP(0.1, 0),
    "<FreezingScheduler: LinearProbe()>": (
        lambda: kt.FreezingScheduler(kt.LinearProbe())
    ),
    "<UnfreezeOnPlateau: val_loss, patience 10, blocks 1>": (
        lambda: kt.UnfreezeOnPlateau()
    ),
    "<TransferCheckpoint: in 'runs'>": lambda: kt.TransferCheckpoint("runs"),
    "<MatchingWeightScheduler: fading>": (
        lambda: kt.MatchingWeightScheduler(fading)
    ),
    "<FreezeAudit>": kt.FreezeAudit,
    "<PreciseBatchNorm: ": lambda: kt.PreciseBatchNorm(np.ones((4, 2))),
    "<FeatureMatchingLoss: hint_loss, normalized>": kt.FeatureMatchingLoss,
    "<GramLoss: 'gram_loss'>": losses.GramLoss,
    "<JoinedInputs: 6 samples in batches of 4, shuffled by seed 0>": (
        lambda: without_labels(np.ones((6, 2)), batch_size=4)
    ),
    "<FineTuneResult: val_loss 0.2500, val_accuracy 0.9000, stages: head,": (
        lambda: result(recipes.FineTuneResult)
    ),
    "<MatchResult: not compared": lambda: result(recipes.MatchResult),
    "<TwoStageResult>": recipes.TwoStageResult,
    "<SearchResult: 1 trials, best score 0.5000>": (
        lambda: tuner.SearchResult(trials=[{"score": 0.5}])
    ),
    "<TransferReport: 1 copied, 0 skipped>": (
        lambda: TransferReport((TransferRow("a", "a", "copied", ""),))
    ),
    "<ExpectedAccuracy: 0.800 (0.700 to 0.900), shifted: not reliable>": (
        lambda: assessment.ExpectedAccuracy(0.8, 0.7, 0.9, 1e-9, 0.9, 50, 60)
    ),
    "<BackboneRanking: best conv (accuracy 0.750), of 1>": (
        lambda: assessment.BackboneRanking([row()])
    ),
    "<RankedBackbone: conv, probe 0.750>": lambda: row(),
    "<TransferAssessment: conv, 9 samples, 0 findings>": (
        lambda: assessment.TransferAssessment("conv", {"train": 9}, {})
    ),
    "<TwoSampleTest: 0.25, p = 0.5>": lambda: TwoSampleTest(0.25, 0.5),
}


def fading(epoch):
    return 0.5**epoch


def row():
    return assessment.RankedBackbone("conv", probe=0.75)


@pytest.mark.parametrize("beginning", OBJECTS)
def test_one_line_says_what_it_is(beginning):
    if beginning.startswith("<SearchResult"):
        pytest.importorskip("keras_tuner")
    keras.backend.clear_session()
    shown = repr(OBJECTS[beginning]())
    assert shown.startswith(beginning)
    assert len(shown) <= 100 and "\n" not in shown
