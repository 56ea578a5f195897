"""Models of four blocks whose depth a plateau decides."""

from small_nets import built, built_plain, dense_net

import keras_transfer as kt
from keras_transfer.training.freezing import freeze_state

NUM_BLOCKS = 4


def net():
    return dense_net(NUM_BLOCKS, 4)


def transfer_model(metrics=("accuracy",), **compiled):
    return built(net, compiled={"metrics": list(metrics), **compiled})


def frozen_plain_model():
    """Returns a model that is no `TransferModel`, frozen by hand."""
    model = built_plain(make_net=net)
    kt.freeze(model)
    return model


MODELS = {"model": transfer_model, "plain_model": frozen_plain_model}


def depth(model):
    return freeze_state(model).depth


def scripted(callback, model, values):
    """Runs the hooks by hand; returns the depth after each epoch."""
    callback.set_model(model)
    callback.set_params({"epochs": len(values)})
    callback.on_train_begin()
    depths = []
    for epoch, value in enumerate(values):
        before = depth(model)
        logs = {"loss": 1.0, "accuracy": 0.5, callback.monitor: value}
        callback.on_epoch_begin(epoch)
        callback.on_train_batch_end(0, logs)
        callback.on_epoch_end(epoch, logs)
        assert logs["trainable_blocks"] == before
        depths.append(depth(model))
    return depths
