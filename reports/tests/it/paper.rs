//! Figures on paper: their PDFs as other programs read them, their sizes, and the text in SVGs.

use std::path::Path;
use std::process::Command;

use experiments::schema::report::{
    Bars, Curve, Figure, FigureSize, Images, Limits, Report, SvgText, TablePicture,
};
use reports::records::Records;
use reports::write;

use crate::figures::{curve, report, trained};
use crate::fixtures::{has, records, three_seeds, variant};
use crate::pixels::{at, decode};
use crate::sheets::{images, sampled};

/// A program's output about the PDF at `path`.
fn read(program: &str, options: &[&str], path: &Path) -> String {
    let output = Command::new(program).args(options).arg(path).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

/// The text of a PDF, in lines.
fn text_of(path: &Path) -> String {
    let text = path.with_extension("txt");
    read("pdftotext", &["-layout"], path);
    fs_err::read_to_string(text).unwrap()
}

/// Rows of which each line ends at another height.
fn rows(labels: &[&str]) -> Records {
    let rows = labels.iter().enumerate().map(|(i, label)| {
        let points = (0..20).map(|step| (step * 5, 10.0 + (i as f64 + 1.0) * step as f64 / 20.0));
        variant(&format!("v{i}"), label, vec![trained(0, &points.collect::<Vec<_>>())])
    });
    records(rows.collect())
}

#[test]
fn a_pdf_has_text_to_select_fonts_of_its_own_and_the_size_on_paper() {
    if !has("pdffonts", "poppler-utils") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mut records = three_seeds();
    records.variants.extend(sampled(out.path()).variants);
    records.variants[1].trials[0] = trained(0, &[(0, 1.0), (50, 2.0), (99, 1.5)]);
    let size = Some(FigureSize::Custom { width: 100.0, height: Some(80.0) });
    let bars = Bars { size, metric: "psnr".to_owned(), name: "bars".to_owned(), ..Bars::default() };
    let figures = vec![
        Figure::Curve(curve("curve")),
        Figure::Bars(bars),
        Figure::Images(Images { size: Some(FigureSize::Page), ..images("sheet") }),
        Figure::Table(TablePicture { name: "table".to_owned(), ..TablePicture::default() }),
    ];
    write(&report(figures), &records, out.path()).unwrap();
    let pdf = |name: &str| out.path().join(format!("figures/{name}.pdf"));
    for (name, words) in [
        ("curve", ["Loss & PSNR", "val/psnr", "training step", "SR3 | base_line"]),
        ("bars", ["PSNR (dB)", "22.50 ± 0.71", "VLB", "Bicubic"]),
        ("table", ["Consistency ↓", "1.04", "dB", "paper"]),
    ] {
        let text = text_of(&pdf(name));
        for word in words {
            assert!(text.contains(word), "no `{word}` in {text}");
        }
    }
    for (name, points) in
        [("curve", (238.11, None)), ("bars", (283.46, Some(226.77))), ("sheet", (493.23, None))]
    {
        let info = read("pdfinfo", &[], &pdf(name));
        let size = info.lines().find_map(|line| line.strip_prefix("Page size:")).unwrap();
        let numbers = size.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
        let numbers: Vec<f64> = numbers.collect();
        assert!((numbers[0] - points.0).abs() < 0.5, "{name}: {size}");
        assert!(
            points.1.is_none_or(|height: f64| (numbers[1] - height).abs() < 0.5),
            "{name}: {size}"
        );
    }
    let fonts = read("pdffonts", &[], &pdf("curve"));
    let fonts: Vec<&str> = fonts.lines().skip(2).collect();
    assert_eq!(fonts.len(), 2, "{fonts:?}");
    for font in fonts {
        // Embedded, a subset, with a map to Unicode.
        assert!(font.contains("Inter") && font.contains("yes yes yes"), "{font}");
    }
}

#[test]
fn an_svg_has_its_size_on_paper_and_its_text_on_request() {
    let out = tempfile::tempdir().unwrap();
    let svg = |svg_text| {
        let figures = vec![Figure::Curve(Curve { size: Some(FigureSize::Page), ..curve("psnr") })];
        let report = Report { svg_text, figures, ..Report::default() };
        write(&report, &rows(&["A <&>"]), out.path()).unwrap();
        fs_err::read_to_string(out.path().join("figures/psnr.svg")).unwrap()
    };
    let outlines = svg(SvgText::Outlines);
    assert!(outlines.starts_with("<svg width=\"174.00mm\" height=\""), "{}", &outlines[..80]);
    assert!(!outlines.contains("<text"));
    let text = svg(SvgText::Text);
    let document = roxmltree::Document::parse(&text).unwrap();
    let words: Vec<String> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| {
            node.descendants()
                .filter(roxmltree::Node::is_text)
                .filter_map(|n| n.text())
                .collect::<String>()
        })
        .collect();
    for word in ["Loss & PSNR", "A <&>", "training step"] {
        assert!(words.iter().any(|text| text.trim() == word), "no `{word}` in {words:?}");
    }
    assert!(text.contains("font-family=\"Inter, Helvetica, Arial, sans-serif\""));
}

/// The first and the last column of pixels of the vertical axis's grid lines.
fn axes(path: &Path) -> (u32, u32, u32) {
    let pixmap = decode(path);
    let grid = |x: u32, y: u32| at(&pixmap, x, y) == (0xe6, 0xe6, 0xe6);
    let count = |y: u32| (0..pixmap.width()).filter(|x| grid(*x, y)).count();
    let row = (0..pixmap.height()).max_by_key(|y| count(*y)).unwrap();
    let columns: Vec<u32> = (0..pixmap.width()).filter(|x| grid(*x, row)).collect();
    (columns[0], columns[columns.len() - 1], pixmap.width())
}

#[test]
fn a_legend_leaves_two_thirds_of_the_width_to_the_axes() {
    let out = tempfile::tempdir().unwrap();
    let draw = |labels: &[&str]| {
        write(&report(vec![Figure::Curve(curve("psnr"))]), &rows(labels), out.path()).unwrap();
        axes(&out.path().join("figures/psnr.png"))
    };
    let (_, right, width) = draw(&["short", "labels"]);
    assert!(right < width * 9 / 10, "beside the axes");
    let long = ["A row whose label says all that it changes", "Another row of which that is true"];
    let (left, right, width) = draw(&long);
    assert!(right - left > width * 2 / 3, "{left} to {right} of {width}");
    assert_eq!(width, 920, "the picture is as wide as ever");
}

#[test]
fn limits_cut_what_is_beyond_them() {
    let out = tempfile::tempdir().unwrap();
    let draw = |y_limits: Limits| {
        let figure = Figure::Curve(Curve { y_limits, title: String::new(), ..curve("psnr") });
        write(&report(vec![figure]), &rows(&["A"]), out.path()).unwrap();
        decode(&out.path().join("figures/psnr.png"))
    };
    // The line rises from 10 to 10.95, in blue. Axes from 10.5 on have only its right half.
    let leftmost = |pixmap: &resvg::tiny_skia::Pixmap| {
        let blue = |x: u32| (0..pixmap.height()).any(|y| at(pixmap, x, y) == (0x00, 0x72, 0xb2));
        (0..pixmap.width()).find(|x| blue(*x)).unwrap()
    };
    let (whole, half) = (draw(Limits::default()), draw(Limits([Some(10.5), Some(11.0)])));
    let rightmost = whole.width() * 3 / 4;
    assert!(leftmost(&whole) + 200 < leftmost(&half) && leftmost(&half) < rightmost);
    let blue_below = (half.height() - 100..half.height())
        .any(|y| (0..half.width()).any(|x| at(&half, x, y) == (0x00, 0x72, 0xb2)));
    assert!(!blue_below, "nothing is drawn over the labels of the axis");
}

#[test]
fn captions_say_what_a_figure_shows() {
    let out = tempfile::tempdir().unwrap();
    write(&report(vec![Figure::Curve(curve("psnr"))]), &rows(&["A"]), out.path()).unwrap();
    let caption = fs_err::read_to_string(out.path().join("captions/psnr.tex")).unwrap();
    assert_eq!(
        caption,
        "Loss \\& PSNR. Faces of 32$\\times$32 pixels, 50 \\% of them synthetic.%\n"
    );
}
