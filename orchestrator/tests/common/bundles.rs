//! A run whose worker reports checkpoints, images and logs, its bundles, and forgeries of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::test_run::TestRun;

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [sh, worker.sh], env: {MODE: fast}}
retry: {backoff: 1ms}
config: {n: 0}
variants: {a: {}, b: {set: {n: 1}}}
seeds: [0, 1]
report:
  table: {name: table, columns: [{metric: psnr, decimals: 3, better: higher}]}
  figures: [{curve: {name: loss, metric: loss}}, {images: {name: sheet, artifact: sample}}]
  claims: [{claim: a is better than b., compare: a.psnr > b.psnr}]
";

/// A picture of one pixel, in base64.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Two points, two checkpoints, two artifacts and a result; the first attempt of one trial fails.
const WORKER: &str = r#"
say() { echo "$1" >> "$ORCH_EVENTS"; }
echo "a line of output"
for step in 1 2; do
    say '{"event":"metrics","step":'$step',"values":{"loss":0.'$step$ORCH_SEED'},"time":1767225600.5}'
    echo "state $step of $ORCH_VARIANT" > "$ORCH_CHECKPOINTS/step-$step"
    say '{"event":"checkpoint","step":'$step',"path":"checkpoints/step-'$step'"}'
done
[ "$ORCH_VARIANT$ORCH_SEED$ORCH_ATTEMPT" != b01 ] || exit 1
echo PICTURE | base64 -d > "$ORCH_ARTIFACTS/sample.png"
say '{"event":"artifact","kind":"image","name":"sample","step":2,"path":"artifacts/sample.png"}'
echo more > "$ORCH_ARTIFACTS/more.txt"
say '{"event":"artifact","kind":"text","name":"more","step":2,"path":"artifacts/more.txt"}'
say '{"event":"result","values":{"psnr":2'$ORCH_SEED'.'${#ORCH_VARIANT}'25}}'
"#;

impl TestRun {
    /// A run that has ended, of which bundles can be made.
    pub(crate) fn to_bundle() -> Self {
        let test = Self::with_file(FILE);
        fs::write(test.path("worker.sh"), WORKER.replace("PICTURE", PICTURE)).unwrap();
        test.orch("run trip.yaml").expect(0, &["4 of 4 trials done"]);
        test
    }

    /// A bundle as a folder, with everything.
    pub(crate) fn bundle_folder(&self, name: &str) -> PathBuf {
        self.orch(&format!("bundle -o {name} --logs --checkpoints --artifacts")).expect(0, &[]);
        self.path(name)
    }
}

/// The files of a bundle that is a folder, by their names.
pub(crate) fn files_of(bundle: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![bundle.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(bundle).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Copies a bundle that is a folder; what was at `to` is removed.
pub(crate) fn copy(bundle: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    for (name, content) in files_of(bundle) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Writes the manifest of a bundle that is a folder anew, as a forger does.
pub(crate) fn renew_manifest(bundle: &Path) {
    let mut files = files_of(bundle);
    for name in ["manifest.sha256", "manifest.sha256.minisig"] {
        files.remove(name);
    }
    let mut manifest = String::new();
    for (name, content) in files {
        writeln!(manifest, "{}  {name}", sha256(&content)).unwrap();
    }
    fs::write(bundle.join("manifest.sha256"), manifest).unwrap();
}

/// SHA-256 in hexadecimal.
fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
