//! What the scheduler promises, one by one.

use crate::kv::{Chain, TokenKey, TokenRun};
use crate::pace::Pace;
use crate::scheduler::{Bounds, Id, Job, Plan, Scheduler};

const BOUNDS: Bounds = Bounds {
    running: 4,
    rows: 600,
    logits: 16,
};

/// 100 ms per pass, 2 ms per row: 75 rows of a prompt fit beside one row of an answer.
fn pace() -> Pace {
    let mut pace = Pace::default();
    pace.observe(1, 100.0);
    pace.observe(200, 500.0);
    pace
}

fn job(id: Id, tokens: impl IntoIterator<Item = u32>, max_tokens: usize) -> Job {
    let keys = tokens.into_iter().map(TokenKey::Text).collect();
    let run = TokenRun::new(Chain::root("test"), 4, keys);
    Job::new(id, run, max_tokens, None)
}

fn own(id: Id, tokens: usize) -> impl Iterator<Item = u32> {
    (0..tokens as u32).map(move |at| 1000 * (id as u32 + 1) + at)
}

/// Does what a plan says; every question says 7 for ever.
fn follow(scheduler: &mut Scheduler, plan: &Plan) {
    for part in &plan.parts {
        if part.logits {
            scheduler.push(part.id, 7);
        }
        scheduler.computed(part.id, part.from + part.tokens);
    }
}

fn step(scheduler: &mut Scheduler) -> Plan {
    scheduler.admit();
    let plan = scheduler.plan(&pace(), |_| 0);
    follow(scheduler, &plan);
    plan
}

fn rows(plan: &Plan) -> Vec<(Id, usize)> {
    plan.parts
        .iter()
        .map(|part| (part.id, part.rows()))
        .collect()
}

#[test]
fn a_long_prompt_is_computed_in_pieces_beside_words() {
    let mut scheduler = Scheduler::new(BOUNDS, 400, 4);
    scheduler.submit(None, job(0, own(0, 8), 50));
    assert_eq!(rows(&step(&mut scheduler)), [(0, 8)]);
    scheduler.submit(None, job(1, own(1, 400), 50));
    let mut pieces = Vec::new();
    while !scheduler.job(1).is_some_and(Job::speaks) {
        let plan = step(&mut scheduler);
        assert_eq!(plan.parts[0].id, 0, "the words come first");
        assert!(pace().step_ms(plan.parts.iter().map(|part| part.rows()).sum()) <= Some(260.0));
        pieces.push(plan.parts[1].tokens);
    }
    assert_eq!(pieces, [75, 75, 75, 75, 75, 25]);
    assert_eq!(rows(&step(&mut scheduler)), [(0, 1), (1, 1)]);
}

#[test]
fn several_prompts_share_a_step_when_nobody_waits_for_words() {
    let mut scheduler = Scheduler::new(BOUNDS, 400, 4);
    for id in 0..3 {
        scheduler.submit(None, job(id, own(id, 200), 50));
    }
    assert_eq!(rows(&step(&mut scheduler)), [(0, 200), (1, 200), (2, 50)]);
    assert_eq!(rows(&step(&mut scheduler)), [(0, 1), (1, 1), (2, 73)]);
}

#[test]
fn a_picture_is_read_and_a_prompt_computed_by_turns_beside_words() {
    let mut scheduler = Scheduler::new(BOUNDS, 400, 4);
    scheduler.submit(None, job(0, own(0, 8), 50));
    step(&mut scheduler);
    let mut with_picture = job(1, own(1, 100), 50);
    with_picture.pictures = Job::new(1, with_picture.tokens.clone(), 1, [90]).pictures;
    scheduler.submit(None, with_picture);
    scheduler.submit(None, job(2, own(2, 700), 50));
    let plans: Vec<Plan> = (0..4).map(|_| step(&mut scheduler)).collect();
    let read: Vec<bool> = plans.iter().map(|plan| plan.read == Some((1, 0))).collect();
    assert_eq!(read, [true, false, true, false]);
    assert_eq!(
        plans
            .iter()
            .map(|plan| plan.parts.len())
            .collect::<Vec<_>>(),
        [1, 2, 1, 2]
    );
    // Once it has been read, its prompt comes before the younger one's.
    scheduler.picture_ready(1, 0);
    assert_eq!(step(&mut scheduler).parts[1].id, 1);
}

#[test]
fn before_anybody_speaks_the_oldest_comes_to_words_first() {
    let mut scheduler = Scheduler::new(BOUNDS, 800, 4);
    for id in 0..2 {
        let tokens = job(id, own(id, 600), 50).tokens;
        scheduler.submit(None, Job::new(id, tokens, 50, [90]));
    }
    // The first one's picture is read.
    for _ in 0..3 {
        let plan = step(&mut scheduler);
        assert_eq!((plan.read, rows(&plan)), (Some((0, 0)), vec![]));
    }
    // Its prompt is then computed, before the second one's picture is begun.
    scheduler.picture_ready(0, 0);
    for tokens in [450, 150] {
        let plan = step(&mut scheduler);
        assert_eq!((plan.read, rows(&plan)), (None, vec![(0, tokens)]));
    }
    let plan = step(&mut scheduler);
    assert_eq!((plan.read, rows(&plan)), (Some((1, 0)), vec![(0, 1)]));
}

#[test]
fn who_needs_no_picture_does_not_wait_for_an_older_ones_to_be_read() {
    let mut scheduler = Scheduler::new(BOUNDS, 800, 4);
    let tokens = job(0, own(0, 600), 50).tokens;
    scheduler.submit(None, Job::new(0, tokens, 50, [90]));
    scheduler.submit(None, job(1, own(1, 10), 50));
    let plan = step(&mut scheduler);
    assert_eq!((plan.read, rows(&plan)), (Some((0, 0)), vec![(1, 10)]));
}

#[test]
fn the_same_prompt_asked_several_times_at_once_is_computed_once() {
    let mut scheduler = Scheduler::new(BOUNDS, 400, 4);
    for id in 0..3 {
        scheduler.submit(None, job(id, 0..41, 50));
    }
    assert_eq!(rows(&step(&mut scheduler)), [(0, 41)]);
    // Ten full pages are shared; the eleventh, half full, is the first one's own.
    assert_eq!(rows(&step(&mut scheduler)), [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(scheduler.pool().shared(), 10);
}

#[test]
fn a_question_that_follows_another_starts_when_that_one_is_cancelled() {
    let mut scheduler = Scheduler::new(BOUNDS, 400, 4);
    scheduler.submit(None, job(0, 0..700, 50));
    scheduler.submit(None, job(1, 0..700, 50));
    step(&mut scheduler);
    assert_eq!(scheduler.running(), 1);
    scheduler.end(0, true);
    let started = scheduler.admit();
    assert_eq!((started[0].id, started[0].cached), (1, 450 / 4 * 4 + 2));
}

#[test]
fn when_pages_run_out_the_newest_gives_way_and_keeps_what_it_said() {
    let mut scheduler = Scheduler::new(BOUNDS, 12, 4);
    scheduler.submit(None, job(0, own(0, 16), 30));
    step(&mut scheduler);
    // Room is kept for the first one's growth: the second has to wait.
    scheduler.submit(None, job(1, own(1, 8), 30));
    step(&mut scheduler);
    assert_eq!(scheduler.running(), 1);
    scheduler.end(0, true);

    let mut scheduler = Scheduler::new(BOUNDS, 45, 4);
    scheduler.submit(None, job(0, own(0, 4), 140));
    scheduler.submit(None, job(1, own(1, 4), 140));
    // Each was started with room for 128 more of the 140; then there are no more pages.
    let mut put_back = Vec::new();
    let mut said = 0;
    for _ in 0..100 {
        said = scheduler.job(1).map_or(said, |job| job.tokens.len());
        put_back.extend(step(&mut scheduler).put_back);
    }
    assert_eq!(put_back, Vec::<Id>::new(), "it had to wait for its start");

    let mut scheduler = Scheduler::new(BOUNDS, 80, 4);
    scheduler.submit(None, job(0, own(0, 4), 300));
    scheduler.submit(None, job(1, own(1, 4), 300));
    while put_back.is_empty() {
        said = scheduler.job(1).map_or(said, |job| job.tokens.len());
        put_back.extend(step(&mut scheduler).put_back);
    }
    assert_eq!(put_back, [1]);
    scheduler.end(0, true);
    let again = scheduler.admit()[0];
    assert!(again.again && again.id == 1);
    assert_eq!(scheduler.job(1).expect("it runs").tokens.len(), said);
    assert!(
        again.cached + 8 >= said,
        "its pages were still there: {}",
        again.cached
    );
}

#[test]
fn nobody_overtakes_a_question_that_waits_for_room() {
    let mut scheduler = Scheduler::new(BOUNDS, 40, 4);
    scheduler.submit(None, job(0, own(0, 60), 20));
    step(&mut scheduler);
    scheduler.submit(None, job(1, own(1, 100), 20));
    scheduler.submit(None, job(2, own(2, 4), 4));
    step(&mut scheduler);
    assert_eq!(scheduler.running(), 1);
    assert_eq!(scheduler.waiting().collect::<Vec<_>>(), [1, 2]);
    scheduler.end(0, true);
    scheduler.admit();
    assert!(scheduler.job(1).is_some());
}

#[test]
fn one_client_with_many_questions_does_not_hold_up_another() {
    let bounds = Bounds {
        running: 1,
        ..BOUNDS
    };
    let mut scheduler = Scheduler::new(bounds, 400, 4);
    for id in 0..5 {
        scheduler.submit(Some("many"), job(id, own(id, 8), 4));
    }
    scheduler.submit(Some("one"), job(5, own(5, 8), 4));
    let mut order = Vec::new();
    while !scheduler.is_empty() {
        order.extend(scheduler.admit().iter().map(|started| started.id));
        scheduler.end(*order.last().expect("one runs"), true);
    }
    assert_eq!(order, [0, 5, 1, 2, 3, 4]);
}

#[test]
fn guesses_push_nobody_out() {
    let bounds = Bounds {
        running: 2,
        ..BOUNDS
    };
    let mut scheduler = Scheduler::new(bounds, 4, 4);
    scheduler.submit(None, job(0, own(0, 7), 8));
    step(&mut scheduler);
    scheduler.submit(None, job(1, own(1, 3), 1));
    scheduler.admit();
    assert_eq!(
        scheduler.running(),
        1,
        "room for the first one's answer is kept"
    );
    let plan = scheduler.plan(&pace(), |_| 100);
    assert_eq!((plan.parts[0].drafts, plan.put_back.len()), (6, 0));
}
