//! Records written with the first schema are opened by today's program, and nothing of them is lost.
//!
//! `tests/first/data.sql` and `export.json` stay as they are when the schema changes, unless an
//! export's shape does; the first migrations themselves never change, nor do exports of earlier versions.

mod common;

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

use common::{Place, export, places};
use desk::records::{AnswerState, ConversationFilter, ExportPictures, InsightsWish};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Connection, Executor, SqlSafeStr};

const SQLITE: &str = include_str!("../migrations/sqlite/0001_records.sql");
const POSTGRES: &str = include_str!("../migrations/postgres/0001_records.sql");
const DATA: &str = include_str!("first/data.sql");
const EXPORT: &str = include_str!("first/export.json");
/// The same as it was exported with the first version of the shape.
const EXPORT_1: &str = include_str!("first/export_version_1.json");

/// Index entries of the first schema: number × 2^20 + position.
const SQLITE_FOUND: &str = "INSERT INTO found (rowid, words) VALUES \
    (1048576, '李 女 士 李女 女士'), (1048578, 'e 102 e102'), (2097153, 'wan light')";
const POSTGRES_FOUND: &str = "INSERT INTO found (rowid, words) VALUES \
    (1048576, '''李'' ''女'' ''士'' ''李女'' ''女士'''), (1048578, '''e'' ''102'' ''e102'''), \
    (2097153, '''wan'' ''light''')";

/// Writes records as the first program did.
async fn write_first(place: &Place) {
    let data = place.place.data_dir.clone().expect("a folder");
    std::fs::create_dir_all(&data).expect("made");
    let file = format!("sqlite://{}?mode=rwc", data.join("lookdesk.db").display());
    let (url, schema, found) = match &place.place.database {
        Some(url) => (url.clone(), POSTGRES, POSTGRES_FOUND),
        None => (file, SQLITE, SQLITE_FOUND),
    };
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&url).await.expect("connected");
    let first = Migration::new(
        1,
        Cow::Borrowed("records"),
        MigrationType::Simple,
        schema.into_sql_str(),
        false,
    );
    let migrator = Migrator::with_migrations(vec![first]);
    migrator
        .run(&mut connection)
        .await
        .expect("the first schema");
    connection.execute(DATA).await.expect("the first records");
    connection.execute(found).await.expect("the first index");
    if place.place.database.is_some() {
        // Numbers given by hand do not move the counters that PostgreSQL gives them from.
        for table in [
            "conversations",
            "question_groups",
            "rounds",
            "answers",
            "audit",
        ] {
            let sql = format!("SELECT setval(pg_get_serial_sequence('{table}', 'number'), 1000)");
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .expect("moved");
        }
    }
    connection.close().await.expect("closed");
    let picture =
        Path::new("pictures/25/258157ad97facb8998716c75c31e35d553daf3fae5036dc845c352a057c26492");
    let picture = data.join(picture);
    std::fs::create_dir_all(picture.parent().expect("a folder")).expect("made");
    std::fs::write(picture, b"\x89PNG\r\n\x1a\na label").expect("written");
}

#[test]
fn the_first_migrations_never_change() {
    for (schema, hash) in [
        (
            SQLITE,
            "42882637ed4dd78cf251a4cb189f66b599ab7a15f3092c13a0c6e48986913608",
        ),
        (
            POSTGRES,
            "3f566a3a3ccdfd5cd641c1f5378466a0c851aac6737f230c8f21e560fe0b87ff",
        ),
    ] {
        assert_eq!(blake3::hash(schema.as_bytes()).to_hex().as_str(), hash);
    }
}

#[tokio::test]
async fn a_link_to_a_conversation_that_is_not_there_is_gone_after_the_start() {
    const LINKED: &str = "INSERT INTO conversations (number, id, title, follows, created_at, updated_at) \
         VALUES (4, '019ab000-0000-7000-8000-000000000004', 'Another picture', \
             '019ab000-0000-7000-8000-0000000000ff', 1795262500000, 1795262500000)";
    for place in places().await {
        write_first(&place).await;
        let data = place.place.data_dir.clone().expect("a folder");
        let file = format!("sqlite://{}", data.join("lookdesk.db").display());
        let url = place.place.database.clone().unwrap_or(file);
        let mut connection = AnyConnection::connect(&url).await.expect("connected");
        connection.execute(LINKED).await.expect("linked");
        connection.close().await.expect("closed");
        let records = place.open().await;
        let follows = async |number: u32| {
            let id = format!("019ab000-0000-7000-8000-{number:012}");
            let whole = records.conversation(id.parse().expect("an id")).await;
            whole.expect("there").summary.follows
        };
        assert_eq!(follows(4).await, None, "{}", place.name);
        assert!(follows(2).await.is_some(), "{}", place.name);
    }
}

#[tokio::test]
async fn an_export_of_the_first_version_is_imported_whole() {
    for place in places().await {
        let records = place.open().await;
        let source = Box::new(Cursor::new(EXPORT_1.as_bytes()));
        let imported = records.import(source, None).await.expect("imported");
        assert_eq!((imported.conversations, imported.rounds), (2, 3));
        let text = String::from_utf8(export(&records, ExportPictures::Bytes).await);
        assert_eq!(text.expect("UTF-8"), EXPORT, "{}", place.name);
    }
}

#[tokio::test]
async fn records_of_the_first_schema_are_opened_whole() {
    for place in places().await {
        write_first(&place).await;
        let records = place.open().await;
        let file = export(&records, ExportPictures::Bytes).await;
        let text = String::from_utf8(file).expect("UTF-8");
        assert_eq!(text, EXPORT, "{}", place.name);
        for (query, hits) in [("E102", 1), ("wan", 1), ("女士", 1), ("bin", 0)] {
            let filter = ConversationFilter {
                query: Some(query.into()),
                ..ConversationFilter::default()
            };
            let page = records.list(&filter).await.expect("listed");
            assert_eq!(page.conversations.len(), hits, "{query}");
        }
        let insights = records
            .insights(&InsightsWish::default())
            .await
            .expect("counted");
        assert_eq!((insights.questions, insights.thumbs.up), (2, 1));
        assert_eq!(insights.groups.len(), 2);
        // What was running when that program ended is interrupted, and can be asked again.
        let id = "019ab000-0000-7000-8000-000000000002"
            .parse()
            .expect("an id");
        let whole = records.conversation(id).await.expect("there");
        assert_eq!(whole.rounds[0].answers[0].state, AnswerState::Interrupted);
        let again = records
            .begin_answer(whole.rounds[0].id, None)
            .await
            .expect("again");
        common::answer(&records, again, "It is on.", &[]).await;
        common::said(&records, None, "错误码是多少？", "E-103").await;
        let insights = records
            .insights(&InsightsWish::default())
            .await
            .expect("counted");
        assert_eq!(insights.groups[0].count, 2);
        assert_eq!(records.audit().await.expect("readable").len(), 2);
        records.close().await;
        drop(records);
        place.open().await;
    }
}
