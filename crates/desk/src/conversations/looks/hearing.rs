//! A question of the desk's own about one picture, heard out.
//!
//! Whoever asked may leave: the engine is told to stop, and heard until it has let go. What is deleted
//! for good meanwhile can only be forgotten there afterwards.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::super::{AskedBy, Conversations};
use crate::closer::Heard;
use crate::rounds::told_to_end;
use crate::{
    AnswerEvent, AnswerRequest, AnswerStream, AskedSettings, Message, Part, Picture, Presence,
    Refusal, Reservation, Role, Stay, Wishes,
};

/// How long the engine gets to let go of what nobody waits for any more.
const STOP_PAUSE: Duration = Duration::from_secs(2);

/// Whoever asked, for as long as they stay.
pub(super) struct Listener {
    wishes: Wishes,
}

impl Listener {
    /// Listens until what comes with it is dropped.
    pub fn to(by: &AskedBy) -> (Stay, Self) {
        let (stay, presence) = Presence::begins();
        let wishes = Wishes {
            presence,
            ..by.wishes()
        };
        (stay, Self { wishes })
    }

    /// Who shares a turn with whom; see [`Wishes::asker`].
    pub fn turn(&self) -> Option<&str> {
        self.wishes.asker.as_deref()
    }

    /// Whether they still listen.
    pub fn presence(&self) -> &Presence {
        &self.wishes.presence
    }
}

impl Conversations {
    /// Asks something about one picture from this place, the same way each time, and hears it out.
    pub(super) async fn hear(
        &self,
        place: Box<dyn Reservation>,
        picture: Arc<Picture>,
        words: &str,
        max_tokens: u32,
        by: &Listener,
    ) -> Result<Heard, Refusal> {
        let text = words.to_owned();
        let longest = self.desk.status().limits.max_tokens;
        let request = AnswerRequest {
            messages: vec![Message {
                role: Role::User,
                content: vec![Part::Picture { id: picture.id() }, Part::Text { text }],
            }],
            settings: AskedSettings {
                temperature: Some(0.0),
                max_tokens: Some(max_tokens.min(longest)),
                ..AskedSettings::default()
            },
        };
        let (desk, wishes) = (self.desk.clone(), by.wishes.clone());
        let asked = spawn_blocking(move || {
            let at_hand = [(picture.id(), picture)].into();
            desk.ask_once(place, desk.question(request, wishes, &at_hand)?)
        });
        let mut stream = asked.await.map_err(|_| Refusal::answer_failed())??;
        let mut ending = self.ending.subscribe();
        let mut heard = Heard::default();
        loop {
            let event = tokio::select! {
                biased;
                () = told_to_end(&mut ending) => return Err(Refusal::shutting_down()),
                () = by.presence().left() => {
                    let _ = timeout(STOP_PAUSE, let_go(stream)).await;
                    // Nobody hears it.
                    return Err(Refusal::answer_failed());
                }
                event = stream.next() => event,
            };
            match event {
                Some(AnswerEvent::Delta { text, tokens }) => heard.push(&text, &tokens),
                Some(AnswerEvent::Error(refusal)) => return Err(refusal),
                Some(AnswerEvent::Done { .. }) | None => return Ok(heard),
                Some(_) => {}
            }
        }
    }
}

/// Ready when the answerer has let go of an answer that nobody wants.
async fn let_go(mut stream: AnswerStream) {
    stream.cancel();
    while stream.next().await.is_some() {}
}
