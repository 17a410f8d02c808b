"""The small page of a command that makes a table beside the runs: a lead, panels, a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from trial.jobs.provenance import STATEMENT, put
from trial.study.study import Study


def put_page(path: Path, study: Study, **content: Any) -> None:
    """Write the page; ``content``: title, how, lead, figure, panels, notes, table, heads, words (columns of text),
    lines, below.
    """
    environment = Environment(
        loader=PackageLoader("analysis.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    put(path, environment.get_template("beside.html").render(study=study, statement=STATEMENT, **content))
