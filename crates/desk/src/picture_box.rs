//! A place on a picture: an upright rectangle in thousandths of the picture as it is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The far edge of a picture.
const EDGE: f64 = 1000.0;

/// Left, top, right, bottom, in thousandths of the picture as shown; never empty.
///
/// Thousandths are what the model speaks in, and they hold for any size a picture is shown at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "[f64; 4]", into = "[u16; 4]")]
#[schema(value_type = [f64; 4], example = json!([120, 80, 480, 200]))]
pub struct PictureBox([u16; 4]);

/// Four numbers that make no place on a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a box is [left, top, right, bottom] in thousandths of the picture, from 0 to 1000, and not empty"
)]
pub struct NotABox;

impl PictureBox {
    /// The place between two opposite corners, whichever comes first, in whole thousandths; what
    /// lies outside of the picture is cut off. `None` where nothing is left.
    pub fn between(corners: [f64; 4]) -> Option<Self> {
        if corners.iter().any(|number| !number.is_finite()) {
            return None;
        }
        let [x0, y0, x1, y1] = corners.map(|number| number.clamp(0.0, EDGE).round() as u16);
        let corners = [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)];
        (x0 != x1 && y0 != y1).then_some(Self(corners))
    }

    /// Left, top, right, bottom.
    pub fn corners(self) -> [u16; 4] {
        self.0
    }
}

impl TryFrom<[f64; 4]> for PictureBox {
    type Error = NotABox;

    fn try_from(corners: [f64; 4]) -> Result<Self, NotABox> {
        Self::between(corners).ok_or(NotABox)
    }
}

impl From<PictureBox> for [u16; 4] {
    fn from(place: PictureBox) -> Self {
        place.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn corners_come_in_any_order_and_are_cut_at_the_edge() {
        let place = PictureBox::between([480.0, 1200.0, -3.0, 80.0]).expect("a place");
        assert_eq!(place.corners(), [0, 80, 480, 1000]);
    }

    #[test]
    fn what_is_empty_or_no_number_is_no_place() {
        for corners in [
            [5.0, 5.0, 5.0, 9.0],
            [5.0, 5.0, 5.4, 9.0],
            [1001.0, 0.0, 2000.0, 10.0],
            [f64::NAN, 0.0, 1.0, 1.0],
            [0.0, 0.0, f64::INFINITY, 1.0],
        ] {
            assert_eq!(PictureBox::between(corners), None, "{corners:?}");
        }
        assert!(serde_json::from_str::<PictureBox>("[9,0,9,1]").is_err());
        assert!(serde_json::from_str::<PictureBox>("[0,0,1]").is_err());
    }

    #[test]
    fn a_place_travels_as_four_numbers() {
        let place = PictureBox::between([1.0, 2.4, 3.0, 4.0]).expect("a place");
        let json = serde_json::to_string(&place).expect("plain data");
        assert_eq!(json, "[1,2,3,4]");
        assert_eq!(
            serde_json::from_str::<PictureBox>(&json).expect("same"),
            place
        );
    }

    proptest! {
        #[test]
        fn any_four_numbers_make_a_whole_place_or_none(corners: [f64; 4]) {
            if let Some(place) = PictureBox::between(corners) {
                let [x0, y0, x1, y1] = place.corners();
                prop_assert!(x0 < x1 && x1 <= 1000 && y0 < y1 && y1 <= 1000);
            }
        }
    }
}
