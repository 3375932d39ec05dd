//! The seam: all that the desk asks of an engine.

use crate::{
    AnswerStream, EngineStatus, Figures, Picture, PictureBox, PictureFacts, Question, Readings,
    Refusal, TokenCount,
};

/// Somebody who can look at pictures and answer questions about them.
///
/// The calls are plain and may take milliseconds (a picture is decoded, a
/// prompt is cut into tokens), so an asynchronous caller moves them to a
/// thread that may block. The answer itself arrives later, through the stream.
pub trait Answerer: Send + Sync + 'static {
    /// How the engine is doing right now. Cheap: pages ask every second.
    fn status(&self) -> EngineStatus;

    /// Says what a file is, having decoded it far enough to promise that
    /// [`Reservation::ask`] will accept it.
    ///
    /// Works while the model is still loading, so that pictures can be laid
    /// on the desk at once.
    fn inspect(&self, bytes: &[u8]) -> Result<PictureFacts, Refusal>;

    /// Tokens that a picture of this size takes in a question where it may take at most
    /// `image_tokens`. Cheap.
    fn picture_tokens(&self, width: u32, height: u32, image_tokens: u32) -> u32;

    /// What the engine has counted since it started. Cheap.
    fn figures(&self) -> Figures {
        Figures::default()
    }

    /// What the machine's instruments show. May be a second old, and cheap for that reason.
    fn readings(&self) -> Readings {
        Readings::default()
    }

    /// A place of a picture as a picture of its own: from the original pixels, with a margin, and
    /// enlarged where it is small.
    fn closer(&self, picture: &Picture, place: PictureBox) -> Result<Picture, Refusal> {
        let _ = (picture, place);
        Err(Refusal::not_offered())
    }

    /// A small JPEG of a picture, whose longer side is at most `edge` pixels.
    fn thumbnail(&self, picture: &Picture, edge: u32) -> Result<Vec<u8>, Refusal> {
        let _ = (picture, edge);
        Err(Refusal::not_offered())
    }

    /// What a question costs, without asking it. Decodes nothing: what its pictures are is known.
    fn count(&self, question: &Question) -> Result<TokenCount, Refusal>;

    /// Gives up whatever is only kept so that the next question is answered sooner: something that was asked or
    /// shown has been deleted for good.
    fn forget(&self) {}

    /// Takes places for so many answers to one asker, all of them or none. Quick: it comes before any work is done
    /// for the question, so that a question without a place costs nothing.
    fn reserve(&self, asker: Option<&str>, answers: u32) -> Result<Box<dyn Reservation>, Refusal>;
}

/// Places for answers. Dropped, they are given back.
pub trait Reservation: Send {
    /// Takes a question in, as often as there are places, or says why not; see [`Question::nth`]. A place is given
    /// back when its answer ends, or its stream is dropped, which cancels. Until it is taken in,
    /// [`Question::presence`] says whether anybody waits for it.
    fn ask(self: Box<Self>, question: Question) -> Result<Vec<AnswerStream>, Refusal>;
}
