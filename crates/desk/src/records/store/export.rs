//! Records taken out: piece by piece, so that memory does not grow with their number.
//!
//! An export holds no connection while its reader is slow. Which conversations belong to it is settled
//! when it begins: what is asked later, laid into the bin or taken out of it changes nothing. Its
//! pictures are exactly those that its conversations show, so that it can be imported whatever
//! happened meanwhile.

use std::collections::{BTreeSet, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde::Serialize;
use sqlx::AnyConnection;
use tokio::sync::mpsc;

use super::files::{Name, aside};
use super::list::{Statement, check_offset};
use super::log::enter;
use super::rows::Columns;
use super::table::Table;
use super::{roles, whole};
use crate::records::exported::{
    ExportedConversation, ExportedPicture, ExportedRound, SCHEMA, VERSION,
};
use crate::records::{
    AuditAction, ConversationId, ExportFormat, ExportPictures, ExportStream, ExportWish, Records,
    RoundId,
};
use crate::{Code, PictureId, Refusal};

/// Pieces that wait for a slow reader. A picture may be 27 MB of base64.
const PIECES: usize = 2;
/// Ids fetched at a time.
const PAGE: usize = 500;
/// Small pieces are gathered until they are worth a trip.
const PIECE_BYTES: usize = 64 * 1024;

impl Records {
    /// Takes records out, piece by piece; memory does not grow with their number.
    pub async fn export(
        &self,
        wish: ExportWish,
        asker: Option<&str>,
    ) -> Result<ExportStream, Refusal> {
        check_offset(wish.utc_offset_minutes)?;
        if wish.from.zip(wish.to).is_some_and(|(from, to)| to <= from) {
            return Err(Refusal::field_out_of_range("to", "later than `from`"));
        }
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        if let Some(id) = wish.conversation {
            let (_, known) = whole::find(connection, id).await?;
            if known.deleted_at.is_some() {
                return Err(Refusal::conversation_deleted());
            }
        }
        let subject = wish
            .conversation
            .map(|id| id.to_string())
            .unwrap_or_default();
        let detail = match (wish.format, wish.pictures) {
            (ExportFormat::Csv, _) => "csv",
            (ExportFormat::Json, ExportPictures::Bytes) => "json with pictures",
            (ExportFormat::Json, ExportPictures::Hash) => "json",
        };
        enter(connection, AuditAction::Export, &subject, detail, asker).await?;
        let horizon = sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) FROM rounds")
            .fetch_one(&mut *connection)
            .await?;
        let chosen = chosen(connection, &wish).await?;
        turn.keep().await?;
        let (sender, receiver) = mpsc::channel(PIECES);
        let export = Export {
            records: self.clone(),
            wish,
            horizon,
            chosen,
            pictures: BTreeSet::new(),
            out: Out {
                sender,
                gathered: Vec::new(),
            },
        };
        tokio::spawn(export.run());
        let pieces = stream::unfold(receiver, |mut receiver| async move {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        });
        Ok(Box::pin(pieces))
    }
}

/// The way to the reader.
struct Out {
    sender: mpsc::Sender<Result<Vec<u8>, Refusal>>,
    gathered: Vec<u8>,
}

/// Why an export stops early.
enum Stop {
    /// The reader has left.
    Gone,
    /// The records cannot be read.
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Out {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.gathered.extend_from_slice(bytes);
        match self.gathered.len() < PIECE_BYTES {
            true => Ok(()),
            false => self.flush().await,
        }
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        let piece = std::mem::take(&mut self.gathered);
        let sent = self.sender.send(Ok(piece)).await;
        sent.map_err(|_| Stop::Gone)
    }

    /// Writes an element of a list, each on a line of its own.
    async fn element<T: Serialize>(&mut self, is_first: bool, element: &T) -> Result<(), Stop> {
        self.write(if is_first { b"\n" } else { b",\n" }).await?;
        // Plain data with names as keys: nothing that JSON could not say.
        let json = serde_json::to_vec(element).unwrap_or_default();
        self.write(&json).await
    }
}

/// An export that runs.
struct Export {
    records: Records,
    wish: ExportWish,
    /// The last round that belongs to it.
    horizon: i64,
    /// Its conversations, in the order of their beginning.
    chosen: Vec<ConversationId>,
    /// The pictures written into it.
    pictures: BTreeSet<PictureId>,
    out: Out,
}

impl Export {
    async fn run(mut self) {
        let done = match self.wish.format {
            ExportFormat::Json => self.json().await,
            ExportFormat::Csv => self.csv().await,
        };
        match done {
            Ok(()) | Err(Stop::Gone) => {}
            Err(Stop::Refused(refusal)) => {
                // A reader that has left needs no reason.
                let _ = self.out.sender.send(Err(refusal)).await;
            }
        }
    }

    async fn json(&mut self) -> Result<(), Stop> {
        let head = format!(r#"{{"schema":"{SCHEMA}","version":{VERSION},"pictures":["#);
        self.out.write(head.as_bytes()).await?;
        self.pictures = self.shown().await?;
        self.write_pictures().await?;
        self.out.write(b"\n],\n\"roles\":[").await?;
        if self.is_everything() {
            let mut connection = self.records.database().read().await?;
            let roles = roles::all(&mut connection).await?;
            drop(connection);
            for (at, role) in roles.iter().enumerate() {
                self.out.element(at == 0, role).await?;
            }
        }
        self.out.write(b"\n],\n\"conversations\":[").await?;
        let mut is_first = true;
        for id in std::mem::take(&mut self.chosen) {
            if let Some(mut conversation) = self.conversation(id).await? {
                self.drop_later_rounds(&mut conversation);
                self.out.element(is_first, &conversation).await?;
                is_first = false;
            }
        }
        self.out.write(b"\n]}\n").await?;
        self.out.flush().await
    }

    async fn csv(&mut self) -> Result<(), Stop> {
        self.out.write(&Table::head()).await?;
        for id in std::mem::take(&mut self.chosen) {
            if let Some(conversation) = self.conversation(id).await? {
                self.out.write(&Table::rows(&conversation)).await?;
            }
        }
        self.out.flush().await
    }

    /// Whether roles belong to it too, which are nobody's conversation.
    fn is_everything(&self) -> bool {
        let wish = &self.wish;
        wish.conversation.is_none() && wish.from.is_none() && wish.to.is_none()
    }

    /// The pictures that its conversations show.
    async fn shown(&self) -> Result<BTreeSet<PictureId>, Refusal> {
        let mut shown = BTreeSet::new();
        for page in self.chosen.chunks(PAGE) {
            let mut statement = Statement::new("");
            let places = page.iter().map(|id| statement.text(id.to_string()));
            let places = places.collect::<Result<Vec<_>, _>>()?.join(", ");
            statement.sql = format!(
                "SELECT DISTINCT rp.picture FROM conversations c \
                 JOIN rounds r ON r.conversation = c.number \
                 JOIN round_pictures rp ON rp.round = r.number \
                 WHERE c.id IN ({places}) AND r.number <= {}",
                self.horizon,
            );
            let mut connection = self.records.database().read().await?;
            for row in statement.fetch(&mut connection).await? {
                shown.insert(row.id("picture")?);
            }
        }
        Ok(shown)
    }

    async fn write_pictures(&mut self) -> Result<(), Stop> {
        let mut is_first = true;
        for id in self.pictures.clone() {
            // Deleted since the export began, with every conversation that showed it.
            let Some(known) = self.records.known_picture(id).await? else {
                self.pictures.remove(&id);
                continue;
            };
            let data = self.data(id).await?;
            let picture = ExportedPicture::new(known, data);
            self.out.element(is_first, &picture).await?;
            is_first = false;
        }
        Ok(())
    }

    /// Leaves out rounds that show a picture which is not in the file: they were asked after it was
    /// begun, under a number that a deletion had set free.
    fn drop_later_rounds(&self, conversation: &mut ExportedConversation) {
        let is_in = |id: &PictureId| self.pictures.contains(id);
        let rounds = &mut conversation.rounds;
        rounds.retain(|round| round.pictures.iter().all(is_in));
        stand_by_themselves(rounds);
    }

    async fn data(&self, id: PictureId) -> Result<Option<String>, Refusal> {
        if self.wish.pictures == ExportPictures::Hash {
            return Ok(None);
        }
        let files = self.records.files().clone();
        let bytes = aside(move || files.get(Name::Picture(id))).await?;
        Ok(bytes.map(|bytes| STANDARD.encode(bytes)))
    }

    /// A conversation whole; none where it was deleted meanwhile.
    async fn conversation(
        &self,
        id: ConversationId,
    ) -> Result<Option<ExportedConversation>, Refusal> {
        let mut snapshot = self.records.database().snapshot().await?;
        let (number, summary) = match whole::find(&mut snapshot, id).await {
            Ok(found) => found,
            // Deleted since the export began. Anything else is a fault: an export with a silent gap is none.
            Err(refusal) if refusal.code == Code::ConversationUnknown => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        let stored = whole::rounds(&mut snapshot, number).await?.into_iter();
        let stored = stored.filter(|stored| stored.number <= self.horizon);
        let rounds = stored
            .map(|stored| ExportedRound::new(stored.round, stored.replaced_by, &stored.tokens));
        let mut rounds = rounds.collect::<Result<Vec<_>, _>>()?;
        stand_by_themselves(&mut rounds);
        Ok(Some(ExportedConversation::new(summary, rounds)))
    }
}

/// A round that was replaced by one which is not among these, being asked later, is not replaced yet.
fn stand_by_themselves(rounds: &mut [ExportedRound]) {
    let ids: HashSet<RoundId> = rounds.iter().map(|round| round.id).collect();
    for round in rounds {
        round.replaced_by = round.replaced_by.filter(|id| ids.contains(id));
    }
}

/// The conversations of an export, in the order of their beginning.
async fn chosen(
    connection: &mut AnyConnection,
    wish: &ExportWish,
) -> Result<Vec<ConversationId>, Refusal> {
    let mut statement = Statement::new("");
    let mut condition = "c.deleted_at IS NULL".to_owned();
    if let Some(id) = wish.conversation {
        let place = statement.text(id.to_string())?;
        condition.push_str(&format!(" AND c.id = {place}"));
    }
    let mut in_time = Vec::new();
    if let Some(from) = wish.from {
        in_time.push(format!("r.asked_at >= {}", statement.whole(from)?));
    }
    if let Some(to) = wish.to {
        in_time.push(format!("r.asked_at < {}", statement.whole(to)?));
    }
    if !in_time.is_empty() {
        condition.push_str(&format!(
            " AND c.number IN (SELECT r.conversation FROM rounds r WHERE {})",
            in_time.join(" AND "),
        ));
    }
    statement.sql =
        format!("SELECT c.id FROM conversations c WHERE {condition} ORDER BY c.created_at, c.id");
    let rows = statement.fetch(connection).await?;
    rows.iter().map(|row| row.id("id")).collect()
}
