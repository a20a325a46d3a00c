"""The site's navigation: the pages by what a reader wants, in the order of the sidebar.

README.md is the home page. A table of contents of Sphinx would be shown as code on the repository's
host, so it is added here when the site is built.
"""

SECTIONS = {
    "Start": ["docs/start", "docs/features", "docs/examples"],
    "What you tune": [
        "docs/networks",
        "docs/images",
        "docs/series",
        "docs/text",
        "docs/automl",
        "docs/ready_made",
        "docs/sklearn",
        "docs/own_training",
        "docs/tuned_data",
    ],
    "How you search": [
        "docs/choosing",
        "docs/several_goals",
        "docs/warm_start",
        "docs/scaling",
        "docs/migrating",
    ],
    "What you see": ["docs/results", "docs/tensorboard", "docs/command_line"],
    "Notebooks": [
        "notebooks/01_tune_an_ann",
        "notebooks/02_hyperband_and_early_stopping",
        "notebooks/03_keras_classifier_in_a_pipeline",
        "notebooks/04_reading_the_results",
        "notebooks/05_from_keras_tuner",
        "notebooks/06_nothing_to_write",
    ],
    "Reference": [
        "docs/reference/index",
        "docs/reference/tuners",
        "docs/reference/hyperparameters",
        "docs/reference/automl",
        "docs/reference/applications",
        "docs/reference/sklearn",
        "docs/reference/oracles",
        "docs/reference/schedulers",
        "docs/reference/stopping",
        "docs/reference/prior",
        "docs/reference/callbacks",
        "docs/reference/errors",
        "docs/reference/kerastuner",
    ],
    "How it works": [
        "docs/training",
        "docs/reliability",
        "docs/measurements",
        "docs/architecture",
        "docs/extending",
        "CONTRIBUTING",
        "CHANGELOG",
    ],
}


def table_of_contents(caption, pages):
    listed = "\n".join(f"/{page}" for page in pages)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def add_navigation(app, name, source):
    if name == app.config.root_doc:
        source[0] += "".join(table_of_contents(*section) for section in SECTIONS.items())


def setup(app):
    app.connect("source-read", add_navigation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
