//! The synthetic faces as a dataset: families of faces, of which each is numbered from 0.

use crate::image::Rgb;
use crate::random::{self, Purpose};

pub(super) use faces::VERSION;

/// Draws face `index` of the family `seed` at `size` pixels a side.
pub(super) fn render(seed: u64, index: u64, size: usize) -> Rgb {
    let seed = random::seed(seed, Purpose::Face, &[index]);
    Rgb { width: size, height: size, pixels: faces::render(seed, size) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::image::{bicubic, metrics};

    #[test]
    fn a_face_follows_from_seed_and_index_alone() {
        let face = render(1, 7, 32);
        assert_eq!((face.width, face.height, face.pixels.len()), (32, 32, 32 * 32 * 3));
        assert_eq!(render(1, 7, 32), face);
        let others: HashSet<_> = (0..20).map(|i| render(1 + i / 10, i % 10, 32).pixels).collect();
        assert_eq!(others.len(), 20);
    }

    /// The same on every machine and with every compiler; `faces` pins the same digest by seeds.
    #[test]
    fn the_pixels_belong_to_this_version() {
        let pixels: Vec<u8> = (0..8).flat_map(|i| render(2, i, 32).pixels).collect();
        let digest = base16ct::lower::encode_string(&Sha256::digest(&pixels)[..8]);
        assert_eq!((VERSION, digest.as_str()), (1, "9aecdba703202dcd"));
    }

    #[test]
    fn sizes_show_the_same_face() {
        for index in 0..4 {
            let small = render(3, index, 32);
            let reduced = bicubic::resize(&render(3, index, 128), 32, 32);
            assert!(metrics::psnr(&small, &reduced) > 26.0, "face {index}");
        }
    }

    /// Between 19 and 24 dB, as bicubic enlargements of photographs score at these sizes.
    #[test]
    fn faces_hold_detail_that_bicubic_loses() {
        for (size, low) in [(32, 8), (128, 16)] {
            let psnr = |index| {
                let face = render(2, index, size);
                let enlarged = bicubic::resize(&bicubic::resize(&face, low, low), size, size);
                metrics::psnr(&enlarged, &face)
            };
            let mean = (0..24).map(psnr).sum::<f64>() / 24.0;
            assert!((19.0..24.0).contains(&mean), "{mean} dB at {size} pixels");
        }
    }
}
