//! Imports while others work, and imports that end half-way.

mod common;

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use common::{
    answer, ask, conversation, export, export_of, picture, places, question, said, sqlite,
};
use desk::records::{
    ConversationFilter, ConversationId, ExportPictures, ExportWish, Imported, InsightsWish,
    NewConversation, PictureSize, Records,
};
use desk::{Code, Refusal};
use tokio::task::JoinHandle;

/// An export of so many conversations, each with a question of its own and a long answer.
async fn file(conversations: usize) -> Vec<u8> {
    let place = sqlite();
    let donor = place.open().await;
    for number in 0..conversations {
        let reply = format!("第 {number} 台：{}", "灯亮着。".repeat(200));
        let words = format!("E{number}0{number} 是什么意思，机器 {number}？");
        said(&donor, Some("王先生"), &words, &reply).await;
    }
    export(&donor, ExportPictures::Bytes).await
}

/// What the second reading meets in the middle of the file.
enum Middle {
    /// It stands still until it is told to go on.
    Gate(Receiver<()>),
    /// It ends.
    Broken,
    /// Nothing: it has been passed.
    Passed,
}

/// A file whose second reading does not simply go through.
struct Eventful {
    file: Cursor<Vec<u8>>,
    half: u64,
    readings: u32,
    middle: Middle,
    arrived: Sender<()>,
}

impl Eventful {
    fn new(file: Vec<u8>, middle: Middle) -> (Self, Receiver<()>) {
        let (arrived, arrival) = channel();
        let half = file.len() as u64 / 2;
        let this = Self {
            file: Cursor::new(file),
            half,
            readings: 1,
            middle,
            arrived,
        };
        (this, arrival)
    }
}

impl Read for Eventful {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.readings > 1 && self.file.position() >= self.half {
            match std::mem::replace(&mut self.middle, Middle::Passed) {
                Middle::Gate(gate) => {
                    let _ = self.arrived.send(());
                    let _ = gate.recv();
                }
                Middle::Broken => return Err(io::Error::other("the disk is gone")),
                Middle::Passed => {}
            }
        }
        self.file.read(buffer)
    }
}

impl Seek for Eventful {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.readings += 1;
        self.file.seek(to)
    }
}

async fn count(records: &Records) -> usize {
    let filter = ConversationFilter {
        limit: Some(200),
        ..ConversationFilter::default()
    };
    records
        .list(&filter)
        .await
        .expect("listed")
        .conversations
        .len()
}

/// Labels and counts of the groups of questions.
async fn groups(records: &Records) -> Vec<(String, u64)> {
    let insights = records.insights(&InsightsWish::default()).await;
    let groups = insights.expect("counted").groups;
    let mut groups: Vec<_> = groups.into_iter().map(|g| (g.label, g.count)).collect();
    groups.sort();
    groups
}

async fn arrives(arrival: Receiver<()>) {
    let arrived = tokio::task::spawn_blocking(move || arrival.recv()).await;
    arrived.expect("no panic").expect("it came to the middle");
}

/// An import that stands still in the middle of its file.
struct Halted {
    importing: JoinHandle<Result<Imported, Refusal>>,
    go: Sender<()>,
}

impl Halted {
    async fn in_the_middle_of(file: &[u8], records: &Records) -> Self {
        let (go, gate) = channel();
        let (source, arrival) = Eventful::new(file.to_vec(), Middle::Gate(gate));
        let this = records.clone();
        let importing =
            tokio::spawn(async move { this.import(Box::new(source), Some("anna")).await });
        arrives(arrival).await;
        Self { importing, go }
    }

    async fn go_on(self) {
        self.go.send(()).expect("it waits");
        self.importing.await.expect("no panic").expect("imported");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_client_leaves_comes_in_whole_while_others_ask() {
    let whole = file(80).await;
    for place in places().await {
        let records = place.open().await;
        let (go, gate) = channel();
        let (source, arrival) = Eventful::new(whole.clone(), Middle::Gate(gate));
        let importing = records.import(Box::new(source), Some("anna"));
        let left = tokio::time::timeout(Duration::from_millis(20), importing).await;
        assert!(left.is_err(), "{}: it cannot be through", place.name);
        arrives(arrival).await;
        // The import stands still in the middle, and stands in nobody's way.
        let others = async {
            let own = conversation(&records, Some("李")).await;
            ask(&records, own, "保修期多久？").await;
        };
        let others = tokio::time::timeout(Duration::from_secs(60), others).await;
        others.expect("nobody waits for it");
        let part = count(&records).await;
        assert!((2..80).contains(&part), "{part}");
        go.send(()).expect("it waits");
        let ended = async {
            while records.audit().await.expect("readable")[0]
                .detail
                .starts_with("begun")
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
        ended.expect("the import goes on");
        let audit = records.audit().await.expect("readable");
        assert_eq!(
            audit[0].detail,
            "80 conversations, 80 rounds, 80 answers, 0 pictures, 0 roles"
        );
        assert_eq!(count(&records).await, 81);
        let insights = records.insights(&InsightsWish::default()).await;
        assert_eq!(insights.expect("counted").questions, 81);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_an_import_half_way_leaves_whole_questions_and_the_same_file_brings_the_rest() {
    let whole = file(80).await;
    let fresh = sqlite();
    let fresh = fresh.open().await;
    let source = Box::new(Cursor::new(whole.clone()));
    fresh.import(source, None).await.expect("imported");
    for place in places().await {
        let records = place.open().await;
        let (source, _) = Eventful::new(whole.clone(), Middle::Broken);
        let refusal = records.import(Box::new(source), None).await;
        let refusal = refusal.expect_err("cut short");
        assert_eq!(refusal.code, Code::ImportCutShort, "{refusal}");
        let came = count(&records).await as u64;
        assert_eq!(refusal.details["conversations"], came);
        assert!((1..80).contains(&came), "{came}");
        let detail = &records.audit().await.expect("readable")[0].detail;
        assert!(detail.starts_with("cut short: "), "{detail}");
        let page = records.list(&ConversationFilter::default()).await;
        for summary in page.expect("listed").conversations {
            let whole = records.conversation(summary.id).await.expect("there");
            assert_eq!(whole.rounds.len(), 1);
            assert_eq!(whole.rounds[0].answers.len(), 1);
        }
        // What did not come in has left no group behind: a question like it begins one, here and
        // after a start.
        let id = said(&records, None, "E790790 是什么意思，机器 79？", "不知道。").await;
        let known = groups(&records).await;
        records.close().await;
        drop(records);
        let records = place.open().await;
        assert_eq!(groups(&records).await, known);
        records.delete_for_good(id, None).await.expect("deleted");
        let source = Box::new(Cursor::new(whole.clone()));
        let imported = records.import(source, None).await.expect("imported");
        assert_eq!(
            (imported.skipped, imported.conversations),
            (came, 80 - came)
        );
        assert_eq!(export(&records, ExportPictures::Bytes).await, whole);
        assert_eq!(groups(&records).await, groups(&fresh).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_for_good_while_an_import_runs_stays_deleted() {
    // Another customer stands in the middle of the file, and one name is written with a space too many.
    let text = String::from_utf8(file(60).await).expect("JSON");
    let whole = text.replace("王先生", " 王先生 ").into_bytes();
    for place in places().await {
        let records = place.open().await;
        let import = Halted::in_the_middle_of(&whole, &records).await;
        while count(&records).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let gone = records.delete_customer("王先生", &[], None).await;
        assert!(gone.expect("some are here, under the name as it is looked up") > 0);
        import.go_on().await;
        assert_eq!(count(&records).await, 0, "{}", place.name);
        let audit = records.audit().await.expect("readable");
        let told = audit.iter().find(|entry| entry.detail.contains("left out"));
        assert!(told.is_some(), "{audit:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whom_an_import_has_yet_to_bring_can_be_deleted_too() {
    let donor = sqlite();
    let donor = donor.open().await;
    for number in 0..60 {
        let customer = if number < 59 {
            "王先生"
        } else {
            "李女士"
        };
        let reply = "灯亮着。".repeat(200);
        said(&donor, Some(customer), &format!("机器 {number}？"), &reply).await;
    }
    let whole = export(&donor, ExportPictures::Bytes).await;
    for place in places().await {
        let records = place.open().await;
        let import = Halted::in_the_middle_of(&whole, &records).await;
        let known = records.customer("李女士").await.expect("she may come");
        assert_eq!((known.conversations, known.importing), (0, true));
        let gone = records.delete_customer("李女士", &[], None).await;
        assert_eq!(gone, Ok(0), "{}: nothing of hers is here yet", place.name);
        import.go_on().await;
        let names = records.customers(None).await.expect("listed");
        assert_eq!(names, ["王先生"], "{}", place.name);
        let audit = records.audit().await.expect("readable");
        let told = audit
            .iter()
            .find(|entry| entry.detail.contains("1 conversations deleted"));
        assert!(told.is_some(), "{audit:?}");
        // Nobody brings her now: the name is one that nobody has.
        let refusal = records.delete_customer("李女士", &[], None).await;
        assert_eq!(
            refusal.expect_err("nobody").code,
            Code::CustomerUnknown,
            "{}",
            place.name
        );
        // Brought once more, she is wanted.
        let source = Box::new(Cursor::new(whole.clone()));
        records.import(source, None).await.expect("imported");
        let known = records.customer("李女士").await.expect("she came");
        assert_eq!((known.conversations, known.importing), (1, false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_an_import_needs_is_not_deleted_under_it() {
    let donor = sqlite();
    let donor = donor.open().await;
    let mut ids: Vec<ConversationId> = Vec::new();
    for number in 0..60 {
        let id = conversation(&donor, None).await;
        let mut asked = question(id, &format!("机器 {number}？"));
        if number % 59 == 0 {
            asked.pictures = vec![picture("of the first and the last")];
        }
        let begun = donor.begin_round(asked).await.expect("asked");
        let reply = "灯亮着。".repeat(200);
        answer(&donor, begun.answer, &reply, &[]).await;
        ids.push(id);
    }
    let whole = export(&donor, ExportPictures::Bytes).await;
    for place in places().await {
        let records = place.open().await;
        let import = Halted::in_the_middle_of(&whole, &records).await;
        while records.conversation(ids[0]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        records.delete_for_good(ids[0], None).await.expect("gone");
        records.sweep().await.expect("swept");
        import.go_on().await;
        let last = records.conversation(ids[59]).await.expect("there");
        assert_eq!(last.rounds[0].pictures.len(), 1);
        let id = last.rounds[0].pictures[0].id;
        assert!(records.picture(id).await.expect("readable").is_some());
        assert_eq!(count(&records).await, 59);
    }
}

#[tokio::test]
async fn a_link_to_a_conversation_that_is_not_here_is_left_out_and_everything_else_comes() {
    let donor = sqlite();
    let donor = donor.open().await;
    let first = said(&donor, None, "错误码？", "E1").await;
    let follows = async |before| {
        let new = NewConversation {
            follows: Some(before),
            ..NewConversation::default()
        };
        let id = donor.create(new).await.expect("begun").summary.id;
        let begun = ask(&donor, id, "这张呢？").await;
        answer(&donor, begun.answer, "正常。", &[]).await;
        id
    };
    let second = follows(first).await;
    let third = follows(second).await;
    let whole = export(&donor, ExportPictures::Bytes).await;
    let of = async |conversation| {
        let wish = ExportWish {
            conversation: Some(conversation),
            ..ExportWish::default()
        };
        export_of(&donor, wish).await.expect("exported")
    };
    let (only_first, only_second) = (of(first).await, of(second).await);
    // A file from elsewhere may put the later ones first, and one that continues itself.
    let mut turned: serde_json::Value = serde_json::from_slice(&whole).expect("JSON");
    let list = turned["conversations"].as_array_mut().expect("a list");
    list[0]["follows"] = list[0]["id"].clone();
    list.reverse();
    let turned = turned_in_order(&turned);
    for place in places().await {
        let links = async |records: &Records| {
            let mut links = Vec::new();
            for id in [first, second, third] {
                let found = records.conversation(id).await.map(|one| one.summary);
                links.push(found.ok().and_then(|summary| summary.follows));
            }
            links
        };
        let bring = async |records: &Records, file: &[u8]| {
            let source = Box::new(Cursor::new(file.to_vec()));
            records.import(source, None).await.expect("imported")
        };
        // Out and in again: the one before was deleted, or is not in the file.
        let records = place.open().await;
        assert_eq!(bring(&records, &only_second).await.rounds, 1);
        assert_eq!(links(&records).await, [None; 3], "{}", place.name);
        let again = export(&records, ExportPictures::Bytes).await;
        bring(&records, &again).await;
        assert_eq!(export(&records, ExportPictures::Bytes).await, again);
        // The rest brings the link.
        bring(&records, &only_first).await;
        assert_eq!(links(&records).await, [None; 3], "{}", place.name);
        bring(&records, &only_second).await;
        assert_eq!(links(&records).await, [None, Some(first), None]);
        bring(&records, &turned).await;
        assert_eq!(links(&records).await, [None, Some(first), Some(second)]);
        assert_eq!(export(&records, ExportPictures::Bytes).await, whole);
        // Deleted for good here, it is nobody's predecessor any more.
        records.delete_for_good(second, None).await.expect("gone");
        assert_eq!(links(&records).await, [None; 3]);
    }
}

/// An export whose fields stand in their order again.
fn turned_in_order(file: &serde_json::Value) -> Vec<u8> {
    let fields = ["schema", "version", "pictures", "roles", "conversations"];
    let fields = fields.map(|name| format!("\"{name}\":{}", file[name]));
    format!("{{{}}}", fields.join(",")).into_bytes()
}

#[tokio::test]
async fn a_question_that_was_edited_later_is_replaced_on_import_too() {
    for place in places().await {
        let here = sqlite();
        let (here, there) = (here.open().await, place.open().await);
        let id = said(&here, None, "错误码？", "E1").await;
        let early = export(&here, ExportPictures::Bytes).await;
        let source = Box::new(Cursor::new(early));
        there.import(source, None).await.expect("imported");
        let first = here.conversation(id).await.expect("there").rounds[0].id;
        let mut edit = question(id, "错误码是哪一个？");
        edit.replaces = Some(first);
        let begun = here.begin_round(edit).await.expect("edited");
        answer(&here, begun.answer, "E2", &[]).await;
        let late = export(&here, ExportPictures::Bytes).await;
        let source = Box::new(Cursor::new(late.clone()));
        let imported = there.import(source, None).await.expect("imported");
        assert_eq!((imported.rounds, imported.answers), (1, 1));
        let rounds = there.conversation(id).await.expect("there").rounds;
        assert_eq!(rounds, here.conversation(id).await.expect("there").rounds);
        // Figures and search follow.
        let insights = there.insights(&InsightsWish::default()).await;
        assert_eq!(insights.expect("counted").questions, 1);
        let filter = ConversationFilter {
            query: Some("E1".into()),
            ..ConversationFilter::default()
        };
        let found = there.list(&filter).await.expect("listed").conversations;
        assert!(found.is_empty(), "{found:?}");
        let whole = here.conversation(id).await.expect("there").summary;
        let came = there.conversation(id).await.expect("there").summary;
        assert_eq!(came.round_count, whole.round_count);
    }
}

#[tokio::test]
async fn a_picture_is_as_large_as_it_turns_out_to_be_whatever_the_file_says() {
    let donor = sqlite();
    let donor = donor.open().await;
    let id = conversation(&donor, None).await;
    let mut asked = question(id, "?");
    asked.pictures = vec![picture("label")];
    donor.begin_round(asked).await.expect("asked");
    let file = String::from_utf8(export(&donor, ExportPictures::Bytes).await).expect("UTF-8");
    let look = || {
        std::sync::Arc::new(|_: &[u8]| {
            Some(PictureSize {
                width: 640,
                height: 480,
            })
        })
    };
    for place in places().await {
        let records = place.open().await;
        for wrong in ["\"tokens\":0", "\"tokens\":4294967295"] {
            let file = file.replacen("\"tokens\":300", wrong, 1);
            let source = Box::new(Cursor::new(file.into_bytes()));
            let refusal = records.import_checked(source, None, look()).await;
            assert_eq!(refusal.expect_err("unfit").code, Code::ImportUnfit);
        }
        let lying = file.replacen("\"width\":640", "\"width\":64000", 1);
        let source = Box::new(Cursor::new(lying.into_bytes()));
        let imported = records.import_checked(source, None, look()).await;
        assert_eq!(imported.expect("imported").damaged_pictures, 0);
        let shown = records.conversation(id).await.expect("there").rounds[0].pictures[0].clone();
        assert_eq!((shown.width, shown.height), (640, 480));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_waits_for_no_import() {
    let whole = file(400).await;
    for place in places().await {
        let records = place.open().await;
        let own = conversation(&records, None).await;
        let this = records.clone();
        let source = Box::new(Cursor::new(whole.clone()));
        let importing = tokio::spawn(async move { this.import(source, None).await });
        let (mut asked, mut longest) = (0, Duration::ZERO);
        let began = Instant::now();
        while !importing.is_finished() {
            let begin = Instant::now();
            let begun = ask(&records, own, "保修期多久？").await;
            answer(&records, begun.answer, "一年。", &[]).await;
            longest = longest.max(begin.elapsed());
            asked += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        importing.await.expect("no panic").expect("imported");
        assert!(asked > 3, "{}: asked {asked} times", place.name);
        // Two turns, each after one of the import's; a loaded machine is slow for both.
        let (name, whole) = (place.name, began.elapsed());
        let limit = Duration::from_secs(1).max(whole / 3);
        assert!(longest < limit, "{name}: {longest:?} of {whole:?}");
        assert_eq!(
            groups(&records).await.iter().map(|g| g.1).max(),
            Some(asked)
        );
    }
}
