//! The 8-bit RGB image: reading, writing, cropping, and its form as planes in [-1, 1].

use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use ::image::{
    ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits,
};

use crate::filesystem;

/// Most bytes of a decoded image: 512 MiB, of 8-bit RGB 179 million pixels.
const MOST_BYTES: u64 = 512 << 20;

/// An 8-bit RGB image, rows from the top, channels interleaved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// `width * height * 3` bytes: red, green, blue of each pixel.
    pub pixels: Vec<u8>,
}

/// An image file that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file is missing, unreadable, or not a complete PNG or JPEG.
    #[error("cannot read `{}` as a PNG or JPEG image", path.display())]
    Read { path: PathBuf, source: ::image::ImageError },
    /// The image would not fit into memory.
    #[error(
        "the image `{}` has {width}×{height} pixels, which take {bytes} bytes, more than the \
         {MOST_BYTES} that are read; reduce it first",
        path.display()
    )]
    TooLarge { path: PathBuf, width: u32, height: u32, bytes: u64 },
    /// The PNG could not be written.
    #[error("cannot write the image `{}`", path.display())]
    Write { path: PathBuf, source: ::image::ImageError },
}

impl Rgb {
    /// Reads a PNG or JPEG, whatever its name ends in. Grey becomes RGB, an alpha channel is
    /// dropped, 16 bits become 8, and a camera's orientation tag is applied.
    pub fn load(path: &Path) -> Result<Self, ImageError> {
        let contents = filesystem::read(path)
            .map_err(|error| ImageError::Read { path: path.to_owned(), source: error.into() })?;
        Self::decode(&contents, path)
    }

    /// The same from the contents of a file, whose `path` is for messages only.
    pub(crate) fn decode(contents: &[u8], path: &Path) -> Result<Self, ImageError> {
        let read = |source| ImageError::Read { path: path.to_owned(), source };
        let decoder = decoder(contents).map_err(read)?;
        let ((width, height), bytes) = (decoder.dimensions(), decoder.total_bytes());
        if bytes > MOST_BYTES {
            return Err(ImageError::TooLarge { path: path.to_owned(), width, height, bytes });
        }
        let image = decode(decoder).map_err(read)?.into_rgb8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        Ok(Self { width, height, pixels: image.into_raw() })
    }

    /// True if an image of this size may be made: it is no larger than one that may be read.
    pub(crate) fn fits(width: usize, height: usize) -> bool {
        width as u128 * height as u128 * 3 <= u128::from(MOST_BYTES)
    }

    /// The difference to `other`, an image of the same size, plus the middle grey 128 and clamped.
    #[must_use]
    pub(crate) fn less(&self, other: &Self) -> Self {
        let mut pixels = self.pixels.clone();
        for (pixel, other) in pixels.iter_mut().zip(&other.pixels) {
            *pixel = (i16::from(*pixel) - i16::from(*other) + 128).clamp(0, 255) as u8;
        }
        Self { pixels, ..*self }
    }

    /// Writes the image as PNG.
    pub fn save_png(&self, path: &Path) -> Result<(), ImageError> {
        let (width, height) = (self.width as u32, self.height as u32);
        let format = ImageFormat::Png;
        ::image::save_buffer_with_format(path, &self.pixels, width, height, ColorType::Rgb8, format)
            .map_err(|source| ImageError::Write { path: path.to_owned(), source })
    }

    /// The largest centred square; an odd pixel too many stays out at the right or the bottom.
    #[must_use]
    pub(crate) fn centre_square(&self) -> Self {
        let side = self.width.min(self.height);
        let (left, top) = ((self.width - side) / 2, (self.height - side) / 2);
        let rows = self.pixels.chunks_exact(self.width * 3).skip(top).take(side);
        let pixels = rows.flat_map(|row| &row[left * 3..(left + side) * 3]).copied().collect();
        Self { width: side, height: side, pixels }
    }

    /// The part of so many pixels at the left and the top, which the image must have.
    #[must_use]
    pub(crate) fn corner(&self, width: usize, height: usize) -> Self {
        let rows = self.pixels.chunks_exact(self.width * 3).take(height);
        let pixels = rows.flat_map(|row| &row[..width * 3]).copied().collect();
        Self { width, height, pixels }
    }

    /// The model's view: planes `[3, height, width]` with 0 at -1 and 255 at 1.
    pub(crate) fn to_planes(&self) -> Vec<f32> {
        (0..3)
            .flat_map(|channel| self.pixels.iter().skip(channel).step_by(3))
            .map(|&code| f32::from(code) / 127.5 - 1.0)
            .collect()
    }

    /// The inverse of [`Rgb::to_planes`]: values are clamped to [-1, 1] and rounded half to even.
    ///
    /// Panics unless there are `3 * height * width` values.
    pub(crate) fn from_planes(width: usize, height: usize, planes: &[f32]) -> Self {
        let area = width * height;
        assert_eq!(planes.len(), 3 * area, "planes must be [3, {height}, {width}]");
        let pixels = (0..3 * area).map(|i| code(planes[i % 3 * area + i / 3])).collect();
        Self { width, height, pixels }
    }
}

fn code(value: f32) -> u8 {
    ((value.clamp(-1.0, 1.0) + 1.0) * 127.5).round_ties_even() as u8
}

/// A decoder that has read the image's size alone.
fn decoder(contents: &[u8]) -> ImageResult<impl ImageDecoder> {
    let mut reader = ImageReader::new(Cursor::new(contents)).with_guessed_format()?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    reader.into_decoder()
}

fn decode(mut decoder: impl ImageDecoder) -> ImageResult<DynamicImage> {
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    if image.width() == 0 || image.height() == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the image has no pixels").into());
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use ::image::{GrayImage, Luma, Rgba, RgbaImage};

    use super::*;
    use crate::image::golden;

    #[test]
    fn codes_match_the_reference() {
        let golden = golden::load();
        for (x, expected) in golden.tensor_to_u8.x.iter().zip(golden.tensor_to_u8.u8) {
            assert_eq!(code(*x as f32), expected, "{x}");
        }
    }

    #[test]
    fn planes_round_trip_every_code() {
        let image = golden::texture(20, 27);
        let planes = image.to_planes();
        assert_eq!(Rgb::from_planes(27, 20, &planes), image);
        // Green of the third pixel in the second row.
        assert_eq!(code(planes[20 * 27 + 27 + 2]), image.pixels[(27 + 2) * 3 + 1]);
        for value in 0..=255 {
            assert_eq!(code(f32::from(value) / 127.5 - 1.0), value);
        }
    }

    #[test]
    fn a_difference_is_centred_on_grey_and_is_cut_off_at_its_ends() {
        let image = |pixels: [u8; 3]| Rgb { width: 1, height: 1, pixels: pixels.to_vec() };
        // 128 + 10 - 30, 128 + 7 - 7 and 128 + 255 - 0.
        assert_eq!(image([10, 7, 255]).less(&image([30, 7, 0])), image([108, 128, 255]));
        assert_eq!(image([0, 0, 0]).less(&image([200, 127, 0])), image([0, 1, 128]));
    }

    #[test]
    fn the_square_is_centred() {
        let image = golden::texture(3, 6);
        let square = image.centre_square();
        assert_eq!((square.width, square.height), (3, 3));
        assert_eq!(square.pixels[..9], image.pixels[3..12]);
        assert_eq!(image.centre_square(), square.centre_square());
    }

    #[test]
    fn files_of_other_kinds_become_rgb() {
        let folder = tempfile::tempdir().unwrap();
        let grey = folder.path().join("grey.jpg");
        GrayImage::from_pixel(9, 5, Luma([77])).save(&grey).unwrap();
        let loaded = Rgb::load(&grey).unwrap();
        assert_eq!((loaded.width, loaded.height), (9, 5));
        assert!(loaded.pixels.iter().all(|value| value.abs_diff(77) <= 1));

        let clear = folder.path().join("clear.png");
        RgbaImage::from_pixel(2, 2, Rgba([1, 2, 3, 0])).save(&clear).unwrap();
        assert_eq!(Rgb::load(&clear).unwrap().pixels, [1, 2, 3].repeat(4));

        // A PNG under a JPEG's name.
        let disguised = folder.path().join("disguised.jpg");
        std::fs::copy(&clear, &disguised).unwrap();
        assert_eq!(Rgb::load(&disguised).unwrap(), Rgb::load(&clear).unwrap());
    }

    #[test]
    fn an_image_that_is_too_large_is_refused_by_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        Rgb { width: 3, height: 2, pixels: vec![7; 18] }.save_png(&path).unwrap();
        let mut contents = std::fs::read(&path).unwrap();
        for (side, too_large) in [(30_000_u32, true), (13_378, true), (13_377, false)] {
            // Width and height in the header, and its checksum.
            contents[16..24].copy_from_slice(&[side.to_be_bytes(), side.to_be_bytes()].concat());
            let checksum = crc32fast::hash(&contents[12..29]).to_be_bytes();
            contents[29..33].copy_from_slice(&checksum);
            std::fs::write(&path, &contents).unwrap();
            let error = Rgb::load(&path).unwrap_err();
            assert_eq!(matches!(error, ImageError::TooLarge { .. }), too_large, "{side}: {error}");
            assert_eq!(Rgb::fits(side as usize, side as usize), !too_large);
            assert!(error.to_string().contains("wide.png"), "{error}");
        }
    }

    #[test]
    fn a_saved_image_reads_back_and_errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        let image = golden::smooth(5, 7);
        image.save_png(&path).unwrap();
        assert_eq!(Rgb::load(&path).unwrap(), image);

        let nowhere = folder.path().join("missing").join("image.png");
        assert!(Rgb::load(&nowhere).unwrap_err().to_string().contains("missing"));
        assert!(image.save_png(&nowhere).unwrap_err().to_string().contains("missing"));
    }
}
