"""Downloads from a server on this machine: only when asked, checked, and nothing left of what is wrong."""

import hashlib
import io
import logging
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from pullback import data
from pullback.data.readers.download import download

pooch = pytest.importorskip("pooch")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        self.server.asked.append(self.path)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder that is served; `asked` are the requests."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pooch.get_logger(), "level", logging.ERROR)
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        running.asked = []
        running.folder = folder
        running.url = f"http://127.0.0.1:{running.server_port}/"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def md5(path):
    return "md5:" + hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def mnist(server, monkeypatch):
    images = np.zeros((2, 28, 28), np.uint8)
    names = {}
    for part in ("train", "t10k"):
        for name, array in (("images-idx3", images), ("labels-idx1", np.array([3, 4], np.uint8))):
            path = server.folder / f"{part}-{name}-ubyte.gz"
            data.write_idx(array, path)
            names[path.name] = md5(path)
    monkeypatch.setattr(data.MNIST, "mirrors", (server.url,))
    monkeypatch.setattr(data.MNIST, "files", names)
    return server


def test_only_what_is_missing_is_brought_and_only_when_asked(mnist, tmp_path):
    root = tmp_path / "root"
    with pytest.raises(FileNotFoundError):
        data.MNIST(root)
    assert mnist.asked == []
    assert data.MNIST(root, download=True).labels.tolist() == [3, 4]
    assert mnist.asked == ["/train-images-idx3-ubyte.gz", "/train-labels-idx1-ubyte.gz"]
    assert len(data.MNIST(root)) == len(data.MNIST(root, download=True)) == 2
    assert len(mnist.asked) == 2, "they are here"
    assert len(data.MNIST(root, False, download=True)) == 2
    assert len(mnist.asked) == 4


def test_a_wrong_checksum_leaves_nothing(mnist, tmp_path):
    (mnist.folder / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    root = tmp_path / "root"
    with pytest.raises(
        ValueError, match=r"train-images-idx3-ubyte.gz could not be downloaded \(http://127.*hash"
    ):
        data.MNIST(root, download=True)
    assert not root.exists()


def test_the_next_address_is_tried(mnist, tmp_path, monkeypatch):
    monkeypatch.setattr(data.MNIST, "mirrors", (mnist.url + "gone/", mnist.url))
    assert len(data.MNIST(tmp_path / "root", download=True)) == 2


def test_what_is_nowhere(server, tmp_path):
    with pytest.raises(OSError, match=r"file could not be downloaded .*404"):
        download([server.url + "file"], tmp_path / "new" / "folder" / "file", "md5:00")
    assert not (tmp_path / "new").exists()
    server_port_of_nobody = "http://127.0.0.1:1/file"
    with pytest.raises(OSError, match="could not be downloaded"):
        download([server_port_of_nobody], tmp_path / "file", "md5:00")


def test_cifar_comes_as_an_archive_of_which_only_the_data_is_unpacked(server, tmp_path, monkeypatch):
    record = bytes([5]) + bytes(3072)
    members = {
        f"cifar-10-batches-bin/{name}": record for name in (*data.CIFAR10.train_files, "test_batch.bin")
    }
    members |= {"cifar-10-batches-bin/readme.html": b"<html>", "../outside": b"bad", "/absolute": b"bad"}
    path = server.folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    monkeypatch.setattr(data.CIFAR10, "urls", (server.url + path.name,))
    monkeypatch.setattr(data.CIFAR10, "checksum", md5(path))
    root = tmp_path / "deep" / "root"
    assert data.CIFAR10(root, download=True).labels.tolist() == [5] * 5
    assert sorted(file.name for file in (root / "cifar-10-batches-bin").iterdir()) == [
        *(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test_batch.bin",
    ]
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["root"]
    assert len(data.CIFAR10(root, False, download=True)) == 1
    assert len(server.asked) == 1


def test_without_the_library_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(ImportError, match=r"pip install 'pullback\[download\]'"):
        data.MNIST(tmp_path, download=True)
