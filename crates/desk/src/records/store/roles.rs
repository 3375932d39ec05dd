//! Role presets as rows. The desk brings two of its own, one in each of its languages.

use std::collections::HashSet;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::rows::{Columns, bounded, limits, storable};
use crate::Refusal;
use crate::records::{NewRole, Records, RoleChange, RoleId, RolePreset};

/// The roles that come with the desk. Their ids are the same everywhere, so that an import finds them.
const STANDARD: [(&str, &str, &str); 2] = [
    (
        "0199f3c2-5f7e-7c1a-8a44-0d2f6c1b9e01",
        "售后客服",
        "你是一名专业的售后客服。根据图片回答客户的问题，简洁、礼貌。型号、数字、日期和错误码必须与图片中的\
         文字逐字一致；图片里看不清或没有的内容，请直接说明看不清或没有，不要猜测。需要推断时，说明依据的线索。",
    ),
    (
        "0199f3c2-5f7e-7c1a-8a44-0d2f6c1b9e02",
        "After-sales support",
        "You are an experienced after-sales support agent. Answer the customer's question from the \
         pictures, briefly and politely. Model names, numbers, dates and error codes must match the \
         picture to the character. What cannot be read or is not there, say so; never guess. Where \
         you infer something, name the clues.",
    ),
];
/// More than any team has; a bound on work, not on people.
pub const ROLES: usize = 200;

/// Puts the desk's own roles there where they are missing; changed ones stay as they are.
pub async fn bring_standard(connection: &mut AnyConnection) -> Result<(), Refusal> {
    for (position, (id, name, text)) in (0_i64..).zip(STANDARD) {
        sqlx::query(
            "INSERT INTO roles (id, name, text, standard, position) VALUES ($1, $2, $3, 1, $4) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(name)
        .bind(text)
        .bind(position)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl Records {
    /// All role presets, in their order.
    pub async fn roles(&self) -> Result<Vec<RolePreset>, Refusal> {
        let mut connection = self.database().read().await?;
        all(&mut connection).await
    }

    /// Adds a role at the end.
    pub async fn add_role(&self, new: NewRole) -> Result<RolePreset, Refusal> {
        let (name, text) = (name(&new.name)?, text(&new.text)?);
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let roles = all(connection).await?;
        if roles.len() >= ROLES {
            let allowed = format!("at most {ROLES}; delete one first");
            return Err(Refusal::field_out_of_range("roles", &allowed));
        }
        let role = RolePreset {
            id: RoleId::new(),
            name,
            text,
            standard: false,
            position: u32::try_from(roles.len()).unwrap_or(u32::MAX),
        };
        insert(connection, &role).await?;
        turn.keep().await?;
        Ok(role)
    }

    /// Changes a role.
    pub async fn change_role(&self, id: RoleId, change: RoleChange) -> Result<RolePreset, Refusal> {
        let new_name = change.name.as_deref().map(name).transpose()?;
        let new_text = change.text.as_deref().map(text).transpose()?;
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let mut roles = all(connection).await?;
        let place = roles.iter().position(|role| role.id == id);
        let mut role = roles.remove(place.ok_or_else(|| Refusal::role_unknown(id))?);
        role.name = new_name.unwrap_or(role.name);
        role.text = new_text.unwrap_or(role.text);
        sqlx::query("UPDATE roles SET name = $2, text = $3 WHERE id = $1")
            .bind(id.to_string())
            .bind(role.name.clone())
            .bind(role.text.clone())
            .execute(&mut *connection)
            .await?;
        let wanted = change.position.unwrap_or(role.position) as usize;
        roles.insert(wanted.min(roles.len()), role);
        order(connection, &roles).await?;
        let roles = all(connection).await?;
        turn.keep().await?;
        let role = roles.into_iter().find(|role| role.id == id);
        role.ok_or_else(|| Refusal::role_unknown(id))
    }

    /// Deletes a role, unless it comes with the desk.
    pub async fn delete_role(&self, id: RoleId) -> Result<(), Refusal> {
        let mut turn = self.database().write().await?;
        let connection = turn.connection();
        let mut roles = all(connection).await?;
        let place = roles.iter().position(|role| role.id == id);
        let role = roles.remove(place.ok_or_else(|| Refusal::role_unknown(id))?);
        if role.standard {
            return Err(Refusal::role_standard());
        }
        sqlx::query("DELETE FROM roles WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *connection)
            .await?;
        order(connection, &roles).await?;
        turn.keep().await
    }
}

/// All roles, in their order.
pub async fn all(connection: &mut AnyConnection) -> Result<Vec<RolePreset>, Refusal> {
    let rows = sqlx::query("SELECT id, name, text, standard FROM roles ORDER BY position, id")
        .fetch_all(connection)
        .await?;
    (0_u32..).zip(&rows).map(role).collect()
}

fn role((position, row): (u32, &AnyRow)) -> Result<RolePreset, Refusal> {
    Ok(RolePreset {
        id: row.id("id")?,
        name: row.text("name")?,
        text: row.text("text")?,
        standard: row.flag("standard")?,
        position,
    })
}

async fn insert(connection: &mut AnyConnection, role: &RolePreset) -> Result<(), Refusal> {
    sqlx::query(
        "INSERT INTO roles (id, name, text, standard, position) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(role.id.to_string())
    .bind(role.name.clone())
    .bind(role.text.clone())
    .bind(i64::from(role.standard))
    .bind(i64::from(role.position))
    .execute(connection)
    .await?;
    Ok(())
}

async fn order(connection: &mut AnyConnection, roles: &[RolePreset]) -> Result<(), Refusal> {
    for (position, role) in (0_i64..).zip(roles) {
        sqlx::query("UPDATE roles SET position = $2 WHERE id = $1")
            .bind(role.id.to_string())
            .bind(position)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Refuses roles of a file that would be too many beside those that are here.
pub async fn must_fit(
    connection: &mut AnyConnection,
    roles: &HashSet<RoleId>,
) -> Result<(), Refusal> {
    let known = all(connection).await?;
    let known = known.iter().filter(|role| !roles.contains(&role.id));
    match known.count() + roles.len() > ROLES {
        true => Err(too_many()),
        false => Ok(()),
    }
}

/// Brings a team's roles in from an export, as they were there, and says how many. Roles that people here have changed
/// or added stay.
pub async fn bring(connection: &mut AnyConnection, roles: &[RolePreset]) -> Result<u64, Refusal> {
    must_fit(connection, &roles.iter().map(|role| role.id).collect()).await?;
    let known = all(connection).await?;
    let is_untouched = known.iter().all(|role| {
        STANDARD.iter().any(|(id, name, text)| {
            role.id.to_string() == *id && role.name == *name && role.text == *text
        })
    });
    let mut count = 0;
    for role in roles {
        let role = fitting(role)?;
        let here = known.iter().find(|known| known.id == role.id);
        let is_same = here.is_some_and(|here| here.name == role.name && here.text == role.text);
        if here.is_none() {
            insert(connection, &role).await?;
        } else if is_untouched {
            sqlx::query("UPDATE roles SET name = $2, text = $3, position = $4 WHERE id = $1")
                .bind(role.id.to_string())
                .bind(role.name)
                .bind(role.text)
                .bind(i64::from(role.position))
                .execute(&mut *connection)
                .await?;
        }
        count += u64::from(here.is_none() || is_untouched && !is_same);
    }
    // Positions of the file and of here may be the same.
    let roles = all(connection).await?;
    order(connection, &roles).await?;
    Ok(count)
}

/// With the roles of the file there would be more than there may be.
pub fn too_many() -> Refusal {
    Refusal::import_unfit(format_args!(
        "with its roles there would be more than {ROLES}; delete some first"
    ))
}

/// A role of an export as it is stored.
pub fn fitting(role: &RolePreset) -> Result<RolePreset, Refusal> {
    Ok(RolePreset {
        name: name(&role.name)?,
        text: text(&role.text)?,
        standard: STANDARD.iter().any(|(id, ..)| role.id.to_string() == *id),
        ..role.clone()
    })
}

fn name(text: &str) -> Result<String, Refusal> {
    let name = storable(text.trim());
    bounded("name", &name, limits::ROLE_NAME)?;
    if name.is_empty() {
        return Err(Refusal::field_out_of_range("name", "a few words"));
    }
    Ok(name)
}

fn text(text: &str) -> Result<String, Refusal> {
    bounded("text", text, limits::ROLE)?;
    Ok(storable(text))
}
