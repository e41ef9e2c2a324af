"""Downloads, when they are asked for: by pooch, and kept only if the checksum is right."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def download(urls: Sequence[str], path: str | os.PathLike[str], checksum: str) -> Path:
    """Bring a file here, unless it is here already, with this checksum.

    Args:
        urls: where it is; the next one is tried when one fails.
        path: where to. The file appears whole and checked, or not at all.
        checksum: "md5:…" or "sha256:…".

    Raises:
        ImportError: without the extra `download`.
        OSError: if no address gives it.
        ValueError: if what an address gives has another checksum.
    """
    try:
        import pooch  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra
    except ImportError as error:
        raise ImportError(
            "downloads need pooch, which the extra 'download' brings: pip install 'pullback[download]'"
        ) from error

    target = Path(path)
    made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    failures: list[Exception] = []
    for url in urls:
        try:
            pooch.retrieve(url, checksum, target.name, target.parent, progressbar=sys.stderr.isatty())
            return target
        except (
            OSError,
            ValueError,
        ) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
            failures.append(error)
            response = getattr(error, "response", None)
            if response is not None:
                response.close()  # requests leaves the connection of a refusal open
    for folder in made:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    told = "; ".join(f"{url}: {error}" for url, error in zip(urls, failures, strict=True))
    kind = ValueError if isinstance(failures[-1], ValueError) else OSError
    raise kind(f"{target.name} could not be downloaded ({told})") from failures[-1]


def require_files(paths: Sequence[Path], name: str) -> None:
    """Refuse to go on without these files.

    Raises:
        FileNotFoundError: saying which is missing, and how to get it.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]} is missing; put the files of {name} there, or download them with {name}(root, download=True)"
        )
