"""Cells and words that every table of the report shares, on a run of which only what they look at is there."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from analysis.evidence.scorecard import Published, Score
from analysis.report import grid
from analysis.report.grid import Cell, Column, Row, Table, heading, texts
from analysis.report.number_origins import Number, plain_text
from analysis.report.runfolder import ArmStyle, ranges
from analysis.statistics.estimates import Estimate

PUBLISHED = Published(
    "r", "Made 1999", "drug", "RESPW8", "rate", "week 8", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", True, True, "", ""
)
SCORE = Score("r", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")


def estimate(**said):
    return Estimate("S", "RESPW8", "Response", "drug", None, "FAS", "rate", "%", "replicate", **said)


@dataclass
class Run:
    """As much of a run as the words need."""

    n_replicates: int = 20
    paired: bool = False
    can_stop: bool = False
    label: str = ""

    @property
    def study(self):
        return SimpleNamespace(paired=self.paired, can_stop=self.can_stop, published=SimpleNamespace(label=self.label))

    replicates = property(lambda self: Number(self.n_replicates, "config", "", "replicates"))
    arms = (ArmStyle("drug", "The drug", 1, False, 5.0, 1, None), ArmStyle("sham", "The sham", 0, True, 5.0, 1, None))
    style = {arm.id: arm for arm in arms}  # noqa: RUF012
    published = {("RESPW8", "rate", "drug"): PUBLISHED}  # noqa: RUF012
    of_endpoints = (
        estimate(),
        estimate(),
        Estimate("S", "MAXDUR", "", "drug", None, "FAS", "median", "d", "replicate"),
    )

    def config(self, *path):
        return Number({"named_replicate": 3, "response_threshold_1e9L": 50.0}[path[-1]], "config", path[0], path[-1])

    def score_of(self, printed):
        return SCORE if printed is PUBLISHED else None


def test_headings_span_columns_of_one_group_that_stand_together():
    names = ("a", "", "", "b", "b", "a", "a", "a")
    table = Table("1", "", "", tuple(Column(str(k), "", group) for k, group in enumerate(names)), ())
    assert table.groups == [("a", 1), ("", 1), ("", 1), ("b", 2), ("a", 3)]
    assert table.kinds == [""] * 8, "a table without rows has no style"
    styled = Table(
        "1", "", "", (), (heading("A", "k"), Row((*texts("x", kind="label"), Cell("1"))), Row((Cell("2", "text"),)))
    )
    assert styled.kinds == ["label", ""]
    assert heading("A", "k") == Row((Cell("A", "label"),), "k", None, True)


def test_names_and_hues_of_arms():
    assert [grid.arm_name(Run(), arm) for arm in ("drug", "sham", "ALL")] == [
        ("The drug", 1),
        ("The sham", 0),
        ("All arms", None),
    ]


def test_cells_of_estimates():
    full = estimate(
        ESTIMATE=58.93, N_EVENT=99, N=168, MCSE=0.34, CI_LOW=51.14, CI_HIGH=66.38, RANGE_LOW=50.05, RANGE_HIGH=68.0
    )
    assert plain_text(grid.events(full)) == "99/168 (58.9)" and plain_text(grid.mean_over(full)) == "58.9 ± 0.3"
    assert plain_text(grid.confidence(full)) == "(51.1, 66.4)" and plain_text(grid.range_over(full, 0)) == "(50, 68)"
    for cell in (grid.events, grid.mean_over, grid.range_over, grid.confidence):
        assert cell(None) == "–"
    for cell in (grid.events, grid.range_over, grid.confidence):
        assert cell(estimate(ESTIMATE=1.0)) == "–"


def test_published_cells():
    without = [
        PUBLISHED.__class__(**{**vars(PUBLISHED), **said})
        for said in ({"events": None}, {"n": None}, {"events": None, "n": None})
    ]
    assert plain_text(grid.published_events(PUBLISHED)) == "99/168 (58.9)"
    assert [plain_text(grid.published_events(p)) for p in without] == ["58.9", "–", "58.9"]
    assert grid.published_events(None) == grid.published_interval(None) == "–"
    for interval, shown in (
        ("cp95", "(51.1, 66.4)"),
        ("printed95", "(51.1, 66.4) p"),
        ("tolerance", "(51.1, 66.4) t"),
        ("range", "–"),
    ):
        p = Published(**{**vars(PUBLISHED), "interval": interval})
        assert plain_text(grid.published_interval(p)) == shown
    assert grid.judged(Run(), PUBLISHED) == Cell("inside (fit)", "inside") and grid.judged(Run(), None) == Cell("–")


def test_the_publication_by_its_label_or_the_name_in_its_rows():
    assert grid.published_name(Run(label="Mei 2021")) == "Mei 2021" and grid.published_name(Run()) == "Made 1999"
    assert plain_text(grid.published_head(Run())) == "Published, Made 1999"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), ""),
        (("A",), "A"),
        (("A", "B"), "A and B"),
        (("A", "B", "C"), "A, B and C"),
        (("A, b", "C", "D"), "A, b; C; and D"),
    ],
)
def test_lists_of_names(names, said):
    assert plain_text(grid.listed(names)) == said


def test_patients_or_courses():
    assert grid.everybody(Run()) == "All randomised, simulated" and grid.courses(Run()) == "patients"
    assert grid.courses(Run(paired=True), capital=True) == "Courses"
    assert grid.full_set(Run(paired=True)) == "Full analysis set: all patients, each simulated under every arm"


def test_one_replicate_is_no_mean_and_has_no_error_or_range():
    one, two = Run(1), Run(2)
    assert grid.simulated_over(one) == "Simulated, one replicate" and grid.counted_replicates(one) == "One replicate"
    assert plain_text(grid.simulated_over(two)) == "Simulated, mean of 2 replicates"
    assert plain_text(grid.counted_replicates(two)) == "All 2 replicates"
    assert (grid.with_error(one, "Mean"), grid.with_error(two, "Mean")) == ("Mean", "Mean ± MC error")
    assert grid.range_note(one) == () and len(grid.range_note(two)) == 1


def test_words_of_the_study():
    assert grid.stop_note(Run()) == ()
    (note,) = grid.stop_note(Run(can_stop=True))
    assert note.startswith("Where a result says no rescue") and note.endswith("counts as a rescue.")
    assert (
        plain_text(grid.named_alone(Run())) == "Simulated, replicate 3 alone"
        and plain_text(grid.threshold(Run())) == "50"
    )


def test_codes_of_a_statistic_once_each_in_their_order():
    assert grid.codes(Run(), ("rate", "median"), ("MAXDUR", "RESPW8")) == ["RESPW8", "MAXDUR"]
    assert grid.codes(Run(), ("rate",), ("MAXDUR", "RESPW8")) == ["RESPW8"] and grid.codes(Run(), ("rate",), ()) == []


def test_ranges_of_whole_numbers():
    assert ranges(range(10)) == "0 to 9" and ranges([*range(10), 17]) == "0 to 9 or 17" and ranges([3]) == "3"
    assert ranges([1, 2, 5, 7, 8]) == "1 to 2 or 5 or 7 to 8"
