//! What the model is told of a conversation: the role, the rounds still remembered, the question.
//!
//! **Rounds** are forgotten in blocks. Dropping one with every question would change the beginning of
//! every prompt, and the engine would compute all of it again; so the memory grows by up to a block
//! beyond what was asked for and is then cut back at once. In between, each prompt begins with the
//! whole of the one before it.
//!
//! **Pictures** stay with the question they were added to. When that round is forgotten they move to
//! the front of the oldest question that is not: the conversation is about them. Where a question would
//! hold more than it may, the oldest go.
//!
//! What does not fit into the context is forgotten too, by whole blocks, and then by carried pictures.
//! Whatever is left out is said, so that a person can be told.

use crate::{Code, Message, Part, PictureId, Refusal, Role};

/// An earlier round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The words.
    pub question: String,
    /// Added with the question.
    pub pictures: Vec<PictureId>,
    /// `None` where there is no answer to speak of: the round is not told, its pictures are.
    pub answer: Option<String>,
}

/// How much of a conversation may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Answered rounds, the newest ones.
    pub rounds: usize,
    /// Pictures in one question.
    pub pictures: usize,
    /// How many rounds are forgotten at a time, at least one.
    block: usize,
}

impl Memory {
    /// A memory that forgets half of its rounds at a time.
    pub fn in_blocks(rounds: usize, pictures: usize) -> Self {
        let block = rounds.div_ceil(2).max(1);
        Self {
            rounds,
            pictures,
            block,
        }
    }

    /// A memory of so many rounds and no more: those that an earlier answer to the same question was
    /// told.
    pub fn exactly(rounds: usize, pictures: usize) -> Self {
        Self {
            rounds,
            pictures,
            block: 1,
        }
    }

    /// How many of `answered` rounds are forgotten: whole blocks, so that at least `rounds` are left
    /// and fewer than a block more.
    fn forgotten(self, answered: usize) -> usize {
        answered.saturating_sub(self.rounds) / self.block * self.block
    }
}

/// What is told, and what is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// For the model.
    pub messages: Vec<Message>,
    /// Answered rounds among them.
    pub remembered_rounds: usize,
    /// Answered rounds left out.
    pub dropped_rounds: usize,
    /// Pictures of the conversation that no message shows.
    pub dropped_pictures: Vec<PictureId>,
}

/// A conversation up to a question.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The system text; blank for none.
    pub role: String,
    /// Oldest first.
    pub earlier: Vec<Said>,
    /// The question, without an answer.
    pub now: Said,
}

impl History {
    /// What is told of it within `memory`, as much as `fits`.
    ///
    /// `fits` says no with a refusal. One about the size of the conversation makes it shorter, until
    /// nothing but the question is left; any other ends the matter.
    pub fn told(
        &self,
        memory: Memory,
        mut fits: impl FnMut(&[Message]) -> Result<(), Refusal>,
    ) -> Result<Told, Refusal> {
        let answered = self.earlier.iter().filter(|said| said.answer.is_some());
        let answered = answered.count();
        let mut forgotten = memory.forgotten(answered);
        let mut carried = usize::MAX;
        loop {
            let told = self.without(memory, forgotten, carried);
            let Err(refusal) = fits(&told.messages) else {
                return Ok(told);
            };
            if !about_size(refusal.code) {
                return Err(refusal);
            }
            if forgotten < answered {
                forgotten = (forgotten + memory.block).min(answered);
                continue;
            }
            let shown = self.carried(forgotten).len().min(carried);
            let Some(fewer) = shown.checked_sub(1) else {
                return Err(refusal);
            };
            carried = fewer;
        }
    }

    /// Pictures of the rounds before the oldest one told, each once, oldest first.
    fn carried(&self, forgotten: usize) -> Vec<PictureId> {
        let mut answered = 0;
        let before = self.earlier.iter().take_while(|said| {
            let told = said.answer.is_some() && answered >= forgotten;
            answered += usize::from(said.answer.is_some());
            !told
        });
        let mut carried = Vec::new();
        add_once(&mut carried, before.flat_map(|said| &said.pictures));
        carried
    }

    /// The messages without the oldest answered rounds, and with only the newest of the pictures
    /// that those would leave behind.
    fn without(&self, memory: Memory, forgotten: usize, carried: usize) -> Told {
        let mut messages = Vec::new();
        if !self.role.trim().is_empty() {
            messages.push(message(Role::System, [], &self.role));
        }
        let mut answered = 0;
        let mut left_behind = Vec::new();
        for said in &self.earlier {
            let told = said.answer.as_ref().filter(|_| answered >= forgotten);
            answered += usize::from(said.answer.is_some());
            let Some(answer) = told else {
                add_once(&mut left_behind, &said.pictures);
                continue;
            };
            keep_newest(&mut left_behind, carried);
            messages.push(asked(&mut left_behind, said, memory.pictures));
            messages.push(message(Role::Assistant, [], answer));
        }
        keep_newest(&mut left_behind, carried);
        messages.push(asked(&mut left_behind, &self.now, memory.pictures));
        Told {
            remembered_rounds: answered - forgotten,
            dropped_rounds: forgotten,
            dropped_pictures: self.unseen(&messages),
            messages,
        }
    }

    /// Pictures that no message shows, each once.
    fn unseen(&self, messages: &[Message]) -> Vec<PictureId> {
        let shown: Vec<_> = pictures(messages).collect();
        let all = self.earlier.iter().chain([&self.now]);
        let all = all.flat_map(|said| &said.pictures);
        let mut unseen = Vec::new();
        add_once(&mut unseen, all.filter(|id| !shown.contains(id)));
        unseen
    }
}

/// The pictures of messages, in reading order.
pub fn pictures(messages: &[Message]) -> impl Iterator<Item = PictureId> {
    let parts = messages.iter().flat_map(|message| &message.content);
    parts.filter_map(|part| match part {
        Part::Picture { id } => Some(*id),
        Part::Text { .. } => None,
    })
}

/// Refusals that a shorter conversation would not get.
fn about_size(code: Code) -> bool {
    matches!(
        code,
        Code::QuestionTooLong | Code::TooManyMessages | Code::TooManyPictures | Code::TextTooLong
    )
}

fn add_once<'a>(to: &mut Vec<PictureId>, pictures: impl IntoIterator<Item = &'a PictureId>) {
    for id in pictures {
        if !to.contains(id) {
            to.push(*id);
        }
    }
}

fn keep_newest(pictures: &mut Vec<PictureId>, count: usize) {
    let surplus = pictures.len().saturating_sub(count);
    pictures.drain(..surplus);
}

/// A question with its pictures, those left behind by others before its own.
fn asked(left_behind: &mut Vec<PictureId>, said: &Said, limit: usize) -> Message {
    let mut shown = std::mem::take(left_behind);
    // Where it shows one of them again, one is enough.
    shown.retain(|id| !said.pictures.contains(id));
    shown.extend(&said.pictures);
    keep_newest(&mut shown, limit.max(said.pictures.len()));
    message(Role::User, shown, &said.question)
}

fn message(role: Role, pictures: impl IntoIterator<Item = PictureId>, words: &str) -> Message {
    let pictures = pictures.into_iter().map(|id| Part::Picture { id });
    let mut content: Vec<_> = pictures.collect();
    if !words.trim().is_empty() {
        content.push(Part::Text {
            text: words.trim().to_owned(),
        });
    }
    Message { role, content }
}

#[cfg(test)]
mod tests;
