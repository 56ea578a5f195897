import warnings

import numpy as np
import pytest

from keras_transfer import data

pytestmark = pytest.mark.any_backend


@pytest.fixture
def table(tmp_path, photos):
    """Writes labels.csv and the photos that it names."""

    def write(text, folder=tmp_path):
        lines = [line.strip() for line in text.strip().splitlines()]
        folder.mkdir(exist_ok=True)
        (folder / "labels.csv").write_text("\n".join(lines), "utf-8")
        for number, line in enumerate(lines[1:]):
            photos.save(photos.picture(number), folder / line.split(",")[0])
        return tmp_path

    return write


def rows(template, count):
    return "\n".join(template.format(i, i % 2, 1 - i % 2) for i in range(count))


def test_columns_of_0_and_1_are_multi_label(table):
    folder = table("file,striped,indoor\n" + rows("p/{}.jpg,{},{}", 20))
    loaded = data.load(folder, image_size=8, batch_size=20)
    assert loaded.task == "multi_label"
    assert loaded.class_names == ["striped", "indoor"]
    assert loaded.num_samples == {"train": 13, "validation": 3, "test": 4}
    images, labels = loaded.train[0]
    assert images.shape == (13, 8, 8, 3)
    assert labels.dtype == np.float32
    for photo, label in zip(loaded.test.photos, loaded.test[0][1], strict=True):
        odd = int(photo.rsplit("/", 1)[1][:-4]) % 2
        assert label.tolist() == [odd, 1 - odd]


def test_other_numbers_are_regression(table):
    folder = table("file,weight\n" + rows("{}.jpg,{}.25", 10))
    loaded = data.load(folder, image_size=8)
    assert loaded.task == "regression"
    assert loaded.class_names is None
    assert loaded.target_names == ["weight"]
    labels = loaded.test[0][1]
    assert labels.dtype == np.float32
    assert labels.shape == (2, 1)
    assert set(labels.ravel().tolist()) <= {0.25, 1.25}
    assert "regression: 6 train" in repr(loaded)


@pytest.mark.parametrize(
    ("values", "names"), [("cat dog", ["cat", "dog"]), ("0 1", ["0", "1"])]
)
def test_one_column_of_words_is_classification(table, values, names):
    first, second = values.split()
    folder = table(
        f"file,kind\na.jpg,{second}\nb.jpg,{first}\nc.jpg,{second}\n"
    )
    loaded = data.load(folder, validation_split=0, test_split=0)
    assert loaded.task == "classification"
    assert loaded.class_names == names
    assert loaded.train.labels.tolist() == [1, 0, 1]


def test_the_task_can_be_stated(table):
    folder = table("file,stars\n" + rows("{}.jpg,{}", 10))
    assert data.load(folder).task == "classification"
    assert data.load(folder, task="regression").task == "regression"
    with pytest.raises(ValueError, match="'auto' or one of"):
        data.load(folder, task="ranking")


def test_a_split_column_divides(table):
    folder = table(
        """file,split,x,y
        a.jpg,train,1,0
        b.jpg,Test,0,1
        c.jpg,val,1,1
        d.jpg,train,0,0"""
    )
    loaded = data.load(folder)
    assert loaded.num_samples == {"train": 2, "validation": 1, "test": 1}
    assert loaded.validation[0][1].tolist() == [[1, 1]]


def test_train_and_test_may_have_their_own_tables(table, tmp_path):
    for part, count in (("train", 10), ("test", 4)):
        table("file,x,y\n" + rows("{}.jpg,{},{}", count), tmp_path / part)
    loaded = data.load(tmp_path)
    assert loaded.num_samples == {"train": 8, "validation": 2, "test": 4}
    table("file,x,z\n" + rows("{}.jpg,{},{}", 4), tmp_path / "test")
    with pytest.raises(ValueError, match=r"\['x', 'z'\].*\['x', 'y'\]"):
        data.load(tmp_path)


def test_shots_reach_every_label(table):
    folder = table("file,x,y\n" + rows("{}.jpg,{},{}", 30))
    few = data.load(folder, shots_per_class=3)
    assert few.train.labels.sum(axis=0).tolist() == [3, 3]


def test_shots_of_a_regression_are_refused(table):
    folder = table("file,weight\n" + rows("{}.jpg,{}.25", 10))
    with pytest.raises(ValueError, match=r"regression on \['weight'\]"):
        data.load(folder, shots_per_class=3)


def test_classes_choose_rows(table):
    folder = table("file,kind\na.jpg,x\nb.jpg,y\nc.jpg,z\nd.jpg,x\n")
    loaded = data.load(folder, classes=["z", "x"], test_split=0)
    assert loaded.class_names == ["z", "x"]
    labels = [*loaded.train.labels, *loaded.validation.labels]
    assert sorted(labels) == [0, 1, 1]


def test_bad_photos_in_the_table_are_named(table, tmp_path):
    table("file,x,y\n" + rows("{}.jpg,{},{}", 10))
    (tmp_path / "3.jpg").write_text("broken")
    (tmp_path / "4.jpg").unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = data.load(tmp_path)
    (warning,) = caught
    assert "3.jpg: not an image" in str(warning.message)
    assert "4.jpg: no such file" in str(warning.message)
    assert sum(loaded.num_samples.values()) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,x\na.jpg,1", "among them 'file'.*Columns found: .*'name'"),
        ("file\na.jpg", "among them 'file'"),
        ("", "Columns found: none"),
        ("file,x,y\na.jpg,1", "line 2: expected 3 values"),
        ("file,x,y\na.jpg,1,2,3", "line 2: expected 3 values"),
        ("file,x,y\na.jpg,1,tall", "must hold 0 and 1.*Found: .'tall'"),
        ("file,x\na.jpg,cat\nb.jpg,cat", "one class: .'cat'"),
        ("file,split,x,y\na.jpg,test,1,0", "train at least once"),
        ("file,split,x,y\na.jpg,hold,1,0", "Received: .'hold'"),
    ],
)
def test_tables_that_cannot_be_read(table, text, message):
    with pytest.raises(ValueError, match=message):
        data.load(table(text) if text else _empty_table(table))


def _empty_table(table):
    folder = table("file,x\na.jpg,1")
    (folder / "labels.csv").write_text("")
    return folder


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("multi_label", r"line 3: multi-label values must be 0 or 1"),
        ("regression", None),
        ("classification", "one label column"),
    ],
)
def test_a_stated_task_must_fit(table, task, message):
    folder = table("file,x,y\na.jpg,1,0\nb.jpg,2,0\n")
    if message is None:
        assert data.load(folder, task=task, test_split=0).task == task
    else:
        with pytest.raises(ValueError, match=message):
            data.load(folder, task=task)


def test_a_word_among_numbers_is_named_by_its_line(table):
    folder = table("file,x\na.jpg,1.5\nb.jpg,many\n")
    with pytest.raises(ValueError, match=r"line 3: x must be.*'many'"):
        data.load(folder, task="regression")


def test_no_photo_left(table, tmp_path):
    table("file,x,y\na.jpg,1,0\n")
    (tmp_path / "a.jpg").unlink()
    with (
        pytest.warns(UserWarning, match="1 of 1 files"),
        pytest.raises(ValueError, match="No row of"),
    ):
        data.load(tmp_path)


def one_of(values):
    return "file,kg\n" + "\n".join(f"{i}.jpg,{v}" for i, v in enumerate(values))


BROKEN = {
    "blank": (one_of(["1", "2", " ", "4"]), r"line 4: 'kg' is blank"),
    "nan": (one_of(["1", "2", "nan", "4"]), r"line 4: 'kg' is 'nan'"),
    "NA": (one_of(["NA", "2", "3", "4"]), r"line 2: 'kg' is 'NA'"),
    "infinite": (one_of(["1", "2", "3", "inf"]), r"line 5: 'kg' is 'inf'"),
    "unit": (one_of([f"{i} kg" for i in range(4)]), "looks like numbers"),
    "comma": (
        "file,kg\n" + "\n".join(f'{i}.jpg,"{i},5"' for i in range(4)),
        "decimal point",
    ),
    "index": (",file,kg\n0,a.jpg,1\n1,b.jpg,2", "column 1 has no name"),
    "unnamed": ("file,Unnamed: 0,kg\na.jpg,0,1", "column 2 has no name"),
    "one name": ("file,a,a\na.jpg,0,1", "several columns named 'a'"),
    "uncertain": ("file,a,b\na.jpg,0,1\nb.jpg,-1,1", "line 3: 'a' is -1"),
    "two classes": ("file,a\na.jpg,cat\na.jpg,dog", "another a than before"),
    "two parts": (
        "file,split,a\na.jpg,train,cat\nb.jpg,train,dog\na.jpg,test,cat",
        "another split than before: 'test' instead of 'train'",
    ),
    "test alone": (
        "file,split,a\na.jpg,train,cat\nb.jpg,train,dog\nc.jpg,test,owl",
        "Only in test: owl",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tables_name_the_line_or_the_column(tmp_path, photos, name):
    text, said = BROKEN[name]
    for file in [*"abc", *map(str, range(5))]:
        photos.save(photos.picture(), tmp_path / f"{file}.jpg")
    (tmp_path / "labels.csv").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=said):
        data.load(tmp_path, image_size=8)


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("file,a,b\n" + rows("{}.jpg,{}.0,{}.0", 8), "multi_label"),
        ("file,a\n" + rows("{}.jpg,{}.0", 8), "classification"),
        ("file,a\n" + "\n".join(f"{i}.jpg,{i % 2}d" for i in range(8)),
         "classification"),
        ("file,a\n" + "\n".join(f"{i}.jpg,{'12?'[i % 3]}" for i in range(9)),
         "classification"),
    ],
)  # fmt: skip
def test_tables_that_are_right(table, text, task):
    loaded = data.load(table(text), image_size=8)
    assert loaded.task == task


def test_zeros_and_ones_with_a_point_are_two_classes(table):
    folder = table("file,a\n" + rows("{}.jpg,{}.0", 8))
    assert data.load(folder, image_size=8).class_names == ["0", "1"]
