//! Files of an attempt that its worker damages or forges: they cost that attempt, and no other trial.

use std::fs;

use serde_json::Value;

use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// A file with these variants and seeds, whose worker is a script in the test's folder.
fn with_worker(variants: &[&str], seeds: &str, script: &str) -> TestRun {
    let set = |(n, name): (usize, &&str)| format!("{name}: {{set: {{n: {n}}}}}");
    let variants = variants.iter().enumerate().map(set).collect::<Vec<_>>().join(", ");
    let test = TestRun::with_file(&format!(
        "orch: 1\n\
         name: trip\n\
         worker: {{command: [sh, worker.sh]}}\n\
         retry: {{attempts: 1, backoff: 1ms}}\n\
         config: {{n: 0}}\n\
         variants: {{{variants}}}\n\
         seeds: {seeds}\n\
         report: {{table: {{name: table, columns: [{{metric: psnr}}]}}}}\n"
    ));
    let result = r#"echo '{"event":"result","values":{"psnr":20.5}}' >> "$ORCH_EVENTS""#;
    let script = format!("here=$(dirname \"$ORCH_EVENTS\")\n{script}\n{result}\n");
    fs::write(test.path("worker.sh"), script).unwrap();
    test
}

/// A line of a worker's script that kills its holder, and it with that.
const KILL_HOLDER: &str = "kill -9 $PPID; sleep 60";

/// What a holder would write, but for what only the holder knows.
const FORGED: &str =
    r#"{"outcome":{"exited":{"code":0}},"started_ms":1,"ended_ms":2,"nonce":"00"}"#;

#[test]
fn a_damaged_file_costs_only_its_own_attempt_and_is_named() {
    // Each variant damages another file, and each seed in another way.
    let test = with_worker(
        &["fine", "owner", "exit", "command"],
        "[0, 1, 2, 3, 4, 5]",
        &format!(
            r#"case $ORCH_VARIANT in owner) file=owner;; *) file=$ORCH_VARIANT.json;; esac
            damage() {{
                case $ORCH_SEED in
                    0) : > "$here/$file";;
                    1) echo '{{' > "$here/$file";;
                    2) echo 'not JSON' > "$here/$file";;
                    3) head -c 1000 /dev/urandom > "$here/$file";;
                    4) rm -f "$here/$file"; mkfifo "$here/$file";;
                    5) rm -f "$here/$file"; mkdir "$here/$file";;
                esac
            }}
            if [ "$ORCH_ATTEMPT" = 1 ] && [ "$ORCH_VARIANT" != fine ]; then
                damage
                {KILL_HOLDER}
            fi"#
        ),
    );
    let run = test.orch("run trip.yaml");
    run.expect(0, &["24 of 24 trials done"]);
    for (variant, file) in [("owner", "owner"), ("exit", "exit.json"), ("command", "command.json")]
    {
        for (seed, reason) in [
            "` is not as `orch` writes it: ",
            "` is not as `orch` writes it: ",
            "` is not as `orch` writes it: ",
            "` is not as `orch` writes it: ",
            "`: it is a named pipe, not a regular file; will go on",
            "`: it is a folder, not a regular file; will go on",
        ]
        .iter()
        .enumerate()
        {
            let words = format!("attempt-1/{file}{reason}");
            let trial = format!("{variant}-s{seed}-");
            let told = run.stderr.lines().any(|line| {
                line.starts_with(&trial)
                    && line.contains(": its holder was lost: ")
                    && line.contains(&words)
            });
            assert!(told, "no `{words}` of {trial} in {}", run.stderr);
            assert_eq!(test.attempts(&trial), 2, "{trial}");
        }
    }
    assert_eq!(test.attempts("fine-s0-"), 1);
}

#[test]
fn a_damaged_owner_file_is_still_locked_while_its_holder_lives() {
    let test = with_worker(
        &["a", "b"],
        "[0]",
        r#"[ "$ORCH_VARIANT$ORCH_ATTEMPT" != a1 ] || echo garbage > "$here/owner"
        echo '{"event":"metrics","step":1,"values":{"m":1}}' >> "$ORCH_EVENTS"
        while [ ! -e gate ]; do sleep 0.05; done"#,
    );
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 1);
    run.kill();
    assert_eq!(test.status("a-s0-").unwrap()["attempt_status"], "held");
    fs::write(test.path("gate"), "").unwrap();
    // It cannot be told from a forged one that it has ended, so that it is run again.
    let again = test.orch("run trip.yaml");
    again.expect(0, &["attempt-1/owner` is not as `orch` writes it", "2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (2, 1));
}

#[test]
fn an_owner_file_that_is_removed_or_replaced_leaves_no_worker_behind() {
    for change in ["rm \"$here/owner\"", "echo garbage > new; mv new \"$here/owner\""] {
        let test = with_worker(
            &["a"],
            "[0]",
            &format!(
                r#"if [ "$ORCH_ATTEMPT" = 1 ]; then
                    {change}
                    echo '{{"event":"metrics","step":1,"values":{{"m":1}}}}' >> "$ORCH_EVENTS"
                    echo $$ > pid
                    sleep 600
                fi
                # One that has ended and that nobody has reaped is a zombie.
                grep -q '^State:.[^ZX]' /proc/$(cat pid)/status && exit 3"#
            ),
        );
        let run = test.start("run trip.yaml");
        test.wait_for_step("a-s0-", 1, 1);
        run.kill();
        let again = test.orch("run trip.yaml");
        again.expect(0, &["attempt-1/owner` ", "1 of 1 trials done"]);
        assert_eq!(test.attempts("a-s0-"), 2, "{change}");
    }
}

#[test]
fn a_worker_cannot_record_its_own_end() {
    let test = with_worker(
        &["a"],
        "[0]",
        &format!(
            r#"echo '{FORGED}' > "$here/exit.json"
            echo '{{"event":"metrics","step":1,"values":{{"m":1}}}}' >> "$ORCH_EVENTS"
            while [ ! -e gate ]; do sleep 0.05; done
            exit 3"#
        ),
    );
    let run = test.start("run trip.yaml");
    // Once the supervisor has read an event that came after it, it has seen the forged record.
    wait_for("an event in the database", || {
        test.status("a-s0-")?["progress"]["step"].as_u64().or_else(|| {
            let query = test.shell(&format!(
                "exec {} query 'select count(*) as n from series' --format json",
                env!("CARGO_BIN_EXE_orch")
            ));
            let rows = serde_json::from_str::<Value>(&query.stdout).ok()?;
            rows["rows"][0]["n"].as_u64().filter(|n| *n > 0)
        })
    });
    assert_eq!(test.state_history("a-s0-"), ["starting", "running"]);
    fs::write(test.path("gate"), "").unwrap();
    run.end().expect(1, &["the worker exited with code 3", "0 of 1 trials done, 1 failed"]);
}

#[test]
fn a_forged_end_does_not_outlive_the_holder_and_is_named() {
    let test = with_worker(
        &["a"],
        "[0]",
        &format!(
            r#"if [ "$ORCH_ATTEMPT" = 1 ]; then
                echo '{FORGED}' > "$here/exit.json"
                {KILL_HOLDER}
            fi"#
        ),
    );
    let words = ["its holder was lost: `", "attempt-1/exit.json` is not its holder's; will go on"];
    test.orch("run trip.yaml").expect(0, &words);
    assert_eq!(test.attempts("a-s0-"), 2);
}

#[test]
fn a_trial_whose_file_is_damaged_begins_from_the_first_step() {
    let test = with_worker(
        &["a", "b"],
        "[0]",
        &format!(
            r#"if [ $ORCH_VARIANT-$ORCH_ATTEMPT = a-1 ]; then
                echo garbage > "$ORCH_TRIAL"
                {KILL_HOLDER}
            fi"#
        ),
    );
    let run = test.orch("run trip.yaml");
    run.expect(0, &["trial.json`: expected", "attempt 2 begins from the first step"]);
    run.expect(0, &["2 of 2 trials done"]);
    assert!(test.trial("a-s0-").unwrap().join("checkpoints-2").is_dir());
}

#[test]
fn damaged_records_of_an_attempt_are_named_and_the_others_are_shown() {
    let test = with_worker(&["a"], "[0]", "");
    test.orch("run trip.yaml").expect(0, &[]);
    let attempt = test.attempt("a-s0-", 1).unwrap();
    let names = ["env.json", "command.json"];
    for name in names {
        fs::write(attempt.path().join(name), "garbage").unwrap();
    }
    fs::write(test.trial("a-s0-").unwrap().join("trial.json"), "garbage").unwrap();
    let shown = test.orch("show a");
    let named = names.map(|name| format!("{name}` is not as `orch` writes it"));
    shown.expect(5, &named.each_ref().map(String::as_str));
    assert!(shown.stdout.contains("exit 0"), "{}", shown.stdout);
    for verb in ["status", "why a", "logs a", "run trip.yaml"] {
        test.orch(verb).expect(5, &names);
    }
    test.orch("run trip.yaml --accept-damage").expect(0, &[]);
    for verb in ["status", "report", "why a", "logs a", "db rebuild", "run trip.yaml"] {
        test.orch(verb).expect(0, &[]);
    }
}
