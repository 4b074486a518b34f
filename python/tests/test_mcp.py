"""`orch mcp` by the client of the protocol's own SDK, against what the commands print."""

import json
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from conftest import ORCH, ROOT, Experiment, environment

pytest.importorskip("mcp")

from jsonschema import Draft202012Validator  # noqa: E402
from mcp import Client, MCPError, StdioServerParameters  # noqa: E402

# A claim with a large effect, and one of two rows that differ by noise alone.
YAML = """
    orch: 1
    name: trip
    worker:
      command: [python3, effect.py, '{args}', --seed, '{seed}']
      metrics: [{stdout: 'psnr=(?<psnr>\\S+)'}]
    config: {effect: 0.0}
    variants:
      base: {set: {noise: base}}
      far: {set: {noise: far, effect: 9.0}}
      same: {set: {noise: same}}
    seeds: 0-4
    report:
      design: {looks: [3, 5, 8]}
      table: {name: table, columns: [{metric: psnr, better: higher}]}
      claims:
        - {claim: Far is better., compare: far.psnr > base.psnr}
        - {claim: Same is better., compare: same.psnr > base.psnr}
"""

READING = {
    "ls", "status", "show", "why", "logs", "wait", "diff", "query", "table", "explain", "compare", "claims",
    "plan", "validate",
}  # fmt: skip
CHANGING = {"dry_run", "run", "stop", "retry"}


def experiment_in(folder):
    folder.mkdir(exist_ok=True)
    experiment = Experiment(folder)
    experiment.write("", YAML)
    shutil.copy(ROOT / "orchestrator/tests/scripts/effect.py", folder)
    return experiment


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of 15 trials that have all succeeded, and another of its first seeds."""
    experiment = experiment_in(tmp_path_factory.mktemp("mcp") / "paper")
    experiment.orch("run", "trip.yaml", "-j", "2")
    text = (experiment.folder / "trip.yaml").read_text()
    (experiment.folder / "few.yaml").write_text(text.replace("name: trip", "name: few").replace("0-4", "0-1"))
    experiment.orch("run", "few.yaml", "-j", "2")
    return experiment


def server(experiment, *flags):
    variables = environment(ORCH_STATE_DIR=str(experiment.folder / "state"))
    return StdioServerParameters(
        command=ORCH, args=["mcp", *flags], cwd=experiment.folder, env=variables
    )


def talk(experiment, work, *flags, mode="auto"):
    """Does `work` with a client of a server in the experiment's folder."""

    async def session():
        async with Client(server(experiment, *flags), mode=mode) as client:
            return await work(client)

    return anyio.run(session)


def call(experiment, tool, arguments, *flags, mode="auto"):
    return talk(experiment, lambda client: client.call_tool(tool, arguments), *flags, mode=mode)


def text_of(result):
    return "\n".join(block.text for block in result.content)


@pytest.mark.parametrize(("flags", "names"), [((), READING), (("--allow-run",), READING | CHANGING)])
def test_every_tool_is_described(experiment, flags, names):
    listed = talk(experiment, lambda client: client.list_tools(), *flags).tools
    assert {tool.name for tool in listed} == names
    for tool in listed:
        Draft202012Validator.check_schema(tool.input_schema)
        assert len(tool.description) > 40 and "\n" not in tool.description, tool.description
        assert tool.input_schema["additionalProperties"] is False, tool.name
        for name, schema in tool.input_schema.get("properties", {}).items():
            assert len(schema["description"]) > 10, (tool.name, name)
        assert tool.annotations.read_only_hint is (tool.name in READING)


# A call, and the command that prints the same.
SAME = [
    ("ls", {}, ["ls", "--json"]),
    ("status", {"run": "trip"}, ["status", "trip", "--json"]),
    ("status", {"run": "trip", "all": True}, ["status", "trip", "--all", "--json"]),
    ("show", {"trial": "variant=far,seed=1", "run": "trip"}, ["show", "variant=far,seed=1", "trip", "--json"]),
    ("diff", {"a": "far-s0", "b": "base-s0", "run": "trip"}, ["diff", "far-s0", "base-s0", "trip", "--json"]),
    ("diff", {"a": "trip", "b": "few"}, ["diff", "trip", "few", "--json"]),
    ("table", {"run": "trip"}, ["report", "trip", "--format", "json"]),
    ("explain", {"cell": "far.psnr", "run": "trip"}, ["report", "trip", "--explain", "far.psnr", "--json"]),
    ("compare", {"runs": ["trip", "few"]}, ["compare", "trip", "few", "--format", "json"]),
    ("plan", {"file": "trip.yaml", "pilot": "trip"}, ["plan", "trip.yaml", "--from", "trip", "--json"]),
    ("validate", {"file": "trip.yaml"}, ["validate", "trip.yaml", "--json"]),
    (
        "query",
        {"select": "select * from final order by trial", "run": "trip"},
        ["query", "select * from final order by trial", "trip", "--format", "json"],
    ),
]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_answers_are_what_the_commands_print(run, mode):
    async def all_answers(client):
        return [await client.call_tool(tool, arguments) for tool, arguments, _ in SAME]

    for (tool, _, command), result in zip(SAME, talk(run, all_answers, mode=mode), strict=True):
        assert not result.is_error, (tool, result)
        printed = json.loads(run.orch(*command))
        assert result.structured_content == printed, tool
        assert json.loads(result.content[0].text) == printed, tool


def test_the_table_is_that_of_the_report(run):
    table = call(run, "table", {"run": "trip"}).structured_content
    run.orch("report", "trip")
    assert table == json.loads((run.folder / "runs/trip/report/table.json").read_text())


def test_claims_are_supported_or_say_what_they_need(run):
    result = call(run, "claims", {"run": "trip"})
    assert not result.is_error
    answer = result.structured_content
    assert answer == json.loads(run.orch("check-claims", "trip", "--json", code=1))
    verdicts = {claim["compare"]: claim["verdict"] for claim in answer["claims"]}
    assert verdicts == {"far.psnr > base.psnr": "supported", "same.psnr > base.psnr": "open"}
    run.orch("report", "trip")
    report = json.loads((run.folder / "runs/trip/report/claims.json").read_text())
    assert answer["method"] == report["method"]
    settled, still_open = (claim["details"] for claim in answer["claims"])
    assert any(line.startswith("against base: ") for line in settled), settled
    assert not any("Needs" in line for line in settled), settled
    assert any(line.startswith("Needs about ") for line in still_open), still_open
    # A file could have other claims by now than those that were planned.
    refused = call(run, "claims", {"run": "trip.yaml"})
    assert refused.is_error and "is a file: give the name of its run" in text_of(refused)


def test_claims_over_changed_code_have_no_verdict(experiment):
    experiment_in(experiment.folder)
    file = experiment.folder / "trip.yaml"
    file.write_text(file.read_text().replace("0-4", "0-1"))
    experiment.orch("run", "trip.yaml", "-j", "2")
    with (experiment.folder / "effect.py").open("a") as script:
        script.write("\n# changed\n")
    file.write_text(file.read_text().replace("0-1", "0-2"))
    experiment.orch("run", "trip.yaml", "-j", "2")
    for tool in ("claims", "table"):
        refused = call(experiment, tool, {})
        assert refused.is_error and refused.structured_content is None
        assert "effect.py" in text_of(refused), text_of(refused)


def test_texts_for_people_keep_their_order_and_their_length(run):
    folder = next((run.folder / "runs/trip/trials").glob("far-s0-*")) / "attempt-1"
    (folder / "stdout.log").write_text("".join(f"line {n}\n" for n in range(500)))
    (folder / "stderr.log").write_text("\x1b[31moh\x1b[0m\n")
    last = text_of(call(run, "logs", {"trial": "far-s0", "run": "trip"}))
    lines = last.splitlines()
    assert [line for line in lines if line.startswith("line ")] == [f"line {n}" for n in range(400, 500)]
    assert lines[0].startswith("==> ") and "stdout.log" in lines[0], lines[0]
    assert lines[-2].startswith("==> ") and lines[-1] == "oh", lines[-2:]
    few = call(run, "logs", {"trial": "far-s0", "run": "trip", "lines": 2, "output": "stdout"})
    assert text_of(few).split("\n")[:2] == ["line 498", "line 499"]
    (folder / "stdout.log").write_text("x" * 2_000_000)
    cut = call(run, "logs", {"trial": "far-s0", "run": "trip"})
    assert not cut.is_error and len(text_of(cut)) < 600_000 and "cut here" in text_of(cut)
    why = text_of(call(run, "why", {"trial": "far-s1", "run": "trip"}))
    assert why.strip() == run.orch("why", "far-s1", "trip").strip()


def test_what_is_not_allowed_is_refused_and_says_why(run):
    outside = run.folder.parent / "outside.yaml"
    outside.write_text((run.folder / "trip.yaml").read_text())
    (run.folder / "link.yaml").symlink_to(outside)
    refused = [
        # Values are values, also where they look like flags.
        ("show", {"trial": "--help"}, "no trial of"),
        ("status", {"run": "--version"}, "no run `--version`"),
        ("query", {"select": "--version"}, "only a `select` is allowed"),
        ("validate", {"file": "--help"}, "there is no `--help` below"),
        ("explain", {"cell": "--help", "run": "trip"}, "--help"),
        ("query", {"select": "delete from series", "run": "trip"}, "only a `select` is allowed"),
        ("query", {"select": "select 1; select 2", "run": "trip"}, "only one `select` is allowed"),
        ("validate", {"file": "../outside.yaml"}, "there is no `../outside.yaml` below"),
        ("validate", {"file": str(outside)}, "other folders are not open to this server"),
        ("validate", {"file": "link.yaml"}, "other folders are not open to this server"),
        ("plan", {"file": "/etc/passwd"}, "other folders are not open to this server"),
        ("status", {"run": "../elsewhere"}, "other folders are not open to this server"),
        ("diff", {"a": "/tmp", "b": "trip"}, "other folders are not open to this server"),
        ("diff", {"a": "far-s0", "b": "far-s1", "other_run": "trip"}, "give `run`, too"),
        ("status", {"runs": "trip"}, "unknown field `runs`"),
        ("show", {}, "missing field `trial`"),
        ("status", {"all": "yes"}, "expected a boolean"),
        ("status", {"run": "missing"}, "orch status` ended with exit status: 2"),
        ("run", {"file": "trip.yaml"}, "started without `--allow-run`"),
        ("stop", {"all": True}, "started without `--allow-run`"),
    ]

    async def all_answers(client):
        with pytest.raises(MCPError, match="there is no tool `rm`"):
            await client.call_tool("rm", {"run": "trip"})
        return [await client.call_tool(tool, arguments) for tool, arguments, _ in refused]

    for (tool, arguments, reason), result in zip(refused, talk(run, all_answers), strict=True):
        assert result.is_error, (tool, arguments, result)
        assert result.structured_content is None, (tool, arguments)
        assert reason in text_of(result), (tool, arguments, text_of(result))


def test_an_answer_that_is_too_long_is_refused_and_not_cut(run):
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select i from n"
    result = call(run, "query", {"select": many, "run": "trip"})
    assert result.is_error and "the answer has more than 524288 bytes" in text_of(result)


def test_validation_runs_nothing(experiment):
    yaml = """
        orch: 1
        name: trip
        worker: {command: [sh, -c, 'true'], check: [sh, -c, 'touch was-run']}
        config: {n: 0}
        variants: {a: {}}
        seeds: [0]
        report: {table: {name: t, columns: [{metric: psnr}]}}
    """
    experiment.write("", yaml)
    valid = call(experiment, "validate", {"file": "trip.yaml"})
    assert valid.structured_content == {"schema": 1, "valid": True, "findings": []}
    assert not (experiment.folder / "was-run").exists()
    experiment.orch("validate", "trip.yaml", code=2)
    assert (experiment.folder / "was-run").exists()
    experiment.write("", yaml.replace("seeds", "sedes"))
    wrong = call(experiment, "validate", {"file": "trip.yaml"})
    assert not wrong.is_error
    assert wrong.structured_content["valid"] is False
    assert any("sedes" in finding["message"] for finding in wrong.structured_content["findings"])


def test_an_assistant_runs_an_experiment_until_its_claims_are_resolved(tmp_path):
    experiment = experiment_in(tmp_path / "paper")
    file = {"file": "trip.yaml", "until_resolved": True, "jobs": 2}

    async def work(client):
        plan = await client.call_tool("dry_run", file)
        printed = json.loads(
            experiment.orch("run", "trip.yaml", "--until-resolved", "-j", "2", "-n", "--json")
        )
        assert plan.structured_content["trials"] == printed["trials"] != []
        started = await client.call_tool("run", file)
        assert not started.is_error, started
        assert {"run": "trip"}.items() <= started.structured_content.items()
        ended = await client.call_tool("wait", {"run": "trip", "seconds": 300})
        assert not ended.is_error and "exit status: 3" in text_of(ended), text_of(ended)
        again = await client.call_tool("run", file)
        assert not again.is_error, again
        return await client.call_tool("claims", {"run": "trip"})

    claims = talk(experiment, work, "--allow-run").structured_content["claims"]
    assert [claim["verdict"] for claim in claims] == ["supported", "open"]
    seeds = experiment.query("select variant, count(*) as n from final group by variant order by variant")
    # One row was resolved at the first look.
    assert {row["variant"]: row["n"] for row in seeds} == {"base": 5, "far": 3, "same": 5}


def test_an_assistant_stops_and_retries_what_outlives_its_server(experiment):
    yaml = """
        orch: 1
        name: trip
        worker: {command: [sh, -c, 'test $ORCH_SEED = 1 && exit 1; sleep 600'], grace: 10s}
        config: {n: 0}
        variants: {a: {}}
        seeds: [0, 1]
        report: {table: {name: t, columns: [{metric: psnr}]}}
        retry: {attempts: 1}
    """
    experiment.write("", yaml)
    started = call(experiment, "run", {"file": "trip.yaml", "jobs": 2, "keep_going": True}, "--allow-run")
    assert not started.is_error, started

    def states():
        trials = json.loads(experiment.orch("status", "--json"))["trials"]
        return [trial["state"] for trial in sorted(trials, key=lambda trial: trial["seed"])]

    # That server has ended, and the run goes on.
    deadline = time.monotonic() + 60
    while states() != ["running", "failed"]:
        assert time.monotonic() < deadline, states()
        time.sleep(0.1)

    async def work(client):
        waited = await client.call_tool("wait", {"seconds": 1})
        assert not waited.is_error and "exit status: 124" in text_of(waited), waited
        again = await client.call_tool("run", {"file": "trip.yaml"})
        assert again.is_error and "exit status: 4" in text_of(again), again
        for both in ({}, {"trial": "seed=0", "all": True}):
            refused = await client.call_tool("stop", both)
            assert refused.is_error and "give either `trial` or `all: true`" in text_of(refused)
        retried = await client.call_tool("retry", {"failed": True})
        assert len(retried.structured_content["queued"]) == 1, retried
        stopped = await client.call_tool("stop", {"trial": "seed=0", "now": True})
        assert [trial["state"] for trial in stopped.structured_content["stopped"]] == ["cancelled"]
        await client.call_tool("stop", {"all": True, "run": "trip"})
        return await client.call_tool("status", {})

    status = talk(experiment, work, "--allow-run").structured_content
    assert status["supervisor"] is None
    assert "cancelled" in {trial["state"] for trial in status["trials"]}


def processes_in(folder):
    """The command lines of all `orch` in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").resolve() == folder.resolve():
                found.append((process / "cmdline").read_bytes().split(b"\0"))
    return found


ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


def queries(folder):
    return [line for line in processes_in(folder) if b"query" in line]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_call_that_is_given_up_ends_its_process(run, mode):
    async def give_up(client):
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "query", {"select": ENDLESS, "run": "trip"})
            while not queries(run.folder):
                await anyio.sleep(0.05)
            group.cancel_scope.cancel()
        with anyio.fail_after(60):
            while queries(run.folder):
                await anyio.sleep(0.05)
        return await client.call_tool("ls", {})

    assert not talk(run, give_up, mode=mode).is_error


def start(experiment, *flags):
    parameters = server(experiment, *flags)
    return subprocess.Popen(
        [parameters.command, *parameters.args],
        cwd=parameters.cwd,
        env=parameters.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ENDLESS_CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "query", "arguments": {"select": ENDLESS, "run": "trip"}},
}


@pytest.mark.parametrize("end", ["close", "terminate"])
def test_the_end_of_a_client_ends_the_server_and_its_processes(run, end):
    process = start(run)
    for message in (INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"}, ENDLESS_CALL):
        process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    assert answer["result"]["serverInfo"]["name"] == "orch" and "claims" in answer["result"]["instructions"]
    while not queries(run.folder):
        time.sleep(0.05)
    if end == "close":
        process.stdin.close()
    else:
        process.terminate()
    assert process.wait(timeout=60) == 0
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in process.stdout)
    # A client that has closed its end is waited for some seconds, and that is said.
    assert end == "close" or process.stderr.read() == ""
    deadline = time.monotonic() + 60
    while queries(run.folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_standard_input_without_a_client(run):
    process = start(run)
    out, err = process.communicate("", timeout=60)
    assert (process.returncode, out, err) == (0, "", "")
    process = start(run)
    out, err = process.communicate('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n', timeout=60)
    assert process.returncode == 2 and out == "" and "docs/mcp.md" in err, err
