//! Selects trials on the command line: by the start of an id, by `variant=`, `seed=` and `state=`,
//! or by several of these with commas between.

use std::fmt::{self, Display};
use std::str::FromStr;

use experiments::yaml::suggest::nearest;

use crate::display::text::columns;
use crate::display::trial_status::TrialStatus;

/// The states that `state=` accepts.
pub(crate) const STATES: [&str; 10] = [
    "queued",
    "starting",
    "running",
    "lost",
    "ended",
    "interrupted",
    "cancelled",
    "succeeded",
    "failed",
    "retired",
];

/// Limit of the trials that an error lists; the others are counted.
const LISTED: usize = 12;

/// The trials that fulfil every condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    text: String,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Id(String),
    Variant(String),
    Seed(u64),
    State(String),
}

/// A selector that cannot be parsed, or does not match exactly one trial.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectorError {
    /// The text is not a selector.
    #[error("{reason}")]
    Malformed {
        /// The condition and what is wrong with it.
        reason: String,
    },
    /// No trial fulfils every condition.
    #[error("no trial of `{run}` matches `{selector}`{hint}; there is:\n{trials}")]
    NoMatch {
        /// The run.
        run: String,
        /// The selector as given.
        selector: String,
        /// The id or variant that is spelled most like it, in parentheses; may be empty.
        hint: String,
        /// The run's trials with their states, a line each.
        trials: String,
    },
    /// Several trials fulfil every condition, where one was needed.
    #[error("`{selector}` matches {count} trials of `{run}`; name one of them:\n{trials}")]
    Ambiguous {
        /// The run.
        run: String,
        /// The selector as given.
        selector: String,
        /// The number of them.
        count: usize,
        /// Those trials with their states, a line each.
        trials: String,
    },
}

impl Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let conditions = text.split(',').map(condition).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), conditions })
    }
}

fn condition(text: &str) -> Result<Condition, SelectorError> {
    let malformed = |reason: String| Err(SelectorError::Malformed { reason });
    Ok(match text.split_once('=') {
        None if text.is_empty() => return malformed("a condition is empty".to_owned()),
        None => Condition::Id(text.to_owned()),
        Some(("variant", name)) => Condition::Variant(name.to_owned()),
        Some(("seed", seed)) => match seed.parse() {
            Ok(seed) => Condition::Seed(seed),
            Err(_) => return malformed(format!("`{seed}` is not a seed")),
        },
        Some(("state", state)) if STATES.contains(&state) => Condition::State(state.to_owned()),
        Some(("state", state)) => {
            let known = STATES.join("`, `");
            return malformed(format!("there is no state `{state}`; the states are `{known}`"));
        }
        Some((key, _)) => {
            return malformed(format!(
                "trials have no `{key}`; select by `variant=`, `seed=`, `state=`, or the start of \
                 an id"
            ));
        }
    })
}

impl Condition {
    fn holds(&self, status: &TrialStatus) -> bool {
        let trial = &status.trial;
        match self {
            Self::Id(start) => trial.id.0.starts_with(start),
            Self::Variant(name) => trial.variant == *name,
            Self::Seed(seed) => trial.seed == *seed,
            Self::State(state) => status.state() == state,
        }
    }
}

impl Selector {
    /// The one of `run`'s trials that matches. Retired trials count only where no other matches.
    pub(crate) fn choose(
        &self,
        trials: Vec<TrialStatus>,
        run: &str,
    ) -> Result<TrialStatus, SelectorError> {
        let (mut matching, others) = self.partition(trials);
        match matching.len() {
            1 => Ok(matching.remove(0)),
            0 => Err(self.no_match(&others, run)),
            count => Err(SelectorError::Ambiguous {
                run: run.to_owned(),
                selector: self.text.clone(),
                count,
                trials: list(&matching),
            }),
        }
    }

    /// Those of `run`'s trials that match: at least one, unless only states are asked for. Retired trials count
    /// only where no other matches.
    pub(crate) fn choose_all(
        &self,
        trials: Vec<TrialStatus>,
        run: &str,
    ) -> Result<Vec<TrialStatus>, SelectorError> {
        let (matching, others) = self.partition(trials);
        let is_state = |condition: &Condition| matches!(condition, Condition::State(_));
        if matching.is_empty() && !self.conditions.iter().all(is_state) {
            return Err(self.no_match(&others, run));
        }
        Ok(matching)
    }

    /// The trials that match, and the others.
    fn partition(&self, mut trials: Vec<TrialStatus>) -> (Vec<TrialStatus>, Vec<TrialStatus>) {
        if let Some(exact) = trials.iter().position(|status| status.trial.id.0 == self.text) {
            return (vec![trials.swap_remove(exact)], trials);
        }
        let (mut matching, others): (Vec<_>, Vec<_>) = trials
            .into_iter()
            .partition(|status| self.conditions.iter().all(|wanted| wanted.holds(status)));
        if matching.iter().any(|status| !status.trial.retired) {
            matching.retain(|status| !status.trial.retired);
        }
        (matching, others)
    }

    fn no_match(&self, others: &[TrialStatus], run: &str) -> SelectorError {
        SelectorError::NoMatch {
            run: run.to_owned(),
            selector: self.text.clone(),
            hint: self.hint(others),
            trials: list(others),
        }
    }

    /// The id or variant that is spelled most like the requested one.
    fn hint(&self, trials: &[TrialStatus]) -> String {
        let trials = || trials.iter().map(|status| &status.trial);
        let near = self.conditions.iter().find_map(|condition| match condition {
            Condition::Id(id) => nearest(id, trials().map(|trial| trial.id.0.as_str())),
            Condition::Variant(name) if trials().all(|trial| trial.variant != *name) => {
                nearest(name, trials().map(|trial| trial.variant.as_str()))
            }
            Condition::Variant(_) | Condition::Seed(_) | Condition::State(_) => None,
        });
        near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"))
    }
}

/// The first trials with their states, a line each.
fn list(trials: &[TrialStatus]) -> String {
    let rows: Vec<_> = trials
        .iter()
        .take(LISTED)
        .map(|status| [format!("  {}", status.trial.id), status.state().to_owned()])
        .collect();
    let mut lines = columns(&rows);
    let hidden = trials.len().saturating_sub(LISTED);
    if hidden > 0 {
        lines.push(format!("  and {hidden} more"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::State;
    use crate::store::{Origins, TrialRecord};
    use experiments::protocol::trial_id::TrialId;

    fn trial(variant: &str, seed: u64, hash: &str, retired: bool) -> TrialStatus {
        let trial = TrialRecord {
            id: TrialId(format!("{variant}-s{seed}-{hash}")),
            key: String::new(),
            variant: variant.to_owned(),
            seed,
            first_planned: 0,
            retired,
            state: State::Succeeded { attempt: 1 },
            build: None,
            data: None,
            origins: Origins::default(),
            first_attempt: 1,
            last_attempt: None,
        };
        TrialStatus { trial, status: None, job: None }
    }

    fn trials() -> Vec<TrialStatus> {
        vec![
            trial("sr3", 1, "aa", false),
            trial("sr3", 10, "bb", false),
            trial("cos", 1, "cc", false),
            trial("cos", 1, "dd", true),
        ]
    }

    fn chosen(selector: &str) -> Result<String, SelectorError> {
        Ok(selector.parse::<Selector>()?.choose(trials(), "run")?.trial.id.0)
    }

    #[test]
    fn conditions_narrow_until_one_is_left() {
        for (selector, id) in [
            ("variant=sr3,seed=1", "sr3-s1-aa"),
            ("seed=10", "sr3-s10-bb"),
            ("sr3-s1-", "sr3-s1-aa"),
            ("sr3,seed=10", "sr3-s10-bb"),
            // A retired trial steps back behind its successor, and can still be named.
            ("cos", "cos-s1-cc"),
            ("state=retired", "cos-s1-dd"),
            ("cos-s1-dd", "cos-s1-dd"),
        ] {
            assert_eq!(chosen(selector).as_deref(), Ok(id), "{selector}");
        }
    }

    #[test]
    fn an_id_that_another_starts_with_is_that_one() {
        let trials = vec![trial("a", 0, "1", false), trial("a", 0, "12", false)];
        let found = "a-s0-1".parse::<Selector>().unwrap().choose(trials, "run").unwrap();
        assert_eq!(found.trial.id.0, "a-s0-1");
    }

    #[test]
    fn a_state_may_be_that_of_no_trial() {
        let all =
            |selector: &str| selector.parse::<Selector>().unwrap().choose_all(trials(), "run");
        assert_eq!(all("state=failed").map(|trials| trials.len()), Ok(0));
        for misspelt in ["variant=none", "variant=none,state=failed", "none"] {
            assert!(matches!(all(misspelt), Err(SelectorError::NoMatch { .. })), "{misspelt}");
        }
        assert!(matches!(chosen("state=failed"), Err(SelectorError::NoMatch { .. })));
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let trials: Vec<_> = (0..20).map(|seed| trial("a", seed, "0", false)).collect();
        let error = "variant=a".parse::<Selector>().unwrap().choose(trials, "run").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("`variant=a` matches 20 trials of `run`"), "{text}");
        assert!(text.ends_with("\n  and 8 more") && text.lines().count() == 14, "{text}");
    }
}
