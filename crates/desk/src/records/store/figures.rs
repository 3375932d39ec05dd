//! Insights: counted by the database over a narrow index, put together here.

use std::collections::HashMap;

use sqlx::AnyConnection;

use super::list::{Statement, check_offset, day_of, hour_of, weekday_of};
use super::rows::{Columns, word};
use crate::Refusal;
use crate::records::{
    Certainty, DayFigures, DoubtfulString, GroupExample, Insights, InsightsWish, QuestionGroup,
    Records, Share, SolvedAfter, TextMark, Thumbs, Verdict,
};

const GROUPS: usize = 20;
/// Examples of a group, and how many questions are looked at to find so many different ones.
const EXAMPLES: usize = 3;
const LOOKED_AT: usize = 12;
const STRINGS: usize = 50;

impl Records {
    /// What the records tell about a time.
    pub async fn insights(&self, wish: &InsightsWish) -> Result<Insights, Refusal> {
        check_offset(wish.utc_offset_minutes)?;
        let mut snapshot = self.database().snapshot().await?;
        let connection = &mut *snapshot;
        let days = days(connection, wish).await?;
        let questions = days.iter().map(|day| day.questions).sum();
        let answered = days.iter().map(|day| day.answered).sum();
        let doubtful = days.iter().map(|day| day.doubtful).sum();
        let mut all: Vec<f64> = days.iter().flat_map(|day| &day.ttft_ms).copied().collect();
        let (rounds_to_solution, judged) = solutions(connection, wish).await?;
        let solved_at_once = rounds_to_solution.first().map_or(0, |after| after.count);
        let groups = groups(connection, wish, &days, questions).await?;
        Ok(Insights {
            questions,
            conversations: conversations(connection, wish).await?,
            solved_in_first_round: share(solved_at_once, judged),
            doubtful_answers: share(doubtful, answered),
            ttft_ms_median: median(&mut all),
            thumbs: Thumbs {
                up: days.iter().map(|day| day.thumbs.up).sum(),
                down: days.iter().map(|day| day.thumbs.down).sum(),
            },
            groups,
            rounds_to_solution,
            ttft_by_day: days.into_iter().map(Day::figures).collect(),
            by_hour: hours(connection, wish).await?,
            doubtful_strings: doubtful_strings(connection, wish).await?,
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
fn counted(statement: &mut Statement, wish: &InsightsWish) -> Result<String, Refusal> {
    let mut condition = "r.counts = 1".to_owned();
    if let Some(from) = wish.from {
        condition.push_str(&format!(" AND r.asked_at >= {}", statement.whole(from)?));
    }
    if let Some(to) = wish.to {
        condition.push_str(&format!(" AND r.asked_at < {}", statement.whole(to)?));
    }
    Ok(condition)
}

struct Day {
    /// Days since 1970.
    number: i64,
    questions: u64,
    answered: u64,
    doubtful: u64,
    thumbs: Thumbs,
    ttft_ms: Vec<f64>,
}

impl Day {
    fn figures(mut self) -> DayFigures {
        DayFigures {
            day: date(self.number),
            median_ms: median(&mut self.ttft_ms),
            p90_ms: p90(&self.ttft_ms),
            questions: self.questions,
        }
    }
}

async fn days(connection: &mut AnyConnection, wish: &InsightsWish) -> Result<Vec<Day>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
    let day = day_of("r.asked_at", wish.utc_offset_minutes.unwrap_or(0));
    statement.sql = format!(
        "SELECT {day} AS day, COUNT(*) AS questions, CAST(SUM(r.answered) AS BIGINT) AS answered, \
             CAST(SUM(CASE WHEN r.doubtful > 0 THEN 1 ELSE 0 END) AS BIGINT) AS doubtful, \
             CAST(SUM(r.thumbs_up) AS BIGINT) AS thumbs_up, \
             CAST(SUM(r.thumbs_down) AS BIGINT) AS thumbs_down, \
             STRING_AGG(CAST(r.ttft_ms AS TEXT), ' ') AS ttft_ms \
         FROM rounds r WHERE {counted} GROUP BY 1 ORDER BY 1"
    );
    let rows = statement.fetch(connection).await?;
    let row = |row| {
        let row: &sqlx::any::AnyRow = row;
        let ttft_ms = row.maybe_text("ttft_ms")?.unwrap_or_default();
        Ok(Day {
            number: row.whole("day")?,
            questions: row.count("questions")?,
            answered: row.count("answered")?,
            doubtful: row.count("doubtful")?,
            thumbs: Thumbs {
                up: row.count("thumbs_up")?,
                down: row.count("thumbs_down")?,
            },
            ttft_ms: ttft_ms
                .split(' ')
                .filter_map(|ms| ms.parse().ok())
                .collect(),
        })
    };
    rows.iter().map(row).collect()
}

async fn conversations(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
) -> Result<u64, Refusal> {
    let mut statement = Statement::new("");
    statement.sql = match (wish.from, wish.to) {
        (None, None) => "SELECT COUNT(*) AS number FROM conversations c \
             WHERE c.deleted_at IS NULL AND c.rounds > 0"
            .to_owned(),
        _ => {
            let counted = counted(&mut statement, wish)?;
            format!("SELECT COUNT(DISTINCT r.conversation) AS number FROM rounds r WHERE {counted}")
        }
    };
    let rows = statement.fetch(connection).await?;
    rows.first().map_or(Ok(0), |row| row.count("number"))
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

async fn hours(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
) -> Result<Vec<[u64; 24]>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
    let offset = wish.utc_offset_minutes.unwrap_or(0);
    statement.sql = format!(
        "SELECT {} AS weekday, {} AS hour, COUNT(*) AS number FROM rounds r \
         WHERE {counted} GROUP BY 1, 2",
        weekday_of("r.asked_at", offset),
        hour_of("r.asked_at", offset),
    );
    let mut hours = vec![[0; 24]; 7];
    for row in statement.fetch(connection).await? {
        let (weekday, hour): (usize, usize) = (row.count("weekday")?, row.count("hour")?);
        if let Some(place) = hours.get_mut(weekday).and_then(|day| day.get_mut(hour)) {
            *place = row.count("number")?;
        }
    }
    Ok(hours)
}

async fn groups(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
    days: &[Day],
    questions: u64,
) -> Result<Vec<QuestionGroup>, Refusal> {
    let mut statement = Statement::new("");
    let condition = counted(&mut statement, wish)?;
    statement.sql = format!(
        "SELECT g.number, g.id, k.question, t.questions FROM \
             (SELECT r.question_group, COUNT(*) AS questions FROM rounds r \
              WHERE {condition} AND r.question_group IS NOT NULL \
              GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {GROUPS}) t \
         JOIN question_groups g ON g.number = t.question_group \
         LEFT JOIN rounds k ON k.number = g.round \
         ORDER BY t.questions DESC, g.number"
    );
    let mut groups = Vec::new();
    let mut places = HashMap::new();
    for row in statement.fetch(connection).await? {
        let count: u64 = row.count("questions")?;
        places.insert(row.whole("number")?, groups.len());
        groups.push(QuestionGroup {
            id: row.id("id")?,
            label: shortened(&row.maybe_text("question")?.unwrap_or_default()),
            count,
            share: share(count, questions).share,
            examples: Vec::new(),
            trend: vec![0; days.len()],
        });
    }
    if places.is_empty() {
        return Ok(groups);
    }
    let numbers: Vec<_> = places.keys().map(i64::to_string).collect();
    let day_places: HashMap<i64, usize> =
        (0..).zip(days).map(|(at, day)| (day.number, at)).collect();
    let mut statement = Statement::new("");
    let condition = counted(&mut statement, wish)?;
    statement.sql = format!(
        "SELECT r.question_group, {} AS day, COUNT(*) AS questions FROM rounds r \
         WHERE {condition} AND r.question_group IN ({}) GROUP BY 1, 2",
        day_of("r.asked_at", wish.utc_offset_minutes.unwrap_or(0)),
        numbers.join(", "),
    );
    for row in statement.fetch(connection).await? {
        let group = places.get(&row.whole("question_group")?);
        let day = day_places.get(&row.whole("day")?);
        let place = group.zip(day).and_then(|(group, day)| {
            groups
                .get_mut(*group)
                .and_then(|group| group.trend.get_mut(*day))
        });
        if let Some(place) = place {
            *place = row.count("questions")?;
        }
    }
    for (number, at) in places {
        if let Some(group) = groups.get_mut(at) {
            group.examples = examples(connection, wish, number).await?;
        }
    }
    Ok(groups)
}

/// The newest questions of a group, each in other words.
async fn examples(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
    group: i64,
) -> Result<Vec<GroupExample>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
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

async fn doubtful_strings(
    connection: &mut AnyConnection,
    wish: &InsightsWish,
) -> Result<Vec<DoubtfulString>, Refusal> {
    let mut statement = Statement::new("");
    let counted = counted(&mut statement, wish)?;
    let done = statement.text(word(crate::records::AnswerState::Done))?;
    statement.sql = format!(
        "SELECT c.id AS conversation, a.id AS answer, a.text, a.marks \
         FROM (SELECT r.number, r.conversation, r.asked_at FROM rounds r \
               WHERE {counted} AND r.doubtful > 0 ORDER BY r.asked_at DESC, r.number DESC \
               LIMIT {STRINGS}) t \
         JOIN conversations c ON c.number = t.conversation \
         JOIN answers a ON a.number = (SELECT MAX(n.number) FROM answers n \
             WHERE n.round = t.number AND n.state = {done}) \
         ORDER BY t.asked_at DESC, t.number DESC"
    );
    let mut strings = Vec::new();
    for row in statement.fetch(connection).await? {
        let text: Vec<u16> = row.text("text")?.encode_utf16().collect();
        let marks: Vec<TextMark> = row.json("marks")?;
        for mark in marks
            .iter()
            .filter(|mark| mark.certainty == Certainty::Doubtful)
        {
            let Some(units) = text.get(mark.start as usize..mark.end as usize) else {
                continue;
            };
            strings.push(DoubtfulString {
                text: String::from_utf16_lossy(units),
                conversation: row.id("conversation")?,
                answer: row.id("answer")?,
                certainty: mark.certainty,
            });
        }
    }
    strings.truncate(STRINGS);
    Ok(strings)
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

/// Days since 1970 as a date of the Gregorian calendar.
///
/// Source: the era arithmetic of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
pub fn date(days: i64) -> String {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates_also_in_leap_years() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (20_778, "2026-11-21"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

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
