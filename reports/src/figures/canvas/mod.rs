//! The drawing surface that all figures share: fonts, style, axes, frame and the files of a
//! picture.

pub(crate) mod axis;
pub(crate) mod clip;
pub(crate) mod font;
pub(crate) mod frame;
pub(crate) mod labels;
pub(crate) mod legend;
pub(crate) mod picture;
pub(crate) mod plot;
pub(crate) mod style;
pub(crate) mod surface;
pub(crate) mod theme;
pub(crate) mod title;
