//! The pieces of the U-Net: residual block, self-attention, and the changes of resolution.

use tch::Tensor;
use tch::nn::{self, Module};

use super::Mode;
use super::dropout::dropout;
use super::parameters::{LINEAR, convolution};

/// Settings that all blocks of one network share.
#[derive(Debug, Clone, Copy)]
pub struct BlockConfig {
    /// Groups of the group normalisation.
    pub groups: i64,
    /// Dropout probability before each residual block's second convolution.
    pub dropout: f64,
    /// Attention heads; they divide the channels of every attention.
    pub heads: i64,
    /// Channels of the noise level's embedding.
    pub embedding: i64,
}

/// Group normalisation, swish, dropout, 3×3 convolution. The names are the indices of the
/// reference's sequence.
#[derive(Debug)]
pub(crate) struct Block {
    norm: nn::GroupNorm,
    dropout: f64,
    conv: nn::Conv2D,
}

impl Block {
    /// A block from `input` to `output` channels.
    pub(crate) fn new(path: &nn::Path, input: i64, output: i64, groups: i64, dropout: f64) -> Self {
        let path = path / "block";
        Self {
            norm: nn::group_norm(&path / 0, groups, input, nn::GroupNormConfig::default()),
            dropout,
            conv: nn::conv2d(&path / 3, input, output, 3, convolution(1, 1, true)),
        }
    }

    /// `[N, input, H, W] -> [N, output, H, W]`.
    pub(crate) fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let mut x = self.norm.forward(x).silu();
        if self.dropout > 0.0 && mode == Mode::Train {
            x = dropout(&x, self.dropout);
        }
        self.conv.forward(&x)
    }
}

/// Two blocks with the noise level's embedding added between them, and a skip around both.
#[derive(Debug)]
pub struct ResBlock {
    level: nn::Linear,
    first: Block,
    second: Block,
    skip: Option<nn::Conv2D>,
}

impl ResBlock {
    /// A residual block from `input` to `output` channels.
    pub fn new(path: &nn::Path, input: i64, output: i64, config: BlockConfig) -> Self {
        let BlockConfig { groups, dropout, embedding, .. } = config;
        let level = path / "noise_func" / "noise_func" / 0;
        Self {
            level: nn::linear(level, embedding, output, LINEAR),
            first: Block::new(&(path / "block1"), input, output, groups, 0.0),
            second: Block::new(&(path / "block2"), output, output, groups, dropout),
            skip: (input != output)
                .then(|| nn::conv2d(path / "res_conv", input, output, 1, convolution(0, 1, true))),
        }
    }

    /// `[N, input, H, W], [N, embedding] -> [N, output, H, W]`.
    pub fn forward(&self, x: &Tensor, embedding: &Tensor, mode: Mode) -> Tensor {
        let level = self.level.forward(embedding).unsqueeze(-1).unsqueeze(-1);
        let h = self.first.forward(x, mode) + level;
        let h = self.second.forward(&h, mode);
        match &self.skip {
            Some(skip) => h + skip.forward(x),
            None => h + x,
        }
    }
}

/// Attention takes so many pixels at a time that there are at most this many scores (256 MiB in
/// f32): of all pixels of a large picture at once they would need more memory than a machine has.
const SCORES: i64 = 1 << 26;

/// Self-attention over the pixels, with a residual connection.
#[derive(Debug)]
pub struct Attention {
    heads: i64,
    norm: nn::GroupNorm,
    qkv: nn::Conv2D,
    out: nn::Conv2D,
}

impl Attention {
    /// Attention over `channels`, which `config.heads` divides.
    pub fn new(path: &nn::Path, channels: i64, config: BlockConfig) -> Self {
        let norm = nn::GroupNormConfig::default();
        Self {
            heads: config.heads,
            norm: nn::group_norm(path / "norm", config.groups, channels, norm),
            qkv: nn::conv2d(path / "qkv", channels, 3 * channels, 1, convolution(0, 1, false)),
            out: nn::conv2d(path / "out", channels, channels, 1, convolution(0, 1, true)),
        }
    }

    /// `[N, C, H, W] -> [N, C, H, W]`. Scores are of queries divided by the root of a head's channels
    /// (the unofficial SR3 divides by that of all channels, which is the same for its one head).
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (n, c, h, w) = x.size4().expect("an image batch has four dimensions");
        let per_head = c / self.heads;
        let qkv = self.qkv.forward(&self.norm.forward(x));
        // Channels run head by head, and within a head query, key, value.
        let qkv = qkv.reshape([n, self.heads, 3 * per_head, h * w]).chunk(3, 2);
        let [query, key, value] = &qkv[..] else { unreachable!("three chunks of 3 × channels") };
        // Instead of the scores, of which there are more.
        let query = query / (per_head as f64).sqrt();
        let at_once = (SCORES / (n * self.heads * h * w)).clamp(1, h * w);
        let mut mixed = Vec::new();
        for query in query.split(at_once, -1) {
            let scores = query.transpose(-2, -1).matmul(key);
            let weights = scores.softmax(-1, None); // [N, heads, queries, HW (keys)]
            mixed.push(value.matmul(&weights.transpose(-2, -1)));
        }
        let mixed = Tensor::cat(&mixed, -1).reshape([n, c, h, w]);
        x + self.out.forward(&mixed)
    }
}

/// Halves the resolution by a convolution of stride 2.
#[derive(Debug)]
pub struct Down(nn::Conv2D);

impl Down {
    /// For feature maps of `channels` channels.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        Self(nn::conv2d(path / "conv", channels, channels, 3, convolution(1, 2, true)))
    }

    /// `[N, C, H, W] -> [N, C, H / 2, W / 2]`, rounded up.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.0.forward(x)
    }
}

/// Doubles the resolution by repeating pixels, then smooths by a convolution.
#[derive(Debug)]
pub struct Up(nn::Conv2D);

impl Up {
    /// For feature maps of `channels` channels.
    pub fn new(path: &nn::Path, channels: i64) -> Self {
        Self(nn::conv2d(path / "conv", channels, channels, 3, convolution(1, 1, true)))
    }

    /// `[N, C, H, W] -> [N, C, 2 H, 2 W]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let (_, _, h, w) = x.size4().expect("an image batch has four dimensions");
        self.0.forward(&x.upsample_nearest2d([2 * h, 2 * w], None, None))
    }
}
