//! The blocks of a U-Net and their widths, as pure numbers: the model and the rules of a config read
//! the same plan.

use super::{Injection, Model};

/// The order and widths of a U-Net's blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Channels of the stem, which precedes `downs`.
    pub(crate) stem: u32,
    /// The encoder; the output of each and of the stem is kept as a skip.
    pub(crate) downs: Vec<Stage>,
    pub(crate) middle: [Stage; 2],
    /// The decoder; each block is fed the output before it and the latest unused skip.
    pub(crate) ups: Vec<Stage>,
    /// Channels that enter the last convolution.
    pub(crate) last: u32,
}

/// One entry of the network's `downs`, `mid` or `ups`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A residual block, perhaps followed by self-attention.
    Block {
        /// Channels that enter, the skip's included.
        input: u32,
        output: u32,
        /// Followed by self-attention.
        attention: bool,
        /// Halvings of the low-resolution image that enters here once more, if it does.
        injection: Option<u32>,
    },
    Down {
        channels: u32,
    },
    Up {
        channels: u32,
    },
}

impl Plan {
    /// The plan of `model`, whose values are valid.
    pub(crate) fn new(model: &Model) -> Self {
        let levels = model.multipliers.len();
        let attended = model.attention.map(|above| levels - 1 - above as usize);
        let injected = (model.injection != Injection::None).then(|| levels.saturating_sub(2));
        // It enters the first block of the level in encoder and decoder.
        let injection =
            |level, block| (injected == Some(level) && block == 0).then_some(level as u32);
        let mut width = model.inner;
        let mut skips = vec![width];
        let mut downs = Vec::new();
        for (level, multiplier) in model.multipliers.iter().enumerate() {
            for block in 0..model.blocks {
                let (output, attention) = (model.inner * multiplier, attended == Some(level));
                let injection = injection(level, block);
                let input = width + injection.map_or(0, |_| model.injection_channels);
                downs.push(Stage::Block { input, output, attention, injection });
                width = output;
                skips.push(width);
            }
            if level + 1 < levels {
                downs.push(Stage::Down { channels: width });
                skips.push(width);
            }
        }
        let (input, output) = (width, width);
        let middle = [true, false].map(|attention| Stage::Block {
            input,
            output,
            attention,
            injection: None,
        });
        let mut ups = Vec::new();
        for (level, multiplier) in model.multipliers.iter().enumerate().rev() {
            for block in 0..=model.blocks {
                let skip = skips.pop().expect("every block of the decoder has its skip");
                let (output, attention) = (model.inner * multiplier, attended == Some(level));
                let injection = injection(level, block);
                let input = width + skip + injection.map_or(0, |_| model.injection_channels);
                ups.push(Stage::Block { input, output, attention, injection });
                width = output;
            }
            if level > 0 {
                ups.push(Stage::Up { channels: width });
            }
        }
        Self { stem: model.inner, downs, middle, ups, last: width }
    }

    /// Channels of every group normalisation.
    pub(crate) fn normalised_widths(&self) -> Vec<u32> {
        self.blocks().flat_map(|(input, output, _)| [input, output]).chain([self.last]).collect()
    }

    pub(crate) fn attended_widths(&self) -> Vec<u32> {
        self.blocks().filter(|(_, _, attention)| *attention).map(|(_, output, _)| output).collect()
    }

    fn blocks(&self) -> impl Iterator<Item = (u32, u32, bool)> {
        self.downs.iter().chain(&self.middle).chain(&self.ups).filter_map(|stage| match *stage {
            Stage::Block { input, output, attention, .. } => Some((input, output, attention)),
            Stage::Down { .. } | Stage::Up { .. } => None,
        })
    }
}
