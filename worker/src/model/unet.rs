//! The U-Net: stem, way down, middle, way up, with every output of the way down kept as a skip.

use tch::nn::{self, Module};
use tch::{Device, Tensor};

use super::Mode;
use super::blocks::{Attention, Block, BlockConfig, Down, ResBlock, Up};
use super::embedding::LevelEmbedding;
use super::parameters::convolution;
use super::plan::{Plan, Stage};
use crate::config::Model;

/// Channels of an image.
const RGB: i64 = 3;

/// The denoising network and the store of its parameters.
#[derive(Debug)]
pub struct Unet {
    store: nn::VarStore,
    level: LevelEmbedding,
    stem: nn::Conv2D,
    downs: Vec<Layer>,
    middle: Vec<Layer>,
    ups: Vec<Layer>,
    last: Block,
}

#[expect(clippy::large_enum_variant, reason = "a few dozen stand in a vector, most of them blocks")]
#[derive(Debug)]
enum Layer {
    Block(ResBlock, Option<Attention>),
    Down(Down),
    Up(Up),
}

#[derive(Clone, Copy)]
enum Way {
    Down,
    Up,
}

impl Unet {
    /// The network that `config` describes, with zero weights: load or
    /// [`initialise`](super::parameters::initialise) them.
    pub fn new(config: &Model, device: Device) -> Self {
        let plan = Plan::new(config);
        let block = BlockConfig {
            groups: config.groups.into(),
            dropout: config.dropout,
            heads: config.heads.into(),
            embedding: config.inner.into(),
        };
        let store = nn::VarStore::new(device);
        let root = store.root();
        let stage = |path: nn::Path, stage, way| Layer::new(&path, stage, way, block);
        let level = LevelEmbedding::new(&(&root / "noise_level_mlp"), block.embedding);
        let (down, middle, up) = (&root / "downs", &root / "mid", &root / "ups");
        let stem = nn::conv2d(&down / 0, 2 * RGB, plan.stem.into(), 3, convolution(1, 1, true));
        let downs = (1..).zip(&plan.downs).map(|(i, s)| stage(&down / i, *s, Way::Down)).collect();
        let middle =
            (0..).zip(&plan.middle).map(|(i, s)| stage(&middle / i, *s, Way::Up)).collect();
        let ups = (0..).zip(&plan.ups).map(|(i, s)| stage(&up / i, *s, Way::Up)).collect();
        let last = Block::new(&(&root / "final_conv"), plan.last.into(), RGB, block.groups, 0.0);
        Self { store, level, stem, downs, middle, ups, last }
    }

    /// The parameters under the reference's names.
    pub fn store(&self) -> &nn::VarStore {
        &self.store
    }

    /// What the network makes of the noisy image `y` at noise level sqrt(gamma), given the
    /// upsampled low-resolution image: `[N, 3, S, S], [N, 3, S, S], [N, 1] -> [N, 3, S, S]`.
    pub fn forward(&self, condition: &Tensor, y: &Tensor, level: &Tensor, mode: Mode) -> Tensor {
        let embedding = self.level.forward(level);
        let mut x = self.stem.forward(&Tensor::cat(&[condition, y], 1));
        let mut skips = vec![x.shallow_clone()];
        for layer in &self.downs {
            x = layer.forward(&x, &embedding, mode);
            skips.push(x.shallow_clone());
        }
        for layer in &self.middle {
            x = layer.forward(&x, &embedding, mode);
        }
        for layer in &self.ups {
            if let Layer::Block(..) = layer {
                let skip = skips.pop().expect("the plan gives every block on the way up a skip");
                x = Tensor::cat(&[x, skip], 1);
            }
            x = layer.forward(&x, &embedding, mode);
        }
        self.last.forward(&x, mode)
    }
}

impl Layer {
    fn new(path: &nn::Path, stage: Stage, way: Way, config: BlockConfig) -> Self {
        match (stage, way) {
            (Stage::Block { input, output, attention }, _) => {
                let (input, output) = (input.into(), output.into());
                let res_block = ResBlock::new(&(path / "res_block"), input, output, config);
                let attend = || Attention::new(&(path / "attn"), output, config);
                Self::Block(res_block, attention.then(attend))
            }
            (Stage::Resample { channels }, Way::Down) => {
                Self::Down(Down::new(path, channels.into()))
            }
            (Stage::Resample { channels }, Way::Up) => Self::Up(Up::new(path, channels.into())),
        }
    }

    fn forward(&self, x: &Tensor, embedding: &Tensor, mode: Mode) -> Tensor {
        match self {
            Self::Block(res_block, attention) => {
                let x = res_block.forward(x, embedding, mode);
                attention.as_ref().map_or_else(|| x.shallow_clone(), |a| a.forward(&x))
            }
            Self::Down(down) => down.forward(x),
            Self::Up(up) => up.forward(x),
        }
    }
}
