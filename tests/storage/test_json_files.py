"""JSON that was edited or damaged: the file, the key and what to do."""

import pytest

from keras_transfer.storage.json_files import check_json, read_json

pytestmark = pytest.mark.any_backend
SCHEMA = {
    "type": "object",
    "properties": {
        "seed": {"type": "integer"},
        "inner": {"type": "object", "properties": {"rate": {"type": "number"}}},
    },
    "required": ["seed"],
}


def test_what_fits_comes_back(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"seed": 3, "more": [1]}')
    assert read_json(path, SCHEMA) == {"seed": 3, "more": [1]}
    assert read_json(path) == {"seed": 3, "more": [1]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ('{"seed": 3', "is not JSON"),
        ("\x00\x01", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "not of type 'object'"),
        ("null", "not of type 'object'"),
        ("{}", "'seed' is a required property"),
        ('{"seed": "x"}', "key 'seed': 'x' is not of type 'integer'"),
        ('{"seed": true}', "key 'seed': True is not of type"),
        ('{"seed": 1, "inner": {"rate": []}}', "key 'inner.rate'"),
    ],
)
def test_what_does_not_is_named(tmp_path, text, said):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"Mend it\.$") as error:
        read_json(path, SCHEMA, "Mend it.")
    assert said in str(error.value) and str(path) in str(error.value)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"seed": "\xff"}')
    with pytest.raises(ValueError, match="is not JSON"):
        read_json(tmp_path / "a.json")


def test_a_long_value_is_cut():
    with pytest.raises(ValueError, match=r"\.\.\.") as error:
        check_json({"seed": "x" * 5000}, "it", SCHEMA)
    assert len(str(error.value)) < 400
