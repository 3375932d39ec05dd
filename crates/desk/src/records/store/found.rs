//! The search index: how texts are put in, and how phrases are looked up.
//!
//! Entries are cut before they come here (see [`cut`]), so both databases hold the same ones. The
//! index says in which conversations every entry of a phrase occurs; whether they stand together
//! there is seen in the texts themselves, where the hits are needed anyway.

use sqlx::{AnyConnection, Executor};

use super::database::Kind;
use super::rows::Columns;
use crate::Refusal;
use crate::records::cut::{self, Phrase, Wanted};

/// Rounds of one conversation that the index can tell apart.
pub const PLACES: i64 = 1 << 20;
/// PostgreSQL holds no more than a megabyte of entries for one text.
const ENTRY_BYTES: usize = 900_000;

/// The entries of a round's texts, as the index of a database takes them. Cutting long texts takes a
/// while; whoever can does it before the turn to write. An import cuts in its turns, which are short.
pub struct Words {
    kind: Kind,
    written: String,
}

impl Words {
    /// Cuts the texts.
    pub fn of<'a>(kind: Kind, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut room = ENTRY_BYTES;
        let entries = cut::entries(texts);
        let entries = entries.iter().take_while(|entry| {
            let left = room.checked_sub(entry.len());
            room = left.unwrap_or_default();
            left.is_some()
        });
        let written: Vec<_> = match kind {
            Kind::Sqlite => entries.cloned().collect(),
            Kind::Postgres => entries.map(|entry| quoted(entry)).collect(),
        };
        Self {
            kind,
            written: written.join(" "),
        }
    }
}

/// Puts the texts of a round into the index, in place of what stood there. Position 0 is the title.
pub async fn index<'a>(
    connection: &mut AnyConnection,
    kind: Kind,
    conversation: i64,
    position: i64,
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let words = Words::of(kind, texts);
    put(connection, conversation, position, words).await
}

/// Puts what [`Words::of`] has cut into the index, in place of what stood there.
pub async fn put(
    connection: &mut AnyConnection,
    conversation: i64,
    position: i64,
    words: Words,
) -> Result<(), Refusal> {
    let place = place(conversation, position)?;
    forget(&mut *connection, conversation, position).await?;
    if words.written.is_empty() {
        return Ok(());
    }
    let sql = match words.kind {
        Kind::Sqlite => "INSERT INTO found (rowid, words) VALUES ($1, $2)",
        Kind::Postgres => "INSERT INTO found (rowid, words) VALUES ($1, CAST($2 AS tsvector))",
    };
    sqlx::query(sql)
        .bind(place)
        .bind(words.written)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a round out of the index.
pub async fn forget(
    connection: &mut AnyConnection,
    conversation: i64,
    position: i64,
) -> Result<(), Refusal> {
    sqlx::query("DELETE FROM found WHERE rowid = $1")
        .bind(place(conversation, position)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a conversation out of the index.
pub async fn forget_all(connection: &mut AnyConnection, conversation: i64) -> Result<(), Refusal> {
    sqlx::query("DELETE FROM found WHERE rowid >= $1 AND rowid < $2")
        .bind(place(conversation, 0)?)
        .bind(place(conversation + 1, 0)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Indexes a round anew: its question, its answers, what people corrected.
pub async fn index_round(
    connection: &mut AnyConnection,
    kind: Kind,
    round: i64,
) -> Result<(), Refusal> {
    let row = sqlx::query(
        "SELECT conversation, position, question, replaced_by FROM rounds WHERE number = $1",
    )
    .bind(round)
    .fetch_one(&mut *connection)
    .await?;
    let (conversation, position) = (row.whole("conversation")?, row.whole("position")?);
    if row.maybe_text("replaced_by")?.is_some() {
        return forget(connection, conversation, position).await;
    }
    let mut texts = vec![row.text("question")?];
    let rows = sqlx::query("SELECT text, correction FROM answers WHERE round = $1 ORDER BY number")
        .bind(round)
        .fetch_all(&mut *connection)
        .await?;
    for row in &rows {
        texts.push(row.text("text")?);
        texts.extend(row.maybe_text("correction")?);
    }
    index(
        connection,
        kind,
        conversation,
        position,
        texts.iter().map(String::as_str),
    )
    .await
}

/// Has the rest of a transaction look words up in the index, however many rounds have them. PostgreSQL
/// takes a word that most of them have for one that is found faster in the rows themselves, and does not
/// reckon with what it costs to unpack their entries.
pub async fn prefer_index(kind: Kind, connection: &mut AnyConnection) -> Result<(), Refusal> {
    if kind == Kind::Postgres {
        connection.execute("SET LOCAL enable_seqscan = off").await?;
    }
    Ok(())
}

/// The condition that a conversation `c` has a phrase, with the place of the value that goes with it.
pub fn condition(kind: Kind, place: &str) -> String {
    match kind {
        Kind::Sqlite => {
            format!("c.number IN (SELECT rowid / {PLACES} FROM found WHERE found MATCH {place})")
        }
        Kind::Postgres => format!(
            "c.number IN (SELECT rowid / {PLACES} FROM found WHERE words @@ CAST({place} AS tsquery))"
        ),
    }
}

/// The same, looked for in the conversation's own rows: a word that most conversations have is found in the
/// newest ones at once, while the index tells of all of them. For PostgreSQL only; in SQLite the rows are
/// the index. Where a word is rare by its reckoning, PostgreSQL would go by the index here too, but for
/// the aggregate.
pub fn condition_in_rows(place: &str) -> String {
    format!(
        "(SELECT BOOL_OR(f.words @@ CAST({place} AS tsquery)) FROM found f \
          WHERE f.rowid >= c.number * {PLACES} AND f.rowid < (c.number + 1) * {PLACES})"
    )
}

/// The value that goes with [`condition`] and [`condition_in_rows`].
pub fn wanted(kind: Kind, phrase: &Phrase) -> String {
    let wanted = phrase.wanted();
    let one = |wanted: &Wanted| match (kind, wanted.open) {
        // Entries are letters and digits; there is nothing to escape between quotes.
        (Kind::Sqlite, false) => format!("\"{}\"", wanted.entry),
        (Kind::Sqlite, true) => format!("\"{}\" *", wanted.entry),
        (Kind::Postgres, false) => quoted(&wanted.entry),
        (Kind::Postgres, true) => format!("{}:*", quoted(&wanted.entry)),
    };
    let and = match kind {
        Kind::Sqlite => " AND ",
        Kind::Postgres => " & ",
    };
    wanted.iter().map(one).collect::<Vec<_>>().join(and)
}

fn quoted(entry: &str) -> String {
    format!("'{entry}'")
}

fn place(conversation: i64, position: i64) -> Result<i64, Refusal> {
    let place = conversation.checked_mul(PLACES);
    let place = place.filter(|_| (0..PLACES).contains(&position));
    place
        .and_then(|place| place.checked_add(position))
        .ok_or_else(|| {
            let allowed = format!("fewer than {PLACES} in one conversation");
            Refusal::field_out_of_range("rounds", &allowed)
        })
}
