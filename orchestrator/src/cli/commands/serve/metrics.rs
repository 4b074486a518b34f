//! `/metrics`, for Prometheus: trials by state, slots, and what is not ingested yet. There are no labels of
//! single trials, which would be new time series without end.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::problem::Problem;
use super::server::Server;
use super::views::machine::Machine;
use super::views::run::{RunView, STATES};
use crate::run_dir::provenance::VERSION;

/// The format's name, as its specification has it.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Numbers by labels.
type Gauges = Family<Vec<(&'static str, String)>, Gauge<f64, AtomicU64>>;

/// Answers with all metrics as they are now.
pub(super) async fn metrics(State(server): State<Arc<Server>>) -> Result<Response, Problem> {
    let (runs, machine) = (server.all_runs().await?, server.machine().await?);
    let views: Vec<_> =
        runs.iter().filter_map(|(_, view)| Some(&view.as_ref().ok()?.value)).collect();
    let unreadable = runs.len() - views.len();
    let mut text = String::new();
    encode(&mut text, &registry(&views, unreadable, &machine.value))
        .map_err(|_| Problem::Internal)?;
    Ok(([(CONTENT_TYPE, FORMAT)], text).into_response())
}

fn registry(runs: &[&RunView], unreadable: usize, machine: &Machine) -> Registry {
    let mut registry = Registry::with_prefix("orch");
    registry.register("build", "Version of orch", Info::new(vec![("version", VERSION)]));
    let mut gauges = |name: &str, help: &str| {
        let family = Gauges::default();
        registry.register(name, help, family.clone());
        move |labels: &[(&'static str, &str)], value: f64| {
            let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            family.get_or_create(&labels).set(value);
        }
    };
    let trials = gauges("trials", "Trials that the experiment file names, by state");
    let supervised = gauges("run_supervised", "1 while a supervisor is running the run");
    let damaged =
        gauges("run_damaged_records", "Records that are not as they were when they were complete");
    let changed = gauges("run_changed_timestamp_seconds", "Time of the last decision");
    let lag = gauges("ingest_lag_bytes", "Bytes of journal and events that the database lacks");
    for run in runs {
        let name = run.dir.name();
        for state in STATES {
            trials(&[("run", &name), ("state", state)], run.count(state) as f64);
        }
        let of_run = [("run", name.as_str())];
        supervised(&of_run, f64::from(u8::from(run.supervisor.is_some())));
        damaged(&of_run, run.damage.len() as f64);
        changed(&of_run, run.changed_ms.unwrap_or(0) as f64 / 1000.0);
        lag(&of_run, run.ingest_lag as f64);
    }
    gauges("runs_unreadable", "Runs whose records cannot be read")(&[], unreadable as f64);
    let slots = gauges("slots", "CPU cores and GPUs of this machine");
    let held =
        gauges("slots_held", "Those that attempts of this user hold; a GPU may be held in parts");
    slots(&[("kind", "cpu")], f64::from(machine.cores));
    held(&[("kind", "cpu")], machine.of_cores.iter().map(|(_, cores)| *cores as f64).sum());
    slots(&[("kind", "gpu")], machine.gpus.len() as f64);
    let shares = machine.gpus.iter().flat_map(|gpu| &gpu.holders).map(|(_, share)| share);
    held(&[("kind", "gpu")], shares.sum());
    registry
}
