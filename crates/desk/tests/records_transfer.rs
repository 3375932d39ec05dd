//! Exports and imports: what goes out comes back the same; what is unfit changes nothing.

mod common;

use std::cell::RefCell;
use std::sync::Arc;

use common::{
    answer, ask, conversation, end, export, export_of, mark, picture, places, question, said,
    sqlite,
};
use desk::records::{
    AnswerProblem, AnswerState, Certainty, ConversationChange, ConversationFilter, Evidence,
    EvidenceId, ExportFormat, ExportPictures, ExportWish, FeedbackChange, Imported, InsightsWish,
    NewConversation, NewRole, NewWords, PictureSize, Reading, ReadingId, Records, RecordsPlace,
    Thumb, Verdict,
};
use desk::{AskedSettings, Code, Refusal};
use proptest::test_runner::Config as ProptestConfig;

/// Records with everything in them that there can be.
async fn fill(records: &Records) {
    let id = conversation(records, Some("王先生")).await;
    let mut first = question(id, "错误码是什么？😀");
    first.pictures = vec![picture("one"), picture("two"), picture("one")];
    first.settings.seed = Some(u64::MAX);
    first.asker = Some("anna".into());
    let begun = records.begin_round(first).await.expect("asked");
    answer(
        records,
        begun.answer,
        "是 E-102。",
        &[mark(2, 7, Certainty::Doubtful)],
    )
    .await;
    let feedback = FeedbackChange {
        thumb: Some(Some(Thumb::Up)),
        correction: Some(Some("是 E-103。".into())),
    };
    records.judge(begun.answer, feedback).await.expect("judged");
    let area = [0, 0, 1000, 1];
    let evidence = Evidence {
        id: EvidenceId::new(),
        picture: picture("one").id(),
        label: "<b>E</b>".into(),
        area,
    };
    records
        .set_evidence(begun.answer, &[evidence])
        .await
        .expect("stored");
    let reading = Reading {
        id: ReadingId::new(),
        picture: picture("two").id(),
        area,
        was: "E-102".into(),
        start: Some(2),
        text: "E-103".into(),
        agrees: false,
        probability: 0.1 + 0.2,
    };
    records
        .add_reading(begun.answer, reading)
        .await
        .expect("stored");
    let settings = AskedSettings {
        temperature: Some(0.7),
        ..AskedSettings::default()
    };
    let again = records
        .begin_answer(begun.round, Some(settings))
        .await
        .expect("again");
    let mut failed = end(AnswerState::Failed, 0.1);
    failed.problem = Some(AnswerProblem {
        code: Code::AnswerFailed,
        message: "It broke.".into(),
    });
    let words = NewWords {
        text: "半",
        ..NewWords::default()
    };
    records
        .finish_answer(again, words, failed)
        .await
        .expect("ended");
    let mut edit = question(id, "=HYPERLINK(\"http://x\")");
    edit.replaces = Some(begun.round);
    records.begin_round(edit).await.expect("edited");
    let change = ConversationChange {
        verdict: Some(Some(Verdict::HandedOver)),
        pinned: Some(true),
        ..ConversationChange::default()
    };
    records.change(id, change).await.expect("judged");
    let follow = NewConversation {
        title: Some("继续".into()),
        follows: Some(id),
        ..NewConversation::default()
    };
    let follow = records.create(follow).await.expect("begun");
    let cut_short = ask(records, follow.summary.id, "保修期多久？").await;
    let words = NewWords {
        text: "一年",
        tokens: &common::tokens("一年"),
        marks: &[],
    };
    records
        .append(cut_short.answer, words)
        .await
        .expect("appended");
    said(records, None, "What is the model number?", "AX73").await;
    let role = NewRole {
        name: "路由器".into(),
        text: "只谈路由器。".into(),
    };
    records.add_role(role).await.expect("added");
}

async fn import(records: &Records, file: &[u8]) -> Result<Imported, Refusal> {
    let source = Box::new(std::io::Cursor::new(file.to_vec()));
    records.import(source, Some("anna")).await
}

#[tokio::test]
async fn what_goes_out_comes_back_the_same_on_any_database() {
    for from in places().await {
        let old = from.open().await;
        fill(&old).await;
        old.close().await;
        drop(old);
        // Opened again: what was running is interrupted, with its words.
        let old = from.open().await;
        let file = export(&old, ExportPictures::Bytes).await;
        let text = String::from_utf8(file.clone()).expect("UTF-8");
        assert!(text.contains("\"interrupted\"") && !text.contains("\"running\""));
        for to in places().await {
            let new = to.open().await;
            let imported = import(&new, &file).await.expect("imported");
            assert_eq!(imported.conversations, 3);
            assert_eq!(imported.rounds, 4);
            assert_eq!(imported.answers, 5);
            assert_eq!(imported.pictures, 2);
            let again = export(&new, ExportPictures::Bytes).await;
            assert_eq!(
                String::from_utf8(again).expect("UTF-8"),
                text,
                "{} to {}",
                from.name,
                to.name
            );
            // The same figures, and the same hits.
            let wish = InsightsWish::default();
            let mut before = old.insights(&wish).await.expect("counted");
            let mut after = new.insights(&wish).await.expect("counted");
            // Groups are named anew.
            let anyhow = desk::records::GroupId::new();
            for group in before.groups.iter_mut().chain(&mut after.groups) {
                group.id = anyhow;
            }
            assert_eq!(before, after);
            for query in ["e103", "保修", "model", "王先生"] {
                let filter = ConversationFilter {
                    query: Some(query.into()),
                    ..ConversationFilter::default()
                };
                let found = new.list(&filter).await.expect("listed");
                assert_eq!(old.list(&filter).await.expect("listed"), found);
            }
            // Once more changes nothing.
            let twice = import(&new, &file).await.expect("imported");
            let nothing = Imported {
                skipped: 3,
                ..Imported::default()
            };
            assert_eq!(twice, nothing);
            let third = export(&new, ExportPictures::Bytes).await;
            assert_eq!(third, file);
            let shown = new.picture(picture("two").id()).await.expect("readable");
            assert_eq!(shown, Some(picture("two")));
        }
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_read_is_named_and_left_out_and_nothing_else_is() {
    for place in places().await {
        let from = sqlite();
        let old = from.open().await;
        fill(&old).await;
        let file = export(&old, ExportPictures::Bytes).await;
        let new = place.open().await;
        let size = PictureSize {
            width: 640,
            height: 480,
        };
        let readable = Arc::new(move |bytes: &[u8]| (!bytes.ends_with(b"two")).then_some(size));
        let source = Box::new(std::io::Cursor::new(file.clone()));
        let imported = new.import_checked(source, None, readable).await;
        let imported = imported.expect("imported");
        assert_eq!((imported.pictures, imported.damaged_pictures), (2, 1));
        let [damaged] = &imported.damaged[..] else {
            panic!("{imported:?}")
        };
        assert_eq!(damaged.id, picture("two").id());
        let shows = damaged.conversation.expect("a conversation shows it");
        let whole = new.conversation(shows).await.expect("it is there");
        assert_eq!(damaged.title.as_ref(), Some(&whole.summary.title));
        let pictures = |records: &Records| {
            let records = records.clone();
            async move {
                let shown = ["one", "two"].map(|mark| picture(mark).id());
                let mut found = Vec::new();
                for id in shown {
                    found.push(records.picture(id).await.expect("no fault").is_some());
                }
                found
            }
        };
        assert_eq!(pictures(&old).await, [true, true]);
        assert_eq!(pictures(&new).await, [true, false]);
        // All that was said of it is there, as where nothing was opened.
        let beside = sqlite();
        let unopened = beside.open().await;
        import(&unopened, &file).await.expect("imported");
        let without = export(&new, ExportPictures::Hash).await;
        assert_eq!(without, export(&unopened, ExportPictures::Hash).await);
        // A whole copy brings it back.
        import(&new, &file).await.expect("imported");
        assert_eq!(pictures(&new).await, [true, true]);
    }
}

#[tokio::test]
async fn later_rounds_of_a_known_conversation_are_added() {
    let (here, there) = (sqlite(), sqlite());
    let (here, there) = (here.open().await, there.open().await);
    let id = said(&here, None, "错误码？", "E1").await;
    let early = export(&here, ExportPictures::Hash).await;
    import(&there, &early).await.expect("imported");
    let more = ask(&here, id, "灯亮吗？").await;
    answer(&here, more.answer, "亮。", &[]).await;
    let late = export(&here, ExportPictures::Hash).await;
    let imported = import(&there, &late).await.expect("imported");
    assert_eq!(
        (imported.skipped, imported.rounds, imported.answers),
        (1, 1, 1)
    );
    let rounds = there.conversation(id).await.expect("there").rounds;
    assert_eq!(rounds, here.conversation(id).await.expect("there").rounds);
}

#[tokio::test]
async fn a_choice_of_records_goes_out() {
    for place in places().await {
        let records = place.open().await;
        fill(&records).await;
        let all = records
            .list(&ConversationFilter::default())
            .await
            .expect("listed")
            .conversations;
        let one = ExportWish {
            conversation: Some(all[0].id),
            pictures: ExportPictures::Hash,
            ..ExportWish::default()
        };
        let file = export_of(&records, one).await.expect("exported");
        let json: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
        assert_eq!(json["conversations"].as_array().expect("a list").len(), 1);
        assert_eq!(json["pictures"].as_array().expect("a list").len(), 2);
        assert!(json["pictures"][0]["data"].is_null());
        assert!(json["roles"].as_array().expect("a list").is_empty());
        let later = ExportWish {
            from: Some(4_000_000_000_000),
            ..ExportWish::default()
        };
        let file = export_of(&records, later).await.expect("exported");
        let json: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
        assert!(json["conversations"].as_array().expect("a list").is_empty());
        let backwards = ExportWish {
            from: Some(2),
            to: Some(1),
            ..ExportWish::default()
        };
        let refusal = export_of(&records, backwards).await.expect_err("no time");
        assert_eq!(refusal.code, Code::FieldOutOfRange);
        // What lies in the bin does not leave.
        records
            .delete(all[0].id, Some("anna"))
            .await
            .expect("binned");
        let refusal = export_of(&records, one).await.expect_err("binned");
        assert_eq!(refusal.code, Code::ConversationDeleted);
        let entries = records.audit().await.expect("readable");
        assert!(
            entries
                .iter()
                .all(|entry| entry.asker.as_deref() == Some("anna"))
        );
        assert_eq!(entries.len(), 3);
    }
}

#[tokio::test]
async fn a_table_has_a_row_for_each_answer_and_runs_nothing() {
    let place = sqlite();
    let records = place.open().await;
    fill(&records).await;
    let wish = ExportWish {
        format: ExportFormat::Csv,
        ..ExportWish::default()
    };
    let file = export_of(&records, wish).await.expect("exported");
    let text = String::from_utf8(file).expect("UTF-8");
    let table = text.strip_prefix('\u{feff}').expect("marked as UTF-8");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let head = reader.headers().expect("a head").clone();
    let column = |name: &str| {
        head.iter()
            .position(|column| column == name)
            .expect("a column")
    };
    let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 5);
    assert!(
        rows.iter()
            .flatten()
            .all(|cell| !cell.starts_with(['=', '+', '-', '@']))
    );
    assert_eq!(&rows[0][column("doubtful")], "E-102");
    assert_eq!(&rows[2][column("question")], "'=HYPERLINK(\"http://x\")");
}

/// So many roles, to stand before others in a list.
fn roles(count: u32) -> String {
    let role = |number| {
        format!(
            "{{\"id\":\"0299f3c2-5f7e-7c1a-8a44-{number:012}\",\"name\":\"r\",\"text\":\"t\",\
             \"standard\":false,\"position\":0}},"
        )
    };
    (0..count).map(role).collect()
}

#[tokio::test]
async fn roles_of_an_import_stand_behind_those_that_are_here_and_are_not_too_many_with_them() {
    for place in places().await {
        let records = place.open().await;
        let file = String::from_utf8(export(&records, ExportPictures::Bytes).await).expect("UTF-8");
        let with = |count| file.replacen("\"roles\":[", &format!("\"roles\":[{}", roles(count)), 1);
        import(&records, with(190).as_bytes()).await.expect("fits");
        let known = records.roles().await.expect("read");
        let positions: Vec<_> = known.iter().map(|role| role.position).collect();
        assert_eq!(positions, (0..192).collect::<Vec<_>>());
        let standard: Vec<_> = known.iter().map(|role| role.standard).collect();
        assert_eq!(standard.iter().filter(|standard| **standard).count(), 2);
        let audit = records.audit().await.expect("read");
        assert!(audit[0].detail.ends_with(", 190 roles"), "{audit:?}");
        // The same ones are no more than before; others would be.
        import(&records, with(190).as_bytes()).await.expect("known");
        let more = with(190).replace("8a44-000000000", "8a44-100000000");
        let refusal = import(&records, more.as_bytes())
            .await
            .expect_err("too many");
        assert!(refusal.message.contains("more than 200"), "{refusal}");
        assert_eq!(records.roles().await.expect("read").len(), 192);
    }
}

#[tokio::test]
async fn an_unfit_file_changes_nothing() {
    for place in places().await {
        let records = place.open().await;
        fill(&records).await;
        let before = export(&records, ExportPictures::Bytes).await;
        let file = String::from_utf8(before.clone()).expect("UTF-8");
        // As if it came from elsewhere, so that nothing in it is known.
        let foreign = file
            .replace("\"id\":\"01", "\"id\":\"02")
            .replace("\"replaced_by\":\"01", "\"replaced_by\":\"02");
        let id = picture("one").id().to_string();
        let changed = |from: &str, to: &str| {
            let changed = foreign.replacen(from, to, 1);
            assert_ne!(changed, foreign, "{from}");
            changed.into_bytes()
        };
        let unfit = [
            changed("\"id\":\"02", "\"id\":\"../../etc/passwd"),
            changed(
                &format!("\"pictures\":[\"{id}\""),
                &format!("\"pictures\":[\"{}\"", "0".repeat(64)),
            ),
            changed(
                &format!("\"id\":\"{id}\""),
                &format!("\"id\":\"{}\"", "0".repeat(64)),
            ),
            changed("image/png", "image/svg+xml"),
            changed("image/png", "image/jpeg"),
            changed("\"data\":\"iVBORw0KGgp", "\"data\":\"PHNjcmlwdD4"),
            changed("\"width\":640", "\"width\":4294967295"),
            changed("\"version\":2", "\"version\":3"),
            changed("\"state\":\"done\"", "\"state\":\"perhaps\""),
            changed("\"start\":2", "\"start\":200"),
            changed("[0,0,1000,1]", "[0,0,1001,1]"),
            changed("\"asked_at\":", "\"asked_at\":-"),
            changed("\"stop\":null", "\"stop\":[\"\"]"),
            changed(
                "\"stop\":null",
                &format!("\"stop\":[{}\"a\"]", "\"a\",".repeat(8)),
            ),
            changed(
                "\"title\":\"继续\"",
                &format!("\"title\":\"{}\"", "长".repeat(201)),
            ),
            changed("\"title\":\"继续\"", "\"title\":\"继续\",\"admin\":true"),
            // Nothing is lost in silence, however deep it stands.
            changed("\"standard\":", "\"admin\":true,\"standard\":"),
            changed("\"was\":", "\"admin\":true,\"was\":"),
            changed("\"label\":", "\"admin\":true,\"label\":"),
            changed("\"certainty\":", "\"admin\":true,\"certainty\":"),
            changed("\"message\":", "\"admin\":true,\"message\":"),
            changed("\"prompt_tokens\":", "\"admin\":true,\"prompt_tokens\":"),
            changed("\"ttft_ms\":", "\"admin\":true,\"ttft_ms\":"),
            // Marks are underlined one after the other.
            changed(
                "\"marks\":[",
                "\"marks\":[{\"start\":0,\"end\":4,\"certainty\":\"check\",\"probability\":0.6},",
            ),
            changed(
                "\"marks\":[{\"start\":2,\"end\":7",
                "\"marks\":[{\"start\":7,\"end\":2",
            ),
            changed("\"tokens\":[[", "\"tokens\":[[1000000000,0],["),
            changed("\"temperature\":0.25", "\"temperature\":99.0"),
            // More roles than people may add by hand.
            changed("\"roles\":[", &format!("\"roles\":[{}", roles(200))),
            // A closer look stands where its string does.
            changed(
                "\"was\":\"E-102\",\"start\":2",
                "\"was\":\"E-102\",\"start\":3",
            ),
            foreign.as_bytes()[..foreign.len() - 3].to_vec(),
            foreign.as_bytes()[..foreign.len() / 2].to_vec(),
            [foreign.as_bytes(), b"x"].concat(),
        ];
        for (at, file) in unfit.iter().enumerate() {
            let refusal = import(&records, file).await.expect_err("unfit");
            assert_eq!(refusal.code, Code::ImportUnfit, "{at}: {refusal}");
            let after = export(&records, ExportPictures::Bytes).await;
            assert!(after == before, "file {at} changed something");
        }
        // A new picture of a file that fails later does not stay either.
        let other = sqlite();
        let donor = other.open().await;
        let donated = conversation(&donor, None).await;
        let mut asked = question(donated, "?");
        asked.pictures = vec![picture("three")];
        donor.begin_round(asked).await.expect("asked");
        let file = export(&donor, ExportPictures::Bytes).await;
        import(&records, &file[..file.len() - 3])
            .await
            .expect_err("cut short");
        let folder = place
            .place
            .data_dir
            .as_ref()
            .expect("a folder")
            .join("pictures");
        let hash = picture("three").id().to_string();
        assert!(!folder.join(&hash[..2]).join(&hash).exists());
        import(&records, &file).await.expect("imported");
        assert!(folder.join(&hash[..2]).join(&hash).exists());
    }
}

/// A file with one stretch of it cut out, doubled, or written over.
fn damaged(file: &[u8], (at, length, how, with): (usize, usize, u8, Vec<u8>)) -> Vec<u8> {
    let at = at % file.len();
    let end = (at + length).min(file.len());
    let (before, rest) = file.split_at(at);
    let (stretch, after) = rest.split_at(end - at);
    match how % 3 {
        0 => [before, after].concat(),
        1 => [before, stretch, stretch, after].concat(),
        _ => [before, &with, after].concat(),
    }
}

#[test]
fn a_damaged_file_is_refused_and_changes_nothing_or_is_taken_whole() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let file = runtime.block_on(async {
        let donor = Records::open(&RecordsPlace::default()).await.expect("open");
        fill(&donor).await;
        export(&donor, ExportPictures::Bytes).await
    });
    let records = runtime
        .block_on(Records::open(&RecordsPlace::default()))
        .expect("open");
    let before = RefCell::new(runtime.block_on(export(&records, ExportPictures::Bytes)));
    let some = (
        proptest::num::usize::ANY,
        1_usize..40,
        proptest::num::u8::ANY,
        proptest::collection::vec(proptest::num::u8::ANY, 0..8),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let played = runner.run(&some, |damage| {
        let done = runtime.block_on(import(&records, &damaged(&file, damage)));
        let after = runtime.block_on(export(&records, ExportPictures::Bytes));
        match done {
            // A harmless damage, in a word or a number: what it brought in stays.
            Ok(_) => *before.borrow_mut() = after,
            Err(refusal) => {
                proptest::prop_assert_eq!(refusal.code, Code::ImportUnfit);
                proptest::prop_assert!(after == *before.borrow());
            }
        }
        Ok(())
    });
    played.expect("no damage does harm");
}
