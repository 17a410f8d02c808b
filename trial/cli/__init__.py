"""The command line, ``vtrial`` or ``python -m trial``: arguments and words. What a command does is in ``trial.app``.

Exit codes: 0 done, 1 failed, 2 wrong usage or config, 3 some patients failed, or some units could not be
done, 130 interrupted. Start-up imports nothing heavy: each command imports what it needs when it is called.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from _thread import interrupt_main
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from threading import Timer, main_thread
from typing import Annotated, Any

import typer
from typer.main import get_command

from trial.cli.attribute import attribute as attribute_
from trial.cli.calibrate import calibrate as calibrate_
from trial.cli.catalogue import catalogue as catalogue_
from trial.cli.check import check as check_
from trial.cli.cite import cite as cite_
from trial.cli.compare import compare as compare_
from trial.cli.console import open_streams, say, silence
from trial.cli.design import design as design_
from trial.cli.estimands import estimands as estimands_
from trial.cli.exposure import exposure as exposure_
from trial.cli.forecast import forecast as forecast_
from trial.cli.lint import lint as lint_
from trial.cli.merge import merge as merge_
from trial.cli.new import new as new_
from trial.cli.optimise import optimise as optimise_
from trial.cli.patients import patients as patients_
from trial.cli.plan import plan as plan_
from trial.cli.posterior import posterior as posterior_
from trial.cli.power import power as power_
from trial.cli.replay import replay as replay_
from trial.cli.report import report as report_
from trial.cli.run import PATIENTS_FAILED
from trial.cli.run import run as run_
from trial.cli.sap import sap as sap_
from trial.cli.scan import scan as scan_
from trial.cli.schema import schema as schema_
from trial.cli.scorecard import scorecard as scorecard_
from trial.cli.sensitivity import sensitivity as sensitivity_
from trial.cli.vpc import vpc as vpc_
from trial.errors import Incomplete, Stopped, TrialError, cut

FORECAST = "forecast"
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
SIGNALS = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
"""What ends a run in order; Windows has no SIGHUP."""
COLLECT = (100_000, 50, 50)
"""How seldom garbage is looked for: little is made in circles, and to look takes a tenth of a short command's time."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. No traceback reaches the user unless VTRIAL_DEBUG is set.

    ``arguments``: None, those of this process, which then has nothing else to do.
    """
    open_streams()
    asked, usual = _answer_signals(), sys.unraisablehook
    sys.unraisablehook = partial(_ask_again, asked, usual)
    gc.set_threshold(*COLLECT)
    atexit.register(_at_last)
    try:
        given = sys.argv[1:] if arguments is None else arguments
        code = _app(_asked(given))(args=given, prog_name="vtrial", standalone_mode=False, obj=arguments is None)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        code = INTERRUPTED if asked else _explained(error)  # what an interrupted pool of workers raises is no fault
    finally:
        sys.unraisablehook = usual
    if code == INTERRUPTED:
        say("interrupted")
    silence()
    return code if isinstance(code, int) else OK


def _answer_signals() -> list[int]:
    """Ctrl-C, SIGTERM and a terminal that goes away (SIGHUP) end the work in order, once; the next one ends the process
    at once. Those that came.
    """
    asked: list[int] = []

    def end(number: int, frame: object) -> None:
        asked.append(number)
        if len(asked) > 1:
            if processes := sys.modules.get("multiprocessing"):  # it takes time to import, and started those there are
                for child in processes.active_children():
                    child.kill()
            with suppress(OSError):  # not by say: the first signal may have come while it wrote
                os.write(2, b"interrupted again: ended at once; what was finished is kept\n")
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    return asked


def _at_last() -> None:
    """What a process that is over need not do: look for garbage (a tenth of a short command's time), answer signals."""
    gc.freeze()
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _ask_again(asked: list[int], usual: Callable[[Any], Any], lost: Any) -> None:
    """An interrupt that came while Python was clearing up, where it is only reported, comes again in a moment."""
    if asked and lost.exc_type is KeyboardInterrupt:
        again = Timer(0.05, _interrupt, [asked.pop()])
        again.daemon = True
        again.start()
    else:
        usual(lost)


def _interrupt(number: int) -> None:
    """Send a signal to the main thread, out of its sleep too; on Windows it is seen at the end of a sleep."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main_thread().ident or 0, number)
    else:
        interrupt_main(signal.Signals(number))


def _explained(error: Exception) -> int:
    """Say what went wrong in a line or more; the exit code."""
    if isinstance(error, TrialError):
        say(str(error))
        return PATIENTS_FAILED if isinstance(error, Incomplete) else FAILED if isinstance(error, Stopped) else USAGE
    if isinstance(error, BrokenPipeError):
        return FAILED
    if hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        say(f"{error.format_message()} ({getattr(context, 'command_path', 'vtrial')} --help shows what is allowed)")
        return USAGE
    if os.environ.get("VTRIAL_DEBUG"):
        raise error
    if isinstance(error, MemoryError):
        say("the memory is used up; --workers with a lower number needs less, and so do fewer patients")
        return FAILED
    if isinstance(error, OSError) and error.strerror:
        say(f"{error.filename or 'stdout'}: {error.strerror}")
        return FAILED
    from trial.app.faults import in_a_file

    if broken := in_a_file(error):
        say(f"{broken} (a file of the catalogue; no command can be used until it is put right)")
        return FAILED
    first = str(error).strip().splitlines()
    said = f"{type(error).__name__}{': ' + cut(first[0], 200) if first else ''}"
    say(f"failed: {said} ({_where(error)}; VTRIAL_DEBUG=1 shows where)")
    return FAILED


def _where(error: Exception) -> str:
    """File and line in which an error arose."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "somewhere"


COMMANDS = (
    run_,
    merge_,
    check_,
    lint_,
    sap_,
    plan_,
    patients_,
    report_,
    compare_,
    replay_,
    cite_,
    schema_,
    catalogue_,
    calibrate_,
    posterior_,
    scorecard_,
    sensitivity_,
    attribute_,
    estimands_,
    vpc_,
    exposure_,
    scan_,
    optimise_,
    new_,
    power_,
    design_,
)
"""Every command, in the order of the help."""


def _asked(arguments: Sequence[str]) -> str:
    """The command that is asked for; "" for none."""
    return next((text for text in arguments if not text.startswith("-")), "")


@cache
def _app(asked: str) -> Callable[..., Any]:
    """The command ``asked``, and of every other its name and a line: their arguments would take as long again."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_vtrial)
    for command in COMMANDS:
        name = command.__name__
        line = (command.__doc__ or name).splitlines()[0]
        app.command(name, short_help=line)(command if name == asked else _another)
    if asked == FORECAST:
        app.add_typer(forecast_, name=FORECAST)
    else:
        app.command(FORECAST, short_help=forecast_.info.help)(_another)
    return get_command(app)


def _another() -> None:
    """A command that is not asked for."""


def _show_version(wanted: bool) -> None:
    if wanted:
        from trial.app.versions import engine_version

        print(f"vtrial {engine_version()}")
        raise typer.Exit


def _vtrial(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Population virtual trials of oral thrombopoietin receptor agonists.

    Simulated subjects. Not clinical data.

    Example: vtrial run configs/smoke.yaml
    """
