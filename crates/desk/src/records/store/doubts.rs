//! Doubtful strings: the most frequent ones of a time, and the conversations in which one of them stands.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::AnyConnection;

use super::figures::counted;
use super::list::Statement;
use super::rows::{Columns, word};
use crate::Refusal;
use crate::records::{
    AnswerId, AnswerState, Certainty, ConversationId, DoubtfulString, InsightsWish, TextMark,
};

/// The most frequent ones that are told.
const STRINGS: usize = 10;
/// Doubtful answers that are read for their strings: the newest of the time.
pub const DOUBTFUL_READ: u64 = 1000;

/// A doubtful string where it stands.
struct Doubt {
    text: String,
    conversation: ConversationId,
    /// Of the conversation, among the rows.
    number: i64,
    answer: AnswerId,
}

/// The doubtful strings of the newest doubtful answers, the newest first.
async fn doubts(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
) -> Result<Vec<Doubt>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
    let done = statement.text(word(AnswerState::Done))?;
    statement.sql = format!(
        "SELECT c.id AS conversation, c.number, a.id AS answer, a.text, a.marks \
         FROM (SELECT r.number, r.conversation, r.asked_at FROM rounds r \
               WHERE {counted} AND r.doubtful > 0 ORDER BY r.asked_at DESC, r.number DESC \
               LIMIT {DOUBTFUL_READ}) t \
         JOIN conversations c ON c.number = t.conversation \
         JOIN answers a ON a.number = (SELECT MAX(n.number) FROM answers n \
             WHERE n.round = t.number AND n.state = {done}) \
         ORDER BY t.asked_at DESC, t.number DESC"
    );
    let mut doubts = Vec::new();
    for row in statement.fetch(connection).await? {
        let (conversation, number) = (row.id("conversation")?, row.whole("number")?);
        let answer = row.id("answer")?;
        let text: Vec<u16> = row.text("text")?.encode_utf16().collect();
        let marks: Vec<TextMark> = row.json("marks")?;
        let marks = marks.iter();
        for mark in marks.filter(|mark| mark.certainty == Certainty::Doubtful) {
            let units = text.get(mark.start as usize..mark.end as usize);
            doubts.extend(units.map(|units| Doubt {
                text: String::from_utf16_lossy(units),
                conversation,
                number,
                answer,
            }));
        }
    }
    Ok(doubts)
}

/// The most frequent strings of the newest doubtful answers.
pub async fn doubtful_strings(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
) -> Result<Vec<DoubtfulString>, Refusal> {
    let mut strings: Vec<(DoubtfulString, HashSet<ConversationId>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for doubt in doubts(connection, wish).await? {
        let known = places.get(&doubt.text).and_then(|at| strings.get_mut(*at));
        if let Some((known, conversations)) = known {
            known.count += 1;
            conversations.insert(doubt.conversation);
            continue;
        }
        places.insert(doubt.text.clone(), strings.len());
        let first = DoubtfulString {
            text: doubt.text,
            count: 1,
            conversations: 1,
            conversation: doubt.conversation,
            answer: doubt.answer,
            certainty: Certainty::Doubtful,
        };
        strings.push((first, HashSet::from([doubt.conversation])));
    }
    // Of equally frequent ones the newest stays first.
    strings.sort_by_key(|(string, _)| Reverse(string.count));
    strings.truncate(STRINGS);
    let counted = |(string, conversations): (DoubtfulString, HashSet<_>)| DoubtfulString {
        conversations: conversations.len() as u64,
        ..string
    };
    Ok(strings.into_iter().map(counted).collect())
}

/// The conversations, among the rows, in which this string was doubtful: those behind its count.
pub async fn conversations_with(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
    string: &str,
) -> Result<BTreeSet<i64>, Refusal> {
    let doubts = doubts(connection, wish).await?.into_iter();
    let of_string = doubts.filter(|doubt| doubt.text == string);
    Ok(of_string.map(|doubt| doubt.number).collect())
}
