"""The pictures as a browser shows them: every text inside its outline, and at peace with the page around them."""

import pytest

import pullback as pb
from pullback import nn, viz

pytestmark = pytest.mark.browser

# for each text its box, and the box of the outline that is drawn before it in the same group
MEASURE = """(() => {
  const found = [];
  for (const group of document.querySelectorAll('svg > g > g')) {
    const outline = ['circle', 'rect', 'polygon'].map(tag => group.querySelector(tag)).find(Boolean);
    for (const text of group.querySelectorAll('text')) {
      const t = text.getBBox(), o = outline ? outline.getBBox() : null;
      found.push([text.textContent, t.x, t.x + t.width, o && o.x, o && o.x + o.width]);
    }
  }
  return found;
})()"""
PANELS = "[...document.querySelectorAll('svg')].map(svg => getComputedStyle(svg.querySelector('rect')).fill)"
COLOURS = (
    "[...document.querySelectorAll('svg')].map(svg => [...svg.querySelectorAll('text')]"
    ".map(text => getComputedStyle(text).fill + text.textContent))"
)
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 23, 28)"


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page with this in its body."""

    def open_(body, *, dark=False):
        path = tmp_path / "page.html"
        path.write_text(f'<!doctype html><meta charset="utf-8">{body}', encoding="utf-8")
        page = browser.page(dark=dark).open(path)
        assert page.complaints == []
        return page

    return open_


def test_texts_of_cards_lie_inside_them(network, opened):
    texts = opened(network.svg()).evaluate(MEASURE)
    assert len(texts) > 30
    for content, left, right, start, end in texts:
        assert start <= left, content
        assert right <= end, content


def test_symbols_lie_inside_their_gates(neuron, opened):
    inside = {
        content
        for content, left, right, start, end in opened(neuron(gates=True).svg()).evaluate(MEASURE)
        if start is not None and start <= left and right <= end
    }
    assert {"w₀", "×", "+", "×−1", "exp", "+1", "1/x"} <= inside


@pytest.mark.parametrize(("dark", "panel"), [(False, LIGHT), (True, DARK)])
def test_the_panel_follows_the_reader(slide, opened, dark, panel):
    assert opened(slide.svg(), dark=dark).evaluate(PANELS) == [panel]


def test_two_pictures_on_a_page_leave_each_other_alone(slide, network, opened):
    alone = [opened(picture.svg(), dark=True).evaluate(COLOURS)[0] for picture in (slide, network)]
    page = opened(slide.svg() + network.svg(), dark=True)
    assert page.evaluate(COLOURS) == alone
    assert page.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size"
    ) == page.evaluate("document.querySelectorAll('[id]').length")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_dark_notebook_and_a_picture_leave_each_other_alone(slide, opened, dark):
    style = "<style>body{background:#111;color:#eee;font:30px serif;stroke:red}p{color:#eee}</style>"
    page = opened(f"{style}<p>before</p>{slide.svg()}<p>after</p>", dark=dark)
    assert page.evaluate(PANELS) == [DARK if dark else LIGHT]
    assert page.evaluate(COLOURS) == opened(slide.svg(), dark=dark).evaluate(COLOURS)
    assert page.evaluate("[...document.querySelectorAll('p')].map(p => getComputedStyle(p).color)") == [
        "rgb(238, 238, 238)"
    ] * 2  # fmt: skip


def test_a_picture_renders_as_an_image(slide, network, opened, tmp_path):
    for number, picture in enumerate((slide, network)):
        picture.save(tmp_path / f"{number}.svg")
    page = opened("".join(f'<img src="{number}.svg">' for number in range(2)))
    sizes = page.evaluate(
        "Promise.all([...document.images].map(i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])))"
    )
    for width, height in sizes:
        assert width > 200
        assert height > 100


def test_a_page_of_a_picture_asks_for_nothing(slide, network, browser, tmp_path):
    for picture in (slide, network):
        page = browser.page(360, 700).open(picture.save(tmp_path / "picture.html"))
        assert page.requests == []
        assert page.complaints == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_hostile_name_stays_a_name(opened):
    name = '</text><script>document.title="taken"</script>"\'&'
    with viz.record() as recording:
        pb.exp(pb.tensor(1.0, requires_grad=True, name=name))
    page = opened(viz.draw(recording).svg())
    assert page.evaluate("document.title") == ""
    assert page.evaluate("document.querySelectorAll('script').length") == 0


@pytest.mark.parametrize("options", [{"depth": 0}, {"max_nodes": 12}, {"rolled": True}, {"max_nodes": None}])
def test_texts_of_closed_and_repeated_parts_lie_inside_their_cards(opened, options):
    pb.manual_seed(0)
    blocks = (layer for _ in range(8) for layer in (nn.Linear(6, 6), nn.Tanh()))
    model = nn.Sequential(nn.Sequential(*blocks), nn.BatchNorm1d(6), nn.Linear(6, 2))
    with viz.record() as recording:
        (model(pb.randn(5, 6)) ** 2).mean().backward()
    texts = opened(viz.draw(recording, **options).svg()).evaluate(MEASURE)
    assert len(texts) > 10
    for content, left, right, start, end in texts:
        if not content.endswith(" ×"):  # that stands beside a wire
            assert start <= left, content
            assert right <= end, content
