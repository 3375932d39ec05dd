//! Thousands of random days: arrivals, cancellations, faults, answers of any length, caches of any size.
//!
//! At every step it is checked that no page is lost or had twice, that whatever a row sees in its pages is
//! what running alone would have put there, that nobody writes where others read, and that something gets on.
//! At the end everybody must have come to exactly one end, with the answer of a run alone.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;

use crate::kv::{Chain, TokenKey, TokenRun};
use crate::pace::Pace;
use crate::scheduler::{Bounds, Id, Job, Part, Scheduler};

const PAGE_TOKENS: usize = 4;

/// Something that happens between two steps.
#[derive(Debug, Clone)]
enum Happens {
    Arrives(Arrival),
    /// One of those there, counted around.
    Cancels(usize),
    /// As above; what it wrote is not to be trusted.
    Fails(usize),
    Nothing,
}

#[derive(Debug, Clone)]
struct Arrival {
    client: Option<u8>,
    /// Before the picture, the picture's digest and length, after it.
    words: Vec<u32>,
    picture: Option<(u8, usize)>,
    more: Vec<u32>,
    answer: usize,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let words = |most| prop::collection::vec(0_u32..2, 0..most);
    let picture = prop::option::of((0_u8..2, 1_usize..12));
    let client = prop::option::of(0_u8..3);
    (client, words(6), picture, words(20), 1_usize..24).prop_map(
        |(client, words, picture, more, answer)| Arrival {
            client,
            words,
            picture,
            more,
            answer,
        },
    )
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => arrival().prop_map(Happens::Arrives),
        1 => any::<usize>().prop_map(Happens::Cancels),
        1 => any::<usize>().prop_map(Happens::Fails),
        4 => Just(Happens::Nothing),
    ]
}

impl Arrival {
    /// Tokens, and where the picture ends.
    fn keys(&self) -> (Vec<TokenKey>, Option<usize>) {
        let mut keys: Vec<TokenKey> = self.words.iter().copied().map(TokenKey::Text).collect();
        let picture = self.picture.map(|(digest, tokens)| {
            keys.extend((0..tokens).map(|index| TokenKey::Picture([digest; 32], index as u32)));
            keys.len()
        });
        keys.extend(self.more.iter().copied().map(TokenKey::Text));
        keys.push(TokenKey::Text(9));
        (keys, picture)
    }
}

/// Stands for everything a token's key and value depend on: itself and all before it.
fn after(before: u64, key: TokenKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    before.hash(&mut hasher);
    match key {
        TokenKey::Text(id) => (0_u8, id).hash(&mut hasher),
        TokenKey::Picture(digest, index) => (1_u8, digest, index).hash(&mut hasher),
    }
    hasher.finish()
}

fn meaning(keys: &[TokenKey]) -> Vec<u64> {
    let mut state = 1;
    let step = |&key: &TokenKey| {
        state = after(state, key);
        state
    };
    keys.iter().map(step).collect()
}

/// The token that follows: any function of everything before.
fn next_token(state: u64) -> u32 {
    (state % 3) as u32
}

/// One question as the test remembers it.
struct Asked {
    keys: Vec<TokenKey>,
    answer: usize,
    said: Vec<u32>,
    ends: usize,
    cut_off: bool,
}

struct World {
    scheduler: Scheduler,
    pace: Pace,
    slots: Vec<u64>,
    asked: Vec<Asked>,
    there: Vec<Id>,
    /// For choices nobody has to see.
    dice: u64,
    steps: usize,
}

impl World {
    fn new(bounds: Bounds, pages: u32) -> Self {
        Self {
            scheduler: Scheduler::new(bounds, pages, PAGE_TOKENS),
            pace: Pace::default(),
            slots: vec![0; pages as usize * PAGE_TOKENS],
            asked: Vec::new(),
            there: Vec::new(),
            dice: 7,
            steps: 0,
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99);
        (self.dice >> 33) % sides
    }

    fn happen(&mut self, what: Happens) {
        match what {
            Happens::Arrives(arrival) => {
                let (keys, picture) = arrival.keys();
                if keys.len() + arrival.answer > self.slots.len() {
                    return; // Refused before any work starts.
                }
                let id = self.asked.len() as Id;
                let tokens = TokenRun::new(Chain::root("test"), PAGE_TOKENS, keys.clone());
                let client = arrival.client.map(|client| client.to_string());
                let job = Job::new(id, tokens, arrival.answer, picture);
                self.scheduler.submit(client.as_deref(), job);
                self.there.push(id);
                self.asked.push(Asked {
                    keys,
                    answer: arrival.answer,
                    said: Vec::new(),
                    ends: 0,
                    cut_off: false,
                });
            }
            Happens::Cancels(which) | Happens::Fails(which) if !self.there.is_empty() => {
                let id = self.there[which % self.there.len()];
                self.asked[id as usize].cut_off = true;
                self.end(id, matches!(what, Happens::Cancels(_)));
            }
            _ => {}
        }
        self.check();
    }

    fn end(&mut self, id: Id, sound: bool) {
        self.scheduler.end(id, sound);
        self.there.retain(|&other| other != id);
        self.asked[id as usize].ends += 1;
    }

    /// One step, as the worker makes it.
    fn step(&mut self) {
        self.steps += 1;
        for started in self.scheduler.admit() {
            let job = self.scheduler.job(started.id).expect("it runs");
            assert!(started.cached < job.tokens.len());
            self.check_seen(started.id, started.cached);
        }
        self.check();
        let drafts = self.roll(5) as usize;
        let plan = self.scheduler.plan(&self.pace, |_| drafts);
        self.check();
        let rows: usize = plan.parts.iter().map(Part::rows).sum();
        let logits: usize = plan
            .parts
            .iter()
            .filter(|part| part.logits)
            .map(|part| 1 + part.drafts)
            .sum();
        assert!(rows <= self.scheduler.bounds.rows && logits <= self.scheduler.bounds.logits);
        let gets_on = rows > 0 || plan.read.is_some() || !plan.put_back.is_empty();
        assert!(
            gets_on || self.there.is_empty(),
            "nothing gets on: {plan:?}"
        );
        for part in &plan.parts {
            self.compute(part);
        }
        if let Some((id, picture)) = plan.read {
            // Reading takes a few turns.
            if self.roll(3) == 0 {
                self.scheduler.picture_ready(id, picture);
            }
        }
        let ms = 10.0 + rows as f64 * self.roll(30) as f64;
        self.pace.observe(rows, ms);
        self.check();
    }

    fn compute(&mut self, part: &Part) {
        let id = part.id;
        self.check_seen(id, part.from);
        let job = self.scheduler.job(id).expect("it runs");
        let (pages, known) = (job.pages().to_vec(), job.tokens.keys().to_vec());
        assert_eq!(part.from, job.computed);
        assert_eq!(part.logits, part.from + part.tokens == known.len());
        assert!(part.drafts == 0 || part.tokens == 1);
        let states = meaning(&known);
        for (at, &state) in states.iter().enumerate().skip(part.from).take(part.tokens) {
            self.slots[slot(&pages, at)] = state;
        }
        let computed = part.from + part.tokens;
        if !part.logits {
            return self.scheduler.computed(id, computed);
        }
        // Guesses: right ones, then wrong ones, whose rows are left behind as rubbish.
        let right = self.roll(part.drafts as u64 + 1) as usize;
        let mut state = states[known.len() - 1];
        for guess in 0..part.drafts {
            let token = next_token(state);
            state = after(state, TokenKey::Text(token));
            let rubbish = guess >= right;
            self.slots[slot(&pages, computed + guess)] = if rubbish { 0 } else { state };
        }
        let mut state = states[known.len() - 1];
        for said in 0..=right {
            let token = next_token(state);
            state = after(state, TokenKey::Text(token));
            self.scheduler.push(id, token);
            let asked = &mut self.asked[id as usize];
            asked.said.push(token);
            if asked.said.len() == asked.answer {
                self.scheduler.computed(id, computed + said);
                return self.end(id, true);
            }
        }
        self.scheduler.computed(id, computed + right);
    }

    /// Everything a question sees up to `tokens` is what running alone would have put there.
    fn check_seen(&self, id: Id, tokens: usize) {
        let job = self.scheduler.job(id).expect("it runs");
        let states = meaning(&job.tokens.keys()[..tokens]);
        for (at, state) in states.into_iter().enumerate() {
            assert_eq!(
                self.slots[slot(job.pages(), at)],
                state,
                "question {id}, token {at}"
            );
        }
    }

    fn check(&self) {
        let mut users: HashMap<u32, u32> = HashMap::new();
        for job in &self.scheduler.running {
            for &page in job.pages() {
                *users.entry(page).or_default() += 1;
            }
            assert!(job.pages().len() * PAGE_TOKENS >= job.computed);
        }
        self.scheduler.pool.check(&users);
        for job in &self.scheduler.running {
            for &page in &job.pages()[job.computed / PAGE_TOKENS..] {
                assert_eq!(users[&page], 1, "a page that will be written is shared");
            }
        }
        assert!(self.scheduler.running.is_sorted_by_key(|job| job.since));
        let others = self.scheduler.put_back.len() + self.scheduler.waiting().count();
        assert_eq!(self.scheduler.running() + others, self.there.len());
    }
}

fn slot(pages: &[u32], at: usize) -> usize {
    pages[at / PAGE_TOKENS] as usize * PAGE_TOKENS + at % PAGE_TOKENS
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn nothing_is_lost_whatever_happens(
        script in prop::collection::vec(happens(), 1..60),
        pages in 4_u32..30,
        running in 1_usize..6,
        rows in 6_usize..40,
        dice in any::<u64>(),
    ) {
        let bounds = Bounds { running, rows, logits: running + 3 };
        let mut world = World::new(bounds, pages);
        world.dice = dice;
        for what in script {
            world.happen(what);
            if world.roll(4) > 0 {
                world.step();
            }
        }
        // No more arrivals: all must come to their end, none later than if all were computed one by one.
        let work: usize = world.asked.iter().map(|asked| asked.keys.len() + asked.answer).sum();
        let bound = world.steps + 40 + 20 * work;
        while !world.there.is_empty() {
            world.step();
            prop_assert!(world.steps < bound, "somebody starves");
        }
        prop_assert!(world.scheduler.is_empty());
        prop_assert_eq!(world.scheduler.pool.available(), pages as usize);
        for asked in &world.asked {
            prop_assert_eq!(asked.ends, 1);
            prop_assert!(asked.cut_off || asked.said.len() == asked.answer);
            let mut state = *meaning(&asked.keys).last().expect("a prompt");
            for &token in &asked.said {
                prop_assert_eq!(token, next_token(state));
                state = after(state, TokenKey::Text(token));
            }
        }
    }
}
