"""KerasHub's backbones and presets as source models (the extra `hub`)."""

from keras_transfer.backbones.hub.features import HubFeatures as HubFeatures
from keras_transfer.backbones.hub.features import (
    feature_extractor as feature_extractor,
)
from keras_transfer.backbones.hub.images import at_image_shape as at_image_shape
from keras_transfer.backbones.hub.images import (
    image_preprocessing as image_preprocessing,
)
from keras_transfer.backbones.hub.sources import (
    backbone_and_converter as backbone_and_converter,
)
from keras_transfer.backbones.hub.sources import is_hub_source as is_hub_source
