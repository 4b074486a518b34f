//! Unreasonable and malicious files: each is refused at once, in little memory, by an error with a
//! position, the mistake and advice.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use experiments::expand::Experiment;
use experiments::expand::overrides::Override;

/// Most memory for all files, one after the other in one process.
const MEMORY_KIB: u64 = 512 << 10;

const HEAD: &str = "orch: 1\nworker: {command: [w]}\n";

/// The error of a file with this text, read from disk and expanded.
fn verdict(text: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    fs::write(&path, text).unwrap();
    refusal(&path)
}

/// The error of a file, without the path of its folder.
fn refusal(path: &Path) -> String {
    let made = Experiment::load(path).and_then(|experiment| experiment.expand(None, &[]));
    let error = made.expect_err("unreasonable input").to_string();
    error.replace(&format!("{}/", path.parent().unwrap().display()), "")
}

/// A whole file with this below its first lines.
fn with(rest: &str) -> String {
    let mut text = HEAD.to_owned();
    for (key, line) in
        [("name:", "name: x"), ("variants:", "variants: {a: }"), ("seeds:", "seeds: [0]")]
    {
        if !rest.lines().any(|own| own.starts_with(key)) {
            writeln!(text, "{}", line.replace("{a: }", "{a: {}}")).unwrap();
        }
    }
    text + rest
}

/// A line, or a part of one, for each number below `n`.
fn listed(n: u64, each: impl Fn(u64) -> String) -> String {
    (0..n).fold(String::new(), |text, n| text + &each(n))
}

/// The highest memory use of this process so far.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[test]
fn only_a_regular_file_of_text_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("folder");
    fs::create_dir(&below).unwrap();
    let error = refusal(&below);
    assert_eq!(
        error,
        "folder: it is a folder, not a regular file\n\nhint: name the experiment's YAML file"
    );
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refusal(&pipe).starts_with("pipe: it is a named pipe, not a regular file\n\nhint: "));
    assert!(refusal(Path::new("/dev/zero")).contains("not a regular file"));
    let large = folder.path().join("large");
    File::create(&large).unwrap().set_len(1 << 30).unwrap();
    let error = refusal(&large);
    assert!(
        error.starts_with("large: it is larger than 4 MiB\n\nhint: is it the right"),
        "{error}"
    );
    assert_eq!(refusal(&folder.path().join("none")), "none: there is no such file");
    let error = verdict(b"orch: 1\nname: x\xff\n");
    assert_eq!(error, "x.yaml:2: this is not UTF-8 text\n\nhint: save it as UTF-8");
    let error = verdict("orch: 1\nname: \"x\0\"\n");
    assert!(error.starts_with("x.yaml:2:") && !error.contains('\0'), "{error}");
    assert!(peak_kib() < MEMORY_KIB);
}

#[test]
fn a_few_lines_that_expand_to_billions_of_values_are_refused_at_the_limit() {
    let mut laughs = "config:\n  l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned();
    for n in 1..20 {
        let alias = format!("*l{}", n - 1);
        writeln!(laughs, "  l{n}: &l{n} [{}]", [alias.as_str(); 9].join(", ")).unwrap();
    }
    let error = verdict(with(&laughs));
    assert!(error.starts_with("x.yaml:12:"), "{error}");
    assert!(error.contains("there are more than 100000 values, aliases expanded"), "{error}");
    assert!(error.contains("hint: is it the right file?"), "{error}");

    // Neither many aliases of one long list, nor of one long text, nor by way of merge keys.
    let list =
        format!("config:\n  a: &a [{}]\n  b: [{}]\n", "1, ".repeat(30_000), "*a, ".repeat(30_000));
    assert!(verdict(with(&list)).contains("100000 values"));
    let text =
        format!("config:\n  a: &a {}\n  b: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(30_000));
    assert!(verdict(with(&text)).contains("more than 16 MiB of text"));
    let pairs = listed(9_000, |n| format!("k{n}: 1, "));
    let merges = listed(9_000, |n| format!("  m{n}: {{<<: *a}}\n"));
    let merge = format!("config:\n  a: &a {{{pairs}}}\n{merges}");
    assert!(verdict(with(&merge)).contains("100000 values"));
    // Nor on the command line.
    let value = format!("k=[&a [{}], {}]", "1, ".repeat(2_000), "*a, ".repeat(2_000));
    assert!(Override::parse(&value).unwrap_err().to_string().contains("100000 values"));

    let error = verdict(with("config: &a {b: *a}\n"));
    assert!(
        error.contains("x.yaml:6:16: this alias is inside the value that it refers to"),
        "{error}"
    );
    assert!(peak_kib() < MEMORY_KIB);
}

#[test]
fn deep_nesting_is_refused_however_it_is_written() {
    for deep in [
        format!("config: {{a: {}{}}}\n", "[".repeat(200_000), "]".repeat(200_000)),
        format!("config: {{a: {}1}}\n", "{a: ".repeat(100_000)),
        format!("config:\n  a:\n    {}1\n", "- ".repeat(100_000)),
        (1..100).fold("config:\n  a0: &a0 []\n".to_owned(), |text, n| {
            text + &format!("  a{n}: &a{n} [*a{}]\n", n - 1)
        }),
    ] {
        let error = verdict(with(&deep));
        assert!(error.contains("mappings and lists are nested more than 64 deep"), "{error}");
    }
    let dotted = format!("config: {{{}: 1}}\n", ["a"; 100].join("."));
    assert!(verdict(with(&dotted)).starts_with("x.yaml:6:10: this key is nested too deep"));
    let dotted = format!("{}=1", ["a"; 100].join("."));
    assert!(Override::parse(&dotted).unwrap_err().to_string().contains("too many parts"));
}

#[test]
fn an_unreasonable_number_of_trials_is_refused_before_any_is_made() {
    let seeds = |n: u64| listed(n, |n| format!("{n},"));
    let error = verdict(with(&format!("seeds: [{}]\n", seeds(500_000))));
    assert!(error.starts_with("x.yaml:5:") && error.contains("100000 values"), "{error}");
    let variants = listed(100, |n| format!("  v{n}: {{}}\n"));
    let error = verdict(with(&format!("variants:\n{variants}seeds: [{}]\n", seeds(10_000))));
    assert_eq!(
        error,
        "x.yaml:4:1: these are 1000000 trials, and a run has 100000 at most\n\nhint: let several files \
         share them"
    );
    let axes = listed(40, |n| format!("k{n}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "));
    let error = verdict(with(&format!("grid:\n  product: {{{axes}}}\n")));
    assert!(error.contains("combinations, and a run has 100000 trials at most"), "{error}");
    let long = "x".repeat(1 << 20);
    let axis = listed(1_000, |n| format!("{n}, "));
    let error = verdict(with(&format!("grid: {{product: {{a: [{long}], b: [{axis}]}}}}\n")));
    assert!(error.contains("the settings come to more than 64 MiB"), "{error}");
    let config = format!("config: {{a: {long}}}\nseeds: [{}]\n", seeds(10_000));
    assert!(verdict(with(&config)).contains("the configs of all trials come to more than 64 MiB"));
    assert!(peak_kib() < MEMORY_KIB);
}

#[test]
fn names_stay_in_their_folder() {
    let long = "n".repeat(101);
    for (name, message) in [
        ("\"..\"", "`..` cannot be the name of"),
        ("\"/etc/passwd\"", "`/etc/passwd` cannot be the name of"),
        ("\"a/b\"", "`a/b` cannot be the name of"),
        ("\"a\\0b\"", "`a\\0b` cannot be the name of"),
        ("\"a\\nb\"", "`a\\nb` cannot be the name of"),
        ("\"a\\e[2Jb\"", "`a\\u{1b}[2Jb` cannot be the name of"),
        ("\"\"", "`` cannot be the name of"),
        ("\"-rf\"", "`-rf` cannot be the name of"),
        ("\".hidden\"", "`.hidden` cannot be the name of"),
        ("\"a b\"", "`a b` cannot be the name of"),
        ("ü", "`ü` cannot be the name of"),
        (&long, "has 101 letters"),
    ] {
        for (text, line) in [
            (format!("name: {name}\n"), 5),
            (format!("variants: {{{name}: {{}}}}\n"), 5),
            (format!("profiles: {{{name}: {{}}}}\n"), 6),
            (format!("report: {{table: {{name: {name}, columns: []}}}}\n"), 6),
        ] {
            let error = verdict(with(&text));
            assert!(error.starts_with(&format!("x.yaml:{line}:")), "{error}");
            assert!(
                error.contains(message) && error.contains("hint: names become file names"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_table_cannot_have_the_name_of_another_file_of_the_report() {
    for name in ["claims", "provenance"] {
        let error = verdict(with(&format!("report: {{table: {{name: {name}, columns: []}}}}\n")));
        assert!(error.starts_with("x.yaml:6:"), "{error}");
        assert!(error.contains(&format!("`{name}` cannot be the name of a table")), "{error}");
    }
}

#[test]
fn a_scale_that_would_turn_a_column_around_or_erase_it_is_refused() {
    for scale in ["-1", "0"] {
        let column = format!("{{metric: m, scale: {scale}}}");
        let error =
            verdict(with(&format!("report: {{table: {{name: t, columns: [{column}]}}}}\n")));
        assert!(error.starts_with("x.yaml:6:") && error.contains("must be above 0"), "{error}");
    }
}

#[test]
fn keys_and_numbers_are_what_they_seem() {
    let error = verdict(with("config: {a: 1, b: 2,\n  a: 3}\n"));
    let twice = "x.yaml:7:3: duplicate key `a`, first used in line 6\n\nhint: remove one of them";
    assert_eq!(error, twice);
    let error = verdict(with("config: {a: [0, 1e999]}\n"));
    assert!(
        error.starts_with("x.yaml:6:17: ") && error.contains("this number is too large"),
        "{error}"
    );
    let error = verdict(with("seeds: [99999999999999999999999]\n"));
    assert!(error.starts_with("x.yaml:5:9: "), "{error}");
    let error = verdict(with("seeds: [-1]\n"));
    assert!(error.starts_with("x.yaml:5:9: "), "{error}");
    let error = verdict(with("config: {a: !run x}\n"));
    assert!(error.starts_with("x.yaml:6:13: ") && error.contains("tag `!run`"), "{error}");
    // However long the mistake is, the message is not.
    let long = "x".repeat(3 << 20);
    for text in [
        format!("seeds: {long}\n"),
        format!("{long}: 1\n"),
        format!("variants: {{a: {{label: [{long}]}}}}\n"),
        (0..5_000).fold("variants:\n".to_owned(), |text, n| text + &format!("  'v {n}': {{}}\n")),
    ] {
        let error = verdict(with(&text));
        assert!(error.starts_with("x.yaml:") && error.len() < 5_000, "{} bytes", error.len());
    }
    assert!(peak_kib() < MEMORY_KIB);
}

#[test]
fn a_mark_of_utf_8_at_the_beginning_is_no_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    fs::write(&path, format!("\u{feff}{}", with(""))).unwrap();
    assert_eq!(Experiment::load(&path).unwrap().file.name, "x");
    fs::write(&path, format!("\u{feff}{}", with("sedes: [1]"))).unwrap();
    assert!(refusal(&path).starts_with("x.yaml:6:1: unknown field `sedes`"), "{}", refusal(&path));
}
