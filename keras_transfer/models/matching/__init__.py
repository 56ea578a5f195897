"""`FeatureMatcher`: pairs of features, adapters, and their `fit`."""
