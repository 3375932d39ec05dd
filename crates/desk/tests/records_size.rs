//! How fast the records are when there are many: 100,000 messages and 10,000 pictures, within 100 ms.
//!
//! A tenth of them is measured with every run of the tests, against a bound that is smaller as well. The
//! whole takes minutes, and is measured by hand:
//!
//! `tools/postgres.sh run cargo test -p desk --release --test records_size -- --ignored --nocapture`

#![expect(clippy::print_stderr, reason = "a measurement is there to be read")]

mod common;

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Place, answer, ask, places};
use desk::PictureId;
use desk::records::{
    ConversationFilter, ConversationId, InsightsWish, NewConversation, NewWords, Records, RoundId,
    Thumb, Verdict,
};
use serde_json::json;

/// Rounds of a conversation; each is a question and an answer, and the first has a picture.
const ROUNDS: u64 = 5;

/// How many conversations there are, and how long a list, a search or the insights may take.
struct Size {
    conversations: u64,
    limit: Duration,
}

/// 100,000 messages; the limit is what people do not wait for.
const WHOLE: Size = Size {
    conversations: 10_000,
    limit: Duration::from_millis(100),
};
/// A tenth of it. What takes longer the more there is takes a tenth of the time; the rest of the bound
/// is for a program that was built without optimisation.
const TENTH: Size = Size {
    conversations: 1_000,
    limit: Duration::from_millis(50),
};
/// How often a tenth is measured, until it is as fast as it should be: other work on the machine makes
/// it slow now and then, a lost index each time.
const TRIES: u32 = 5;
/// How long a question may wait for an import.
const PATIENCE: Duration = Duration::from_secs(1);

/// The records of one year.
const BEGIN: i64 = 1_760_000_000_000;
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1000;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.next(of.len() as u64) as usize]
    }
}

const THINGS: &[&str] = &[
    "路由器",
    "电饭煲",
    "空调",
    "洗衣机",
    "打印机",
    "摄像头",
    "热水器",
    "净水器",
    "冰箱",
    "电视",
    "吸尘器",
    "投影仪",
];
const ASKED: &[&str] = &[
    "错误码是什么？",
    "型号是多少？",
    "生产日期是哪一天？",
    "怎么恢复出厂设置？",
    "保修期到什么时候？",
    "灯为什么不亮？",
    "为什么不加热？",
    "漏水怎么办？",
    "声音很大正常吗？",
    "序列号在哪里？",
    "怎么连接无线网？",
    "滤芯要换吗？",
    "额定功率是多少？",
    "容量是多少升？",
    "遥控器没有反应",
    "门打不开",
    "屏幕上写的什么？",
    "可以退货吗？",
];
const SAID: &[&str] = &[
    "从图片上看，机身铭牌位于背面右下角，上面清楚地印着型号和序列号。",
    "请先断开电源，等待三十秒后再重新接通，观察指示灯是否恢复正常。",
    "图片中的这一部分有反光，无法看清，请换一个角度再拍一张。",
    "根据图中的两条线索推断，可能是进水管没有完全打开，但不能确定。",
    "如果问题仍然存在，请联系售后服务人员上门检查，并出示购买凭证。",
    "说明书第十二页有对应的操作步骤，请按照图示依次完成。",
];

fn uuid(kind: u64, number: u64) -> String {
    format!(
        "019a0000-{:04x}-7{kind:03x}-8000-{number:012x}",
        number % 0xffff
    )
}

fn picture_bytes(number: u64) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), &number.to_be_bytes()].concat()
}

fn picture(number: u64) -> String {
    let bytes = picture_bytes(number);
    let picture = json!({
        "id": PictureId::of(&bytes), "media_type": "image/png", "width": 640, "height": 480,
        "tokens": 300, "bytes": bytes.len(), "data": base64(&bytes),
    });
    picture.to_string()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            text.push(match at <= chunk.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]),
                false => '=',
            });
        }
    }
    text
}

fn conversation(number: u64, of: u64) -> String {
    let mut chance = Chance(number);
    let mut at = BEGIN + (YEAR_MS / of * number) as i64;
    let created_at = at;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let number = number * ROUNDS + round;
        let code = format!("E-{}", chance.next(900) + 100);
        let mut question = format!("{}{}", chance.one(THINGS), chance.one(ASKED));
        if chance.next(10) == 0 {
            question = format!("{} {question} {code}", chance.one(SAID));
        }
        let said: Vec<_> = (0..4).map(|_| chance.one(SAID)).collect();
        let text = format!("{code}。{}", said.concat());
        let doubtful = chance.next(12) == 0;
        let marks = json!([{
            "start": 0, "end": code.len(), "probability": 0.5,
            "certainty": if doubtful { "doubtful" } else { "certain" },
        }]);
        let thumb = match chance.next(20) {
            0 => Some(Thumb::Down),
            1..4 => Some(Thumb::Up),
            _ => None,
        };
        let pictures: Vec<_> = (round == 0)
            .then(|| PictureId::of(&picture_bytes(number / ROUNDS)))
            .into_iter()
            .collect();
        rounds.push(json!({
            "id": uuid(1, number), "asked_at": at, "question": question, "pictures": pictures,
            "role": "你是一名专业的售后客服。根据图片回答客户的问题，简洁、礼貌。", "settings": {"temperature": 0.25},
            "remembered_rounds": 5, "asker": null, "replaced_by": null,
            "answers": [{
                "id": uuid(2, number), "created_at": at, "state": "done", "text": text,
                "tokens": vec![(2, -12); 60], "marks": marks, "finish_reason": "stop",
                "usage": {"prompt_tokens": 900, "image_tokens": 300, "cached_tokens": 0, "completion_tokens": 80},
                "timings": {"image_ms": 1.0, "vision_ms": 2.0, "prefill_ms": 3.0,
                    "ttft_ms": chance.next(400_000) as f64 / 100.0, "decode_ms": 5.0, "decode_tokens_per_s": 20.0},
                "problem": null, "feedback": {"thumb": thumb, "correction": null},
                "evidence": [], "readings": [], "settings": null,
            }],
        }));
        at += chance.next(600_000) as i64;
    }
    let verdict = match chance.next(4) {
        0 => Some(Verdict::Solved),
        1 => Some(Verdict::HandedOver),
        _ => None,
    };
    let whole = json!({
        "id": uuid(0, number), "title": format!("{} {number}", chance.one(THINGS)),
        "customer": format!("客户{}", number % 3000), "verdict": verdict, "pinned": number.is_multiple_of(1000),
        "follows": null, "created_at": created_at, "updated_at": at, "rounds": rounds,
    });
    whole.to_string()
}

/// An export of so many conversations, made while it is read.
struct File {
    conversations: u64,
    next: u64,
    piece: Cursor<Vec<u8>>,
}

impl File {
    fn make(&mut self) -> Option<String> {
        let at = self.next;
        self.next += 1;
        let all = self.conversations;
        Some(match at {
            0 => r#"{"schema":"lookdesk-records","version":1,"pictures":["#.into(),
            _ if at <= all => format!("{}{}", if at == 1 { "" } else { "," }, picture(at - 1)),
            _ if at == all + 1 => r#"],"roles":[],"conversations":["#.into(),
            _ if at <= 2 * all + 1 => {
                let number = at - all - 2;
                let comma = if number == 0 { "" } else { "," };
                format!("{comma}{}", conversation(number, all))
            }
            _ if at == 2 * all + 2 => "]}".into(),
            _ => return None,
        })
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.piece.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.make() {
                Some(piece) => self.piece = Cursor::new(piece.into_bytes()),
                None => return Ok(0),
            }
        }
    }
}

/// Time on the processor that this program has taken, where the system tells: other programs on the
/// machine do not lengthen it. A database server's is not in it.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|n| n.parse().ok())
        .collect();
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        assert_eq!(to, SeekFrom::Start(0), "it is only ever begun again");
        self.next = 0;
        self.piece = Cursor::default();
        Ok(0)
    }
}

/// Asks one question after another until it is told to end; says how often and how long it took at
/// the longest to store one, with its answer.
async fn somebody_asks(records: Records, ended: Arc<AtomicBool>) -> (u32, Duration) {
    let begun = records.create(NewConversation::default()).await;
    let id = begun.expect("begun").summary.id;
    let (mut asked, mut longest) = (0, Duration::ZERO);
    while !ended.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let begun = ask(&records, id, "保修期多久？").await;
        answer(&records, begun.answer, "一年。", &[]).await;
        longest = longest.max(begin.elapsed());
        asked += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    records.delete_for_good(id, None).await.expect("deleted");
    (asked, longest)
}

/// How long something took, of nine times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Took {
    middle: Duration,
    best: Duration,
}

impl Took {
    fn or(self, other: Self) -> Self {
        Self {
            middle: self.middle.max(other.middle),
            best: self.best.max(other.best),
        }
    }
}

/// Runs something a few times, prints how long it took, and returns it.
async fn time(name: &str, run: impl AsyncFn() -> usize) -> Took {
    let mut times = Vec::new();
    let mut hits = 0;
    let before = processor();
    for _ in 0..9 {
        let begin = Instant::now();
        hits = run().await;
        times.push(begin.elapsed());
    }
    let own = (processor() - before) / 9;
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    eprintln!(
        "  {name:<44} {:>7.1} ms  (worst {:>7.1}, own processor {:>5.1}, {hits} hits)",
        ms(times[4]),
        ms(times[8]),
        ms(own)
    );
    Took {
        middle: times[4],
        best: times[0],
    }
}

/// Fills the records, while somebody asks; says how long they waited for that.
async fn fill(place: &Place, records: &Records, conversations: u64) -> Duration {
    let begin = Instant::now();
    let file = File {
        conversations,
        next: 0,
        piece: Cursor::default(),
    };
    let ended = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(somebody_asks(records.clone(), ended.clone()));
    let imported = records
        .import(Box::new(file), None)
        .await
        .expect("imported");
    ended.store(true, Ordering::Relaxed);
    assert_eq!(imported.rounds, conversations * ROUNDS);
    assert_eq!(imported.pictures, conversations);
    eprintln!(
        "{}: imported in {:.1} s",
        place.name,
        begin.elapsed().as_secs_f64()
    );
    let (asked, longest) = asking.await.expect("no panic");
    eprintln!(
        "  meanwhile somebody asked {asked} times, and waited at most {:.0} ms",
        longest.as_secs_f64() * 1000.0
    );
    longest
}

/// The slowest of everything that people look at.
async fn measure(records: &Records, conversations: u64) -> Took {
    let none = ConversationFilter::default;
    let list = async |filter: ConversationFilter| {
        records
            .list(&filter)
            .await
            .expect("listed")
            .conversations
            .len()
    };
    let mut slowest = Took::default();
    let insights = records
        .insights(&InsightsWish::default())
        .await
        .expect("counted");
    let month = (
        BEGIN + YEAR_MS as i64 / 2,
        BEGIN + YEAR_MS as i64 / 2 + 30 * 86_400_000,
    );
    let mut lists = vec![
        ("list", none()),
        (
            "list of a customer",
            ConversationFilter {
                customer: Some("客户17".into()),
                ..none()
            },
        ),
        (
            "list of a verdict",
            ConversationFilter {
                verdict: Some(Verdict::Wrong),
                ..none()
            },
        ),
        (
            "list of a month",
            ConversationFilter {
                from: Some(month.0),
                to: Some(month.1),
                ..none()
            },
        ),
        (
            "list of the largest group",
            ConversationFilter {
                group: Some(insights.groups[0].id),
                ..none()
            },
        ),
        (
            "list of a doubtful hour",
            ConversationFilter {
                doubtful: Some(true),
                hour: Some(3),
                weekday: Some(6),
                utc_offset_minutes: Some(480),
                ..none()
            },
        ),
        (
            "list of thumbs down",
            ConversationFilter {
                thumb: Some(Thumb::Down),
                ..none()
            },
        ),
        (
            "list of what was solved in 3",
            ConversationFilter {
                solved_in: Some(3),
                ..none()
            },
        ),
    ];
    for query in [
        "的",
        "图片",
        "路由器",
        "E-102",
        "e10",
        "路由器 E-102",
        "空调漏水怎么办",
        "说明书第十二页有对应的操作步骤",
        "nothing",
    ] {
        let name: &str = Box::leak(format!("search {query}").into_boxed_str());
        lists.push((
            name,
            ConversationFilter {
                query: Some(query.into()),
                ..none()
            },
        ));
    }
    for (name, filter) in lists {
        slowest = slowest.or(time(name, async || list(filter.clone()).await).await);
    }
    for (name, wish) in [
        (
            "insights of all time",
            InsightsWish {
                utc_offset_minutes: Some(480),
                ..InsightsWish::default()
            },
        ),
        (
            "insights of a month",
            InsightsWish {
                from: Some(month.0),
                to: Some(month.1),
                utc_offset_minutes: Some(480),
            },
        ),
    ] {
        let counted = async || records.insights(&wish).await.expect("counted").groups.len();
        slowest = slowest.or(time(name, counted).await);
    }
    let id: ConversationId = uuid(0, conversations / 2).parse().expect("an id");
    let whole = async || records.conversation(id).await.expect("there").rounds.len();
    slowest = slowest.or(time("a conversation whole", whole).await);
    let customers = async || records.customers(Some("17")).await.expect("listed").len();
    slowest = slowest.or(time("customers", customers).await);
    slowest
}

/// The slowest of what people write, once: the records grow by it.
async fn measure_writing(records: &Records, conversations: u64) -> Took {
    let mut slowest = Took::default();
    let id: ConversationId = uuid(0, conversations / 2).parse().expect("an id");
    let last = (conversations / 2 + 1) * ROUNDS - 1;
    let round: RoundId = uuid(1, last).parse().expect("an id");
    let again = async || {
        let answer = records.begin_answer(round, None).await.expect("begun");
        common::answer(records, answer, "E-102。", &[]).await;
        1
    };
    slowest = slowest.or(time("an answer begun and ended", again).await);
    let asked = async || {
        let begun = common::ask(records, id, "空调漏水怎么办？").await;
        let end = common::end(desk::records::AnswerState::Done, 1.0);
        let ended = records
            .finish_answer(begun.answer, NewWords::default(), end)
            .await;
        ended.expect("ended");
        1
    };
    slowest = slowest.or(time("a question stored with its answer", asked).await);
    slowest
}

/// Takes everything out, and a customer away.
async fn leave(records: &Records) {
    let begin = Instant::now();
    let file = common::export(records, desk::records::ExportPictures::Bytes).await;
    eprintln!(
        "  exported {} MB in {:.1} s",
        file.len() >> 20,
        begin.elapsed().as_secs_f64()
    );
    let begin = Instant::now();
    records
        .delete_customer("客户17", &[], None)
        .await
        .expect("deleted");
    eprintln!(
        "  a customer deleted for good in {:.1} s",
        begin.elapsed().as_secs_f64()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_are_listed_searched_and_counted_at_once() {
    let Size {
        conversations,
        limit,
    } = TENTH;
    for place in places().await {
        let records = place.open().await;
        fill(&place, &records, conversations).await;
        let mut best = measure(&records, conversations).await.best;
        for _ in 1..TRIES {
            if best < limit {
                break;
            }
            best = best.min(measure(&records, conversations).await.best);
        }
        assert!(best < limit, "{}: {best:?}, {limit:?} at most", place.name);
        records.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: a hundred thousand messages are written first"]
async fn a_hundred_thousand_messages_are_listed_searched_and_counted_in_a_tenth_of_a_second() {
    let Size {
        conversations,
        limit,
    } = WHOLE;
    let (mut slowest, mut waited) = (Vec::new(), Vec::new());
    for place in places().await {
        let records = place.open().await;
        waited.push((place.name, fill(&place, &records, conversations).await));
        let read = measure(&records, conversations).await;
        let written = measure_writing(&records, conversations).await;
        slowest.push((place.name, read.or(written).middle));
        leave(&records).await;
        records.close().await;
    }
    let is_fast = slowest.iter().all(|(_, took)| *took < limit);
    assert!(is_fast, "{slowest:?}, and {limit:?} at most");
    let nobody_waited = waited.iter().all(|(_, waited)| *waited < PATIENCE);
    assert!(nobody_waited, "{waited:?}, and {PATIENCE:?} at most");
}
