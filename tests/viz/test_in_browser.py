"""The pictures as a browser shows them: every text inside its outline, and dark where the reader likes it."""

import base64
import json
import re
import shutil
import subprocess

import pytest

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH"),
]

# for each text its box, and the box of the outline that is drawn before it in the same group
MEASURE = """
<pre id="answer"></pre><script>
const found = [];
for (const group of document.querySelectorAll('svg > g > g')) {
  const outline = ['circle', 'rect', 'polygon'].map(tag => group.querySelector(tag)).find(Boolean);
  for (const text of group.querySelectorAll('text')) {
    const t = text.getBBox(), o = outline ? outline.getBBox() : null;
    found.push([text.textContent, t.x, t.x + t.width, o && o.x, o && o.x + o.width]);
  }
}
const first = document.querySelector('svg > rect');
document.getElementById('answer').textContent = btoa(unescape(encodeURIComponent(JSON.stringify(
  [found, getComputedStyle(first).fill]))));
</script>
"""


def browse(tmp_path, svg, *flags):
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8">{svg}{MEASURE}', encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", *flags, "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    answer = re.search(r'<pre id="answer">([^<]+)</pre>', done.stdout)[1]
    return json.loads(base64.b64decode(answer))


def test_texts_of_cards_lie_inside_them(network, tmp_path):
    texts, _ = browse(tmp_path, network.svg())
    assert len(texts) > 30
    for content, left, right, start, end in texts:
        assert start <= left, content
        assert right <= end, content


def test_symbols_lie_inside_their_gates(neuron, tmp_path):
    texts, _ = browse(tmp_path, neuron(gates=True).svg())
    inside = {
        content
        for content, left, right, start, end in texts
        if start is not None and start <= left and right <= end
    }
    assert {"w₀", "×", "+", "×−1", "exp", "+1", "1/x"} <= inside


@pytest.mark.parametrize(("preference", "panel"), [(1, "rgb(255, 255, 255)"), (0, "rgb(20, 23, 28)")])
def test_the_panel_follows_the_reader(slide, tmp_path, preference, panel):
    _, fill = browse(tmp_path, slide.svg(), f"--blink-settings=preferredColorScheme={preference}")
    assert fill == panel
