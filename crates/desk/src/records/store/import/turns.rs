//! Turns to write, none of them long: whoever waits for one meanwhile gets it next.

use std::time::{Duration, Instant};

use sqlx::AnyConnection;

use crate::Refusal;
use crate::records::store::database::{Database, Turn};

/// After so long a turn is given back. A question makes a few turns; people notice half a second.
const MOMENT: Duration = Duration::from_millis(100);

/// Turns to write, one after another.
pub struct Turns<'a> {
    database: &'a Database,
    turn: Option<(Turn<'a>, Instant)>,
}

impl<'a> Turns<'a> {
    pub fn new(database: &'a Database) -> Self {
        Self {
            database,
            turn: None,
        }
    }

    /// The connection of the present turn, or of a new one once there is one.
    pub async fn connection(&mut self) -> Result<&mut AnyConnection, Refusal> {
        let held = match self.turn.take() {
            Some(held) => held,
            None => (self.database.write().await?, Instant::now()),
        };
        let (turn, _) = self.turn.insert(held);
        Ok(turn.connection())
    }

    /// Whether others have waited long enough.
    pub fn is_over(&self) -> bool {
        let turn = self.turn.as_ref();
        turn.is_some_and(|(_, since)| since.elapsed() >= MOMENT)
    }

    /// Keeps what was written and gives the turn back.
    pub async fn keep(&mut self) -> Result<(), Refusal> {
        match self.turn.take() {
            Some((turn, _)) => turn.keep().await,
            None => Ok(()),
        }
    }

    /// Undoes what was written in this turn and gives it back.
    pub fn undo(&mut self) {
        self.turn = None;
    }
}
