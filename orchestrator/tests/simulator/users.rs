//! The actions of users: run the file, edit it, stop and retry trials, type Ctrl-C.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use experiments::expand::{self, ResolvedTrial};
use experiments::protocol::trial_id::TrialId;
use experiments::schema::resources::Share;
use orchestrator::run_dir::attempt::StopMode;
use orchestrator::run_dir::requests::Request;
use orchestrator::scheduler::{Input, Policy, RecoveredTrial, Scheduler};
use orchestrator::store::journal_file::{Entry, JournaledTrial, Planned};
use orchestrator::supervisor::plan::{Plan, PlannedAction, PlannedTrial};
use orchestrator::supervisor::recovered;
use orchestrator::supervisor::stale::PresentCode;

use crate::checks::Watch;
use crate::simulation::Simulation;
use crate::supervisor::{Dead, Supervisor};

/// The arguments of `orch run`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) only: Vec<String>,
    pub(crate) jobs: Option<usize>,
    pub(crate) max_fails: Option<u32>,
    pub(crate) keep_going: bool,
}

impl Simulation {
    /// A random action.
    pub(crate) fn user_action(&mut self) {
        match self.world.random.u8(0..10) {
            0..5 => self.run_or_interrupt(),
            5..8 => {
                let trials = self.some_trials();
                let mode = self.any_stop_mode();
                self.ask(Request::Stop { trials: trials.clone(), mode }, trials);
            }
            8 => {
                let mode = self.any_stop_mode();
                let trials = self.disk.states().filter(|(_, s)| s.active_attempt().is_some());
                let trials = trials.map(|(id, _)| id.clone()).collect();
                self.ask(Request::StopAll { mode }, trials);
            }
            _ => {
                let trials = self.some_trials();
                self.ask(Request::Retry { trials }, Vec::new());
            }
        }
    }

    pub(crate) fn run_or_interrupt(&mut self) {
        if let Some(mut supervisor) = self.supervisor.take() {
            // A second supervisor ends immediately.
            if self.world.random.u8(0..4) > 0 {
                self.supervisor = Some(supervisor);
                return;
            }
            self.world.count("Ctrl-C");
            let mode = supervisor.stop_mode_of_interrupt();
            match self.interrupt(&mut supervisor, mode) {
                Ok(()) => self.supervisor = Some(supervisor),
                Err(Dead) => self.died(),
            }
            return;
        }
        if self.world.random.u8(0..4) == 0 {
            self.world.count("the file is edited");
            let random = &mut self.world.random;
            self.file = self.trials.iter().filter(|_| random.u8(0..5) > 0).cloned().collect();
        }
        let random = &mut self.world.random;
        let mut call = Call {
            only: Vec::new(),
            jobs: random.bool().then(|| random.usize(1..4)),
            max_fails: (random.u8(0..4) == 0).then(|| random.u32(1..3)),
            keep_going: random.bool(),
        };
        if random.u8(0..4) == 0 {
            let some = self.file.iter().filter(|_| random.bool());
            call.only = some.map(|trial| variant(trial).to_owned()).collect();
        }
        self.run_file(&call);
    }

    /// `orch run`.
    pub(crate) fn run_file(&mut self, call: &Call) {
        self.world.count("`orch run` is called");
        match self.start_supervisor(call) {
            Ok(supervisor) => self.supervisor = Some(supervisor),
            Err(Dead) => self.died(),
        }
    }

    /// Plans, records the plan, and continues from the records.
    fn start_supervisor(&mut self, call: &Call) -> Result<Supervisor, Dead> {
        let rows = self.disk.rows();
        let plan = Plan::new(self.resolved(), &rows, &call.only, &PresentCode::default());
        let left_out: BTreeSet<_> = plan
            .trials
            .iter()
            .filter(|planned| planned.action == PlannedAction::LeftOut)
            .map(|planned| planned.trial.id.clone())
            .collect();
        let to_run = plan.to_run().count();
        let mut watch = Watch::new(call, left_out.clone(), to_run);
        watch.requested = plan.to_run().map(|planned| planned.trial.id.clone()).collect();
        self.decide(&mut watch, Entry::Planned(planned(&plan)))?;
        for decision in plan.decisions(&rows).unwrap() {
            self.decide(&mut watch, decision)?;
        }
        watch.requested.clear();
        let mut supervisor = self.supervisor(call, &left_out, watch);
        // A new run discards earlier requests.
        while !self.disk.requests.is_empty() {
            self.may_die()?;
            self.disk.requests.remove(0);
        }
        self.handle(&mut supervisor, Input::SupervisorStarted)?;
        Ok(supervisor)
    }

    /// A supervisor with the state of the records.
    fn supervisor(&self, call: &Call, left_out: &BTreeSet<TrialId>, watch: Watch) -> Supervisor {
        let shares_gpu = self.world.gpus > 0 && self.world.resources.share != Share::WHOLE;
        let policy = Policy {
            retry: self.retry.clone(),
            jobs: call.jobs.unwrap_or(usize::MAX),
            max_fails: call.max_fails,
            keep_going: call.keep_going,
            after_stall: self.after_stall,
            shares_gpu,
        };
        Supervisor {
            scheduler: Scheduler::new(self.trials(left_out), policy),
            started_ms: self.world.now_ms,
            watch,
            holders: BTreeMap::new(),
            stall_detectors: BTreeMap::new(),
            lease: None,
            verb_for: None,
        }
    }

    fn trials(&self, left_out: &BTreeSet<TrialId>) -> Vec<RecoveredTrial> {
        let records = self.disk.records().into_iter();
        records
            .filter_map(|(record, past)| {
                let (id, weight) = (record.id.clone(), self.weights[&record.id]);
                recovered(record, past, weight, left_out.contains(&id), |number| {
                    let attempt = self.world.attempts.get(&(id.clone(), number));
                    Some(attempt.cloned().unwrap_or_default().attempt_status())
                })
            })
            .collect()
    }

    /// `orch stop` and `orch retry`: leave a request and, without a supervisor, handle it.
    fn ask(&mut self, request: Request, trials: Vec<TrialId>) {
        if self.world.disk_is_full || self.disk.journal.is_empty() {
            return;
        }
        self.world.count("`orch stop` or `orch retry` is called");
        self.disk.requests.push(request);
        // Otherwise it is killed first.
        if self.supervisor.is_none() && !self.world.happens(20) {
            let call = Call { jobs: Some(0), keep_going: true, ..Call::default() };
            let left_out = BTreeSet::new();
            let watch = Watch::new(&call, left_out.clone(), 0);
            let mut supervisor = self.supervisor(&call, &left_out, watch);
            supervisor.verb_for = Some(trials);
            self.supervisor = Some(supervisor);
        }
    }

    fn some_trials(&mut self) -> Vec<TrialId> {
        let random = &mut self.world.random;
        self.trials.iter().filter(|_| random.u8(0..4) == 0).cloned().collect()
    }

    fn any_stop_mode(&mut self) -> StopMode {
        if self.world.random.bool() { StopMode::Graceful } else { StopMode::Immediate }
    }

    fn resolved(&self) -> Vec<Arc<ResolvedTrial>> {
        let resolved = |trial: &TrialId| ResolvedTrial {
            id: trial.clone(),
            weight: expand::Weight::default(),
            key: format!("{:0>64}", variant(trial)),
            variant: variant(trial).to_owned(),
            seed: 0,
            config: serde_json::Map::new(),
            build: None,
            data: None,
        };
        self.file.iter().map(resolved).map(Arc::new).collect()
    }
}

/// The trial of a variant; each has one.
pub(crate) fn trial(variant: &str) -> TrialId {
    TrialId(format!("{variant}-s0-00000000"))
}

fn variant(trial: &TrialId) -> &str {
    trial.0.split('-').next().unwrap()
}

fn planned(plan: &Plan) -> Planned {
    let trials = plan.trials.iter().map(|PlannedTrial { trial, .. }| JournaledTrial {
        id: trial.id.clone(),
        key: trial.key.clone(),
        variant: trial.variant.clone(),
        seed: trial.seed,
        build: None,
        data: None,
    });
    Planned { trials: trials.collect(), ..Planned::default() }
}

/// The priority and the cost of a trial.
pub(crate) fn weight(random: &mut fastrand::Rng) -> expand::Weight {
    expand::Weight { priority: random.i64(0..2), cost: f64::from(random.u8(1..5)) }
}
