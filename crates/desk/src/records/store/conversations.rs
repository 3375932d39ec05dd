//! Conversations: begun, renamed, put into the bin and taken out.

use sqlx::AnyConnection;

use super::database::Kind;
use super::found;
use super::log::enter;
use super::rows::{bounded, limits, storable, word};
use super::whole;
use crate::Refusal;
use crate::records::{
    AuditAction, Conversation, ConversationChange, ConversationId, NewConversation, Records, clock,
    cut,
};

impl Records {
    /// Begins a conversation.
    pub async fn create(&self, new: NewConversation) -> Result<Conversation, Refusal> {
        let title = title(&new.title.unwrap_or_default())?;
        let customer = new.customer.as_deref().map(customer).transpose()?.flatten();
        let id = ConversationId::new();
        let now = clock::now();
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        if let Some(before) = new.follows {
            whole::find(connection, before).await?;
        }
        sqlx::query(
            "INSERT INTO conversations (id, title, customer, customer_folded, follows, created_at, \
                 updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.to_string())
        .bind(title)
        .bind(customer.clone())
        .bind(customer.as_deref().map(cut::folded))
        .bind(new.follows.map(|before| before.to_string()))
        .bind(now)
        .bind(now)
        .execute(&mut *connection)
        .await?;
        index_title(connection, self.database().kind(), id).await?;
        let conversation = whole::conversation(connection, id).await?;
        turn.keep().await?;
        Ok(conversation)
    }

    /// Changes what people say about a conversation.
    pub async fn change(
        &self,
        id: ConversationId,
        change: ConversationChange,
    ) -> Result<Conversation, Refusal> {
        let new_title = change.title.as_deref().map(title).transpose()?;
        let new_customer = match change.customer {
            Some(name) => Some(name.as_deref().map(customer).transpose()?.flatten()),
            None => None,
        };
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let (_, known) = whole::find(connection, id).await?;
        let title = new_title.unwrap_or(known.title);
        let customer = new_customer.unwrap_or(known.customer);
        let verdict = change.verdict.unwrap_or(known.verdict);
        sqlx::query(
            "UPDATE conversations SET title = $2, customer = $3, customer_folded = $4, pinned = $5, \
                 verdict = $6 \
             WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(title)
        .bind(customer.clone())
        .bind(customer.as_deref().map(cut::folded))
        .bind(i64::from(change.pinned.unwrap_or(known.pinned)))
        .bind(verdict.map(word))
        .execute(&mut *connection)
        .await?;
        index_title(connection, self.database().kind(), id).await?;
        let conversation = whole::conversation(connection, id).await?;
        turn.keep().await?;
        Ok(conversation)
    }

    /// Puts a conversation into the bin; the audit log notes who.
    pub async fn delete(&self, id: ConversationId, asker: Option<&str>) -> Result<(), Refusal> {
        self.lay(id, Some(clock::now()), asker).await.map(drop)
    }

    /// Takes a conversation out of the bin.
    pub async fn restore(&self, id: ConversationId) -> Result<Conversation, Refusal> {
        self.lay(id, None, None).await
    }

    /// Puts a conversation into the bin or takes it out; its rounds count only outside.
    async fn lay(
        &self,
        id: ConversationId,
        deleted_at: Option<i64>,
        asker: Option<&str>,
    ) -> Result<Conversation, Refusal> {
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let (number, known) = whole::find(connection, id).await?;
        if known.deleted_at.is_some() != deleted_at.is_some() {
            sqlx::query("UPDATE conversations SET deleted_at = $2 WHERE number = $1")
                .bind(number)
                .bind(deleted_at)
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "UPDATE rounds SET counts = $2 WHERE conversation = $1 AND replaced_by IS NULL",
            )
            .bind(number)
            .bind(i64::from(deleted_at.is_none()))
            .execute(&mut *connection)
            .await?;
            if deleted_at.is_some() {
                enter(connection, AuditAction::Bin, &id.to_string(), "", asker).await?;
            }
        }
        let conversation = whole::conversation(connection, id).await?;
        turn.keep().await?;
        Ok(conversation)
    }

    /// Names of customers that contain these words, at most 200, in order.
    pub async fn customers(&self, query: Option<&str>) -> Result<Vec<String>, Refusal> {
        let query = query.unwrap_or_default().trim();
        bounded("query", query, limits::QUERY)?;
        let literal = cut::folded(&storable(query))
            .replace('!', "!!")
            .replace('%', "!%")
            .replace('_', "!_");
        let mut connection = self.database().read().await?;
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT customer FROM conversations \
             WHERE customer IS NOT NULL AND customer_folded LIKE $1 ESCAPE '!' \
             ORDER BY customer LIMIT 200",
        )
        .bind(format!("%{literal}%"))
        .fetch_all(&mut *connection)
        .await?)
    }
}

/// Indexes what can be found in a conversation beside its rounds.
pub async fn index_title(
    connection: &mut AnyConnection,
    kind: Kind,
    id: ConversationId,
) -> Result<(), Refusal> {
    let (number, summary) = whole::find(connection, id).await?;
    let customer = summary.customer.unwrap_or_default();
    found::index(
        connection,
        kind,
        number,
        0,
        [summary.title.as_str(), &customer],
    )
    .await
}

/// A title as it is stored: one line.
pub fn title(text: &str) -> Result<String, Refusal> {
    let title = one_line(text);
    bounded("title", &title, limits::TITLE)?;
    Ok(title)
}

/// A customer's name as it is stored; an empty one is none.
fn customer(name: &str) -> Result<Option<String>, Refusal> {
    let name = one_line(name);
    bounded("customer", &name, limits::CUSTOMER)?;
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// A text on one line, as names are stored.
pub fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    storable(&words.join(" "))
}

/// The beginning of a question, for a conversation that nobody named.
pub fn title_from(question: &str) -> String {
    const CHARACTERS: usize = 60;
    let line = one_line(question);
    match line.char_indices().nth(CHARACTERS) {
        None => line,
        Some((end, _)) => {
            let cut = line.get(..end).unwrap_or_default();
            // Break between words, where there are words.
            let at = cut.rfind(' ').filter(|at| *at > end / 2).unwrap_or(end);
            format!("{}…", cut.get(..at).unwrap_or(cut))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_gives_a_title_of_one_short_line() {
        assert_eq!(title_from("错误码\n是什么？"), "错误码 是什么？");
        assert_eq!(
            title_from(&"灯".repeat(70)),
            format!("{}…", "灯".repeat(60))
        );
        let long = "which light on the front of this router is the one that should be green?";
        let title = title_from(long);
        assert_eq!(
            title,
            "which light on the front of this router is the one that…"
        );
    }
}
