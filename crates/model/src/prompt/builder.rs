//! Puts a prompt together: ids for control, plain text between them.

use super::control::{ControlTokens, IMAGE_PAD, TURN_END, TURN_START, VISION_END, VISION_START};
use super::{PictureSpan, Prompt, PromptError};
use crate::chat::Role;
use crate::picture::Grid;
use crate::tokenizer::Tokenizer;

/// Far beyond any context; bounds what one request can make us allocate.
const MAX_TOKENS: usize = 1 << 22;

pub(super) struct Builder<'a> {
    tokenizer: &'a Tokenizer,
    control: ControlTokens,
    merge: usize,
    prompt: Prompt,
    /// Words since the last control token. They are encoded together, because the reference sees
    /// them together: where a line ends and a message begins may share a token.
    words: String,
}

impl<'a> Builder<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer, control: ControlTokens, merge: usize) -> Self {
        let prompt = Prompt {
            ids: Vec::new(),
            pictures: Vec::new(),
            text: String::new(),
        };
        Self {
            tokenizer,
            control,
            merge,
            prompt,
            words: String::new(),
        }
    }

    pub(super) fn open_turn(&mut self, role: Role) -> Result<(), PromptError> {
        self.control(self.control.turn_start, TURN_START)?;
        self.text(role.name());
        self.text("\n");
        Ok(())
    }

    pub(super) fn close_turn(&mut self) -> Result<(), PromptError> {
        self.control(self.control.turn_end, TURN_END)?;
        self.text("\n");
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) {
        self.words.push_str(text);
    }

    pub(super) fn picture(
        &mut self,
        picture: usize,
        grid: Grid,
        numbered: bool,
    ) -> Result<(), PromptError> {
        if numbered {
            let number = self.prompt.pictures.len() + 1;
            self.text(&format!("Picture {number}: "));
        }
        self.control(self.control.vision_start, VISION_START)?;
        let tokens = tokens_of(grid, self.merge).ok_or(PromptError::Grid {
            picture,
            height: grid.height,
            width: grid.width,
            merge: self.merge,
        })?;
        let start = self.prompt.ids.len();
        bounded(start, tokens)?;
        self.prompt
            .ids
            .resize(start + tokens, self.control.image_pad);
        self.prompt.text.push_str(IMAGE_PAD);
        self.prompt.pictures.push(PictureSpan {
            start,
            tokens,
            grid,
            picture,
        });
        self.control(self.control.vision_end, VISION_END)
    }

    pub(super) fn finish(mut self) -> Result<Prompt, PromptError> {
        self.encode_words()?;
        Ok(self.prompt)
    }

    fn control(&mut self, id: u32, name: &str) -> Result<(), PromptError> {
        self.encode_words()?;
        self.prompt.ids.push(id);
        self.prompt.text.push_str(name);
        Ok(())
    }

    fn encode_words(&mut self) -> Result<(), PromptError> {
        let ids = self.tokenizer.encode_text(&self.words)?;
        bounded(self.prompt.ids.len(), ids.len())?;
        self.prompt.ids.extend(ids);
        self.prompt.text.push_str(&self.words);
        self.words.clear();
        Ok(())
    }
}

fn bounded(tokens: usize, more: usize) -> Result<(), PromptError> {
    match tokens.checked_add(more) {
        Some(sum) if sum <= MAX_TOKENS => Ok(()),
        _ => Err(PromptError::TooManyTokens { limit: MAX_TOKENS }),
    }
}

/// Feature rows of a picture, one per `merge` x `merge` patches; nothing for an impossible grid.
fn tokens_of(grid: Grid, merge: usize) -> Option<usize> {
    let rows = grid
        .height
        .checked_div(merge)
        .filter(|&rows| rows > 0 && rows * merge == grid.height)?;
    let columns = grid
        .width
        .checked_div(merge)
        .filter(|&columns| columns > 0 && columns * merge == grid.width)?;
    rows.checked_mul(columns)
}
