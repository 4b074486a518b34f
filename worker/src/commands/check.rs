//! `orch-worker check`: validates trials' configs before anything runs.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::ops::ControlFlow;

use anyhow::Context;
use experiments::protocol::check::{Problem, Reply, Request};
use tch::Device;

use crate::build_id;
use crate::config::{Config, Method};
use crate::data::{self, PrepareContext};
use crate::error_chain::error_chain;
use crate::model::Unet;
use crate::train::pretrained;

/// Answers each request line of `input` by one reply line in `output`, in order.
pub fn check(input: impl BufRead, mut output: impl Write) -> anyhow::Result<()> {
    let build = build_id::id().context("cannot read this program's own file")?;
    let mut fingerprints = Fingerprints::default();
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.context("cannot read the requests")?;
        let request: Request = serde_json::from_str(&line)
            .with_context(|| format!("line {number} of the requests is not a request"))?;
        let reply = reply(request, &build, &mut fingerprints);
        let reply = serde_json::to_string(&reply).context("cannot write a reply")?;
        writeln!(output, "{reply}").context("cannot write a reply")?;
    }
    Ok(())
}

fn reply(request: Request, build: &str, fingerprints: &mut Fingerprints) -> Reply {
    let Request { trial, config, cpus, .. } = request;
    let checked = Config::parse(&config).and_then(|parsed| {
        match (fingerprints.data(&parsed, cpus), fingerprints.weights(&parsed)) {
            (Ok(data), Ok(None)) => Ok((parsed.to_map(), data)),
            (Ok(data), Ok(Some(weights))) => Ok((parsed.to_map(), format!("{data}+{weights}"))),
            (data, weights) => Err([data.err(), weights.err()].into_iter().flatten().collect()),
        }
    });
    let build = Some(build.to_owned());
    match checked {
        Ok((config, data)) => Reply { trial, config, build, data: Some(data), problems: vec![] },
        Err(problems) => Reply { trial, config, build, data: None, problems },
    }
}

/// Fingerprints computed so far; most trials share theirs.
#[derive(Default)]
struct Fingerprints(HashMap<String, Result<String, Problem>>);

impl Fingerprints {
    /// Of the training and validation images.
    fn data(&mut self, config: &Config, threads: u32) -> Result<String, Problem> {
        let key = format!("{:?} {:?}", config.data, config.image);
        self.0.entry(key).or_insert_with(|| fingerprint_of_data(config, threads)).clone()
    }

    /// Of the initial weights, which must fit the network; none if they are random.
    fn weights(&mut self, config: &Config) -> Result<Option<String>, Problem> {
        let Some(path) =
            config.model.init_from.as_ref().filter(|_| config.method == Method::Diffusion)
        else {
            return Ok(None);
        };
        let outputs = config.diffusion.outputs();
        let key = format!("{:?} {outputs}", config.model);
        let fingerprint = self.0.entry(key).or_insert_with(|| {
            let network = Unet::new(&config.model, outputs, Device::Cpu);
            pretrained::check(path, network.store())
                .map(|digest| digest[..16].to_owned())
                .map_err(|error| problem("/model/init_from", &error))
        });
        fingerprint.clone().map(Some)
    }
}

fn fingerprint_of_data(config: &Config, threads: u32) -> Result<String, Problem> {
    let mut never_stops = |_, _| ControlFlow::Continue(());
    let cache = data::cache::folder();
    let mut context = PrepareContext::new(cache, threads as usize, &mut never_stops);
    data::fingerprint(&config.data, &config.image, &mut context)
        .map_err(|error| problem("/data", &error))
}

fn problem(pointer: &str, error: &(dyn Error + 'static)) -> Problem {
    Problem { pointer: pointer.to_owned(), message: error_chain(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(requests: &str) -> Vec<Reply> {
        let mut output = Vec::new();
        check(requests.as_bytes(), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_request_is_answered_in_order() {
        let replies = replies(
            "{\"trial\":\"a\",\"seed\":0,\"cpus\":1,\"config\":{\"image\":{\"size\":64}}}\n\
             {\"trial\":\"b\",\"seed\":0,\"cpus\":1,\"config\":{\"imag\":{}}}\n",
        );
        assert_eq!(replies[0].config["image"]["low"], 8);
        assert!(replies[0].problems.is_empty() && replies[0].data.is_some());
        assert_eq!(
            (replies[1].trial.as_str(), replies[1].problems[0].pointer.as_str()),
            ("b", "/imag")
        );
        assert!(replies.iter().all(|r| r.build.is_some()));
    }

    #[test]
    fn missing_data_is_a_problem_of_the_config() {
        let replies = replies(
            r#"{"trial":"a","seed":0,"cpus":1,"config":{"data":{"source":"folder","train":"no/such","validation":"no/such"}}}"#,
        );
        assert_eq!(replies[0].problems[0].pointer, "/data");
        assert!(replies[0].problems[0].message.contains("no/such"));
    }
}
