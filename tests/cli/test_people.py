"""What people see: help, tables, verdicts, colours, and what Ctrl-C does."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from command_line import BAD_ROW, HEADGATE, Cli, on_a_terminal, process
from headgate.cli.app import all_verbs
from headgate.ledger import Ledger
from small_shop import Shop

VERBS = sorted(all_verbs())
#: Keeps a model busy for minutes.
SLOW = "select count(*) as n from range(200000) a(i), range(200000) b(j) where hash(i, j) % 7 = 1"


# --- help ----------------------------------------------------------------------------------------------


def test_the_verbs_are_those_of_the_design() -> None:
    design = (
        "init simulate check plan drift run schedule reconcile serve gate profile query runs why score releases diff "
        "rollback resume prune doctor"
    )
    quarantine = {f"quarantine {action}" for action in ("list", "show", "replay", "drop")}
    assert {*design.split(), *quarantine} == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_a_summary_that_fits_an_example_that_is_of_this_verb_and_the_common_options(
    verb: str, cli: Cli
) -> None:
    shown = cli(*verb.split(), "--help")
    assert (shown.code, shown.err) == (0, "")
    assert re.search(rf"Examples?:\s+headgate {verb}\b", shown.out)
    assert "--json" in shown.out
    assert ("--project" in shown.out) == (verb not in ("init", "gate", "profile"))
    assert max(map(len, shown.out.splitlines())) <= 110
    assert cli(*verb.split(), "-h").out == shown.out


def test_the_help_of_all_cuts_no_summary(cli: Cli) -> None:
    shown = cli("--help")
    assert "..." not in shown.out.split("Commands:")[1]


def test_no_verb_at_all_shows_the_help_and_is_a_mistake(cli: Cli) -> None:
    shown = cli()
    assert (shown.code, shown.out) == (2, "")
    assert "doctor" in shown.err


def test_the_version_is_the_packages(cli: Cli) -> None:
    assert re.fullmatch(r"headgate \d+\.\d+\.\d+\n", cli("--version").out)


# --- verdicts and errors -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_verdict_is_the_last_line_of_standard_output_and_standard_error_is_silent(fresh: Shop, cli: Cli) -> None:
    here = ["-p", str(fresh.folder)]
    first = cli("run", *here)
    assert re.fullmatch(r"PUBLISHED  release 1 · 6 expectations held · 3 rows · \d+\.\d s", first.last_line)
    again = cli("run", *here)
    assert re.fullmatch(r"NOTHING NEW  serving release 1 \(\d+ \w+ old\) · \d+\.\d s\n", again.out)
    fresh.write("data/sales_2.csv", BAD_ROW)
    stopped = cli("run", *here)
    assert (first.code, again.code, stopped.code) == (0, 0, 1)
    assert re.fullmatch(
        r"BLOCKED  gate raw: 1 of 4 expectations failed · still serving release 1 \(.* old\) · headgate why \S+",
        stopped.last_line,
    )
    assert first.err == again.err == stopped.err == ""


def test_a_blocked_run_shows_what_failed_and_examples(published: Shop, cli: Cli) -> None:
    published.write("data/sales_2.csv", BAD_ROW)
    shown = cli("run", "-p", str(published.folder)).out
    assert "FAILED  raw.sales  expect_column_values_to_be_between(column=amount" in shown
    assert "e.g. -5" in shown


def test_a_failed_run_says_why_where_and_which_run(published: Shop, cli: Cli) -> None:
    published.write("models/marts/by_item.sql", "select no_such_column from {{ ref('sales_clean') }}")
    shown = cli("run", "-p", str(published.folder))
    assert shown.code == 2
    assert shown.last_line.startswith("FAILED  models/marts/by_item.sql:1: ")
    assert re.search(r"still serving release 1 \(.* old\) · run \d{8}-\d{6}$", shown.last_line)


@pytest.mark.slow
def test_every_verb_that_does_something_ends_with_its_word(twice: Shop, cli: Cli) -> None:
    here = ["-p", str(twice.folder)]
    words = {
        "check": "READY",
        "plan": "NOTHING NEW",
        "diff 1 2": "DIFFERENT",
        "diff 1 1": "THE SAME",
        "rollback 1": "ROLLED BACK",
        "run": "HELD",
        "resume": "RESUMED",
        "prune": "PRUNED",
        "doctor": "HEALTHY",
    }
    for command, word in words.items():
        assert cli(*command.split(), *here).last_line.startswith(f"{word}  "), command
    assert cli("resume", *here).last_line.startswith("NOT HELD  ")


def test_an_error_goes_to_standard_error_with_the_next_step(fresh: Shop, cli: Cli) -> None:
    shown = cli("diff", "1", "2", "-p", str(fresh.folder))
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("error  there is no release 1\n")
    mistyped = cli("rnu")
    assert mistyped.err == "error  No such command 'rnu'. Did you mean 'run'?\n  → headgate --help\n"


def test_a_folder_without_a_project_says_how_to_begin_one(tmp_path: Path, cli: Cli) -> None:
    shown = cli("run", "--project", str(tmp_path))
    assert shown.code == 2
    assert "headgate init" in shown.err
    assert list(tmp_path.iterdir()) == []


def test_why_of_a_stopped_run_leads_to_the_rows_and_its_query_works(blocked: Shop, cli: Cli) -> None:
    run = cli("runs", "--json", "-p", str(blocked.folder)).json["runs"][0]["run"]
    shown = cli("why", run, "-p", str(blocked.folder)).out
    assert "1 row on the branch; 0 in release 1" in shown
    assert "till.sales: 1 appended, 1 read" in shown
    command = next(line for line in shown.splitlines() if line.startswith("  headgate query"))
    call = command.replace("headgate", shlex.quote(HEADGATE), 1)
    asked = subprocess.run(call, shell=True, cwd=blocked.folder, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    assert "-5" in asked.stdout


def test_why_of_an_unknown_run_and_of_another_targets_run_says_so(blocked: Shop, cli: Cli) -> None:
    assert "there is no run nope" in cli("why", "nope", "-p", str(blocked.folder)).err
    text = (blocked.folder / "headgate.yml").read_text()
    blocked.write("headgate.yml", text + "targets: {dev: {}}\n")
    run = cli("runs", "--json", "-p", str(blocked.folder)).json["runs"][0]["run"]
    shown = cli("why", run, "--target", "dev", "-p", str(blocked.folder))
    assert (shown.code, "lake of another target" in shown.err) == (2, True)


# --- runs that ended otherwise -------------------------------------------------------------------------


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a call and let the test go on; it is ended with the test.

    It hears Ctrl-C even where a shell in the background made its children deaf to it.
    """
    started: list[subprocess.Popen[str]] = []

    def call(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        measured = [name for name in os.environ if name.startswith("COVERAGE")]  # which listens to SIGTERM itself
        started.append(
            subprocess.Popen(
                [HEADGATE, *arguments],
                cwd=cwd,
                env={name: value for name, value in os.environ.items() if name not in measured},
                stdout=pipe,
                stderr=pipe,
                text=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return started[-1]

    yield call
    for running in started:
        running.kill()
        running.communicate()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.slow
def test_runs_says_died_of_a_run_whose_process_is_gone(published: Shop, cli: Cli, start: Start) -> None:
    published.write("models/marts/slow.sql", SLOW)
    running = start("run", cwd=published.folder)
    _wait_for_build(published)
    assert cli("runs", "--json", "-p", str(published.folder)).json["runs"][0]["status"] == "running"
    running.kill()
    running.wait()
    found = cli("runs", "--json", "-p", str(published.folder)).json["runs"][0]
    assert (found["status"], found["finished_at"]) == ("died", None)
    assert re.search(r"  died$", cli("runs", "-p", str(published.folder)).out, flags=re.MULTILINE)
    assert "release 1" in cli("query", "select 1", "-p", str(published.folder)).out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "as_json"),
    [(signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGTERM, True)],
    ids=["for people", "as JSON", "SIGTERM"],
)
def test_ctrl_c_ends_a_run_with_a_verdict_and_130(
    published: Shop, cli: Cli, start: Start, *, number: signal.Signals, as_json: bool
) -> None:
    published.write("models/marts/slow.sql", SLOW)
    running = start("run", *(["--json"] if as_json else []), cwd=published.folder)
    _wait_for_build(published)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, (out, err)
    assert "Traceback" not in out + err
    if as_json:
        assert (json.loads(out)["status"], out.count("\n")) == ("failed", 1)
    else:
        assert out.splitlines()[-1].startswith("FAILED  interrupted · still serving release 1")
    last = cli("runs", "--json", "-p", str(published.folder)).json["runs"][0]
    assert (last["status"], last["serving"]) == ("failed", 1)
    (published.folder / "models/marts/slow.sql").unlink()
    assert cli("run", "--json", "-p", str(published.folder)).json["status"] == "nothing_new"


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.7, 1.5, 4.0], ids=str)
def test_ctrl_c_elsewhere_is_an_error_and_130_whenever_it_comes(published: Shop, start: Start, after: float) -> None:
    running = start("query", "--json", SLOW, cwd=published.folder)
    time.sleep(after)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, (out, err)
    assert '"exit_code": 130' in out
    assert err.startswith("error  interrupted\n")
    assert "Traceback" not in err


def _wait_for_build(shop: Shop, seconds: float = 60) -> None:
    """Until the slow model is being built."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with Ledger.open(shop.project().ledger) as ledger:
            last = ledger.runs(1)[0]
            if any(s.name == "build:marts" and s.status == "running" for s in ledger.steps(last.run)):
                time.sleep(1.5)
                return
        time.sleep(0.2)
    pytest.fail("the run never came to build:marts")


# --- terminals and pipes -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_terminal_gets_colours_and_progress(fresh: Shop) -> None:
    seen = on_a_terminal("run", cwd=fresh.folder)
    assert seen.code == 0
    assert "\x1b[1;32mPUBLISHED\x1b[0m" in seen.text
    assert "gate:raw" in seen.text


@pytest.mark.slow
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_wants_no_colours_gets_no_escape_codes_at_all(fresh: Shop, env: dict[str, str]) -> None:
    seen = on_a_terminal("run", cwd=fresh.folder, env=env)
    assert "\x1b" not in seen.text
    assert "gate:raw  nothing is published yet" in seen.text
    assert "PUBLISHED  release 1" in seen.text.splitlines()[-1]
    assert "\x1b" not in on_a_terminal("query", "nonsense", cwd=fresh.folder, env=env).text


@pytest.mark.slow
def test_without_a_terminal_there_is_neither_colour_nor_progress(fresh: Shop) -> None:
    ended = process("run", cwd=fresh.folder)
    assert "\x1b" not in ended.stdout + ended.stderr
    assert ended.stderr == ""


def test_json_on_a_terminal_is_one_object_without_progress(published: Shop) -> None:
    seen = on_a_terminal("run", "--json", cwd=published.folder)
    assert seen.text.startswith('{"status": "nothing_new"')
    assert seen.text.count("\n") == 1


@pytest.mark.slow
def test_who_stops_reading_ends_the_call_quietly(published: Shop) -> None:
    for command in ("query 'from range(1000000)'", "query --json 'from range(1000000)'", "runs"):
        ended = subprocess.run(
            ["bash", "-c", f"'{HEADGATE}' {command} | true; echo ${{PIPESTATUS[0]}}"],
            cwd=published.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.stdout, ended.stderr) == ("0\n", ""), command


@pytest.mark.slow
def test_a_run_whose_output_nobody_reads_is_published_all_the_same(fresh: Shop, cli: Cli) -> None:
    subprocess.run(["bash", "-c", f"'{HEADGATE}' run 2>&1 | true"], cwd=fresh.folder, check=True)
    assert cli("releases", "--json", "-p", str(fresh.folder)).json["current"] == 1


def test_output_that_cannot_be_written_is_an_error(published: Shop) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [HEADGATE, "releases"], cwd=published.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 3
    assert ended.stderr == "error  the output cannot be written: No space left on device\n"


def test_a_terminal_that_knows_few_characters_gets_escapes_not_an_error(published: Shop) -> None:
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    shown = process("query", "select 'é→' as x", cwd=published.folder, env=env)
    assert (shown.returncode, "\\xe9\\u2192" in shown.stdout) == (0, True)
    as_json = process("query", "--json", "select 'é→' as x", cwd=published.folder, env=env)
    assert '"rows": [["\\u00e9\\u2192"]]' in as_json.stdout


# --- what is not there just now --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb", ["releases", "runs", "diff 1 2", "score", "doctor", "quarantine list", "query 'select 1'"]
)
def test_who_asks_the_lake_needs_no_address_of_a_source_or_a_server(verb: str, twice: Shop, cli: Cli) -> None:
    sources, *rest = (twice.folder / "headgate.yml").read_text().partition("layers:")
    away = sources + "  till2: {type: postgres, url: '${AWAY_URL}'}\n" + "".join(rest)
    server = "serve: {house: {type: postgres, schema: s, url: '${HOUSE_URL}', tables: {marts.by_item: {}}}}\n"
    twice.write("headgate.yml", away + server)
    found = cli(*shlex.split(verb), "--project", str(twice.folder))
    assert found.code == 0, found.err
    refused = cli("plan", "--project", str(twice.folder))
    assert refused.code == 2
    assert "AWAY_URL is not set" in refused.err
    assert "HOUSE_URL is not set" in refused.err
