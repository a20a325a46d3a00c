"""Names in code become links to the reference: `kt.Tuner`, `tuner.search(x, y)`, `hp.Float(...)`.

A name that begins with `kt.` and does not exist fails the build, so pages do not outlive names.
In the reference itself a class is also linked by its name alone.
"""

from __future__ import annotations

import re

from docutils import nodes
from public_names import canonical_names, package, public_modules
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

logger = logging.getLogger(__name__)

DOTTED = re.compile(r"([A-Za-z_][\w.]*\w)(\(.*\))?", re.DOTALL)
OBJECTS = {"tuner": "kerastune_lite.Tuner", "hp": "kerastune_lite.HyperParameters"}
"""What the pages call objects of these classes."""

PAGES_OF_MODULES = {
    "kerastune_lite": "docs/reference/index",
    "kerastune_lite.engine": "docs/reference/kerastuner",
    "kerastune_lite.objectives": "docs/reference/tuners",
    "kerastune_lite.tuners": "docs/reference/tuners",
}
"""The pages that are not named like the module that they describe."""

OTHER_PAGES = ("docs/migrating", "CHANGELOG", "notebooks/05_from_keras_tuner")
"""They name what other programs have, or what earlier versions had."""


class LinkCode(SphinxPostTransform):
    default_priority = 5

    def run(self, **kwargs: object) -> None:
        self.alone = alone() if self.env.docname.startswith("docs/reference/") else {}
        for literal in list(self.document.findall(nodes.literal)):
            if not isinstance(literal.parent, nodes.reference):
                self.link(literal)

    def link(self, literal: nodes.literal) -> None:
        match = DOTTED.fullmatch(literal.astext().strip())
        if match is None:
            return
        name = self.full_name(match[1])
        page = PAGES_OF_MODULES.get(name, name.replace("kerastune_lite.", "docs/reference/"))
        if found := self.env.domains.python_domain.objects.get(name):
            literal.replace_self(self.reference(name, found.docname, found.node_id, literal))
        elif is_module(name) and page in self.env.found_docs:
            literal.replace_self(self.reference(name, page, "", literal))
        elif match[1].startswith("kt.") and self.env.docname not in OTHER_PAGES:
            logger.warning("the reference has no %s", match[1], location=literal)

    def full_name(self, name: str) -> str:
        first, _, rest = name.partition(".")
        if first == "kt":
            return f"kerastune_lite.{rest}"
        if first in OBJECTS and rest:
            return f"{OBJECTS[first]}.{rest}"
        return self.alone.get(name, name)

    def reference(
        self, name: str, page: str, node_id: str, literal: nodes.literal
    ) -> nodes.reference:
        builder, here = self.app.builder, self.env.docname
        return make_refnode(builder, here, page, node_id, literal.deepcopy(), name)


def is_module(name: str) -> bool:
    return name in {module.path for module in public_modules()}


def alone() -> dict[str, str]:
    """Full names of classes and functions by their last part, where that says which is meant."""
    names: dict[str, list[str]] = {}
    for name in set(canonical_names().values()):
        names.setdefault(name.rpartition(".")[2], []).append(name)
    at_the_top = {name for name in names if name in package().members}
    return {
        short: f"kerastune_lite.{short}" if short in at_the_top else full[0]
        for short, full in names.items()
        if len(full) == 1 or short in at_the_top
    }


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(LinkCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
