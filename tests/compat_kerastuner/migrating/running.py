"""Running a migration on text."""

import json

from kerastune_lite._src.compat_kerastuner.migrating.reading import migration


def migrated(path, source=None):
    """What is found in a file, and its new content; `source` is written into it before."""
    if source is not None:
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
    found = migration(path)
    content = found.file.changed(found.edits)
    path.write_bytes(content)
    return found, content


def notebook(*cells, **layout):
    """The JSON of a notebook; a cell is its code, or a pair of its kind and text."""
    pairs = [cell if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    built = [{"cell_type": kind, "source": text, "outputs": ["é"]} for kind, text in pairs]
    return json.dumps({"cells": built, "nbformat": 4}, **layout)


def sources(raw):
    return ["".join(cell["source"]) for cell in json.loads(raw)["cells"]]
