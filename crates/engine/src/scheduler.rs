//! Who is computed next, and how much of it: state in, plan out. It knows no tensors, no clock, no
//! channels and no words, so that whole days of arrivals can be played against it in a test.
//!
//! There is no prefill and no decoding: a question has tokens, and those up to `computed` have their keys
//! and values in its pages. A step takes some of the others. Once all are computed the model says the
//! next token, which is one more to compute.
//!
//! The order among questions that run is that in which they were first started. The oldest of them never
//! has to give way, and each fits into the cache alone, so every question comes to its end.

mod admit;
mod plan;
mod turns;

#[cfg(test)]
mod tests;

use crate::kv::{PagePool, TokenKey, TokenRun};
use turns::Turns;

pub(crate) use plan::{Part, Plan};

/// A question's number, never given twice.
pub(crate) type Id = u64;

/// Bounds, fixed at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most questions that run at once.
    pub(crate) running: usize,
    /// Most rows of a step.
    pub(crate) rows: usize,
    /// Most rows of a step whose logits are wanted.
    pub(crate) logits: usize,
}

/// A question as the scheduler sees it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: Id,
    pub(crate) tokens: TokenRun,
    /// How many of the tokens are the prompt.
    prompt: usize,
    /// Most tokens of the answer.
    max_tokens: usize,
    pictures: Vec<Need>,
    /// When it was first started, as a number that grows.
    since: u64,
    pages: Vec<u32>,
    /// Tokens whose keys and values are in the pages.
    pub(crate) computed: usize,
}

/// A picture of a prompt: its tokens can be computed once it has been read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// One past the last token.
    pub(crate) end: usize,
    pub(crate) ready: bool,
}

impl Job {
    /// A question that has not started. `pictures`: one past the last token of each.
    pub(crate) fn new(
        id: Id,
        tokens: TokenRun,
        max_tokens: usize,
        pictures: impl IntoIterator<Item = usize>,
    ) -> Self {
        let need = |end| Need { end, ready: false };
        Self {
            id,
            prompt: tokens.len(),
            tokens,
            max_tokens,
            pictures: pictures.into_iter().map(need).collect(),
            since: 0,
            pages: Vec::new(),
            computed: 0,
        }
    }

    /// Where its tokens' keys and values are.
    pub(crate) fn pages(&self) -> &[u32] {
        &self.pages
    }

    fn left(&self) -> usize {
        self.tokens.len() - self.computed
    }

    /// Its asker has begun to hear words, and waits for the next.
    fn speaks(&self) -> bool {
        self.computed >= self.prompt
    }

    /// The first picture that has to be read before it can go on.
    fn unread(&self) -> Option<usize> {
        self.pictures
            .iter()
            .position(|need| !need.ready && need.end > self.computed)
    }

    /// More than one token could be computed now.
    fn has_prompt(&self) -> bool {
        self.left() > 1 && self.unread().is_none()
    }

    /// Tokens its answer may still grow by.
    fn growth(&self) -> usize {
        (self.prompt + self.max_tokens).saturating_sub(self.tokens.len())
    }
}

/// All questions that wait or run, and the pages.
#[derive(Debug)]
pub(crate) struct Scheduler {
    bounds: Bounds,
    pool: PagePool,
    waiting: Turns<Job>,
    /// Put back to make room, oldest first; they start before any that wait.
    put_back: Vec<Job>,
    /// Oldest first.
    running: Vec<Job>,
    started: u64,
    /// The last step beside which somebody waited for words read a picture, so this one computes a prompt.
    read_last: bool,
}

impl Scheduler {
    pub(crate) fn new(bounds: Bounds, pages: u32, page_tokens: usize) -> Self {
        assert!(bounds.running <= bounds.rows.min(bounds.logits));
        Self {
            bounds,
            pool: PagePool::new(pages, page_tokens),
            waiting: Turns::new(),
            put_back: Vec::new(),
            running: Vec::new(),
            started: 0,
            read_last: false,
        }
    }

    /// The pages, to be counted.
    pub(crate) fn pool(&self) -> &PagePool {
        &self.pool
    }

    /// What earlier questions left in the pages is found no more.
    pub(crate) fn forget_all(&mut self) {
        self.pool.forget_all();
    }

    /// How many questions run.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// Nobody waits and nobody runs.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.put_back.is_empty() && self.waiting.is_empty()
    }

    /// Takes a question in. It must fit into the cache alone, its whole answer included.
    pub(crate) fn submit(&mut self, client: Option<&str>, job: Job) {
        assert!(job.prompt > 0 && job.max_tokens > 0);
        assert!(job.prompt + job.max_tokens <= self.pool.total() * self.pool.page_tokens());
        self.waiting.push(client, job);
    }

    /// Who waits for the first start, in the order in which they will be started if nothing changes.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Id> {
        self.waiting.in_order().into_iter().map(|job| job.id)
    }

    /// A question that runs.
    pub(crate) fn job(&self, id: Id) -> Option<&Job> {
        self.running.iter().find(|job| job.id == id)
    }

    fn job_mut(&mut self, id: Id) -> Option<&mut Job> {
        self.running.iter_mut().find(|job| job.id == id)
    }

    /// A picture of a question has been read.
    pub(crate) fn picture_ready(&mut self, id: Id, picture: usize) {
        if let Some(job) = self.job_mut(id) {
            job.pictures[picture].ready = true;
        }
    }

    /// The model has said one more token of an answer.
    pub(crate) fn push(&mut self, id: Id, token: u32) {
        if let Some(job) = self.job_mut(id) {
            job.tokens.push(TokenKey::Text(token));
        }
    }

    /// The keys and values of a question's tokens are there up to `computed` tokens. Pages that became full
    /// can be found from now on.
    pub(crate) fn computed(&mut self, id: Id, computed: usize) {
        let page_tokens = self.pool.page_tokens();
        let Some(job) = self.running.iter_mut().find(|job| job.id == id) else {
            return;
        };
        assert!((job.computed..=job.tokens.len()).contains(&computed));
        for index in job.computed / page_tokens..computed / page_tokens {
            let end = (index + 1) * page_tokens;
            self.pool.keep(job.pages[index], &job.tokens, index, end);
        }
        job.computed = computed;
    }

    /// A question has come to its end, or was given up; its pages return. What they hold can be found again,
    /// unless something went wrong while the last of them was written (`sound` is false).
    pub(crate) fn end(&mut self, id: Id, sound: bool) {
        if let Some(at) = self.running.iter().position(|job| job.id == id) {
            let mut job = self.running.remove(at);
            self.give_pages_back(&mut job, sound);
        } else if let Some(at) = self.put_back.iter().position(|job| job.id == id) {
            self.put_back.remove(at);
        } else {
            self.waiting.remove(|job| job.id == id);
        }
    }

    /// The question starts over later, from whatever is still there then. Its tokens stay.
    fn put_back(&mut self, at: usize) -> Id {
        let mut job = self.running.remove(at);
        self.give_pages_back(&mut job, true);
        let id = job.id;
        let place = self
            .put_back
            .partition_point(|other| other.since < job.since);
        self.put_back.insert(place, job);
        id
    }

    fn give_pages_back(&mut self, job: &mut Job, sound: bool) {
        let last = job.computed / self.pool.page_tokens();
        if sound && !job.computed.is_multiple_of(self.pool.page_tokens()) {
            self.pool
                .keep(job.pages[last], &job.tokens, last, job.computed);
        }
        self.pool.release(&job.pages);
        job.pages.clear();
        job.computed = 0;
        job.pictures.iter_mut().for_each(|need| need.ready = false);
    }
}
