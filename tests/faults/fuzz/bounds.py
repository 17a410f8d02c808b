"""Every numeric and text key of a study at extreme values: which are accepted without a word, and do they then run?

What is fine says why. usage: CHECKOUT/.venv/bin/python bounds.py CHECKOUT WORKDIR [--run]
"""
import contextlib, io, json, os, sys, time, signal
from pathlib import Path
checkout, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(); work.mkdir(parents=True, exist_ok=True)
sys.path.insert(0, str(checkout))
from trial.cli.check import check
from trial.cli import main
from trial.errors import ConfigError
BASE = {"itp": checkout / "configs/published/hetrombopag_itp_phase3.yaml", "stop": checkout / "configs/hetrombopag_itp_24_weeks_stop.yaml",
        "cit": checkout / "configs/published/hetrombopag_cit_nct05864014.yaml", "food": checkout / "configs/published/hetrombopag_food.yaml", "single": checkout / "configs/published/hetrombopag_healthy_single.yaml"}
NONSENSE = [  # (base, --set ..., why it is nonsense)
 ("itp", "screening.platelets_below_1e9L=1e300", "eligibility below 1e300"), ("itp", "screening.itp_duration_at_least_y=0", "fine: not asked"), ("itp", "screening.age_at_least_y=119", "only ages 119+"),
 ("itp", "screening.age_at_least_y=0", "newborns in an adult model"), ("itp", "arms.0.start_dose_mg=0", "active arm of 0 mg"), ("itp", "arms.0.ratio=100", "ratio 100"), ("itp", "visits.missed_probability=1", "no visit ever takes place"),
 ("itp", "adherence.mean=0", "nobody takes a dose"), ("itp", "laboratory.lower_limit_1e9L=20", "lower limit of 20"), ("itp", "rescue.min_days_between=0", "rescue on every visit"), ("itp", "analysis.response_threshold_1e9L=1e300", "response at 1e300"),
 ("itp", "analysis.response_threshold_1e9L=1e-300", "everyone responds"), ("itp", "analysis.response_threshold_1e9L=0.5", "response below lower limit"), ("itp", "patients=1", "1 patient in 3 arms"), ("itp", "patients=2", "2 patients in 3 arms"), ("itp", "title=''", "empty title"), ("itp", "title='   '", "blank title"),
 ("itp", 'title="a\\nseed: 7"', "title with newline"), ("itp", 'title="a\\nevil: 1"', "title with newline and a key"), ("itp", 'title="a\\x85b"', "NEL in title"), ("itp", 'title="a\\u2028b"', "LS in title"), ("itp", 'title="a\\0b"', "NUL in title"), ("itp", 'title="a\\eb"', "ESC in title"), ("itp", 'arms.0.label="a\\nb"', "label with newline"), ("itp", 'arms.0.label="a\\0b"', "NUL label"), ("itp", 'arms.0.label="Placebo"', "label of an active arm is Placebo"),
 ("itp", "arms.0.label=HETROM-5", "label equal to another arm's id"), ("itp", "arms.0.id=placebo", "arm ids that differ by case"), ("itp", "solver.rtol=0.01", "loosest rtol"), ("itp", "solver.rtol=1e-12", "fine: slow, and right"), ("itp", "solver.max_steps_per_day=10", "10 steps a day"),
 ("itp", "solver.atol=0.01", "loosest atol"), ("itp", "dropout=[{reason: '', hazard_per_week: 0.1}]", "empty reason"), ("itp", "dropout=[{reason: x, hazard_per_week: 1e300}]", "hazard 1e300 per week"), ("itp", "dropout=[{reason: x, hazard_per_week: 1000}]", "hazard 1000 per week"), ("itp", "dropout=[{reason: x, hazard_per_week: 0.1},{reason: x, hazard_per_week: 0.1}]", "same reason twice"),
 ("itp", "dropout=[{reason: '=1+1', hazard_per_week: 0.3}]", "formula reason"), ("itp", "treatment_days=3650", "treatment 3650 days, visits to 70"), ("itp", "treatment_days=1", "1 day"), ("itp", "randomisation.block_size=200", "fine: the ratio is kept by every 200"), ("itp", "randomisation.strata=[{covariate: BLPLAT, cut: 1e300}]", "cut at 1e300"), ("itp", "randomisation.strata=[{covariate: BLPLAT, cut: -5}]", "cut at -5"),
 ("itp", "randomisation.strata=[{covariate: AGE, cut: 1},{covariate: AGE, cut: 1}]", "same stratum twice"), ("itp", "parameter_set=hetrombopag_healthy_zheng_2017", "healthy parameter set on ITP patients"), ("itp", "parameter_set=eltrombopag_itp_bussel_2007", "eltrombopag at 2.5 mg"), ("itp", "population={id: healthy_zheng_2017}", "healthy people in an ITP trial"),
 ("itp", "population={id: healthy_japanese_jscpt_2011}", "healthy Japanese men, counts below 30"), ("itp", "citation=nonsense", "unknown citation"), ("itp", "published.label='<b>x</b>'", "fine: printed as the text it is"), ("itp", "published.design=zzz", "design that no one has"), ("itp", "analysis.endpoints=[RESPW8, RESPW8]", "endpoint twice"), ("itp", "analysis.endpoints=['']", "empty endpoint"),
 ("itp", "tolerability.proxies=[ALT, ALT]", "proxy twice"), ("itp", "replicates=1000000", "1e6 replicates"), ("itp", "patients=1000000", "1e6 patients"), ("itp", "seed=0", "fine: a seed like others"), ("itp", "assumptions=['']", "empty assumption"),
 ("stop", "dose_rules.PHASE3.source=''", "empty source"), ("cit", "chemotherapy.doses.0.intensity=10", "10 times chemotherapy"), ("cit", "chemotherapy.doses.0.intensity=1e-300", "intensity 1e-300"), ("cit", "chemotherapy.cycle_days=1", "a cycle a day"), ("cit", "chemotherapy.cycles=100", "100 cycles"), ("food", "arms.0.meal_after_dose_h=23.99", "meal at 23.99 h"), ("single", "pk_sampling.times_h=[0, 1e-300, 24]", "sample at 1e-300 h"), ("single", "pk_sampling.times_h=[0, 1, 24, 1440]", "1440 h"),
 ("single", "patients=1", "1 patient"), ("single", "treatment_days=2", "fine: two doses"), ("itp", "arms.0.start_dose_mg=200", "200 mg of hetrombopag"),
]
os.chdir(work)
signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("20 s")))
def warnings_of(text): return [l for l in text.splitlines() if l.startswith("warning")]
KNOWN = {}
for base, path in BASE.items():
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err): check(path, [])
    KNOWN[base] = {l.split(": ", 2)[-1] for l in warnings_of(err.getvalue())}
DESIGN = "belong to another design"
for base, setting, why in NONSENSE:
    out, err, t = io.StringIO(), io.StringIO(), time.time(); signal.alarm(20)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): check(BASE[base], [setting])
        new = [l for l in warnings_of(err.getvalue()) if l.split(": ", 2)[-1] not in KNOWN[base] and DESIGN not in l]
        kind, say = ("warned", new[0]) if new else ("fine" if why.startswith("fine") else "ACCEPTED", "")
    except ConfigError as e: kind, say = "refused", e.messages[0]
    except TimeoutError: kind, say = "HANG", ""
    except Exception as e: kind, say = "CRASH", repr(e)[:150]
    signal.alarm(0); s = time.time() - t
    ran = ""
    if kind in ("warned", "fine", "ACCEPTED") and "--run" in sys.argv and not setting.startswith(("replicates", "patients=1000000")):
        out, err = io.StringIO(), io.StringIO(); few = ["--set", "patients=10"] if not setting.startswith("patients") else []
        signal.alarm(60)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): code = main(["run", str(BASE[base]), "--set", setting, *few, "--replicates", "2", "--workers", "1", "--out", str(work / "out"), "--overwrite"])
        except TimeoutError: code = "HANG"
        signal.alarm(0); ran = f"run {code}: {err.getvalue().splitlines()[-1][:150] if code else ''}"
    print(f"{kind:9}{s:5.1f}s {base:6} {setting[:70]:70} {why:40} {ran} {say[:140] if kind != 'ACCEPTED' else ''}", flush=True)
