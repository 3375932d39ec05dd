//! Who waits: first come first served for each client, and the clients in turn. A client that comes
//! with its next question goes to the end of the row, so one with many questions cannot hold up the others.

use std::collections::VecDeque;

/// Items in line, by client. All without a name are one client.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    /// The next to be served first; none is without items.
    clients: VecDeque<(Option<String>, VecDeque<T>)>,
}

impl<T> Turns<T> {
    pub(crate) fn new() -> Self {
        Self {
            clients: VecDeque::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.iter().map(|(_, line)| line.len()).sum()
    }

    /// Behind the client's other items.
    pub(crate) fn push(&mut self, client: Option<&str>, item: T) {
        match self.line(client) {
            Some(line) => line.push_back(item),
            None => {
                let line = VecDeque::from([item]);
                self.clients.push_back((client.map(str::to_owned), line));
            }
        }
    }

    fn line(&mut self, client: Option<&str>) -> Option<&mut VecDeque<T>> {
        let found = self
            .clients
            .iter_mut()
            .find(|(name, _)| name.as_deref() == client);
        found.map(|(_, line)| line)
    }

    /// All items, in the order in which they would be served.
    pub(crate) fn in_order(&self) -> Vec<&T> {
        let longest = self.clients.iter().map(|(_, line)| line.len()).max();
        (0..longest.unwrap_or(0))
            .flat_map(|round| {
                self.clients
                    .iter()
                    .filter_map(move |(_, line)| line.get(round))
            })
            .collect()
    }

    /// Serves an item: its client goes to the end of the row.
    pub(crate) fn serve(&mut self, which: impl Fn(&T) -> bool) -> Option<T> {
        let (client, at) = self.find(which)?;
        let (name, mut line) = self.clients.remove(client)?;
        let item = line.remove(at);
        if !line.is_empty() {
            self.clients.push_back((name, line));
        }
        item
    }

    /// Takes an item out that will not be served.
    pub(crate) fn remove(&mut self, which: impl Fn(&T) -> bool) -> Option<T> {
        let (client, at) = self.find(which)?;
        let line = &mut self.clients.get_mut(client)?.1;
        let item = line.remove(at);
        if line.is_empty() {
            self.clients.remove(client);
        }
        item
    }

    fn find(&self, which: impl Fn(&T) -> bool) -> Option<(usize, usize)> {
        let in_line = |(_, line): &(_, VecDeque<T>)| line.iter().position(&which);
        let mut clients = self.clients.iter().map(in_line).enumerate();
        clients.find_map(|(client, at)| Some((client, at?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(items: &[(Option<&str>, u32)]) -> Turns<u32> {
        let mut turns = Turns::new();
        items
            .iter()
            .for_each(|&(client, item)| turns.push(client, item));
        turns
    }

    #[test]
    fn clients_take_turns_and_each_ones_questions_keep_their_order() {
        let mut turns = turns(&[
            (Some("a"), 1),
            (Some("a"), 2),
            (Some("a"), 3),
            (Some("b"), 4),
            (None, 5),
            (None, 6),
        ]);
        assert_eq!(turns.in_order(), [&1, &4, &5, &2, &6, &3]);
        let mut served = Vec::new();
        while let Some(&&next) = turns.in_order().first() {
            served.extend(turns.serve(|&item| item == next));
        }
        assert_eq!(served, [1, 4, 5, 2, 6, 3]);
        assert!(turns.is_empty());
    }

    #[test]
    fn a_client_who_comes_back_stands_behind_those_who_wait() {
        let mut turns = turns(&[(Some("a"), 1), (Some("b"), 2)]);
        turns.serve(|&item| item == 1);
        turns.push(Some("a"), 3);
        assert_eq!(turns.in_order(), [&2, &3]);
    }

    #[test]
    fn one_who_leaves_costs_the_client_no_turn() {
        let mut turns = turns(&[(Some("a"), 1), (Some("a"), 2), (Some("b"), 3)]);
        assert_eq!(turns.remove(|&item| item == 1), Some(1));
        assert_eq!(turns.in_order(), [&2, &3]);
        assert_eq!(turns.remove(|&item| item == 9), None);
    }
}
