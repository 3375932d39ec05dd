//! Questions asked within a conversation: what arrives, what the asker hears, and the road between.

mod measured;
mod plan;
mod runner;
mod stops;
mod stream;

pub(crate) use plan::{Plan, plan};
pub(crate) use runner::{Runner, Start, told_to_end};
pub(crate) use stops::{Stop, Stops};
pub(crate) use stream::RoundSender;
pub use stream::RoundStream;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::records::{AnswerId, ConversationId, RoundId, TextMark};
use crate::{AnswerEvent, AskedSettings, PictureId};

/// The most rounds a question may take along.
pub const REMEMBERED_ROUNDS: u32 = 50;

/// A question to ask within a conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedRound {
    /// The words; may be left out where a picture says it all.
    #[serde(default)]
    pub question: String,
    /// Pictures on the desk or in the records, in the order they lie beside the question.
    #[serde(default)]
    pub pictures: Vec<PictureId>,
    /// The system text as it is to be sent.
    #[serde(default)]
    pub role: String,
    /// Whatever is left out takes the desk's default.
    #[serde(default)]
    pub settings: AskedSettings,
    /// How many earlier rounds the model is told; the desk's default where it is left out.
    #[schema(maximum = 50)]
    pub remember: Option<u32>,
    /// The round that this one is asked instead of; it and those after it are told no more.
    pub replaces: Option<RoundId>,
}

/// The newest question of a conversation, to be answered once more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedAgain {
    /// Other settings than the round's.
    pub settings: Option<AskedSettings>,
    /// The same seed and question give the same answer.
    pub seed: Option<u64>,
}

/// What is heard of a round beside its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RoundStep {
    /// The question is stored, with an empty answer; the engine is asked next. Always comes first.
    Asked {
        /// Where it was asked.
        conversation: ConversationId,
        /// The round.
        round: RoundId,
        /// The answer that follows.
        answer: AnswerId,
        /// The conversation's title, which the first question may just have given.
        title: String,
        /// How many earlier rounds the model is told.
        remembered_rounds: u32,
        /// How many answered rounds it is not told any more.
        dropped_rounds: u32,
        /// Pictures of the conversation that it is not shown any more.
        dropped_pictures: Vec<PictureId>,
    },
    /// Strings that must be right to the character, and how sure the model was of them.
    Mark {
        /// All of them so far, in order.
        marks: Vec<TextMark>,
    },
}

/// One event of a round: a step of its own or one of its answer.
///
/// A round ends as its answer does, with `done` or `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RoundEvent {
    /// Beside the answer.
    Step(RoundStep),
    /// Of the answer.
    Answer(AnswerEvent),
}

impl RoundEvent {
    /// The event's name on the wire, equal to its `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Step(RoundStep::Asked { .. }) => "asked",
            Self::Step(RoundStep::Mark { .. }) => "mark",
            Self::Answer(event) => event.name(),
        }
    }

    /// Whether nothing may follow this event.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Answer(event) if event.is_last())
    }
}

impl From<AnswerEvent> for RoundEvent {
    fn from(event: AnswerEvent) -> Self {
        Self::Answer(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::delta;

    #[test]
    fn every_event_carries_its_name_as_its_type() {
        let events = [
            RoundEvent::Step(RoundStep::Asked {
                conversation: ConversationId::new(),
                round: RoundId::new(),
                answer: AnswerId::new(),
                title: "E102".into(),
                remembered_rounds: 0,
                dropped_rounds: 0,
                dropped_pictures: vec![],
            }),
            RoundEvent::Step(RoundStep::Mark { marks: vec![] }),
            delta("E102").into(),
        ];
        for event in events {
            let json = serde_json::to_value(&event).expect("plain data");
            assert_eq!(json["type"], event.name());
            assert_eq!(
                serde_json::from_value::<RoundEvent>(json).expect("same"),
                event
            );
        }
    }
}
