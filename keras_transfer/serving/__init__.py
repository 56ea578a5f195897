"""What leaves the package: exported models, and what their outputs mean."""

from keras_transfer.serving.saved_model import export_saved_model

__all__ = ["export_saved_model"]
