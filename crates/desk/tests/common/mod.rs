//! Records to test on: SQLite in a folder, and PostgreSQL where there is one.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use desk::records::{
    AnswerEnd, AnswerId, AnswerState, BegunRound, Certainty, ConversationId, ExportPictures,
    ExportWish, NewConversation, NewRound, NewWords, Records, RecordsPlace, TextMark,
};
use desk::{
    AskedSettings, FinishReason, Picture, PictureFacts, Refusal, Timings, TokenPiece, Usage,
};
use futures_util::StreamExt;
use tempfile::TempDir;

/// Says which PostgreSQL to use: `postgres://...` of a cluster where databases may be made.
const VARIABLE: &str = "LOOKDESK_TEST_POSTGRES";

/// A place of its own for one test; it is gone when this is dropped.
pub struct Place {
    pub name: &'static str,
    pub folder: TempDir,
    pub place: RecordsPlace,
}

impl Place {
    pub async fn open(&self) -> Records {
        Records::open(&self.place).await.expect("records open")
    }
}

/// A new place in SQLite.
pub fn sqlite() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let place = RecordsPlace {
        data_dir: Some(folder.path().join("data")),
        ..RecordsPlace::default()
    };
    Place {
        name: "SQLite",
        folder,
        place,
    }
}

/// A new database in PostgreSQL, where there is one.
pub async fn postgres() -> Option<Place> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = std::env::var(VARIABLE) else {
        // In continuous integration a story that was not played is a fault.
        assert!(std::env::var_os("CI").is_none(), "{VARIABLE} is not set");
        eprintln!("skipped: no PostgreSQL ({VARIABLE} is not set; tools/postgres.sh starts one)");
        return None;
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("records_{}_{number}", std::process::id());
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&url)
        .await
        .expect("PostgreSQL answers");
    for sql in [
        format!("DROP DATABASE IF EXISTS {name}"),
        format!("CREATE DATABASE {name}"),
    ] {
        let made = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await;
        made.expect("a database of our own");
    }
    pool.close().await;
    let (server, arguments) = url.split_once('?').unwrap_or((&url, ""));
    let server = server.rsplit_once('/').map_or(server, |(server, _)| server);
    let mut place = sqlite();
    place.name = "PostgreSQL";
    place.place.database = Some(format!("{server}/{name}?{arguments}"));
    Some(place)
}

/// Every kind of place there is.
pub async fn places() -> Vec<Place> {
    let mut places = vec![sqlite()];
    places.extend(postgres().await);
    places
}

/// A picture that no other is.
pub fn picture(mark: &str) -> Arc<Picture> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(mark.as_bytes());
    let facts = PictureFacts {
        media_type: "image/png".into(),
        width: 640,
        height: 480,
        tokens: 300,
    };
    Arc::new(Picture::new(bytes, facts))
}

pub async fn conversation(records: &Records, customer: Option<&str>) -> ConversationId {
    let new = NewConversation {
        customer: customer.map(str::to_owned),
        ..NewConversation::default()
    };
    records.create(new).await.expect("begun").summary.id
}

pub fn question(conversation: ConversationId, words: &str) -> NewRound {
    NewRound {
        conversation,
        question: words.to_owned(),
        pictures: Vec::new(),
        role: "你是售后客服。".into(),
        settings: AskedSettings {
            temperature: Some(0.25),
            image_tokens: Some(640),
            ..AskedSettings::default()
        },
        remembered_rounds: 5,
        replaces: None,
        asker: None,
    }
}

pub async fn ask(records: &Records, conversation: ConversationId, words: &str) -> BegunRound {
    let asked = records.begin_round(question(conversation, words)).await;
    asked.expect("asked")
}

pub fn tokens(text: &str) -> Vec<TokenPiece> {
    let token = |character: char| TokenPiece {
        text: character.to_string(),
        logprob: -0.0125,
        bytes: Vec::new(),
        top: Vec::new(),
    };
    text.chars().map(token).collect()
}

pub fn mark(start: u32, end: u32, certainty: Certainty) -> TextMark {
    TextMark {
        start,
        end,
        certainty,
        probability: 0.4,
    }
}

pub fn end(state: AnswerState, ttft_ms: f64) -> AnswerEnd {
    AnswerEnd {
        state,
        finish_reason: Some(FinishReason::Stop),
        usage: Some(Usage {
            prompt_tokens: 321,
            image_tokens: 300,
            cached_tokens: 0,
            completion_tokens: 12,
        }),
        timings: Some(Timings {
            ttft_ms,
            decode_tokens_per_s: 1.0 / 3.0,
            ..Timings::default()
        }),
        problem: None,
    }
}

pub async fn answer(records: &Records, answer: AnswerId, text: &str, marks: &[TextMark]) {
    let words = NewWords {
        text,
        tokens: &tokens(text),
        marks,
    };
    let ended = records
        .finish_answer(answer, words, end(AnswerState::Done, 250.0))
        .await;
    ended.expect("ended");
}

/// A conversation of one round, asked and answered.
pub async fn said(
    records: &Records,
    customer: Option<&str>,
    words: &str,
    reply: &str,
) -> ConversationId {
    let id = conversation(records, customer).await;
    let begun = ask(records, id, words).await;
    answer(records, begun.answer, reply, &[]).await;
    id
}

pub async fn export(records: &Records, pictures: ExportPictures) -> Vec<u8> {
    let wish = ExportWish {
        pictures,
        ..ExportWish::default()
    };
    export_of(records, wish).await.expect("exported")
}

pub async fn export_of(records: &Records, wish: ExportWish) -> Result<Vec<u8>, Refusal> {
    let mut stream = records.export(wish, Some("anna")).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend(piece?);
    }
    Ok(bytes)
}
