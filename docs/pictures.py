"""Draw the figures of the pages anew: `python docs/pictures.py`.

A picture `images/plot-NAME.png` in a page is the `Plot` that the page's own examples call NAME;
`images/convolution-tiling.svg` is drawn by `tiling.py`.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from tiling import tiling

DOCS = Path(__file__).parent


def main() -> None:
    """Draw the tiling, run the examples of each page that shows plots, and save them."""
    (DOCS / "images" / "convolution-tiling.svg").write_text(tiling(), encoding="utf-8")
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        names = re.findall(r"\(images/plot-(\w+)\.png\)", text)
        if names:
            test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
            doctest.DocTestRunner().run(test, clear_globs=False)
            for name in names:
                test.globs[name].save(DOCS / "images" / f"plot-{name}.png", dpi=110)


if __name__ == "__main__":
    main()
