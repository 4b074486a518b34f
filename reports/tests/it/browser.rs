//! A real browser lays the page out at the width of a phone and of a desk.

use std::path::Path;
use std::process::{Command, Stdio};

use experiments::schema::report::{Bars, Column, Figure, Report, TablePicture};
use reports::write;

use crate::figures::{curve, trained};
use crate::fixtures::{has, table, three_seeds};
use crate::sheets::{images, sampled};

/// Reports the overflow of the page and the width of each figure, in pixels.
const MEASURE: &str = "<script>onload = () => {
    const page = document.documentElement;
    const widths = [...document.querySelectorAll('figure svg')].map(e => e.clientWidth);
    parent.postMessage([page.scrollWidth - page.clientWidth, innerWidth, ...widths].join(' '), '*');
}</script>";

/// The numbers that `page` reports in a frame of that width; a browser window has a minimum width.
fn measured(page: &str, width: u32, folder: &Path) -> Vec<i64> {
    // The page's own policy allows no script.
    let scriptable = page.replacen("default-src 'none'", "default-src 'unsafe-inline'", 1);
    assert_ne!(scriptable, page);
    fs_err::write(folder.join("page.html"), format!("{scriptable}{MEASURE}")).unwrap();
    let frame = format!(
        "<body><iframe src=\"page.html\" style=\"border: 0; width: {width}px; height: 900px\"></iframe>\
         <script>onmessage = e => document.body.textContent = e.data</script></body>"
    );
    let outer = folder.join("frame.html");
    fs_err::write(&outer, frame).unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--no-first-run", "--disable-dev-shm-usage"])
        .args(["--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", outer.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    let reported = dom.split("<body>").nth(1).and_then(|rest| rest.split('<').next());
    let numbers = reported.unwrap_or_default().split_whitespace().map(str::parse);
    let numbers: Vec<i64> = numbers.collect::<Result<_, _>>().unwrap_or_default();
    assert!(numbers.len() > 2, "{dom}\n{}", String::from_utf8_lossy(&output.stderr));
    numbers
}

/// A page with everything on it, its table far wider than a phone.
fn page(folder: &Path) -> String {
    let mut records = three_seeds();
    records.variants.extend(sampled(folder).variants);
    let points: Vec<(u64, f64)> = (0..40).map(|i| (i * 25, f64::from(i as u32).sqrt())).collect();
    records.variants[1].trials[0] = trained(0, &points);
    let mut spec = table();
    spec.baseline = Some("sr3".to_owned());
    let wide =
        (0..12).map(|i| Column { label: Some(format!("Column {i}")), ..spec.columns[0].clone() });
    spec.columns = wide.collect();
    let bars = Bars { name: "bars".to_owned(), metric: "psnr".to_owned(), ..Bars::default() };
    let picture = TablePicture {
        name: "picture".to_owned(),
        title: "Table".to_owned(),
        columns: vec![],
        size: None,
    };
    let figures = vec![
        Figure::Curve(curve("psnr")),
        Figure::Images(images("sheet")),
        Figure::Bars(bars),
        Figure::Table(picture),
    ];
    let report = Report { table: Some(spec), figures, ..Report::default() };
    write(&report, &records, folder).unwrap();
    fs_err::read_to_string(folder.join("report.html")).unwrap()
}

#[test]
fn nothing_sticks_out_of_a_phone_or_a_desk() {
    if !has("chromium", "chromium") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let page = page(folder.path());
    for width in [390, 1280] {
        let measured = measured(&page, width, folder.path());
        assert_eq!(measured[..2], [0, i64::from(width)], "{measured:?}");
        let figures = &measured[2..];
        assert_eq!(figures.len(), 4);
        assert!(figures.iter().all(|w| (300..=i64::from(width)).contains(w)), "{measured:?}");
    }
    let wide = format!("{page}<div style=\"width: 2000px\">.</div>");
    assert!(measured(&wide, 390, folder.path())[0] > 1000, "what sticks out is noticed");
}
