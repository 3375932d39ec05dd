//! Deletion for good, when something comes in between, and of what people may not have thought of.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Place, ask, conversation, places, said, sqlite};
use desk::Code;
use desk::records::{ConversationId, NewConversation, Records, RecordsPlace};
use sqlx::Connection;

/// Whether these bytes stand in a file below a folder.
fn is_anywhere(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).expect("readable").any(|entry| {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            return is_anywhere(&path, bytes);
        }
        let content = fs::read(&path).expect("readable");
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

fn data(place: &Place) -> &Path {
    place.place.data_dir.as_deref().expect("a folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_whose_client_leaves_is_finished() {
    let place = sqlite();
    let records = place.open().await;
    let id = said(
        &records,
        Some("欧阳翡翠"),
        "翡翠色的 zircon42 坏了",
        "是的。",
    )
    .await;
    assert!(is_anywhere(data(&place), b"zircon42"));
    let deleting = records.delete_for_good(id, None);
    // Polled once, then nobody waits for it.
    let left = tokio::time::timeout(Duration::ZERO, deleting).await;
    assert!(left.is_err(), "it cannot be through");
    let gone = async {
        while is_anywhere(data(&place), b"zircon42") || is_anywhere(data(&place), "翡翠".as_bytes())
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
    gone.expect("no word is left, in the file or beside it");
}

/// A database in memory has one connection, and nothing was loaded before.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_keeps_nothing_may_begin_with_a_deletion() {
    let records = Records::open(&RecordsPlace::default())
        .await
        .expect("opens");
    let id = conversation(&records, None).await;
    let deleting = records.delete_for_good(id, None);
    let deleted = tokio::time::timeout(Duration::from_secs(5), deleting).await;
    deleted.expect("nobody waits for himself").expect("deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_a_reader_kept_in_the_log_go_with_the_next_sweep() {
    let place = sqlite();
    let records = place.open().await;
    let id = said(&records, None, "翡翠色的 zircon42 坏了", "是的。").await;
    let url = format!("sqlite://{}", data(&place).join("lookdesk.db").display());
    sqlx::any::install_default_drivers();
    let mut reader = sqlx::AnyConnection::connect(&url).await.expect("connected");
    for sql in ["BEGIN", "SELECT id FROM conversations"] {
        sqlx::query(sql).execute(&mut reader).await.expect("read");
    }
    // The rows are gone for everybody; the log could not be emptied under somebody who reads it.
    records.delete_for_good(id, None).await.expect("deleted");
    let refusal = records.conversation(id).await.expect_err("gone");
    assert_eq!(refusal.code, Code::ConversationUnknown);
    assert!(is_anywhere(data(&place), b"zircon42"));
    // As if the program ended here: what is owed is remembered.
    records.close().await;
    drop(records);
    sqlx::query("COMMIT")
        .execute(&mut reader)
        .await
        .expect("read");
    let records = place.open().await;
    records.sweep().await.expect("swept");
    assert!(!is_anywhere(data(&place), b"zircon42"));
    reader.close().await.expect("closed");
}

fn following(before: ConversationId) -> NewConversation {
    NewConversation {
        follows: Some(before),
        ..NewConversation::default()
    }
}

#[tokio::test]
async fn what_else_may_be_a_customers_is_offered_and_not_guessed() {
    for place in places().await {
        let records = place.open().await;
        let first = said(&records, Some("王先生"), "错误码？", "E1").await;
        said(&records, Some("王 先生"), "灯？", "亮。").await;
        said(&records, Some("王先生（退货）"), "保修？", "一年。").await;
        said(&records, Some("汪先生"), "型号？", "AX73").await;
        // Another picture: a linked conversation that names nobody, and one that follows it.
        let linked = following(first);
        let linked = records.create(linked).await.expect("begun").summary.id;
        ask(&records, linked, "这张呢？").await;
        let further = following(linked);
        let further = records.create(further).await.expect("begun").summary.id;
        let mut foreign = following(further);
        foreign.customer = Some("李".into());
        let foreign = records.create(foreign).await.expect("begun").summary.id;

        let known = records.customer("王先生").await.expect("known");
        assert_eq!(known.conversations, 1);
        let alike: Vec<_> = known.alike.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(alike, ["王 先生", "王先生（退货）"]);
        let mut chain: Vec<_> = known.linked.iter().map(|one| one.id).collect();
        chain.sort();
        let mut expected = vec![linked, further, foreign];
        expected.sort();
        assert_eq!(chain, expected);

        let refusal = records.delete_customer("王先 生", &[], None).await;
        let refusal = refusal.expect_err("nobody is written so");
        assert_eq!(refusal.code, Code::CustomerUnknown);
        assert_eq!(refusal.details["alike"][0], "王 先生");

        // Only what somebody has seen goes along: nothing while more, less or other is linked.
        for seen in [&[linked][..], &[linked, further, foreign], &[linked, first]] {
            let refusal = records.delete_customer("王先生", seen, None).await;
            let refusal = refusal.expect_err("it is not what is linked");
            assert_eq!(refusal.code, Code::LinkedChanged, "{}", place.name);
            let mut now = vec![linked.to_string(), further.to_string()];
            now.sort();
            assert_eq!(refusal.details["linked"], serde_json::json!(now));
        }
        records.conversation(first).await.expect("nothing went");
        let seen = [further, linked, further];
        let deleted = records.delete_customer("王先生", &seen, None).await;
        assert_eq!(deleted.expect("deleted"), 3);
        for gone in [first, linked, further] {
            records.conversation(gone).await.expect_err("gone");
        }
        // Somebody else's, though it continued one of them, and those written otherwise, stay.
        records.conversation(foreign).await.expect("there");
        let left = records.customers(None).await.expect("listed");
        assert_eq!(left.len(), 4, "{left:?}");
        let id = conversation(&records, None).await;
        records.delete_for_good(id, None).await.expect("deleted");
    }
}
