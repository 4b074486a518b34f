//! The Inception-v3 whose features define FID: the network of 2015 as pytorch-fid ported it, under
//! the same names. It is not torchvision's: average pools leave the border out, and the last block
//! takes a maximum where others take a mean.

use std::collections::BTreeMap;
use std::path::Path;

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::blocks;
use super::layers::Kernel::{Around, Halving, Inside};
use super::layers::Layer;
use crate::image::Rgb;
use crate::weights::{WeightsError, WeightsFile};

/// Features of an image.
pub(crate) const FEATURES: i64 = 2048;
/// Side to which images are resized.
const SIDE: i64 = 299;

/// The network up to its last average.
#[derive(Debug)]
pub(crate) struct Inception {
    device: Device,
    /// pytorch-fid's four blocks, without the last average.
    blocks: [Layer; 4],
}

impl Inception {
    /// With the weights in the safetensors file at `weights`, which must hold exactly the tensors
    /// of pytorch-fid's network; the classifier (`fc.`) and `num_batches_tracked` are ignored.
    pub(crate) fn load(weights: &Path, device: Device) -> Result<Self, WeightsError> {
        let (network, tensors) = Self::new(device);
        WeightsFile::open(weights)?.load(&tensors, |name| {
            let is_ignored = name.starts_with("fc.") || name.ends_with("num_batches_tracked");
            (!is_ignored).then_some(name)
        })?;
        Ok(network)
    }

    /// With all weights zero, and these by name.
    fn new(device: Device) -> (Self, BTreeMap<String, Tensor>) {
        let mut store = VarStore::new(device);
        let root = &store.root();
        let stem = |layers: &[_], channels| {
            let convolutions = Layer::convolutions(root, channels, layers);
            Layer::Sequence(vec![convolutions, Layer::MaxPoolHalving])
        };
        let blocks = [
            stem(
                &[
                    ("Conv2d_1a_3x3", 32, Halving),
                    ("Conv2d_2a_3x3", 32, Inside),
                    ("Conv2d_2b_3x3", 64, Around(3, 3)),
                ],
                3,
            ),
            stem(&[("Conv2d_3b_1x1", 80, Around(1, 1)), ("Conv2d_4a_3x3", 192, Inside)], 64),
            Layer::Sequence(vec![
                blocks::a(&(root / "Mixed_5b"), 192, 32),
                blocks::a(&(root / "Mixed_5c"), 256, 64),
                blocks::a(&(root / "Mixed_5d"), 288, 64),
                blocks::b(&(root / "Mixed_6a"), 288),
                blocks::c(&(root / "Mixed_6b"), 128),
                blocks::c(&(root / "Mixed_6c"), 160),
                blocks::c(&(root / "Mixed_6d"), 160),
                blocks::c(&(root / "Mixed_6e"), 192),
            ]),
            Layer::Sequence(vec![
                blocks::d(&(root / "Mixed_7a"), 768),
                blocks::e(&(root / "Mixed_7b"), 1280, Layer::AveragePool),
                blocks::e(&(root / "Mixed_7c"), 2048, Layer::MaxPool),
            ]),
        ];
        store.freeze();
        let tensors = store.variables().into_iter().collect();
        (Self { device, blocks }, tensors)
    }

    /// Features of each image, `[N, 2048]`.
    pub(crate) fn features<'a>(&self, images: impl IntoIterator<Item = &'a Rgb>) -> Tensor {
        let _no_grad = tch::no_grad_guard();
        let inputs: Vec<Tensor> = images.into_iter().map(|image| self.input(image)).collect();
        let x = Tensor::cat(&inputs, 0);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(&x));
        x.mean_dim([2_i64, 3].as_slice(), false, Kind::Float)
    }

    /// An image as the network takes it: `[1, 3, 299, 299]` in [-1, 1]. Reduced without
    /// antialiasing, as in the reference.
    fn input(&self, image: &Rgb) -> Tensor {
        let shape = [image.height as i64, image.width as i64, 3];
        let codes = Tensor::from_slice(&image.pixels).reshape(shape).to_device(self.device);
        let planes = codes.permute([2, 0, 1]).to_kind(Kind::Float).unsqueeze(0) / 255.0;
        planes.upsample_bilinear2d([SIDE, SIDE], false, None, None) * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::golden;

    /// Numbers in [-1, 1) from a 32-bit hash of the position and the tensor's number.
    fn scrambled(count: usize, tensor: usize) -> impl Iterator<Item = f64> {
        let offset = (tensor as u32).wrapping_mul(0x9E37_79B9);
        (0..count as u32).map(move |i| {
            let mut x = i.wrapping_add(offset);
            x ^= x >> 16;
            x = x.wrapping_mul(0x7FEB_352D);
            x ^= x >> 15;
            x = x.wrapping_mul(0x846C_A68B);
            x ^= x >> 16;
            f64::from(x) / f64::from(1 << 30) / 2.0 - 1.0
        })
    }

    /// The weight that `fid_inception.py` gives the tensor.
    fn formula(name: &str, tensor: usize, shape: &[i64]) -> Tensor {
        let numbers = scrambled(shape.iter().product::<i64>() as usize, tensor);
        let (scale, offset) = if name.ends_with("conv.weight") {
            ((6.0 / shape[1..].iter().product::<i64>() as f64).sqrt(), 0.0)
        } else if name.ends_with("bn.weight") || name.ends_with("bn.running_var") {
            (0.2, 1.0)
        } else {
            (0.2, 0.0)
        };
        let values: Vec<f32> = numbers.map(|x| (scale * x + offset) as f32).collect();
        Tensor::from_slice(&values).reshape(shape)
    }

    /// The network with formula weights, loaded as a user's are.
    fn network() -> Inception {
        let (_, tensors) = Inception::new(Device::Cpu);
        let mut weights: Vec<(&str, Tensor)> = Vec::new();
        for (number, (name, tensor)) in tensors.iter().enumerate() {
            weights.push((name, formula(name, number, &tensor.size())));
        }
        weights.push(("fc.bias", Tensor::zeros([1008], (Kind::Float, Device::Cpu))));
        let batches = Tensor::zeros([0; 0], (Kind::Int64, Device::Cpu));
        weights.push(("Conv2d_1a_3x3.bn.num_batches_tracked", batches));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inception.safetensors");
        Tensor::write_safetensors(&weights, &path).unwrap();
        Inception::load(&path, Device::Cpu).unwrap()
    }

    #[test]
    fn names_and_shapes_are_pytorch_fids() {
        let (_, tensors) = Inception::new(Device::Cpu);
        let ours = tensors.into_iter().map(|(name, tensor)| (name, tensor.size())).collect();
        let names = include_str!("../../tests/golden/fid_inception_names.json");
        let theirs: BTreeMap<String, Vec<i64>> = serde_json::from_str(names).unwrap();
        assert_eq!(theirs, ours);
    }

    /// pytorch-fid 0.3.0 on the same weights and images, by `tests/golden/fid_inception.py`. Float32
    /// allows 1e-5 of the largest feature.
    #[test]
    fn features_are_pytorch_fids() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/fid_inception.safetensors");
        let golden: BTreeMap<_, _> = Tensor::read_safetensors(path).unwrap().into_iter().collect();
        let images = [golden::texture(40, 48), golden::smooth(128, 128)];
        let network = network();
        let features = network.features(&images);
        let close = |ours: &Tensor, theirs: &Tensor| {
            let error = (ours - theirs).abs().max().double_value(&[]);
            assert!(error <= 1e-5 * theirs.abs().max().double_value(&[]), "off by {error}");
        };
        close(&features, &golden["features"]);

        let inputs: Vec<Tensor> = images.iter().map(|image| network.input(image)).collect();
        let mut x = Tensor::cat(&inputs, 0);
        for (number, block) in network.blocks[..3].iter().enumerate() {
            x = block.forward(&x);
            let mean = |x: &Tensor| x.mean_dim([1_i64, 2, 3].as_slice(), false, Kind::Float);
            let statistics = Tensor::stack(&[mean(&x), mean(&x.square())], 0);
            close(&statistics, &golden[&format!("block{number}")]);
        }
    }
}
