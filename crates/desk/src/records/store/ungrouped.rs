//! Questions without a group: those of an import, which come in before they are grouped.

use super::grouping::Learnt;
use super::rows::Columns;
use crate::Refusal;
use crate::records::meaning::Meaning;
use crate::records::{Records, RoundId};

/// Questions grouped in one turn.
const BATCH: usize = 50;

impl Records {
    /// Groups the questions that have no group, in the order in which they were asked. What ends it
    /// half-way loses nothing: the next call goes on.
    pub(super) async fn group_questions(&self) -> Result<(), Refusal> {
        let mut connection = self.database().read().await?;
        let numbers: Vec<i64> = sqlx::query_scalar(
            "SELECT number FROM rounds WHERE question_group IS NULL ORDER BY asked_at, number",
        )
        .fetch_all(&mut *connection)
        .await?;
        drop(connection);
        for batch in numbers.chunks(BATCH) {
            self.group_some(batch).await?;
        }
        Ok(())
    }

    async fn group_some(&self, numbers: &[i64]) -> Result<(), Refusal> {
        let meant = self.meanings(numbers).await?;
        if meant.is_empty() {
            return Ok(());
        }
        let groups = self.groups().await?;
        let mut turn = self.database().write().await?;
        // Dropped before the turn is: nobody sees a group that is not stored.
        let mut learnt = Learnt::new(groups);
        for (id, meaning) in meant {
            // Deleted meanwhile, or grouped.
            let number = sqlx::query_scalar(
                "SELECT number FROM rounds WHERE id = $1 AND question_group IS NULL",
            )
            .bind(id.to_string())
            .fetch_optional(turn.connection())
            .await?;
            if let Some(number) = number {
                let begun = groups.place(turn.connection(), number, meaning).await?;
                groups.learn_for_now(begun, &mut learnt);
            }
        }
        turn.keep().await?;
        learnt.keep();
        Ok(())
    }

    /// What these questions mean; those that mean nothing are left out.
    async fn meanings(&self, numbers: &[i64]) -> Result<Vec<(RoundId, Meaning)>, Refusal> {
        let mut asked = Vec::with_capacity(numbers.len());
        let mut connection = self.database().read().await?;
        for number in numbers {
            let row = sqlx::query("SELECT id, question FROM rounds WHERE number = $1")
                .bind(*number)
                .fetch_optional(&mut *connection)
                .await?;
            if let Some(row) = row {
                asked.push((row.id("id")?, row.text("question")?));
            }
        }
        drop(connection);
        let meant = tokio::task::spawn_blocking(move || {
            let meant = asked.into_iter();
            let meant = meant.map(|(id, question): (_, String)| (id, Meaning::of(&question)));
            meant.filter(|(_, meaning)| !meaning.is_empty()).collect()
        });
        meant.await.map_err(|error| {
            tracing::error!(%error, "questions could not be grouped");
            Refusal::records_failed()
        })
    }
}
