//! The same things in the engine's words and in the desk's.

use desk::{
    AnswerEvent, Code, Durations, Figures, FinishReason, PictureFacts, Piece, Question, Refusal,
    TokenPiece, TopToken,
};
use engine::histogram::{BOUNDS_S, Histogram};
use engine::sampling::Sampling;
use engine::{Event, Request, Stats, SubmitError, Wanted};
use model::chat::{Message, Part, Role};
use model::picture::PictureError;
use model::prompt::PromptError;
use model::tokenizer::Tokenizer;
use serde_json::{Value, json};

use super::about::picture_types;
use crate::failure::sentence;

/// A count as the desk holds it. No count here comes near its bound.
pub fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A question for the engine. Pictures are shared, not copied.
pub fn request(question: &Question) -> Request {
    let mut pictures = Vec::new();
    let mut part = |piece: &Piece| match piece {
        Piece::Text(text) => Part::Text(text.clone()),
        Piece::Picture(picture) => {
            pictures.push(picture.bytes().clone());
            Part::Picture(pictures.len() - 1)
        }
    };
    let mut messages = Vec::new();
    for turn in &question.turns {
        let role = match turn.role {
            desk::Role::System => Role::System,
            desk::Role::User => Role::User,
            desk::Role::Assistant => Role::Assistant,
        };
        let content = turn.pieces.iter().map(&mut part).collect();
        messages.push(Message { role, content });
    }
    let settings = &question.settings;
    let presence = question.presence.clone();
    Request {
        sampling: Sampling {
            temperature: settings.temperature,
            top_p: settings.top_p,
            top_k: settings.top_k as usize,
            presence_penalty: settings.presence_penalty,
            repetition_penalty: settings.repetition_penalty,
            seed: settings.seed,
        },
        image_tokens: Some(settings.image_tokens as usize),
        max_tokens: settings.max_tokens as usize,
        stop: settings.stop.clone(),
        top_logprobs: question.alternatives as usize,
        ignore_eos: question.ignore_eos,
        client: question.asker.clone(),
        time_limit: question.time_limit,
        wanted: Wanted::as_long_as(move || !presence.has_left()),
        ..Request::new(messages, pictures)
    }
}

/// What the engine says a picture is, for the desk.
pub fn picture_facts(facts: engine::PictureFacts) -> PictureFacts {
    PictureFacts {
        media_type: facts.media_type.to_owned(),
        width: facts.width,
        height: facts.height,
        tokens: count(facts.tokens),
    }
}

/// An event for the desk.
pub fn event(event: Event, tokenizer: &Tokenizer) -> AnswerEvent {
    match event {
        Event::Queued { position, wait_ms } => AnswerEvent::Queued {
            position: count(position),
            wait_ms,
        },
        Event::Reading {
            picture,
            of,
            tokens,
            cached,
        } => AnswerEvent::Reading {
            picture: count(picture),
            of: count(of),
            tokens: count(tokens),
            cached,
        },
        Event::Prefill { done, total } => AnswerEvent::Prefill {
            done: count(done),
            total: count(total),
        },
        Event::Delta(delta) => {
            let piece = |token: engine::Token| TokenPiece {
                text: token.text,
                logprob: token.logprob,
                bytes: tokenizer.token_bytes(token.id).to_vec(),
                top: token
                    .top
                    .iter()
                    .map(|top| alternative(top, tokenizer))
                    .collect(),
            };
            AnswerEvent::Delta {
                text: delta.text,
                tokens: delta.tokens.into_iter().map(piece).collect(),
            }
        }
        Event::Finished(finished) => done(&finished),
        Event::Failed(failure) => AnswerEvent::Error(failed(failure)),
    }
}

fn alternative(top: &engine::TopToken, tokenizer: &Tokenizer) -> TopToken {
    TopToken {
        bytes: tokenizer.token_bytes(top.id).to_vec(),
        logprob: top.logprob,
    }
}

/// What the engine counted, for the desk.
pub fn figures(stats: &Stats) -> Figures {
    Figures {
        pages_total: stats.kv.total as u64,
        pages_used: stats.kv.used as u64,
        pages_shared: stats.kv.shared as u64,
        pages_cached: stats.kv.cached as u64,
        pages_evicted: stats.kv.evicted,
        prompt_tokens: stats.tokens.prompt,
        cached_tokens: stats.tokens.prefix_hits,
        pictures_read: stats.pictures.encoded,
        pictures_cached: stats.pictures.hits,
        preempted: stats.requests.preempted,
        first_token: durations(&stats.first_token),
        inter_token: durations(&stats.inter_token),
    }
}

fn durations(histogram: &Histogram) -> Durations {
    let ends = BOUNDS_S.into_iter().chain([f64::INFINITY]);
    Durations {
        sum_s: histogram.sum_s,
        ranges: ends.zip(histogram.counts).collect(),
    }
}

/// Why there is no answer. A shape that no answer can be held to is for the asker to change.
fn failed(failure: engine::Failure) -> Refusal {
    match failure.fault {
        engine::Fault::Constraint => Refusal::shape_unsupported(&failure.message),
        engine::Fault::Engine => Refusal::new(Code::AnswerFailed, failure.message, Value::Null),
    }
}

/// How an answer ended. One whose time was over before its first word is none.
fn done(finished: &engine::Finished) -> AnswerEvent {
    let (usage, timings) = (&finished.usage, &finished.timings);
    if finished.finish_reason == engine::FinishReason::TimedOut && usage.completion_tokens == 0 {
        return AnswerEvent::Error(Refusal::timed_out());
    }
    AnswerEvent::Done {
        finish_reason: match finished.finish_reason {
            engine::FinishReason::Stop => FinishReason::Stop,
            engine::FinishReason::Length => FinishReason::Length,
            engine::FinishReason::Repetition => FinishReason::Repetition,
            engine::FinishReason::Cancelled => FinishReason::Cancelled,
            engine::FinishReason::TimedOut => FinishReason::TimedOut,
        },
        usage: desk::Usage {
            prompt_tokens: count(usage.prompt_tokens),
            image_tokens: count(usage.image_tokens),
            cached_tokens: count(usage.cached_tokens),
            completion_tokens: count(usage.completion_tokens),
        },
        timings: desk::Timings {
            image_ms: timings.image_ms,
            vision_ms: timings.vision_ms,
            prefill_ms: timings.prefill_ms,
            ttft_ms: timings.ttft_ms,
            decode_ms: timings.decode_ms,
            decode_tokens_per_s: timings.decode_tokens_per_s,
        },
    }
}

/// Why the engine did not take a question. Faults that no asker can mend go to
/// the log in full.
pub fn refusal(error: &SubmitError) -> Refusal {
    match error {
        SubmitError::Picture { source, .. } => picture_refusal(source),
        SubmitError::TooLong { needed, limit, .. } => {
            Refusal::question_too_long(*needed as u64, *limit as u64)
        }
        SubmitError::Prompt(PromptError::TooManyTokens { limit }) => {
            let details = json!({"limit": limit});
            Refusal::new(Code::QuestionTooLong, sentence(error), details)
        }
        SubmitError::Sampling(fault) => {
            let allowed = format!("between {} and {}", fault.least, fault.most);
            Refusal::setting_out_of_range(fault.setting, &allowed)
        }
        SubmitError::Stop(fault) => {
            let details = json!({"setting": "stop", "allowed": fault.to_string()});
            Refusal::new(Code::SettingOutOfRange, sentence(error), details)
        }
        SubmitError::NoTokens => Refusal::setting_out_of_range("max_tokens", "at least 1"),
        SubmitError::Busy {
            waiting,
            retry_after_s,
        } => Refusal::queue_full(count(*waiting), *retry_after_s),
        SubmitError::OverShare {
            held,
            retry_after_s,
        } => Refusal::share_full(count(*held), *retry_after_s),
        SubmitError::Stopped | SubmitError::Lost(_) => Refusal::model_failed(&sentence(error)),
        // Nobody hears it.
        SubmitError::Unwanted => Refusal::answer_failed(),
        SubmitError::Prompt(_) => {
            tracing::error!(error = sentence(error), "a checked question has no prompt");
            Refusal::answer_failed()
        }
    }
}

/// Why a picture cannot be read, in the words of whoever tried.
pub fn picture_refusal(error: &PictureError) -> Refusal {
    let said = |code, details| Refusal::new(code, error.to_string(), details);
    match error {
        PictureError::Empty => Refusal::picture_empty(),
        PictureError::TooLarge { bytes, limit } => Refusal::picture_too_large(Some(*bytes), *limit),
        PictureError::TypeUnsupported { kind } => {
            let details = json!({"found": kind.name(), "supported": picture_types()});
            said(Code::PictureType, details)
        }
        PictureError::VariantUnsupported { feature, .. } => {
            said(Code::PictureUnreadable, json!({"reason": feature}))
        }
        PictureError::Damaged { detail, .. } => {
            tracing::debug!(detail, "a damaged picture");
            said(Code::PictureUnreadable, json!({"reason": "damaged"}))
        }
        PictureError::TooManyPixels {
            width,
            height,
            limit,
        } => {
            let reason = "too_many_pixels";
            let details =
                json!({"width": width, "height": height, "reason": reason, "limit": limit});
            said(Code::PictureDimensions, details)
        }
        PictureError::TooThin {
            width,
            height,
            limit,
        } => {
            let reason = "too_thin";
            let details =
                json!({"width": width, "height": height, "reason": reason, "limit": limit});
            said(Code::PictureDimensions, details)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use desk::{Class, Picture, PictureFacts, Settings, Turn};
    use model::picture::ForeignKind;

    use super::*;

    fn picture(bytes: &[u8]) -> Arc<Picture> {
        let facts = PictureFacts {
            media_type: "image/png".into(),
            width: 1,
            height: 1,
            tokens: 1,
        };
        Arc::new(Picture::new(bytes, facts))
    }

    #[test]
    fn every_piece_of_a_question_keeps_its_place() {
        let (first, second) = (picture(b"front"), picture(b"back"));
        let user = |pieces| Turn {
            role: desk::Role::User,
            pieces,
        };
        let question = Question {
            turns: vec![
                user(vec![
                    Piece::Picture(first.clone()),
                    Piece::Text("front?".into()),
                ]),
                Turn {
                    role: desk::Role::Assistant,
                    pieces: vec![Piece::Text("AX73".into())],
                },
                user(vec![
                    Piece::Text("and".into()),
                    Piece::Picture(second.clone()),
                ]),
            ],
            settings: Settings {
                temperature: 0.0,
                top_p: 0.5,
                top_k: 7,
                presence_penalty: 0.25,
                repetition_penalty: 1.5,
                seed: Some(3),
                max_tokens: 12,
                image_tokens: 256,
                stop: vec!["\n".into()],
            },
            shape: desk::Shape::Free,
            alternatives: 3,
            ignore_eos: false,
            asker: Some("front".into()),
            time_limit: Some(Duration::from_secs(9)),
            presence: desk::Presence::default(),
        };
        let request = request(&question);
        assert_eq!(request.messages[0].content[0], Part::Picture(0));
        assert_eq!(request.messages[1].role, Role::Assistant);
        assert_eq!(request.messages[2].content[1], Part::Picture(1));
        assert!(Arc::ptr_eq(&request.pictures[0], first.bytes()));
        assert!(Arc::ptr_eq(&request.pictures[1], second.bytes()));
        assert_eq!(request.max_tokens, 12);
        assert_eq!(request.image_tokens, Some(256));
        assert_eq!(request.sampling.top_k, 7);
        assert_eq!(request.sampling.seed, Some(3));
        assert_eq!(request.stop, ["\n"]);
        assert_eq!(request.top_logprobs, 3);
        assert_eq!(request.client.as_deref(), Some("front"));
        assert_eq!(request.time_limit, Some(Duration::from_secs(9)));
    }

    #[test]
    fn every_fault_of_a_picture_has_a_class_the_sender_can_act_on() {
        let kind = ForeignKind::Heic;
        let heic = picture_refusal(&PictureError::TypeUnsupported { kind });
        assert_eq!(heic.class(), Class::Unsupported);
        assert_eq!(heic.details["found"], "a HEIC photo");
        assert!(heic.message.contains("Most Compatible"), "{}", heic.message);
        let thin = picture_refusal(&PictureError::TooThin {
            width: 9000,
            height: 20,
            limit: 200,
        });
        assert_eq!(thin.class(), Class::Unreadable);
        assert_eq!(thin.details["width"], 9000);
        let large = picture_refusal(&PictureError::TooLarge { bytes: 3, limit: 2 });
        assert_eq!(large.class(), Class::TooLarge);
    }

    #[test]
    fn a_full_queue_passes_on_when_to_come_back() {
        let busy = SubmitError::Busy {
            waiting: 32,
            retry_after_s: 40,
        };
        let refusal = refusal(&busy);
        assert_eq!(refusal.class(), Class::Busy);
        assert_eq!(refusal.retry_after_s(), Some(40));
    }
}
