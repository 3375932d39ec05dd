//! The list of conversations: filters to SQL, page after page, and where searched words stand.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, Arguments, AssertSqlSafe};

use super::database::Kind;
use super::doubts;
use super::figures::group_label;
use super::found;
use super::rows::{Columns, bounded, limits, storable, word};
use super::whole::{SUMMARY, summary};
use crate::Refusal;
use crate::records::cut::{self, Phrase};
use crate::records::snippet::{Found, snippet};
use crate::records::{
    ConversationFilter, ConversationPage, ConversationSummary, InsightsWish, Records, Thumb,
    Verdict,
};

const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;
/// How many candidates are looked at in one go while words are searched.
const BATCH: usize = 64;
/// Of so many conversations the own rows are searched before the index is asked about all.
const NEWEST: usize = 256;

/// Among which conversations words are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    Newest,
    All,
}

/// A statement that grows, and the values that go with it.
pub struct Statement {
    pub sql: String,
    arguments: AnyArguments,
}

impl Statement {
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            arguments: AnyArguments::default(),
        }
    }

    /// Takes a value along and gives its place, `$n`.
    pub fn text(&mut self, value: impl Into<String>) -> Result<String, Refusal> {
        let added = self.arguments.add(value.into());
        added.map_err(sqlx::Error::Encode)?;
        Ok(format!("${}", self.arguments.len()))
    }

    /// Takes a value along and gives its place, `$n`.
    pub fn whole(&mut self, value: i64) -> Result<String, Refusal> {
        self.arguments.add(value).map_err(sqlx::Error::Encode)?;
        Ok(format!("${}", self.arguments.len()))
    }

    pub async fn fetch(
        self,
        connection: &mut AnyConnection,
    ) -> Result<Vec<sqlx::any::AnyRow>, Refusal> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments);
        Ok(query.fetch_all(connection).await?)
    }
}

/// Where a page ends: the sort key of its last conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    pinned: bool,
    updated_at: i64,
    id: String,
}

impl Cursor {
    fn after(last: &ConversationSummary) -> Self {
        Self {
            pinned: last.pinned,
            updated_at: last.updated_at,
            id: last.id.to_string(),
        }
    }

    fn read(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::field_out_of_range("cursor", "the `next_cursor` of a page");
        let (pinned, rest) = text.split_once('.').ok_or_else(wrong)?;
        let (updated_at, id) = rest.split_once('.').ok_or_else(wrong)?;
        let id: crate::records::ConversationId = id.parse().map_err(|_| wrong())?;
        Ok(Self {
            pinned: pinned == "1",
            updated_at: updated_at.parse().map_err(|_| wrong())?,
            id: id.to_string(),
        })
    }

    fn write(&self) -> String {
        format!("{}.{}.{}", u8::from(self.pinned), self.updated_at, self.id)
    }
}

/// What is asked for next of the list.
struct Next<'a> {
    filter: &'a ConversationFilter,
    phrases: &'a [Phrase],
    cursor: Option<&'a Cursor>,
    /// The only conversations that count, among the rows.
    among: Option<&'a BTreeSet<i64>>,
    limit: usize,
}

impl Next<'_> {
    /// The statement that selects these conversations.
    fn statement(&self, kind: Kind, among: Among) -> Result<Statement, Refusal> {
        let mut statement = Statement::new("");
        let mut conditions = conditions(&mut statement, self.filter)?;
        conditions.extend(self.among.map(one_of));
        let by_time = !self.phrases.is_empty();
        if let Some(cursor) = self.cursor {
            let updated_at = statement.whole(cursor.updated_at)?;
            let id = statement.text(cursor.id.clone())?;
            conditions.push(if by_time {
                format!("(c.updated_at, c.id) < ({updated_at}, {id})")
            } else {
                let pinned = statement.whole(i64::from(cursor.pinned))?;
                format!("(c.pinned, c.updated_at, c.id) < ({pinned}, {updated_at}, {id})")
            });
        }
        let mut said = Vec::new();
        for phrase in self.phrases {
            let place = statement.text(found::wanted(kind, phrase))?;
            said.push(match among {
                Among::Newest => found::condition_in_rows(&place),
                Among::All => found::condition(kind, &place),
            });
        }
        let order = match by_time {
            true => "c.updated_at DESC, c.id DESC",
            false => "c.pinned DESC, c.updated_at DESC, c.id DESC",
        };
        let from = match among {
            Among::Newest => format!(
                "(SELECT * FROM conversations c WHERE {} ORDER BY {order} LIMIT {NEWEST}) c",
                conditions.join(" AND "),
            ),
            Among::All => {
                said.splice(0..0, conditions);
                "conversations c".to_owned()
            }
        };
        let limit = self.limit;
        statement.sql = format!(
            "SELECT {SUMMARY} FROM {from} WHERE {} ORDER BY {order} LIMIT {limit}",
            said.join(" AND "),
        );
        Ok(statement)
    }
}

impl Records {
    /// A page of the list.
    pub async fn list(&self, filter: &ConversationFilter) -> Result<ConversationPage, Refusal> {
        check(filter)?;
        let limit = filter.limit.unwrap_or(PAGE) as usize;
        let query = filter.query.as_deref().map(str::trim).unwrap_or_default();
        let phrases = cut::phrases(query);
        let mut cursor = filter.cursor.as_deref().map(Cursor::read).transpose()?;
        let mut snapshot = self.database().snapshot().await?;
        let group_label = match filter.group {
            Some(group) => group_label(&mut snapshot, group).await?,
            None => None,
        };
        if !query.is_empty() && phrases.is_empty() {
            // Nothing in it that a text could say.
            return Ok(ConversationPage {
                conversations: Vec::new(),
                next_cursor: None,
                group_label,
            });
        }
        if !phrases.is_empty() {
            found::prefer_index(self.database().kind(), &mut snapshot).await?;
        }
        let in_doubt = match &filter.doubtful_string {
            Some(string) => {
                Some(doubts::conversations_with(&mut snapshot, &time(filter), string).await?)
            }
            None => None,
        };
        let mut conversations: Vec<ConversationSummary> = Vec::new();
        loop {
            let wanted = match phrases.is_empty() {
                true => limit + 1,
                false => BATCH.max(limit + 1),
            };
            let next = Next {
                filter,
                phrases: &phrases,
                cursor: cursor.as_ref(),
                among: in_doubt.as_ref(),
                limit: wanted,
            };
            let batch = self.batch(&mut snapshot, &next).await?;
            let is_last = batch.len() < wanted;
            cursor = batch.last().map(|(_, last)| Cursor::after(last)).or(cursor);
            conversations.extend(self.hits(&mut snapshot, batch, &phrases).await?);
            if is_last || conversations.len() > limit {
                break;
            }
        }
        let more = conversations.len() > limit;
        conversations.truncate(limit);
        let last = conversations.last().filter(|_| more);
        Ok(ConversationPage {
            next_cursor: last.map(|last| Cursor::after(last).write()),
            conversations,
            group_label,
        })
    }

    /// The next conversations that fit the filter, as far as the database can tell.
    async fn batch(
        &self,
        connection: &mut AnyConnection,
        next: &Next<'_>,
    ) -> Result<Vec<(i64, ConversationSummary)>, Refusal> {
        let kind = self.database().kind();
        let mut rows = Vec::new();
        if kind == Kind::Postgres && !next.phrases.is_empty() && next.limit <= NEWEST {
            let newest = next.statement(kind, Among::Newest)?;
            rows = newest.fetch(&mut *connection).await?;
        }
        if rows.len() < next.limit {
            rows = next.statement(kind, Among::All)?.fetch(connection).await?;
        }
        let row = |row| {
            let row: &sqlx::any::AnyRow = row;
            Ok((row.whole("number")?, summary(row)?))
        };
        rows.iter().map(row).collect()
    }

    /// Of the candidates, those in which each phrase truly stands, with the place of it.
    async fn hits(
        &self,
        connection: &mut AnyConnection,
        batch: Vec<(i64, ConversationSummary)>,
        phrases: &[Phrase],
    ) -> Result<Vec<ConversationSummary>, Refusal> {
        if phrases.is_empty() || batch.is_empty() {
            return Ok(batch.into_iter().map(|(_, summary)| summary).collect());
        }
        let mut texts = texts(connection, batch.iter().map(|(number, _)| *number)).await?;
        let mut hits = Vec::new();
        for (number, mut summary) in batch {
            let mut texts = texts.remove(&number).unwrap_or_default();
            texts.extend(summary.customer.clone());
            texts.push(summary.title.clone());
            let mut found = Found::new(phrases);
            for text in &texts {
                found.look(text);
            }
            if found.is_complete() {
                summary.snippet = found.best().map(|(text, places)| snippet(text, places));
                hits.push(summary);
            }
        }
        Ok(hits)
    }
}

/// What was said in these conversations, newest first.
async fn texts(
    connection: &mut AnyConnection,
    conversations: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Vec<String>>, Refusal> {
    let numbers: Vec<_> = conversations.map(|number| number.to_string()).collect();
    let statement = Statement::new(format!(
        "SELECT r.conversation, r.number, r.question, a.text, a.correction \
         FROM rounds r LEFT JOIN answers a ON a.round = r.number \
         WHERE r.conversation IN ({}) AND r.replaced_by IS NULL \
         ORDER BY r.conversation, r.position DESC, a.number DESC",
        numbers.join(", "),
    ));
    let mut texts: HashMap<i64, Vec<String>> = HashMap::new();
    let mut seen = HashSet::new();
    for row in statement.fetch(connection).await? {
        let of = texts.entry(row.whole("conversation")?).or_default();
        if seen.insert(row.whole("number")?) {
            of.push(row.text("question")?);
        }
        of.extend(row.maybe_text("text")?);
        of.extend(row.maybe_text("correction")?);
    }
    Ok(texts)
}

fn check(filter: &ConversationFilter) -> Result<(), Refusal> {
    let within = |field: &str, allowed: &str, fits: bool| match fits {
        true => Ok(()),
        false => Err(Refusal::field_out_of_range(field, allowed)),
    };
    let query = filter.query.as_deref().unwrap_or_default();
    bounded("query", query, limits::QUERY)?;
    let string = filter.doubtful_string.as_deref().unwrap_or_default();
    bounded("doubtful_string", string, limits::QUERY)?;
    let limit = filter.limit.unwrap_or(PAGE);
    within(
        "limit",
        "between 1 and 200",
        (1..=LONGEST_PAGE).contains(&limit),
    )?;
    let solved_in = filter.solved_in.unwrap_or(1);
    within("solved_in", "1, 2 or 3", (1..=3).contains(&solved_in))?;
    within("hour", "between 0 and 23", filter.hour.unwrap_or(0) < 24)?;
    within(
        "weekday",
        "between 0 and 6",
        filter.weekday.unwrap_or(0) < 7,
    )?;
    check_offset(filter.utc_offset_minutes)
}

/// The time a filter names.
fn time(filter: &ConversationFilter) -> InsightsWish {
    InsightsWish {
        from: filter.from,
        to: filter.to,
        utc_offset_minutes: None,
    }
}

/// The condition that a conversation is one of these.
fn one_of(numbers: &BTreeSet<i64>) -> String {
    let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
    match numbers.is_empty() {
        true => "1 = 0".to_owned(),
        false => format!("c.number IN ({})", numbers.join(", ")),
    }
}

/// Clocks on Earth are at most 18 hours from UTC.
pub fn check_offset(minutes: Option<i32>) -> Result<(), Refusal> {
    match minutes.unwrap_or(0) {
        -1080..=1080 => Ok(()),
        _ => Err(Refusal::field_out_of_range(
            "utc_offset_minutes",
            "between -1080 and 1080",
        )),
    }
}

/// The conditions of everything but the searched words.
fn conditions(
    statement: &mut Statement,
    filter: &ConversationFilter,
) -> Result<Vec<String>, Refusal> {
    let mut conditions = vec![match filter.deleted.unwrap_or(false) {
        true => "c.deleted_at IS NOT NULL".to_owned(),
        false => "c.deleted_at IS NULL".to_owned(),
    }];
    if let Some(verdict) = filter.verdict {
        let place = statement.text(word(verdict))?;
        conditions.push(format!("c.verdict = {place}"));
    }
    if let Some(customer) = &filter.customer {
        let place = statement.text(storable(customer))?;
        conditions.push(format!("c.customer = {place}"));
    }
    if let Some(pinned) = filter.pinned {
        conditions.push(format!("c.pinned = {}", i64::from(pinned)));
    }
    if let Some(rounds) = filter.solved_in {
        let place = statement.text(word(Verdict::Solved))?;
        let fits = if rounds >= 3 {
            ">= 3".to_owned()
        } else {
            format!("= {rounds}")
        };
        conditions.push(format!("c.verdict = {place} AND c.rounds {fits}"));
    }
    conditions.extend(round_condition(statement, filter)?);
    Ok(conditions)
}

/// The condition that one round fits all that the filter says of rounds.
fn round_condition(
    statement: &mut Statement,
    filter: &ConversationFilter,
) -> Result<Option<String>, Refusal> {
    let mut of_round = Vec::new();
    if let Some(from) = filter.from {
        of_round.push(format!("r.asked_at >= {}", statement.whole(from)?));
    }
    if let Some(to) = filter.to {
        of_round.push(format!("r.asked_at < {}", statement.whole(to)?));
    }
    if let Some(group) = filter.group {
        let place = statement.text(group.to_string())?;
        of_round.push(format!(
            "r.question_group = (SELECT number FROM question_groups WHERE id = {place})"
        ));
    }
    match filter.doubtful {
        Some(true) => of_round.push("r.doubtful > 0".to_owned()),
        Some(false) => of_round.push("r.answered = 1 AND r.doubtful = 0".to_owned()),
        None => {}
    }
    if let Some(state) = filter.unanswered {
        let place = statement.text(word(state))?;
        of_round.push(format!(
            "r.answered = 0 AND {place} = (SELECT a.state FROM answers a WHERE a.round = r.number \
             ORDER BY a.number DESC LIMIT 1)"
        ));
    }
    let offset = filter.utc_offset_minutes.unwrap_or(0);
    if let Some(hour) = filter.hour {
        of_round.push(format!("{} = {hour}", hour_of("r.asked_at", offset)));
    }
    if let Some(weekday) = filter.weekday {
        of_round.push(format!("{} = {weekday}", weekday_of("r.asked_at", offset)));
    }
    match filter.thumb {
        Some(Thumb::Up) => of_round.push("r.thumbs_up > 0".to_owned()),
        Some(Thumb::Down) => of_round.push("r.thumbs_down > 0".to_owned()),
        None => {}
    }
    if of_round.is_empty() {
        return Ok(None);
    }
    // In the bin nothing counts, and one may still look for it there.
    of_round.push(match filter.deleted.unwrap_or(false) {
        true => "r.replaced_by IS NULL".to_owned(),
        false => "r.counts = 1".to_owned(),
    });
    // PostgreSQL takes the rounds of a time for spread evenly over the list, and would look into one
    // conversation after another for one of them. Those of a past time come late in the list; where each
    // counts once, they are collected first.
    let distinct = match filter.to {
        Some(_) => "DISTINCT ",
        None => "",
    };
    Ok(Some(format!(
        "c.number IN (SELECT {distinct}r.conversation FROM rounds r WHERE {})",
        of_round.join(" AND "),
    )))
}

/// SQL for the hour of an instant.
fn hour_of(instant: &str, offset_minutes: i32) -> String {
    format!("(({instant} + {offset_minutes} * 60000) / 3600000) % 24")
}

/// SQL for the day of the week of an instant; 1970 began on a Thursday.
fn weekday_of(instant: &str, offset_minutes: i32) -> String {
    format!("(({instant} + {offset_minutes} * 60000) / 86400000 + 3) % 7")
}
