//! Pictures: found where they were read before, or read, a piece per turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use model::picture::Patches;
use model::vision::Features;
use ops::backend::Backend;

use super::{AnswerError, Worker};
use crate::scheduler::{Id, Part, Plan};

impl<B: Backend> Worker<B> {
    /// Gives a question that starts the pictures that have been read before. Returns how many of its pictures
    /// nobody has to read.
    pub(super) fn find_pictures(&mut self, id: Id, cached: usize) -> u64 {
        let Some(live) = self.live.get_mut(&id) else {
            return 0;
        };
        let unread: Vec<usize> = live.unread(cached).collect();
        for index in unread {
            if let Some(features) = self.parts.runner.features(&live.picture(index).digest) {
                live.picture_read(index, features);
                self.scheduler.picture_ready(id, index);
            }
        }
        live.tell_pictures(cached);
        (live.pictures() - live.unread(cached).count()) as u64
    }

    /// Reads on for as long as the pace allows. A picture half read comes first while anybody wants it.
    pub(super) fn look(&mut self, plan: &Plan) {
        let half_read = self.parts.runner.reading().copied();
        let wanted = half_read.and_then(|digest| self.who_wants(&digest));
        if half_read.is_some() && wanted.is_none() {
            self.parts.runner.stop_reading();
        }
        let Some((asked, picture)) = plan.read else {
            return;
        };
        // Whoever it was for may have ended with the step.
        let Some((id, index)) = wanted.or_else(|| self.still_wants(asked, picture)) else {
            return;
        };
        let rows = plan.parts.iter().map(Part::rows).sum();
        let time = Duration::from_secs_f64(self.pace.reading_ms(rows, plan.press) / 1e3);
        let live = self.live.get_mut(&id).expect("who wants it is here");
        live.tell_reading(index);
        let patches = Arc::clone(live.picture(index));
        match self.read(&patches, time) {
            Ok(None) => {}
            Ok(Some(features)) => {
                let given = self.share(&patches.digest, &features);
                let mut stats = self.stats();
                stats.pictures.encoded += 1;
                stats.pictures.hits += given.saturating_sub(1);
            }
            Err(error) => self.end(id, Err(error)),
        }
    }

    /// Safe to go on after a panic: the picture half read is gone, and the workspace is shaped anew by the next.
    fn read(
        &mut self,
        patches: &Patches,
        time: Duration,
    ) -> Result<Option<Arc<Features<B>>>, AnswerError> {
        let read = AssertUnwindSafe(|| self.parts.runner.read(patches, time));
        Ok(catch_unwind(read).map_err(AnswerError::of_panic)??)
    }

    /// The oldest running question that waits for this picture, and which of its pictures it is.
    fn who_wants(&self, digest: &[u8; 32]) -> Option<(Id, usize)> {
        self.live.iter().find_map(|(&id, live)| {
            let computed = self.scheduler.job(id)?.computed;
            let mut unread = live.unread(computed);
            let index = unread.find(|&index| live.picture(index).digest == *digest)?;
            Some((id, index))
        })
    }

    fn still_wants(&self, id: Id, picture: usize) -> Option<(Id, usize)> {
        let computed = self.scheduler.job(id)?.computed;
        let mut unread = self.live.get(&id)?.unread(computed);
        unread
            .any(|index| index == picture)
            .then_some((id, picture))
    }

    /// Gives a picture that has been read to everybody who waits for it. Returns how often it was wanted.
    fn share(&mut self, digest: &[u8; 32], features: &Arc<Features<B>>) -> u64 {
        let mut given = 0;
        for (&id, live) in &mut self.live {
            let Some(job) = self.scheduler.job(id) else {
                continue;
            };
            let computed = job.computed;
            let unread: Vec<usize> = live.unread(computed).collect();
            for index in unread {
                if live.picture(index).digest == *digest {
                    live.picture_read(index, Arc::clone(features));
                    self.scheduler.picture_ready(id, index);
                    given += 1;
                }
            }
            live.tell_pictures(computed);
        }
        given
    }
}
