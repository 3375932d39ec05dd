//! Exports while others work: what goes out can be brought in, whatever happened meanwhile.

mod common;

use std::io::Cursor;

use common::{answer, ask, conversation, export, picture, places, question};
use desk::records::{
    ConversationFilter, ConversationId, ExportPictures, ExportStream, ExportWish, Records,
    RecordsPlace,
};
use futures_util::StreamExt;
use proptest::test_runner::{Config, TestRunner};

/// More than a piece of an export, so that it stands still until its reader goes on.
fn large(mark: &str) -> std::sync::Arc<desk::Picture> {
    picture(&format!("{mark} {}", "x".repeat(100_000)))
}

/// What somebody else does meanwhile, to one of the conversations.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Bin,
    Restore,
    DeleteForGood,
    Ask,
    AskWithPicture,
    Edit,
    Begin,
}

const DEEDS: [Deed; 7] = [
    Deed::Bin,
    Deed::Restore,
    Deed::DeleteForGood,
    Deed::Ask,
    Deed::AskWithPicture,
    Deed::Edit,
    Deed::Begin,
];

impl Deed {
    /// What cannot be done (any more) is not done.
    async fn play(self, records: &Records, id: ConversationId, mark: usize) {
        let words = format!("又问 {mark}？");
        match self {
            Self::Bin => drop(records.delete(id, None).await),
            Self::Restore => drop(records.restore(id).await),
            Self::DeleteForGood => drop(records.delete_for_good(id, None).await),
            Self::Ask => self.ask(records, question(id, &words)).await,
            Self::AskWithPicture => {
                let mut asked = question(id, &words);
                asked.pictures = vec![large(&format!("later {mark}"))];
                self.ask(records, asked).await;
            }
            Self::Edit => {
                let Ok(known) = records.conversation(id).await else {
                    return;
                };
                let mut asked = question(id, &words);
                asked.replaces = known.rounds.first().map(|round| round.id);
                self.ask(records, asked).await;
            }
            Self::Begin => {
                let id = conversation(records, None).await;
                ask(records, id, &words).await;
            }
        }
    }

    async fn ask(self, records: &Records, asked: desk::records::NewRound) {
        if let Ok(begun) = records.begin_round(asked).await {
            answer(records, begun.answer, "是的。", &[]).await;
        }
    }
}

async fn filled(records: &Records) -> Vec<ConversationId> {
    let mut ids = Vec::new();
    for number in 0..4 {
        let id = conversation(records, None).await;
        for round in 0..2 {
            let mut asked = question(id, &format!("问题 {number} {round}？"));
            asked.pictures = vec![large(&format!("{number} {round}")), picture("of all")];
            let begun = records.begin_round(asked).await.expect("asked");
            answer(records, begun.answer, "E-102", &[]).await;
        }
        ids.push(id);
    }
    // One lies in the bin, and may be taken out of it meanwhile.
    records.delete(ids[3], None).await.expect("binned");
    ids
}

async fn begun(records: &Records) -> ExportStream {
    let wish = ExportWish::default();
    records.export(wish, None).await.expect("begun")
}

fn conversations_in(file: &[u8]) -> serde_json::Value {
    let json: serde_json::Value = serde_json::from_slice(file).expect("JSON");
    json["conversations"].clone()
}

#[test]
fn whatever_happens_during_an_export_it_can_be_imported() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let deed = (0_usize..12, 0..DEEDS.len(), 0_usize..4);
    let deeds = proptest::collection::vec(deed, 1..8);
    let mut runner = TestRunner::new(Config::with_cases(48));
    let played = runner.run(&deeds, |deeds| {
        let imported = runtime.block_on(async {
            let records = Records::open(&RecordsPlace::default()).await.expect("open");
            let ids = filled(&records).await;
            let mut stream = begun(&records).await;
            let (mut bytes, mut at) = (Vec::new(), 0);
            loop {
                for (number, (when, deed, which)) in deeds.iter().enumerate() {
                    if *when == at {
                        DEEDS[*deed].play(&records, ids[*which], number).await;
                    }
                }
                at += 1;
                match stream.next().await {
                    Some(piece) => bytes.extend(piece.expect("readable")),
                    None => break,
                }
            }
            let other = Records::open(&RecordsPlace::default()).await.expect("open");
            let imported = other
                .import(Box::new(Cursor::new(bytes.clone())), None)
                .await;
            // And it is what came in, but for pictures of a conversation that was deleted meanwhile.
            let again = export(&other, ExportPictures::Bytes).await;
            let (sent, came) = (conversations_in(&bytes), conversations_in(&again));
            imported.map(|imported| (imported, sent == came))
        });
        let (imported, is_same) = imported.map_err(|refusal| {
            proptest::test_runner::TestCaseError::fail(format!("{deeds:?}: {refusal}"))
        })?;
        proptest::prop_assert!(imported.conversations <= 3, "{imported:?}");
        proptest::prop_assert!(is_same, "{:?}", deeds);
        Ok(())
    });
    played.expect("every export comes in");
}

#[tokio::test]
async fn what_was_in_the_bin_when_an_export_began_is_not_in_it_and_what_was_not_is() {
    for place in places().await {
        let records = place.open().await;
        let ids = filled(&records).await;
        let mut stream = begun(&records).await;
        records.restore(ids[3]).await.expect("taken out");
        records.delete(ids[0], None).await.expect("laid in");
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            bytes.extend(piece.expect("readable"));
        }
        let other = Records::open(&RecordsPlace::default()).await.expect("open");
        let source = Box::new(Cursor::new(bytes));
        other.import(source, None).await.expect("it comes in");
        let page = other.list(&ConversationFilter::default()).await;
        let mut came: Vec<_> = page.expect("listed").conversations;
        came.sort_by_key(|one| (one.created_at, one.id));
        let came: Vec<_> = came.into_iter().map(|one| one.id).collect();
        assert_eq!(came, ids[..3], "{}", place.name);
    }
}
