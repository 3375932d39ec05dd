//! What must not be lost and what must not stay: crashes, two programs, a full disk, deletion.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Place, answer, ask, conversation, picture, places, postgres, question, said, sqlite};
use desk::Code;
use desk::records::{
    AnswerState, AuditAction, ConversationFilter, NewConversation, NewWords, OpenError, Records,
    RecordsPlace,
};
use sqlx::{Connection, Executor};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_millis() as i64
}

async fn titles(records: &Records) -> Vec<String> {
    let page = records
        .list(&ConversationFilter::default())
        .await
        .expect("listed");
    page.conversations
        .into_iter()
        .map(|one| one.title)
        .collect()
}

#[tokio::test]
async fn words_that_were_streamed_survive_the_end_of_the_program() {
    for place in places().await {
        let records = place.open().await;
        let id = conversation(&records, None).await;
        let mut asked = question(id, "错误码？");
        asked.pictures = vec![picture("label")];
        let begun = records.begin_round(asked).await.expect("asked");
        let words = NewWords {
            text: "是 E-10",
            ..NewWords::default()
        };
        records.append(begun.answer, words).await.expect("appended");
        // As if killed: nothing is ended, only the connections go.
        records.close().await;
        drop(records);
        let records = place.open().await;
        let whole = records.conversation(id).await.expect("there");
        assert_eq!(whole.rounds[0].answers[0].state, AnswerState::Interrupted);
        assert_eq!(whole.rounds[0].answers[0].text, "是 E-10");
        assert!(whole.summary.interrupted);
        let filter = ConversationFilter {
            query: Some("E10".into()),
            ..ConversationFilter::default()
        };
        assert_eq!(
            records
                .list(&filter)
                .await
                .expect("listed")
                .conversations
                .len(),
            1
        );
        let again = records
            .begin_answer(begun.round, None)
            .await
            .expect("again");
        answer(&records, again, "是 E-102。", &[]).await;
        assert!(
            !records
                .conversation(id)
                .await
                .expect("there")
                .summary
                .interrupted
        );
    }
}

#[tokio::test]
async fn a_second_program_is_refused_in_words() {
    let place = sqlite();
    let records = place.open().await;
    let refused = Records::open(&place.place).await.expect_err("in use");
    assert!(matches!(refused, OpenError::InUse { .. }));
    assert!(
        refused.to_string().contains("in use by another Lookdesk"),
        "{refused}"
    );
    records.close().await;
    place.open().await;
}

#[tokio::test]
async fn a_second_program_on_a_server_is_refused_too() {
    let Some(place) = postgres().await else {
        return;
    };
    let records = place.open().await;
    let elsewhere = RecordsPlace {
        data_dir: Some(place.folder.path().join("other")),
        ..place.place.clone()
    };
    let refused = Records::open(&elsewhere).await.expect_err("in use");
    assert!(matches!(refused, OpenError::DatabaseInUse), "{refused:?}");
    said(&records, None, "错误码？", "E-102").await;
    records.close().await;
    Records::open(&elsewhere).await.expect("free again");
}

#[tokio::test]
async fn records_that_were_closed_are_free_at_once_on_a_server_too() {
    let Some(place) = postgres().await else {
        return;
    };
    let url = place.place.database.as_deref().expect("a server");
    let mut other = sqlx::AnyConnection::connect(url).await.expect("connected");
    // The key of the records; see `Database::hold`.
    let take = "SELECT CASE WHEN pg_try_advisory_lock(7813586385547653995) THEN 1 ELSE 0 END";
    let give = "SELECT pg_advisory_unlock(7813586385547653995)";
    for _ in 0..20 {
        place.open().await.close().await;
        let is_free: i32 = sqlx::query_scalar(take)
            .fetch_one(&mut other)
            .await
            .expect("asked");
        assert_eq!(is_free, 1);
        other.execute(give).await.expect("given back");
    }
}

#[tokio::test]
async fn a_program_that_ended_a_moment_ago_is_not_taken_for_one_that_runs() {
    let Some(place) = postgres().await else {
        return;
    };
    let url = place.place.database.as_deref().expect("a server");
    let mut other = sqlx::AnyConnection::connect(url).await.expect("connected");
    other
        .execute("SELECT pg_try_advisory_lock(7813586385547653995)")
        .await
        .expect("held");
    let open = place.open();
    let end = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.close().await.expect("closed");
    };
    let (records, ()) = tokio::join!(open, end);
    records.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_data_directory_that_is_made_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = sqlite();
    let _records = place.open().await;
    let data = place.place.data_dir.clone().expect("a folder");
    let mode = fs::metadata(data).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn places_that_cannot_be_opened_say_why() {
    let place = sqlite();
    let data = place.place.data_dir.clone().expect("a folder");
    fs::create_dir_all(&data).expect("made");
    fs::write(
        data.join("lookdesk.db"),
        b"this is no database, whatever its name says",
    )
    .expect("written");
    let refused = Records::open(&place.place).await.expect_err("damaged");
    assert!(matches!(refused, OpenError::File { .. }), "{refused:?}");
    let with = |database: &str| RecordsPlace {
        database: Some(database.into()),
        data_dir: Some(place.folder.path().join("other")),
        keep_days: None,
    };
    let refused = Records::open(&with("mysql://secret@localhost/x"))
        .await
        .expect_err("unknown");
    assert!(matches!(refused, OpenError::Scheme));
    let nobody = with("postgres://desk:secret@127.0.0.1:1/desk");
    let refused = Records::open(&nobody).await.expect_err("nobody there");
    assert!(matches!(refused, OpenError::Server { .. }));
    assert!(!refused.to_string().contains("secret"));
    let nowhere = RecordsPlace {
        data_dir: Some(data.join("lookdesk.db").join("below")),
        ..RecordsPlace::default()
    };
    let refused = Records::open(&nowhere).await.expect_err("no folder");
    assert!(matches!(refused, OpenError::Folder { .. }));
}

#[tokio::test]
async fn records_in_memory_touch_no_disk_and_know_pictures() {
    let records = Records::open(&RecordsPlace::default()).await.expect("open");
    let id = conversation(&records, None).await;
    let mut asked = question(id, "错误码？");
    asked.pictures = vec![picture("label")];
    let begun = records.begin_round(asked).await.expect("asked");
    answer(&records, begun.answer, "E-102", &[]).await;
    let kept = records
        .picture(picture("label").id())
        .await
        .expect("readable");
    assert_eq!(kept, Some(picture("label")));
    records.delete_for_good(id, None).await.expect("deleted");
    let gone = records
        .picture(picture("label").id())
        .await
        .expect("readable");
    assert_eq!(gone, None);
}

/// A second way into the file, beside the records.
async fn beside(place: &Place) -> sqlx::AnyConnection {
    sqlx::any::install_default_drivers();
    let file = place
        .place
        .data_dir
        .as_ref()
        .expect("a folder")
        .join("lookdesk.db");
    let url = format!("sqlite://{}", file.display());
    sqlx::AnyConnection::connect(&url).await.expect("connected")
}

#[tokio::test]
async fn a_locked_database_says_so_and_loses_nothing() {
    let place = sqlite();
    let records = place.open().await;
    let id = said(&records, None, "错误码？", "E-102").await;
    let mut other = beside(&place).await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("locked");
    let refusal = records
        .begin_round(question(id, "灯？"))
        .await
        .expect_err("locked");
    assert_eq!(refusal.code, Code::RecordsBusy);
    assert!(refusal.retry_after_s().is_some());
    assert_eq!(
        records
            .conversation(id)
            .await
            .expect("readable")
            .rounds
            .len(),
        1
    );
    sqlx::query("ROLLBACK")
        .execute(&mut other)
        .await
        .expect("unlocked");
    ask(&records, id, "灯？").await;
    assert_eq!(
        records.conversation(id).await.expect("there").rounds.len(),
        2
    );
}

#[tokio::test]
async fn a_full_disk_says_so_and_loses_nothing() {
    let Some(small) = SmallDisk::mount() else {
        eprintln!("skipped: a small disk cannot be mounted here (needs root on Linux)");
        return;
    };
    let place = RecordsPlace {
        data_dir: Some(small.path().join("data")),
        ..RecordsPlace::default()
    };
    let records = Records::open(&place).await.expect("open");
    let id = said(&records, None, "错误码？", "E-102").await;
    // A picture that does not fit, then words that do not fit.
    let mut asked = question(id, "灯？");
    asked.pictures = vec![picture(&"x".repeat(9 << 20))];
    let refusal = records.begin_round(asked).await.expect_err("full");
    assert_eq!(refusal.code, Code::RecordsFull);
    let filler = small.path().join("filler");
    while fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 4096]))
        .is_ok()
    {}
    let mut refusals = Vec::new();
    for _ in 0..50 {
        let new = NewConversation::default();
        if let Err(refusal) = records.create(new).await {
            refusals.push(refusal.code);
        }
    }
    assert!(refusals.contains(&Code::RecordsFull), "{refusals:?}");
    assert_eq!(
        records
            .conversation(id)
            .await
            .expect("readable")
            .rounds
            .len(),
        1
    );
    fs::remove_file(filler).expect("room");
    ask(&records, id, "灯？").await;
    records.close().await;
    let records = Records::open(&place).await.expect("open again");
    assert_eq!(
        records.conversation(id).await.expect("there").rounds.len(),
        2
    );
}

/// A file system of eight megabytes.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let mut mount = std::process::Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path());
        mount.stderr(std::process::Stdio::null());
        mount.status().ok()?.success().then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a connection may still be closing.
        let mut unmount = std::process::Command::new("umount");
        let _ = unmount.arg("-l").arg(self.0.path()).status();
    }
}

/// Every file below a folder that holds these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else {
            let content = fs::read(&path).expect("readable");
            if content.windows(bytes.len()).any(|window| window == bytes) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_customer_deleted_for_good_leaves_no_word_and_no_picture() {
    for place in places().await {
        let records = place.open().await;
        let data = place.place.data_dir.clone().expect("a folder");
        let stays = said(&records, Some("王先生"), "保修期多久？", "一年。").await;
        for _ in 0..2 {
            let id = conversation(&records, Some("欧阳翡翠")).await;
            let mut asked = question(id, "翡翠色的 zircon-42 坏了");
            asked.pictures = vec![picture("of the customer"), picture("of both")];
            let begun = records.begin_round(asked).await.expect("asked");
            answer(&records, begun.answer, "翡翠色的那个是 zircon-42。", &[]).await;
        }
        let own = picture("of the customer").id();
        records
            .keep_thumbnail(own, 160, b"made smaller".to_vec())
            .await
            .expect("kept");
        let mut shared = question(stays, "这张呢？");
        shared.pictures = vec![picture("of both")];
        let begun = records.begin_round(shared).await.expect("asked");
        answer(&records, begun.answer, "正常。", &[]).await;
        if place.place.database.is_none() {
            assert!(!holding(&data, "翡翠".as_bytes()).is_empty());
        }

        let deleted = records.delete_customer("欧阳翡翠", &[], Some("anna")).await;
        assert_eq!(deleted, Ok(2));
        for words in ["翡翠", "zircon", "欧阳", "of the customer", "made smaller"] {
            assert_eq!(holding(&data, words.as_bytes()), [""; 0], "{words}");
        }
        assert_eq!(records.picture(own).await.expect("readable"), None);
        assert_eq!(records.thumbnail(own, 160).await.expect("readable"), None);
        let both = records.picture(picture("of both").id()).await;
        assert!(both.expect("readable").is_some());
        assert_eq!(titles(&records).await, ["保修期多久？"]);
        for query in ["翡翠", "zircon42", "欧阳"] {
            let filter = ConversationFilter {
                query: Some(query.into()),
                ..ConversationFilter::default()
            };
            assert!(
                records
                    .list(&filter)
                    .await
                    .expect("listed")
                    .conversations
                    .is_empty()
            );
        }
        assert_eq!(records.customers(None).await.expect("listed"), ["王先生"]);
        let audit = records.audit().await.expect("readable");
        assert_eq!(audit[0].action, AuditAction::DeleteCustomer);
        assert_eq!(audit[0].detail, "2 conversations");
        assert!(!format!("{audit:?}").contains("翡翠"));
        let refusal = records
            .delete_customer("欧阳翡翠", &[], None)
            .await
            .expect_err("gone");
        assert_eq!(refusal.code, Code::CustomerUnknown);
        // The same question, asked by somebody else, is known by that one now.
        let insights = records
            .insights(&Default::default())
            .await
            .expect("counted");
        assert!(!format!("{insights:?}").contains("翡翠"));
        if let Some(url) = &place.place.database {
            let mut other = sqlx::AnyConnection::connect(url).await.expect("connected");
            let left: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM found WHERE words @@ CAST('''翡翠'' | ''zircon42''' AS tsquery)",
            )
            .fetch_one(&mut other)
            .await
            .expect("counted");
            assert_eq!(left, 0);
        }
    }
}

#[tokio::test]
async fn a_group_outlives_the_question_it_was_known_by() {
    for place in places().await {
        let records = place.open().await;
        let first = said(&records, None, "保修期是多久？", "一年。").await;
        said(&records, None, "请问保修期多长", "一年。").await;
        let groups = async || {
            records
                .insights(&Default::default())
                .await
                .expect("counted")
                .groups
        };
        let before = groups().await;
        assert_eq!((before.len(), before[0].count), (1, 2));
        records.delete_for_good(first, None).await.expect("deleted");
        let after = groups().await;
        assert_eq!(
            (after.len(), after[0].id, after[0].count),
            (1, before[0].id, 1)
        );
        assert_eq!(after[0].label, "请问保修期多长");
        said(&records, None, "保修期到什么时候", "一年。").await;
        assert_eq!(groups().await[0].count, 2);
    }
}

#[tokio::test]
async fn the_bin_is_emptied_after_a_day_and_old_records_leave() {
    for mut place in places().await {
        place.place.keep_days = Some(30);
        let records = place.open().await;
        let binned = said(&records, None, "错误码？", "E1").await;
        said(&records, None, "保修期？", "一年。").await;
        records.delete(binned, Some("anna")).await.expect("binned");
        let swept = records.sweep().await.expect("swept");
        assert_eq!((swept.from_bin, swept.too_old), (0, 0));
        let swept = records
            .sweep_at(now() + DAY_MS + 1000)
            .await
            .expect("swept");
        assert_eq!((swept.from_bin, swept.too_old), (1, 0));
        let refusal = records.restore(binned).await.expect_err("gone");
        assert_eq!(refusal.code, Code::ConversationUnknown);
        assert_eq!(titles(&records).await, ["保修期？"]);
        let swept = records.sweep_at(now() + 31 * DAY_MS).await.expect("swept");
        assert_eq!((swept.from_bin, swept.too_old), (0, 1));
        assert_eq!(titles(&records).await, [""; 0]);
        let audit = records.audit().await.expect("readable");
        let actions: Vec<_> = audit.iter().map(|entry| entry.action).collect();
        let expected = [
            AuditAction::Retention,
            AuditAction::EmptyBin,
            AuditAction::Bin,
        ];
        assert_eq!(actions, expected);
        // Who laid it into the bin is who asked for its deletion.
        assert_eq!(audit[1].subject, binned.to_string());
        assert_eq!(audit[1].asker.as_deref(), Some("anna"));
    }
}

#[tokio::test]
async fn files_that_no_row_knows_are_swept() {
    let place = sqlite();
    let records = place.open().await;
    let id = conversation(&records, None).await;
    let mut asked = question(id, "?");
    asked.pictures = vec![picture("used")];
    records.begin_round(asked).await.expect("asked");
    let pictures = place
        .place
        .data_dir
        .as_ref()
        .expect("a folder")
        .join("pictures");
    fs::create_dir_all(pictures.join("00")).expect("made");
    fs::write(pictures.join("00").join("00left.part"), b"half").expect("written");
    records.sweep().await.expect("swept");
    assert!(!pictures.join("00").join("00left.part").exists());
    assert!(
        records
            .picture(picture("used").id())
            .await
            .expect("readable")
            .is_some()
    );
}

#[tokio::test]
async fn an_answer_whose_end_was_not_stored_stands_in_nobodys_way() {
    let place = sqlite();
    let records = place.open().await;
    let id = conversation(&records, None).await;
    let begun = ask(&records, id, "错误码？").await;
    let mut other = beside(&place).await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("locked");
    let end = common::end(AnswerState::Done, 1.0);
    let refusal = records
        .finish_answer(begun.answer, NewWords::default(), end)
        .await;
    assert_eq!(refusal.expect_err("locked").code, Code::RecordsBusy);
    sqlx::query("ROLLBACK")
        .execute(&mut other)
        .await
        .expect("unlocked");
    ask(&records, id, "灯？").await;
    let rounds = records.conversation(id).await.expect("there").rounds;
    assert_eq!(rounds[0].answers[0].state, AnswerState::Interrupted);
}
