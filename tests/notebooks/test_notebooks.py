"""The lessons as they are stored: a clean run, exercises with solutions, claims at the end. CI runs them anew."""

import ast
import base64
import json
import re
import struct
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
LARGEST = 700_000  # bytes of one lesson
WIDEST = 1600  # points of a picture
CLAIMS = "# What this lesson claims"

FORBIDDEN = {
    "a path of the machine": r"(?<![\w/<])/(?:home|tmp|root|work|usr|var|Users)/\w|\b[A-Z]:\\\\?Users",
    "a warning": r"\bWarning\b:|warnings\.warn",
    "an address in memory": r"\bat 0x[0-9a-f]{6,}",
    "a time": r"(?i)\b(?:wall time|elapsed|took)\b.*\d|\d\s?(?:ms|µs|us|it/s)\b",
    "a progress bar": r"\d+%\|",
}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def code_cells(path):
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def shown(cell):
    """The text that a reader sees below a cell; pictures left out."""
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            yield "".join(output["text"])
        for kind, data in output.get("data", {}).items():
            if kind == "text/plain":
                yield "".join(data)


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param


def test_all_twelve_lessons_are_there_and_linked():
    page = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| \[[^\]]+\]\((\d\d_[a-z_]+\.ipynb)\) \| \S", page, re.MULTILINE)
    assert linked == [path.name for path in LESSONS]
    assert [int(name[:2]) for name in linked] == list(range(1, 13))


def test_it_has_a_title_and_a_summary(lesson):
    words = [source(cell) for cell in read(lesson)["cells"] if cell["cell_type"] == "markdown"]
    assert words[0].startswith(f"# {int(lesson.name[:2])}. ")
    assert any(re.search(r"^## Summary$", text, re.MULTILINE) for text in words[-2:])


def test_its_outputs_are_those_of_one_run_from_top_to_bottom(lesson):
    cells = code_cells(lesson)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))


def test_nothing_went_wrong_and_nothing_changes_from_run_to_run(lesson):
    for cell in code_cells(lesson):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", "".join(output["text"])
        for text in shown(cell):
            for what, pattern in FORBIDDEN.items():
                found = re.search(pattern, text)
                assert not found, f"{what} is stored: {found[0]!r}"


def test_it_is_not_too_large(lesson):
    assert lesson.stat().st_size < LARGEST
    for cell in code_cells(lesson):
        for output in cell["outputs"]:
            if "image/png" in (data := output.get("data", {})):
                width, height = struct.unpack(">II", base64.b64decode(data["image/png"])[16:24])
                assert max(width, height) <= WIDEST


def test_its_metadata_names_no_machine(lesson):
    metadata = read(lesson)["metadata"]
    assert metadata["kernelspec"] == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert metadata["language_info"] == {"name": "python"}
    for cell in read(lesson)["cells"]:
        assert "execution" not in cell["metadata"], "the times of a run are stored"


def test_its_last_cell_asserts_what_it_claims(lesson):
    last = read(lesson)["cells"][-1]
    assert last["cell_type"] == "code"
    assert source(last).startswith(CLAIMS)
    asserts = [node for node in ast.walk(ast.parse(source(last))) if isinstance(node, ast.Assert)]
    constant = [node for node in asserts if isinstance(node.test, ast.Constant)]
    assert len(asserts) >= 3
    assert not constant


def test_it_has_exercises_with_hidden_solutions_that_are_checked(lesson):
    cells = read(lesson)["cells"]
    turns = [i for i, cell in enumerate(cells) if cell["cell_type"] == "code" and "your turn" in source(cell)]
    solutions = [i for i, cell in enumerate(cells) if "solution" in cell["metadata"].get("tags", [])]
    assert len(turns) >= 2
    assert len(solutions) >= len(turns)
    for i in turns:
        (follows,) = [j for j in solutions if j > i and not any(i < k <= j for k in turns)][:1]
        between = [source(cell) for cell in cells[i + 1 : follows] if cell["cell_type"] == "code"]
        assert between, "an exercise is followed by a check of the learner's answer"
        assert "..." in source(cells[i]), "it is shipped unsolved"
    for i in solutions:
        assert cells[i]["metadata"]["jupyter"]["source_hidden"]
        assert "assert" in source(cells[i]), "a solution shows that it gets full marks"


def test_it_uses_public_names_only(lesson):
    for cell in code_cells(lesson):
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.Attribute):
                private = node.attr.startswith("_") and not node.attr.startswith("__")
                mine = isinstance(node.value, ast.Name) and node.value.id == "self"
                assert mine or not private, ast.unparse(node)
