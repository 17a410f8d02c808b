"""Every number of the report has a key: the value that stands there, in the form it names, is the text shown."""

from __future__ import annotations

import ast
import re
import shutil
import time
from collections import Counter
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from keyed_page import Folder, Page, expected
from made_run import CONFIG, make_run_folder, write_report

import trial.study.study
from analysis.evidence import attribution, estimands, exposure_response, global_sensitivity, sensitivity, tipping
from analysis.evidence.attribution import Contribution
from analysis.evidence.estimands import Judged
from analysis.evidence.exposure_response import AtExposure
from analysis.evidence.global_sensitivity import GlobalIndex
from analysis.evidence.sensitivity import Effect
from analysis.evidence.tipping import Tipping
from trial.cli import main

ROOT = Path(__file__).parents[2]
REPORT = sorted((ROOT / "analysis" / "report").glob("*.py"))


def effects() -> list[Effect]:
    """Two assumed numbers at two values in three arms."""
    return [
        Effect(name, "typical value", "1", 2.0, factor, 2.0 * factor, "at most 3" if factor > 1 else "", "RESPW8", arm,
               50.0 + k, size * (factor - 1), 0.25, 10, "%")
        for name, size in (("EC50", 7.3), ("GAMMA", -2.1))
        for factor in (0.5, 1.5)
        for k, arm in enumerate(("LOW", "HIGH", "Placebo"))
    ]  # fmt: skip


def departures() -> list[Contribution]:
    """Two departures in three arms, and in two of them against the third."""
    return [
        Contribution(name, f"all of {name}", "RESPW8", arm, versus, 60.0 + k, 55.0 + k, size + k, 0.5, size - k, 0.5,
                     size, 0.5, 10, "%")
        for name, size in (("rescue", -7.3), ("assay", 2.1))
        for k, (arm, versus) in enumerate([("LOW", ""), ("HIGH", ""), ("Placebo", ""), ("LOW", "Placebo")])
    ]  # fmt: skip


def judgements() -> list[Judged]:
    """Two estimators of one estimand in two arms."""
    return [
        Judged("E", "as planned", "RESPW8", arm, "Placebo", 50.0 + k, 0.5, 55.0, 5.0, name, 51.5, 1.5, 0.25, 0.9,
               0.88, 0.92, 0.02, 0.01, 0.03, 0.8, 400, 400, "PASS", "FAIL", "RISK", "FAIL")
        for k, arm in enumerate(("LOW", "HIGH"))
        for name in ("planned", "complete_cases")
    ]  # fmt: skip


def all_at_once() -> list[GlobalIndex]:
    """Sobol indices of two groups, in every arm and against placebo."""
    whom = [("LOW", ""), ("HIGH", ""), ("Placebo", ""), ("LOW", "Placebo"), ("HIGH", "Placebo")]
    return [
        GlobalIndex("sobol", name, "EC50, KAPPA", name, "RESPW8", arm, versus, index, size - 0.03 * k - 0.1 * (index ==
                    "first"), 0.04 + k / 100, 41.3 + k, 6.1 + k, 448, 4, "1", "%")
        for name, size in (("biology", 0.83), ("rule", 0.41))
        for k, (arm, versus) in enumerate(whom)
        for index in ("total", "first")
    ]  # fmt: skip


def by_exposure() -> list[AtExposure]:
    """A quartile, and two curves at two fixed levels."""
    quartile = AtExposure("dose", "quartile 1", "RESPW8", None, "", 2.25, 41.5, 1.5, 38.5, 44.5, None, None, None, None,
                          0.0, 4, 0, "mg/d")  # fmt: skip
    return [quartile] + [
        AtExposure("dose", model, "RESPW8", dose, f"{dose:g} mg", dose, 42.5, 1.25, 39.5, 45.5, 47.5 + dose, 0.75,
                   -5.5 - dose, 1.75, 25.0, 3, 1, "mg/d")
        for model in ("logistic", "emax")
        for dose in (2.5, 5.0)
    ]  # fmt: skip


def worsened() -> list[Tipping]:
    """Two arms at two deltas, one of which turns."""
    return [
        Tipping("RESPW8", arm, "Placebo", "missing_at_random", delta, 0.5, 20.5 - 9 * delta, 1.5 - 9 * delta, 39.5,
                0.037, int(delta == 0 or k > 0), 0.875 - delta / 8, 0.5, 0.9, int(delta), 7, 8)
        for k, arm in enumerate(("LOW", "HIGH"))
        for delta in (0.0, 1.0)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Ten replicates, one failed solve in each, a sensitivity analysis, pages of two patients; all that may be asked of
    the visits, and measured endpoints compared.
    """
    visits = {"mmrm": True, "gee": True, "restricted_mean_day": 56, "competing": True, "recurrent": True}
    analysis = CONFIG["analysis"] | {"longitudinal": visits, "method": {"measured": "hodges_lehmann"}}
    analysis |= {"subgroups": [{"covariate": "SEX"}, {"covariate": "AGE", "cut": 73.0}]}
    shapes = [{"shape": "linear"}, {"shape": "emax", "ed50": 2.0}]
    analysis |= {"dose_response": {"shapes": shapes, "target": 20.0, "titrated": "start_dose"}, "concentrations": True}
    analysis |= {"exposure_response": {"replicates": 4}}
    folder = tmp_path_factory.mktemp("keys") / "made"
    make_run_folder(folder, failed=1, replicates=10, analysis=analysis)
    sensitivity.write(effects(), folder)
    attribution.write(departures(), folder)
    estimands.write(judgements(), folder)
    global_sensitivity.write(all_at_once(), folder)
    tipping.write(worsened(), folder)
    exposure_response.write(by_exposure(), folder)
    write_report(folder, [(1, 3), (0, 1)])
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Path:
    """Six replicates, the tables of three of them kept."""
    folder, analysis = tmp_path_factory.mktemp("keys") / "few", CONFIG["analysis"] | {"named_replicate": 3}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial.study.study, "KEPT_REPLICATES", 2)
        make_run_folder(folder, failed=1, replicates=6, kept=(0, 1, 3), output="endpoints", analysis=analysis)
        write_report(folder)
    return folder


def simulated(folder: Path, config: str, *changes: str) -> Path:
    settings = [word for change in changes for word in ("--set", change)]
    plain = ("--workers", "1", "--no-report")
    assert main(["run", str(ROOT / "configs" / config), "--out", str(folder), *plain, *settings]) == 0
    assert main(["report", str(folder), "--patient", "0:2"]) == 0
    return folder


@pytest.fixture(scope="module")
def phase_3(tmp_path_factory) -> Path:
    """Phase III with every simulated adverse event."""
    proxies = ("tolerability.proxies=all", "analysis.endpoints=[RESPW8, MAXDUR, PLTW8, COMPL, AE_URTI, AE_TE]")
    return simulated(tmp_path_factory.mktemp("keys") / "smoke", "smoke.yaml", "patients=15", *proxies)


@pytest.fixture(scope="module")
def chemotherapy(tmp_path_factory) -> Path:
    config = "published/hetrombopag_cit_nct05864014.yaml"
    return simulated(tmp_path_factory.mktemp("keys") / "cit", config, "patients=12", "replicates=2")


def doses(n: int, *changes: str) -> list[str]:
    """``n`` arms on fixed doses, a patient in each."""
    arms = ", ".join(f"{{id: A{k}, start_dose_mg: {1 + k / 20}}}" for k in range(n))
    settings = f"arms=[{arms}]", f"patients={n}", f"randomisation.block_size={n}", "randomisation.strata=[]"
    return [*settings, "analysis.reference_arm=A0", "dropout=[]", "published=null", *changes]


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """One arm more than a figure draws, so that columns say for their cells where they come from."""
    folder = tmp_path_factory.mktemp("keys") / "many"
    endpoints = "analysis.endpoints=[RESPW8, MAXDUR, COMPL, CMAX]"
    return simulated(folder, "hetrombopag_itp_phase3_empirical.yaml", *doses(13, endpoints, "replicates=2"))


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("phase_3", "chemotherapy", "many")]
RUNS = ("made", "few", *SLOW)


@pytest.fixture(params=RUNS)
def run_dir(request) -> Path:
    return request.getfixturevalue(request.param)


@cache
def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_every_keyed_text_is_the_value_of_its_key_in_its_form(run_dir):
    folder, wrong = Folder(run_dir), []
    keyed = page_of(run_dir).keyed
    for element in keyed:
        text = expected(folder, element)
        if element.text.strip() != text.strip():
            wrong.append((element.place, element.attributes["data-key"], element.text, text))
    assert not wrong
    assert len(keyed) > 400


def test_no_number_stands_without_a_key(run_dir):
    assert page_of(run_dir).without_keys == []


def test_every_kind_of_table_is_shown_with_keys(made, phase_3):
    """What the runs above must cover, so that an empty report does not pass."""
    tables = Counter(
        e.attributes["data-key"].split("/")[0] for folder in (made, phase_3) for e in page_of(folder).keyed
    )
    wanted = "estimates published baseline scorecard sensitivity global_sensitivity attribution estimands config"
    wanted += " manifest patients doses"
    more = "tipping exposure_response observations endpoints adverse_events"
    assert {*wanted.split(), *more.split()} <= set(tables)
    kinds = {e.attributes["data-key"].split("/")[1].split("|")[0] for folder in (made, phase_3)
             for e in page_of(folder).keyed if e.attributes["data-key"].startswith("estimates/")}  # fmt: skip
    wanted = {
        "time to event",
        "incidence",
        "baseline",
        "disposition",
        "screening",
        "not evaluable",
        "planned",
        "subgroup",
        "dose response",
        "concentration",
        "longitudinal",
    }
    assert kinds == wanted | {"endpoint"}


def test_subgroups_are_a_table_and_a_figure_where_they_are_asked_for(made, few):
    """Nobody on placebo is 73 or older in the named replicate, as the patients table says."""
    with_them, without = ((folder / "report.html").read_text(encoding="utf-8") for folder in (made, few))
    for anchor in ('id="t-14-2-9"', 'id="f-14-2-9"'):
        assert anchor in with_them and anchor not in without
    figure = with_them[with_them.index('id="f-14-2-9"') :]
    assert all(f">{name}<" in figure for name in ("All patients", "SEX", "AGE, cut at 73"))
    table = pq.read_table(made / "estimates.parquet").to_pylist()
    old = [e for e in table if e["PARCAT1"] == "subgroup" and e["CATEGORY"] == "AGE>=73" and e["SCOPE"] == "replicate"]
    patients = pq.read_table(made / "patients.parquet").to_pylist()
    for e in (e for e in old if e["STAT"] == "subgroup rate"):
        mine = [p for p in patients if p["IREP"] == 1 and p["ARM"] == e["ARM"] and p["AGE"] >= 73]
        assert e["N"] <= len(mine) <= e["N"] + 1  # one solve failed
    assert any(e["NOTE"].startswith("not estimable") for e in old if e["STAT"] == "subgroup difference")


MOVED = (
    "estimates", "sensitivity", "global_sensitivity", "attribution", "estimands", "tipping", "exposure_response"
)  # fmt: skip


def shifted(path: Path) -> None:
    """Every number of a table moved by an amount that no rounding hides; what is null becomes a number.

    The factor of a sensitivity analysis names its row, and so does the delta of a tipping point.
    """
    table = pq.read_table(path)
    for k, column in enumerate(table.schema):
        if column.name not in ("factor", "delta") and (
            pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
        ):
            step = 7 + k if pa.types.is_integer(column.type) else 7.77
            moved = [step if v is None else v + step for v in table[column.name].to_pylist()]
            table = table.set_column(k, column, pa.array(moved, column.type))
    pq.write_table(table, path)


@pytest.fixture(scope="module")
def moved(made, tmp_path_factory) -> Path:
    """The same run with every number of two tables moved."""
    other = Path(shutil.copytree(made, tmp_path_factory.mktemp("keys") / "moved"))
    for name in MOVED:
        shifted(other / f"{name}.parquet")
    write_report(other, [(1, 3), (0, 1)])
    return other


@pytest.mark.parametrize("name", MOVED)
def test_changing_the_row_changes_the_text(made, moved, name):
    """With every number of a table moved, every text with keys of that table alone is another one."""
    before, after = (
        [(e.place, e.attributes["data-key"], e.text) for e in page_of(folder).keyed if of_table(e, name)]
        for folder in (made, moved)
    )
    same = {(place, key) for place, key, _ in before} & {(place, key) for place, key, _ in after}
    assert len(same) > 10
    stayed = set(before) & set(after)
    assert not stayed


def of_table(element, name: str) -> bool:
    """Whether a text shows numbers of one table, not how many rows it has, nor a p that is 1 and would be more."""
    keys = element.attributes["data-key"].split("; ")
    verdicts = element.attributes["data-form"] in ("yeses", "how_many") or element.text.strip() == ">0.9999"
    return all(key.startswith(f"{name}/") for key in keys) and not verdicts


def test_scorecard_csv_holds_the_numbers_of_the_typed_table(made):
    lines = (made / "scorecard.csv").read_text().splitlines()
    names, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    typed = pq.read_table(made / "scorecard.parquet").to_pylist()
    assert pq.read_schema(made / "scorecard.parquet").field("simulated").type == pa.float64()
    for row, known in zip(rows, typed, strict=True):
        for name, text in zip(names, row, strict=True):
            value = known[name]
            assert text == value if isinstance(value, str) else (float(text) if text else None) == value


NAMES_OF_STATISTICS = {
    "analysis.statistics.concentrations": {"KIND"},
    "analysis.statistics.dose_finding": {"KIND"},
    "analysis.statistics.estimates": {"ALL", "FEW_REPLICATES", "NAMED", "OVER", "Estimate", "read_estimates"},
    "analysis.statistics.baseline": {"ITEMS", "Item"},
    "analysis.statistics.longitudinal": {"AVERAGE", "FREEDOM", "LEFT", "MODEL", "RECURRENT", "VISITS"},
    "analysis.statistics.measured_comparison": {"STATS"},
    "analysis.statistics.participants": {"DIED"},
    "analysis.statistics.passages": {"AFTER", "ENTERED", "LEFT"},
    "analysis.statistics.planned": {"FAMILY", "LIMITS", "ODDS", "TESTS"},
    "analysis.statistics.subgroups": {"KIND"},
}
"""What the report may know of the statistics: records and names, nothing that computes."""
DRAWS = "pictures.py"
"""Draws curves of the patients kept in full, so it may reduce arrays and use quartiles and Kaplan-Meier."""
REDUCTIONS = {
    "mean", "sum", "std", "var", "median", "quantile", "percentile", "cumsum", "prod", "average", "bincount", "dot",
    "nanmean", "nanmedian", "nansum", "nanmax", "nanmin", "max", "min", "round", "value_counts", "Counter",
}  # fmt: skip
ALLOWED = {
    ("runfolder.py", "value_counts"): "reads how many rows of patients.parquet say what, as the key of that text does",
    ("runfolder.py", "max"): "the width of arrays that are joined",
    ("patient.py", "max"): "the largest subject number, in the message for a patient who does not exist",
    ("patient.py", "nanmax"): "the last day on the axis of a figure",
    ("model.py", "max"): "the width of a column of equations",
    ("sensitivity.py", "max"): "the reach of an axis",
    ("attribution.py", "max"): "the reach of an axis",
    ("global_sensitivity.py", "max"): "the reach of an axis",
}


@pytest.mark.parametrize("path", [p for p in REPORT if p.name != DRAWS], ids=lambda p: p.name)
def test_the_report_computes_nothing(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("analysis.statistics"):
            names = {alias.name for alias in node.names}
            assert names <= NAMES_OF_STATISTICS.get(str(node.module), set()), f"{path.name} imports {names}"
    called = {called_name(node) for node in ast.walk(tree) if isinstance(node, ast.Call)} & REDUCTIONS
    assert {(path.name, name) for name in called} <= set(ALLOWED)


def called_name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_patient_years_have_one_decimal(phase_3):
    keyed = [e.text for e in page_of(phase_3).keyed if "patient-years" in e.attributes["data-key"]]
    assert keyed and all(re.fullmatch(r"\d+/\d+\.\d", text.strip()) for text in keyed)


@pytest.mark.slow
def test_many_arms_are_all_in_the_tables_and_twelve_in_a_figure(many):
    html = (many / "report.html").read_text(encoding="utf-8")
    levels = html[html.index('id="f-14-1-4"') : html.index("</section>", html.index('id="f-14-1-4"'))]
    assert levels.count("<svg") == 12 and "the tables have all 13 arms" in re.sub(r"<[^>]+>", "", levels)
    rows = set(re.findall(r'<tr data-row="RESPW8\|(A\d+)"', html))
    assert rows == {f"A{k}" for k in range(13)}
    assert (
        len({re.search(rf"\.hue-{k} {{ --c: (.*?); --w: .*?; --p: (.*?); }}", html).groups() for k in range(1, 14)})
        == 13
    )


@pytest.mark.slow
def test_two_hundred_arms_in_five_megabytes_and_twenty_seconds(tmp_path):
    """The size grows with the arms, not with their square."""
    sizes = []
    for n in (50, 200):
        folder, config = tmp_path / str(n), str(ROOT / "configs" / "hetrombopag_itp_phase3_empirical.yaml")
        settings = [word for change in doses(n, f"patients={2 * n}", "replicates=2") for word in ("--set", change)]
        assert main(["run", config, "--out", str(folder), "--no-report", *settings]) == 0
        begun = time.process_time()
        assert main(["report", str(folder)]) == 0
        assert time.process_time() - begun < 20
        sizes.append((folder / "report.html").stat().st_size)
    assert sizes[1] < 5e6 and sizes[1] < 4.2 * sizes[0]
