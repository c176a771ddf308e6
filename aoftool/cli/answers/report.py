"""What `aoftool report` answers: a page, Markdown or JSON, to a file or on standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.escape import shown_path

if TYPE_CHECKING:
    from aoftool.cli.requests.report import ReportRequest
    from aoftool.report.page.model import Page

__all__ = ["write_page"]


def write_page(page: Page, asked: ReportRequest) -> None:
    """Write the page where it is wanted, in the form that is."""
    if asked.as_json and asked.out is None:
        from aoftool.report.jsonout import print_json
        from aoftool.report.page.json_form import page_json

        print_json(page_json(page))
        return
    text = _form(page, asked)
    if asked.out is None:
        sys.stdout.write(text)
        return
    from aoftool.files.sink import write_atomically
    from aoftool.units import format_bytes

    size = write_atomically(asked.out, [text.encode("utf-8")], force=asked.force)
    told = f"{shown_path(asked.out)}: {format_bytes(size)}"
    line_console(asked.color).print(told, style="bold")


def _form(page: Page, asked: ReportRequest) -> str:
    if asked.as_json:
        from aoftool.report.jsonout import json_text
        from aoftool.report.page.json_form import page_json

        return json_text(page_json(page), indent=2) + "\n"
    if asked.markdown:
        from aoftool.report.page.markdown import page_markdown

        return page_markdown(page)
    from aoftool.report.page.html import page_html

    return page_html(page)
