"""How every page is filled in: one environment, escaped, with what the templates call."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, Template, select_autoescape


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("analysis.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )


def template(name: str, **called: Any) -> Template:
    """A template by the name of its file; ``called``: functions and constants that it uses."""
    return _environment().get_template(name, globals=called)
