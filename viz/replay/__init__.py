"""The replay: a web page that steps through a computation, forward and then backward, in formulas and numbers.

`telling` makes the steps (`steps`) of a graph, with formulas from the declared rules (`formulas`) and local gradients
by running them again (`rerun`); `boxes` arranges the modules so that the page can open and close them; `page` puts all
into one file, with the data (`page_data`), the scripts and the style that lie here. Still pictures do not live here,
and the page fetches nothing.
"""

from .replay import Replay, replay

__all__ = ["Replay", "replay"]
