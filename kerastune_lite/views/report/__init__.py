"""A search as one page of HTML, for those who were not there."""

from kerastune_lite.views.report.page import Searched, write_report

__all__ = ["Searched", "write_report"]
