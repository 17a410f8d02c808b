"""Mutate every config of a checkout and feed it to `check` (in process); run a sample of what check accepts.

usage: CHECKOUT/.venv/bin/python fuzz_config.py CHECKOUT WORKDIR [--cases 10000] [--seed 1] [--runs 300] [--no-check]

Each case: 1 to 4 mutations of one config, at tree or at text level. Cases run in forked children (address space limited
to 6 GiB); a case is killed after 20 s of CPU time. Results: WORKDIR/check.jsonl, WORKDIR/run.jsonl; a summary is printed.
Kinds: accepted, refused (clean), crash (an exception that is not the project's own), hang, memory, died.
Refused messages without `file:line` are counted as "noline". Mutant files stay in WORKDIR/configs (zz_<n>.yaml).
"""
import argparse, collections, contextlib, copy, io, json, os, random, re, resource, shutil, signal, sys, time, traceback
from pathlib import Path

RAW = ["", "~", "null", "Null", "true", "False", "yes", "no", "on", "Off", "y", "n", "0", "-1", "1", "-0", "+1", "1.0", "1.5", "1e0",
       "1e3", "1e400", "-1e400", "1e-400", ".inf", "-.inf", ".Inf", ".nan", ".NaN", "nan", "inf", "NaN", "Infinity", "0x10", "0o17", "017",
       "08", "0b101", "1_000", "1:30", "190:20:30", "2020-01-01", "2020-01-01 10:00:00", "2001-12-14t21:59:43.10-05:00", "2020-13-45", "9999999999999999999999",
       "1" * 5000, "-" + "9" * 400, "1." + "3" * 2000, "[]", "{}", "[[]]", "[{}]", "[1, 2, 3]", "[1, 1, 1]", "[3, 2, 1]", "[null]", "[true, false]",
       "{a: 1}", "{id: x}", "{'': 1}", "{? [a]: b}", "{1: 2}", "{null: 1}", "{true: 1}", "''", "' '", "\"\\0\"", "\"a\\nb\"", "\"a\\tb\"", "\"\\u2028\"", "\"\\x85\"",
       "\"a\\nevil: 1\"", "\"\\ud83d\"", "\"\\U0001F600\"", "'\U0001F600'", "caf\u00e9", "cafe\u0301", "\u202eabc", "\u200b", "\ufeff", "\u0661\u0662", "\uff11", "５", "½",
       "x" * 61, "A" * 100000, "../../etc/passwd", "..", ".", "/", "/etc/passwd", "/dev/null", "/dev/zero", "/dev/random", "/proc/self/mem", "con", "nul", "a/b", "a\\b",
       "'<script>alert(1)</script>'", "'\"><img src=x onerror=alert(1)>'", "'=cmd|'' /C calc''!A0'", "'+1+1'", "'@SUM(A1)'", "'-2+3'", "'{{7*7}}'", "'{% raw %}'", "'%s%n'", "'${x}'",
       "!!python/object/apply:os.system ['true']", "!!binary aGk=", "!!binary '*'", "!!int ''", "!!int x", "!!float x", "!!bool maybe", "!!timestamp x", "!!timestamp ''", "!!null x",
       "!!omap [a: 1]", "!!set {a}", "!!pairs [a: 1]", "!!str 5", "!foo bar", "!<tag:x> y", "&a [*a]", "&a {b: *a}", "*nope", "|\n  block\n", ">-\n  folded\n", "{<<: {a: 1}}", "!!merge x",
       "5 mg", "5mg", "1,5", "5 %", "five", "ALL", "PLACEBO", "RESPW8", "RESPD56", "TOTAL", "none", "all", "seen", "@", "`", "%", "&", "*", "!", "|", ">", "?", "- ", ": ", "# c",
       "[" * 200 + "]" * 200, "{a: " * 60 + "1" + "}" * 60, "[" + ", ".join(map(str, range(1, 4000))) + "]", "[" + ", ".join(["1"] * 20000) + "]", "1e6", "1e9", "1e15", "1e300", "1e-300", "1e-9",
       "-1e-9", "5e-324", "3650", "3651", "1000000", "1000001", "9223372036854775807", "9223372036854775808", "4294967296", "2147483648", "365", "364", "120", "121", "200", "201", "0.5", "99", "100", "101"]
BYTES = [b"\x00", b"\xff", b"\xfe\xff", b"\xc3\x28", b"\x80", b"\x1b[31m", b"\x07", b"\x0c", b"\x0b", b"\xef\xbb\xbf", b"\xe9", b"\xed\xa0\x80", b"\t", b"\r", b"\x85", b"\xe2\x80\xa8", b"\x7f"]
EXTENDS = ["/dev/zero", "/dev/random", "/dev/null", "/dev/stdin", "/dev/full", ".", "..", "/", "", "zz_fifo", "zz_loop", "zz_self", "zz_cycle_a.yaml", "zz_deep_000.yaml", "zz_big.yaml", "zz_bomb.yaml", "smoke.yaml", "../smoke.yaml",
           "published/../smoke.yaml", "README.md", "../README.md", "zz_utf16.yaml", "zz_empty.yaml", "zz_list.yaml", "zz_multi.yaml", "zz_anchor.yaml", "/proc/self/mem", "/proc/self/environ", "file:///etc/passwd", "http://127.0.0.1/x.yaml", "a" * 300, "x\\0", "[a.yaml]", "5", "~", "{a: b}"]


def paths(tree, above=()):
    if isinstance(tree, dict):
        for k, v in tree.items():
            yield (*above, k)
            yield from paths(v, (*above, k))
    elif isinstance(tree, list):
        for k, v in enumerate(tree):
            yield (*above, k)
            yield from paths(v, (*above, k))


def at(tree, path):
    for p in path:
        tree = tree[p]
    return tree


class Raw:
    def __init__(self, text): self.text = text


def dump(tree, indent=0):
    """Block YAML; Raw values are written as they stand (this is what makes bad YAML possible)."""
    pad = "  " * indent
    out = []
    if isinstance(tree, dict):
        for k, v in tree.items():
            key = k.text if isinstance(k, Raw) else json.dumps(k, ensure_ascii=False) if not re.fullmatch(r"[A-Za-z_][\w.-]*", str(k)) else k
            out += entry(f"{pad}{key}:", v, indent)
    elif isinstance(tree, list):
        for v in tree:
            out += entry(f"{pad}-", v, indent)
    return out


def entry(head, v, indent):
    if isinstance(v, (dict, list)) and v:
        return [head, *dump(v, indent + 1)]
    if isinstance(v, (dict, list)):
        return [head + (" {}" if isinstance(v, dict) else " []")]
    return [f"{head} {v.text}" if isinstance(v, Raw) else f"{head} {json.dumps(v, ensure_ascii=False)}" if not isinstance(v, float) else f"{head} {v!r}"]


def mutate_tree(tree, rng, donors):
    ps = list(paths(tree))
    if not ps: return tree
    path = rng.choice(ps)
    parent, last = at(tree, path[:-1]), path[-1]
    kind = rng.choice("value value value value number number delete dup unknown rename swap donor extends arms list typo coherent".split())
    if kind == "value": parent[last] = Raw(rng.choice(RAW))
    elif kind == "number":
        nums = [p for p in ps if isinstance(at(tree, p), (int, float)) and not isinstance(at(tree, p), bool)]
        if nums:
            p = rng.choice(nums); x = at(tree, p)
            at(tree, p[:-1])[p[-1]] = rng.choice([0, -x, x + 1, x * 10, x * 1000, x / 7, -1, 1, 2, 1e300, 1e-300, x * 1e6, x + 0.5, float(x), str(x), 10**rng.randint(1, 30), rng.randint(0, 400), rng.random()])
    elif kind == "delete": del parent[last]
    elif kind == "dup":
        if isinstance(parent, list): parent.insert(last, copy.deepcopy(parent[last]))
        else: parent[Raw(str(last))] = copy.deepcopy(parent[last])
    elif kind == "unknown": (parent if isinstance(parent, dict) else tree)[rng.choice(["foo", "<<", "extends", "x" * 1000, "\U0001F600", "", " ", "a.b", "ID", "id ", "None", "__class__", "problems", "model_config", "patient", "arm", "<script>"])] = Raw(rng.choice(RAW))
    elif kind == "rename" and isinstance(parent, dict):
        v = parent.pop(last); parent[rng.choice([str(last) + "s", str(last).upper(), str(last)[:-1], str(last).replace("_", "-"), "." + str(last), str(last) + " "])] = v
    elif kind == "swap":
        q = rng.choice(ps)
        if q[:len(path)] != path and path[:len(q)] != q:
            a, b = copy.deepcopy(at(tree, path)), copy.deepcopy(at(tree, q))
            at(tree, path[:-1])[last] = b; at(tree, q[:-1])[q[-1]] = a
    elif kind == "donor":
        d = rng.choice(donors); keys = [k for k in d if k not in ("id",)]; k = rng.choice(keys); tree[k] = copy.deepcopy(d[k])
    elif kind == "extends": tree["extends"] = Raw(rng.choice(EXTENDS))
    elif kind == "arms" and isinstance(tree.get("arms"), list) and tree["arms"]:
        a = copy.deepcopy(rng.choice(tree["arms"]))
        if isinstance(a, dict): a["id"] = rng.choice([a.get("id", "A"), "a" * 60, "B", "ALL", "all", "Total", "A.B", "A-", "-A", "A\n", "\u00c5", "A\u030a", str(a.get("id", "A")).lower(), str(a.get("id", "A")).upper()]); a["label"] = Raw(rng.choice(RAW))
        tree["arms"] += [a] * rng.choice([1, 1, 1, 2, 30])
    elif kind == "list" and isinstance(at(tree, path), list):
        v = at(tree, path); rng.choice([v.clear, v.reverse, lambda: v.extend(v), lambda: rng.shuffle(v), lambda: v.append(v[-1] if v else 1), lambda: v.insert(0, 0)])()
    elif kind == "typo": parent[last] = "".join(rng.sample(str(parent[last]), len(str(parent[last])))) if isinstance(parent[last], str) else [parent[last]]
    elif kind == "coherent":  # plausible edits that a user could make
        for k, v in rng.sample([("patients", rng.randint(1, 60)), ("replicates", rng.randint(1, 60)), ("treatment_days", rng.randint(1, 400)), ("allocation", "counterfactual"), ("output", rng.choice(["dense", "visits", "endpoints"])),
                                ("parameter_uncertainty", True), ("tolerability", {}), ("adherence", {"mean": rng.random(), "sd": rng.random() * .3}), ("seed", rng.choice([0, 1, 2**63 - 1])), ("title", Raw(rng.choice(RAW))), ("assumptions", [Raw(rng.choice(RAW))]),
                                ("laboratory", {"turnaround_days": rng.randint(0, 7), "lower_limit_1e9L": rng.choice([0, 1, 20]), "whole_numbers": False})], rng.randint(1, 3)):
            tree[k] = v
    return tree


def mutate_text(data, rng):
    kind = rng.choice("bytes flip truncate dupline delline tab crlf cr bom utf16 latin swapline garbage indent colon anchor merge multi directive comment long raw raw raw".split())
    lines = data.split(b"\n")
    k = rng.randrange(len(lines))
    if kind == "bytes":
        i = rng.randrange(len(data) + 1); return data[:i] + rng.choice(BYTES) + data[i:]
    if kind == "flip" and data:
        i = rng.randrange(len(data)); return data[:i] + bytes([data[i] ^ (1 << rng.randrange(8))]) + data[i + 1:]
    if kind == "truncate": return data[: rng.randrange(len(data) + 1)]
    if kind == "dupline": lines.insert(k, lines[k])
    elif kind == "delline": del lines[k]
    elif kind == "tab": lines[k] = lines[k].replace(b"  ", b"\t", 1) if b"  " in lines[k] else b"\t" + lines[k]
    elif kind == "crlf": return data.replace(b"\n", b"\r\n")
    elif kind == "cr": return data.replace(b"\n", b"\r")
    elif kind == "bom": return b"\xef\xbb\xbf" + data
    elif kind == "utf16": return data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-16-le", "utf-32"]))
    elif kind == "latin": return data.decode("utf-8", "replace").replace("e", "\u00e9", 3).encode("latin-1", "replace")
    elif kind == "swapline":
        j = rng.randrange(len(lines)); lines[k], lines[j] = lines[j], lines[k]
    elif kind == "garbage": lines.insert(k, bytes(rng.randrange(256) for _ in range(rng.randint(1, 80))))
    elif kind == "indent": lines[k] = b" " * rng.randint(1, 5) + lines[k] if rng.random() < .5 else lines[k].lstrip()
    elif kind == "colon": lines[k] = rng.choice([lines[k].replace(b": ", b":", 1), lines[k].replace(b":", b"", 1), lines[k] + b":", lines[k].replace(b":", b": :", 1), lines[k].replace(b"-", b"--", 1)])
    elif kind == "anchor": lines[k] = lines[k].replace(b": ", b": &x ", 1) + b"\nzz: *x"
    elif kind == "merge": lines.insert(k, b"<<: *x") if rng.random() < .5 else lines.insert(0, b"<<: {patients: 5}")
    elif kind == "multi": lines.insert(k, rng.choice([b"---", b"...", b"--- foo", b"%YAML 1.1\n---", b"%TAG ! tag:x,2000:\n---"]))
    elif kind == "directive": lines.insert(0, rng.choice([b"%YAML 1.1\n---", b"%YAML 9.9\n---", b"%FOO bar\n---", b"%YAML 1.1"]))
    elif kind == "comment": lines[k] = lines[k] + b" # " + bytes(rng.randrange(32, 127) for _ in range(20))
    elif kind == "long": lines[k] += b"x" * rng.choice([1000, 100000])
    elif kind == "raw" and b": " in lines[k]:
        lines[k] = lines[k].split(b": ", 1)[0] + b": " + rng.choice(RAW).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def prepare(checkout, work):
    conf = work / "configs"
    if conf.exists(): shutil.rmtree(conf)
    shutil.copytree(checkout / "configs", conf)
    for d in (conf, conf / "published", conf / "calibration"):
        os.mkfifo(d / "zz_fifo"); os.symlink("zz_loop", d / "zz_loop"); os.symlink(".", d / "zz_self")
        (d / "zz_cycle_a.yaml").write_text("extends: zz_cycle_b.yaml\n"); (d / "zz_cycle_b.yaml").write_text("extends: zz_cycle_a.yaml\n")
        for k in range(300): (d / f"zz_deep_{k:03}.yaml").write_text(f"extends: zz_deep_{k + 1:03}.yaml\n" if k < 299 else "seed: 1\n")
        (d / "zz_big.yaml").write_text("".join(f"k{i}: {i}\n" for i in range(20000)))
        (d / "zz_bomb.yaml").write_text("a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i-1}'] * 9)}]\n" for i in range(1, 5)))
        (d / "zz_utf16.yaml").write_bytes("seed: 1\n".encode("utf-16")); (d / "zz_empty.yaml").write_text(""); (d / "zz_list.yaml").write_text("- 1\n"); (d / "zz_multi.yaml").write_text("seed: 1\n---\nseed: 2\n"); (d / "zz_anchor.yaml").write_text("seed: &s 1\nreplicates: *s\n")
    return conf


def make_case(n, seed, sources, donors, conf):
    rng = random.Random(f"{seed}:{n}")
    name, tree = rng.choice(sources)
    tree = copy.deepcopy(tree)
    deep = rng.random() < 0.72
    for _ in range(rng.randint(1, 4) if deep else rng.randint(0, 1)):
        with contextlib.suppress(Exception): tree = mutate_tree(tree, rng, donors)
    data = ("\n".join(dump(tree)) + "\n").encode("utf-8", "surrogatepass") if deep or rng.random() < .5 else (conf / name).read_bytes()
    if not deep:
        for _ in range(rng.randint(1, 4)): data = mutate_text(data, rng) or b" "
    path = (conf / name).parent / f"zz_{n:06}.yaml"
    path.write_bytes(data)
    return path, name


class Hang(BaseException): pass


def alarm(*_): raise Hang


def judge(fn):
    """kind, text, seconds of CPU time; a hang is 20 of these, or 120 by the clock"""
    signal.signal(signal.SIGALRM, alarm); signal.setitimer(signal.ITIMER_REAL, 120)
    signal.signal(signal.SIGPROF, alarm); signal.setitimer(signal.ITIMER_PROF, 20)
    t, out, err = time.process_time(), io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): kind, text = fn(out, err)
    except Hang: kind, text = "hang", traceback.format_exc(limit=-4)
    except MemoryError: kind, text = "memory", traceback.format_exc(limit=-3)
    except BaseException: kind, text = "crash", traceback.format_exc(limit=-6)
    finally: signal.setitimer(signal.ITIMER_REAL, 0); signal.setitimer(signal.ITIMER_PROF, 0)
    return kind, (text if kind in ("refused", "accepted") else text[-3000:]), round(time.process_time() - t, 2)


def check_case(path):
    from trial.cli.check import check
    from trial.errors import ConfigError
    def go(out, err):
        try: check(path, [])
        except ConfigError as e: return "refused", "\n".join(e.messages)
        return "accepted", err.getvalue()
    return judge(go)


def calibration_case(path):
    from trial.errors import Refused
    from trial.errors import ConfigError
    import trial.cli.calibrate as c
    def go(out, err):
        loader = next((getattr(c, n) for n in ("_loaded", "load", "_load", "loaded") if hasattr(c, n)), None)
        try:
            from analysis.evidence.calibration import Calibration  # noqa
        except Exception: pass
        try: c_load(path)
        except (ConfigError, Refused) as e: return "refused", str(e)
        return "accepted", ""
    return judge(go)


def c_load(path):
    from trial.app.targets import load_calibration
    return load_calibration(path)


def run_case(path, out):
    from trial.cli import main
    def go(o, e):
        os.environ.pop("VTRIAL_DEBUG", None)
        fewer = [] if "schedule" in Path(path).read_text(errors="replace") else ["--set", "patients=8"]  # a schedule names its patients
        code = main(["run", str(path), "--replicates", "1", *fewer, "--workers", "1", "--out", str(out), "--overwrite"])
        text = e.getvalue()
        return ("crash" if "VTRIAL_DEBUG" in text else "ok" if code == 0 else f"code{code}"), text
    return judge(go)


def pool(items, fn, log, batch=100, limit=6 << 30, patience=180):
    """Run fn(item) -> dict in forked children, one JSON line each; a child that dies or stalls costs one item."""
    log.write_text("") ; k = 0
    while k < len(items):
        start = sum(1 for _ in log.open()); pid = os.fork()
        if pid == 0:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit)); resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            with log.open("a") as f:
                for item in items[k:k + batch]:
                    f.write(json.dumps(fn(item)) + "\n"); f.flush()
            os._exit(0)
        seen, since = 0, time.time()
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            now = sum(1 for _ in log.open()) - start
            if now != seen: seen, since = now, time.time()
            if done: break
            if time.time() - since > patience: os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0); status = -1; break
            time.sleep(0.05)
        k += seen
        if seen < len(items[k - seen:k - seen + batch]):
            with log.open("a") as f: f.write(json.dumps({"case": str(items[k]), "kind": "died", "text": f"status {status}", "s": patience}) + "\n")
            k += 1


def summary(log, n=12):
    rows = [json.loads(l) for l in log.open()]
    kinds = collections.Counter(r["kind"] for r in rows)
    print(len(rows), dict(kinds))
    bad = [r for r in rows if r["kind"] in ("crash", "hang", "memory", "died")]
    groups = collections.defaultdict(list)
    for r in bad:
        lines = r["text"].strip().splitlines(); where = [l.strip() for l in lines if l.strip().startswith("File")]
        groups[(r["kind"], re.sub(r"0x\w+|\d+", "#", lines[-1])[:110] if lines else "", where[-1][-90:] if where else "")].append(r["case"])
    for key, cases in sorted(groups.items(), key=lambda g: -len(g[1])): print(len(cases), *key, Path(cases[0]).name, sep=" | ")
    return rows


def main():
    p = argparse.ArgumentParser(); p.add_argument("checkout", type=Path); p.add_argument("work", type=Path)
    p.add_argument("--cases", type=int, default=10000); p.add_argument("--seed", type=int, default=1); p.add_argument("--runs", type=int, default=300); p.add_argument("--no-check", action="store_true")
    a = p.parse_args(); a.work.mkdir(parents=True, exist_ok=True); work = a.work.resolve(); checkout = a.checkout.resolve()
    sys.path.insert(0, str(checkout))
    from ruamel.yaml import YAML
    log = work / "check.jsonl"
    if not a.no_check:
        conf = prepare(checkout, work); sources = []
        for f in sorted(conf.rglob("*.yaml")):
            if f.name.startswith("zz_") or f.parent.name in ("calibration", "designs", "goals"): continue
            sources.append((str(f.relative_to(conf)), YAML(typ="safe").load(f.read_text())))
        donors = [t for _, t in sources]
        import trial.app.loading, trial.cli.check, analysis.endpoints  # noqa: warm before forking
        check_case(conf / "smoke.yaml")
        def one(n):
            path, name = make_case(n, a.seed, sources, donors, conf)
            kind, text, s = check_case(path)
            if kind == "refused":
                lines = text.splitlines()
                placed = [bool(re.search(r"\.yaml:\d+: |--set|\.csv", l)) for l in lines]
                size_ = max(map(len, lines), default=0)
                row = {"noline": [l[:200] for l, ok in zip(lines, placed) if not ok][:3], "longest": size_, "lines": len(lines)}
                path.unlink()
            else: row = {}
            return {"case": str(path), "from": name, "kind": kind, "text": text if kind != "refused" else text[:300], "s": s, **row}
        t = time.time(); os.chdir(conf); pool(list(range(a.cases)), one, log)
        print(f"check: {time.time() - t:.0f} s")
    rows = summary(log)
    noline = collections.Counter(re.sub(r"zz_\d+|\d+", "#", l)[:120] for r in rows for l in r.get("noline", []))
    print("refused with a message without file:line:", sum(bool(r.get("noline")) for r in rows), noline.most_common(12))
    print("longest message:", max((r.get("longest", 0) for r in rows), default=0), "most lines:", max((r.get("lines", 0) for r in rows), default=0))
    ok = [r["case"] for r in rows if r["kind"] == "accepted"]
    rng = random.Random(a.seed); rng.shuffle(ok)
    if a.runs:
        import trial.cli  # noqa
        t = time.time(); os.chdir(work)
        def go(path):
            kind, text, s = run_case(Path(path), work / "out"); return {"case": path, "kind": kind, "text": text[-1500:], "s": s}
        pool(ok[: a.runs], go, work / "run.jsonl", batch=25)
        print(f"run: {time.time() - t:.0f} s"); summary(work / "run.jsonl")
        slow = sorted((json.loads(l) for l in (work / "run.jsonl").open()), key=lambda r: -r["s"])[:5]
        print("slowest runs", [(Path(r["case"]).name, r["s"]) for r in slow])
    print("slowest checks", [(Path(r["case"]).name, r["s"]) for r in sorted(rows, key=lambda r: -r["s"])[:5]])


if __name__ == "__main__": main()
