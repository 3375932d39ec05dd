//! Role presets: who the model is asked to be, in a team's own words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RoleId;

/// A role that a question can be asked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolePreset {
    /// Its name in the records.
    pub id: RoleId,
    /// What people call it.
    pub name: String,
    /// The system text.
    pub text: String,
    /// Comes with the desk: its words can be changed, it cannot be deleted.
    pub standard: bool,
    /// Where it stands in the list, from 0.
    pub position: u32,
}

/// A role to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// What people call it.
    pub name: String,
    /// The system text.
    pub text: String,
}

/// What to change of a role. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleChange {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The system text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where it shall stand in the list, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
}
