//! Insights: facts of each round from a narrow index of the database, put together here.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use sqlx::AnyConnection;

use super::doubts::{DOUBTFUL_READ, doubtful_strings};
use super::list::{Statement, check_offset};
use super::rows::Columns;
use crate::Refusal;
use crate::records::clock::date;
use crate::records::{
    AnswerState, DayFigures, GroupExample, GroupId, Insights, InsightsWish, QuestionGroup, Records,
    Share, SolvedAfter, Thumbs, Unanswered, Verdict,
};

const GROUPS: usize = 20;
/// Examples of a group, and how many questions are looked at to find so many different ones.
const EXAMPLES: usize = 3;
const LOOKED_AT: usize = 12;

impl Records {
    /// What the records tell about a time.
    pub async fn insights(&self, wish: &InsightsWish) -> Result<Insights, Refusal> {
        check_offset(wish.utc_offset_minutes)?;
        let mut snapshot = self.database().snapshot().await?;
        let connection = &mut *snapshot;
        let facts = facts(connection, wish).await?;
        let (rounds_to_solution, judged) = solutions(connection, wish).await?;
        let solved_at_once = rounds_to_solution.first().map_or(0, |after| after.count);
        let answered = facts.iter().filter(|fact| fact.answered).count() as u64;
        let doubtful = facts.iter().filter(|fact| fact.doubtful).count() as u64;
        let conversations: HashSet<_> = facts.iter().map(|fact| fact.conversation).collect();
        let mut times: Vec<f64> = facts.iter().filter_map(|fact| fact.ttft_ms).collect();
        Ok(Insights {
            questions: facts.len() as u64,
            conversations: conversations.len() as u64,
            solved_in_first_round: share(solved_at_once, judged),
            doubtful_answers: share(doubtful, answered),
            unanswered: unanswered(connection, wish).await?,
            ttft_ms_median: median(&mut times),
            thumbs: Thumbs {
                up: facts.iter().map(|fact| fact.thumbs.up).sum(),
                down: facts.iter().map(|fact| fact.thumbs.down).sum(),
            },
            groups: groups(connection, wish, &facts).await?,
            rounds_to_solution,
            ttft_by_day: days(&facts),
            by_hour: hours(&facts),
            doubtful_strings: doubtful_strings(connection, wish).await?,
            doubtful_strings_of: doubtful.min(DOUBTFUL_READ),
        })
    }
}

fn share(count: u64, whole: u64) -> Share {
    let share = match whole {
        0 => 0.0,
        whole => count as f64 / whole as f64,
    };
    Share { count, share }
}

/// The condition that a round `r` counts and lies in the time.
pub fn counted(statement: &mut Statement, wish: &InsightsWish) -> Result<String, Refusal> {
    let mut condition = "r.counts = 1".to_owned();
    if let Some(from) = wish.from {
        condition.push_str(&format!(" AND r.asked_at >= {}", statement.whole(from)?));
    }
    if let Some(to) = wish.to {
        condition.push_str(&format!(" AND r.asked_at < {}", statement.whole(to)?));
    }
    Ok(condition)
}

/// What a round adds to the figures.
struct Fact {
    /// Hours since 1970, on the wisher's clock.
    hour: i64,
    conversation: i64,
    group: i64,
    answered: bool,
    doubtful: bool,
    ttft_ms: Option<f64>,
    thumbs: Thumbs,
}

impl Fact {
    /// Days since 1970, on the wisher's clock.
    fn day(&self) -> i64 {
        self.hour.div_euclid(24)
    }

    fn read(written: &str) -> Option<Self> {
        let mut numbers = written.split(',').map(str::parse::<i64>);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            hour: next()?,
            conversation: next()?,
            group: next()?,
            answered: next()? > 0,
            doubtful: next()? > 0,
            ttft_ms: Some(next()?)
                .filter(|us| *us >= 0)
                .map(|us| us as f64 / 1000.0),
            thumbs: Thumbs {
                up: next()?.unsigned_abs(),
                down: next()?.unsigned_abs(),
            },
        })
    }
}

/// Every round that counts, in the order of asking, read in one pass over a narrow index and handed
/// over as one text: to group and sort them five ways in SQL would take as many passes, and to hand
/// them over row by row would take longer than either.
async fn facts(connection: &mut AnyConnection, wish: &InsightsWish) -> Result<Vec<Fact>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
    let offset = wish.utc_offset_minutes.unwrap_or(0);
    statement.sql = format!(
        "SELECT STRING_AGG(CONCAT_WS(',', (r.asked_at + {offset} * 60000) / 3600000, \
             r.conversation, COALESCE(r.question_group, 0), r.answered, r.doubtful, \
             COALESCE(r.ttft_us, -1), r.thumbs_up, r.thumbs_down), ' ') AS facts \
         FROM rounds r WHERE {counted}"
    );
    let rows = statement.fetch(connection).await?;
    let written = rows
        .first()
        .map_or(Ok(None), |row| row.maybe_text("facts"))?;
    let written = written.unwrap_or_default();
    let facts = written.split_ascii_whitespace().map(Fact::read);
    let facts: Option<Vec<Fact>> = facts.collect();
    let mut facts = facts.ok_or_else(|| {
        tracing::error!("the figures of the rounds cannot be read");
        Refusal::records_failed()
    })?;
    facts.sort_by_key(|fact| fact.hour);
    Ok(facts)
}

fn days(facts: &[Fact]) -> Vec<DayFigures> {
    let days = facts.chunk_by(|a, b| a.day() == b.day());
    let figures = |facts: &[Fact]| {
        let mut times: Vec<f64> = facts.iter().filter_map(|fact| fact.ttft_ms).collect();
        DayFigures {
            day: date(facts.first().map_or(0, Fact::day)),
            median_ms: median(&mut times),
            p90_ms: p90(&times),
            questions: facts.len() as u64,
        }
    };
    days.map(figures).collect()
}

fn hours(facts: &[Fact]) -> Vec<[u64; 24]> {
    let mut hours = vec![[0; 24]; 7];
    for fact in facts {
        // 1970 began on a Thursday.
        let weekday = (fact.day() + 3).rem_euclid(7) as usize;
        let hour = fact.hour.rem_euclid(24) as usize;
        if let Some(place) = hours.get_mut(weekday).and_then(|day| day.get_mut(hour)) {
            *place += 1;
        }
    }
    hours
}

/// Solved conversations by their number of rounds, and how many have any verdict.
async fn solutions(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
) -> Result<(Vec<SolvedAfter>, u64), Refusal> {
    let mut statement = Statement::new("");
    let in_time = match (wish.from, wish.to) {
        (None, None) => "c.rounds > 0".to_owned(),
        _ => {
            let counted = counted(&mut statement, wish)?;
            format!("c.number IN (SELECT r.conversation FROM rounds r WHERE {counted})")
        }
    };
    statement.sql = format!(
        "SELECT c.verdict, CASE WHEN c.rounds > 3 THEN 3 ELSE c.rounds END AS rounds, \
             COUNT(*) AS number \
         FROM conversations c \
         WHERE c.verdict IS NOT NULL AND c.deleted_at IS NULL AND {in_time} GROUP BY 1, 2"
    );
    let mut solved: Vec<_> = (1..=3)
        .map(|rounds| SolvedAfter { rounds, count: 0 })
        .collect();
    let mut judged = 0;
    for row in statement.fetch(connection).await? {
        let count: u64 = row.count("number")?;
        judged += count;
        if row.word::<Verdict>("verdict")? == Verdict::Solved {
            let rounds: u8 = row.count("rounds")?;
            if let Some(after) = solved.iter_mut().find(|after| after.rounds == rounds) {
                after.count += count;
            }
        }
    }
    Ok((solved, judged))
}

/// Questions without a whole answer, by how the newest one ended.
async fn unanswered(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
) -> Result<Vec<Unanswered>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
    statement.sql = format!(
        "SELECT a.state, COUNT(*) AS number FROM rounds r \
         JOIN answers a ON a.number = (SELECT MAX(n.number) FROM answers n WHERE n.round = r.number) \
         WHERE {counted} AND r.answered = 0 GROUP BY a.state"
    );
    let mut counts = HashMap::new();
    for row in statement.fetch(connection).await? {
        counts.insert(row.word::<AnswerState>("state")?, row.count("number")?);
    }
    let ends = [
        AnswerState::Cancelled,
        AnswerState::Left,
        AnswerState::Interrupted,
        AnswerState::Failed,
    ];
    let counted = ends.map(|state| Unanswered {
        state,
        count: counts.get(&state).copied().unwrap_or(0),
    });
    Ok(counted.into())
}

/// The most frequent groups, with what was asked in them on each day.
async fn groups(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
    facts: &[Fact],
) -> Result<Vec<QuestionGroup>, Refusal> {
    let mut counts: HashMap<i64, u64> = HashMap::new();
    for fact in facts.iter().filter(|fact| fact.group > 0) {
        *counts.entry(fact.group).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|(group, count)| (Reverse(*count), *group));
    counts.truncate(GROUPS);
    let places = (0..).zip(&counts);
    let places: HashMap<i64, usize> = places.map(|(at, (group, _))| (*group, at)).collect();
    let mut trends: Vec<Vec<u64>> = vec![Vec::new(); counts.len()];
    for of_day in facts.chunk_by(|a, b| a.day() == b.day()) {
        trends.iter_mut().for_each(|trend| trend.push(0));
        for at in of_day.iter().filter_map(|fact| places.get(&fact.group)) {
            if let Some(today) = trends.get_mut(*at).and_then(|trend| trend.last_mut()) {
                *today += 1;
            }
        }
    }
    let mut groups = Vec::new();
    for ((number, count), trend) in counts.into_iter().zip(trends) {
        let row = sqlx::query(
            "SELECT g.id, k.question FROM question_groups g LEFT JOIN rounds k ON k.number = g.round \
             WHERE g.number = $1",
        )
        .bind(number)
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { continue };
        groups.push(QuestionGroup {
            id: row.id("id")?,
            label: shortened(&row.maybe_text("question")?.unwrap_or_default()),
            count,
            share: share(count, facts.len() as u64).share,
            examples: examples(connection, wish, number).await?,
            trend,
        });
    }
    Ok(groups)
}

/// What a group is called; `None` where none is called so.
pub async fn group_label(
    connection: &mut AnyConnection,
    id: GroupId,
) -> Result<Option<String>, Refusal> {
    let row = sqlx::query(
        "SELECT r.question FROM question_groups g JOIN rounds r ON r.number = g.round \
         WHERE g.id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(shortened(&row.text("question")?)))
        .transpose()
}

/// The newest questions of a group, each in other words.
async fn examples(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
    group: i64,
) -> Result<Vec<GroupExample>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
    // A value rather than part of the text: the database prepares one statement for all groups.
    let group = statement.whole(group)?;
    statement.sql = format!(
        "SELECT c.id, r.question FROM rounds r JOIN conversations c ON c.number = r.conversation \
         WHERE r.question_group = {group} AND {counted} \
         ORDER BY r.asked_at DESC, r.conversation DESC LIMIT {LOOKED_AT}"
    );
    let mut examples: Vec<GroupExample> = Vec::new();
    for row in statement.fetch(connection).await? {
        let question = shortened(&row.text("question")?);
        if examples.len() < EXAMPLES && examples.iter().all(|known| known.question != question) {
            examples.push(GroupExample {
                conversation: row.id("id")?,
                question,
            });
        }
    }
    Ok(examples)
}

/// A question on one line, for a list.
fn shortened(question: &str) -> String {
    super::conversations::title_from(question)
}

/// The middle of the values, which are put in order.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    match values.len() % 2 {
        1 => Some(upper),
        _ => Some((values.get(middle.checked_sub(1)?)? + upper) / 2.0),
    }
}

/// What nine of ten values do not exceed; the values are in order.
fn p90(sorted: &[f64]) -> Option<f64> {
    let rank = (sorted.len() * 9).div_ceil(10);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [9.0, 1.0, 4.0, 2.0]), Some(3.0));
        assert_eq!(p90(&[]), None);
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(p90(&ten), Some(9.0));
        assert_eq!(p90(&[5.0]), Some(5.0));
    }
}
