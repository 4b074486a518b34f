//! The worker's code as part of a result: a stranger's Python project, edited between seeds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::test_run::{Ended, TestRun};
use crate::common::wait::wait_for;

/// Trials of two seeds; the program appends its own result.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [python3, src/train.py, --data, src/data.csv]}
config: {lr: 0.5}
variants: {a: {}}
seeds: [0, 1]
report: {table: {name: t, columns: [{metric: acc}]}}
";

const TRAIN: &str = "\
import json, os
import helper
trial = json.load(open(os.environ['ORCH_TRIAL']))
with open(os.environ['ORCH_EVENTS'], 'a') as events:
    values = {'acc': helper.accuracy(trial['config']['lr'], trial['seed'])}
    events.write(json.dumps({'event': 'result', 'values': values}) + '\\n')
";

const HELPER: &str = "def accuracy(lr, seed):\n    return lr + seed\n";

/// A project with a run of two seeds; in a git repository, committed, if `git`.
fn project(git: bool) -> TestRun {
    let test = TestRun::with_file(FILE);
    write(&test, "src/train.py", TRAIN);
    write(&test, "src/helper.py", HELPER);
    write(&test, "src/data.csv", "1,2\n");
    write(&test, "src/README.md", "A project.\n");
    write(&test, ".gitignore", "runs\nstate\nignored.py\n");
    if git {
        run_git(&test, &["init", "--quiet"]);
        commit(&test);
    }
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    test
}

fn write(test: &TestRun, name: &str, text: &str) {
    fs::create_dir_all(test.path(name).parent().unwrap()).unwrap();
    fs::write(test.path(name), text).unwrap();
}

fn run_git(test: &TestRun, arguments: &[&str]) {
    let author = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let mut command = Command::new("git");
    command.arg("-C").arg(test.path("")).args(author).args(arguments).stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "git {arguments:?}");
}

fn commit(test: &TestRun) {
    run_git(test, &["add", "--all"]);
    run_git(test, &["commit", "--quiet", "--allow-empty", "-m", "state"]);
}

fn append(test: &TestRun, name: &str, text: &str) {
    let before = fs::read_to_string(test.path(name)).unwrap_or_default();
    write(test, name, &(before + text));
}

/// An edit of the project.
type Edit = (&'static str, fn(&TestRun));

/// Edits after which the old results are of another program, and the file that is to be named.
const CHANGES: [Edit; 6] = [
    ("src/train.py", |test| append(test, "src/train.py", "# changed\n")),
    ("src/helper.py", |test| append(test, "src/helper.py", "# changed\n")),
    ("src/data.csv", |test| append(test, "src/data.csv", "3,4\n")),
    ("src/helper.py", |test| {
        append(test, "src/helper.py", "# changed\n");
        write(test, "src/other.py", "x = 1\n");
    }),
    ("src/train.py", |test| {
        append(test, "src/train.py", "import untracked\n");
        write(test, "src/untracked.py", "");
    }),
    ("src/train.py", |test| {
        append(test, "src/train.py", "# one\n");
        append(test, "src/helper.py", "# two\n");
    }),
];

/// Edits that change no program.
const NO_CHANGES: [Edit; 7] = [
    ("README", |test| append(test, "src/README.md", "More.\n")),
    ("an ignored file", |test| write(test, "src/ignored.py", "x = 1\n")),
    ("a script beside the program", |test| write(test, "src/plot.py", "x = 1\n")),
    ("what trainings write", |test| write(test, "src/wandb/run/files/config.yaml", "x: 1\n")),
    ("the time of a file", |test| write(test, "src/train.py", TRAIN)),
    ("the flags of the interpreter", |test| test.edit(&[("[python3,", "[python3, -u, -B,")])),
    ("the report", |test| test.edit(&[("metric: acc", "metric: acc, label: Accuracy")])),
];

/// Runs a third seed after an edit and reports; nothing is run again.
fn third_seed(test: &TestRun) -> Ended {
    test.edit(&[("seeds: [0, 1]", "seeds: [0, 1, 2]")]);
    test.orch("run trip.yaml").expect(0, &["2 done, 1 new", "3 of 3 trials done"]);
    let attempts = ["a-s0-", "a-s1-", "a-s2-"].map(|trial| test.attempts(trial));
    assert_eq!(attempts, [1, 1, 1]);
    test.orch("report")
}

#[test]
fn every_change_of_the_code_between_seeds_is_named_and_run_again_on_request() {
    for (git, committed) in [(true, true), (true, false), (false, false)] {
        for (file, edit) in CHANGES {
            let test = project(git);
            edit(&test);
            if committed {
                commit(&test);
            }
            let planned = test.orch("run trip.yaml -n");
            assert!(planned.stderr.contains("were made before "), "{}", planned.stderr);
            assert!(planned.stderr.contains(file), "{}", planned.stderr);
            let refused = third_seed(&test);
            refused.expect(3, &["different code made the results, as ", file, "a-s0-", "a-s2-"]);
            assert_eq!(refused.stderr.contains("by commit"), git, "{}", refused.stderr);
            let changed = git && !committed;
            assert_eq!(refused.stderr.contains(" with changes"), changed, "{}", refused.stderr);
            test.orch("report --accept-code-change").expect(0, &[]);
            let table = fs::read_to_string(test.run_dir().join("report/t.md")).unwrap();
            assert!(table.contains("Different code made the results"), "{table}");
            test.orch("run trip.yaml --rerun-stale").expect(0, &["1 done, 2 to run again"]);
            test.orch("report").expect(0, &[]);
            assert_eq!(test.attempts("a-s2-"), 1);
        }
    }
}

#[test]
fn an_edit_that_changes_no_program_is_no_change() {
    for git in [true, false] {
        for (edit, make) in NO_CHANGES {
            let test = project(git);
            make(&test);
            let reported = third_seed(&test);
            assert_eq!(reported.code, 0, "{edit}: {}", reported.stderr);
            let planned = test.orch("run trip.yaml -n --rerun-stale");
            planned.expect(0, &["3 done"]);
            assert!(!planned.stderr.contains("changed"), "{edit}: {}", planned.stderr);
        }
    }
}

#[test]
fn another_interpreter_is_named_and_makes_nothing_stale() {
    let test = project(true);
    let found = Command::new("sh").args(["-c", "command -v python3"]).output().unwrap();
    let python = String::from_utf8(found.stdout).unwrap();
    fs::create_dir(test.path("bin")).unwrap();
    std::os::unix::fs::symlink(python.trim(), test.path("bin/python3")).unwrap();
    test.edit(&[("[python3,", "[./bin/python3,")]);
    let planned = test.orch("run trip.yaml -n");
    planned.expect(0, &["2 done", "ran under `", "which is another one now"]);
    third_seed(&test).expect(0, &[]);
    let table = fs::read_to_string(test.run_dir().join("report/t.md")).unwrap();
    assert!(table.contains("Trials were run by different interpreters: "), "{table}");
}

#[test]
fn the_change_that_retires_trials_is_named() {
    let test = project(false);
    test.edit(&[("lr: 0.5", "lr: 0.25")]);
    test.orch("run trip.yaml -n").expect(0, &["2 new; 2 retired", "`lr` was 0.5 and is 0.25"]);
    test.edit(&[("lr: 0.25", "lr: 0.5"), ("--data", "--table")]);
    test.orch("run trip.yaml -n").expect(0, &["`--data` in `worker.command` is `--table` now"]);
}

#[test]
fn without_code_the_report_says_so() {
    let test = project(false);
    test.edit(&[("data.csv]", "data.csv], code: []"), ("seeds: [0, 1]", "seeds: [5]")]);
    append(&test, "src/helper.py", "# changed\n");
    test.orch("run trip.yaml").expect(0, &["1 of 1 trials done"]);
    test.orch("report").expect(0, &[]);
    let table = fs::read_to_string(test.run_dir().join("report/t.md")).unwrap();
    assert!(table.contains("The worker's code was not recorded."), "{table}");
}

#[test]
fn the_listed_code_is_what_counts() {
    let test = project(false);
    test.edit(&[("data.csv]", "data.csv], code: [src/train.py, nowhere.py]")]);
    test.orch("run trip.yaml").expect(2, &["`worker.code` names `nowhere.py`, which is not there"]);
    test.edit(&[(", nowhere.py]", "]")]);
    append(&test, "src/helper.py", "# changed\n");
    third_seed(&test).expect(0, &[]);
    append(&test, "src/train.py", "# changed\n");
    test.orch("run trip.yaml -n").expect(0, &["were made before src/train.py changed"]);
}

#[test]
fn the_program_of_the_command_counts_though_it_is_not_listed() {
    let test = project(false);
    test.edit(&[("data.csv]", "data.csv], code: [src/helper.py]")]);
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
    append(&test, "src/data.csv", "3,4\n");
    test.orch("run trip.yaml -n").expect(0, &["2 trials: 2 done"]);
    append(&test, "src/train.py", "# changed\n");
    test.orch("run trip.yaml -n").expect(0, &["were made before src/train.py changed"]);
}

#[test]
fn modules_that_links_lead_to_count() {
    for git in [true, false] {
        let test = project(git);
        write(&test, "elsewhere/one.py", "a = 1\n");
        write(&test, "elsewhere/package/two.py", "b = 2\n");
        write(&test, "elsewhere/package/deep/three.py", "c = 3\n");
        write(&test, "elsewhere/data/1.csv", "1\n");
        let link = |to: &str, name: &str| symlink(to, test.path("src").join(name)).unwrap();
        link("../elsewhere/one.py", "one.py");
        link("../elsewhere/package", "package");
        link("../elsewhere/data", "data");
        // Neither leads anywhere new.
        link("../src", "itself");
        symlink("..", test.path("elsewhere/package/deep/back")).unwrap();
        let links = "from package.deep import three\nfrom package import two\nimport one\n";
        write(&test, "src/helper.py", &(links.to_owned() + HELPER));
        if git {
            commit(&test);
        }
        test.orch("run trip.yaml --rerun-stale")
            .expect(0, &["2 to run again", "2 of 2 trials done"]);
        append(&test, "elsewhere/data/1.csv", "2\n");
        test.orch("run trip.yaml -n").expect(0, &["2 trials: 2 done"]);
        for (file, named) in [
            ("one.py", "src/one.py"),
            ("package/two.py", "src/package/two.py"),
            ("package/deep/three.py", "src/package/deep/three.py"),
        ] {
            let before = fs::read_to_string(test.path("elsewhere").join(file)).unwrap();
            append(&test, &format!("elsewhere/{file}"), "# changed\n");
            test.orch("run trip.yaml -n").expect(0, &["were made before ", named]);
            write(&test, &format!("elsewhere/{file}"), &before);
        }
        test.edit(&[("data.csv]", "data.csv], snapshot: true"), ("[0, 1]", "[0, 1, 2]")]);
        test.orch("run trip.yaml").expect(0, &["1 new", "3 of 3 trials done"]);
        append(&test, "elsewhere/package/two.py", "# changed\n");
        let copied = fs::read_to_string(copy_of(&test, "src/package/two.py")).unwrap();
        assert_eq!(copied, "b = 2\n");
    }
}

#[test]
fn the_commit_the_files_and_their_difference_are_kept_with_each_attempt() {
    let test = project(true);
    append(&test, "src/helper.py", "# a change\n");
    write(&test, "src/fresh.py", "fresh = True\n");
    test.edit(&[("seeds: [0, 1]", "seeds: [2]")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let attempt = test.attempt("a-s2-", 1).unwrap();
    let diff = fs::read_to_string(attempt.path().join("code.diff")).unwrap();
    assert!(diff.contains("+# a change") && diff.contains("+fresh = True"), "{diff}");
    // `git apply` makes of the commit what ran.
    let clone = test.path("clone");
    run_git(&test, &["clone", "--quiet", ".", clone.to_str().unwrap()]);
    let patch = attempt.path().join("code.diff");
    run_git(&test, &["-C", "clone", "apply", patch.to_str().unwrap()]);
    for file in ["src/helper.py", "src/fresh.py", "src/train.py"] {
        assert_eq!(
            fs::read(clone.join(file)).unwrap(),
            fs::read(test.path(file)).unwrap(),
            "{file}"
        );
    }
    let shown = test.orch("show a-s2-").stdout;
    assert!(shown.contains("with changes (code.diff)"), "{shown}");
    let compared = test.orch("diff seed=2 seed=0,state=retired");
    for part in ["code, where it differs", "src/helper.py", "src/fresh.py"] {
        assert!(compared.stdout.contains(part), "no `{part}` in {}", compared.stdout);
    }
}

#[test]
fn modules_that_the_program_did_not_import_do_not_count() {
    let test = project(false);
    let report = "
import sys, hashlib
files = {m.__file__: hashlib.sha256(open(m.__file__, 'rb').read()).hexdigest()
         for m in list(sys.modules.values()) if getattr(m, '__file__', None) and '/src/' in m.__file__}
with open(os.environ['ORCH_EVENTS'], 'a') as events:
    events.write(json.dumps({'event': 'imports', 'files': files}) + '\\n')
";
    write(&test, "src/analysis.py", "x = 1\n");
    append(&test, "src/train.py", report);
    test.orch("run trip.yaml --rerun-stale").expect(0, &["2 of 2 trials done"]);
    append(&test, "src/analysis.py", "x = 2\n");
    test.edit(&[("seeds: [0, 1]", "seeds: [0, 1, 2]")]);
    test.orch("run trip.yaml").expect(0, &["2 done, 1 new", "3 of 3 trials done"]);
    test.orch("report").expect(0, &[]);
    append(&test, "src/helper.py", "# changed\n");
    test.orch("run trip.yaml -n").expect(0, &["were made before src/helper.py changed"]);
}

/// Waits in its first trial until it may go on, and answers with the code and data that it reads then.
const WAITING: &str = "\
import json, os, pathlib, time
folder = pathlib.Path(os.environ['GATE'])
(folder / 'started').touch()
while not (folder / 'gate').exists():
    time.sleep(0.01)
import helper
value = helper.accuracy(0, 1) + float(open('src/ignored.txt').read())
with open(os.environ['ORCH_EVENTS'], 'a') as events:
    events.write(json.dumps({'event': 'result', 'values': {'acc': value}}) + '\\n')
";

#[test]
fn a_snapshot_is_not_reached_by_edits() {
    let test = TestRun::with_file(&FILE.replace("data.csv]", "data.csv], snapshot: true"));
    write(&test, "src/train.py", WAITING);
    write(&test, "src/helper.py", HELPER);
    write(&test, "src/data.csv", "");
    write(&test, "src/ignored.txt", "10");
    write(&test, ".gitignore", "runs\nstate\n*.txt\ngate\nstarted\n");
    run_git(&test, &["init", "--quiet"]);
    commit(&test);
    let folder = test.path("").to_str().unwrap().to_owned();
    let run = test.start_with("run trip.yaml -j 1", &[("GATE", &folder)]);
    wait_for("the first trial", || test.path("started").exists().then_some(()));
    write(&test, "src/helper.py", "def accuracy(lr, seed):\n    return 1000\n");
    fs::remove_file(test.path("src/train.py")).unwrap();
    write(&test, "gate", "");
    run.end().expect(0, &["2 of 2 trials done"]);
    // The helper as it was, and the ignored data, which the copy links to.
    let results = test.recorded().results;
    assert_eq!((results["a-s0"]["acc"], results["a-s1"]["acc"]), (11.0, 11.0));
    test.orch("report").expect(0, &[]);
    let copies = fs::read_dir(test.run_dir().join("code")).unwrap().count();
    assert_eq!(copies, 2, "one copy and the folder of files");
    let read_only = copy_of(&test, "src/helper.py").metadata().unwrap().permissions().readonly();
    assert!(read_only);
}

fn copy_of(test: &TestRun, file: &str) -> std::path::PathBuf {
    let copies =
        fs::read_dir(test.run_dir().join("code")).unwrap().map(|entry| entry.unwrap().path());
    copies.map(|copy| copy.join(file)).find(|path| Path::new(path).is_file()).unwrap()
}

#[test]
fn a_build_that_only_workers_report_can_be_run_again() {
    let say = "echo '{\"event\":\"hello\",\"protocol\":1,\"program\":\"x\",\"build\":\"BUILD\"}' \
               >> $ORCH_EVENTS; echo '{\"event\":\"result\",\"values\":{\"acc\":1}}' >> $ORCH_EVENTS\n";
    let test = TestRun::with_file(
        &FILE.replace("[python3, src/train.py, --data, src/data.csv]", "[sh, say.sh], code: []"),
    );
    write(&test, "say.sh", &say.replace("BUILD", "one"));
    test.orch("run trip.yaml").expect(0, &[]);
    write(&test, "say.sh", &say.replace("BUILD", "two"));
    third_seed(&test).expect(3, &["different builds of the worker", "`one`", "`two`"]);
    let again = test.orch("run trip.yaml --rerun-stale");
    again.expect(0, &["1 done, 2 to run again from the beginning"]);
    test.orch("report").expect(0, &[]);
}
