"""KerasHub's backbones and presets as source models (the extra `hub`)."""
