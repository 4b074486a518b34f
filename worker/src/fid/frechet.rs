//! The Fréchet distance between two clouds of features, each taken for a Gaussian.

use tch::{Device, Kind, Tensor};

/// Mean and covariance of features that come in batches.
#[derive(Debug)]
pub(crate) struct Moments {
    count: i64,
    /// Sum of the features, `[D]` in f64.
    sum: Tensor,
    /// Sum of their outer products, `[D, D]` in f64.
    products: Tensor,
}

impl Moments {
    /// Of no feature vectors yet, of `dimension` numbers each.
    pub(crate) fn new(dimension: i64) -> Self {
        let options = (Kind::Double, Device::Cpu);
        let sum = Tensor::zeros([dimension], options);
        Self { count: 0, sum, products: Tensor::zeros([dimension, dimension], options) }
    }

    /// Adds feature vectors, `[N, D]`.
    pub(crate) fn add(&mut self, features: &Tensor) {
        let features = features.to_device(Device::Cpu).to_kind(Kind::Double);
        self.count += features.size()[0];
        self.sum += features.sum_dim_intlist([0_i64].as_slice(), false, Kind::Double);
        self.products += features.tr().matmul(&features);
    }

    /// The mean, `[D]`.
    pub(crate) fn mean(&self) -> Tensor {
        &self.sum / self.count as f64
    }

    /// The unbiased covariance, `[D, D]`; needs two vectors or more.
    pub(crate) fn covariance(&self) -> Tensor {
        let centre = self.sum.outer(&self.sum) / self.count as f64;
        (&self.products - centre) / (self.count - 1) as f64
    }
}

/// [`distance`] between the Gaussians of these moments.
pub(crate) fn between(a: &Moments, b: &Moments) -> f64 {
    distance((&a.mean(), &a.covariance()), (&b.mean(), &b.covariance()))
}

/// The squared Fréchet distance between two Gaussians (Dowson and Landau 1982) of means `[D]` and
/// covariances `[D, D]`: |m1 - m2|² + tr(S1) + tr(S2) - 2 tr((S1 S2)^½).
///
/// The last trace is the sum of the singular values of S1^½ S2^½, whose rounding errors stay
/// rounding errors; as eigenvalues of a product their square roots would count, which are large
/// where a covariance lacks rank.
pub(crate) fn distance((m1, s1): (&Tensor, &Tensor), (m2, s2): (&Tensor, &Tensor)) -> f64 {
    let (_, cross, _) = square_root(s1).matmul(&square_root(s2)).svd(true, false);
    let squared = (m1 - m2).square().sum(Kind::Double);
    (squared + s1.trace() + s2.trace() - cross.sum(Kind::Double) * 2.0).double_value(&[])
}

/// The symmetric square root of a covariance; eigenvalues that rounding made negative count as 0.
fn square_root(covariance: &Tensor) -> Tensor {
    let (values, vectors) = covariance.linalg_eigh("L");
    (&vectors * values.clamp_min(0.0).sqrt()).matmul(&vectors.tr())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::image::golden::assert_within;

    /// A `{shape, data}` entry.
    fn tensor(value: &Value) -> Tensor {
        let shape: Vec<i64> = serde_json::from_value(value["shape"].clone()).unwrap();
        Tensor::from_slice(&serde_json::from_value::<Vec<f64>>(value["data"].clone()).unwrap())
            .reshape(shape)
    }

    fn moments(features: &Tensor) -> Moments {
        let mut moments = Moments::new(features.size()[1]);
        // In two batches, of which one is a single vector.
        moments.add(&features.narrow(0, 0, 1));
        moments.add(&features.narrow(0, 1, features.size()[0] - 1));
        moments
    }

    #[test]
    fn distances_are_those_of_the_reference() {
        let golden: Value =
            serde_json::from_str(include_str!("../../tests/golden/frechet.json")).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        assert!(cases.len() > 4);
        for case in cases {
            let [m1, s1, m2, s2] = match case.get("X") {
                None => ["m1", "S1", "m2", "S2"].map(|name| tensor(&case[name])),
                Some(x) => {
                    let (x, y) = (moments(&tensor(x)), moments(&tensor(&case["Y"])));
                    [x.mean(), x.covariance(), y.mean(), y.covariance()]
                }
            };
            let value = distance((&m1, &s1), (&m2, &s2));
            let expected = case["value"].as_f64().unwrap();
            // Of equal Gaussians the distance is 0, whose scale is that of their traces.
            let scale = if expected == 0.0 { 1.0 } else { expected };
            assert_within("frechet", (value - expected).abs() / scale);
            assert_within("frechet", (distance((&m2, &s2), (&m1, &s1)) - value).abs());
        }
    }
}
