//! Which conversations a list shows. Every figure of the insights is one of these filters.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{AnswerState, GroupId, Thumb, Verdict};

/// Which conversations to list; all conditions must hold.
///
/// `from`, `to`, `group`, `doubtful`, `unanswered`, `thumb`, `hour` and `weekday` speak of a round: a
/// conversation is listed when one of its rounds fits all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConversationFilter {
    /// Words that must all occur; Chinese in any length.
    pub query: Option<String>,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Whose matter it is, to the letter.
    pub customer: Option<String>,
    /// Only pinned ones, or only others.
    pub pinned: Option<bool>,
    /// Those in the bin instead of the others.
    pub deleted: Option<bool>,
    /// Asked at or after this instant.
    pub from: Option<i64>,
    /// Asked before this instant.
    pub to: Option<i64>,
    /// Asked one of these questions.
    pub group: Option<GroupId>,
    /// Solved in 1 round, 2 rounds, or 3 and more.
    #[param(minimum = 1, maximum = 3)]
    pub solved_in: Option<u8>,
    /// An answer that counts has a doubtful string, or has none.
    pub doubtful: Option<bool>,
    /// This string was doubtful, to the character, in one of the newest 1000 doubtful answers of the time: what the
    /// insights count.
    pub doubtful_string: Option<String>,
    /// A question has no whole answer, and the newest one to it ended so.
    pub unanswered: Option<AnswerState>,
    /// An answer was judged so.
    pub thumb: Option<Thumb>,
    /// Asked in this hour of the day.
    #[param(maximum = 23)]
    pub hour: Option<u8>,
    /// Asked on this day of the week, 0 is Monday.
    #[param(maximum = 6)]
    pub weekday: Option<u8>,
    /// What to add to UTC for `hour` and `weekday`.
    #[param(minimum = -1080, maximum = 1080)]
    pub utc_offset_minutes: Option<i32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many at most; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}
