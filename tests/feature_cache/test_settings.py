"""`FeatureCache`: what it takes, and what it says otherwise."""

from pathlib import Path

import pytest

from keras_transfer.feature_cache import FeatureCache, as_feature_cache

WRONG = {
    "no place": ({"directory": ""}, "needs a place"),
    "a number": ({"directory": 3}, "needs a place.*directory=3"),
    "no views": ({"views": 0}, "`views`.*at least 1.*views=0"),
    "half a view": ({"views": 1.5}, "`views`.*views=1.5"),
    "no bytes": ({"max_bytes": 0}, "`max_bytes`.*max_bytes=0"),
    "text": ({"max_bytes": "1GB"}, "`max_bytes`.*'1GB'"),
    "64 bits": ({"dtype": "float64"}, "dtype='float64'.*float32, float16"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        FeatureCache(**{"directory": "memory", **arguments})


def test_nothing_is_written_before_it_is_needed(tmp_path):
    cache = FeatureCache(tmp_path / "cache", views=3, max_bytes=10)
    assert cache.directory == tmp_path / "cache"
    assert not cache.directory.exists()
    assert (cache.views, cache.max_bytes, cache.dtype) == (3, 10, "float32")
    assert cache.place == f"'{tmp_path / 'cache'}'"


def test_shorthands(tmp_path):
    assert as_feature_cache(None) is None
    memory = as_feature_cache("memory")
    assert memory.directory is None and memory.used_once
    assert memory.place == "memory"
    folder = as_feature_cache(str(tmp_path))
    assert folder.directory == Path(tmp_path) and not folder.used_once
    cache = FeatureCache("memory")
    assert as_feature_cache(cache) is cache and not cache.used_once


@pytest.mark.parametrize("value", [True, 1, ["memory"]])
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match=r"`feature_cache` is None.*Received"):
        as_feature_cache(value)
