//! Colours of a drawing that is embedded in a page, light or dark.

/// Every colour of `style.rs` by its name as a CSS variable: on white, and on a dark page.
pub(crate) const THEME: [(&str, &str, &str); 13] = [
    ("paper", "#ffffff", "#14171a"),
    ("ink", "#222222", "#e6e6e6"),
    ("faint", "#666666", "#a3a9b0"),
    ("axis", "#999999", "#7c848c"),
    ("grid", "#e6e6e6", "#30363c"),
    ("blue", "#0072b2", "#3d9fe0"),
    ("vermilion", "#d55e00", "#f58742"),
    ("green", "#009e73", "#2fc497"),
    ("purple", "#cc79a7", "#e098c2"),
    ("orange", "#db9400", "#efb73e"),
    ("sky", "#56b4e9", "#8dd0f7"),
    ("grey", "#7a7a7a", "#9b9b9b"),
    ("cell", "#f0f0f0", "#23282d"),
];

/// `svg` with CSS variables for its colours, as wide as the page allows, and with `title` as its
/// accessible name.
pub(crate) fn themed(svg: &str, title: &str) -> String {
    let mut svg = svg.to_owned();
    for (name, light, _) in THEME {
        svg = svg.replace(&format!("\"{light}\""), &format!("\"var(--{name})\""));
    }
    let (width, height) = (attribute(&svg, "width"), attribute(&svg, "height"));
    let sized = format!("<svg width=\"{width}\" height=\"{height}\"");
    let title = crate::table::escape(title);
    let fluid = format!("<svg role=\"img\" aria-label=\"{title}\"");
    svg.replacen(&sized, &fluid, 1)
}

/// The value of the first attribute of that name; empty if there is none.
fn attribute<'a>(svg: &'a str, name: &str) -> &'a str {
    let rest = svg.split_once(&format!("{name}=\"")).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}
