//! Against the rule written down plainly: one sum per byte, one axis after the other.

use proptest::prelude::*;

use super::taps::Taps;
use super::*;

/// All eight orientations.
fn turns() -> impl Iterator<Item = Turn> {
    (0..8).map(|bits| Turn {
        quarter: bits & 4 != 0,
        from_right: bits & 2 != 0,
        from_bottom: bits & 1 != 0,
    })
}

/// The definition: width first over all rows, a byte for each, then height.
fn plain(pixels: &[u8], from: Size, to: Size) -> Vec<u8> {
    let narrow = along(pixels, from, to.width);
    let size = Size {
        height: from.height,
        width: to.width,
    };
    // Rows and columns change places, are resized along the rows, and change back.
    let turned = transpose(&narrow, size);
    let sides = Size {
        height: size.width,
        width: size.height,
    };
    let out = along(&turned, sides, to.height);
    transpose(
        &out,
        Size {
            height: to.width,
            width: to.height,
        },
    )
}

fn along(pixels: &[u8], from: Size, outputs: usize) -> Vec<u8> {
    if from.width == outputs {
        return pixels.to_vec();
    }
    let taps = Taps::new(from.width, outputs);
    let mut out = vec![0; from.height * outputs * CHANNELS];
    for y in 0..from.height {
        for x in 0..outputs {
            for channel in 0..CHANNELS {
                let mut sum = taps.half();
                for (input, &weight) in taps.inputs(x).zip(taps.weights(x)) {
                    let value = pixels[(y * from.width + input) * CHANNELS + channel];
                    sum += i32::from(weight) * i32::from(value);
                }
                out[(y * outputs + x) * CHANNELS + channel] =
                    (sum >> taps.precision()).clamp(0, 255) as u8;
            }
        }
    }
    out
}

fn transpose(pixels: &[u8], size: Size) -> Vec<u8> {
    let turn = Turn {
        quarter: true,
        ..Turn::default()
    };
    turn.upright(pixels.to_vec(), size)
}

/// Noise, half of it black and white: hard edges overshoot on both ends.
fn pixels(size: Size, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..size.pixels() * CHANNELS)
        .map(|_| {
            if seed.is_multiple_of(2) {
                next()
            } else {
                next() / 128 * 255
            }
        })
        .collect()
}

fn check(from: Size, to: Size, seed: u32) {
    let stored = pixels(from, seed);
    assert!(
        resize(&stored, from, to) == plain(&stored, from, to),
        "{from:?} -> {to:?}, seed {seed}"
    );
    for turn in turns() {
        let upright = turn.upright(stored.clone(), from);
        assert!(
            resize_upright(&stored, from, turn, to) == plain(&upright, turn.size(from), to),
            "{from:?}, {turn:?} -> {to:?}, seed {seed}"
        );
    }
}

fn size(height: usize, width: usize) -> Size {
    Size { height, width }
}

#[test]
fn edges_of_bands_and_chunks_and_very_long_pictures_follow_the_plain_rule() {
    for (from, to) in [
        (size(1, 1), size(32, 32)),
        (size(1, 1), size(1, 1)),
        (size(1, 200), size(32, 64)),
        (size(200, 1), size(64, 32)),
        (size(2, 2), size(1, 1)),
        (size(3, 3200), size(32, 320)),
        (size(1600, 8), size(320, 32)),
        (size(15, 16), size(16, 15)),
        (size(16, 16), size(8, 8)),
        (size(17, 17), size(32, 9)),
        (size(33, 49), size(33, 32)),
        (size(33, 49), size(32, 49)),
        (size(100, 100), size(1, 100)),
        (size(100, 100), size(100, 1)),
    ] {
        check(from, to, 2);
        check(from, to, 3);
    }
}

#[test]
fn both_ends_of_the_range_are_reached_and_not_passed() {
    let (from, to) = (size(40, 40), size(64, 64));
    let out = resize(&pixels(from, 7), from, to);
    assert!(out.contains(&0) && out.contains(&255));
    assert_eq!(out, plain(&pixels(from, 7), from, to));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn any_size_in_any_orientation_follows_the_plain_rule(
        from in (1usize..90, 1usize..90),
        to in (1usize..80, 1usize..80),
        seed in any::<u32>(),
    ) {
        check(size(from.0, from.1), size(to.0, to.1), seed);
    }
}

#[test]
fn one_colour_stays_that_colour() {
    let colour = [7u8, 130, 255];
    for (from, to) in [
        (size(1, 1), size(64, 32)),
        (size(61, 37), size(352, 224)),
        (size(300, 500), size(32, 64)),
    ] {
        let out = resize(&colour.repeat(from.pixels()), from, to);
        assert_eq!(out, colour.repeat(to.pixels()), "{from:?} -> {to:?}");
    }
}

#[test]
fn the_same_size_is_left_alone() {
    let size = size(4, 5);
    let pixels = pixels(size, 4);
    assert_eq!(resize(&pixels, size, size), pixels);
}
