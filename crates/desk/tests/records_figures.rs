//! Every figure of the insights against the list it opens, and both against a plain count of what was
//! brought in: several hundred conversations with every mark there is.

mod common;

use std::collections::BTreeSet;
use std::io::Cursor;

use common::places;
use desk::records::{
    ConversationFilter, ConversationId, DoubtfulString, Insights, InsightsWish, Records, Thumb,
};
use serde_json::{Value, json};

const CONVERSATIONS: u64 = 400;
const BEGIN: i64 = 1_760_000_000_000;
const HOUR_MS: i64 = 60 * 60 * 1000;
/// So different that each is a group of its own.
const QUESTIONS: [&str; 6] = [
    "错误码是什么？",
    "保修期到什么时候？",
    "怎么恢复出厂设置？",
    "How much does the battery weigh?",
    "Which colour has the lamp on the left?",
    "Is the seal of the box broken?",
];

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// A round that counts, as a plain reader sees it.
#[derive(Clone, Debug)]
struct Counted {
    conversation: u64,
    asked_at: i64,
    question: usize,
    answered: bool,
    /// How its newest answer ended.
    state: &'static str,
    doubtful: bool,
    up: u64,
    down: u64,
}

/// What was brought in.
#[derive(Default)]
struct Plain {
    rounds: Vec<Counted>,
    /// Of each conversation that counts: whether it was judged, whether it is solved, how many rounds.
    conversations: Vec<(u64, Option<bool>, u64)>,
}

fn id(kind: u64, number: u64) -> String {
    format!("019a0000-0000-7{kind:03x}-8000-{number:012x}")
}

fn answer(chance: &mut Chance, number: u64, at: i64, round: &mut Counted) -> Value {
    let (state, thumb) = (chance.below(8), chance.below(5));
    let state = *["failed", "cancelled", "left", "interrupted"]
        .get(state as usize)
        .unwrap_or(&"done");
    round.state = state;
    let certainty = ["certain", "check", "doubtful"][chance.below(3) as usize];
    if state == "done" {
        // The newest finished answer counts.
        round.answered = true;
        round.doubtful = certainty == "doubtful";
    }
    let thumb = match thumb {
        0 => Some("up"),
        1 => Some("down"),
        _ => None,
    };
    round.up += u64::from(thumb == Some("up"));
    round.down += u64::from(thumb == Some("down"));
    json!({
        "id": id(2, number), "created_at": at, "state": state, "text": "E-102 is shown.",
        "tokens": [[5, -12]], "finish_reason": null, "usage": null,
        "marks": [{"start": 0, "end": 5, "probability": 0.5, "certainty": certainty}],
        "timings": {"image_ms": 1.0, "vision_ms": 2.0, "prefill_ms": 3.0, "ttft_ms": 120.0,
            "decode_ms": 5.0, "decode_tokens_per_s": 20.0},
        "problem": null, "feedback": {"thumb": thumb, "correction": null},
        "evidence": [], "readings": [], "settings": null,
    })
}

/// An export, and what a plain reader counts in it. Conversations whose number `binned` names do not
/// count.
fn export(binned: impl Fn(u64) -> bool) -> (String, Plain) {
    let mut plain = Plain::default();
    let mut conversations = Vec::new();
    let mut made = 0;
    for number in 0..CONVERSATIONS {
        let mut chance = Chance(number);
        let mut at = BEGIN + chance.below(60 * 24 * 60) as i64 * 60_000;
        let created_at = at;
        let count = chance.below(5);
        let mut rounds = Vec::new();
        let mut counting = 0;
        for index in 0..count {
            made += 1;
            let question = chance.below(QUESTIONS.len() as u64) as usize;
            let mut round = Counted {
                conversation: number,
                asked_at: at,
                question,
                answered: false,
                state: "",
                doubtful: false,
                up: 0,
                down: 0,
            };
            let answers: Vec<_> = (0..=chance.below(2))
                .map(|again| answer(&mut chance, made * 10 + again, at, &mut round))
                .collect();
            // An edit has replaced it with the one behind it.
            let replaced = index + 1 < count && chance.one_in(6);
            rounds.push(json!({
                "id": id(1, made), "asked_at": at, "question": QUESTIONS[question],
                "pictures": [], "role": "", "settings": {}, "remembered_rounds": 5, "asker": null,
                "replaced_by": replaced.then(|| id(1, made + 1)), "answers": answers,
            }));
            if !replaced {
                counting += 1;
                if !binned(number) {
                    plain.rounds.push(round);
                }
            }
            at += chance.below(90 * 60_000) as i64;
        }
        let verdict = match chance.below(4) {
            0 => None,
            1 => Some("handed_over"),
            2 => Some("wrong"),
            _ => Some("solved"),
        };
        if !binned(number) {
            let solved = verdict.map(|verdict| verdict == "solved");
            plain.conversations.push((number, solved, counting));
        }
        conversations.push(json!({
            "id": id(0, number), "title": format!("Matter {number}"), "customer": null,
            "verdict": verdict, "pinned": chance.one_in(50), "follows": null,
            "created_at": created_at, "updated_at": at, "rounds": rounds,
        }));
    }
    let whole = json!({
        "schema": "lookdesk-records", "version": 1, "pictures": [], "roles": [],
        "conversations": conversations,
    });
    // The fields have an order.
    let order = ["schema", "version", "pictures", "roles", "conversations"];
    let fields: Vec<_> = order
        .map(|name| format!("\"{name}\":{}", whole[name]))
        .into();
    (format!("{{{}}}", fields.join(",")), plain)
}

/// The numbers of the conversations a filter lists, page after page.
async fn listed(records: &Records, filter: &ConversationFilter) -> Vec<u64> {
    let mut filter = ConversationFilter {
        limit: Some(37),
        ..filter.clone()
    };
    let mut found = Vec::new();
    loop {
        let page = records.list(&filter).await.expect("a page");
        let numbers = page.conversations.iter().map(|one| {
            let id = one.id.to_string();
            u64::from_str_radix(&id[id.len() - 12..], 16).expect("a number")
        });
        found.extend(numbers);
        match page.next_cursor {
            Some(cursor) => filter.cursor = Some(cursor),
            None => return found,
        }
    }
}

/// A figure that counts rounds opens their conversations, each once, and no other.
async fn opens(
    records: &Records,
    what: &str,
    figure: u64,
    filter: &ConversationFilter,
    rounds: &[&Counted],
    weight: impl Fn(&Counted) -> u64,
) {
    let counted: u64 = rounds.iter().map(|round| weight(round)).sum();
    assert_eq!(figure, counted, "{what}");
    let expected: BTreeSet<_> = rounds
        .iter()
        .filter(|round| weight(round) > 0)
        .map(|round| round.conversation)
        .collect();
    let found = listed(records, filter).await;
    assert_eq!(found.len(), expected.len(), "{what}: {filter:?}");
    assert_eq!(
        found.into_iter().collect::<BTreeSet<_>>(),
        expected,
        "{what}"
    );
}

/// Which local hour since Monday, 00:00, an instant lies in.
fn hour_of_week(at: i64, offset_minutes: i64) -> (usize, usize) {
    let hours = (at + offset_minutes * 60_000).div_euclid(HOUR_MS);
    let days = hours.div_euclid(24);
    // 1970 began on a Thursday.
    (
        (days + 3).rem_euclid(7) as usize,
        hours.rem_euclid(24) as usize,
    )
}

async fn check(records: &Records, plain: &Plain, wish: InsightsWish) {
    let insights: Insights = records.insights(&wish).await.expect("figures");
    let in_time =
        |at: i64| wish.from.is_none_or(|from| at >= from) && wish.to.is_none_or(|to| at < to);
    let rounds: Vec<_> = plain
        .rounds
        .iter()
        .filter(|round| in_time(round.asked_at))
        .collect();
    assert!(rounds.len() > 100, "enough to say something");
    let span = ConversationFilter {
        from: wish.from,
        to: wish.to,
        utc_offset_minutes: wish.utc_offset_minutes,
        ..ConversationFilter::default()
    };
    let one = |_: &Counted| 1;
    opens(
        records,
        "questions",
        insights.questions,
        &span_or_all(&span),
        &rounds,
        one,
    )
    .await;
    let asked: BTreeSet<_> = rounds.iter().map(|round| round.conversation).collect();
    assert_eq!(insights.conversations, asked.len() as u64);
    let doubtful = ConversationFilter {
        doubtful: Some(true),
        ..span.clone()
    };
    let doubt = |round: &Counted| u64::from(round.doubtful);
    let figure = insights.doubtful_answers;
    opens(records, "doubtful", figure.count, &doubtful, &rounds, doubt).await;
    let answered = rounds.iter().filter(|round| round.answered).count();
    assert!((figure.share - figure.count as f64 / answered as f64).abs() < 1e-9);
    let certain = ConversationFilter {
        doubtful: Some(false),
        ..span.clone()
    };
    let sure = |round: &Counted| u64::from(round.answered && !round.doubtful);
    opens(
        records,
        "certain",
        answered as u64 - figure.count,
        &certain,
        &rounds,
        sure,
    )
    .await;
    let mut without_answer = 0;
    for ended in &insights.unanswered {
        let filter = ConversationFilter {
            unanswered: Some(ended.state),
            ..span.clone()
        };
        let state = serde_json::to_value(ended.state).expect("a word");
        let fits = |round: &Counted| u64::from(!round.answered && round.state == state);
        opens(records, "unanswered", ended.count, &filter, &rounds, fits).await;
        assert!(ended.count > 0, "{state} is among them");
        without_answer += ended.count;
    }
    assert_eq!(without_answer, (rounds.len() - answered) as u64);
    let thumb = |thumb| ConversationFilter {
        thumb: Some(thumb),
        ..span.clone()
    };
    let thumbs = insights.thumbs;
    opens(
        records,
        "up",
        thumbs.up,
        &thumb(Thumb::Up),
        &rounds,
        |round| round.up,
    )
    .await;
    opens(
        records,
        "down",
        thumbs.down,
        &thumb(Thumb::Down),
        &rounds,
        |round| round.down,
    )
    .await;

    // Solutions count conversations, so the list is as long as the figure says.
    let mut judged = 0;
    for after in &insights.rounds_to_solution {
        let fits = |count: u64| match after.rounds {
            3 => count >= 3,
            rounds => count == u64::from(rounds),
        };
        let solved: BTreeSet<_> = plain
            .conversations
            .iter()
            .filter(|(number, solved, count)| {
                *solved == Some(true) && fits(*count) && asked.contains(number)
            })
            .map(|(number, ..)| *number)
            .collect();
        let filter = ConversationFilter {
            solved_in: Some(after.rounds),
            ..span.clone()
        };
        let found = listed(records, &filter).await;
        assert_eq!(
            after.count,
            found.len() as u64,
            "solved in {}",
            after.rounds
        );
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), solved);
    }
    for (number, solved, _) in &plain.conversations {
        judged += u64::from(solved.is_some() && asked.contains(number));
    }
    let first = insights.solved_in_first_round;
    assert_eq!(first.count, insights.rounds_to_solution[0].count);
    assert!((first.share - first.count as f64 / judged as f64).abs() < 1e-9);

    assert_eq!(insights.groups.len(), QUESTIONS.len());
    for group in &insights.groups {
        let of_group: Vec<_> = rounds
            .iter()
            .copied()
            .filter(|round| QUESTIONS[round.question] == group.label)
            .collect();
        let filter = ConversationFilter {
            group: Some(group.id),
            ..span.clone()
        };
        opens(records, &group.label, group.count, &filter, &of_group, one).await;
        assert_eq!(group.trend.iter().sum::<u64>(), group.count);
    }

    let offset = i64::from(wish.utc_offset_minutes.unwrap_or(0));
    for (weekday, hours) in insights.by_hour.iter().enumerate() {
        for (hour, figure) in hours.iter().enumerate().step_by(5) {
            let then: Vec<_> = rounds
                .iter()
                .copied()
                .filter(|round| hour_of_week(round.asked_at, offset) == (weekday, hour))
                .collect();
            let filter = ConversationFilter {
                weekday: Some(weekday as u8),
                hour: Some(hour as u8),
                ..span.clone()
            };
            opens(records, "an hour", *figure, &filter, &then, one).await;
        }
    }

    let mut days = 0;
    for day in &insights.ttft_by_day {
        let begin = date_ms(&day.day) - offset * 60_000;
        let filter = ConversationFilter {
            from: Some(begin.max(wish.from.unwrap_or(begin))),
            to: Some((begin + 24 * HOUR_MS).min(wish.to.unwrap_or(i64::MAX))),
            ..ConversationFilter::default()
        };
        let on_day: Vec<_> = rounds
            .iter()
            .copied()
            .filter(|round| (begin..begin + 24 * HOUR_MS).contains(&round.asked_at))
            .collect();
        opens(records, &day.day, day.questions, &filter, &on_day, one).await;
        days += day.questions;
    }
    assert_eq!(days, insights.questions);
    // Every doubtful answer of the records doubts the same string.
    let in_doubt = rounds.iter().filter(|round| round.doubtful);
    let where_in_doubt: BTreeSet<u64> = in_doubt.clone().map(|round| round.conversation).collect();
    let times = in_doubt.count() as u64;
    let counts = |doubt: &DoubtfulString| (doubt.text.clone(), doubt.count, doubt.conversations);
    let told: Vec<_> = insights.doubtful_strings.iter().map(counts).collect();
    let whole = ("E-102".to_owned(), times, where_in_doubt.len() as u64);
    assert_eq!(told, Vec::from_iter(Some(whole).filter(|_| times > 0)));
    assert_eq!(insights.doubtful_strings_of, times);
    for string in ["E-102", "E-10", "e-102", ""] {
        let with_it = ConversationFilter {
            doubtful_string: Some(string.to_owned()),
            ..span.clone()
        };
        let found: BTreeSet<_> = listed(records, &with_it).await.into_iter().collect();
        let expected = match string {
            "E-102" => where_in_doubt.clone(),
            _ => BTreeSet::new(),
        };
        assert_eq!(found, expected, "{string}");
    }
    for doubt in &insights.doubtful_strings {
        let with_it = ConversationFilter {
            query: Some(doubt.text.clone()),
            ..doubtful.clone()
        };
        let found = listed(records, &with_it).await;
        assert!(
            found
                .iter()
                .any(|number| id(0, *number) == doubt.conversation.to_string())
        );
        // Every answer says it: page after page, none is left out and none comes twice.
        assert_eq!(found.len(), where_in_doubt.len());
        assert_eq!(BTreeSet::from_iter(found), where_in_doubt);
    }
}

/// Over all time the link of all questions names no time, and with no filter at all a conversation
/// nobody asked in is listed too; so the list of questions begins at the first instant.
fn span_or_all(span: &ConversationFilter) -> ConversationFilter {
    ConversationFilter {
        from: span.from.or(Some(0)),
        ..span.clone()
    }
}

/// The first instant of a day of UTC.
fn date_ms(day: &str) -> i64 {
    let parts: Vec<i64> = day
        .split('-')
        .map(|part| part.parse().expect("a number"))
        .collect();
    let [year, month, date] = parts[..] else {
        panic!("{day}")
    };
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let of_year = |year: i64| if leap(year) { 366 } else { 365 };
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before: i64 = months[..month as usize - 1].iter().sum();
    let days: i64 = (1970..year).map(of_year).sum::<i64>() + before + date - 1;
    days * 24 * HOUR_MS
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_is_as_large_as_the_list_behind_it() {
    for place in places().await {
        let records = place.open().await;
        let (file, plain) = export(|number| number % 11 == 7);
        let source = Box::new(Cursor::new(file.into_bytes()));
        let imported = records.import(source, None).await.expect("an export");
        assert_eq!(imported.conversations, CONVERSATIONS, "{}", place.name);
        for number in (0..CONVERSATIONS).filter(|number| number % 11 == 7) {
            let id: ConversationId = id(0, number).parse().expect("an id");
            records.delete(id, None).await.expect("into the bin");
        }
        let middle = BEGIN + 20 * 24 * HOUR_MS + 12_345;
        for wish in [
            InsightsWish::default(),
            InsightsWish {
                from: Some(BEGIN + 5 * 24 * HOUR_MS),
                to: Some(middle),
                utc_offset_minutes: Some(480),
            },
            InsightsWish {
                from: Some(middle),
                to: None,
                utc_offset_minutes: Some(-210),
            },
        ] {
            check(&records, &plain, wish).await;
        }
        records.close().await;
    }
}
