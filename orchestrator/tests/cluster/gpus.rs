//! GPUs are allocated by Slurm: each trial sees one, and has it for itself.

use std::collections::BTreeMap;

use super::executor::Executor;
use crate::common::test_run::TestRun;

/// The rows of a table, two seeds each, on two nodes with two GPUs each.
const ROWS: &str = "  a: {label: First}
  b: {label: Second, set: {offset: 1}}
  c: {set: {offset: 2}}
  d: {set: {offset: 3}}
  e: {set: {offset: 4}}
  f: {set: {offset: 5}}
  g: {set: {offset: 6}}
  h: {set: {offset: 7}}
";

#[test]
fn no_two_trials_have_one_gpu_at_once() {
    let test = TestRun::new_on(Executor::exclusive(&[("SLURM_CPUS", "8")]));
    test.edit(&[
        ("  a: {label: First}\n  b: {label: Second, set: {offset: 1}}\n", ROWS),
        ("seeds: [0]", "seeds: [0, 1]\nresources: {gpus: 1, share: 1/2}"),
    ]);
    test.orch("run trip.yaml").expect(0, &["every trial gets whole GPUs", "16 of 16 trials done"]);
    let mut uses = BTreeMap::<(String, String), Vec<(i64, i64)>>::new();
    for variant in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        for seed in [0, 1] {
            let attempt = test.attempt(&format!("{variant}-s{seed}-"), 1).unwrap();
            let environment = attempt.read_env().unwrap().unwrap();
            let exit = attempt.read_exit().unwrap().unwrap();
            let gpu = environment.variables["CUDA_VISIBLE_DEVICES"].clone();
            let times = uses.entry((environment.host.name, gpu)).or_default();
            times.push((exit.started_ms, exit.ended_ms));
        }
    }
    let gpus: Vec<_> = uses.keys().map(|(node, gpu)| format!("{node}:{gpu}")).collect();
    assert_eq!(gpus, ["n1:0", "n1:1", "n2:0", "n2:1"]);
    for (gpu, mut times) in uses {
        times.sort_unstable();
        assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{gpu:?}: {times:?}");
    }
}
