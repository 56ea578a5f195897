"""Callbacks: thin objects over `schedules` and `freezing`."""

from keras_transfer.callbacks.freeze_audit import FreezeAudit
from keras_transfer.callbacks.freezing_scheduler import FreezingScheduler
from keras_transfer.callbacks.matching_weights import MatchingWeightScheduler
from keras_transfer.callbacks.precise_batch_norm import PreciseBatchNorm
from keras_transfer.callbacks.transfer_checkpoint import TransferCheckpoint
from keras_transfer.callbacks.unfreeze_on_plateau import UnfreezeOnPlateau

__all__ = [
    "FreezeAudit",
    "FreezingScheduler",
    "MatchingWeightScheduler",
    "PreciseBatchNorm",
    "TransferCheckpoint",
    "UnfreezeOnPlateau",
]
