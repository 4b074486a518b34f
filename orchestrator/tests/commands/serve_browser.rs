//! The pages of `orch serve` in a real browser: they follow a run, fit any screen, and run no script but
//! their own.

use std::fs;

use serde_json::{Value, json};

use crate::common::browser::Browser;
use crate::common::server::Server;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

#[test]
fn a_page_that_is_open_follows_its_run() {
    let Some(mut browser) = Browser::start() else { return };
    let test = TestRun::new().gated();
    let run = test.start("run trip.yaml -q");
    test.wait_for_step("a-s0", 1, 10);
    let server = test.serve("");
    browser.open(&server.url("/runs/trip/"));
    let has = |words: &str| format!("document.body.innerText.includes('{words}')");
    wait_for("both trials", || {
        browser.is_so("document.querySelectorAll('.matrix .state-running').length === 2")
    });
    wait_for("curves", || browser.is_so("document.querySelectorAll('#figures svg').length === 1"));
    assert_eq!(browser.evaluate(&has("0 of 2 trials have succeeded")), true);
    // The page stays, with its focus and what is open.
    browser.evaluate("window.loadedOnce = true; document.querySelector('.matrix a.cell').focus()");
    let focused = "document.activeElement.getAttribute('href')";
    let cell = browser.evaluate(focused);
    assert!(cell.as_str().unwrap().starts_with("/runs/trip/trials/a-s0-"), "{cell}");
    test.open_gate();
    assert_eq!(run.end().code, 0);
    wait_for("the end", || browser.is_so(&has("2 of 2 trials have succeeded")));
    wait_for("the matrix", || {
        browser.is_so("document.querySelectorAll('.matrix .state-succeeded').length === 2")
    });
    wait_for("the table", || browser.is_so("document.querySelector('#table .results') !== null"));
    assert_eq!(browser.evaluate("window.loadedOnce"), true);
    assert_eq!(browser.evaluate(focused), cell);
    assert_eq!(browser.evaluate("document.getElementById('active')"), Value::Null);
    assert_eq!(browser.complaints, [""; 0]);
    // A server that has gone is named, and one that is back is followed again.
    let address = server.address;
    drop(server);
    wait_for("the word that it has gone", || browser.is_so(&has("cannot be reached")));
    let again = test.start(&format!("serve --bind {address}"));
    wait_for("the word that it is back", || browser.is_so(&has("follows the records")));
    again.kill();
}

/// A file whose worker logs images of three steps, and metrics of many columns.
const FILE: &str = "\
orch: 1
name: trip
description: A short trip, of which every page is looked at.
worker: {command: [sh, worker.sh]}
retry: {attempts: 1}
config: {rate: 0.1, model: {width: 64}}
variants:
  a: {label: The baseline with a long name of its own}
  b: {label: Second, set: {rate: 0.2}}
  c: {label: Third, set: {model: {width: 128}}}
  d: {label: Fails, set: {rate: -1}}
seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
report:
  table:
    name: table
    baseline: a
    columns: [{metric: psnr, better: higher}, {metric: ssim}, {metric: fid, better: lower}, {metric: time}]
  figures:
    - curve: {name: loss, metric: loss, title: Loss}
    - images: {name: samples, artifact: sample, title: Samples}
  claims: [{claim: b is better than the baseline, compare: b.psnr > a.psnr}]
";

const WORKER: &str = r#"
say() { printf '%s\n' "$1" >> "$ORCH_EVENTS"; }
say '{"event":"hello","protocol":1,"program":"shell","device":"cpu"}'
seed=$ORCH_SEED
for step in 1 2 3; do
    cp "$ORCH_TEST_IMAGE" "$ORCH_ARTIFACTS/$step.png"
    say "{\"event\":\"metrics\",\"step\":$step,\"values\":{\"loss\":0.$((9 - step * 2))$seed}}"
    say "{\"event\":\"artifact\",\"kind\":\"image\",\"name\":\"sample\",\"step\":$step,\"path\":\"artifacts/$step.png\"}"
    echo "step $step: a line of a log that is long enough to stick out of a narrow screen, were it not to scroll"
done
[ "$ORCH_VARIANT" = d ] && echo 'ValueError: rate must be positive' >&2 && exit 3
offset=$(printf %d "'$ORCH_VARIANT")
say "{\"event\":\"result\",\"values\":{\"psnr\":2$((offset - 95)).$seed,\"ssim\":0.6$seed,\"fid\":11.$seed,\"time\":66}}"
"#;

/// A run with everything on its pages, and its server.
fn full_run() -> (TestRun, Server) {
    let test = TestRun::with_file(FILE);
    fs::write(test.path("worker.sh"), WORKER).unwrap();
    let image = test.path("image.png");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/images/samples.png"), &image).unwrap();
    let run = test.start_with("run trip.yaml -q", &[("ORCH_TEST_IMAGE", image.to_str().unwrap())]);
    assert_eq!(run.end().code, 1);
    let server = test.serve("");
    (test, server)
}

#[test]
fn every_page_fits_a_phone_and_a_desk_in_light_and_dark() {
    let Some(mut browser) = Browser::start() else { return };
    let (test, server) = full_run();
    let id =
        |name: &str| test.trial(name).unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    server.wait_for_page("/runs/trip/", "the report", |page| !page.contains("is being drawn"));
    for (name, path) in [
        ("runs", "/".to_owned()),
        ("run", "/runs/trip/".to_owned()),
        ("trials", "/runs/trip/trials?state=failed".to_owned()),
        ("trial", format!("/runs/trip/trials/{}/", id("b-s3"))),
        ("failed-trial", format!("/runs/trip/trials/{}/", id("d-s0"))),
        ("missing", "/runs/none/".to_owned()),
    ] {
        for (width, scheme) in [(390, "light"), (390, "dark"), (1100, "light"), (1100, "dark")] {
            browser.show(width, scheme);
            browser.open(&server.url(&path));
            let overflow =
                "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.evaluate(overflow), 0, "{name} at {width}");
            let colour = "getComputedStyle(document.body).backgroundColor";
            let expected = if scheme == "dark" { "rgb(20, 23, 26)" } else { "rgb(255, 255, 255)" };
            assert_eq!(browser.evaluate(colour), expected, "{name}, {scheme}");
            let images =
                "Promise.all([...document.images].filter(i => i.checkVisibility()).map(i => {
                i.loading = 'eager'; return i.decode().then(() => i.naturalWidth > 0);
            })).then(all => all.every(Boolean))";
            assert_eq!(browser.evaluate(images), true, "{name}");
            browser.picture(&format!("{name}-{width}-{scheme}"));
        }
    }
    // The answer 404 of the last page is logged by the browser.
    browser.complaints.retain(|complaint| !complaint.contains("404"));
    assert_eq!(browser.complaints, [""; 0]);
}

#[test]
fn a_slider_shows_images_one_step_at_a_time_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let (test, server) = full_run();
    let id = test.trial("b-s3").unwrap();
    let id = id.file_name().unwrap().to_str().unwrap();
    browser.show(1100, "light");
    browser.open(&server.url(&format!("/runs/trip/trials/{id}/")));
    let shown = "[...document.querySelectorAll('[data-step]')].filter(f => f.checkVisibility())
        .map(f => f.dataset.step)";
    assert_eq!(browser.evaluate(shown), json!(["3"]));
    // With the keyboard alone.
    wait_for("the slider", || {
        browser.press("Tab");
        browser.is_so("document.activeElement.type === 'range'")
    });
    browser.press("ArrowLeft");
    assert_eq!(browser.evaluate(shown), json!(["2"]));
    assert_eq!(browser.evaluate("document.activeElement.getAttribute('aria-valuetext')"), "step 2");
}

#[test]
fn hostile_names_run_no_script_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let evil = "<script>alert(1)</script>";
    let test =
        TestRun::with(&[("label: First", &format!("label: '{evil}<img src=x onerror=alert(1)>'"))]);
    test.edit(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    fs::rename(test.run_dir(), test.path("runs/<img src=x onerror=alert(1)>")).unwrap();
    let server = test.serve("");
    browser.open(&server.url("/"));
    assert_eq!(
        browser.evaluate("document.querySelector('tbody a').textContent"),
        "<img src=x onerror=alert(1)>"
    );
    let run = browser.evaluate("document.querySelector('tbody a').href");
    browser.open(run.as_str().unwrap());
    wait_for("the table", || browser.is_so("document.querySelector('#table .results') !== null"));
    let heading = browser.evaluate("document.querySelector('.matrix tbody th').textContent");
    assert_eq!(heading, format!("{evil}<img src=x onerror=alert(1)>"));
    assert_eq!(
        browser.evaluate("[document.scripts.length, document.images.length]"),
        json!([1, 0])
    );
    // No dialog, no error, and nothing that the policy had to stop.
    assert_eq!(browser.complaints, [""; 0]);
    // The policy would stop what slipped through.
    let injected = "new Promise(stopped => {
        document.addEventListener('securitypolicyviolation', e => stopped(e.effectiveDirective));
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
    })";
    assert_eq!(browser.evaluate(injected), "script-src-elem");
    assert_eq!(browser.evaluate("window.ran === undefined"), true);
}
