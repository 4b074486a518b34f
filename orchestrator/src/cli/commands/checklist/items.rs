//! The questions of each venue's checklist, and the facts that answer them.
//!
//! Sources: the NeurIPS paper checklist of 2025; the Responsible NLP Research checklist of the ACL Rolling
//! Review, 2024; the ACM's Artifact Review and Badging, version 1.1. The questions are shortened.

use super::facts::Facts;
use crate::cli::args::Venue;

/// One question.
pub(super) struct Item {
    /// As the venue numbers it.
    pub(super) number: &'static str,
    pub(super) title: &'static str,
    /// The question in a sentence.
    pub(super) question: &'static str,
    pub(super) answer: Answer,
    /// The part that no record answers; empty if the records answer all of it.
    pub(super) left_to_authors: &'static str,
}

/// The facts of a run that answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// None: the question is not about the experiment.
    Nothing,
    /// The claims with their verdicts.
    Claims,
    /// Command, code, data and seeds: the means to run it again.
    Reproduction,
    /// The code, and where it is.
    Code,
    /// Every setting.
    Settings,
    /// Seeds, error bars and tests.
    Statistics,
    /// Machines and hours.
    Compute,
    /// Fingerprints of the data, as far as the worker reports them.
    Data,
}

impl Item {
    /// The sentences that the records answer it with.
    pub(super) fn answers(&self, facts: &Facts) -> Vec<String> {
        match self.answer {
            Answer::Nothing => Vec::new(),
            Answer::Claims => facts.claims.clone(),
            Answer::Reproduction => {
                let parts = [&facts.command, &facts.code, &facts.data, &facts.trials];
                parts.into_iter().flatten().cloned().collect()
            }
            Answer::Code => facts.command.iter().chain(&facts.code).cloned().collect(),
            Answer::Settings => facts.settings.clone(),
            Answer::Statistics => facts.trials.iter().chain(&facts.statistics).cloned().collect(),
            Answer::Compute => facts.compute.clone(),
            Answer::Data => facts.data.clone(),
        }
    }
}

/// The questions of `venue`, in its order.
pub(super) fn items(venue: Venue) -> &'static [Item] {
    match venue {
        Venue::Neurips => &NEURIPS,
        Venue::Acl => &ACL,
        Venue::Acm => &ACM,
    }
}

const fn item(
    number: &'static str,
    title: &'static str,
    question: &'static str,
    answer: Answer,
    left_to_authors: &'static str,
) -> Item {
    Item { number, title, question, answer, left_to_authors }
}

/// For questions that no experiment answers.
const ALL: &str = "all of it.";

const NEURIPS: [Item; 16] = [
    item(
        "1",
        "Claims",
        "Do abstract and introduction claim what the paper shows?",
        Answer::Claims,
        "whether abstract and introduction say no more than this.",
    ),
    item("2", "Limitations", "Are the limitations discussed?", Answer::Nothing, ALL),
    item(
        "3",
        "Theory assumptions and proofs",
        "Does every theoretical result have its assumptions and a proof?",
        Answer::Nothing,
        ALL,
    ),
    item(
        "4",
        "Experimental result reproducibility",
        "Is all information there that is needed to reproduce the main results?",
        Answer::Reproduction,
        "where readers get the data; installed packages, which the records do not list.",
    ),
    item(
        "5",
        "Open access to data and code",
        "Are data and code open, with instructions to reproduce the main results?",
        Answer::Code,
        "whether and where code and data are published (`orch bundle` makes the instructions and the evidence \
         one file), and their licences.",
    ),
    item(
        "6",
        "Experimental setting/details",
        "Are all details of training and test specified: splits, hyperparameters, how they were chosen, \
         optimizer?",
        Answer::Settings,
        "how the hyperparameters were chosen, and what the script sets that is not in the file.",
    ),
    item(
        "7",
        "Experiment statistical significance",
        "Are error bars reported and defined, or other information about significance?",
        Answer::Statistics,
        "whether the variation of other things than seeds and items matters: training data, for example, is \
         fixed.",
    ),
    item(
        "8",
        "Experiments compute resources",
        "Are the kind of workers, memory and time given for each experiment, and the compute of the whole \
         project?",
        Answer::Compute,
        "memory, which is not recorded; the compute of other runs, such as preliminary ones.",
    ),
    item("9", "Code of ethics", "Does the research conform with it?", Answer::Nothing, ALL),
    item("10", "Broader impacts", "Are societal impacts discussed?", Answer::Nothing, ALL),
    item("11", "Safeguards", "Are there safeguards for what may be misused?", Answer::Nothing, ALL),
    item(
        "12",
        "Licenses for existing assets",
        "Are owners credited, and licences respected?",
        Answer::Nothing,
        ALL,
    ),
    item("13", "New assets", "Are new assets documented?", Answer::Nothing, ALL),
    item(
        "14",
        "Crowdsourcing and research with human subjects",
        "Are instructions and compensation included?",
        Answer::Nothing,
        ALL,
    ),
    item(
        "15",
        "Institutional review board approvals",
        "Are risks disclosed, and approvals obtained?",
        Answer::Nothing,
        ALL,
    ),
    item(
        "16",
        "Declaration of LLM usage",
        "Is the use of language models as a part of the method described?",
        Answer::Nothing,
        ALL,
    ),
];

const ACL: [Item; 18] = [
    item("A1", "Limitations", "Are the limitations discussed?", Answer::Nothing, ALL),
    item("A2", "Risks", "Are potential risks discussed?", Answer::Nothing, ALL),
    item(
        "A3",
        "Claims",
        "Do abstract and introduction summarize the main claims?",
        Answer::Claims,
        "whether abstract and introduction say no more than this.",
    ),
    item("B1", "Creators", "Are the creators of artifacts cited?", Answer::Nothing, ALL),
    item("B2", "Licences", "Are the terms of use of artifacts discussed?", Answer::Nothing, ALL),
    item("B3", "Intended use", "Were artifacts used as intended?", Answer::Nothing, ALL),
    item(
        "B4",
        "Personal data",
        "Was personal or offensive content checked for?",
        Answer::Nothing,
        ALL,
    ),
    item("B5", "Documentation", "Are artifacts documented?", Answer::Nothing, ALL),
    item(
        "B6",
        "Statistics of the data",
        "Are numbers of examples and the splits reported?",
        Answer::Data,
        "numbers of examples and how they were split.",
    ),
    item(
        "C1",
        "Computational budget",
        "Are the number of parameters, the total computational budget and the infrastructure reported?",
        Answer::Compute,
        "the number of parameters, unless it is a metric; the compute of other runs.",
    ),
    item(
        "C2",
        "Experimental setup",
        "Is the setup discussed, with the search for hyperparameters and the best values?",
        Answer::Settings,
        "how the hyperparameters were searched for.",
    ),
    item(
        "C3",
        "Descriptive statistics",
        "Are error bars or summaries of several runs reported, and is it clear which?",
        Answer::Statistics,
        "",
    ),
    item(
        "C4",
        "Packages",
        "Are the implementation and settings of existing packages reported?",
        Answer::Code,
        "installed packages and their versions, which the records do not list.",
    ),
    item("D1", "Instructions", "Are instructions to participants reported?", Answer::Nothing, ALL),
    item("D2", "Recruitment", "Are recruitment and payment reported?", Answer::Nothing, ALL),
    item("D3", "Consent", "Was consent obtained?", Answer::Nothing, ALL),
    item("D4", "Ethics review", "Was data collection approved?", Answer::Nothing, ALL),
    item("E1", "AI assistants", "Is their use reported?", Answer::Nothing, ALL),
];

const ACM: [Item; 6] = [
    item(
        "Available",
        "Artifacts available",
        "Are the artifacts in a public archive with an identifier?",
        Answer::Nothing,
        "the archive and its DOI; `orch bundle` makes an RO-Crate, which archives read.",
    ),
    item(
        "Functional",
        "Artifacts evaluated – documented, complete",
        "Is there enough description to exercise the artifacts, and is all of it included?",
        Answer::Reproduction,
        "a description of the parts; installed packages, which the records do not list.",
    ),
    item(
        "Functional",
        "Artifacts evaluated – consistent, exercisable",
        "Do the artifacts contribute to the main results, and can they be run?",
        Answer::Code,
        "",
    ),
    item(
        "Functional",
        "Artifacts evaluated – resources",
        "Which machines, and how much time, do evaluators need?",
        Answer::Compute,
        "memory, which is not recorded.",
    ),
    item(
        "Reusable",
        "Artifacts evaluated – reusable",
        "Is everything structured and documented well enough to be repurposed?",
        Answer::Settings,
        "documentation for reuse, and licences.",
    ),
    item(
        "Reproduced",
        "Results reproduced",
        "Which main results should another team obtain, and within what tolerance?",
        Answer::Claims,
        "the reproduction: `orch run BUNDLE --from-scratch`, then `orch diff` of both, by another team.",
    ),
];
