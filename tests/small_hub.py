"""Small KerasHub backbones, their inputs, and the names of their blocks."""

import keras
import numpy as np

TEXT = {
    "vocabulary_size": 30,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 12,
}
STAGES = {
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [3],
    "stackwise_num_filters": [64],
    "stackwise_num_blocks": [2],
    "stackwise_num_strides": [1],
    "block_type": "basic_block",
    "use_pre_activation": False,
}
VIT = {
    "image_shape": (16, 16, 3),
    "patch_size": (4, 4),
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "mlp_dim": 16,
}
DINO = {
    "image_shape": (16, 16, 3),
    "patch_size": 4,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
}
SWIN = {
    "image_shape": (16, 16, 3),
    "patch_size": 2,
    "embed_dim": 4,
    "depths": [2, 2],
    "num_heads": [1, 2],
    "window_size": 4,
}
# Class, arguments, and the names of the blocks.
BACKBONES = {
    "resnet": (
        "ResNetBackbone",
        STAGES | {"image_shape": (16, 16, 3)},
        ["conv1", "stack0_block0", "stack0_block1"],
    ),
    "vit": (
        "ViTBackbone",
        VIT,
        ["embedding_0", "transformer_block_1", "transformer_block_2"],
    ),
    # KerasHub puts the name of the model before it when it restores one.
    "dino": (
        "DINOV2Backbone",
        DINO,
        ["dinov2_backbone_embeddings", "layers_0", "layers_1"],
    ),
    "bert": (
        "BertBackbone",
        TEXT,
        ["token_embedding", "transformer_layer_0", "transformer_layer_1"],
    ),
    "distilbert": (
        "DistilBertBackbone",
        TEXT,
        ["embeddings_layer_norm", "transformer_layer_0", "transformer_layer_1"],
    ),
    "roberta": (
        "RobertaBackbone",
        TEXT,
        ["embeddings", "transformer_layer_0", "transformer_layer_1"],
    ),
}


def make(keras_hub, name):
    class_name, arguments, _ = BACKBONES[name]
    return getattr(keras_hub.models, class_name)(**arguments)


def samples(backbone, rng):
    """Six samples; of the ten tokens of each, the last four are padding."""
    names = set(backbone.input) if isinstance(backbone.input, dict) else set()
    if "token_ids" not in names:
        return rng.integers(0, 256, (6, 16, 16, 3)).astype("float32")
    ids = rng.integers(1, 30, (6, 10))
    real = np.ones((6, 10), "int32")
    real[:, 6:] = 0
    x = {"token_ids": ids, "padding_mask": real, "segment_ids": 0 * ids}
    return {name: x[name] for name in names}


def predicted(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def sequence_of(backbone, x):
    outputs = backbone(x)
    if isinstance(outputs, dict):
        outputs = outputs["sequence_output"]
    return keras.ops.convert_to_numpy(outputs)


def text_preset(keras_hub, folder, words):
    """Writes a small BERT with a WordPiece tokenizer; returns the folder."""
    models = keras_hub.models
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, "[MASK]"]
    tokenizer = models.BertTokenizer(vocabulary=vocabulary)
    backbone = models.BertBackbone(**TEXT)
    backbone.save_to_preset(str(folder))
    models.BertTextClassifierPreprocessor(
        tokenizer, sequence_length=12
    ).save_to_preset(str(folder))
    return folder
