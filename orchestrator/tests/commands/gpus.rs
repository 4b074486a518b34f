//! GPUs of a mock machine: allocation, reasons to wait, and requests that are refused.

use std::fs;

use crate::common::test_run::{Ended, Running, TestRun};
use crate::common::wait::wait_for;

const FOREIGN_PROCESS: &str = "processes: [{pid: 4711, name: python, memory: 20GiB}]";

/// A folder whose trials need `resources`, with an inventory of 16 cores and `gpus`.
fn with_gpus(resources: &str, gpus: &[&str]) -> TestRun {
    let resources = format!("seeds: [0, 1, 2]\nresources: {resources}");
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("  b: {label: Second, set: {offset: 1}}\n", ""),
        ("seeds: [0]", &resources),
    ]);
    inventory(&test, gpus);
    test
}

/// Replaces the inventory.
fn inventory(test: &TestRun, gpus: &[&str]) {
    let gpus = gpus.join("}, {");
    let gpus = if gpus.is_empty() { String::new() } else { format!("{{{gpus}}}") };
    fs::write(test.path("temporary.yaml"), format!("cpus: 16\ngpus: [{gpus}]\n")).unwrap();
    fs::rename(test.path("temporary.yaml"), test.path("gpus.yaml")).unwrap();
}

fn start(test: &TestRun, arguments: &str) -> Running {
    test.start_with(arguments, &[("ORCH_INVENTORY", "gpus.yaml")])
}

fn orch(test: &TestRun, arguments: &str) -> Ended {
    start(test, arguments).end()
}

/// Waits until `orch status` contains `words`, the reason why a trial waits.
fn wait_for_reason(test: &TestRun, words: &str) {
    wait_for(words, || test.orch("status").stdout.contains(words).then_some(()));
}

#[test]
fn shares_of_a_gpu_are_leased_until_it_is_full() {
    let test = with_gpus("{gpus: 1, share: 5/12}", &["uuid: GPU-1, memory: 80GiB"]);
    test.edit(&[("sleep_ms: 0", "hang_at: 5")]);
    let run = start(&test, "run trip.yaml");
    for trial in ["a-s0-", "a-s1-"] {
        test.wait_for_step(trial, 1, 4);
        let command = test.attempt(trial, 1).unwrap().read_command().unwrap().unwrap();
        assert_eq!(command.env["CUDA_VISIBLE_DEVICES"], "GPU-1");
    }
    let full =
        "waits for 5/12 of 1 GPU and 1 CPU: GPU-1 is full (2 trials) (mock inventory `gpus.yaml`)";
    wait_for_reason(&test, full);
    let why = test.orch("why state=queued").stdout;
    assert!(why.contains(full), "{why}");
    assert_eq!(test.attempts("a-s2-"), 0);
    run.signal("-INT");
    run.end().expect(130, &["note: this machine is mocked by `gpus.yaml`"]);
    // The workers have ended, so two trials fit again.
    test.edit(&[("hang_at: 5", "hang_at: 0")]);
    orch(&test, "run trip.yaml -q").expect(0, &[]);
}

#[test]
fn per_gpu_limits_the_trials_of_a_gpu_that_has_room() {
    let gpus = ["uuid: GPU-1, memory: 80GiB", "uuid: GPU-2, memory: 80GiB"];
    let test = with_gpus("{gpus: 1, share: 1/12, per_gpu: 1}", &gpus);
    test.edit(&[("sleep_ms: 0", "hang_at: 5")]);
    let run = start(&test, "run trip.yaml");
    for trial in ["a-s0-", "a-s1-"] {
        test.wait_for_step(trial, 1, 4);
    }
    wait_for_reason(
        &test,
        "GPU-1 has 1 trial, as many as `per_gpu` allows, GPU-2 has 1 trial, as many",
    );
    run.signal("-INT");
    assert_eq!(run.end().code, 130);
}

#[test]
fn a_gpu_that_foreign_processes_use_is_avoided() {
    let busy = format!("uuid: GPU-1, memory: 80GiB, {FOREIGN_PROCESS}");
    let test = with_gpus("{gpus: 1}", &[&busy]);
    let run = start(&test, "run trip.yaml");
    wait_for_reason(
        &test,
        "GPU-1 is kept busy by pid 4711 (python, 20.0 GiB); `orch run --allow-busy-gpus` uses",
    );
    inventory(&test, &["uuid: GPU-1, memory: 80GiB"]);
    run.end().expect(0, &["3 of 3 trials done"]);

    inventory(&test, &[&busy]);
    test.edit(&[("steps: 20", "steps: 5")]);
    orch(&test, "run trip.yaml --allow-busy-gpus").expect(0, &["3 of 3 trials done"]);
}

#[test]
fn memory_must_be_free_before_a_trial_starts() {
    let test = with_gpus("{gpus: 1, memory: 70GiB}", &["uuid: GPU-1, memory: 80GiB, free: 69GiB"]);
    let run = start(&test, "run trip.yaml");
    wait_for_reason(&test, "GPU-1 has 69.0 GiB left of the 70.0 GiB needed");
    // While the inventory cannot be read, trials wait.
    fs::write(test.path("gpus.yaml"), "cpus: [").unwrap();
    wait_for_reason(&test, "gpus.yaml:");
    inventory(&test, &["uuid: GPU-1, memory: 80GiB, free: 71GiB"]);
    run.end().expect(0, &["3 of 3 trials done"]);
}

#[test]
fn requests_beyond_the_machine_are_refused_before_anything_is_created() {
    let small = ["uuid: GPU-1, name: T9, memory: 16GiB"];
    for (resources, gpus, words) in [
        (
            "{gpus: 1, memory: 20GiB}",
            &small[..],
            "a trial needs 1 GPUs with 20.0 GiB of memory each and the mock machine of \
             `gpus.yaml` has: GPU-1 T9 (16.0 GiB)",
        ),
        ("{gpus: 2}", &small, "a trial needs 2 GPUs and the mock machine of `gpus.yaml` has 1"),
        ("{cpus: 17}", &[], "a trial needs 17 CPU cores and the mock machine"),
        ("{gpus: 1, per_gpu: 0}", &small, "trip.yaml:9:22: no trial could ever have a GPU"),
        (
            "{gpus: 1, memory: much}",
            &small,
            "`much` is not an amount of memory or disk: write `20GiB`",
        ),
    ] {
        let test = with_gpus(resources, gpus);
        orch(&test, "run trip.yaml").expect(2, &[words]);
        assert!(!test.path("runs").exists());
    }
}

#[test]
fn a_file_that_asks_for_no_gpu_is_noted_on_a_machine_that_has_some() {
    let test =
        with_gpus("{cpus: 1}", &["uuid: GPU-1, memory: 80GiB", "uuid: GPU-2, memory: 80GiB"]);
    let note = "note: this machine has 2 GPUs, and the trials are given none; if they need one, add to \
                the file: `resources: {gpus: 1}`";
    let ended = orch(&test, "run trip.yaml -n");
    ended.expect(0, &[]);
    assert_eq!(ended.stderr.matches(note).count(), 1, "{}", ended.stderr);
    assert!(!orch(&test, "run trip.yaml -n -q").stderr.contains("GPU"));
    inventory(&test, &[]);
    assert!(!orch(&test, "run trip.yaml -n").stderr.contains("GPU"));
}

#[test]
fn a_missing_inventory_is_an_error() {
    let test = with_gpus("{gpus: 1}", &[]);
    fs::remove_file(test.path("gpus.yaml")).unwrap();
    orch(&test, "run trip.yaml").expect(2, &["gpus.yaml: there is no such file"]);
}

#[test]
fn an_inherited_mask_hides_gpus() {
    let gpus = ["uuid: GPU-1, memory: 80GiB", "uuid: GPU-2, memory: 80GiB"];
    let test = with_gpus("{gpus: 2}", &gpus);
    let environment = [("ORCH_INVENTORY", "gpus.yaml"), ("CUDA_VISIBLE_DEVICES", "1")];
    let ended = test.start_with("run trip.yaml", &environment).end();
    ended.expect(2, &["has 1 (`CUDA_VISIBLE_DEVICES=1` hides 1 more)"]);
    test.edit(&[("gpus: 2", "gpus: 1")]);
    test.start_with("run trip.yaml", &environment).end().expect(0, &["3 of 3 trials done"]);
    let command = test.attempt("a-s2-", 1).unwrap().read_command().unwrap().unwrap();
    assert_eq!(command.env["CUDA_VISIBLE_DEVICES"], "GPU-2");
}

#[test]
fn after_cuda_oom_on_a_shared_gpu_a_trial_gets_a_whole_one_once() {
    let test = with_gpus("{gpus: 1, share: 1/2}", &["uuid: GPU-1, memory: 80GiB"]);
    test.edit(&[("sleep_ms: 0", "fail: {class: cuda-oom, message: the memory is full}")]);
    let ended = orch(&test, "run trip.yaml");
    ended.expect(1, &["the memory is full; once more with a whole GPU", "3 failed"]);
    assert_eq!(["a-s0-", "a-s1-", "a-s2-"].map(|trial| test.attempts(trial)), [2, 2, 2]);
    assert!(test.orch("status").stdout.contains("cuda-oom: the memory is full"));
}
