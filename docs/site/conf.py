"""Settings of Sphinx for the documentation as a site: `make docs`.

The source folder is the root of the repository, so that a link between two files means the same on
the site and on the repository's host.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "kerastune_lite"
author = "the authors of kerastune_lite"
copyright = "the authors of kerastune_lite, Apache-2.0"

extensions = ["myst_nb", "navigation", "reference", "code_links"]
root_doc = "README"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**.md",
    "notebooks/*.ipynb",
]
exclude_patterns = [".*", "site", "runs", "tests", "benchmarks", "kerastune_lite", "examples"]

myst_enable_extensions = ["fieldlist"]
myst_heading_anchors = 4
smartquotes = False  # quotes in the texts are those of Python
nb_execution_mode = "off"
nb_merge_streams = True

html_theme = "furo"
html_title = "kerastune_lite"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # browsers do not let a page read others from the file system
html_show_sphinx = False
html_additional_pages = {"index": "redirect.html"}
templates_path = ["templates"]
pygments_style = "friendly"
pygments_dark_style = "monokai"

add_module_names = True
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
