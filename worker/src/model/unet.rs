//! The U-Net: stem, encoder, middle, decoder, with every output of the encoder kept as a skip.

use tch::nn::{self, Module};
use tch::{Device, Tensor};

use super::blocks::{Attention, Block, BlockConfig, Down, ResBlock, Up};
use super::embedding::LevelEmbedding;
use super::fusion::InputFusion;
use super::injection::Injection;
use super::parameters::convolution;
use super::{Mode, RGB};
use crate::config::plan::{Plan, Stage};
use crate::config::{Input, Model};

/// The denoising network and the store of its parameters.
#[derive(Debug)]
pub struct Unet {
    store: nn::VarStore,
    level: LevelEmbedding,
    fusion: Option<InputFusion>,
    stem: nn::Conv2D,
    downs: Vec<Layer>,
    middle: Vec<Layer>,
    ups: Vec<Layer>,
    last: Block,
}

#[expect(clippy::large_enum_variant, reason = "a few dozen stand in a vector, most of them blocks")]
#[derive(Debug)]
enum Layer {
    Block { injection: Option<Injection>, res_block: ResBlock, attention: Option<Attention> },
    Down(Down),
    Up(Up),
}

struct BlockInput<'a> {
    condition: &'a Tensor,
    embedding: Tensor,
    mode: Mode,
}

impl Unet {
    /// The network that `config` describes, with `outputs` channels leaving it and zero weights:
    /// load or [`initialise`](super::parameters::initialise) them.
    pub fn new(config: &Model, outputs: i64, device: Device) -> Self {
        let plan = Plan::new(config);
        let store = nn::VarStore::new(device);
        let root = store.root();
        let groups = config.groups.into();
        let fusion =
            (config.input == Input::Attention).then(|| InputFusion::new(&(&root / "early_att")));
        let level = LevelEmbedding::new(&(&root / "noise_level_mlp"), config.inner.into());
        let stem = (&root / "downs") / 0;
        let stem = nn::conv2d(stem, 2 * RGB, plan.stem.into(), 3, convolution(1, 1, true));
        let layers = |name, first, stages: &[Stage]| {
            let path = &root / name;
            (first..).zip(stages).map(|(i, s)| Layer::new(&(&path / i), *s, config)).collect()
        };
        let downs = layers("downs", 1, &plan.downs);
        let middle = layers("mid", 0, &plan.middle);
        let ups = layers("ups", 0, &plan.ups);
        let last = Block::new(&(&root / "final_conv"), plan.last.into(), outputs, groups, 0.0);
        Self { store, level, fusion, stem, downs, middle, ups, last }
    }

    /// The parameters under the reference's names.
    pub fn store(&self) -> &nn::VarStore {
        &self.store
    }

    /// Computes in f64 from now on.
    pub fn double(&mut self) {
        self.store.double();
    }

    /// The network's output for the noisy image `y` at noise level sqrt(gamma), given the
    /// upsampled low-resolution image: `[N, 3, H, W], [N, 3, H, W], [N, 1] -> [N, outputs, H, W]`.
    pub fn forward(&self, condition: &Tensor, y: &Tensor, level: &Tensor, mode: Mode) -> Tensor {
        let block_input = BlockInput { condition, embedding: self.level.forward(level), mode };
        let input = match &self.fusion {
            Some(fusion) => fusion.forward(condition, y),
            None => Tensor::cat(&[condition, y], 1),
        };
        let mut x = self.stem.forward(&input);
        let mut skips = vec![x.shallow_clone()];
        for layer in &self.downs {
            x = layer.forward(&x, &block_input);
            skips.push(x.shallow_clone());
        }
        for layer in &self.middle {
            x = layer.forward(&x, &block_input);
        }
        for layer in &self.ups {
            if let Layer::Block { .. } = layer {
                let skip = skips.pop().expect("the plan gives every block of the decoder a skip");
                x = Tensor::cat(&[x, skip], 1);
            }
            x = layer.forward(&x, &block_input);
        }
        self.last.forward(&x, mode)
    }
}

impl Layer {
    fn new(path: &nn::Path, stage: Stage, config: &Model) -> Self {
        let (input, output, attention, injection) = match stage {
            Stage::Down { channels } => return Self::Down(Down::new(path, channels.into())),
            Stage::Up { channels } => return Self::Up(Up::new(path, channels.into())),
            Stage::Block { input, output, attention, injection } => {
                (i64::from(input), i64::from(output), attention, injection)
            }
        };
        let block = BlockConfig {
            groups: config.groups.into(),
            dropout: config.dropout,
            heads: config.heads.into(),
            embedding: config.inner.into(),
        };
        let channels = config.injection_channels.into();
        Self::Block {
            injection: injection.map(|halvings| {
                Injection::new(&(path / "injection"), config.injection, halvings, channels)
            }),
            res_block: ResBlock::new(&(path / "res_block"), input, output, block),
            attention: attention.then(|| Attention::new(&(path / "attn"), output, block)),
        }
    }

    fn forward(&self, x: &Tensor, block_input: &BlockInput) -> Tensor {
        let (injection, res_block, attention) = match self {
            Self::Down(down) => return down.forward(x),
            Self::Up(up) => return up.forward(x),
            Self::Block { injection, res_block, attention } => (injection, res_block, attention),
        };
        let x = match injection {
            Some(injection) => Tensor::cat(&[x, &injection.forward(block_input.condition)], 1),
            None => x.shallow_clone(),
        };
        let x = res_block.forward(&x, &block_input.embedding, block_input.mode);
        attention.as_ref().map_or_else(|| x.shallow_clone(), |a| a.forward(&x))
    }
}
