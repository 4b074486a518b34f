//! Acts as another supervisor: requests slots once, prints its lease, and keeps it until standard
//! input closes.

use std::io::{self, Read};
use std::process::ExitCode;

use orchestrator::slots::{ForeignProcesses, Gpu, Inventory, Lease, Request, Slots};

/// `inventory` is `CPUS,GPUS` of a mock machine, and `wanted` the JSON of [`Resources`].
pub(crate) fn run(folder: &str, inventory: &str, wanted: &str) -> ExitCode {
    let (cpus, gpus) = inventory.split_once(',').expect("CPUS,GPUS");
    let gpus = (0..gpus.parse::<u32>().expect("a number"))
        .map(|i| Gpu { uuid: format!("GPU-{i}"), ..Gpu::default() })
        .collect();
    let cpus = cpus.parse().expect("a number");
    let inventory = Inventory { cpus, gpus, ..Inventory::default() };
    let resources = serde_json::from_str(wanted).expect("resources");
    let request = Request { resources, foreign_processes: ForeignProcesses::Avoided };
    let answer = Slots::at(folder).try_lease(&inventory, &request);
    let lease = answer.expect("slots can be read").ok();
    #[expect(clippy::print_stdout, reason = "the test reads the lease")]
    {
        println!("{}", lease.as_ref().map_or("none".to_owned(), Lease::cuda_visible_devices));
    }
    let _ = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
