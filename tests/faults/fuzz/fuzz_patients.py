"""Mutate patient files (CSV, Parquet), own parameter sets, published rows and calibrations; feed each to check.

usage: CHECKOUT/.venv/bin/python fuzz_patients.py CHECKOUT WORKDIR [--cases 1000] [--kinds csv,parquet,set,rows,baseline,calibration] [--seed 1]
"""
import argparse, copy, csv, io, json, random, re, sys, os, contextlib, time
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
import fuzz_config as fc
p = argparse.ArgumentParser(); p.add_argument("checkout", type=Path); p.add_argument("work", type=Path); p.add_argument("--cases", type=int, default=1000); p.add_argument("--kinds", default="csv,parquet,set,rows,baseline,calibration"); p.add_argument("--seed", type=int, default=1)
a = p.parse_args(); co, work = a.checkout.resolve(), a.work.resolve(); work.mkdir(parents=True, exist_ok=True); sys.path.insert(0, str(co))
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
import trial.app.loading, trial.cli.check, analysis.endpoints, trial.app.targets, trial.study.fit, trial.models.behaviour  # noqa
from trial.errors import Refused
from trial.errors import ConfigError
NAMES = "AGE SEX HEIGHT WEIGHT ITPDUR SPLENFL CONITPFL BLPLAT BLBLEED".split()
r0 = random.Random(7); ROWS = [[str(r0.randint(18, 80)), r0.choice("FM"), str(r0.randint(150, 190)), str(r0.randint(50, 90)), f"{r0.uniform(.6, 8):.2f}", r0.choice("YN"), r0.choice("YN"), str(r0.randint(2, 29)), str(r0.randint(0, 2))] for _ in range(60)]
CELLS = ["", " ", "NaN", "nan", "inf", "-inf", "1e400", "-1", "0", "1e-300", "0x10", "1_0", "1,5", "1;5", "٤٥", "４５", "½", "1e2", " 45 ", "+45", "45.", ".5", "4 5", "NA", "NULL", "None", "#N/A", "#REF!", "=1+1", "=cmd|' /C calc'!A0", "@x", "true", "True", "f", "Female", "m ", "Y ", "y", "yes", "1", "\u200bF", "F\u0301", "\U0001F600", "<script>alert(1)</script>", "x" * 100000, "\x00", "a\nb", 'a"b', "120", "121", "1e15", "9" * 400, "2000", "2001", "1.0000000000000001", "4.0", "1.5", "-0", "0.0", "infinity", "1e", "1d3", "Ⅳ", "²"]
def config(text): return (co / "configs/smoke.yaml").read_text().replace("extends: published/", f"extends: {co}/configs/published/") + text
def mut_csv(rng):
    head, rows, sep, nl, enc = NAMES[:], [r[:] for r in ROWS], ",", "\n", "utf-8"; bom = b""
    for _ in range(rng.randint(1, 4)):
        k = rng.choice("cell cell cell cell cell col colname dupcol delcol short long empty quote sep nl enc bom header many none bytes".split())
        i, j = rng.randrange(len(rows) or 1), rng.randrange(len(head) or 1)
        with contextlib.suppress(IndexError):
            if k == "cell": rows[i][j] = rng.choice(CELLS)
            elif k == "col":
                v = rng.choice(CELLS)
                for r in rows: r[j] = v
            elif k == "colname": head[j] = rng.choice([head[j].lower(), head[j] + " ", head[j][:-1], "", "BMI", "x" * 10000, "\U0001F600", "TRUEPLAT0", "<script>", "=A1", "AGE", "a\nb", "\ufeffAGE", "ＡＧＥ"])
            elif k == "dupcol": head.append(head[j]); [r.append(r[j]) for r in rows]
            elif k == "delcol": del head[j]; [r.pop(j) for r in rows]
            elif k == "short": rows[i] = rows[i][:j]
            elif k == "long": rows[i] += ["1"] * rng.choice([1, 1000])
            elif k == "empty": rows.insert(i, [])
            elif k == "sep": sep = rng.choice([";", "\t", "|", ", "])
            elif k == "nl": nl = rng.choice(["\r\n", "\r", "\n\n"])
            elif k == "enc": enc = rng.choice(["utf-16", "latin-1", "utf-32", "cp1252"])
            elif k == "bom": bom = b"\xef\xbb\xbf"
            elif k == "header": head = rng.choice([[], rows[0], head[::-1]])
            elif k == "many": rows = rows * 50
            elif k == "none": rows = rng.choice([[], rows[:1], rows[:39]])
    text = nl.join(sep.join(f'"{c}"' if "\n" in c or '"' in c or sep in c else c for c in r) for r in [head, *rows]) + nl
    data = bom + text.encode(enc, "replace")
    if rng.random() < .15:
        q = rng.randrange(len(data) + 1); data = data[:q] + rng.choice(fc.BYTES) + data[q:]
    if rng.random() < .05: data = data[: rng.randrange(len(data))]
    return "p.csv", data
def mut_parquet(rng):
    cols = {n: [(float(r[k]) if n not in ("SEX", "SPLENFL", "CONITPFL") else r[k]) for r in ROWS] for k, n in enumerate(NAMES)}
    arrays = {n: pa.array(v) for n, v in cols.items()}
    for _ in range(rng.randint(1, 3)):
        n = rng.choice(list(arrays) or ["AGE"]); v = cols.get(n, [1.0] * 60)
        k = rng.choice("null int dict struct list bytes bool decimal time date big nan cellval rename drop flat str zero float16 view dup extension ns interval".split())
        try:
            if k == "null": arrays[n] = pa.array([None] * 60, pa.null() if rng.random() < .5 else pa.float64())
            elif k == "int": arrays[n] = pa.array([int(x) for x in v], rng.choice([pa.int8(), pa.int64(), pa.uint8()]))
            elif k == "dict": arrays[n] = arrays[n].dictionary_encode()
            elif k == "struct": arrays[n] = pa.array([{"x": x} for x in v])
            elif k == "list": arrays[n] = pa.array([[x] for x in v])
            elif k == "bytes": arrays[n] = pa.array([str(x).encode() for x in v])
            elif k == "bool": arrays[n] = pa.array([True] * 60)
            elif k == "decimal": arrays[n] = pa.array([int(x) for x in v]).cast(pa.decimal128(20, 3))
            elif k == "time": arrays[n] = pa.array([0] * 60, pa.timestamp("us"))
            elif k == "ns": arrays[n] = pa.array([1] * 60, pa.timestamp("ns"))
            elif k == "interval": arrays[n] = pa.array([1] * 60, pa.duration("ns"))
            elif k == "date": arrays[n] = pa.array([0] * 60, pa.date32())
            elif k == "big": arrays[n] = pa.array([10**18] * 60)
            elif k == "nan": arrays[n] = pa.array([float("nan")] + v[1:])
            elif k == "cellval": arrays[n] = pa.array([rng.choice(CELLS) for _ in v])
            elif k == "rename": arrays[rng.choice(["age", "", "x" * 1000, n + " ", "\U0001F600"])] = arrays.pop(n)
            elif k == "drop": arrays.pop(n)
            elif k == "flat": arrays = {m: x[:1] for m, x in arrays.items()}
            elif k == "zero": arrays = {m: x[:0] for m, x in arrays.items()}
            elif k == "str": arrays[n] = pa.array([str(x) for x in v], rng.choice([pa.string(), pa.large_string(), pa.string_view()]))
            elif k == "float16": arrays[n] = pa.array([np.float16(x) for x in v])
        except Exception: pass
    size = min(len(x) for x in arrays.values()); names = list(arrays); t = pa.table([x[:size] for x in arrays.values()], names=names)
    if rng.random() < .1: t = pa.table([*t.columns, t.columns[0]], names=[*names, names[0]])
    b = io.BytesIO(); pq.write_table(t, b); data = b.getvalue(); q = rng.random()
    if q < .15: i = rng.randrange(len(data)); data = data[:i] + bytes([data[i] ^ (1 << rng.randrange(8))]) + data[i + 1:]
    elif q < .2: data = data[: rng.randrange(len(data))]
    elif q < .22: data = rng.choice([b"", b"PAR1", b"PAR1PAR1", b"PK\x03\x04", b"PAR1" + b"\xff" * 4 + b"PAR1", bytes(100)])
    return "p.parquet", data
SET = {"id": "mine", "extends": "hetrombopag_itp_mei_2021", "values": {"EC50": 30.0}, "rse_percent": {"EC50": 20.0}, "targets": [], "note": "n"}
JV = [None, True, 0, -1, 1e308, 1e-308, "x", "", [], {}, [1], {"a": 1}, float("nan"), float("inf"), -float("inf"), 10**400, "\U0001F600", "<script>alert(1)</script>", "x" * 10000, [[[]]], 5e-324, 1e6, -0.0, 1.0, 0.5, 2, 100]
def mut_set(rng):
    from cohorts.sets import parameter_set
    base = parameter_set("hetrombopag_itp_mei_2021"); known = [q.name for q in base.parameters] + list(base.variances); s = copy.deepcopy(SET)
    for _ in range(rng.randint(1, 3)):
        k = rng.choice("key val val val val rse unc del ext id extra target".split()); n = rng.choice(known)
        if k == "key": s[rng.choice(list(s))] = rng.choice(JV)
        elif k == "val" and isinstance(s.get("values"), dict): s["values"][rng.choice([n, n, n, n, "NOPE", "", "OMEGA_" + n])] = rng.choice(JV + [rng.choice([1e-6, 1e-3, .1, .5, 2, 10, 1e3, 1e6]) * (next((q.value for q in base.parameters if q.name == n), 1) or 1)] * 12)
        elif k == "rse": s["rse_percent"] = {n: rng.choice(JV)}
        elif k == "unc": s["uncertainty"] = rng.choice(JV + [{"names": ["EC50"], "rse_percent": [1.0], "correlation": [[1.0]]}, {"names": ["EC50", "CL"], "rse_percent": [1.0, 1.0], "correlation": [[1, 2], [2, 1]]}, {"names": ["EC50"], "rse_percent": ["x"], "correlation": [[1]]}, {"names": ["EC50"]}, {"names": ["NOPE"], "rse_percent": [1], "correlation": [[1]]}, {"names": ["EC50", "EC50"], "rse_percent": [1, 1], "correlation": [[1, 1], [1, 1]]}, {"names": ["EC50"], "rse_percent": [float("nan")], "correlation": [[float("nan")]]}, {"names": [], "rse_percent": [], "correlation": []}])
        elif k == "del": s.pop(rng.choice(list(s)), 0)
        elif k == "ext": s["extends"] = rng.choice(["p.json", "zz_none.json", "../p.json", "/etc/passwd.json", "", "nope", "x.py", "hetrombopag_wang_2022", "tpo", "/dev/zero", "\0.json", "a" * 300 + ".json"])
        elif k == "id": s["id"] = rng.choice(["hetrombopag_itp_mei_2021", "", "1a", "a b", "a\n", "é", "x" * 1000, "<script>", "../x", "a.py", "a.json"])
        elif k == "target": s["targets"] = rng.choice([["x"], [1], [None], ["<b>"], "abc", [["a"]], {"a": 1}, ["x"] * 10000])
        else: s[rng.choice(["foo", "structure", "", "__class__"])] = rng.choice(JV)
    data = json.dumps(s).encode(); q = rng.random()
    if q < .1: i = rng.randrange(len(data) + 1); data = data[:i] + rng.choice(fc.BYTES) + data[i:]
    elif q < .15: data = data[: rng.randrange(len(data))]
    elif q < .17: data = b"[" * 100000
    elif q < .18: data = data.decode().encode("utf-16")
    elif q < .2: data = data.replace(b'"id"', b'"id": "a", "id"')
    return "p.json", data
def mut_table(name):
    src = (co / "configs/published" / name).read_bytes()
    def go(rng):
        data = src
        for _ in range(rng.randint(1, 4)):
            rows = list(csv.reader(io.StringIO(data.decode("utf-8", "replace")))); k = rng.choice("cell cell cell cell row delrow delcol head short bytes trunc enc sep empty".split())
            if not rows: break
            i = rng.randrange(len(rows)); j = rng.randrange(max(1, len(rows[i])))
            with contextlib.suppress(IndexError):
                if k == "cell": rows[i][j] = rng.choice(CELLS)
                elif k == "row": rows.insert(i, rows[i])
                elif k == "delrow": del rows[i]
                elif k == "delcol": [r.pop(j) for r in rows]
                elif k == "head": rows[0][rng.randrange(len(rows[0]))] = rng.choice(CELLS)
                elif k == "short": rows[i] = rows[i][:j]
                elif k == "empty": rows = rows[:1]
            b = io.StringIO(); csv.writer(b, lineterminator="\n").writerows(rows); data = b.getvalue().encode("utf-8", "replace")
            if k == "bytes": q = rng.randrange(len(data) + 1); data = data[:q] + rng.choice(fc.BYTES) + data[q:]
            elif k == "trunc": data = data[: rng.randrange(len(data) + 1)]
            elif k == "enc": data = data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "latin-1"]), "replace")
            elif k == "sep": data = data.replace(b",", b";")
        return "p.csv", data
    return go
def mut_cal(rng):
    from ruamel.yaml import YAML
    f = rng.choice(sorted((co / "configs/calibration").glob("*.yaml"))); tree = YAML(typ="safe").load(f.read_text())
    for _ in range(rng.randint(1, 4)):
        with contextlib.suppress(Exception): tree = fc.mutate_tree(tree, rng, [tree])
    text = "\n".join(fc.dump(tree)).replace('"../', f'"{co}/configs/') + "\n"; data = text.encode("utf-8", "surrogatepass")
    if rng.random() < .3: data = fc.mutate_text(data, rng) or b" "
    return "p.yaml", data
def case_of(kind, make):
    def one(n):
        rng = random.Random(f"{a.seed}:{kind}:{n}"); d = work / kind / f"{n:05}"; d.mkdir(parents=True, exist_ok=True)
        try: name, data = make(rng)
        except Exception as e: return {"case": str(d), "kind": "skipped", "text": repr(e)[:200], "s": 0}
        f = d / name; f.write_bytes(data)
        if kind == "calibration":
            from trial.app.targets import target_problems, studies_of, wanted_of
            from trial.study.fit import load_fit
            def go(o, e):
                try: fit = load_fit(f, lambda x: target_problems(x, f.parent)); s = studies_of(fit); wanted_of(fit, s)
                except (ConfigError, Refused) as x: return "refused", str(x)
                return "accepted", ""
            k, text, s = fc.judge(go)
        else:
            extra = {"csv": f"population: {{file: {name}}}\n", "parquet": f"population: {{file: {name}}}\n", "set": f"parameter_set: {name}\n", "rows": f"published: {{rows: {name}}}\n", "baseline": f"published: {{baseline: {name}}}\n"}[kind]
            if kind in ("csv", "parquet"): extra += "patients: 10\n" ; base = re.sub(r"(?m)^patients:.*\n", "", config("")).replace("{id: chronic_itp_mei_2021}", "")
            else: base = config("")
            c = d / "c.yaml"; c.write_text(base + extra)
            if kind in ("csv", "parquet"): c.write_text(c.read_text() + "")
            sets = ["population.id=null"] if kind in ("csv", "parquet") else []
            from trial.cli.check import check
            def go(o, e):
                try: check(c, sets)
                except ConfigError as x: return "refused", "\n".join(x.messages)
                return "accepted", e.getvalue()
            k, text, s = fc.judge(go)
        if k == "refused" and n % 50: __import__("shutil").rmtree(d)
        lines = text.splitlines() if k == "refused" else []
        return {"case": str(f), "kind": k, "text": text[-3000:] if k not in ("refused",) else text[:400], "s": s, "longest": max(map(len, lines), default=0), "lines": len(lines)}
    return one
MAKERS = {"csv": mut_csv, "parquet": mut_parquet, "set": mut_set, "rows": mut_table("hetrombopag_itp_phase3_results.csv"), "baseline": mut_table("hetrombopag_itp_phase3_baseline.csv"), "calibration": mut_cal}
for kind in a.kinds.split(","):
    t = time.time(); n = a.cases if kind in ("csv", "parquet") else a.cases // 2; log = work / f"{kind}.jsonl"
    fc.pool(list(range(n)), case_of(kind, MAKERS[kind]), log)
    print(f"--- {kind}: {time.time() - t:.0f} s", flush=True); rows = fc.summary(log)
    print("longest message", max((r.get("longest", 0) for r in rows), default=0), "most lines", max((r.get("lines", 0) for r in rows), default=0), "slowest", max(r["s"] for r in rows), flush=True)
