"""The reference (docs/reference) has each public name once, and the site says where it is found.

That each has a summary, its arguments and an example that runs is checked in test_docstrings.py.
"""

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

import kerastune_lite as kt

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
MODULES = ["", *(f".{name}" for name in kt.__all__ if inspect.ismodule(getattr(kt, name)))]
MODULES += [f".engine.{name}" for name in kt.engine.__all__]


def listed():
    """The names on the pages, in their order."""
    for page in PAGES:
        for block in re.findall(r"```\{public\}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            yield from block.split()


def found(name):
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def offered():
    """What the public modules offer, by each of its names."""
    for module in (importlib.import_module(f"kerastune_lite{end}") for end in MODULES):
        for name in module.__all__:
            if not inspect.ismodule(getattr(module, name)) and name != "__version__":
                yield f"{module.__name__}.{name}", getattr(module, name)


def test_each_public_thing_is_described_once():
    values = {id(found(name)): name for name in listed()}
    missing = [name for name, value in offered() if id(value) not in values]
    assert missing == [], "list it on a page of docs/reference"
    assert len(values) == len(list(listed())), "something is described twice"


def test_no_page_is_left_out_of_the_navigation():
    assert all(page.stem in (ROOT / "docs/site/navigation.py").read_text("utf-8") for page in PAGES)


@pytest.fixture(scope="module")
def site_modules():
    pytest.importorskip("griffe", reason="the extra [docs] is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs" / "site")
        yield importlib.import_module("public_names"), importlib.import_module("docstrings")
        for name in ("public_names", "docstrings"):
            del sys.modules[name]


def test_the_sources_say_the_same_as_the_modules(site_modules):
    """The site reads the sources without importing them."""
    names, _ = site_modules
    assert set(names.public_names()) == {name for name, _ in offered()}
    assert set(names.canonical_names().values()) == set(listed())


def test_the_methods_are_those_that_a_user_finds(site_modules):
    names, _ = site_modules
    methods = set(names.members_of(names.public_names()["kerastune_lite.Tuner"]))
    assert {"search", "importances", "pareto_front", "plot", "trials"} <= methods
    for name in ("kerastune_lite.RandomSearch", "kerastune_lite.hyperparameters.Int"):
        found_there = names.members_of(names.public_names()[name])
        assert not {"search", "importances"} & set(found_there), "those of Tuner are there"


def test_a_docstring_as_markdown(site_modules):
    _, docstrings = site_modules
    text = (
        "One.\n\nArgs:\n    a, b: the\n        first.\n    *c: more.\n\nExample:\n    >>> 1\n    1"
    )
    assert docstrings.markdown(text) == (
        "One.\n\n:Arguments:\n    - `a`, `b`: the first.\n    - `*c`: more.\n\n"
        "```pycon\n>>> 1\n1\n```"
    )
    assert "[docs/scaling.md](/docs/scaling.md)" in docstrings.markdown("See docs/scaling.md.")
