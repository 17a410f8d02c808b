"""Flow, disposition and who cannot be evaluated, from rows made by hand."""

from bare_run import OVER, bare_run, both, changed, row, shown
from tiny_trial import study

from analysis.evidence.scorecard import Published
from analysis.report import people
from analysis.report.number_origins import plain_text

PRINTED = Published(
    "e", "Made 1999", "ALL", "COMPL", "rate", "end", "%", 75.0, 8, 6, None, None, "none", False, False, "", ""
)


def count(arm, category, n, mean, size=4, code="DISP"):
    """A count of the named replicate, its mean, and the share of all arms."""
    found = both(code, arm, "count", n, mean, category=category, N=size, N_EVENT=n)
    return [*found, row(code, arm, "share", 100 * mean / size, OVER, category)]


def counts(arm, **categories):
    names = {"failed": "solve failed", "stopped": "stopped by the dose rule", "wish": "left: wish"}
    return [e for name, n in categories.items() for e in count(arm, names.get(name, name), n, n + 0.25)]


ARMS = {"randomised": 4, "completed": 3, "discontinued": 1, "wish": 1, "failed": 0, "stopped": 2, "analysed": 4}
FAILED = [e for arm in ("drug", "placebo", "ALL") for e in count(arm, "solve failed", 0, 0.0)]
ROWS = [e for arm in ("drug", "placebo", "ALL") for e in counts(arm, **ARMS)]
SCREEN = [
    e
    for name, n in (("screened", 9), ("too old", 1), ("excluded", 1), ("randomised", 8))
    for e in count("ALL", name, n, n, code="SCREEN")
]
LEAVING = changed(dropout=[{"reason": "wish", "hazard_per_week": 0.1}])


def steps(found):
    return [(step.label, plain_text(step.n), plain_text(step.mean)) for step in found]


def test_the_flow_from_screening_to_each_arm():
    flow = people.flow(bare_run(LEAVING, estimates=(*SCREEN, *ROWS)))
    assert steps([flow.screened, flow.out, flow.randomised]) == [
        ("Screened", "9", "9.0"), ("Excluded", "1", "1.0"), ("Randomised", "4", "4.3"),
    ]  # fmt: skip
    assert steps(flow.excluded) == [("too old", "1", "1.0")] and [arm.label for arm in flow.arms] == ["drug", "placebo"]
    assert steps(flow.arms[0].steps) == [
        ("Allocated", "4", "4.3"), ("Left: wish", "1", "1.3"), ("Completed", "3", "3.3"),
        ("Solve failed", "0", "0.3"), ("Analysed", "4", "4.3"),
    ]  # fmt: skip


def test_a_failure_that_never_happens_and_a_stop_that_cannot_have_no_line():
    calm = [e for e in ROWS if e.CATEGORY != "solve failed"] + FAILED
    labels = [step.label for step in people.flow(bare_run(estimates=tuple(calm))).arms[0].steps]
    assert labels == ["Allocated", "Completed", "Analysed"]
    stops = people.flow(bare_run(study(stops=True), estimates=tuple(calm))).arms[0].steps
    assert stops[1].label == "Treatment stopped by the dose rule, stayed in the study"


def test_without_screening_and_under_every_arm():
    flow = people.flow(bare_run(study(paired=True), estimates=tuple(ROWS)))
    assert flow.screened is None and flow.out is None and flow.excluded == ()
    assert flow.randomised.label == "Patients, each simulated under every arm"
    assert flow.arms[0].steps[0].label == "Simulated under this arm"
    one = [e for e in ROWS if e.SCOPE == OVER]
    assert people.flow(bare_run(estimates=tuple(one))).randomised is None, "a mean alone is no line"


def test_disposition_in_the_named_replicate_and_over_all():
    table = people.disposition_table(
        bare_run(LEAVING, estimates=tuple(ROWS), published={("COMPL", "rate", "ALL"): PRINTED})
    )
    assert shown(table)["Completed"] == ["Completed", *["3 (75.0)"] * 3, "81.3"]
    assert list(shown(table)) == ["Completed", "Discontinued", "  wish", "Solve failed"]
    assert [plain_text(note) for note in table.notes] == ["Published, Made 1999: 6 (75.0) of 8 completed."]
    heads = [plain_text(column.group) for column in table.columns]
    assert plain_text(table.columns[1].head) == "drug (N=4)" and "named" not in heads


def test_a_stop_is_a_line_and_a_note_of_its_own():
    said = people.disposition_table(bare_run(study(stops=True), estimates=tuple(ROWS)))
    assert shown(said)["Treatment stopped by the dose rule"][1] == "2 (50.0)" and len(said.notes) == 1
    for missing in ({"events": None}, {"n": None}):
        printed = {("COMPL", "rate", "ALL"): Published(**{**vars(PRINTED), **missing})}
        assert people.disposition_table(bare_run(estimates=tuple(ROWS), published=printed)).notes == ()
    assert plain_text(people.arm_head(bare_run(), "drug", "The drug")) == "The drug"


def absent(code, category, n, share):
    found = [row(code, "ALL", "not evaluable", n, OVER, category)]
    return [*found, *([] if share is None else [row(code, "ALL", "not evaluable share", share, OVER, category)])]


def test_endpoints_with_the_same_reason_and_counts_share_a_line():
    rows = [*absent("MAXDUR", "no response", 3.0, 14.29), *absent("TOTDUR", "no response", 3.0, 14.29),
            *absent("CMAX", "no response", 3.0, 10.0), *absent("PLTW8", "missed", 1.0, None)]  # fmt: skip
    table = people.not_evaluable(bare_run(estimates=tuple(rows), manifest={"patients_simulated": 1250}))
    assert shown(table) == {
        "MAXDUR": ["MAXDUR, TOTDUR", "no response", "3", "14.3"], "CMAX": ["CMAX", "no response", "3", "10.0"],
        "PLTW8": ["PLTW8", "missed", "1", "–"],
    }  # fmt: skip
    assert table.notes == () and table.columns[2].head == "Patients"
    nobody = people.not_evaluable(bare_run(manifest={"patients_simulated": 1250}))
    assert [plain_text(n) for n in nobody.notes] == ["Every one of the 1,250 patients has a value for every endpoint."]
