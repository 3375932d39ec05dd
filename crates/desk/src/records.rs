//! The records: what was asked and answered at this desk, kept.
//!
//! Conversations are chains of rounds; a round is a question with its pictures and one answer or
//! several. Rows lie in SQLite or PostgreSQL, pictures as files named by their hash. The records
//! know neither HTTP nor the engine: whoever runs an answer tells them what was said.
//!
//! Instants end in `_at` and count milliseconds since 1970 UTC; durations end in `_ms`. A field has
//! one name in Rust, SQL, JSON and on the page.

mod answer;
mod audit;
mod clock;
mod conversation;
mod customer;
mod cut;
mod exported;
mod filter;
mod ids;
mod incoming;
mod insights;
mod meaning;
mod named;
mod open;
mod refusals;
mod role;
mod round;
mod snippet;
mod store;
mod transfer;

pub use answer::{
    Answer, AnswerEnd, AnswerProblem, AnswerState, Certainty, Evidence, Feedback, FeedbackChange,
    NewWords, Reading, TextMark, Thumb,
};
pub use audit::{AuditAction, AuditEntry};
pub use clock::{day_of, now};
pub use conversation::{
    Conversation, ConversationChange, ConversationPage, ConversationSummary, NewConversation,
    Snippet, Verdict,
};
pub use customer::{Customer, CustomerAlike, LinkedConversation};
pub use filter::ConversationFilter;
pub use ids::{AnswerId, ConversationId, EvidenceId, GroupId, NotAnId, ReadingId, RoleId, RoundId};
pub use insights::{
    DayFigures, DoubtfulString, GroupExample, Insights, InsightsWish, QuestionGroup, Share,
    SolvedAfter, Thumbs, Unanswered,
};
use named::named;
pub use open::{OpenError, Records, RecordsPlace};
pub use role::{NewRole, RoleChange, RolePreset};
pub use round::{BegunRound, FoundAnswer, FoundRound, NewRound, Round, RoundPicture};
pub use transfer::{
    DamagedPicture, ExportFormat, ExportPictures, ExportStream, ExportWish, ImportFile,
    ImportSource, Imported, Look, PictureSize, Swept,
};
