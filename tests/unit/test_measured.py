"""Tables of medians and means, of exposure, rates and differences, from rows made by hand."""

import pytest
from bare_run import OVER, bare_run, both, changed, row, shown
from tiny_trial import study

from analysis.evidence.scorecard import Published
from analysis.report import differences, kinetics, measured, rates
from analysis.report.number_origins import plain_text

PRINTED = Published(
    "d", "Made 1999", "drug", "MAXDUR", "median", "end", "d", 22.0, 125, None, 6.0, 53.0, "range", False, False, "", ""
)


def median(code, arm="drug", unit="d"):
    said = {"UNIT": unit, "PARAM": f"{code} in words"}
    named = [row(code, arm, stat, value, N=9, **said) for stat, value in (("minimum", 2.0), ("maximum", 40.0))]
    return [*both(code, arm, "median", 20.04, 21.06, N=9, **said), *named]


def mean(code, arm="drug", unit="%"):
    said = {"UNIT": unit, "PARAM": f"{code} in words"}
    return [*both(code, arm, "mean", 390.04, 400.06, N=9, **said), row(code, arm, "SD", 81.236, N=9, **said)]


def notes(table):
    return [plain_text(note) for note in table.notes]


def test_medians_beside_the_published_one():
    rows = [*median("MAXDUR"), *median("MAXDUR", "placebo"), *mean("CHGW8")]
    table = measured.durations(bare_run(estimates=tuple(rows), published={("MAXDUR", "median", "drug"): PRINTED}))
    assert shown(table)["MAXDUR"] == ["MAXDUR in words, d [MAXDUR]"]
    assert shown(table)["MAXDUR|drug"] == [
        "drug",
        "21.1 ± 0.3",
        "(16.1, 26.1)",
        "9",
        "20.0 (2, 40)",
        "125",
        "22.0 (6, 53)",
    ]
    assert shown(table)["MAXDUR|placebo"][-2:] == ["–", "–"] and len(table.columns) == 7
    assert [plain_text(column.head) for column in table.columns[1:5]] == [
        "Median ± MC error",
        "Range",
        "n",
        "Median (min, max)",
    ]
    assert "The mean over replicates is a mean of medians." in notes(table)


def test_without_a_published_value_there_is_no_column_of_it():
    table = measured.durations(bare_run(estimates=tuple(median("MAXDUR"))))
    assert len(table.columns) == 5 and len(shown(table)["MAXDUR|drug"]) == 5
    assert measured.durations(bare_run(estimates=tuple(mean("CHGW8")))) is None


def test_means_and_medians_in_one_table():
    table = measured.counts(bare_run(estimates=(*mean("CHGW8"), *median("PLTW8", unit="10^9/L"), *median("MAXDUR"))))
    assert shown(table)["CHGW8"] == ["CHGW8 in words, %, mean [CHGW8]"] and "MAXDUR" not in shown(table)
    assert shown(table)["CHGW8|drug"][4] == "390.0 (81.24)" and shown(table)["PLTW8|drug"][4] == "20.0 (2, 40)"
    assert [plain_text(table.columns[k].head) for k in (1, 4)] == ["Value ± MC error", "Value (spread)"]
    only = measured.counts(bare_run(estimates=tuple(mean("CHGW8"))))
    assert plain_text(only.columns[4].head) == "Mean (SD)" and not any("medians" in note for note in notes(only))


def test_one_replicate_has_no_mean_of_medians_and_no_value_is_not_estimable():
    table = measured.durations(bare_run(changed(replicates=1), estimates=tuple(median("MAXDUR"))))
    assert not any("mean of medians" in note or note.startswith("Range") for note in notes(table))
    empty = [row("MAXDUR", "drug", "median", None, N=0), row("MAXDUR", "drug", "median", None, OVER)]
    assert shown(measured.durations(bare_run(estimates=tuple(empty))))["MAXDUR|drug"][1:5] == ["NE", "–", "0", "NE"]


def test_who_is_left_out_of_the_durations():
    single = "no two consecutive visits with a response"
    absent = [
        row(code, "ALL", "not evaluable", n, OVER, why)
        for code, n, why in (("MAXDUR", 1.0, single), ("MAXDUR", 7.0, "no response"), ("PLTW8", 5.0, single))
    ]
    table = measured.durations(bare_run(estimates=(*median("MAXDUR"), *absent)))
    said = f"All 3 replicates: 1 patient who ever responded before rescue is left out, with {single}."
    assert said in notes(table)
    assert not any(
        "left out" in note for note in notes(measured.durations(bare_run(estimates=tuple(median("MAXDUR")))))
    )


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        ({}, ("125", "22.0 (6, 53)")),
        ({"interval": "cp95"}, ("125", "22.0")),
        ({"n": None, "interval": "none"}, ("–", "22.0")),
    ],
)
def test_a_published_value_with_its_range_or_alone(change, texts):
    printed = Published(**{**vars(PRINTED), **change})
    assert tuple(map(plain_text, measured._printed(printed))) == texts


def exposure(code="CMAX", arm="drug", n=9):
    said = {"UNIT": "ng/mL", "PARAM": "Cmax"}
    named = {"geometric CV": 38.24, "median": 31.0, "minimum": 12.04, "maximum": 71.26}
    return [
        *both(code, arm, "geometric mean", 30.126, 29.04, N=n, **said),
        *[row(code, arm, stat, v, N=n, **said) for stat, v in named.items()],
    ]


def test_exposure_to_three_figures():
    printed = {
        ("CMAX", "geomean", "drug"): Published(
            **{
                **vars(PRINTED),
                "endpoint": "CMAX",
                "statistic": "geomean",
                "published": 33.333,
                "interval": "tolerance",
            }
        )
    }
    run = bare_run(study(pk_sampling=True), estimates=(*exposure(), *exposure(arm="placebo", n=0)), published=printed)
    table = kinetics.exposure(run)
    assert shown(table)["CMAX|drug"] == [
        "drug", "29.0 ± 0.25", "(24.0, 34.0)", "9", "30.1 (38.2)", "31.0 (12.0, 71.3)", "33.3", "(6.00, 53.0) t",
    ]  # fmt: skip
    assert "CMAX|placebo" not in shown(table) and len(table.columns) == 8 and len(table.notes) == 3
    assert (
        notes(table)[0]
        == "One dosing interval from the dose of day 28; doses differ between patients because they are titrated."
    )


def test_exposure_without_a_publication_or_a_patient():
    table = kinetics.exposure(bare_run(study(pk_sampling=True), estimates=tuple(exposure())))
    assert len(table.columns) == 6 and len(shown(table)["CMAX|drug"]) == 6
    assert kinetics.exposure(bare_run(estimates=tuple(exposure(n=0)))) is None and kinetics.exposure(bare_run()) is None
    arms = [{"id": "drug", "start_dose_mg": 5}, {"id": "placebo", "start_dose_mg": 5, "placebo": True}]
    fixed = {"arms": arms, "dose_rules": {}}
    once = bare_run(changed(treatment_days=1, **fixed))
    assert kinetics._when(once) == kinetics._when(bare_run(changed(**fixed))) == "After the single dose."
    for interval, said in (("printed95", "(6.00, 53.0)"), ("range", "–")):
        assert plain_text(kinetics._printed(Published(**{**vars(PRINTED), "interval": interval}))[1]) == said
    assert kinetics._printed(None) == ("–", "–")


RATE = Published(
    "a", "Made 1999", "drug", "RESPW8", "rate", "week 8", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", True, True, "", ""
)


def rate(code="RESPW8", arm="drug", **said):
    return both(
        code, arm, "rate", 57.14, 58.93, N=7, N_EVENT=4, CI_LOW=18.4, CI_HIGH=90.1, PARAM=f"{code} in words", **said
    )


def test_rates_with_and_without_published_columns():
    run = bare_run(estimates=(*rate(), *rate(arm="ALL"), *rate("PLT250")), published={("RESPW8", "rate", "drug"): RATE})
    table = rates.efficacy(run)
    assert shown(table)["RESPW8|drug"] == [
        "drug",
        "58.9 ± 0.3",
        "(53.9, 63.9)",
        "4/7 (57.1)",
        "(18.4, 90.1)",
        "99/168 (58.9)",
        "(51.1, 66.4)",
        "–",
    ]
    assert shown(table)["RESPW8|ALL"][0] == "All arms" and "RESPW8|placebo" not in shown(table)
    assert "PLT250" not in shown(table) and len(table.columns) == 8
    proxies = rates.tolerability(run)
    assert list(shown(proxies)) == ["PLT250", "PLT250|drug"] and len(proxies.columns) == 5
    assert len(shown(proxies)["PLT250|drug"]) == 5 and "Adverse events are not simulated." in notes(proxies)[0]
    assert rates.adverse(run) is None and rates.tolerability(bare_run(estimates=tuple(rate()))) is None
    held = bare_run(estimates=tuple(rate("PLT250")), published={("PLT250", "rate", "drug"): RATE})
    assert "nearest printed row" in notes(rates.tolerability(held))[0] and "nearest" not in notes(proxies)[0]


def difference(code="RESPW8", arm="drug"):
    said = {"COMPARATOR": "placebo", "PARAM": f"{code} in words"}
    limits = {"CI_LOW": 43.14, "CI_HIGH": 61.26}
    return [
        *both(code, arm, "difference", 53.04, 52.96, **limits, **said),
        row(code, arm, "odds ratio", 22.957, CI_LOW=8.8, CI_HIGH=59.9, **said),
        *both(code, arm, "power", 100.0, 99.0, **said),
    ]


def test_differences_and_odds_ratios():
    table = differences.differences(bare_run(estimates=(*rate(), *difference(), *difference("PLT250"))))
    assert shown(table)["RESPW8|drug"] == [
        "drug", "53.0 ± 0.3", "(48.0, 58.0)", "99.0 ± 0.3", "53.0 (43.1, 61.3)", "22.96 (8.80, 59.90)",
    ]  # fmt: skip
    assert "PLT250" not in shown(table) and len(table.columns) == 6 and len(table.notes) == 3
    assert plain_text(table.title) == "Differences from placebo"
    paired = differences.differences(bare_run(study(paired=True), estimates=tuple(difference())))
    assert len(paired.columns) == 5 and len(shown(paired)["RESPW8|drug"]) == 5
    weak = [e for e in difference() if e.STAT != "power"]
    plain = differences.differences(bare_run(estimates=tuple(weak)))
    assert len(plain.columns) == 5 and len(plain.notes) == 2
    other = [*weak, *[e for e in difference("PLT250") if e.STAT == "power"]]
    assert len(differences.differences(bare_run(estimates=tuple(other))).columns) == 5
    assert differences.differences(bare_run(estimates=tuple(rate()))) is None


def test_the_time_of_the_peak_is_a_median_to_two_decimals():
    """A time has no geometric mean, neither over replicates nor in the named one."""
    said = {"UNIT": "h", "PARAM": "Tmax", "N": 9}
    named = [row("TMAX", "drug", stat, v, **said) for stat, v in (("minimum", 2.0), ("maximum", 12.126))]
    rows = (*both("TMAX", "drug", "median", 7.954, 8.016, **said), *named)
    assert shown(kinetics.exposure(bare_run(study(pk_sampling=True), estimates=rows)))["TMAX|drug"] == [
        "drug", "8.02 ± 0.25", "(3.02, 13.02)", "9", "–", "7.95 (2.00, 12.13)",
    ]  # fmt: skip
