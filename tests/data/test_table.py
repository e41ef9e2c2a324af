"""CSV files."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback import data

FLOWERS = """length,width,kind
5.1,3.5,setosa
7.0, 3.2 ,versicolor

6.3,-1e1,setosa
"""


@pytest.fixture
def file(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_numbers_and_categories(file):
    table = data.read_csv(file(FLOWERS), target="kind", categorical=["kind"])
    assert len(table) == 3
    assert table.features.dtype == np.float32
    assert np.array_equal(table.features, np.array([[5.1, 3.5], [7.0, 3.2], [6.3, -10]], np.float32))
    assert table.ids.shape == (3, 0)
    assert table.target.tolist() == [0, 1, 0]
    assert table.target.dtype == np.int64
    assert table.categories == {"kind": ("setosa", "versicolor")}
    assert table["width"].tolist()[2] == -10
    x, y = table.dataset()[1]
    assert (x.shape, y.item()) == ((2,), 1)


def test_columns_targets_and_ids(file):
    path = file("a;b;c;d\n1;x;2;0.5\n3;y;4;1.5\n")
    table = data.read_csv(path, columns=["c", "b"], target="d", categorical=["b"], delimiter=";")
    assert list(table.columns) == ["c", "b", "d"]
    assert table.features.tolist() == [[2.0], [4.0]]
    assert table.ids.tolist() == [[0], [1]]
    assert table.target.tolist() == [0.5, 1.5]
    assert [part.shape for part in table.dataset().tensors] == [(2, 1), (2, 1), (2,)]


def test_without_a_header(file):
    table = data.read_csv(file("1,2\n3,4\n"), header=False, target=1)
    assert (table.features.tolist(), table.target.tolist()) == ([[1.0], [3.0]], [2.0, 4.0])


def test_whole_numbers_as_categories_are_in_their_order(file):
    table = data.read_csv(file("n\n10\n9\n-1\n"), categorical=["n"])
    assert table.categories["n"] == ("-1", "9", "10")
    assert table["n"].tolist() == [2, 1, 0]


def test_a_test_set_gets_the_ids_of_its_training_set(file):
    training = data.read_csv(file("kind\nb\na\n"), categorical=["kind"])
    test = data.read_csv(file("kind\nb\nb\n"), categories=training.categories)
    assert test["kind"].tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"line 3, column 'kind': 'c' is none of the 2 categories"):
        data.read_csv(file("kind\na\nc\n"), categories=training.categories)


def test_missing_cells(file):
    path = file("x,kind\n1,a\n?,b\n5,\n")
    with pytest.raises(ValueError, match=r"line 3, column 'x': the cell is missing \('\?'\); fill="):
        data.read_csv(path, columns=["x"])
    assert data.read_csv(path, columns=["x"], fill="mean")["x"].tolist() == [1, 3, 5]
    assert np.isnan(data.read_csv(path, columns=["x"], fill=np.nan)["x"]).tolist() == [False, True, False]
    with pytest.raises(ValueError, match=r"line 4, column 'kind': the category is missing"):
        data.read_csv(path, categorical=["kind"], fill=0)
    table = data.read_csv(path, categorical=["kind"], fill={"x": -1, "kind": "none"})
    assert table["x"].tolist() == [1, -1, 5]
    assert table.categories["kind"] == ("a", "b", "none")
    assert data.read_csv(path, categorical=["kind"], fill={"x": 0}, missing=["?"])["kind"].tolist() == [
        1,
        2,
        0,
    ]
    with pytest.raises(ValueError, match="cannot be filled with 'median'"):
        data.read_csv(path, columns=["x"], fill="median")
    with pytest.raises(ValueError, match="column 'x' has no numbers, and so no mean"):
        data.read_csv(file("x\n?\n"), fill="mean")


def test_quotes_lines_in_cells_and_marks_at_the_beginning(file):
    path = file(b'\xef\xbb\xbfx,text\r\n1,"a, b\nc"\r\n2,"say ""x"""\r\nbad,z\r\n')
    with pytest.raises(ValueError, match="line 5, column 'x': 'bad' is no finite number"):
        data.read_csv(path, columns=["x"])
    table = data.read_csv(path, columns=["text"], categorical=["text"])
    assert table.categories["text"] == ("a, b\nc", 'say "x"', "z")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no lines"),
        ("a,b\n", "has no rows below its header"),
        ("a,b\n1,2\n3\n", "line 3 has 1 cells, and there are 2 columns"),
        ("a,b\n1,2,3\n", "line 2 has 3 cells"),
        ("a, a\n1,2\n", "two columns of the name 'a'"),
        (
            "a\nred\n",
            "line 2, column 'a': 'red' is no finite number of float32; name the column in categorical=",
        ),
        ("a\n1_000\n", "'1_000' is no finite number"),
        ("a\ninf\n", "'inf' is no finite number"),
        ("a\n1e999\n", "'1e999' is no finite number"),
        ("a\n-1e39\n", "'-1e39' is no finite number of float32"),
        ("a,b\n1,2\n1,\n", "line 3, column 'b': the cell is missing"),
        ("a,b\n1,2e\n", "line 2, column 'b': '2e' is no"),
        ("a,b\n1-,2\n", "line 2, column 'a': '1-' is no"),
        ("a\nnan\n", "line 2, column 'a': the cell is missing"),
        ("a\n٣\n", "is no finite number"),
        ("a\n1,\n", "line 2 has 2 cells"),
        ('a\n"1\n', "after line 2: unexpected end of data"),
        (b"a\n\xff\n", "after line"),
        (b"a\n1\x00\n", "line"),
        (b"\xff\xfe\x00\x01", "table.csv"),
        ("a\n" + "1" * 200_000 + "\n", "field larger than field limit"),
    ],
)
def test_bad_files(file, content, message):
    path = file(content)
    with pytest.raises(ValueError, match=message) as caught:
        data.read_csv(path)
    assert str(path) in str(caught.value)


def test_columns_that_are_not_there(file):
    for arguments in (
        {"columns": ["z"]},
        {"target": "z"},
        {"categorical": ["z"]},
        {"categories": {"z": ["a"]}},
        {"fill": {"z": 0}},
    ):
        with pytest.raises(ValueError, match="no column 'z'; its columns are 'length', 'width', 'kind'"):
            data.read_csv(file(FLOWERS), **arguments)


texts = st.text("abcä;,\"' \n", max_size=5).map(lambda text: f"x{text}x")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), texts), min_size=1, max_size=8
    )
)
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "kind"])
        writer.writerows(rows)
    table = data.read_csv(path, categorical=["kind"])
    assert np.array_equal(table["x"], np.array([number for number, _ in rows], np.float32))
    assert [table.categories["kind"][i] for i in table["kind"]] == [text for _, text in rows]


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_do_anything_else(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(content)
    complaint = None
    try:
        assert len(data.read_csv(path)) > 0
    except ValueError as error:
        complaint = str(error)
    assert complaint is None or str(path) in complaint


def test_names_are_given_in_a_list(file):
    path = file("a,b,ab\n1,2,3\n")
    for option in ("columns", "categorical"):
        with pytest.raises(TypeError, match=rf"{option} is a list of names, such as \['ab'\]"):
            data.read_csv(path, **{option: "ab"})


def test_spaces_before_quotes_do_not_count(file):
    table = data.read_csv(file('kind, size\n"a, b", "2"\nc,  "1"\n'), categorical=["kind"])
    assert table.categories["kind"] == ("a, b", "c")
    assert table["size"].tolist() == [2, 1]
    spaced = data.read_csv(file("a b\n1 2\n"), delimiter=" ")
    assert spaced.features.tolist() == [[1, 2]]
