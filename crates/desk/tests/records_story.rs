//! One working day at the desk, played on every database there is.

mod common;

use common::{answer, ask, conversation, mark, picture, places, question, said};
use desk::records::{
    AnswerState, Certainty, ConversationChange, ConversationFilter, Evidence, EvidenceId, Feedback,
    FeedbackChange, GroupId, InsightsWish, NewConversation, NewRole, NewWords, Reading, ReadingId,
    Records, RoleChange, Thumb, Verdict,
};
use desk::{Code, PictureId};

async fn found(records: &Records, query: &str) -> Vec<String> {
    let filter = ConversationFilter {
        query: Some(query.into()),
        ..ConversationFilter::default()
    };
    let page = records.list(&filter).await.expect("listed");
    page.conversations
        .into_iter()
        .map(|found| found.title)
        .collect()
}

#[tokio::test]
async fn a_working_day_is_kept() {
    for place in places().await {
        let records = place.open().await;
        eprintln!("on {}", place.name);
        asking(&records).await;
        finding(&records).await;
        judging(&records).await;
        roles(&records).await;
        records.close().await;
    }
}

/// A conversation with pictures, an answer in pieces, another try, an edit.
async fn asking(records: &Records) {
    let id = conversation(records, Some("李女士")).await;
    let label = picture("label");
    let mut first = question(id, "屏幕上的错误码是什么？");
    first.pictures = vec![label.clone(), picture("back")];
    let begun = records.begin_round(first).await.expect("asked");
    assert_eq!(begun.title, "屏幕上的错误码是什么？");
    let running = records.conversation(id).await.expect("there");
    assert_eq!(running.rounds[0].answers[0].state, AnswerState::Running);
    assert_eq!(running.summary.picture, Some(label.id()));
    let refusal = records
        .begin_round(question(id, "?"))
        .await
        .expect_err("busy");
    assert_eq!(refusal.code, Code::AnswerRunning);

    let text = "错误码是 ";
    let words = NewWords {
        text,
        tokens: &common::tokens(text),
        marks: &[],
    };
    records.append(begun.answer, words).await.expect("appended");
    let doubtful = mark(5, 10, Certainty::Doubtful);
    answer(records, begun.answer, "E-102。", &[doubtful]).await;
    let refusal = records
        .append(begun.answer, NewWords::default())
        .await
        .expect_err("over");
    assert_eq!(refusal.code, Code::AnswerUnknown);

    let whole = records.conversation(id).await.expect("there");
    let round = &whole.rounds[0];
    assert_eq!(round.answers[0].text, "错误码是 E-102。");
    assert_eq!(round.answers[0].marks, [doubtful]);
    assert_eq!(round.answers[0].state, AnswerState::Done);
    assert_eq!(round.pictures.len(), 2);
    assert_eq!(round.settings.temperature, Some(0.25));
    let kept = records
        .picture(label.id())
        .await
        .expect("readable")
        .expect("kept");
    assert_eq!(kept, label);
    assert_eq!(
        records
            .picture(PictureId::of(b"?"))
            .await
            .expect("readable"),
        None
    );

    // Asked again: the newest done answer counts, so nothing is doubtful any more.
    let again = records
        .begin_answer(begun.round, None)
        .await
        .expect("again");
    answer(records, again, "错误码是 E-102。", &[]).await;
    let insights = records
        .insights(&InsightsWish::default())
        .await
        .expect("counted");
    assert_eq!(insights.doubtful_answers.count, 0);
    let third = records
        .begin_answer(begun.round, None)
        .await
        .expect("again");
    answer(records, third, "错误码是 E-102。", &[doubtful]).await;

    // A second question, edited afterwards.
    let second = ask(records, id, "AX73 的 WAN 灯亮了吗？").await;
    answer(records, second.answer, "没有亮。", &[]).await;
    let refusal = records
        .begin_answer(begun.round, None)
        .await
        .expect_err("older");
    assert_eq!(refusal.code, Code::RoundNotNewest);
    let mut edit = question(id, "AX73 的电源灯亮了吗？");
    edit.replaces = Some(second.round);
    let edited = records.begin_round(edit).await.expect("edited");
    answer(records, edited.answer, "亮，绿色。", &[]).await;
    let whole = records.conversation(id).await.expect("there");
    let questions: Vec<_> = whole
        .rounds
        .iter()
        .map(|round| round.question.as_str())
        .collect();
    assert_eq!(
        questions,
        ["屏幕上的错误码是什么？", "AX73 的电源灯亮了吗？"]
    );
    assert_eq!(whole.summary.round_count, 2);
    let replaced = records.round(second.round).await.expect("still there");
    assert_eq!(replaced.replaced_by, Some(edited.round));

    // What the model saw, and a closer look.
    let evidence = Evidence {
        id: EvidenceId::new(),
        picture: label.id(),
        label: "E-102".into(),
        area: [10, 20, 300, 400],
    };
    let reading = Reading {
        id: ReadingId::new(),
        picture: label.id(),
        area: [10, 20, 300, 400],
        was: "E-102".into(),
        start: None,
        text: "E-102".into(),
        agrees: true,
        probability: 0.99,
    };
    records
        .set_evidence(third, std::slice::from_ref(&evidence))
        .await
        .expect("stored");
    let kept = records.add_reading(third, reading.clone()).await;
    assert_eq!(kept.expect("stored"), reading);
    let found = records.answer(third).await.expect("there");
    assert_eq!(found.conversation, id);
    assert_eq!(found.answer.evidence, [evidence]);
    assert_eq!(found.answer.readings, [reading]);
}

/// Searching, renaming, the bin.
async fn finding(records: &Records) {
    assert_eq!(found(records, "错误").await.len(), 1);
    for query in [
        "码",
        "E102",
        "e-10",
        "电源灯",
        "李女士",
        "错误码 AX73",
        "ax73的电源",
    ] {
        assert_eq!(found(records, query).await.len(), 1, "{query}");
    }
    // Replaced words, and words that only stand apart.
    for query in ["WAN", "没有亮", "错误灯", "。"] {
        assert_eq!(found(records, query).await, [""; 0], "{query}");
    }
    let other = said(
        records,
        None,
        "What is the serial number?",
        "It is SN-0042.",
    )
    .await;
    let follow = NewConversation {
        title: Some(" Another \n picture ".into()),
        follows: Some(other),
        ..NewConversation::default()
    };
    let follow = records.create(follow).await.expect("begun");
    assert_eq!(follow.summary.title, "Another picture");
    assert_eq!(
        records
            .conversation(other)
            .await
            .expect("there")
            .followed_by,
        [follow.summary.id]
    );

    let change = ConversationChange {
        title: Some("Serial of the cooker".into()),
        pinned: Some(true),
        ..ConversationChange::default()
    };
    records.change(other, change).await.expect("changed");
    assert_eq!(
        found(records, "cook serial").await,
        ["Serial of the cooker"]
    );
    let page = records
        .list(&ConversationFilter::default())
        .await
        .expect("listed");
    let titles: Vec<_> = page
        .conversations
        .iter()
        .map(|one| one.title.as_str())
        .collect();
    assert_eq!(
        titles,
        [
            "Serial of the cooker",
            "Another picture",
            "屏幕上的错误码是什么？"
        ]
    );

    // Page after page, one at a time, everything comes once.
    let mut filter = ConversationFilter {
        limit: Some(1),
        ..ConversationFilter::default()
    };
    let mut walked = Vec::new();
    loop {
        let page = records.list(&filter).await.expect("listed");
        walked.extend(page.conversations.into_iter().map(|one| one.title));
        match page.next_cursor {
            Some(cursor) => filter.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(walked, titles);

    records.delete(other, None).await.expect("binned");
    assert_eq!(found(records, "serial").await, [""; 0]);
    let bin = ConversationFilter {
        deleted: Some(true),
        query: Some("sn0042".into()),
        ..ConversationFilter::default()
    };
    assert_eq!(
        records
            .list(&bin)
            .await
            .expect("listed")
            .conversations
            .len(),
        1
    );
    let refusal = records
        .begin_round(question(other, "?"))
        .await
        .expect_err("binned");
    assert_eq!(refusal.code, Code::ConversationDeleted);
    records.restore(other).await.expect("restored");
    assert_eq!(found(records, "sn0042").await.len(), 1);
    assert_eq!(
        records.customers(Some("女")).await.expect("listed"),
        ["李女士"]
    );
    assert_eq!(records.customers(Some("%")).await.expect("listed"), [""; 0]);
}

/// Verdicts, thumbs, corrections; every figure opens the conversations behind it.
async fn judging(records: &Records) {
    let all = records
        .list(&ConversationFilter::default())
        .await
        .expect("listed")
        .conversations;
    let lights = all
        .iter()
        .find(|one| one.round_count == 2)
        .expect("the first one")
        .id;
    let serial = all
        .iter()
        .find(|one| one.round_count == 1)
        .expect("the second one")
        .id;
    for (id, verdict) in [(lights, Verdict::Solved), (serial, Verdict::Solved)] {
        let change = ConversationChange {
            verdict: Some(Some(verdict)),
            ..ConversationChange::default()
        };
        records.change(id, change).await.expect("judged");
    }
    let whole = records.conversation(serial).await.expect("there");
    let judged = whole.rounds[0].answers[0].id;
    // Two pages open at the same answer: each says what it changes, and nothing else.
    let thumb = FeedbackChange {
        thumb: Some(Some(Thumb::Down)),
        ..FeedbackChange::default()
    };
    let correction = FeedbackChange {
        correction: Some(Some("It is SN-0043.".into())),
        ..FeedbackChange::default()
    };
    records.judge(judged, thumb).await.expect("judged");
    let feedback = records.judge(judged, correction).await.expect("judged");
    let both = Feedback {
        thumb: Some(Thumb::Down),
        correction: Some("It is SN-0043.".into()),
    };
    assert_eq!(feedback, both);
    assert_eq!(found(records, "SN0043").await.len(), 1);

    let insights = records
        .insights(&InsightsWish::default())
        .await
        .expect("counted");
    assert_eq!(insights.questions, 3);
    assert_eq!(insights.conversations, 2);
    assert_eq!((insights.thumbs.up, insights.thumbs.down), (0, 1));
    assert_eq!(insights.doubtful_answers.count, 1);
    assert_eq!(insights.solved_in_first_round.count, 1);
    assert_eq!(insights.solved_in_first_round.share, 0.5);
    let after: Vec<_> = insights
        .rounds_to_solution
        .iter()
        .map(|after| after.count)
        .collect();
    assert_eq!(after, [1, 1, 0]);
    assert_eq!(insights.ttft_ms_median, Some(250.0));
    let strings: Vec<_> = insights
        .doubtful_strings
        .iter()
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(strings, ["E-102"]);
    assert_eq!(insights.by_hour.iter().flatten().sum::<u64>(), 3);
    assert_eq!(
        insights
            .ttft_by_day
            .iter()
            .map(|day| day.questions)
            .sum::<u64>(),
        3
    );
    assert_eq!(insights.groups.len(), 3);

    let count = async |filter: ConversationFilter| {
        records
            .list(&filter)
            .await
            .expect("listed")
            .conversations
            .len()
    };
    let none = ConversationFilter::default;
    for (filter, expected) in [
        (
            ConversationFilter {
                solved_in: Some(1),
                ..none()
            },
            1,
        ),
        (
            ConversationFilter {
                solved_in: Some(2),
                ..none()
            },
            1,
        ),
        (
            ConversationFilter {
                solved_in: Some(3),
                ..none()
            },
            0,
        ),
        (
            ConversationFilter {
                doubtful: Some(true),
                ..none()
            },
            1,
        ),
        (
            ConversationFilter {
                thumb: Some(Thumb::Down),
                ..none()
            },
            1,
        ),
        (
            ConversationFilter {
                thumb: Some(Thumb::Up),
                ..none()
            },
            0,
        ),
        (
            ConversationFilter {
                from: Some(0),
                ..none()
            },
            2,
        ),
        (
            ConversationFilter {
                to: Some(1),
                ..none()
            },
            0,
        ),
        (
            ConversationFilter {
                group: Some(insights.groups[0].id),
                ..none()
            },
            1,
        ),
        (
            ConversationFilter {
                verdict: Some(Verdict::Solved),
                ..none()
            },
            2,
        ),
        (
            ConversationFilter {
                customer: Some("李女士".into()),
                ..none()
            },
            1,
        ),
        (
            ConversationFilter {
                pinned: Some(true),
                ..none()
            },
            1,
        ),
    ] {
        assert_eq!(count(filter.clone()).await, expected, "{filter:?}");
    }
    // A filter of a group says which questions it means, as the figure called them.
    let group = &insights.groups[0];
    let of_group = |query: Option<&str>| ConversationFilter {
        group: Some(group.id),
        query: query.map(str::to_owned),
        ..none()
    };
    for filter in [
        of_group(None),
        of_group(Some("?!")),
        of_group(Some("nowhere")),
    ] {
        let page = records.list(&filter).await.expect("listed");
        assert_eq!(page.group_label.as_ref(), Some(&group.label));
    }
    assert_eq!(
        records.list(&none()).await.expect("listed").group_label,
        None
    );
    let unknown = ConversationFilter {
        group: Some(GroupId::new()),
        ..none()
    };
    assert_eq!(
        records.list(&unknown).await.expect("listed").group_label,
        None
    );
    // Every cell of the week opens as many conversations as it has questions or fewer.
    for offset in [0, 480, -330] {
        let wish = InsightsWish {
            utc_offset_minutes: Some(offset),
            ..InsightsWish::default()
        };
        let hours = records.insights(&wish).await.expect("counted").by_hour;
        for (weekday, hours) in (0..).zip(hours) {
            for (hour, questions) in (0..).zip(hours) {
                let filter = ConversationFilter {
                    weekday: Some(weekday),
                    hour: Some(hour),
                    utc_offset_minutes: Some(offset),
                    ..none()
                };
                assert_eq!(count(filter).await > 0, questions > 0);
            }
        }
    }
}

async fn roles(records: &Records) {
    let roles = records.roles().await.expect("listed");
    assert_eq!(roles.iter().filter(|role| role.standard).count(), 2);
    let refusal = records
        .delete_role(roles[0].id)
        .await
        .expect_err("standard");
    assert_eq!(refusal.code, Code::RoleStandard);
    let new = NewRole {
        name: "Router".into(),
        text: "Only routers.".into(),
    };
    let added = records.add_role(new).await.expect("added");
    let change = RoleChange {
        text: Some("Routers and switches.".into()),
        position: Some(0),
        ..RoleChange::default()
    };
    let changed = records
        .change_role(added.id, change)
        .await
        .expect("changed");
    assert_eq!((changed.position, changed.name.as_str()), (0, "Router"));
    records.delete_role(added.id).await.expect("deleted");
    assert_eq!(records.roles().await.expect("listed"), roles);
}
