use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::sleep;

use super::*;
use crate::records::{Answer, AnswerId, AnswerState, Certainty, NewConversation};
use crate::testing::{
    Script, ScriptedAnswerer, delta, done, memory_records, png, small_office, token,
};
use crate::{
    AnswerEvent, Code, DeskLimits, FinishReason, PictureBox, Question, State, Timings, Usage,
};

struct Office {
    conversations: Arc<Conversations>,
    answerer: Arc<ScriptedAnswerer>,
    conversation: ConversationId,
}

async fn office() -> Office {
    let (conversations, answerer) = small_office();
    with(conversations, answerer).await
}

async fn with(conversations: Arc<Conversations>, answerer: Arc<ScriptedAnswerer>) -> Office {
    let begun = conversations
        .records()
        .create(NewConversation::default())
        .await;
    Office {
        conversation: begun.expect("room").summary.id,
        conversations,
        answerer,
    }
}

fn question(words: &str) -> AskedRound {
    AskedRound {
        question: words.to_owned(),
        ..AskedRound::default()
    }
}

/// Where to look again.
fn reread(picture: PictureId, place: Option<PictureBox>, was: &str) -> AskedReading {
    AskedReading {
        picture,
        place,
        was: was.to_owned(),
        start: None,
    }
}

impl Office {
    async fn stream(&self, asked: AskedRound) -> RoundStream {
        let by = AskedBy::default();
        let stream = self.conversations.ask(self.conversation, asked, &by).await;
        stream.expect("a good question")
    }

    async fn ask(&self, asked: AskedRound) -> Vec<RoundEvent> {
        self.stream(asked).await.collect().await
    }

    async fn refused(&self, asked: AskedRound) -> Code {
        let by = AskedBy::default();
        let refusal = self.conversations.ask(self.conversation, asked, &by).await;
        refusal.expect_err("refused").code
    }

    async fn whole(&self) -> Conversation {
        let whole = self.conversations.records().conversation(self.conversation);
        whole.await.expect("it is there")
    }

    /// The newest answer.
    async fn answer(&self) -> Answer {
        let round = self.whole().await.rounds.pop().expect("a round");
        round.answers.last().expect("an answer").clone()
    }

    /// A question about a picture, and its answer.
    async fn answered_about_a_picture(&self) -> (PictureId, AnswerId) {
        let id = self.picture(40);
        self.answerer.will_say([delta("E102"), done()]);
        self.ask(AskedRound {
            pictures: vec![id],
            ..question("code?")
        })
        .await;
        (id, self.answer().await.id)
    }

    async fn delete_for_good(&self) {
        let records = self.conversations.records();
        let gone = records.delete_for_good(self.conversation, None).await;
        gone.expect("it is there");
    }

    /// The newest answer once it has ended.
    async fn ended(&self) -> Answer {
        for _ in 0..500 {
            let answer = self.answer().await;
            if answer.state != AnswerState::Running {
                return answer;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("the answer runs for ever");
    }

    fn picture(&self, width: u32) -> PictureId {
        let picture = self.conversations.desk().accept_picture(png(width, 8));
        picture.expect("a good picture").id()
    }
}

/// Ready when it is so; it must not take for ever.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    waited.expect("it comes to be so");
}

fn asked(events: &[RoundEvent]) -> &RoundStep {
    match &events[0] {
        RoundEvent::Step(step @ RoundStep::Asked { .. }) => step,
        other => panic!("{other:?} comes first"),
    }
}

/// What a question tells the model, a message a line, pictures by their width.
fn told(question: &Question) -> Vec<String> {
    let piece = |piece: &crate::Piece| match piece {
        crate::Piece::Text(text) => text.clone(),
        crate::Piece::Picture(picture) => format!("<{}>", picture.facts().width),
    };
    let turns = question.turns.iter();
    turns
        .map(|turn| turn.pieces.iter().map(piece).collect())
        .collect()
}

#[tokio::test]
async fn a_question_is_stored_before_it_is_answered_and_the_answer_before_it_ends() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let id = office.picture(40);
    let mut stream = office
        .stream(AskedRound {
            pictures: vec![id],
            role: "role".into(),
            ..question("which code?")
        })
        .await;
    let first = stream.next().await.expect("an event");
    assert_eq!(first.name(), "asked");
    let whole = office.whole().await;
    assert_eq!(whole.summary.title, "which code?");
    assert_eq!(whole.rounds[0].pictures[0].id, id);
    assert_eq!(whole.rounds[0].role, "role");
    assert_eq!(office.answer().await.state, AnswerState::Running);

    until(|| !office.answerer.asked().is_empty()).await;
    script.send(token("Code E102", -0.3));
    script.send(token(" is shown", -0.1));
    script.send(done());
    let rest: Vec<_> = stream.collect().await;
    let names: Vec<_> = rest.iter().map(RoundEvent::name).collect();
    assert_eq!(names, ["delta", "delta", "mark", "done"]);
    let answer = office.answer().await;
    assert_eq!(answer.state, AnswerState::Done);
    assert_eq!(answer.text, "Code E102 is shown");
    assert_eq!((answer.marks[0].start, answer.marks[0].end), (5, 9));
    assert_eq!(answer.marks[0].certainty, Certainty::Check);
    assert!(answer.usage.is_some() && answer.timings.is_some());
}

#[tokio::test]
async fn a_string_at_the_very_end_is_marked_before_done() {
    let office = office().await;
    office.answerer.will_say([token("E102", -1.0), done()]);
    let events = office.ask(question("code?")).await;
    let names: Vec<_> = events.iter().map(RoundEvent::name).collect();
    assert_eq!(names, ["asked", "delta", "mark", "done"]);
    assert_eq!(
        office.answer().await.marks[0].certainty,
        Certainty::Doubtful
    );
}

#[tokio::test]
async fn a_page_that_reads_late_gets_every_word_and_all_marks_but_not_each_step_of_them() {
    let office = office().await;
    let words = (0..300).map(|n| token(&format!("E{:03} ", 100 + n), -1.0));
    office.answerer.will_say(words.chain([done()]));
    let stream = office.stream(question("which codes?")).await;
    let answer = office.ended().await;
    let events: Vec<_> = stream.collect().await;
    let marks = events.iter().filter_map(|event| match event {
        RoundEvent::Step(RoundStep::Mark { marks }) => Some(marks),
        _ => None,
    });
    let marks: Vec<_> = marks.collect();
    assert_eq!(marks.last().map(|marks| marks.len()), Some(300));
    assert!(marks.len() < 10, "{} lie unread", marks.len());
    let said = events.iter().filter_map(|event| match event {
        RoundEvent::Answer(AnswerEvent::Delta { text, .. }) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(said.collect::<String>(), answer.text);
    assert_eq!(answer.marks, *marks[marks.len() - 1]);
}

#[tokio::test]
async fn what_the_engine_refuses_stays_as_a_failed_answer() {
    let office = office().await;
    office.answerer.will_refuse(Refusal::queue_full(4, 9));
    let events = office.ask(question("code?")).await;
    let last = RoundEvent::Answer(AnswerEvent::Error(Refusal::queue_full(4, 9)));
    assert_eq!(events.last(), Some(&last));
    let answer = office.answer().await;
    assert_eq!(answer.state, AnswerState::Failed);
    assert_eq!(answer.problem.expect("a problem").code, Code::QueueFull);
    // Nobody worked on it: what the model would be told is found out by counting.
    assert_eq!(office.answerer.counted(), 0);
}

#[tokio::test]
async fn a_question_holds_its_place_from_its_planning_to_the_end_of_its_answer() {
    let office = office().await;
    let other = with(office.conversations.clone(), office.answerer.clone()).await;
    office.answerer.set_places(1);
    let (script, answer, stream) = speaking(&office).await;
    assert_eq!(office.answerer.places_taken(), 1);
    let refused = other.ask(question("and that?")).await;
    assert_eq!(refused.last().map(RoundEvent::name), Some("error"));
    // Neither is anything cut or looked for without one.
    let (conversations, by) = (&office.conversations, AskedBy::default());
    let id = office.picture(40);
    let refused = conversations.evidence(answer, None, &by).await;
    assert_eq!(refused.map(|found| found.evidence), Ok(vec![]));
    let asked = ask_with(&other, id).await;
    let place = PictureBox::between([10.0, 20.0, 30.0, 45.0]);
    let looks = [
        conversations.evidence(asked, None, &by).await.map(drop),
        conversations
            .look_closer(asked, reread(id, place, "E102"), &by)
            .await
            .map(drop),
    ];
    for look in looks {
        assert_eq!(look.expect_err("no place").code, Code::QueueFull);
    }
    script.send(done());
    stream.collect::<Vec<_>>().await;
    assert_eq!(office.answerer.places_taken(), 0);
    let answered = other.ask(question("and now?")).await;
    assert_eq!(answered.last().map(RoundEvent::name), Some("done"));
}

/// A question about a picture; whatever becomes of it, it has an answer.
async fn ask_with(office: &Office, id: PictureId) -> AnswerId {
    let asked = AskedRound {
        pictures: vec![id],
        ..question("code?")
    };
    office.ask(asked).await;
    office.answer().await.id
}

#[tokio::test]
async fn an_answer_that_fails_half_way_keeps_its_words_and_what_was_measured() {
    let office = office().await;
    let prefill = AnswerEvent::Prefill {
        done: 40,
        total: 40,
    };
    let words = [token("E1", -0.1), token("02", -0.2)];
    let failed = AnswerEvent::Error(Refusal::answer_failed());
    let said = [prefill].into_iter().chain(words).chain([failed]);
    office.answerer.will_say(said);
    office.ask(question("code?")).await;
    let answer = office.answer().await;
    assert_eq!(
        (answer.state, answer.text.as_str()),
        (AnswerState::Failed, "E102")
    );
    let usage = answer.usage.expect("tokens were counted");
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (40, 2));
    let timings = answer.timings.expect("times were taken");
    assert!(timings.ttft_ms > 0.0, "{timings:?}");
    // Insights count answers that are whole.
    let insights = office.conversations.records();
    let insights = insights.insights(&Default::default()).await;
    assert_eq!(insights.expect("counted").ttft_ms_median, None);
}

#[tokio::test]
async fn a_question_to_a_model_that_is_loading_is_not_lost() {
    let office = office().await;
    let what = "weights".to_owned();
    office
        .answerer
        .set_state(State::Loading { percent: 3, what });
    let events = office.ask(question("code?")).await;
    assert_eq!(events.last().map(RoundEvent::name), Some("error"));
    let answer = office.answer().await;
    assert_eq!(answer.problem.expect("a problem").code, Code::NotReady);
    assert_eq!(office.whole().await.rounds[0].question, "code?");
}

#[tokio::test]
async fn what_is_wrong_with_the_question_itself_is_said_at_once_and_stores_nothing() {
    let office = office().await;
    let id = office.picture(40);
    let asked = || question("code?");
    let hot = AskedSettings {
        temperature: Some(9.0),
        ..AskedSettings::default()
    };
    for (wrong, code) in [
        (question(" "), Code::QuestionEmpty),
        (question(&"长".repeat(70_000)), Code::TextTooLong),
        (
            AskedRound {
                pictures: vec![id; 9],
                ..asked()
            },
            Code::TooManyPictures,
        ),
        (
            AskedRound {
                pictures: vec![PictureId::of(b"?")],
                ..asked()
            },
            Code::PictureUnknown,
        ),
        (
            AskedRound {
                settings: hot,
                ..asked()
            },
            Code::SettingOutOfRange,
        ),
        (
            AskedRound {
                remember: Some(51),
                ..asked()
            },
            Code::FieldOutOfRange,
        ),
        (
            AskedRound {
                replaces: Some(RoundId::new()),
                ..asked()
            },
            Code::RoundUnknown,
        ),
    ] {
        assert_eq!(office.refused(wrong).await, code);
    }
    assert_eq!(office.whole().await.rounds, []);
    assert!(office.answerer.asked().is_empty());
    let nowhere = Office {
        conversation: ConversationId::new(),
        ..office
    };
    assert_eq!(nowhere.refused(asked()).await, Code::ConversationUnknown);
}

#[tokio::test]
async fn leaving_ends_the_answer_and_keeps_what_was_said() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let mut stream = office.stream(question("code?")).await;
    stream.next().await.expect("asked");
    until(|| !office.answerer.asked().is_empty()).await;
    script.send(delta("The WAN"));
    stream.next().await.expect("words");
    drop(stream);
    let answer = office.ended().await;
    assert_eq!(answer.state, AnswerState::Left);
    assert_eq!(answer.finish_reason, None);
    assert_eq!(answer.text, "The WAN");
    let timings = answer.timings.expect("the first words were timed");
    assert!(timings.ttft_ms > 0.0, "{timings:?}");
    assert!(script.is_cancelled());
}

/// An answer that has said two words, its script, and what else it says.
async fn speaking(office: &Office) -> (Script, AnswerId, RoundStream) {
    let script = office.answerer.will_wait();
    let mut stream = office.stream(question("code?")).await;
    stream.next().await.expect("asked");
    until(|| !office.answerer.asked().is_empty()).await;
    script.send(delta("The WAN"));
    stream.next().await.expect("words");
    (script, office.answer().await.id, stream)
}

#[tokio::test]
async fn a_stopped_answer_is_told_from_one_whose_asker_left_and_keeps_its_figures() {
    let office = office().await;
    let (script, id, stream) = speaking(&office).await;
    office.conversations.stop(id).await.expect("it runs");
    until(|| script.is_cancelled()).await;
    let usage = Usage {
        completion_tokens: 2,
        ..Usage::default()
    };
    script.send(AnswerEvent::Done {
        finish_reason: FinishReason::Cancelled,
        usage,
        timings: Timings::default(),
    });
    let rest: Vec<_> = stream.collect().await;
    assert!(rest.last().is_some_and(RoundEvent::is_last), "{rest:?}");
    let answer = office.answer().await;
    assert_eq!(answer.state, AnswerState::Cancelled);
    assert_eq!(answer.finish_reason, Some(FinishReason::Cancelled));
    assert_eq!(
        (answer.text.as_str(), answer.usage),
        ("The WAN", Some(usage))
    );
    // Once more changes nothing.
    office.conversations.stop(id).await.expect("it has ended");
    assert_eq!(office.answer().await.state, AnswerState::Cancelled);
    let unknown = office.conversations.stop(AnswerId::new()).await;
    assert_eq!(unknown.expect_err("unknown").code, Code::AnswerUnknown);
}

#[tokio::test]
async fn a_stop_counts_though_the_asker_leaves_at_once_and_the_engine_says_nothing() {
    let office = office().await;
    let (script, id, stream) = speaking(&office).await;
    office.conversations.stop(id).await.expect("it runs");
    drop(stream);
    assert_eq!(office.ended().await.state, AnswerState::Cancelled);
    assert!(script.is_cancelled());
}

#[tokio::test]
async fn one_who_leaves_before_the_first_event_leaves_an_ended_answer() {
    let office = office().await;
    let _script = office.answerer.will_wait();
    drop(office.stream(question("code?")).await);
    assert_eq!(office.ended().await.state, AnswerState::Left);
    // Whether the engine had been asked by then or not, the next question is taken in.
    office.stream(question("and now?")).await;
}

#[tokio::test]
async fn one_who_leaves_or_says_stop_while_the_pictures_are_prepared_waits_for_no_more_of_it() {
    let office = office().await;
    let preparing = office.answerer.will_prepare();
    let stream = office.stream(question("code?")).await;
    until(|| preparing.has_begun()).await;
    drop(stream);
    assert_eq!(office.ended().await.state, AnswerState::Left);
    until(|| preparing.has_ended()).await;
    let preparing = office.answerer.will_prepare();
    let stream = office.stream(question("and now?")).await;
    until(|| preparing.has_begun()).await;
    let answer = office.whole().await.rounds[1].answers[0].id;
    office.conversations.stop(answer).await.expect("it runs");
    let rest: Vec<_> = stream.collect().await;
    assert!(rest.last().is_some_and(RoundEvent::is_last), "{rest:?}");
    let ended = office.whole().await.rounds[1].answers[0].state;
    assert_eq!(ended, AnswerState::Cancelled);
    until(|| preparing.has_ended()).await;
    assert!(office.answerer.asked().is_empty());
    assert_eq!(office.answerer.places_taken(), 0);
}

#[tokio::test]
async fn words_are_written_down_while_they_come() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let _stream = office.stream(question("code?")).await;
    until(|| !office.answerer.asked().is_empty()).await;
    script.send(delta("E102 and"));
    let mut waited = 0;
    while office.answer().await.text.is_empty() {
        sleep(Duration::from_millis(20)).await;
        waited += 1;
        assert!(waited < 250, "nothing is written down");
    }
    let answer = office.answer().await;
    assert_eq!(
        (answer.state, answer.text.as_str()),
        (AnswerState::Running, "E102 and")
    );
    assert_eq!(answer.marks.len(), 1);
}

#[tokio::test]
async fn a_string_at_which_an_answer_is_cut_off_never_stands_there_as_certain() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let mut stream = office.stream(question("code?")).await;
    until(|| !office.answerer.asked().is_empty()).await;
    script.send(delta("The code is E8"));
    // The program may be killed now: what is in the records is all that will be.
    let mut waited = 0;
    while office.answer().await.text.is_empty() {
        sleep(Duration::from_millis(20)).await;
        waited += 1;
        assert!(waited < 250, "nothing is written down");
    }
    let running = office.answer().await;
    assert_eq!(running.state, AnswerState::Running);
    let certainties = |answer: &Answer| -> Vec<_> {
        let marks = answer.marks.iter();
        marks.map(|mark| mark.certainty).collect()
    };
    assert_eq!(certainties(&running), [Certainty::Check]);
    // More words may come, and then it is what it is.
    let last = delta("77 on AX7");
    script.send(last.clone());
    while stream.next().await.expect("more words") != RoundEvent::Answer(last.clone()) {}
    office.conversations.end();
    office.conversations.settled().await;
    let answer = office.answer().await;
    assert_eq!(answer.text, "The code is E877 on AX7");
    assert_eq!(certainties(&answer), [Certainty::Certain, Certainty::Check]);
}

#[tokio::test]
async fn the_end_of_the_program_interrupts_and_waits_for_the_records() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let stream = office.stream(question("code?")).await;
    until(|| !office.answerer.asked().is_empty()).await;
    script.send(delta("The WAN"));
    office.conversations.end();
    office.conversations.settled().await;
    let answer = office.answer().await;
    assert_eq!(answer.state, AnswerState::Interrupted);
    assert!(office.whole().await.summary.interrupted);
    let events: Vec<_> = stream.collect().await;
    let last = RoundEvent::Answer(AnswerEvent::Error(Refusal::shutting_down()));
    assert_eq!(events.last(), Some(&last));
}

#[tokio::test]
async fn an_engine_that_vanishes_leaves_its_words_and_says_that_it_failed() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let stream = office.stream(question("code?")).await;
    until(|| !office.answerer.asked().is_empty()).await;
    script.send(delta("The WAN"));
    script.vanish();
    let events: Vec<_> = stream.collect().await;
    assert_eq!(events.last().map(RoundEvent::name), Some("error"));
    let answer = office.answer().await;
    assert_eq!(
        (answer.state, answer.text.as_str()),
        (AnswerState::Failed, "The WAN")
    );
}

#[tokio::test]
async fn a_question_tells_the_rounds_before_it_with_pictures_that_left_the_desk() {
    let answerer = Arc::new(ScriptedAnswerer::default());
    let limits = DeskLimits {
        shelf_bytes: 2000,
        ..DeskLimits::default()
    };
    let desk = Desk::new(answerer.clone(), limits, vec![]);
    let conversations = Conversations::new(Arc::new(desk), memory_records());
    let office = with(Arc::new(conversations), answerer).await;
    let id = office.picture(40);
    let first = AskedRound {
        pictures: vec![id],
        role: "role".into(),
        ..question("a")
    };
    office.answerer.will_say([delta("A"), done()]);
    office.ask(first).await;
    office.answerer.forget_questions();
    for width in 41..60 {
        office.picture(width);
    }
    assert!(office.conversations.desk().picture(id).is_none());
    let again = AskedRound {
        role: "role".into(),
        ..question("b")
    };
    let events = office.ask(again).await;
    let RoundStep::Asked {
        remembered_rounds, ..
    } = asked(&events)
    else {
        unreachable!()
    };
    assert_eq!(*remembered_rounds, 1);
    let question = &office.answerer.asked()[0];
    assert_eq!(told(question), ["role", "<40>a", "A", "b"]);
    assert_eq!(office.whole().await.rounds[1].remembered_rounds, 1);
}

#[tokio::test]
async fn a_picture_that_was_deleted_for_good_lies_on_the_desk_no_more() {
    let office = office().await;
    let (asked_about, on_the_tray) = (office.picture(40), office.picture(41));
    office.answerer.will_say([delta("A"), done()]);
    let asked = AskedRound {
        pictures: vec![asked_about],
        ..question("a")
    };
    office.ask(asked).await;
    office.answerer.forget_questions();
    office.delete_for_good().await;
    assert_eq!(
        office.answerer.forgot(),
        1,
        "the engine keeps nothing of it"
    );
    let find = async |id| {
        office
            .conversations
            .picture(id)
            .await
            .expect("records answer")
    };
    assert!(find(asked_about).await.is_none());
    assert!(find(on_the_tray).await.is_some(), "nobody deleted that one");
}

#[tokio::test]
async fn an_answer_that_has_said_no_word_yet_is_stopped_by_a_deletion_too() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let mut stream = office.stream(question("a")).await;
    stream.next().await.expect("asked");
    until(|| !office.answerer.asked().is_empty()).await;
    office.delete_for_good().await;
    // Nobody waits for its first word.
    until(|| script.is_cancelled()).await;
}

#[tokio::test]
async fn an_answer_in_a_conversation_that_is_deleted_for_good_is_stopped() {
    let office = office().await;
    let script = office.answerer.will_wait();
    let mut stream = office.stream(question("a")).await;
    stream.next().await.expect("asked");
    until(|| !office.answerer.asked().is_empty()).await;
    office.delete_for_good().await;
    let stopped = async {
        while !script.is_cancelled() {
            // Words come on, until the records say that nobody wants them.
            script.send(delta("A"));
            sleep(Duration::from_millis(20)).await;
        }
    };
    let stopped = tokio::time::timeout(Duration::from_secs(60), stopped).await;
    stopped.expect("it is stopped");
    script.send(done());
    while stream.next().await.is_some() {}
    assert_eq!(
        office.answerer.forgot(),
        2,
        "what it said last is forgotten too"
    );
}

#[tokio::test]
async fn the_newest_question_is_answered_again_with_the_same_words_before_it() {
    let office = office().await;
    office.answerer.will_say([delta("A"), done()]);
    office.ask(question("a")).await;
    office.answerer.will_say([delta("B"), done()]);
    office.ask(question("b")).await;
    office.answerer.will_say([delta("B2"), done()]);
    let rounds = office.whole().await.rounds;
    let by = AskedBy::default();
    let again = AskedAgain {
        seed: Some(7),
        ..AskedAgain::default()
    };
    let stream = office.conversations.again(rounds[1].id, again, &by).await;
    stream.expect("the newest").collect::<Vec<_>>().await;
    let asked = office.answerer.asked();
    assert_eq!(asked[2].turns, asked[1].turns);
    assert_eq!(asked[2].settings.seed, Some(7));
    let answers = &office.whole().await.rounds[1].answers;
    let texts: Vec<_> = answers.iter().map(|answer| answer.text.as_str()).collect();
    assert_eq!(texts, ["B", "B2"]);
    let old = office
        .conversations
        .again(rounds[0].id, AskedAgain::default(), &by);
    assert_eq!(
        old.await.expect_err("not the newest").code,
        Code::RoundNotNewest
    );
    let none = office
        .conversations
        .again(RoundId::new(), AskedAgain::default(), &by);
    assert_eq!(
        none.await.expect_err("no such round").code,
        Code::RoundUnknown
    );
    // The answer that counts is the newest.
    office.ask(question("c")).await;
    assert_eq!(
        told(&office.answerer.asked()[3]),
        ["a", "A", "b", "B2", "c"]
    );
}

#[tokio::test]
async fn an_edited_question_takes_the_place_of_all_that_followed_it() {
    let office = office().await;
    for words in ["a", "b", "c"] {
        office.answerer.will_say([delta("!"), done()]);
        office.ask(question(words)).await;
    }
    let second = office.whole().await.rounds[1].id;
    office.answerer.will_say([delta("!"), done()]);
    let edited = AskedRound {
        replaces: Some(second),
        ..question("B")
    };
    office.ask(edited).await;
    assert_eq!(told(&office.answerer.asked()[3]), ["a", "!", "B"]);
    let rounds = office.whole().await.rounds;
    let left: Vec<_> = rounds.iter().map(|round| round.question.as_str()).collect();
    assert_eq!(left, ["a", "B"]);
    let replaced = AskedRound {
        replaces: Some(second),
        ..question("again")
    };
    assert_eq!(office.refused(replaced).await, Code::RoundUnknown);
}

#[tokio::test]
async fn what_does_not_fit_is_left_out_and_said_and_a_question_that_never_fits_is_refused() {
    let office = office().await;
    let id = office.picture(64);
    for words in ["a b c d", "e f g h"] {
        office
            .answerer
            .will_say([delta("one two three four"), done()]);
        let pictures = if words == "a b c d" { vec![id] } else { vec![] };
        office
            .ask(AskedRound {
                pictures,
                ..question(words)
            })
            .await;
    }
    // 2 x 8 words, 2 + 2 tokens of a picture, 2 words, 10 of the answer.
    office.answerer.set_context(20);
    let short = AskedSettings {
        max_tokens: Some(10),
        ..AskedSettings::default()
    };
    let third = AskedRound {
        settings: short.clone(),
        ..question("now what")
    };
    let events = office.ask(third).await;
    let RoundStep::Asked {
        remembered_rounds,
        dropped_rounds,
        dropped_pictures,
        ..
    } = asked(&events)
    else {
        unreachable!()
    };
    assert_eq!((*remembered_rounds, *dropped_rounds), (0, 2));
    assert_eq!(*dropped_pictures, []);
    assert_eq!(told(&office.answerer.asked()[2]), ["<64>now what"]);
    let long = AskedRound {
        settings: short,
        ..question(&"word ".repeat(30))
    };
    let events = office.ask(long).await;
    let Some(RoundEvent::Answer(AnswerEvent::Error(refusal))) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(*refusal, Refusal::question_too_long(40, 20));
}

#[tokio::test]
async fn less_detail_lets_more_fit_and_is_kept_with_the_question() {
    let office = office().await;
    // 300 tokens at full detail.
    let picture = office.conversations.desk().accept_picture(png(640, 480));
    let id = picture.expect("a good picture").id();
    office.answerer.set_context(200);
    let asked_with = |image_tokens| AskedRound {
        pictures: vec![id],
        settings: AskedSettings {
            max_tokens: Some(10),
            image_tokens,
            ..AskedSettings::default()
        },
        ..question("now what")
    };
    let events = office.ask(asked_with(None)).await;
    let Some(RoundEvent::Answer(AnswerEvent::Error(refusal))) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(*refusal, Refusal::question_too_long(314, 200));
    let events = office.ask(asked_with(Some(64))).await;
    assert!(
        events.last().is_some_and(|event| *event == done().into()),
        "{events:?}"
    );
    assert_eq!(office.answerer.asked()[0].settings.image_tokens, 64);
    let whole = office.whole().await;
    let kept: Vec<_> = whole
        .rounds
        .iter()
        .map(|round| round.settings.image_tokens)
        .collect();
    assert_eq!(kept, [None, Some(64)]);
    assert_eq!(
        office.refused(asked_with(Some(1))).await,
        Code::SettingOutOfRange
    );
}

#[tokio::test]
async fn two_questions_at_once_in_a_conversation_are_one_too_many() {
    let office = office().await;
    let _script = office.answerer.will_wait();
    let _stream = office.stream(question("a")).await;
    assert_eq!(office.refused(question("b")).await, Code::AnswerRunning);
}

const BOXES: &str = r#"[{"bbox_2d": [100, 200, 300, 260], "label": "E102"}]"#;

#[tokio::test]
async fn evidence_is_asked_for_picture_by_picture_and_kept() {
    let office = office().await;
    let pictures = vec![office.picture(40), office.picture(50)];
    office.answerer.will_say([delta("E102"), done()]);
    office
        .ask(AskedRound {
            pictures: pictures.clone(),
            ..question("code?")
        })
        .await;
    let answer = office.answer().await.id;
    office.answerer.will_say([delta("I see none."), done()]);
    office.answerer.will_say([delta(BOXES), done()]);
    let by = AskedBy::default();
    let found = office
        .conversations
        .evidence(answer, None, &by)
        .await
        .expect("found");
    assert_eq!(found.evidence.len(), 1);
    assert_eq!(found.evidence[0].picture, pictures[1]);
    assert_eq!(found.evidence[0].area, [100, 200, 300, 260]);
    assert!(found.said.starts_with("I see none."), "{}", found.said);
    assert_eq!(office.answer().await.evidence, found.evidence);
    let asked = office.answerer.asked();
    assert_eq!(asked[1].settings.temperature, 0.0);
    let words = told(&asked[1]).concat();
    assert!(
        words.starts_with("<40>") && words.contains("\"E102\""),
        "{words}"
    );

    let long = Some("x".repeat(501));
    let refusal = office.conversations.evidence(answer, long, &by).await;
    assert_eq!(refusal.expect_err("too long").code, Code::FieldOutOfRange);
    let refusal = office
        .conversations
        .evidence(AnswerId::new(), None, &by)
        .await;
    assert_eq!(refusal.expect_err("no answer").code, Code::AnswerUnknown);
}

#[tokio::test]
async fn what_was_looked_into_while_it_was_deleted_is_forgotten_too() {
    let office = office().await;
    let (_, answer) = office.answered_about_a_picture().await;
    let script = office.answerer.will_wait();
    let conversations = office.conversations.clone();
    let looking = tokio::spawn(async move {
        let by = AskedBy::default();
        conversations.evidence(answer, None, &by).await
    });
    until(|| office.answerer.asked().len() == 2).await;
    office.delete_for_good().await;
    script.send(done());
    let refusal = looking.await.expect("no panic").expect_err("it is gone");
    assert_eq!(refusal.code, Code::AnswerUnknown);
    assert_eq!(office.answerer.forgot(), 2);
}

#[tokio::test]
async fn what_was_looked_into_is_forgotten_also_when_whoever_looked_has_left() {
    let office = office().await;
    let (id, answer) = office.answered_about_a_picture().await;
    let script = office.answerer.will_wait();
    let conversations = office.conversations.clone();
    let looking = tokio::spawn(async move {
        let by = AskedBy::default();
        let place = PictureBox::between([10.0, 20.0, 30.0, 45.0]);
        let look = conversations.look_closer(answer, reread(id, place, "E102"), &by);
        look.await
    });
    until(|| office.answerer.asked().len() == 2).await;
    office.delete_for_good().await;
    looking.abort();
    until(|| script.is_cancelled()).await;
    assert_eq!(
        office.answerer.forgot(),
        1,
        "the engine still has hold of it"
    );
    script.send(done());
    until(|| office.answerer.forgot() == 2).await;
}

#[tokio::test]
async fn a_round_without_pictures_is_looked_into_on_those_before_it() {
    let office = office().await;
    let id = office.picture(40);
    office
        .ask(AskedRound {
            pictures: vec![id],
            ..question("a")
        })
        .await;
    office.ask(question("b")).await;
    office.answerer.will_say([delta(BOXES), done()]);
    let answer = office.answer().await.id;
    let by = AskedBy::default();
    let about = Some("E102".to_owned());
    let found = office
        .conversations
        .evidence(answer, about, &by)
        .await
        .expect("found");
    assert_eq!(found.evidence[0].picture, id);
}

#[tokio::test]
async fn a_closer_look_reads_the_place_again_and_says_whether_both_agree() {
    let office = office().await;
    let (id, answer) = office.answered_about_a_picture().await;
    let by = AskedBy::default();
    let place = PictureBox::between([10.0, 20.0, 30.0, 45.0]);
    office
        .answerer
        .will_say([token("E1", -0.1), token("02", -0.1), done()]);
    let look = office
        .conversations
        .look_closer(answer, reread(id, place, " E102 "), &by);
    let reading = look.await.expect("read");
    assert!(reading.agrees, "{reading:?}");
    assert_eq!(
        (reading.text.as_str(), reading.area),
        ("E102", [10, 20, 30, 45])
    );
    assert!((reading.probability - 0.818_73).abs() < 1e-4, "{reading:?}");
    // The scripted answerer cuts a picture as large as the place.
    let cut = office.answerer.asked()[1]
        .pictures()
        .next()
        .expect("a cut")
        .facts()
        .clone();
    assert_eq!((cut.width, cut.height), (20, 25));

    office.answerer.will_say([delta(BOXES), done()]);
    office.answerer.will_say([token("E107", -2.0), done()]);
    let look = office
        .conversations
        .look_closer(answer, reread(id, None, "E102"), &by);
    let reading = look.await.expect("read");
    assert!(!reading.agrees);
    assert_eq!(reading.area, [100, 200, 300, 260]);
    assert_eq!(office.answer().await.readings.len(), 2);

    office.answerer.will_say([delta("[]"), done()]);
    let look = office
        .conversations
        .look_closer(answer, reread(id, None, "E102"), &by);
    assert_eq!(look.await.expect_err("no place").code, Code::NoPlace);
    let other = office.picture(50);
    let look = office
        .conversations
        .look_closer(answer, reread(other, place, "E102"), &by);
    assert_eq!(
        look.await.expect_err("not its picture").code,
        Code::PictureUnknown
    );
    let look = office
        .conversations
        .look_closer(answer, reread(id, place, "  "), &by);
    assert_eq!(
        look.await.expect_err("nothing to read").code,
        Code::FieldOutOfRange
    );
}

#[tokio::test]
async fn a_closer_look_keeps_where_its_string_stands_if_it_stands_there() {
    let office = office().await;
    let id = office.picture(40);
    office.answerer.will_say([delta("错误 12 V, 12 A"), done()]);
    office
        .ask(AskedRound {
            pictures: vec![id],
            ..question("how much?")
        })
        .await;
    let answer = office.answer().await.id;
    let place = PictureBox::between([10.0, 20.0, 30.0, 45.0]);
    for (start, kept) in [(9, Some(9)), (3, Some(3)), (4, None), (900, None)] {
        let asked = AskedReading {
            start: Some(start),
            ..reread(id, place, "12")
        };
        let by = AskedBy::default();
        let look = office.conversations.look_closer(answer, asked, &by);
        assert_eq!(look.await.expect("read").start, kept, "{start}");
        let stored = office.answer().await.readings.pop().expect("one");
        assert_eq!(stored.start, kept, "{start}");
    }
}

#[tokio::test]
async fn a_thumbnail_is_made_for_pictures_on_the_desk_and_in_the_records() {
    let office = office().await;
    let id = office.picture(40);
    let small = office.conversations.thumbnail(id, 160).await.expect("made");
    assert_eq!(small, Some(format!("{id} at 160").into_bytes()));
    office
        .ask(AskedRound {
            pictures: vec![id],
            ..question("a")
        })
        .await;
    for _ in 0..2 {
        let again = office
            .conversations
            .thumbnail(id, 160)
            .await
            .expect("made or kept");
        assert_eq!(again, small);
    }
    let none = office
        .conversations
        .thumbnail(PictureId::of(b"?"), 160)
        .await;
    assert_eq!(none, Ok(None));
}

#[tokio::test]
async fn a_request_of_no_conversation_may_speak_of_a_recorded_picture_and_is_not_kept() {
    let office = office().await;
    let id = office.picture(40);
    office
        .ask(AskedRound {
            pictures: vec![id],
            ..question("a")
        })
        .await;
    let request = crate::testing::ask("alone", &[id]);
    let answer = office
        .conversations
        .answer(request, Wishes::default())
        .await;
    let events: Vec<_> = answer.expect("asked").collect().await;
    assert_eq!(events.last(), Some(&done()));
    assert_eq!(office.whole().await.rounds.len(), 1);
}
