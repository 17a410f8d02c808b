"""The small page of a command that makes a table beside the runs: a lead, panels, a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.report.templating import template
from trial.jobs.provenance import STATEMENT, put
from trial.study.study import Study


def put_page(path: Path, study: Study, **content: Any) -> None:
    """Write the page; ``content``: title, how, lead, figure, panels, notes, table, heads, words (columns of text),
    lines, below.
    """
    put(path, template("beside.html").render(study=study, statement=STATEMENT, **content))
