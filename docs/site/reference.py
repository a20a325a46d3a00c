"""The directive `public`, which describes public names: signatures, docstrings, methods.

A page of docs/reference lists the names; a name that is on no page, or on two, fails the build.
"""

from __future__ import annotations

import griffe
from docstrings import markdown
from docutils import nodes
from docutils.statemachine import StringList
from public_names import (
    canonical_names,
    docstring_of,
    members_of,
    other_names,
    package,
    public_bases,
    public_names,
)
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class Public(SphinxDirective):
    """Describes the names in its body, one in a line."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        container = nodes.container()
        for name in filter(None, (line.strip() for line in self.content)):
            if name not in public_names():
                logger.warning("%s is no public name", name, location=self.get_location())
                continue
            lines = StringList(described(name).splitlines(), source=name)
            self.state.nested_parse(lines, self.content_offset, container)
            self._note(name)
        return container.children

    def _note(self, name: str) -> None:
        """Let links to the other names of the same thing lead here, too."""
        domain = self.env.domains.python_domain
        if name not in domain.objects:
            logger.warning("%s was not described", name, location=self.get_location())
            return
        found = domain.objects[name]
        for other in other_names(name):
            domain.note_object(other, found.objtype, found.node_id, aliased=True)


class HandedOut(SphinxDirective):
    """Describes the class, without a public name, of what a function or property returns.

    The argument is the function or property. Methods that the class inherits are left out: they are
    described with those of `Tuner`.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        kind = returned_by(self.arguments[0])
        parts = [markdown(docstring_of(kind))]
        parts += [_member(*each) for each in members_of(kind).items() if each[0] in kind.members]
        text = _directive("class", kind.name, "\n\n".join(parts), fence=6)
        container = nodes.container()
        lines = StringList(text.splitlines(), source=kind.path)
        self.state.nested_parse(lines, self.content_offset, container)
        return container.children


def returned_by(name: str) -> griffe.Class:
    """The class of what the public function, or the property of a public class, returns."""
    owner, _, last = name.rpartition(".")
    if name in public_names():
        returned = public_names()[name].returns
    else:
        returned = members_of(public_names()[owner])[last].annotation
    kind = package()[returned.canonical_path.partition(".")[2]]
    assert isinstance(kind, griffe.Class)
    return kind


def described(name: str) -> str:
    """The description of a public name, as Markdown with directives of the Python domain."""
    found = public_names()[name]
    if isinstance(found, griffe.Class):
        return _class(name, found)
    if isinstance(found, griffe.Function):
        return _directive("function", name + signature(found), _body(name, found))
    return _directive("data", name, _value(found) + _body(name, found))


def _class(name: str, kind: griffe.Class) -> str:
    parts = [_body(name, kind), _inherited(kind)]
    if _is_enum(kind):
        parts += [_member_of_enum(each) for each in kind.members.values() if each.is_attribute]
    else:
        parts += [_member(*each) for each in members_of(kind).items()]
    role = "exception" if _is_error(kind) else "class"
    title = name if _is_enum(kind) or _is_error(kind) else name + signature(kind)
    return _directive(role, title, "\n\n".join(filter(None, parts)), fence=6)


def _member(name: str, member: griffe.Object) -> str:
    text = markdown(docstring_of(member))
    if isinstance(member, griffe.Function):
        labels = member.labels & {"staticmethod", "classmethod"}
        options = "".join(f":{label}:\n" for label in sorted(labels))
        return _directive("method", name + signature(member), text, options)
    kind = getattr(member, "annotation", None)
    options = f":type: {annotation(kind)}\n" if kind else ""
    return _directive(
        "property" if "property" in member.labels else "attribute", name, text, options
    )


def _member_of_enum(member: griffe.Object | griffe.Alias) -> str:
    text = markdown(member.docstring.value) if member.docstring else ""
    return _directive("attribute", member.name, text, f":value: {getattr(member, 'value', '')}\n")


def _directive(kind: str, title: str, body: str, options: str = "", fence: int = 5) -> str:
    return f"{'`' * fence}{{py:{kind}}} {title}\n{options}\n{body}\n{'`' * fence}\n"


def _body(name: str, found: griffe.Object) -> str:
    """The docstring, and what else it is called."""
    text = markdown(docstring_of(found))
    if others := other_names(name):
        text += "\n\nThe same as " + ", ".join(f"`{each}`" for each in others) + "."
    return text


def _inherited(kind: griffe.Class) -> str:
    bases = [canonical_names()[base.path] for base in public_bases(kind)]
    if not bases or _is_error(kind):
        return ""
    listed = ", ".join(f"{{py:class}}`{base}`" for base in bases)
    return f"The methods and attributes of {listed} are here, too."


def _value(found: griffe.Object) -> str:
    return f":Type: `{getattr(found, 'value', '')}`\n\n"


def _is_enum(kind: griffe.Class) -> bool:
    return any("Enum" in str(base) for base in kind.bases)


def _is_error(kind: griffe.Class) -> bool:
    return kind.name.endswith("Error")


def signature(found: griffe.Class | griffe.Function) -> str:
    """The parameters as a caller sees them, with types and defaults."""
    parts: list[str] = []
    kinds = griffe.ParameterKind
    before: griffe.ParameterKind | None = None
    for each in _parameters(found):
        if before is kinds.positional_only and each.kind is not kinds.positional_only:
            parts.append("/")
        if each.kind is kinds.keyword_only and before not in (
            kinds.keyword_only,
            kinds.var_positional,
        ):
            parts.append("*")
        parts.append(_parameter(each))
        before = each.kind
    returned = getattr(found, "returns", None) if isinstance(found, griffe.Function) else None
    return f"({', '.join(parts)})" + (f" -> {annotation(returned)}" if returned else "")


def annotation(expression: str | griffe.Expr) -> str:
    """The type, with full names for public classes, which Sphinx shows without their modules."""
    if isinstance(expression, str):
        return expression
    return "".join(
        canonical_names().get(part.canonical_path, part.name)
        if isinstance(part, griffe.ExprName)
        else str(part)
        for part in expression.iterate(flat=True)
    )


def _parameters(found: griffe.Class | griffe.Function) -> list[griffe.Parameter]:
    """Those that a caller gives; of a class, those of its `__new__` or `__init__`."""
    if isinstance(found, griffe.Class):
        for base in [found, *found.mro()]:
            made = base.members.get("__new__") or base.members.get("__init__")
            if isinstance(made, griffe.Function):
                return list(made.parameters)[1:]
        return []
    bound = isinstance(found.parent, griffe.Class) and "staticmethod" not in found.labels
    return list(found.parameters)[1 if bound else 0 :]


def _parameter(parameter: griffe.Parameter) -> str:
    kinds = griffe.ParameterKind
    stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(parameter.kind, "")
    text = stars + parameter.name
    if parameter.annotation is not None:
        text += f": {annotation(parameter.annotation)}"
    if parameter.default is not None and not stars:
        text += f" = {parameter.default}" if parameter.annotation else f"={parameter.default}"
    return text


def missing_names(described_names: set[str]) -> list[str]:
    """The public names that are on no page of the reference."""
    return sorted(set(public_names()) - described_names)


def check_all_described(app: Sphinx, env: BuildEnvironment) -> None:
    for name in missing_names(set(env.domains.python_domain.objects)):
        logger.warning("the public name %s is on no page of docs/reference", name)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public", Public)
    app.add_directive("handed-out", HandedOut)
    app.connect("env-check-consistency", check_all_described)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
