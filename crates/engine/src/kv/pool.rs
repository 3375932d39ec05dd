//! The pages: who uses them, what they hold, and what is given up when room is needed.
//!
//! A page is *free*, *in use* by one or more conversations, or *idle*: nobody uses it, but what it holds
//! can be found again. A page in use by several, or that can be found, is full and never written; a
//! conversation writes only to pages of its own.
//!
//! What can be found is a tree: under the fingerprint of all tokens before it stands a page with its
//! tokens. Full pages are shared. A page that fits only in part (the end of an earlier conversation) is
//! taken over if nobody uses it and no more is lost by that than is gained; otherwise those few tokens
//! are computed again. Idle pages go longest unused first, the end of a conversation before its beginning.

use std::collections::{BTreeMap, HashMap};

use super::tokens::{Chain, TokenKey, TokenRun};

/// What was found of a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    /// Full pages, in order.
    pub(crate) pages: Vec<u32>,
    /// A page that can be taken over, and how many of its tokens fit.
    pub(crate) tail: Option<(u32, usize)>,
}

/// All pages.
#[derive(Debug)]
pub(crate) struct PagePool {
    page_tokens: usize,
    pages: Vec<Page>,
    free: Vec<u32>,
    /// Idle pages by when they were last used.
    idle: BTreeMap<u64, u32>,
    clock: u64,
    /// Full pages by fingerprint.
    full: HashMap<Chain, u32>,
    /// Pages that can be found, by the fingerprint before them.
    children: HashMap<Chain, Vec<u32>>,
    evicted: u64,
}

#[derive(Debug, Default)]
struct Page {
    users: u32,
    /// When it became idle.
    stamp: u64,
    /// What it holds, if it can be found.
    holds: Option<Holds>,
}

#[derive(Debug)]
struct Holds {
    before: Chain,
    keys: Vec<TokenKey>,
    /// The fingerprint after it, if it is full.
    chain: Option<Chain>,
}

impl PagePool {
    pub(crate) fn new(pages: u32, page_tokens: usize) -> Self {
        Self {
            page_tokens,
            pages: (0..pages).map(|_| Page::default()).collect(),
            free: (0..pages).rev().collect(),
            idle: BTreeMap::new(),
            clock: 0,
            full: HashMap::new(),
            children: HashMap::new(),
            evicted: 0,
        }
    }

    pub(crate) fn page_tokens(&self) -> usize {
        self.page_tokens
    }

    /// All pages.
    pub(crate) fn total(&self) -> usize {
        self.pages.len()
    }

    /// Pages that could be had now.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.idle.len()
    }

    pub(crate) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Pages in use by more than one conversation.
    pub(crate) fn shared(&self) -> usize {
        self.pages.iter().filter(|page| page.users > 1).count()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many of a match's pages are idle: taking it leaves so many fewer available.
    pub(crate) fn idle_in(&self, found: &Match) -> usize {
        let pages = found
            .pages
            .iter()
            .chain(found.tail.iter().map(|(page, _)| page));
        pages
            .filter(|&&page| self.pages[page as usize].users == 0)
            .count()
    }

    /// What is there of a conversation. Its last token never counts: its logits are wanted.
    pub(crate) fn find(&self, tokens: &TokenRun) -> Match {
        let usable = tokens.len().saturating_sub(1);
        let pages: Vec<u32> = tokens.chains()[..usable / self.page_tokens]
            .iter()
            .map_while(|chain| self.full.get(chain).copied())
            .collect();
        let at = pages.len() * self.page_tokens;
        let rest = &tokens.keys()[at..usable];
        let beside = self.children.get(&tokens.before(pages.len()));
        let tail = beside
            .into_iter()
            .flatten()
            .filter_map(|&page| Some((page, self.gain(page, rest, at)?)))
            .max_by_key(|&(_, shared)| shared);
        Match { pages, tail }
    }

    /// How many tokens of `rest` a page begins with, if it may be taken over for them; `at` tokens fit
    /// before it.
    fn gain(&self, page: u32, rest: &[TokenKey], at: usize) -> Option<usize> {
        let page = &self.pages[page as usize];
        let holds = page.holds.as_ref()?;
        let pairs = holds.keys.iter().zip(rest);
        let shared = pairs.take_while(|(have, want)| have == want).count();
        if shared == 0 || page.users > 0 {
            return None;
        }
        let most = at + shared;
        let lost = holds.keys.len() - shared + self.after(holds.chain, most)?;
        (lost <= most).then_some(shared)
    }

    /// Tokens that can only be found through `chain`; `None` if some are in use or there are more than `most`.
    fn after(&self, chain: Option<Chain>, most: usize) -> Option<usize> {
        let mut lost = 0;
        let mut next: Vec<Chain> = chain.into_iter().collect();
        while let Some(chain) = next.pop() {
            for &child in self.children.get(&chain).into_iter().flatten() {
                let page = &self.pages[child as usize];
                let holds = page.holds.as_ref()?;
                lost += holds.keys.len();
                if page.users > 0 || lost > most {
                    return None;
                }
                next.extend(holds.chain);
            }
        }
        Some(lost)
    }

    /// Uses what was found. Returns the pages and how many tokens they hold; the last is the
    /// caller's own if it is not full.
    pub(crate) fn claim(&mut self, found: &Match) -> (Vec<u32>, usize) {
        for &page in &found.pages {
            let page = &mut self.pages[page as usize];
            page.users += 1;
            if page.users == 1 {
                self.idle.remove(&page.stamp);
            }
        }
        let mut pages = found.pages.clone();
        let mut tokens = pages.len() * self.page_tokens;
        if let Some((page, shared)) = found.tail {
            self.forget_after(page);
            self.forget(page);
            self.free.retain(|&free| free != page);
            self.pages[page as usize].users = 1;
            pages.push(page);
            tokens += shared;
        }
        (pages, tokens)
    }

    /// A page for whoever asks, at the cost of the longest unused one; `None` if all are in use.
    pub(crate) fn take(&mut self) -> Option<u32> {
        if self.free.is_empty() {
            let (_, &oldest) = self.idle.first_key_value()?;
            self.forget(oldest);
            self.evicted += 1;
        }
        let page = self.free.pop()?;
        self.pages[page as usize].users = 1;
        Some(page)
    }

    /// Makes page `index` of a conversation, which its user has filled up to `end` tokens of the
    /// conversation, one that can be found. Where the same can be found already, nothing changes.
    pub(crate) fn keep(&mut self, page: u32, tokens: &TokenRun, index: usize, end: usize) {
        let keys = &tokens.keys()[index * self.page_tokens..end];
        let before = tokens.before(index);
        let chain = (keys.len() == self.page_tokens).then(|| tokens.chains()[index]);
        let beside = self.children.entry(before).or_default();
        let known = |&other: &u32| {
            let holds = self.pages[other as usize].holds.as_ref();
            holds.is_some_and(|holds| holds.keys.starts_with(keys))
        };
        if self.pages[page as usize].holds.is_some() || beside.iter().any(known) {
            return;
        }
        beside.push(page);
        if let Some(chain) = chain {
            self.full.insert(chain, page);
        }
        self.pages[page as usize].holds = Some(Holds {
            before,
            keys: keys.to_vec(),
            chain,
        });
    }

    /// Gives pages back, in the order of their conversation. Those that can be found become idle.
    pub(crate) fn release(&mut self, pages: &[u32]) {
        for &number in pages.iter().rev() {
            let page = &mut self.pages[number as usize];
            page.users -= 1;
            if page.users > 0 {
                continue;
            }
            if page.holds.is_some() {
                self.clock += 1;
                page.stamp = self.clock;
                self.idle.insert(self.clock, number);
            } else {
                self.free.push(number);
            }
        }
    }

    /// Nothing that was computed can be found any more: idle pages are free, and those in use are free once
    /// their users are done.
    pub(crate) fn forget_all(&mut self) {
        self.full.clear();
        self.children.clear();
        self.free
            .extend(std::mem::take(&mut self.idle).into_values());
        for page in &mut self.pages {
            page.holds = None;
        }
    }

    /// Frees what can only be found through an idle page.
    fn forget_after(&mut self, page: u32) {
        let chain = |page: u32| self.pages[page as usize].holds.as_ref()?.chain;
        let Some(after) = chain(page) else { return };
        for child in self.children.get(&after).cloned().unwrap_or_default() {
            self.forget_after(child);
            self.forget(child);
        }
    }

    /// From idle to free.
    fn forget(&mut self, number: u32) {
        let page = &mut self.pages[number as usize];
        self.idle.remove(&page.stamp);
        self.free.push(number);
        let Some(holds) = page.holds.take() else {
            return;
        };
        if let Some(chain) = holds.chain {
            self.full.remove(&chain);
        }
        if let Some(beside) = self.children.get_mut(&holds.before) {
            beside.retain(|&other| other != number);
            if beside.is_empty() {
                self.children.remove(&holds.before);
            }
        }
    }

    /// Every page is in exactly one state, and what can be found is consistent. `users`: how often each page
    /// stands in a conversation's table.
    #[cfg(test)]
    pub(crate) fn check(&self, users: &HashMap<u32, u32>) {
        let mut free = vec![false; self.pages.len()];
        for &page in &self.free {
            assert!(
                !std::mem::replace(&mut free[page as usize], true),
                "free twice"
            );
        }
        for (number, page) in self.pages.iter().enumerate() {
            let at = number as u32;
            assert_eq!(
                page.users,
                users.get(&at).copied().unwrap_or(0),
                "users of page {at}"
            );
            let idle = self.idle.get(&page.stamp) == Some(&at);
            let states =
                usize::from(free[number]) + usize::from(idle) + usize::from(page.users > 0);
            assert_eq!(states, 1, "page {at}: {page:?}, free {}", free[number]);
            assert!(
                !idle || page.holds.is_some(),
                "an idle page holds something"
            );
            assert!(
                !free[number] || page.holds.is_none(),
                "a free page holds nothing"
            );
            if let Some(holds) = &page.holds {
                assert!(
                    page.users <= 1 || holds.chain.is_some(),
                    "only full pages are shared"
                );
                assert!(self.children[&holds.before].contains(&at));
                if let Some(chain) = holds.chain {
                    assert_eq!(self.full[&chain], at);
                }
            }
        }
        let children: usize = self.children.values().map(Vec::len).sum();
        let holding = self
            .pages
            .iter()
            .filter(|page| page.holds.is_some())
            .count();
        assert_eq!(children, holding);
        assert!(self.full.len() <= holding);
    }
}

#[cfg(test)]
#[path = "pool/tests.rs"]
mod tests;
