"""`TransferModel`, and its `fit` on kept activations."""
