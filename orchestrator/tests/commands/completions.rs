//! Completions with live names, asked for as each shell does, and manual pages.

use std::fs;
use std::process::Command;

use super::documentation::verbs;
use crate::common::test_run::{Ended, TestRun};

/// The candidates for the last of `words`, as `orch` answers the script of `shell`.
fn candidates(test: &TestRun, shell: &str, words: &str) -> Vec<String> {
    let words: Vec<_> = words.split(' ').collect();
    let mut command = test.command("");
    command
        .env("ORCH_COMPLETE", shell)
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_IFS", "\n")
        .arg("--")
        .args(&words);
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // Zsh and fish also show descriptions.
    ended.stdout.lines().map(|line| line.split(['\t', ':']).next().unwrap().to_owned()).collect()
}

#[test]
fn runs_trials_variants_and_profiles_are_completed_in_every_shell() {
    let test = TestRun::with(&[("seeds: [0]", "seeds: [0, 3]\nprofiles: {demo: {}, paper: {}}")]);
    test.orch("run trip.yaml --only a -q").expect(0, &[]);
    for shell in ["bash", "zsh", "fish"] {
        let of = |words: &str| candidates(&test, shell, words);
        assert_eq!(of("orch report tr"), ["trip.demo", "trip.yaml"], "{shell}");
        assert_eq!(of("orch status tri"), ["trip.demo"], "{shell}");
        assert_eq!(of("orch run trip.yaml -p p"), ["paper"], "{shell}");
        assert_eq!(of("orch run trip.yaml --only b"), ["b"], "{shell}");
        assert!(of("orch run t").contains(&"trip.yaml".to_owned()), "{shell}");
        let ids = of("orch show a-s");
        assert_eq!(ids.len(), 2, "{shell}: {ids:?}");
        assert!(ids[0].starts_with("a-s0-") && ids[1].starts_with("a-s3-"), "{shell}: {ids:?}");
        assert_eq!(of("orch stop seed="), ["seed=0", "seed=3"], "{shell}");
        assert_eq!(of("orch why variant=a,state=f"), ["variant=a,state=failed"], "{shell}");
        assert_eq!(of("orch valid"), ["validate"], "{shell}");
        // Nothing that is wrong is shown in the middle of a command line.
        assert_eq!(of("orch status --runs nowhere t"), [""; 0], "{shell}");
    }
}

#[test]
fn the_script_of_each_shell_is_one_that_it_reads() {
    let test = TestRun::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = test.orch(&format!("completions {shell}"));
        assert_eq!(script.code, 0, "{}", script.stderr);
        assert!(script.stdout.contains("ORCH_COMPLETE") && script.stdout.contains("orch"));
        fs::write(test.path("script"), script.stdout).unwrap();
        match Command::new(shell).arg("-n").arg(test.path("script")).status() {
            Ok(status) => assert!(status.success(), "{shell}"),
            // Not installed; bash always is.
            Err(error) => assert!(shell != "bash", "{error}"),
        }
    }
}

#[test]
fn bash_completes_conditions_although_it_ends_words_at_an_equals_sign() {
    let test = TestRun::with(&[("seeds: [0]", "seeds: [0, 3]")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let folder = env!("CARGO_BIN_EXE_orch").rsplit_once('/').unwrap().0;
    // Bash has completions without a terminal. The words are those that it makes of the line.
    let answer = |words: &str| {
        let typed = format!(
            "PATH={folder}:$PATH; source <(orch completions bash); \
             COMP_WORDS=({words}) COMP_TYPE=9; COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             function=$(complete -p orch | sed 's/.*-F //; s/ .*//'); \
             $function orch \"${{COMP_WORDS[-1]#=}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let answer = Command::new("bash").args(["-c", &typed]).current_dir(test.path("")).output();
        Ended::of(answer.unwrap()).stdout.trim_end().to_owned()
    };
    assert_eq!(answer("orch validate tr"), "trip.yaml");
    assert_eq!(answer("orch stop seed ="), "0 3");
    assert_eq!(answer("orch stop variant = b"), "b");
    assert_eq!(answer("orch why variant = a,state = f"), "failed");
    assert_eq!(answer("orch show vari"), "variant=a variant=b");
}

#[test]
fn every_command_has_a_manual_page() {
    let test = TestRun::new();
    test.orch("man pages").expect(0, &[]);
    let verbs = verbs(&test);
    assert!(verbs.len() > 20, "{verbs:?}");
    for verb in verbs {
        let page = fs::read_to_string(test.path(format!("pages/orch-{verb}.1"))).unwrap();
        assert!(page.contains(".TH"), "{verb}");
    }
}
