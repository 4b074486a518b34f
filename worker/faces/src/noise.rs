//! Smooth noise on the plane: the grain of skin, hair, cloth and walls.

/// Value noise in [-1, 1] with a feature size of 1, the same for the same seed and place.
pub(super) fn noise(seed: u32, x: f32, y: f32) -> f32 {
    let (left, top) = (floor(x), floor(y));
    let (s, t) = (ease(x - left as f32), ease(y - top as f32));
    let corner = |dx: i32, dy: i32| lattice(seed, left + dx, top + dy);
    let upper = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * s;
    let lower = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * s;
    upper + (lower - upper) * t
}

/// Three octaves of [`noise`], each half as large and half as strong as the one before.
pub(super) fn clouds(seed: u32, x: f32, y: f32) -> f32 {
    let octave = |k: u32, zoom: f32| noise(seed.wrapping_add(k), x * zoom, y * zoom) / zoom;
    (octave(0, 1.0) + octave(1, 2.0) + octave(2, 4.0)) / 1.75
}

/// Faster than `f32::floor`, which is a call where the processor's baseline has no instruction.
fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(x < whole as f32)
}

fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// A hash of the lattice point, spread over [-1, 1].
fn lattice(seed: u32, x: i32, y: i32) -> f32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 / (1 << 23) as f32 - 1.0
}
