"""A wheel holds what it should, and works from an empty folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source") / "pullback"
    ignored = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__", "tests")
    shutil.copytree(ROOT, source, ignore=ignored)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (path,) = out.glob("*.whl")
    return path


def test_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    expected = {
        "pullback/__init__.py",
        "pullback/__main__.py",
        "pullback/py.typed",
        "pullback/autograd/tensor.py",
        "pullback/autograd/methods.pyi",
        "pullback/autograd/ops/elementwise.pyi",
        "pullback/nn/functional/linear.pyi",
        "pullback/viz/replay/page.css",
        "pullback/viz/replay/player.js",
        "pullback/data/digits/digits.npz",
        "pullback/data/digits/LICENSE.txt",
    }
    assert expected <= set(names)
    stray = [name for name in names if not name.startswith(("pullback/", "pullback-"))]
    assert not stray, "only the import name is installed"
    ours = ("pullback/testing.py", "pullback/autograd/testing.py", "pullback/autograd/pytest_plugin.py")
    assert not [name for name in names if "test" in name.lower() and name not in ours and "entry" not in name]


def test_import_from_an_empty_folder(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "import pullback as pb; x = pb.tensor(2.0, requires_grad=True); (x * x).backward(); "
        "print(pb.__file__, x.grad.item(), len(pb.data.digits.load().images))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    path, slope, count = result.stdout.split()
    assert Path(path).is_relative_to(site)
    assert (slope, count) == ("4.0", "1797")
