use super::*;

fn text(ids: impl IntoIterator<Item = u32>) -> TokenRun {
    let keys = ids.into_iter().map(TokenKey::Text).collect();
    TokenRun::new(Chain::root("test"), 4, keys)
}

fn about(picture: u8, words: &[u32]) -> TokenRun {
    let mut keys = vec![TokenKey::Text(1)];
    keys.extend((0..6).map(|index| TokenKey::Picture([picture; 32], index)));
    keys.extend(words.iter().copied().map(TokenKey::Text));
    TokenRun::new(Chain::root("test"), 4, keys)
}

/// Answers a question with `answer` more tokens and keeps it. Returns how many tokens were there.
fn answered(pool: &mut PagePool, prompt: &TokenRun, answer: u32) -> usize {
    let (mut pages, found) = pool.claim(&pool.find(prompt));
    let mut tokens = prompt.clone();
    (0..answer).for_each(|id| tokens.push(TokenKey::Text(1000 + id)));
    while pages.len() * 4 < tokens.len() {
        pages.push(pool.take().expect("room"));
    }
    for (index, &page) in pages.iter().enumerate() {
        pool.keep(page, &tokens, index, tokens.len().min((index + 1) * 4));
    }
    pool.release(&pages);
    pool.check(&HashMap::new());
    found
}

#[test]
fn a_second_round_starts_where_the_first_ended() {
    let mut pool = PagePool::new(8, 4);
    assert_eq!(answered(&mut pool, &text([1, 2, 3, 4, 5]), 1), 0);
    assert_eq!(answered(&mut pool, &text([1, 2, 3, 4, 5, 1000, 7]), 2), 6);
}

#[test]
fn the_same_question_again_computes_its_last_token_again() {
    let mut pool = PagePool::new(8, 4);
    for prompt in [text(1..=3), text(1..=8), text(1..=13)] {
        answered(&mut pool, &prompt, 1);
        assert_eq!(answered(&mut pool, &prompt, 1), prompt.len() - 1);
    }
}

#[test]
fn the_same_words_about_another_picture_share_nothing_from_the_picture_on() {
    let mut pool = PagePool::new(32, 4);
    assert_eq!(answered(&mut pool, &about(1, &[2, 3]), 9), 0);
    assert_eq!(
        answered(&mut pool, &about(2, &[2, 3]), 9),
        0,
        "one shared token would cost a conversation"
    );
    assert_eq!(answered(&mut pool, &about(1, &[2, 3]), 9), 8);
    assert_eq!(answered(&mut pool, &about(2, &[2, 3]), 9), 8);
}

#[test]
fn a_page_in_use_is_shared_when_full_and_left_alone_when_not() {
    let mut pool = PagePool::new(8, 4);
    answered(&mut pool, &text(1..=6), 0);
    let first = pool.claim(&pool.find(&text([1, 2, 3, 4, 5, 6, 7])));
    assert_eq!(first.1, 6);
    // The first page can be shared; the second has been taken over and is being written.
    let second = pool.claim(&pool.find(&text([1, 2, 3, 4, 5, 6, 8])));
    assert_eq!(second.1, 4);
    assert_eq!((first.0[0], pool.shared()), (second.0[0], 1));
    pool.check(&HashMap::from([(first.0[0], 2), (first.0[1], 1)]));
}

#[test]
fn taking_a_page_over_never_costs_more_tokens_than_it_saves() {
    let mut pool = PagePool::new(16, 4);
    answered(&mut pool, &text(1..=20), 0);
    // Two tokens in common, eighteen to lose.
    assert_eq!(answered(&mut pool, &text([1, 2, 50, 51]), 0), 0);
    assert_eq!(answered(&mut pool, &text(1..=21), 0), 20);
    // Fourteen in common, seven to lose.
    assert_eq!(answered(&mut pool, &text((1..=14).chain([50, 51])), 0), 14);
}

#[test]
fn the_conversation_unused_longest_gives_its_pages_its_end_first() {
    let mut pool = PagePool::new(4, 4);
    answered(&mut pool, &text([1; 8]), 0);
    answered(&mut pool, &text([2; 8]), 0);
    answered(&mut pool, &text([3; 4]), 0);
    assert_eq!(pool.evicted(), 1);
    assert_eq!(pool.find(&text([2; 9])).pages.len(), 2);
    assert_eq!(pool.find(&text([1; 9])).pages.len(), 1);
}

#[test]
fn when_all_pages_are_in_use_there_is_none_to_take() {
    let mut pool = PagePool::new(2, 4);
    let pages = [pool.take().expect("a page"), pool.take().expect("a page")];
    assert_eq!(pool.take(), None);
    pool.release(&pages);
    assert_eq!(pool.available(), 2);
}
