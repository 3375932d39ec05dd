//! Records brought in from an export; what is here already stays as it is.
//!
//! The file is read twice. The first reading checks all of it and stores nothing, so that a file that
//! is unfit changes nothing. The second one stores it in many short turns, between which others write:
//! nobody waits for an import. What ends it half-way (a full disk, the end of the program) leaves whole
//! questions with their answers; importing the same file again brings the rest.

mod bring;
pub(super) mod check;
mod damage;
mod turns;

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use self::bring::Bringing;
use self::check::{Checked, check};
use super::conversations::one_line;
use super::log::{amend, enter};
use crate::records::incoming::{self, Part};
use crate::records::{AuditAction, ConversationId, ImportSource, Imported, Look, Records};
use crate::{PictureId, Refusal};

/// Parts read ahead.
const PARTS: usize = 2;

impl Records {
    /// Brings an exported JSON file in. A file that is unfit changes nothing.
    pub async fn import(
        &self,
        source: ImportSource,
        asker: Option<&str>,
    ) -> Result<Imported, Refusal> {
        self.import_whatever_happens(source, asker, None).await
    }

    /// The same, opening every picture that comes with it. One that cannot be read is named and comes
    /// in without its file, as one that was exported without bytes: nobody is shown a file that no
    /// decoder has passed. The others are as large as they turn out to be, whatever the file says.
    pub async fn import_checked(
        &self,
        source: ImportSource,
        asker: Option<&str>,
        look: Look,
    ) -> Result<Imported, Refusal> {
        self.import_whatever_happens(source, asker, Some(look))
            .await
    }

    /// Whoever asked may leave: the import goes on to its end.
    async fn import_whatever_happens(
        &self,
        source: ImportSource,
        asker: Option<&str>,
        look: Option<Look>,
    ) -> Result<Imported, Refusal> {
        let this = self.clone();
        let asker = asker.map(str::to_owned);
        let work = async move { this.import_now(source, asker.as_deref(), look).await };
        tokio::spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "an import broke");
            Err(Refusal::records_failed())
        })
    }

    async fn import_now(
        &self,
        source: ImportSource,
        asker: Option<&str>,
        look: Option<Look>,
    ) -> Result<Imported, Refusal> {
        let _alone = self.importing().lock().await;
        // From here on what is deleted for good stays deleted.
        let under_way = UnderWay::new(self);
        let (source, checked) = self.check(source, look).await?;
        let checked = Arc::new(checked);
        // From here on no deletion takes a picture away that the import needs.
        under_way.needs(&checked);
        self.must_hold(&checked.elsewhere).await?;
        super::roles::must_fit(&mut *self.database().read().await?, &checked.roles).await?;
        let mut bringing = Bringing::new(self, &checked.pictures);
        let done = self.bring(&mut bringing, source, asker, &checked).await;
        let imported = bringing.kept;
        let is_tidy = under_way.end();
        // Pictures whose conversation did not come, or was deleted meanwhile; should this fail too, the
        // next sweep does it.
        if (done.is_err() || !is_tidy)
            && let Err(refusal) = self.remove_unused_pictures().await
        {
            tracing::warn!(%refusal, "pictures of an import are left to the next sweep");
        }
        if let Err(refusal) = done {
            return Err(Refusal::import_cut_short(&imported, &refusal));
        }
        self.tell_damaged(imported, &checked).await
    }

    /// The first reading.
    async fn check(
        &self,
        mut source: ImportSource,
        look: Option<Look>,
    ) -> Result<(ImportSource, Checked), Refusal> {
        let files = self.files().clone();
        let read = tokio::task::spawn_blocking(move || {
            let checked = check(&mut source, &files, look.as_ref())?;
            source.rewind().map_err(Refusal::import_unfit)?;
            Ok((source, checked))
        });
        read.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an import could not be read");
            Err(Refusal::records_failed())
        })
    }

    /// Pictures that the file speaks of without bringing them must be here.
    async fn must_hold(&self, pictures: &HashSet<PictureId>) -> Result<(), Refusal> {
        let mut connection = self.database().read().await?;
        for id in pictures {
            let known = sqlx::query("SELECT id FROM pictures WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(&mut *connection)
                .await?;
            if known.is_none() {
                return Err(Refusal::import_unfit(format_args!(
                    "a question shows the picture {id}, which is not in the file"
                )));
            }
        }
        Ok(())
    }

    /// The second reading.
    async fn bring(
        &self,
        bringing: &mut Bringing<'_>,
        source: ImportSource,
        asker: Option<&str>,
        checked: &Checked,
    ) -> Result<(), Refusal> {
        let begun = format!(
            "begun: a file of {} conversations, {} rounds",
            checked.conversations, checked.rounds
        );
        let connection = bringing.turns.connection().await?;
        let entry = enter(connection, AuditAction::Import, "", &begun, asker).await?;
        bringing.keep().await?;
        let done = self.read_again(bringing, source).await;
        if done.is_err() {
            bringing.undo();
        }
        let came = &bringing.kept;
        let left_out = match bringing.left_out {
            0 => String::new(),
            count => format!("; {count} conversations deleted meanwhile left out"),
        };
        let detail = format!(
            "{}{} conversations, {} rounds, {} answers, {} pictures, {} roles{left_out}",
            if done.is_ok() { "" } else { "cut short: " },
            came.conversations,
            came.rounds,
            came.answers,
            came.pictures,
            bringing.roles
        );
        let told = async {
            amend(bringing.turns.connection().await?, entry, &detail).await?;
            bringing.keep().await
        };
        let told = told.await;
        if bringing.kept.rounds > 0 {
            self.database().take_stock().await?;
        }
        done.and(told)
    }

    async fn read_again(
        &self,
        bringing: &mut Bringing<'_>,
        source: ImportSource,
    ) -> Result<(), Refusal> {
        let (sender, mut parts) = mpsc::channel(PARTS);
        let reading = tokio::task::spawn_blocking(move || {
            incoming::read(source, &mut |part| sender.blocking_send(part).is_ok())
        });
        let mut roles = Vec::new();
        loop {
            let part = match parts.try_recv() {
                Ok(part) => part,
                Err(_) => {
                    // Others write while the next part is read.
                    bringing.keep().await?;
                    match parts.recv().await {
                        Some(part) => part,
                        None => break,
                    }
                }
            };
            match part {
                Part::Picture(picture) => bringing.picture(picture).await?,
                Part::Role(role) => roles.push(role),
                Part::Conversation(conversation) => bringing.conversation(*conversation).await?,
            }
        }
        let read = reading.await.map_err(|error| {
            tracing::error!(%error, "an import could not be read");
            Refusal::records_failed()
        })?;
        read?;
        bringing.links().await?;
        bringing.roles(&roles).await?;
        bringing.keep().await?;
        self.group_questions().await
    }
}

/// What the records know of an import that runs.
#[derive(Debug, Default)]
pub struct Arriving {
    /// What it needs, once that is known.
    checked: Option<Arc<Checked>>,
    /// Whether a deletion has left a picture because of it.
    has_held_back: bool,
    /// Conversations deleted for good since it began.
    conversations: HashSet<ConversationId>,
    /// Customers deleted since it began.
    customers: HashSet<String>,
}

impl Arriving {
    /// Whether a deletion must leave this picture, which stays to be looked after at the end.
    pub fn holds_back(&mut self, id: PictureId) -> bool {
        let is_needed = self.checked.as_ref().is_some_and(|file| file.needs(id));
        self.has_held_back |= is_needed;
        is_needed
    }

    /// Remembers what a deletion has taken, so that the import does not bring it back.
    pub fn went(&mut self, conversations: &[ConversationId], customer: Option<&str>) {
        self.conversations.extend(conversations);
        self.customers.extend(customer.map(one_line));
    }
}

/// While it lives, an import is under way: pictures that it needs stay, also while no conversation shows
/// them, and what is deleted is remembered.
struct UnderWay<'a>(&'a Records);

impl<'a> UnderWay<'a> {
    fn new(records: &'a Records) -> Self {
        *records.arriving() = Some(Arriving::default());
        Self(records)
    }

    fn needs(&self, checked: &Arc<Checked>) {
        if let Some(arriving) = self.0.arriving().as_mut() {
            arriving.checked = Some(checked.clone());
        }
    }

    /// Ends it. Says whether no deletion has left a picture because of it.
    fn end(self) -> bool {
        let ended = self.0.arriving().take();
        ended.is_none_or(|arriving| !arriving.has_held_back)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.arriving() = None;
    }
}

impl Records {
    /// Whether an import runs, which may still bring anything.
    pub(super) fn is_import_under_way(&self) -> bool {
        self.arriving().is_some()
    }

    /// Whether this conversation was deleted for good since the import began.
    fn has_gone(&self, id: ConversationId) -> bool {
        let arriving = self.arriving();
        arriving
            .as_ref()
            .is_some_and(|import| import.conversations.contains(&id))
    }

    /// Whether this customer was deleted since the import began.
    fn has_gone_customer(&self, name: &str) -> bool {
        let name = one_line(name);
        let arriving = self.arriving();
        arriving
            .as_ref()
            .is_some_and(|import| import.customers.contains(&name))
    }
}
