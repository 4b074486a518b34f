//! Bundles that are damaged or forged in every way of which `docs/bundle.md` says that it is found: `orch
//! verify` finds each one and names the file.
//!
//! `MUTATIONS` is the number of mutations, and `SEED` the seed of the random choices.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::survival::number;
use crate::common::bundles::{copy, files_of, renew_manifest};
use crate::common::test_run::TestRun;

/// The number of mutations without `MUTATIONS`: some seconds' worth.
const DEFAULT_MUTATIONS: u64 = 36;

/// A way to change a bundle. All but the first two come with a new manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Forgery {
    FlippedBit,
    SwappedCheckpoints,
    EditedEvent,
    AddedPoint,
    RemovedTrial,
    EditedRecord,
    EditedJournal,
    EditedReport,
    RemovedFile,
}

const FORGERIES: [Forgery; 9] = [
    Forgery::FlippedBit,
    Forgery::SwappedCheckpoints,
    Forgery::EditedEvent,
    Forgery::AddedPoint,
    Forgery::RemovedTrial,
    Forgery::EditedRecord,
    Forgery::EditedJournal,
    Forgery::EditedReport,
    Forgery::RemovedFile,
];

/// Records that an attempt's seals cover, or that the journal does.
const SEALED: [&str; 5] = ["exit.json", "command.json", "env.json", "trial.json", "sample.png"];

impl Forgery {
    /// Changes the bundle in the folder `bundle`; a word of the page that names it.
    fn apply(self, bundle: &Path, random: &mut Rng) -> String {
        let names: Vec<_> = files_of(bundle).into_keys().collect();
        let named = match self {
            Self::FlippedBit => unreachable!("it is in the archive"),
            Self::SwappedCheckpoints => {
                let content = |name: &str| fs::read(bundle.join(name)).unwrap();
                let one = choose(&names, random, |name| name.contains("/checkpoints/"));
                // Two of the same content are no forgery.
                let other = choose(&names, random, |name| {
                    name.contains("/checkpoints/") && content(name) != content(&one)
                });
                let [a, b] = [&one, &other].map(|name| content(name));
                fs::write(bundle.join(&one), b).unwrap();
                fs::write(bundle.join(&other), a).unwrap();
                one
            }
            Self::AddedPoint => {
                let name = choose(&names, random, |name| name.ends_with("events.jsonl"));
                let text = fs::read_to_string(bundle.join(&name)).unwrap();
                let step = random.u32(1..9);
                let point = format!(
                    "{{\"event\":\"metrics\",\"step\":{step},\"values\":{{\"loss\":0}}}}\n"
                );
                fs::write(bundle.join(&name), text + &point).unwrap();
                name
            }
            Self::RemovedTrial => {
                let name = choose(&names, random, |name| name.ends_with("trial.json"));
                let trial = name.strip_suffix("/trial.json").unwrap().to_owned();
                fs::remove_dir_all(bundle.join(&trial)).unwrap();
                trial
            }
            Self::RemovedFile => {
                let name = choose(&names, random, |name| {
                    SEALED.iter().any(|end| name.ends_with(end)) || name.starts_with("report/")
                });
                fs::remove_file(bundle.join(&name)).unwrap();
                name
            }
            Self::EditedEvent => edited(
                bundle,
                choose(&names, random, |name| name.ends_with("events.jsonl")),
                random,
            ),
            Self::EditedRecord => {
                let sealed = |name: &str| SEALED.iter().any(|end| name.ends_with(end));
                edited(bundle, choose(&names, random, sealed), random)
            }
            Self::EditedJournal => edited(bundle, "journal.jsonl".to_owned(), random),
            Self::EditedReport => {
                let name = choose(&names, random, |name| name.starts_with("report/"));
                edited(bundle, name, random)
            }
        };
        if self != Self::SwappedCheckpoints {
            renew_manifest(bundle);
        }
        named
    }
}

fn choose(names: &[String], random: &mut Rng, is: impl Fn(&str) -> bool) -> String {
    let fitting: Vec<_> = names.iter().filter(|name| is(name)).collect();
    random.choice(fitting).unwrap().clone()
}

/// Changes one digit of a file, or one bit where it has none.
fn edited(bundle: &Path, name: String, random: &mut Rng) -> String {
    let path = bundle.join(&name);
    let mut content = fs::read(&path).unwrap();
    let digits: Vec<_> = (0..content.len()).filter(|at| content[*at].is_ascii_digit()).collect();
    let at = random.choice(digits).unwrap_or(content.len() / 2);
    content[at] = if content[at] == b'9' { b'1' } else { content[at] ^ 1 };
    fs::write(path, content).unwrap();
    name
}

/// Runs `orch verify`: its exit code, and all that it prints.
fn verify(test: &TestRun, bundle: &Path) -> (i32, String) {
    let ended = test.orch(&format!("verify {}", bundle.display()));
    (ended.code, ended.stdout + &ended.stderr)
}

/// The archive with one bit flipped.
fn with_flipped_bit(test: &TestRun, archive: &[u8], random: &mut Rng) -> (PathBuf, usize) {
    let mut bytes = archive.to_vec();
    let at = random.usize(..bytes.len());
    bytes[at] ^= 1 << random.u8(..8);
    let path = test.path("flipped.zip");
    fs::write(&path, bytes).unwrap();
    (path, at)
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn every_forgery_is_found_and_named() {
    let mutations = number("MUTATIONS").unwrap_or(DEFAULT_MUTATIONS);
    let mut random = Rng::with_seed(number("SEED").unwrap_or(1));
    let test = TestRun::to_bundle();
    test.bundle_folder("bundle");
    test.orch("bundle -o whole.zip --checkpoints").expect(0, &[]);
    let archive = fs::read(test.path("whole.zip")).unwrap();
    for bundle in ["bundle", "whole.zip"] {
        assert_eq!(verify(&test, &test.path(bundle)).0, 0, "{bundle}");
    }
    let mut counts = BTreeMap::<_, u64>::new();
    for number in 0..mutations {
        // Bits of an archive are the most, and each is of another kind.
        let forgery = FORGERIES[number as usize % FORGERIES.len()];
        let (forged, named) = if forgery == Forgery::FlippedBit {
            let (forged, at) = with_flipped_bit(&test, &archive, &mut random);
            (forged, (format!("bit of byte {at}"), String::new()))
        } else {
            copy(&test.path("bundle"), &test.path("forged"));
            let named = forgery.apply(&test.path("forged"), &mut random);
            (test.path("forged"), (named.clone(), named))
        };
        let (code, page) = verify(&test, &forged);
        let (what, named) = named;
        assert!([3, 5].contains(&code), "{forgery:?} of {what}: exit code {code}\n{page}");
        assert!(page.contains(&named), "{forgery:?} of {what} is not named:\n{page}");
        // Only work that counts for nothing is not a contradiction.
        assert!(code == 5 || page.contains("its attempt counts for no number"), "{what}:\n{page}");
        *counts.entry((forgery, code)).or_default() += 1;
    }
    println!("{mutations} forgeries of a bundle by kind and exit code: {counts:?}");
}
