//! What the model says of the next tokens after some rows: all logits, or of each row only the likeliest, where the
//! device has found them.

use ops::likeliest::Likeliest;

/// What is known of some rows.
pub(crate) struct Said {
    values: Vec<f32>,
    /// Values of a row.
    width: usize,
    whole: bool,
}

/// What is known of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    /// A logit for every id of the vocabulary.
    Logits(&'a [f32]),
    /// The likeliest.
    Likeliest(Likeliest<'a>),
}

impl Said {
    /// Of no rows.
    pub(crate) fn nothing() -> Self {
        Self::logits(Vec::new(), 0)
    }

    /// All logits of `rows` rows.
    pub(crate) fn logits(values: Vec<f32>, rows: usize) -> Self {
        let width = values.len() / rows.max(1);
        let whole = true;
        Self {
            values,
            width,
            whole,
        }
    }

    /// The likeliest of `rows` rows, as [`ops::likeliest`] has them.
    pub(crate) fn likeliest(values: Vec<f32>, rows: usize) -> Self {
        Self {
            whole: false,
            ..Self::logits(values, rows)
        }
    }

    /// Of one row.
    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        let values = &self.values[row * self.width..][..self.width];
        match Likeliest::of(values).filter(|_| !self.whole) {
            Some(likeliest) => Row::Likeliest(likeliest),
            None => Row::Logits(values),
        }
    }
}
