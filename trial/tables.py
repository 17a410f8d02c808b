"""Schema of every table of a run: column, type, unit, label. Names are ADaM style; (IREP, SUBJID) is the
patient's key, and USUBJID names the patient in every table of patients.

Dictionary-encoded strings keep long tables small. Labels and units travel as Arrow field metadata, so tables are always
written through pyarrow (pandas drops field metadata).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

TEXT = pa.dictionary(pa.int32(), pa.string())


def field(name: str, kind: pa.DataType, label: str, unit: str = "") -> pa.Field:
    """An Arrow field with its label (at most 40 characters in XPT) and unit as metadata."""
    return pa.field(name, kind, metadata={"label": label, "unit": unit})


KEY = (
    field("IREP", pa.int32(), "Replicate of the trial, from 0"),
    field("SUBJID", pa.int32(), "Subject within the replicate, from 1"),
    field("USUBJID", TEXT, "Unique subject identifier"),
)

PATIENTS = pa.schema(
    [
        field("STUDYID", TEXT, "Study identifier"),
        *KEY,
        field("ARM", TEXT, "Treatment arm"),
        field("STRATUM", TEXT, "Randomisation stratum"),
        field("AGE", pa.float64(), "Age", "y"),
        field("SEX", TEXT, "Sex"),
        field("HEIGHT", pa.float64(), "Height", "cm"),
        field("WEIGHT", pa.float64(), "Weight", "kg"),
        field("BMI", pa.float64(), "Body mass index", "kg/m2"),
        field("ITPDUR", pa.float64(), "Duration of ITP", "y"),
        field("SPLENFL", TEXT, "Prior splenectomy"),
        field("CONITPFL", TEXT, "Concomitant ITP medication"),
        field("BLBLEED", pa.int8(), "WHO bleeding grade at baseline"),
        field("BLPLAT", pa.float64(), "Platelet count at baseline, reported", "10^9/L"),
        field("RESPCLS", TEXT, "Class of drug response"),
        field("ADHER", pa.float64(), "Probability of taking a day's dose, on day 0"),
        field("OUTDOM", TEXT, "Why outside the validity domain"),
        field("EOSSTT", TEXT, "End of study status"),
        field("DCSREAS", TEXT, "Reason for discontinuation"),
        field("EOSDY", pa.int32(), "Last day in study", "d"),
    ]
)
DOSES = pa.schema(
    [
        *KEY,
        field("ASTDY", pa.int32(), "First day of the period", "d"),
        field("AENDY", pa.int32(), "Day after the last day of the period", "d"),
        field("EXDOSE", pa.float64(), "Active drug prescribed per day", "mg"),
        field("DOSELEV", pa.float64(), "Level to take each day, sham included", "mg"),
        field("ACTION", TEXT, "What was done to the dose"),
        field("REASON", TEXT, "Why"),
        field("TRIGCNT", pa.float64(), "Reported count that led to it", "10^9/L"),
        field("NTAKEN", pa.int32(), "Days on which the dose was taken", "d"),
    ]
)
OBSERVATIONS = pa.schema(
    [
        *KEY,
        field("PARAMCD", TEXT, "Parameter: PLAT, WHOBLEED or CONC"),
        field("AVISITN", pa.int32(), "Planned day of the visit", "d"),
        field("ADY", pa.int32(), "Actual day of the visit", "d"),
        field("ATPT", pa.float64(), "Time after the dose", "h"),
        field("AVAL", pa.float64(), "Reported value", "10^9/L, grade or ng/mL"),
        field("TRUEVAL", pa.float64(), "True value, without assay error", "10^9/L, grade or ng/mL"),
        field("AVALREAS", TEXT, "Why there is no value"),
    ]
)
EVENTS = pa.schema(
    [
        *KEY,
        field("EVENT", TEXT, "RESCUE or DROPOUT"),
        field("ADY", pa.int32(), "Day of the event", "d"),
        field("TERM", TEXT, "Term"),
        field("CYCLE", pa.int32(), "Cycle of chemotherapy, from 1"),
        field("AVAL", pa.float64(), "Reported count at the event", "10^9/L"),
    ]
)
SOLVES = pa.schema(
    [
        *KEY,
        field("STATUS", TEXT, "How the solve ended"),
        field("REASON", TEXT, "Why it failed"),
        field("NSTEPS", pa.int64(), "Steps of the solver"),
    ]
)
SCREENING = pa.schema(
    [
        KEY[0],
        field("REASON", TEXT, "screened, a reason of exclusion, or randomised"),
        field("N", pa.int64(), "Candidates"),
    ]
)

COURSES = pa.schema(
    [
        *KEY,
        field("AHOUR", pa.float64(), "Time since the first dose", "h"),
        field("CONC", pa.float64(), "True concentration", "ng/mL"),
        field("PLT", pa.float64(), "True platelet count", "10^9/L"),
    ]
)
ADVERSE = pa.schema(
    [
        *KEY,
        field("AECD", TEXT, "Tolerability proxy"),
        field("TERM", TEXT, "Term, marked as simulated"),
        field("ADY", pa.int32(), "Day of the first event", "d"),
        field("AESIMFL", TEXT, "Simulated as a proxy, always Y"),
    ]
)
"""Only of a study with ``tolerability``."""

STAGES = pa.schema(
    [
        *KEY,
        field("ARM", TEXT, "Treatment arm"),
        field("STAGEN", pa.int32(), "Number of the stage, from 1"),
        field("STAGE", TEXT, "Stage of the trial"),
        field("ASTDY", pa.int32(), "First day of the stage", "d"),
        field("AENDY", pa.int32(), "Day after its last, or of leaving", "d"),
        field("ENDREAS", TEXT, "Why it ended"),
    ]
)
"""Only of a study with ``stages``."""
STAGE_ENDS = ("planned end", "condition of the stage met", "last visit")
"""ENDREAS of who did not leave in the stage; else it is why the patient left."""

PARAMETERS = pa.schema(KEY)
"""And a column for each parameter of the structure, see ``parameters_schema``."""

TABLES: dict[str, pa.Schema] = {
    "patients": PATIENTS,
    "parameters": PARAMETERS,
    "doses": DOSES,
    "observations": OBSERVATIONS,
    "events": EVENTS,
    "solves": SOLVES,
    "screening": SCREENING,
}

DECISIONS = pa.schema(
    [
        *KEY,
        field("AVISITN", pa.int32(), "Planned day of the visit", "d"),
        field("ADY", pa.int32(), "Actual day of the visit", "d"),
        field("AVAL", pa.float64(), "Reported count", "10^9/L"),
        field("AVALREAS", pa.string(), "Why there is no count"),
        field("RESCUEFL", pa.string(), "Rescue therapy given, Y or N"),
        field("DOSEBEF", pa.float64(), "Rung before the visit, sham included", "mg"),
        field("DOSELEV", pa.float64(), "Rung after the visit, sham included", "mg"),
        field("REASON", pa.string(), "Why the dose was changed or kept"),
    ]
)
"""The decision log of one patient, as ``vtrial replay --out`` writes it."""

DENSE: dict[str, pa.Schema] = {"courses": COURSES}
"""What ``output: dense`` keeps beside TABLES: a row per patient and full hour, up to the patient's last day."""
PROXIES: dict[str, pa.Schema] = {"adverse": ADVERSE}
"""What a study with ``tolerability`` has beside TABLES: a row per simulated adverse event."""
STAGED: dict[str, pa.Schema] = {"stages": STAGES}
"""What a study with ``stages`` has beside TABLES: a row per patient and stage in which he was."""


MISSED = pa.schema(
    [
        *KEY,
        field("ADY", pa.int32(), "Day on which a prescribed dose was missed", "d"),
        field("REASON", TEXT, "holiday, by chance or gave up"),
    ]
)
MISSING: dict[str, pa.Schema] = {"missed": MISSED}
"""What a study with ``adherence.missed_days`` has beside TABLES: a row per day on which a dose was missed."""


COVARIATES = pa.schema(
    [
        *KEY,
        field("ADY", pa.int32(), "First day of the value", "d"),
        field("PARAMCD", TEXT, "Covariate that changes"),
        field("AVAL", pa.float64(), "Value, of a number"),
        field("AVALC", TEXT, "Value, of a category"),
    ]
)
CHANGING: dict[str, pa.Schema] = {"covariates": COVARIATES}
"""What a study with ``population.changes`` or ``by_day`` has beside TABLES: the value of every patient on day 0 and on
each day on which it becomes another.
"""


def more_tables(dense: bool, proxies: bool, staged: bool, missed: bool, changing: bool) -> tuple[str, ...]:
    """Names of the tables that a study has beside TABLES."""
    more = ((DENSE, dense), (PROXIES, proxies), (STAGED, staged), (MISSING, missed), (CHANGING, changing))
    return tuple(name for tables, there in more if there for name in tables)


MEALSH = field("MEALSH", pa.float64(), "Share of days with a meal too early, on day 0")
TAKENSH = field("TAKENSH", pa.float64(), "Share of prescribed doses taken")


DEATH = (
    field("DTHFL", TEXT, "Subject death flag"),
    field("DTHADY", pa.int32(), "Relative day of death", "d"),
    field("DTHCAUS", TEXT, "Cause of death"),
)
"""Names of ADSL (ADaM); of who has died, else null. DTHADY is EOSDY, from the first dose on day 0."""


VOIDENDY = field("VOIDENDY", pa.int32(), "First day that rescue does not void", "d")


INTERVALS = (
    field("EXINTVL", TEXT, "Days of the level on which its dose is taken"),
    field("NDUE", pa.int32(), "Days on which a dose was due", "d"),
)


def doses_schema(intervals: bool) -> pa.Schema:
    """DOSES, and of a study with levels that are not taken daily INTERVALS."""
    return pa.schema([*DOSES, *INTERVALS * intervals])


def observations_schema(clocked: bool) -> pa.Schema:
    """OBSERVATIONS, and of a study with a schedule of the user's own AHOUR."""
    return pa.schema([*OBSERVATIONS, *[SINCE_START] * clocked])


SINCE_START = field("AHOUR", pa.float64(), "Time since the start of the study", "h")
CHSHARE = field("CHSHARE", pa.float64(), "Share of the planned chemotherapy dose")


def events_schema(chemotherapy: bool, agents: bool, waits: bool, death: bool) -> pa.Schema:
    """EVENTS; of a study with chemotherapy or death the label says so; with agents of rescue there is VOIDENDY, with
    cycles that wait for platelets CHSHARE.
    """
    kinds = ["RESCUE", "DROPOUT", *["DEATH"] * death, *["CHEMO"] * chemotherapy]
    said = field("EVENT", TEXT, f"{', '.join(kinds[:-1])} or {kinds[-1]}")
    schema = EVENTS.set(EVENTS.get_field_index("EVENT"), said) if chemotherapy or death else EVENTS
    return pa.schema([*schema, *[VOIDENDY] * agents, *[CHSHARE] * waits])


def patients_schema(meals: bool, taken: bool, death: bool) -> pa.Schema:
    """PATIENTS, of a study with meals MEALSH, of one that says more of adherence than a mean TAKENSH, of one in which
    patients can die DEATH.
    """
    return pa.schema([*PATIENTS, *[MEALSH] * meals, *[TAKENSH] * taken, *DEATH * death])


def parameters_schema(names: tuple[str, ...], units: dict[str, str]) -> pa.Schema:
    """PARAMETERS, with one column for each of the model's parameters."""
    of = [field(name, pa.float64(), f"Individual {name}", units.get(name, "")) for name in names]
    return pa.schema([*PARAMETERS, *of])


def on_days(
    row: NDArray[np.integer], first: NDArray[np.integer], after: NDArray[np.integer], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """How many periods cover each day, (rows, days) as in ``shape``: those of ``row`` from ``first`` to the day before
    ``after``, (k,) each. What lies behind the last day is not counted.
    """
    edge = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    for day, step in ((first, 1), (after, -1)):
        np.add.at(edge, (row, np.minimum(day, shape[1])), step)
    return np.cumsum(edge, axis=1)[:, :-1]
