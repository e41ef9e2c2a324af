"""The example programs, small: each as a process of its own, and stopped and resumed, with the same result."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pullback as pb

FOLDER = Path(__file__).parent.parent.parent / "examples"

# a small run of each, what it prints and what it writes
PROGRAMS = {
    "captions": (["--scenes", "64", "--test", "8"], "unseen  exact", ["attention.png"]),
    "dates": (["--samples", "128", "--hidden", "16", "--test", "50"], "exact   ", []),
    "drawing": (
        ["--steps", "2", "--hidden", "16"],
        "nats for an image that is new",
        ["copied.png", "invented.png"],
    ),
    "glimpses": (["--copies", "1", "--glimpses", "2", "--hidden", "24"], "with 2 glimpses", ["glimpses.png"]),
    "retrieval": (["--copies", "1"], "by features", ["neighbours.png"]),
    "rows": (["--hidden", "8"], "right   ", []),
    "tagging": (["--lines", "200", "--modules", "6", "--hidden", "8"], "of the characters", []),
    "transfer": (
        ["--examples", "1", "3", "--draws", "1", "--updates", "3", "--copies", "1"],
        " 3 of each digit: scratch",
        ["accuracy.png"],
    ),
}


@pytest.fixture
def program(monkeypatch):
    """A function that imports a program; its neighbours are found as they are when it is run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_every_program_is_here_and_in_the_readme():
    programs = {path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert programs == PROGRAMS.keys() | {"random_vs_grid"}  # which has a test file of its own
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"python examples/(\w+)\.py", readme)) == programs


def test_programs_need_the_library_and_few_others():
    neighbours = {path.stem for path in FOLDER.glob("*.py")}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in (name.split(".")[0] for name in names):
                known = {"numpy", "pullback", "matplotlib", "joblib"} | neighbours | sys.stdlib_module_names
                assert name in known, f"{path.name} imports {name}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_run_is_the_same_when_it_is_stopped_and_resumed(name, program, tmp_path, capsys):
    options, words, files = PROGRAMS[name]
    whole = subprocess.run(
        [sys.executable, f"{FOLDER}/{name}.py", *options, "--epochs", "2", "--out", "a"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env=os.environ | {"PULLBACK_THREADS": str(pb.config.threads)},  # on which the last bits of sums depend
    )  # fmt: skip
    assert whole.returncode == 0, whole.stderr
    assert words in whole.stdout
    assert whole.stderr.count("epoch 1/2: loss") == 1
    for file in files:
        assert (tmp_path / "a" / file).read_bytes().startswith(b"\x89PNG")
    main = program(name).main
    main([*options, "--epochs", "1", "--out", str(tmp_path / "b")])
    capsys.readouterr()
    found = main([*options, "--epochs", "2", "--resume", "--out", str(tmp_path / "b")])
    assert "epoch 1/2: " not in capsys.readouterr().err
    first, second = (json.loads((tmp_path / run / "results.json").read_text()) for run in "ab")
    assert first == second == json.loads(json.dumps(found))


def test_accuracies_that_are_known_are_not_computed_again(program, tmp_path, capsys):
    options = ["--examples", "1", "--updates", "2", "--copies", "1", "--epochs", "0", "--out", str(tmp_path)]
    main = program("transfer").main
    found = main([*options, "--draws", "1"])
    path = tmp_path / "cells.json"
    saved = json.loads(path.read_text())
    assert saved["cells"]["svm 1 0"] == found["svm"]["1"][0]
    saved["cells"]["svm 1 0"] = 0.125
    path.write_text(json.dumps(saved))
    again = main([*options, "--draws", "2", "--resume"])
    assert again["svm"]["1"][0] == 0.125
    assert again["linear"]["1"][0] == found["linear"]["1"][0]
    assert len(again["linear"]["1"]) == 2
    assert main([*options, "--draws", "1"]) == found  # anew


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("dates", ["--translate", "Dritter März"], "'Dritter März' is no date of these formats: "),
        ("dates", ["--test", "80000"], "--test leaves a day to train on, of 73049, so 80000 are too many"),
        ("transfer", ["--examples", "51"], "up to 50 examples of each digit, and not 51"),
    ],
)
def test_mistakes_are_one_line(name, arguments, message, tmp_path):
    command = [sys.executable, f"{FOLDER}/{name}.py", *arguments, "--out", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{name}.py: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_count_of_nothing_is_refused_before_anything_is_done(name, program, tmp_path, capsys):
    main = program(name).main
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    counts = re.findall(r'"(--[a-z]+)", type=', source)
    assert counts
    for option in [*counts, "--seed", "--epochs"]:
        for text, words in (("-1", "-1 is less than "), ("many", "invalid whole number value: 'many'")):
            with pytest.raises(SystemExit) as stop:
                main([option, text, "--out", str(tmp_path / "out")])
            assert stop.value.code == 2
            assert f"argument {option}: {words}" in capsys.readouterr().err
    for option in counts:
        with pytest.raises(SystemExit):
            main([option, "0", "--out", str(tmp_path / "out")])
        assert (
            f"argument {option}: 0 is less than {2 if option == '--modules' else 1}"
            in capsys.readouterr().err
        )
    assert not (tmp_path / "out").exists()


def test_ctrl_c_is_no_accident(program, capsys):
    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        program("common").start(stopped)
    assert stop.value.code == 130
    assert "--resume goes on" in capsys.readouterr().err


# what the programs are made of


def test_dates_are_written_and_read(program):
    dates = program("dates")
    import datetime

    day = datetime.date(2021, 3, 3)
    assert [dates.written(day, form) for form in dates.FORMATS] == [
        "3 March 2021",
        "March 3, 2021",
        "3 Mar 2021",
        "Mar 3 2021",
        "Wednesday, 3 March 2021",
        "Wednesday, March 3, 2021",
        "the 3rd of March 2021",
        "03.03.2021",
        "3/3/2021",
        "2021 Mar 03",
    ]
    endings = [
        dates.written(datetime.date(2021, 1, d), "{nth}") for d in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30)
    ]
    assert endings == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th"]
    assert dates.text_of(tuple(dates.spelled(day)[1:-1])) == "2021-03-03"
    longest = max(
        len(dates.written(datetime.date(2022, m, d), form))
        for form in dates.FORMATS for m in range(1, 13) for d in range(1, 29)
    )  # fmt: skip
    assert longest <= dates.LONGEST


def test_bleu_by_hand(program):
    bleu = program("captions").bleu
    truth = "a red circle left of a blue square"
    assert bleu([truth], [truth]) == pytest.approx(1.0)
    assert bleu(["blue"], [truth]) == 0.0
    # 7 of 8 words, 5 of 7 pairs, 4 of 6 triples, 3 of 5 fours are right
    expected = (7 / 8 * 5 / 7 * 4 / 6 * 3 / 5) ** 0.25
    assert bleu(["a red circle left of a green square"], [truth]) == pytest.approx(expected)
    short = np.exp(1 - 8 / 7) * (1.0 * 1.0 * 1.0 * 1.0) ** 0.25
    assert bleu(["a red circle left of a blue"], [truth]) == pytest.approx(short)


def test_scenes_show_what_their_sentences_say(program):
    captions = program("captions")
    assert len(captions.SENTENCES) == len(set(captions.SENTENCES)) == 12 * 11 * 2
    rng = np.random.default_rng(0)
    for relation, axis in (("left of", 1), ("above", 0)):
        for _ in range(20):
            image = captions.scene(f"a red circle {relation} a blue square", rng)
            red, blue = image[0] - image[2] > 0.4, image[2] - image[0] > 0.4
            assert red.sum() > 30
            assert blue.sum() > 30
            centers = [np.argwhere(where).mean(axis=0) for where in (red, blue)]
            assert centers[1][axis] - centers[0][axis] > 8
            assert abs(centers[1][1 - axis] - centers[0][1 - axis]) < 5


def test_lines_are_tagged_as_python_reads_them(program):
    tagging = program("tagging")
    source = 'def f(x):\n    return "a" + x1 * 2  # two\n\n"""a\nlong one"""\n'
    found = {line: "".join(tagging.SIGNS[kind] for kind in kinds) for line, kinds in tagging.tagged(source)}
    assert found == {
        "def f(x):": "kkk_nonoo",
        '    return "a" + x1 * 2  # two': "____kkkkkk_sss_o_nn_o_d__ccccc",
    }


def test_windows_read_what_is_there_and_write_it_back(program):
    import pullback as pb

    windows = program("windows")
    image = np.random.default_rng(0).uniform(size=(2, 9, 9)).astype(np.float32)
    center, stride, sigma = (pb.tensor([v, v]) for v in (4.0, 1.0, 0.05))
    sharp = windows.filters(center, stride, sigma, 3, 9)
    np.testing.assert_allclose(
        windows.read(pb.asarray(image), sharp, sharp).numpy(), image[:, 3:6, 3:6], atol=1e-5
    )
    patch = pb.asarray(image[:, :3, :3])
    back = windows.write(patch, sharp, sharp).numpy()
    np.testing.assert_allclose(back[:, 3:6, 3:6], image[:, :3, :3], atol=1e-5)
    assert abs(back).sum() == pytest.approx(abs(back[:, 3:6, 3:6]).sum())
    result = pb.gradcheck(
        lambda p, x: windows.read(x, *windows.window(p, 3, 9)[:2]),
        (np.zeros((1, 4)) + 0.3, image[:1].astype(float)),
    )
    assert result.ok, result
    assert windows.framed(image[0], np.array([[4.0, 4.0, 1.0]]), 3).shape == (3, 54, 54)
