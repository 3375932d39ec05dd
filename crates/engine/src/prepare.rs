//! From a request to what the worker runs: pictures decoded and cut, tokens, positions, settings
//! checked. Everything here happens on the caller's thread and needs no model state.

mod cutter;
mod turns;

use std::sync::Arc;
use std::time::Instant;

use model::picture::{Grid, Patches, PictureError};
use model::positions::{Positions, positions};
use model::prompt::{ChatFormat, Prompt, RenderOptions};

use crate::constraint::Constraint;
use crate::handle::{PictureFacts, TokenCount};
use crate::kv::{Chain, TokenKey, TokenRun};
use crate::lookup::Lookup;
use crate::request::{Request, SubmitError};
use crate::runner::PAGE_TOKENS;
use crate::sampling::Sampler;
use crate::speculation::Speculation;
use crate::stop::StopFilter;
pub(crate) use cutter::Cutter;
use cutter::Uncut;

/// Prepares requests for one model.
pub(crate) struct Preparer {
    pub(crate) chat: ChatFormat,
    pub(crate) cutter: Cutter,
    pub(crate) merge: usize,
    pub(crate) context_tokens: usize,
    /// The model, as the cache of keys and values tells models apart.
    pub(crate) root: Chain,
    pub(crate) speculation: Speculation,
}

/// A request ready to run.
pub(crate) struct Prepared {
    pub(crate) prompt: Prompt,
    pub(crate) positions: Positions,
    /// The prompt's pictures, one per `prompt.pictures`.
    pub(crate) pictures: Vec<Arc<Patches>>,
    /// What each token of the prompt is, for finding what is cached of it.
    pub(crate) tokens: TokenRun,
    /// For guesses; empty where none will be made.
    pub(crate) lookup: Lookup,
    pub(crate) sampler: Sampler,
    pub(crate) constraint: Option<Box<dyn Constraint>>,
    pub(crate) stop: StopFilter,
    pub(crate) max_tokens: usize,
    pub(crate) top_logprobs: usize,
    pub(crate) ignore_eos: bool,
    pub(crate) image_ms: f64,
}

impl Preparer {
    /// Decodes a picture and says what it is and costs.
    pub(crate) fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, PictureError> {
        self.cutter.inspect(bytes)
    }

    pub(crate) fn prepare(&self, request: Request) -> Result<Prepared, SubmitError> {
        if request.max_tokens == 0 {
            return Err(SubmitError::NoTokens);
        }
        request.sampling.validate()?;
        let stop = StopFilter::new(&request.stop)?;

        let started = Instant::now();
        let patches = self.all_patches(&request)?;
        let image_ms = started.elapsed().as_secs_f64() * 1e3;
        request.wanted.check()?;
        let grids: Vec<_> = patches.iter().map(|patches| patches.grid).collect();
        let prompt = self.prompt(&request, &grids)?;
        request.wanted.check()?;
        let needed = prompt.ids.len().saturating_add(request.max_tokens);
        if needed > self.context_tokens {
            return Err(SubmitError::TooLong {
                needed,
                prompt: prompt.ids.len(),
                image: prompt.picture_tokens(),
                answer: request.max_tokens,
                limit: self.context_tokens,
            });
        }
        let pictures: Vec<_> = prompt
            .pictures
            .iter()
            .map(|span| Arc::clone(&patches[span.picture]))
            .collect();
        let mut lookup = Lookup::default();
        if self.speculation != Speculation::Off {
            lookup.extend(prompt.ids.iter().copied());
        }
        Ok(Prepared {
            tokens: TokenRun::new(self.root, PAGE_TOKENS, keys(&prompt, &pictures)),
            lookup,
            positions: positions(&prompt, self.merge),
            pictures,
            sampler: Sampler::new(&request.sampling, &prompt.ids)?,
            constraint: request.constraint,
            prompt,
            stop,
            max_tokens: request.max_tokens,
            top_logprobs: request.top_logprobs,
            ignore_eos: request.ignore_eos,
            image_ms,
        })
    }

    /// What a request would cost, with pictures of these sizes.
    pub(crate) fn count(
        &self,
        request: &Request,
        sizes: &[(u32, u32)],
    ) -> Result<TokenCount, SubmitError> {
        let grids = sizes.iter().enumerate().map(|(index, (width, height))| {
            let grid = self.cutter.grid(*width, *height, request.image_tokens);
            grid.map_err(|source| SubmitError::Picture { index, source })
        });
        let prompt = self.prompt(request, &grids.collect::<Result<Vec<_>, _>>()?)?;
        Ok(TokenCount {
            prompt: prompt.ids.len(),
            image: prompt.picture_tokens(),
        })
    }

    fn prompt(&self, request: &Request, grids: &[Grid]) -> Result<Prompt, SubmitError> {
        let options = RenderOptions {
            number_pictures: request.number_pictures,
            ..RenderOptions::default()
        };
        Ok(self.chat.render(&request.messages, grids, options)?)
    }

    fn all_patches(&self, request: &Request) -> Result<Vec<Arc<Patches>>, SubmitError> {
        let one = |(index, bytes): (usize, &Arc<[u8]>)| {
            let patches = self
                .cutter
                .patches(bytes, request.image_tokens, &request.wanted);
            patches.map_err(|uncut| match uncut {
                Uncut::Unreadable(source) => SubmitError::Picture { index, source },
                Uncut::Unwanted => SubmitError::Unwanted,
            })
        };
        request.pictures.iter().enumerate().map(one).collect()
    }
}

/// What each token of a prompt is to the cache.
fn keys(prompt: &Prompt, pictures: &[Arc<Patches>]) -> Vec<TokenKey> {
    let mut keys: Vec<TokenKey> = prompt.ids.iter().copied().map(TokenKey::Text).collect();
    for (span, patches) in prompt.pictures.iter().zip(pictures) {
        for index in 0..span.tokens {
            keys[span.start + index] = TokenKey::Picture(patches.digest, index as u32);
        }
    }
    keys
}
