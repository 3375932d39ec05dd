//! Where each token stands: time, row and column, as the three-axis rotary embedding wants them.
//!
//! Text counts on along all three axes at once. A picture that begins at position p keeps time p
//! while its rows and columns count from p; the next token stands at p plus the longer side, so a
//! picture takes up fewer positions than tokens.
//! Golden: `position_ids` and `rope_delta` of every prompt of `golden/tiny-*`.

use crate::prompt::Prompt;

/// The positions of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions {
    /// Per token: time, row, column.
    pub ids: Vec<[u32; 3]>,
    /// Where the first generated token stands, on all axes; the one after it at `next + 1`.
    pub next: u32,
}

impl Positions {
    /// `next` less the number of tokens: what to add to a later token's index to get its position.
    /// Negative with most pictures.
    pub fn rope_delta(&self) -> i64 {
        i64::from(self.next) - self.ids.len() as i64
    }
}

/// Positions of every token of `prompt`; `merge` is the side of a block of patches that makes one
/// token. Pictures lie in the prompt in order, as `prompt` builds them.
pub fn positions(prompt: &Prompt, merge: usize) -> Positions {
    let mut ids = Vec::with_capacity(prompt.ids.len());
    let mut next = 0u32;
    for span in &prompt.pictures {
        text(&mut ids, &mut next, span.start);
        let rows = (span.grid.height / merge) as u32;
        let columns = (span.grid.width / merge) as u32;
        for row in 0..rows {
            ids.extend((0..columns).map(|column| [next, next + row, next + column]));
        }
        next += rows.max(columns);
    }
    text(&mut ids, &mut next, prompt.ids.len());
    Positions { ids, next }
}

/// Text up to the token with index `end`.
fn text(ids: &mut Vec<[u32; 3]>, next: &mut u32, end: usize) {
    while ids.len() < end {
        ids.push([*next; 3]);
        *next += 1;
    }
}
