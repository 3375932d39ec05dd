//! Customers as people know them: what there is of one, and which names may mean the same person.
//!
//! Whoever is asked to delete everything about a person must see what else may be theirs. The records
//! offer it and guess nothing: a name written otherwise may be somebody else's.

use std::collections::HashSet;

use sqlx::AnyConnection;

use super::rows::{Columns, bounded, limits, storable};
use crate::Refusal;
use crate::records::{ConversationId, Customer, CustomerAlike, LinkedConversation, Records, cut};

/// Names that look alike, at most so many.
const ALIKE: usize = 50;

/// A conversation of the same chain that names no customer, or another one.
pub struct Chained {
    pub number: i64,
    pub id: ConversationId,
    title: String,
    customer: Option<String>,
}

impl Records {
    /// What there is of a customer, and what else may be theirs: names that look alike, and
    /// conversations linked with theirs.
    pub async fn customer(&self, name: &str) -> Result<Customer, Refusal> {
        bounded("customer", name, limits::CUSTOMER)?;
        let mut snapshot = self.database().snapshot().await?;
        let alike = alike(&mut snapshot, name).await?;
        let (numbers, chained) = chain(&mut snapshot, name).await?;
        let importing = self.is_import_under_way();
        if numbers.is_empty() && alike.is_empty() && !importing {
            return Err(Refusal::customer_unknown(&[]));
        }
        let linked = chained.into_iter().map(|one| LinkedConversation {
            id: one.id,
            title: one.title,
            customer: one.customer,
        });
        Ok(Customer {
            name: name.to_owned(),
            conversations: numbers.len() as u64,
            alike,
            linked: linked.collect(),
            importing,
        })
    }
}

/// A customer's conversations, and those of their chains that name nobody.
pub async fn conversations_of(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<(Vec<i64>, Vec<Chained>), Refusal> {
    let (numbers, mut chained) = chain(connection, name).await?;
    chained.retain(|one| one.customer.is_none());
    Ok((numbers, chained))
}

/// A customer's conversations, and all others that are linked with them, however far. A chain is
/// followed through conversations that name nobody; one that names somebody else ends it.
async fn chain(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<(Vec<i64>, Vec<Chained>), Refusal> {
    let rows = sqlx::query("SELECT number, id FROM conversations WHERE customer = $1")
        .bind(storable(name))
        .fetch_all(&mut *connection)
        .await?;
    let mut numbers = Vec::with_capacity(rows.len());
    let mut seen = HashSet::new();
    let mut open: Vec<String> = Vec::new();
    for row in &rows {
        numbers.push(row.whole("number")?);
        seen.insert(row.text("id")?);
        open.push(row.text("id")?);
    }
    let mut chained = Vec::new();
    while let Some(id) = open.pop() {
        let rows = sqlx::query(
            "SELECT c.number, c.id, c.title, c.customer FROM conversations c \
             WHERE c.follows = $1 \
                OR c.id = (SELECT o.follows FROM conversations o WHERE o.id = $1)",
        )
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
        for row in &rows {
            let id = row.text("id")?;
            if !seen.insert(id.clone()) {
                continue;
            }
            let customer = row.maybe_text("customer")?;
            if customer.is_none() {
                open.push(id);
            }
            chained.push(Chained {
                number: row.whole("number")?,
                id: row.id("id")?,
                title: row.text("title")?,
                customer,
            });
        }
    }
    Ok((numbers, chained))
}

/// Names that may mean the same customer: written in other capitals, widths or accents, with other
/// spaces or punctuation, or one within the other.
pub async fn alike(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Vec<CustomerAlike>, Refusal> {
    let wanted = bare(name);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "SELECT customer, COUNT(*) AS conversations FROM conversations \
         WHERE customer IS NOT NULL AND customer <> $1 GROUP BY customer ORDER BY customer",
    )
    .bind(storable(name))
    .fetch_all(connection)
    .await?;
    let (mut same, mut near) = (Vec::new(), Vec::new());
    for row in &rows {
        let found = CustomerAlike {
            name: row.text("customer")?,
            conversations: row.count("conversations")?,
        };
        let other = bare(&found.name);
        if other == wanted {
            same.push(found);
        } else if is_within(&wanted, &other) {
            near.push(found);
        }
    }
    same.append(&mut near);
    same.truncate(ALIKE);
    Ok(same)
}

/// A name without what people write differently each time.
fn bare(name: &str) -> String {
    let folded = cut::folded(name);
    folded.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether one stands in the other; a single character stands in too many.
fn is_within(one: &str, other: &str) -> bool {
    let long_enough = |name: &str| name.chars().nth(1).is_some();
    long_enough(one) && long_enough(other) && (one.contains(other) || other.contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_other_widths_capitals_and_spaces() {
        for other in ["王先生", "王 先生", "王先生 ", "王·先生", "王－先生"] {
            assert_eq!(bare(other), "王先生", "{other}");
        }
        assert_eq!(bare("Ｍüller GmbH"), bare("muller gmbh"));
        assert_ne!(bare("王先生"), bare("汪先生"));
        assert!(is_within("王先生", "王先生退货"));
        assert!(!is_within("王", "王先生"));
        assert!(!is_within("", "王先生"));
    }
}
