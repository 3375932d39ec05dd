//! Groups of questions that mean the same: assigned when a round is stored, known by one round each.
//!
//! A group holds no words of its own. Its label is the question of its round, and the index that
//! finds it is built in memory from those questions when the records are opened.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::AnyConnection;

use super::rows::Columns;
use crate::Refusal;
use crate::records::meaning::{Index, Meaning};
use crate::records::{GroupId, Records, meaning};

/// The groups, and the words they are known by.
#[derive(Debug, Default)]
pub struct Groups {
    index: Mutex<Index>,
}

/// A group that [`Groups::place`] has begun, to be learnt once it is stored.
#[must_use]
pub struct Begun(Option<(i64, Meaning)>);

impl Groups {
    /// Learns the groups there are.
    async fn load(connection: &mut AnyConnection) -> Result<Self, Refusal> {
        let rows = sqlx::query(
            "SELECT g.number, r.question FROM question_groups g JOIN rounds r ON r.number = g.round \
             ORDER BY g.number",
        )
        .fetch_all(connection)
        .await?;
        let rows = rows
            .iter()
            .map(|row| Ok((row.whole("number")?, row.text("question")?)));
        let rows = rows.collect::<Result<Vec<_>, Refusal>>()?;
        let index = tokio::task::spawn_blocking(move || {
            meaning::warm();
            let mut index = Index::default();
            for (group, question) in rows {
                index.add(group, &Meaning::of(&question));
            }
            index
        });
        let index = index.await.map_err(|error| {
            tracing::error!(%error, "the groups of questions could not be read");
            Refusal::records_failed()
        })?;
        Ok(Self {
            index: Mutex::new(index),
        })
    }

    /// Puts a round into the group of its question; a question unlike all others begins one.
    pub async fn place(
        &self,
        connection: &mut AnyConnection,
        round: i64,
        meaning: Meaning,
    ) -> Result<Begun, Refusal> {
        if meaning.is_empty() {
            return Ok(Begun(None));
        }
        let known = self.index().find(&meaning);
        let group = match known {
            Some(group) => group,
            None => {
                sqlx::query_scalar(
                    "INSERT INTO question_groups (id, round) VALUES ($1, $2) RETURNING number",
                )
                .bind(GroupId::new().to_string())
                .bind(round)
                .fetch_one(&mut *connection)
                .await?
            }
        };
        sqlx::query("UPDATE rounds SET question_group = $2 WHERE number = $1")
            .bind(round)
            .bind(group)
            .execute(connection)
            .await?;
        Ok(Begun(known.is_none().then_some((group, meaning))))
    }

    /// Learns a group that has been stored.
    pub fn learn(&self, begun: Begun) {
        if let Some((group, meaning)) = begun.0 {
            self.index().add(group, &meaning);
        }
    }

    /// Learns a group of a turn that is not kept yet, for the rest of that turn.
    pub(super) fn learn_for_now(&self, begun: Begun, learnt: &mut Learnt<'_>) {
        if let Some((group, meaning)) = begun.0 {
            self.index().add(group, &meaning);
            learnt.begun.push((group, meaning));
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A group that has lost the round it was known by.
pub struct Orphan {
    group: i64,
    was: Meaning,
    /// What it is known by now; `None` when no question is left and it is gone.
    now: Option<Meaning>,
}

/// Finds another round for groups that are known by rounds about to be deleted.
pub async fn bereave(
    connection: &mut AnyConnection,
    conversation: i64,
) -> Result<Vec<Orphan>, Refusal> {
    let rows = sqlx::query(
        "SELECT g.number, r.question FROM question_groups g JOIN rounds r ON r.number = g.round \
         WHERE r.conversation = $1",
    )
    .bind(conversation)
    .fetch_all(&mut *connection)
    .await?;
    let mut orphans = Vec::new();
    for row in &rows {
        let group = row.whole("number")?;
        let heir = sqlx::query(
            "SELECT number, question FROM rounds \
             WHERE question_group = $1 AND conversation <> $2 \
             ORDER BY asked_at DESC, number DESC LIMIT 1",
        )
        .bind(group)
        .bind(conversation)
        .fetch_optional(&mut *connection)
        .await?;
        let now = match &heir {
            Some(heir) => {
                sqlx::query("UPDATE question_groups SET round = $2 WHERE number = $1")
                    .bind(group)
                    .bind(heir.whole("number")?)
                    .execute(&mut *connection)
                    .await?;
                Some(Meaning::of(&heir.text("question")?))
            }
            None => {
                sqlx::query("DELETE FROM question_groups WHERE number = $1")
                    .bind(group)
                    .execute(&mut *connection)
                    .await?;
                None
            }
        };
        orphans.push(Orphan {
            group,
            was: Meaning::of(&row.text("question")?),
            now,
        });
    }
    Ok(orphans)
}

impl Groups {
    /// Learns what [`bereave`] has done, once it is stored.
    pub fn relearn(&self, orphans: Vec<Orphan>) {
        let mut index = self.index();
        for orphan in orphans {
            index.remove(orphan.group, &orphan.was);
            if let Some(now) = orphan.now {
                index.add(orphan.group, &now);
            }
        }
    }
}

/// Groups learnt in a turn that is not kept yet: forgotten again unless it is.
#[must_use]
pub(super) struct Learnt<'a> {
    groups: &'a Groups,
    begun: Vec<(i64, Meaning)>,
}

impl<'a> Learnt<'a> {
    pub fn new(groups: &'a Groups) -> Self {
        Self {
            groups,
            begun: Vec::new(),
        }
    }

    /// The turn has been kept.
    pub fn keep(mut self) {
        self.begun.clear();
    }
}

impl Drop for Learnt<'_> {
    fn drop(&mut self) {
        let mut index = self.groups.index();
        for (group, meaning) in &self.begun {
            index.remove(*group, meaning);
        }
    }
}

impl Records {
    /// The groups; loads them when they are asked for first.
    pub(super) async fn groups(&self) -> Result<&Groups, Refusal> {
        let load = || async {
            let mut connection = self.database().read().await?;
            Groups::load(&mut connection).await
        };
        self.groups_cell().get_or_try_init(load).await
    }
}
