"""What the public modules offer, read from the sources by griffe: nothing is imported.

A public name is an entry of the `__all__` of a public module. The modules define nothing; griffe
follows their imports to the private files.
"""

from __future__ import annotations

import functools
from pathlib import Path

import griffe

PACKAGE = "kerastune_lite"
ROOT = Path(__file__).parents[2]


@functools.cache
def package() -> griffe.Module:
    """The sources of the package."""
    loaded = griffe.load(PACKAGE, search_paths=[ROOT], allow_inspection=False)
    assert isinstance(loaded, griffe.Module)
    return loaded


def public_modules(module: griffe.Module | None = None) -> list[griffe.Module]:
    """The package and its modules, without the private ones."""
    module = module or package()
    below = [
        each
        for name, each in sorted(module.modules.items())
        if not name.startswith("_") and not each.is_alias
    ]
    return [module, *(found for each in below for found in public_modules(each))]


@functools.cache
def public_names() -> dict[str, griffe.Object]:
    """What each public name stands for, by its full name; modules are left out."""
    return {
        f"{module.path}.{name}": found
        for module in public_modules()
        for name in module.exports or ()
        for found in [resolved(module.members[str(name)])]
        if not found.is_module and name != "__version__"
    }


def resolved(found: griffe.Object | griffe.Alias) -> griffe.Object:
    """What is defined where an import leads."""
    return found.final_target if isinstance(found, griffe.Alias) else found


@functools.cache
def canonical_names() -> dict[str, str]:
    """By the path of what is defined, the first of its public names."""
    names: dict[str, str] = {}
    for name, found in public_names().items():
        names.setdefault(found.path, _preferred(name, found))
    return names


def other_names(name: str) -> list[str]:
    """The other public names of the same thing."""
    found = public_names()[name]
    return [each for each, it in public_names().items() if it is found and each != name]


def _preferred(name: str, found: griffe.Object) -> str:
    """Of several names in one module the one that it is defined with."""
    module = name.rpartition(".")[0]
    own = f"{module}.{found.name}"
    return own if public_names_of(module).get(found.name) is found else name


@functools.cache
def public_names_of(module: str) -> dict[str, griffe.Object]:
    prefix = f"{module}."
    return {
        name.removeprefix(prefix): found
        for name, found in public_names().items()
        if name.rpartition(".")[0] == module
    }


def members_of(kind: griffe.Class) -> dict[str, griffe.Object]:
    """Public methods, properties and documented attributes of a class.

    Those of public base classes are left out: they are described there.
    """
    members: dict[str, griffe.Object] = {}
    for base in [kind, *private_bases(kind)]:
        for name, member in base.members.items():
            if name.startswith("_") or name in members or member.is_alias:
                continue
            if member.is_function or "property" in member.labels or _told_of(member):
                members[name] = resolved(member)
    return members


def _told_of(member: griffe.Object | griffe.Alias) -> bool:
    return member.is_attribute and member.docstring is not None


def private_bases(kind: griffe.Class) -> list[griffe.Class]:
    """The base classes whose methods are described with those of the class."""
    public = public_bases(kind)
    described = {each.path for base in public for each in [base, *base.mro()]}
    return [base for base in kind.mro() if base.path not in described]


def public_bases(kind: griffe.Class) -> list[griffe.Class]:
    """The base classes that have a public name."""
    return [base for base in kind.mro() if base.path in canonical_names()]


def docstring_of(found: griffe.Object) -> str:
    """The docstring, or that of what is overridden."""
    if found.docstring is not None:
        return found.docstring.value
    if isinstance(found.parent, griffe.Class):
        for base in found.parent.mro():
            member = base.members.get(found.name)
            if member is not None and member.docstring is not None:
                return member.docstring.value
    return ""
