//! A section of the golden vectors, compared number by number at its stated tolerance. With
//! `cargo test -p worker -- --nocapture` every section prints the error of its worst number.

/// One section, or the part of it that one test covers.
#[derive(Debug)]
pub(crate) struct Section {
    name: &'static str,
    tolerance: f64,
    worst: f64,
}

impl Section {
    pub(crate) fn new(name: &'static str, tolerance: f64) -> Self {
        Self { name, tolerance, worst: 0.0 }
    }

    /// Fails unless `difference` is within the tolerance.
    #[track_caller]
    pub(crate) fn within(&mut self, difference: f64) {
        let Self { name, tolerance, .. } = self;
        assert!(difference <= *tolerance, "{name}: off by {difference:e}, {tolerance:e} allowed");
        self.worst = self.worst.max(difference);
    }

    /// Compares relative to what is expected; 0 must be met exactly.
    #[track_caller]
    pub(crate) fn relative(&mut self, actual: f64, expected: f64) {
        let difference = (actual - expected).abs();
        self.within(if difference > 0.0 { difference / expected.abs() } else { difference });
    }
}

impl Drop for Section {
    #[expect(clippy::print_stdout, reason = "the figures are for people")]
    fn drop(&mut self) {
        println!("{}: off by {:.1e} at most, {:e} allowed", self.name, self.worst, self.tolerance);
    }
}
