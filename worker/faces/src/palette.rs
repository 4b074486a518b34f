//! Colours, and the traits that a person's features share: age, complexion, build.

use super::rng::Rng;

/// Red, green, blue from 0 to 1, as they are stored in a file (not linear light).
pub(super) type Colour = [f32; 3];

/// Skin from the lightest to the deepest.
const SKIN: [u32; 7] =
    [0xf0_cbae, 0xea_bb98, 0xdc_a67e, 0xc8_9067, 0xa5_6e48, 0x80_5136, 0x5a_3828];
/// Hair in the order in which it darkens, from blond.
const HAIR: [u32; 8] =
    [0xd9_b67c, 0xb4_8c55, 0xa0_5b34, 0x80_5a3a, 0x5c_3d28, 0x3f_2a1e, 0x29_1d18, 0x1a_1514];
const GREY_HAIR: u32 = 0xbc_b8b2;
const LIGHT_EYES: [u32; 4] = [0x5f_87a8, 0x7a_9a8c, 0x6d_7f4e, 0x86_8f96];
const DARK_EYES: [u32; 4] = [0x6b_4526, 0x4a_2f1c, 0x36_231a, 0x82_6030];

/// Traits that several parts of a face depend on.
pub(super) struct Traits {
    /// From 0 (young) to 1 (old).
    pub(super) age: f32,
    /// From 0 to 1: rounder jaw, fuller lips, thinner brows, longer hair, no beard.
    pub(super) softness: f32,
    /// Skin in full light.
    pub(super) skin: Colour,
    /// Hair, brows and beard.
    pub(super) hair: Colour,
    pub(super) iris: Colour,
    /// Lightness of the skin, from 0 to 1.
    pub(super) fairness: f32,
}

impl Traits {
    pub(super) fn sample(rng: &mut Rng) -> Self {
        let depth = rng.unit();
        let tint = rng.around(0.04);
        let skin = ramp(&SKIN, depth * depth.max(0.4));
        let skin = [skin[0] + tint * 0.5, skin[1], skin[2] - tint];
        let age = rng.unit();
        // Deep skin seldom goes with light hair or light eyes.
        let darkest = (depth * 1.35).min(0.93);
        let hair = ramp(&HAIR, rng.between(darkest, 1.0));
        let greyness = ((age - 0.6) * 2.5 * rng.unit()).clamp(0.0, 1.0);
        let hair = mix(hair, hex(GREY_HAIR), greyness);
        let light_eyed = rng.chance(0.65 - depth);
        let iris = hex(rng.pick(if light_eyed { &LIGHT_EYES } else { &DARK_EYES }));
        let softness = rng.unit();
        Self { age, softness, skin, hair, iris, fairness: 1.0 - depth }
    }
}

/// A colour from 0xrrggbb.
pub(super) const fn hex(code: u32) -> Colour {
    let [_, red, green, blue] = code.to_be_bytes();
    [red as f32 / 255.0, green as f32 / 255.0, blue as f32 / 255.0]
}

/// From `a` at 0 to `b` at 1.
pub(super) fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}

/// Brighter (above 1) or darker (below 1).
pub(super) fn dim(colour: Colour, factor: f32) -> Colour {
    colour.map(|value| value * factor)
}

/// The channels multiplied one by one: a surface under coloured light.
pub(super) fn times(a: Colour, b: Colour) -> Colour {
    std::array::from_fn(|i| a[i] * b[i])
}

/// Any colour of middling strength, for walls and clothes.
pub(super) fn any_colour(rng: &mut Rng) -> Colour {
    let grey = rng.between(0.08, 0.85);
    let spread = rng.between(0.0, 0.22);
    [grey + rng.around(spread), grey + rng.around(spread), grey + rng.around(spread)]
        .map(|value| value.clamp(0.03, 0.95))
}

/// The colour at `place` (0 to 1) along evenly spaced ones.
fn ramp(codes: &[u32], place: f32) -> Colour {
    let place = place.clamp(0.0, 1.0) * (codes.len() - 1) as f32;
    let left = (place as usize).min(codes.len() - 2);
    mix(hex(codes[left]), hex(codes[left + 1]), place - left as f32)
}
