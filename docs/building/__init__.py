"""How the pages become a site: what Sphinx does not do by itself, each in a file of its own.

`repository.py` brings the notebooks and the pages outside of this folder in, `reference.py` writes the reference from
the docstrings, `docstrings.py` makes them into Sphinx's markup, `mathml.py` sets formulas, `check.py` looks at what was
built. `docs/conf.py` puts them together. No page stands here, and nothing that a user of the library needs.
"""
