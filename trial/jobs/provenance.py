"""The manifest: what made a run folder, and how to make it again."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
ENGINE = "virtual-trial"
REPORT = "report.html"
IDENTITY = "identity.json"
SHARD = "shard"
"""What the manifest of a part of a run has beside that of a run: which part, and of which run."""
NOT_HASHED = (MANIFEST, REPORT, IDENTITY)
"""Files of a run folder that the manifest gives no checksum of: itself, what no command reads, what goes at the end."""
ARITHMETIC = "arithmetic"
LIBRARY_VALUES = 4000
"""Of each function: code with and without fused multiply-add differs in the last bit of one value in a thousand."""
VOLATILE = ("created", "seconds", "workers", "machine")
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "llvmlite", "pydantic", "statsmodels", "joblib")
STATEMENT = "Simulated subjects. Not clinical data."


def engine_version() -> str:
    """Version of this engine."""
    return version(ENGINE)


@lru_cache(maxsize=1)
def arithmetic() -> str:
    """What may change the last bits of a run on the same packages: the kind of machine, whether its processor has
    fused multiply-add, and what the mathematical library under scipy makes of exp, log and powers (a digest): it has
    code of its own for some processors, and other versions have other code.
    """
    from llvmlite import binding as llvm

    kind = platform.machine()
    known = llvm.get_host_cpu_features().get("fma")
    fused = "" if known is None else f" {'with' if known else 'without'} fused multiply-add"
    places = [k / 300 for k in range(1, LIBRARY_VALUES + 1)]
    values = [value for x in places for value in (math.exp(-x), math.log(x), math.pow(x, 0.3))]
    said = hashlib.sha256(struct.pack(f"<{len(values)}d", *values)).hexdigest()
    return f"{kind}{fused}, library {said[:8]}"


def installed() -> dict[str, str]:
    """What may change a number: the version of the engine and of every package of PACKAGES, and the arithmetic."""
    return {"engine": engine_version(), **dict(_packages()), ARITHMETIC: arithmetic()}


@lru_cache(maxsize=1)
def _packages() -> tuple[tuple[str, str], ...]:
    """Each of PACKAGES with its version, which stays while a process runs."""
    return tuple((name, version(name)) for name in PACKAGES)


def text_hash(text: str) -> str:
    """sha256 of a text, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(out_dir: Path, resolved_config: str, facts: dict[str, Any], volatile: dict[str, Any]) -> Path:
    """Write ``manifest.json``: engine and package versions, config hash, facts of the run, rows and sha256 of each
    file, and a sha256 of all this.

    ``volatile`` holds what may differ between equal runs (see VOLATILE); everything else is the same for the same
    config and seed on one stack.
    """
    manifest = {
        "statement": STATEMENT,
        "engine": {"name": ENGINE, "version": engine_version()},
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "arithmetic": arithmetic(),
        "config_sha256": text_hash(resolved_config),
        **facts,
        "files": _files(out_dir),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}",
        **volatile,
    }
    return _write(out_dir, manifest)


def add_report(out_dir: Path) -> None:
    """Name the report of a run in its manifest; without a checksum, because the report says when it was made."""
    manifest = read_manifest(out_dir)
    manifest["files"][REPORT] = {}
    _write(out_dir, manifest)


def _write(out_dir: Path, manifest: dict[str, Any]) -> Path:
    path = out_dir / MANIFEST
    whole = {"sha256": _own_hash(manifest), **{k: v for k, v in manifest.items() if k != "sha256"}}
    put(path, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    return path


def put(path: Path, text: str) -> None:
    """Write a text file whole, or leave what was there."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _own_hash(manifest: Mapping[str, Any]) -> str:
    """sha256 of everything in a manifest that is the same for equal runs."""
    lasting = {key: value for key, value in manifest.items() if key not in ("sha256", *VOLATILE)}
    return text_hash(json.dumps(lasting, sort_keys=True))


def _files(out_dir: Path) -> dict[str, dict[str, Any]]:
    """Every file of a finished run but NOT_HASHED."""
    import pyarrow.parquet as pq

    files: dict[str, dict[str, Any]] = {}
    for path in sorted(p for p in out_dir.iterdir() if p.is_file() and p.name not in NOT_HASHED):
        files[path.name] = {"sha256": file_hash(path)}
        if path.suffix == ".parquet":
            files[path.name]["rows"] = pq.read_metadata(path).num_rows
    return files


def read_manifest(out_dir: Path) -> dict[str, Any]:
    """The manifest of a run folder."""
    content: dict[str, Any] = json.loads((out_dir / MANIFEST).read_text(encoding="utf-8"))
    return content


def manifest_problem(out_dir: Path) -> str:
    """Why a folder has no manifest of this engine that can be relied on; "" when it has."""
    try:
        manifest = read_manifest(out_dir)
    except FileNotFoundError:
        return f"{MANIFEST} missing"
    except OSError as error:
        return f"{MANIFEST} cannot be read: {error.strerror}"
    except (ValueError, RecursionError):
        return f"{MANIFEST} damaged: not JSON"
    if not isinstance(manifest, dict) or not isinstance(engine := manifest.get("engine"), dict):
        return f"{MANIFEST} is not of this engine"
    if engine.get("name") != ENGINE or not isinstance(manifest.get("files"), dict):
        return f"{MANIFEST} is not of this engine"
    if "sha256" in manifest and manifest["sha256"] != _own_hash(manifest):
        return f"{MANIFEST} damaged: its content is not what was written"
    return ""


def file_problems(out_dir: Path, files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is not as the manifest says of the ``files`` that have a checksum in it: missing, or changed."""
    return [text for name, said in files.items() if "sha256" in said and (text := _problem(out_dir / name, said))]


def _problem(path: Path, said: Mapping[str, Any]) -> str:
    try:
        return "" if file_hash(path) == said["sha256"] else f"{path.name} damaged: its content is not what was written"
    except FileNotFoundError:
        return f"{path.name} missing"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
