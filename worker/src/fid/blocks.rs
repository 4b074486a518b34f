//! The network's five kinds of mixed blocks (Szegedy et al. 2016, figures 5 to 7 and 10), with the
//! names of their convolutions in the reference.

use tch::nn::Path;

use super::layers::Kernel::{Around, Halving};
use super::layers::Layer::{self, Branches, MaxPoolHalving, Sequence};

const POINT: super::layers::Kernel = Around(1, 1);

/// 5×5, two 3×3 and a pool with `pooled` channels, side by side: 224 + `pooled` channels.
pub(super) fn a(path: &Path, channels: i64, pooled: i64) -> Layer {
    let from = |layers: &[_]| Layer::convolutions(path, channels, layers);
    Branches(vec![
        from(&[("branch1x1", 64, POINT)]),
        from(&[("branch5x5_1", 48, POINT), ("branch5x5_2", 64, Around(5, 5))]),
        from(&[
            ("branch3x3dbl_1", 64, POINT),
            ("branch3x3dbl_2", 96, Around(3, 3)),
            ("branch3x3dbl_3", 96, Around(3, 3)),
        ]),
        Sequence(vec![Layer::AveragePool, from(&[("branch_pool", pooled, POINT)])]),
    ])
}

/// Halves the image: `channels` + 480 channels.
pub(super) fn b(path: &Path, channels: i64) -> Layer {
    let from = |layers: &[_]| Layer::convolutions(path, channels, layers);
    Branches(vec![
        from(&[("branch3x3", 384, Halving)]),
        from(&[
            ("branch3x3dbl_1", 64, POINT),
            ("branch3x3dbl_2", 96, Around(3, 3)),
            ("branch3x3dbl_3", 96, Halving),
        ]),
        MaxPoolHalving,
    ])
}

/// 7×7 as rows and columns, of `inner` channels between: 768 channels from 768.
pub(super) fn c(path: &Path, inner: i64) -> Layer {
    let from = |layers: &[_]| Layer::convolutions(path, 768, layers);
    Branches(vec![
        from(&[("branch1x1", 192, POINT)]),
        from(&[
            ("branch7x7_1", inner, POINT),
            ("branch7x7_2", inner, Around(1, 7)),
            ("branch7x7_3", 192, Around(7, 1)),
        ]),
        from(&[
            ("branch7x7dbl_1", inner, POINT),
            ("branch7x7dbl_2", inner, Around(7, 1)),
            ("branch7x7dbl_3", inner, Around(1, 7)),
            ("branch7x7dbl_4", inner, Around(7, 1)),
            ("branch7x7dbl_5", 192, Around(1, 7)),
        ]),
        Sequence(vec![Layer::AveragePool, from(&[("branch_pool", 192, POINT)])]),
    ])
}

/// Halves the image: `channels` + 512 channels.
pub(super) fn d(path: &Path, channels: i64) -> Layer {
    let from = |layers: &[_]| Layer::convolutions(path, channels, layers);
    Branches(vec![
        from(&[("branch3x3_1", 192, POINT), ("branch3x3_2", 320, Halving)]),
        from(&[
            ("branch7x7x3_1", 192, POINT),
            ("branch7x7x3_2", 192, Around(1, 7)),
            ("branch7x7x3_3", 192, Around(7, 1)),
            ("branch7x7x3_4", 192, Halving),
        ]),
        MaxPoolHalving,
    ])
}

/// 3×3 as rows beside columns, and a `pool`: 2048 channels.
pub(super) fn e(path: &Path, channels: i64, pool: Layer) -> Layer {
    let from = |layers: &[_]| Layer::convolutions(path, channels, layers);
    let cross = |row, column| {
        let from = |layers: &[_]| Layer::convolutions(path, 384, layers);
        Branches(vec![from(&[(row, 384, Around(1, 3))]), from(&[(column, 384, Around(3, 1))])])
    };
    Branches(vec![
        from(&[("branch1x1", 320, POINT)]),
        Sequence(vec![from(&[("branch3x3_1", 384, POINT)]), cross("branch3x3_2a", "branch3x3_2b")]),
        Sequence(vec![
            from(&[("branch3x3dbl_1", 448, POINT), ("branch3x3dbl_2", 384, Around(3, 3))]),
            cross("branch3x3dbl_3a", "branch3x3dbl_3b"),
        ]),
        Sequence(vec![pool, from(&[("branch_pool", 192, POINT)])]),
    ])
}
