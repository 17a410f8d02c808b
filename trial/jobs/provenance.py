"""The manifest: what made a run folder, and how to make it again."""

from __future__ import annotations

import hashlib
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

VOLATILE = ("created", "seconds", "workers", "machine")
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "llvmlite", "pydantic", "statsmodels", "joblib")
STATEMENT = "Simulated subjects. Not clinical data."


def engine_version() -> str:
    """Version of this engine."""
    return version("virtual-trial")


def text_hash(text: str) -> str:
    """sha256 of a text, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(out_dir: Path, resolved_config: str, facts: dict[str, Any], volatile: dict[str, Any]) -> Path:
    """Write ``manifest.json``: engine and package versions, config hash, facts of the run, rows and sha256 of each
    file.

    ``volatile`` holds what may differ between equal runs (see VOLATILE); everything else is the same for the same
    config and seed on one stack.
    """
    manifest = {
        "statement": STATEMENT,
        "engine": {"name": "virtual-trial", "version": engine_version()},
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "config_sha256": text_hash(resolved_config),
        **facts,
        "files": _files(out_dir),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}",
        **volatile,
    }
    path = out_dir / "manifest.json"
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _files(out_dir: Path) -> dict[str, dict[str, Any]]:
    import pyarrow.parquet as pq

    files: dict[str, dict[str, Any]] = {}
    for path in sorted(p for suffix in ("parquet", "csv", "yaml") for p in out_dir.glob(f"*.{suffix}")):
        files[path.name] = {"sha256": file_hash(path)}
        if path.suffix == ".parquet":
            files[path.name]["rows"] = pq.read_metadata(path).num_rows
    return files


def read_manifest(out_dir: Path) -> dict[str, Any]:
    """The manifest of a run folder."""
    return json.loads((out_dir / "manifest.json").read_text(encoding="utf-8"))
