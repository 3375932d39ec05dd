//! Ends answers that repeat themselves without end.
//!
//! Vision models fall into loops on unreadable pictures ("看不清看不清看不清…") and penalties that
//! would prevent it spoil tables and serial numbers. So nothing is changed while drawing; the answer
//! is ended when the same block of tokens has followed itself for long enough.
//!
//! It sees exact repetition only: a list that counts upwards while it repeats is ended by
//! `max_tokens`. It knows ids, not words.
//!
//! Real text repeats too, so the bar is high. Counting the tokens that repeat what stood one period
//! earlier, a loop needs thirty repeats, but never fewer than 192 tokens (a page-wide rule of dashes,
//! a column of 90 equal cells, 180 zeros pass; an answer of the usual 256 tokens can still be found
//! to loop) and never more than 640 (thirty equal rows of 21 tokens pass, or ten of 64). Blocks
//! beyond 160 tokens, whole paragraphs, need four repeats.

/// The longest block that is recognised, in tokens: about a paragraph.
pub const MAX_PERIOD: usize = 256;

/// Tokens that must repeat before anything counts as a loop.
const LEAST_TOKENS: usize = 192;
/// Repeats asked of short blocks.
const REPEATS: usize = 30;
/// Repeated tokens after which fewer repeats are enough.
const MANY_TOKENS: usize = 640;
/// Repeats asked even of the longest blocks.
const LEAST_REPEATS: usize = 4;

/// A block of tokens that followed itself too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    /// Tokens in the block.
    pub period: usize,
    /// Tokens at the end of the answer that repeat the block; the block's first appearance, before
    /// them, is not counted. An answer cut by this many tokens says the block once.
    pub repeated: usize,
}

/// Watches the tokens of one answer.
#[derive(Debug, Clone)]
pub struct LoopDetector {
    /// The last `MAX_PERIOD` tokens, as a ring.
    recent: Vec<u32>,
    count: usize,
    /// For period p, at p - 1: how many tokens up to now equal the one p before them, unbroken.
    runs: Vec<usize>,
}

impl Default for LoopDetector {
    fn default() -> Self {
        Self {
            recent: vec![0; MAX_PERIOD],
            count: 0,
            runs: vec![0; MAX_PERIOD],
        }
    }
}

impl LoopDetector {
    /// A detector at the start of an answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next token; tells when the answer has become a loop, with its shortest block.
    pub fn push(&mut self, id: u32) -> Option<Loop> {
        let mut found = None;
        for period in 1..=self.count.min(MAX_PERIOD) {
            let before = self.recent[(self.count - period) % MAX_PERIOD];
            let run = &mut self.runs[period - 1];
            *run = if before == id { *run + 1 } else { 0 };
            if found.is_none() && *run >= tokens_to_loop(period) {
                found = Some(Loop {
                    period,
                    repeated: *run,
                });
            }
        }
        self.recent[self.count % MAX_PERIOD] = id;
        self.count += 1;
        found
    }
}

/// How many tokens must repeat the one `period` before them to be a loop.
pub fn tokens_to_loop(period: usize) -> usize {
    (period * REPEATS)
        .clamp(LEAST_TOKENS, MANY_TOKENS)
        .max(period * LEAST_REPEATS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where the detector first speaks, and what it says.
    fn first_loop(ids: impl IntoIterator<Item = u32>) -> Option<(usize, Loop)> {
        let mut detector = LoopDetector::new();
        ids.into_iter()
            .enumerate()
            .find_map(|(at, id)| Some((at + 1, detector.push(id)?)))
    }

    /// Every character its own token: the densest repetition a text can have.
    fn characters(text: &str) -> Vec<u32> {
        text.chars().map(u32::from).collect()
    }

    #[test]
    fn an_endless_phrase_is_ended() {
        let (at, found) = first_loop(characters(&"看不清".repeat(1000))).expect("a loop");
        assert_eq!(
            found,
            Loop {
                period: 3,
                repeated: 192
            }
        );
        assert_eq!(at, 195);
    }

    #[test]
    fn an_endless_phrase_after_a_real_answer_is_ended_too() {
        let answer = "型号 W7439，额定功率 65W。铭牌右下角反光，".to_string();
        let ids = characters(&(answer.clone() + &"无法辨认。".repeat(1000)));
        let (at, found) = first_loop(ids).expect("a loop");
        assert_eq!(found.period, 5);
        assert_eq!(at, answer.chars().count() + 5 + 192);
    }

    #[test]
    fn cutting_the_repeated_tokens_leaves_the_block_once() {
        let mut ids = characters(&("标签：".to_string() + &"序列号不可读；".repeat(500)));
        let (at, found) = first_loop(ids.clone()).expect("a loop");
        ids.truncate(at - found.repeated);
        assert_eq!(ids, characters("标签：序列号不可读；"));
    }

    #[test]
    fn every_period_up_to_the_longest_is_found_at_its_threshold() {
        for period in 1..=MAX_PERIOD {
            let ids = (0..usize::MAX).map(|at| (at % period) as u32);
            let (at, found) = first_loop(ids).expect("a loop");
            assert_eq!(
                found,
                Loop {
                    period,
                    repeated: tokens_to_loop(period)
                }
            );
            assert_eq!(at, period + tokens_to_loop(period));
        }
    }

    #[test]
    fn longer_blocks_never_need_fewer_tokens() {
        for period in 1..MAX_PERIOD {
            assert!(tokens_to_loop(period) <= tokens_to_loop(period + 1));
        }
        assert_eq!(
            [1, 8, 9, 21, 22, 160, 256].map(tokens_to_loop),
            [192, 240, 270, 630, 640, 640, 1024]
        );
    }

    #[test]
    fn serial_numbers_full_of_zeros_pass() {
        let text = "S/N 0000000000000000000000000000000000000017\n校验 00000000";
        assert_eq!(first_loop(characters(text)), None);
    }

    #[test]
    fn table_rules_and_dotted_leaders_pass() {
        let wide = format!("|{}\n", " --- |".repeat(24));
        let leader = format!("第一章{}3\n第二章{}9\n", ".".repeat(120), ".".repeat(120));
        let rule = format!("{}\n合计 12\n{}\n", "-".repeat(160), "=".repeat(160));
        for text in [wide, leader, rule] {
            assert_eq!(first_loop(characters(&text)), None, "{text}");
        }
    }

    #[test]
    fn a_table_whose_columns_repeat_passes() {
        let mut table = "| 序号 | 项目 | 结果 | 备注 |\n| --- | --- | --- | --- |\n".to_string();
        for row in 1..=200 {
            table.push_str(&format!("| {row} | 绝缘电阻 | 合格 | 无 |\n"));
        }
        assert_eq!(first_loop(characters(&table)), None);
    }

    #[test]
    fn equal_rows_without_numbers_pass_for_a_while_and_not_for_ever() {
        let row = "| 是 | 否 | 无 |\n";
        assert_eq!(first_loop(characters(&row.repeat(30))), None);
        assert!(first_loop(characters(&row.repeat(32))).is_some());
        // A form with ninety boxes.
        assert_eq!(first_loop(characters(&"□\n".repeat(90))), None);
    }

    #[test]
    fn a_broken_run_starts_again() {
        let almost = vec![7u32; 192];
        let ids = almost
            .iter()
            .chain([&8])
            .chain(&almost)
            .chain([&8])
            .copied();
        assert_eq!(first_loop(ids), None);
    }

    proptest! {
        /// The counters against looking back over the whole answer at every token.
        #[test]
        fn the_counters_say_what_looking_back_says(
            head in prop::collection::vec(0u32..3, 0..40),
            block in prop::collection::vec(0u32..3, 1..30),
            times in 1usize..40,
        ) {
            let mut ids = head;
            for _ in 0..times {
                ids.extend(&block);
            }
            let mut detector = LoopDetector::new();
            for end in 1..=ids.len() {
                let have = detector.push(ids[end - 1]);
                let want = (1..=MAX_PERIOD.min(end - 1)).find_map(|period| {
                    let repeated =
                        (period..end).rev().take_while(|&at| ids[at] == ids[at - period]).count();
                    (repeated >= tokens_to_loop(period)).then_some(Loop { period, repeated })
                });
                prop_assert_eq!(have, want);
            }
        }
    }
}
