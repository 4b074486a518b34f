//! Samples of CPU, memory and GPUs while a worker runs.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::{Running, TestRun};
use crate::common::wait::wait_for;

/// Two processes that compute and hold memory until the file `gate` is there. The second leaves the first's
/// process group.
const WORKER: &str = "\
import os, subprocess, sys, time
if len(sys.argv) == 1:
    other = subprocess.Popen([sys.executable, __file__, 'child'], start_new_session=True)
held = bytearray(os.urandom(1 << 20)) * 100
while not os.path.exists('gate'):
    start = time.process_time()
    while time.process_time() - start < 0.05:
        pass
if len(sys.argv) == 1:
    other.wait()
    print('loss=1')
";

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [python3, worker.py], metrics: [{stdout: 'loss=(?<loss>\\S+)'}], result: last}
system: 1s
variants: {a: {}}
seeds: [0]
";

fn with_worker(file: &str) -> TestRun {
    let test = TestRun::with_file(file);
    fs::write(test.path("worker.py"), WORKER).unwrap();
    test
}

/// The sampled lines of the only attempt.
fn samples(test: &TestRun) -> Vec<Value> {
    let Some(attempt) = test.attempt("a-s0-", 1) else { return Vec::new() };
    let text = fs::read_to_string(attempt.path().join("system.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs the file until `count` samples are there, and then to its end.
fn run_for(test: &TestRun, count: usize) {
    end_after(test, test.start("run trip.yaml"), count);
}

/// Lets the run end once `count` samples are there.
fn end_after(test: &TestRun, run: Running, count: usize) {
    wait_for("samples", || (samples(test).len() >= count).then_some(()));
    fs::write(test.path("gate"), "").unwrap();
    run.end().expect(0, &["1 of 1 trials done"]);
}

#[test]
fn cpu_and_memory_of_all_processes_are_sampled_and_summed_up() {
    let test = with_worker(FILE);
    run_for(&test, 3);
    let samples = samples(&test);
    let shown = test.json("show a-s0 --json");
    let system = &shown["attempts"][0]["system"];
    assert_eq!(system["samples"], samples.len());
    assert_eq!(system["max_processes"], 2);
    let memory = system["max_memory_bytes"].as_u64().unwrap();
    assert!((200 << 20..500 << 20).contains(&memory), "{memory}");
    // The two share the cores with whatever else the machine does.
    let cores = system["cpu_cores"]["mean"].as_f64().unwrap();
    assert!((0.1..2.3).contains(&cores), "{cores}");
    let text = test.orch("show a-s0").stdout;
    assert!(text.contains("use of the machine") && text.contains(" cores"), "{text}");

    test.orch("export --system --format csv --out system.csv").expect(0, &["sampled values"]);
    let csv = fs::read_to_string(test.path("system.csv")).unwrap();
    let of_memory = csv.lines().filter(|line| line.contains(",memory_bytes,,"));
    assert_eq!(of_memory.count(), samples.len(), "{csv}");
    let lines = test.orch("export --system --format jsonl --out -").stdout;
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["metric"], &first["value"]), (&"cpu_cores".into(), &samples[0]["cpu"]));
    assert_eq!(first["time"], samples[0]["time"]);
    test.orch("export --system --format parquet --out a.parquet")
        .expect(2, &["CSV and JSON lines"]);
    // The sampler is no process of the worker.
    let exit = test.attempt("a-s0-", 1).unwrap().read_exit().unwrap().unwrap();
    assert_eq!(exit.orphans, 0);
}

#[test]
fn changed_samples_are_damage() {
    let test = with_worker(FILE);
    run_for(&test, 1);
    let file = test.attempt("a-s0-", 1).unwrap().path().join("system.jsonl");
    let text = fs::read_to_string(&file).unwrap().replacen("\"memory\":", "\"memory\":1", 1);
    fs::write(&file, text).unwrap();
    test.orch("report").expect(5, &["attempt-1/system.jsonl"]);
}

#[test]
fn the_gpus_that_a_trial_holds_are_sampled_and_no_others() {
    let test = with_worker(&format!("{FILE}resources: {{gpus: 1}}\n"));
    let inventory = test.path("gpus.yaml");
    let write = |free: &str| {
        let gpu = |uuid: &str| {
            format!(
                "{{uuid: {uuid}, memory: 80GiB, free: {free}, utilization: 40, power: 310, temperature: 71}}"
            )
        };
        let gpus = format!("cpus: 4\ngpus: [{}, {}]\n", gpu("GPU-8f5c1a2b-1"), gpu("GPU-77aa-2"));
        fs::write(test.path("new.yaml"), gpus).unwrap();
        fs::rename(test.path("new.yaml"), &inventory).unwrap();
    };
    write("80GiB");
    let run = test.start_with("run trip.yaml", &[("ORCH_INVENTORY", inventory.to_str().unwrap())]);
    wait_for("a sample", || (!samples(&test).is_empty()).then_some(()));
    write("50GiB");
    end_after(&test, run, samples(&test).len() + 2);
    let attempt = test.attempt("a-s0-", 1).unwrap();
    let held = attempt.read_command().unwrap().unwrap().env["CUDA_VISIBLE_DEVICES"].clone();
    let system = test.json("show a-s0 --json")["attempts"][0]["system"].clone();
    let gpus = system["gpus"].as_array().unwrap();
    assert_eq!(gpus.len(), 1);
    assert_eq!(gpus[0]["uuid"], held);
    assert_eq!(gpus[0]["utilization_percent"]["mean"], 40.0);
    assert_eq!(gpus[0]["max_memory_bytes"], 30u64 << 30);
    assert_eq!(gpus[0]["power_watts"]["max"], 310.0);
    assert_eq!(gpus[0]["max_temperature_celsius"], 71);
    let text = test.orch("show a-s0").stdout;
    let short = held.rsplit_once('-').unwrap().0;
    for words in [format!("1, {short}"), "40%".into(), "30.0 GiB".into(), "71 °C".into()] {
        assert!(text.contains(&words), "{words} is not in {text}");
    }
}

#[test]
fn nothing_is_sampled_where_the_file_says_so() {
    let test = with_worker(&FILE.replace("system: 1s", "system: off"));
    let run = test.start("run trip.yaml");
    // As long as it takes to the first sample, if there were any.
    thread::sleep(Duration::from_secs(3));
    wait_for("the attempt", || test.attempt("a-s0-", 1));
    fs::write(test.path("gate"), "").unwrap();
    run.end().expect(0, &[]);
    assert!(samples(&test).is_empty());
    assert!(test.json("show a-s0 --json")["attempts"][0]["system"].is_null());
    assert!(!test.orch("show a-s0").stdout.contains("use of the machine"));
}

#[test]
fn the_sampler_ends_with_its_holder() {
    let test = with_worker(FILE);
    let run = test.start("run trip.yaml");
    wait_for("a sample", || (!samples(&test).is_empty()).then_some(()));
    run.kill();
    let samplers = || {
        let of_test = processes::of(test.folder.path()).into_iter();
        of_test.filter(|pid| processes::command_line(*pid).contains("sample-system")).count()
    };
    assert_eq!(samplers(), 1);
    for holder in processes::holders(test.folder.path()) {
        assert!(try_signal(holder, "-KILL"));
    }
    wait_for("the sampler's end", || (samplers() == 0).then_some(()));
}
