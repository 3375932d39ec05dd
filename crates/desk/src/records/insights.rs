//! What the records tell about a time: figures, each of which is a filter of the list.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{AnswerId, AnswerState, Certainty, ConversationId, GroupId};

/// Which time to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InsightsWish {
    /// Asked at or after this instant.
    pub from: Option<i64>,
    /// Asked before this instant.
    pub to: Option<i64>,
    /// What to add to UTC for days, hours and weekdays.
    #[param(minimum = -1080, maximum = 1080)]
    pub utc_offset_minutes: Option<i32>,
}

/// What the records tell about a time.
///
/// Conversations in the bin and rounds that an edit replaced do not count. Of a round's answers the
/// newest finished one counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Insights {
    /// Rounds asked.
    pub questions: u64,
    /// Conversations they belong to.
    pub conversations: u64,
    /// Conversations solved in their first round; the share is of those with a verdict.
    pub solved_in_first_round: Share,
    /// Questions whose answer has a doubtful string; the share is of those answered.
    pub doubtful_answers: Share,
    /// Questions that have no whole answer, by how the newest answer to them ended: stopped, left,
    /// cut off, failed. Those being answered do not count.
    pub unanswered: Vec<Unanswered>,
    /// Time to the first word; null without an answer.
    pub ttft_ms_median: Option<f64>,
    /// Answers judged.
    pub thumbs: Thumbs,
    /// The most frequent questions, at most 20 groups.
    pub groups: Vec<QuestionGroup>,
    /// Conversations solved, by their number of rounds.
    pub rounds_to_solution: Vec<SolvedAfter>,
    /// Days on which something was asked, in order.
    pub ttft_by_day: Vec<DayFigures>,
    /// Questions by weekday (0 is Monday) and hour.
    pub by_hour: Vec<[u64; 24]>,
    /// Doubtful strings of answers that count, each once, at most 10: the most frequent first.
    pub doubtful_strings: Vec<DoubtfulString>,
    /// In how many answers the doubtful strings were counted: the newest, at most 1000.
    pub doubtful_strings_of: u64,
}

/// A number and what share of the whole it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// 0 to 1; 0 where there is no whole.
    pub share: f64,
}

/// Questions without a whole answer whose newest one ended so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unanswered {
    /// How it ended.
    pub state: AnswerState,
    /// How many questions.
    pub count: u64,
}

/// Answers judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Thumbs {
    /// Good ones.
    pub up: u64,
    /// Bad ones.
    pub down: u64,
}

/// Questions that mean the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuestionGroup {
    /// Its name.
    pub id: GroupId,
    /// A question that stands for it.
    pub label: String,
    /// How many questions.
    pub count: u64,
    /// Of all questions of this time, 0 to 1.
    pub share: f64,
    /// The newest few, each in other words.
    pub examples: Vec<GroupExample>,
    /// Questions on each day of `ttft_by_day`.
    pub trend: Vec<u64>,
}

/// A question of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupExample {
    /// Where it was asked.
    pub conversation: ConversationId,
    /// Its words.
    pub question: String,
}

/// Conversations solved after so many rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SolvedAfter {
    /// 1, 2, or 3 for three and more.
    pub rounds: u8,
    /// How many.
    pub count: u64,
}

/// A day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DayFigures {
    /// Such as `2026-11-21`.
    pub day: String,
    /// Time to the first word, of half the answers; null without an answer.
    pub median_ms: Option<f64>,
    /// Time to the first word, of nine answers in ten.
    pub p90_ms: Option<f64>,
    /// Questions asked.
    pub questions: u64,
}

/// A string that the model was not sure of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DoubtfulString {
    /// The string.
    pub text: String,
    /// How often it was doubtful.
    pub count: u64,
    /// In how many conversations.
    pub conversations: u64,
    /// Where it was said last.
    pub conversation: ConversationId,
    /// In which answer.
    pub answer: AnswerId,
    /// How sure the model was.
    pub certainty: Certainty,
}
