"""The replay as a reader has it: opened from the disk in a real browser, worked by keys, clicks and the slider."""

import json
import re

import pytest

import pullback as pb
from pullback import viz

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a replay from the disk; at the end nothing was asked of a network, and nobody complained."""
    pages = []

    def open_(film, width=1200, height=850, *, dark=False, name="film"):
        path = film.save(tmp_path / f"{name}.html")
        pages.append(browser.page(width, height, dark=dark).open(path))
        return pages[-1]

    yield open_
    for page in pages:
        assert page.requests == []
        assert page.complaints == []


@pytest.fixture
def film(slide):
    return viz.Replay(slide.graph)


def text(page, selector):
    return page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")


def now(page):
    """What the counter says."""
    return text(page, "#count")


def test_keys_step_through_it(opened, film):
    page = opened(film)
    assert now(page) == "1 / 7"
    for key, expected in [
        ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 7), ("ArrowRight", 7), ("Home", 1),
    ]:  # fmt: skip
        page.key(key)
        assert now(page) == f"{expected} / 7", key
    for _ in range(4):
        page.key("ArrowRight")
    assert "Back through f = v₃ × z" in text(page, "#panel")
    cells = page.evaluate("[...document.querySelectorAll('#panel .cell .number')].map(e => e.textContent)")
    assert cells == ["1.00", "−4.00", "−4.00", "1.00", "3.00", "3.00"]
    assert page.evaluate("document.getElementById('live').textContent") == film.steps[4].text


def test_values_and_gradients_appear_as_they_become_known(opened, film):
    page = opened(film)
    seen = (
        "[...document.querySelectorAll('#world text')].filter(e => getComputedStyle(e).visibility === 'visible')"
        ".map(e => e.textContent)"
    )
    assert {"−2.00", "5.00", "−4.00"} <= set(page.evaluate(seen))
    assert "3.00" not in page.evaluate(seen)
    page.key("ArrowRight")
    assert page.evaluate(seen).count("3.00") == 1
    assert page.evaluate(seen).count("−4.00") == 1
    page.key("End")
    assert page.evaluate(seen).count("−4.00") == 4
    assert page.evaluate(seen).count("3.00") == 2


def test_buttons_and_the_slider_step_too(opened, film):
    page = opened(film)
    page.click("#next")
    page.click("#next")
    page.click("#back")
    assert now(page) == "2 / 7"
    page.click("#last")
    assert now(page) == "7 / 7"
    page.click("#first")
    assert now(page) == "1 / 7"
    page.click("#slider")  # in its middle
    assert now(page) == "4 / 7"
    page.key("ArrowRight")  # the slider has the keyboard now
    assert now(page) == "5 / 7"
    page.key("Home")
    assert now(page) == "1 / 7"
    assert "What is given" in page.evaluate(
        "document.getElementById('slider').getAttribute('aria-valuetext')"
    )


def test_space_plays_and_stops(opened, film):
    page = opened(film)
    page.key(" ")
    assert page.evaluate("document.getElementById('play').getAttribute('aria-label')") == "Pause"
    page.evaluate(
        "new Promise(done => { const look = () => document.getElementById('count').textContent === '1 / 7'"
        " ? setTimeout(look, 20) : done(); look(); })"
    )
    page.key(" ")
    assert page.evaluate("document.getElementById('play').getAttribute('aria-label')") == "Play"
    assert int(now(page).split(" ")[0]) > 1


def test_modules_open_and_close_by_click_and_by_key(opened, network):
    page = opened(viz.Replay(network.graph))
    shown = "[...document.querySelectorAll('#world .node:not([display])')].length"
    boxes = (
        "[...document.querySelectorAll('.box')]"
        ".map(e => [e.getAttribute('aria-label'), e.getAttribute('aria-expanded')])"
    )
    everything = page.evaluate(shown)
    steps = int(now(page).split("/ ")[1])
    assert ["module 0, 1 operation", "true"] in page.evaluate(boxes)
    page.click("#fit")
    page.click("[aria-label^='module 0'] .sign")
    assert ["module 0, 1 operation", "false"] in page.evaluate(boxes)
    assert page.evaluate(shown) == everything - 3, "the operation with its weight and its bias"
    assert int(now(page).split("/ ")[1]) == steps, "one operation is one step, closed or open"
    page.key("Enter")  # the box has the keyboard
    assert ["module 0, 1 operation", "true"] in page.evaluate(boxes)
    assert page.evaluate(shown) == everything
    page.click("#close-all")
    assert page.evaluate(shown) < everything
    assert {state for _, state in page.evaluate(boxes)} == {"false"}
    page.key("ArrowRight")
    assert "It is closed" in text(page, "#panel")
    page.click("#panel li button")
    assert "= linear(" in text(page, "#panel h2")


def test_a_closed_module_is_one_step(opened):
    pb.manual_seed(0)
    inner = pb.nn.Sequential(pb.nn.Linear(3, 3), pb.nn.Tanh(), pb.nn.Linear(3, 1))
    model = pb.nn.Sequential(inner, pb.nn.Sigmoid())
    with viz.record() as recording:
        model(pb.ones((1, 3))).sum().backward()
    page = opened(viz.replay(recording, max_nodes=1))
    assert now(page) == "1 / 9"
    page.click("#open-all")
    assert now(page) == "1 / 13"


def test_search_finds_and_opens(opened, network):
    page = opened(viz.Replay(network.graph, max_nodes=1))
    page.key("/")
    page.type("4.weight")
    assert text(page, "#answer") == "1 value"
    assert page.evaluate("document.querySelectorAll('.node.found:not([display])').length") == 1
    assert text(page, "#details h2") == "4.weight"
    inside = page.evaluate(
        "(() => { const a = document.querySelector('.node.found').getBoundingClientRect(),"
        " b = document.getElementById('canvas').getBoundingClientRect();"
        " return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom; })()"
    )
    assert inside
    page.type("nothing")
    assert text(page, "#answer") == "no values"


def test_details_are_there_by_hover_and_by_focus(opened, film):
    page = opened(film)
    page.hover("#n0 .pb-parameter")
    assert text(page, "#details h2") == "x"
    assert "not yet" in text(page, "#details")
    page.evaluate("document.getElementById('n1').focus()")
    assert text(page, "#details h2") == "y"
    page.key("End")
    assert "−4.00" in text(page, "#details")


def test_it_can_be_moved_and_zoomed(opened, film):
    page = opened(film)
    where = "document.getElementById('world').getAttribute('transform')"
    start = page.evaluate(where)
    page.drag("#canvas", 60, 30)
    moved = page.evaluate(where)
    assert moved != start
    page.mouse("mouseWheel", *page.centre("#canvas"), deltaX=0, deltaY=-120)
    wheeled = page.evaluate(where)
    scale = [float(re.search(r"scale\(([\d.]+)", found)[1]) for found in (moved, wheeled)]
    assert scale[1] > scale[0]
    page.key("-")
    page.key("ArrowUp", shift=True)
    assert page.evaluate(where) != wheeled
    page.key("0")
    assert page.evaluate(where) == start
    assert now(page) == "1 / 7"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["slide", "network"])
def test_a_narrow_screen_scrolls_in_one_direction_only(opened, request, name, dark):
    page = opened(viz.Replay(request.getfixturevalue(name).graph), 360, 740, dark=dark)
    for key in ["Home", *["ArrowRight"] * 12]:
        page.key(key)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), now(page)


CONTRASTS = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const parse = text => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const own = parse(getComputedStyle(e).backgroundColor);
      if (own[3] === 255) return own;
    }
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const style = getComputedStyle(element);
    if (!own || element.closest('script, noscript, svg') || style.visibility !== 'visible') continue;
    if (!element.offsetParent) continue;
    const [a, b] = [light(parse(style.color)), light(ground(element))];
    found.push([element.textContent.trim().slice(0, 30), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_have_the_contrast_that_wcag_asks(opened, film, dark):
    page = opened(film, dark=dark)
    for _ in range(7):
        found = page.evaluate(CONTRASTS)
        assert len(found) > 20
        assert [(text, ratio) for text, ratio in found if ratio < 4.5] == []
        page.key("ArrowRight")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)"
    )


def test_nothing_moves_by_itself_for_those_who_ask(opened, film):
    page = opened(film)
    moves = "(() => getComputedStyle(document.querySelector('.wire.forward .line')).animationName)()"
    page.key("ArrowRight")
    assert page.evaluate(moves) == "none"
    page.prefer(dark=False, still=False)
    assert page.evaluate(moves) == "flow"


def test_the_keyboard_reaches_everything_and_shows_where_it_is(opened, network):
    page = opened(viz.Replay(network.graph))
    reached = []
    for _ in range(60):
        page.key("Tab")
        reached.append(
            page.evaluate(
                "[document.activeElement.id || document.activeElement.getAttribute('aria-label'),"
                " document.activeElement.matches(':focus-visible')]"
            )
        )
    names = [name for name, _ in reached]
    assert names[:7] == ["search", "first", "back", "play", "next", "last", "slider"]
    assert {"module 0, 1 operation", "n0", "zoom-in", "panel"} <= set(names)
    assert all(visible for name, visible in reached if name)


def test_in_a_dark_notebook_a_frame_keeps_to_itself(browser, film, tmp_path):
    page = tmp_path / "notebook.html"
    page.write_text(
        '<!doctype html><meta charset="utf-8"><style>body{background:#111;color:#eee}text{fill:red!important}'
        f"svg{{display:none}}</style><p>before</p>{film._repr_html_()}{film._repr_html_()}",
        encoding="utf-8",
    )
    tab = browser.page(1000, 900).open(page)
    assert tab.evaluate("document.querySelectorAll('iframe').length") == 2
    tab.evaluate("new Promise(done => setTimeout(done, 300))")
    shot = tab.screenshot()
    assert len(shot) > 20_000, "the frames are painted, whatever the page around says of pictures"
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 17, 17)"
    assert tab.complaints == []
    assert tab.requests == []


def test_long_rows_are_seen_whole_and_the_buttons_cover_nothing(opened):
    with viz.record() as recording:
        weight = pb.tensor(
            [[-0.0123 * (i + 8 * j + 1) for i in range(8)] for j in range(3)], requires_grad=True
        )
        (weight * weight).sum().backward()
    page = opened(viz.replay(recording))
    page.key("End")
    cut = "[...document.querySelectorAll('#panel .matrix')].map(e => [e.scrollWidth - e.clientWidth, e.innerText])"
    ((hidden, numbers),) = page.evaluate(cut)
    assert hidden <= 0
    assert len(numbers.split()) == 24
    assert page.evaluate(
        "document.querySelector('.tools').getBoundingClientRect().top"
        " >= document.getElementById('canvas').getBoundingClientRect().bottom"
    )
