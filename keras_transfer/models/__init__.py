"""Models that transfer."""

from keras_transfer.models.transfer_model import TransferModel as TransferModel
