//! What is asked: messages, and the picture files they speak of, read within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::chat::{Message, Part, Role};
use model::picture::PictureLimits;

const MOST_PICTURES: usize = 64;

/// A conversation and its pictures, still encoded.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// The messages; a picture is named by its index.
    pub messages: Vec<Message>,
    /// The pictures.
    pub pictures: Vec<Arc<[u8]>>,
}

/// More pictures than one conversation takes.
#[derive(Debug, thiserror::Error)]
#[error("more than {MOST_PICTURES} pictures in one conversation; ask with fewer")]
pub struct TooManyPictures;

impl Conversation {
    /// Puts instructions before what follows.
    pub fn instruct(&mut self, system: &str) {
        self.messages.push(Message::text(Role::System, system));
    }

    /// Adds a turn of the user: pictures, then the question; nothing where both are missing.
    pub fn ask(
        &mut self,
        pictures: impl IntoIterator<Item = Arc<[u8]>>,
        question: Option<&str>,
    ) -> Result<(), TooManyPictures> {
        let mut content = Vec::new();
        for bytes in pictures {
            let part = self.picture(bytes)?;
            content.push(part);
        }
        content.extend(question.map(|text| Part::Text(text.to_owned())));
        if !content.is_empty() {
            self.messages.push(Message {
                role: Role::User,
                content,
            });
        }
        Ok(())
    }

    /// Adds a picture and gives the part that names it.
    pub fn picture(&mut self, bytes: Arc<[u8]>) -> Result<Part, TooManyPictures> {
        if self.pictures.len() == MOST_PICTURES {
            return Err(TooManyPictures);
        }
        self.pictures.push(bytes);
        Ok(Part::Picture(self.pictures.len() - 1))
    }
}

/// Why a picture file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureFileError {
    #[error("cannot read the picture {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the picture {path} is not a regular file")]
    NotAFile { path: PathBuf },
    #[error("the picture {path} is larger than {} MB; use a smaller one", picture_bytes() >> 20)]
    TooLarge { path: PathBuf },
}

/// No picture file may be larger.
pub fn picture_bytes() -> u64 {
    PictureLimits::default().max_bytes
}

/// Reads a picture file, never more of it than a picture may have.
pub fn picture_file(path: &Path) -> Result<Arc<[u8]>, PictureFileError> {
    let read = |source| PictureFileError::Read {
        path: path.into(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    if !file.metadata().map_err(read)?.is_file() {
        return Err(PictureFileError::NotAFile { path: path.into() });
    }
    match bounded(file, picture_bytes()).map_err(read)? {
        Some(bytes) => Ok(bytes.into()),
        None => Err(PictureFileError::TooLarge { path: path.into() }),
    }
}

/// All bytes, or `None` when there are more than `limit`.
pub fn bounded(from: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_puts_pictures_before_the_question() {
        let mut conversation = Conversation::default();
        conversation.instruct("Be short.");
        let picture: Arc<[u8]> = b"picture"[..].into();
        conversation.ask([picture], Some("What is it?")).unwrap();
        let [system, user] = &conversation.messages[..] else {
            panic!("{conversation:?}");
        };
        assert_eq!(system, &Message::text(Role::System, "Be short."));
        assert_eq!(
            user.content,
            [Part::Picture(0), Part::Text("What is it?".into())]
        );
    }

    #[test]
    fn a_turn_of_nothing_is_no_turn() {
        let mut conversation = Conversation::default();
        conversation.ask([], None).unwrap();
        assert!(conversation.messages.is_empty());
    }

    #[test]
    fn there_is_a_most_number_of_pictures() {
        let pictures = vec![Arc::from(&b"picture"[..]); MOST_PICTURES + 1];
        assert!(Conversation::default().ask(pictures, None).is_err());
    }

    #[test]
    fn a_reader_gives_no_more_than_its_limit() {
        assert_eq!(bounded(&b"abc"[..], 3).unwrap(), Some(b"abc".to_vec()));
        assert_eq!(bounded(&b"abcd"[..], 3).unwrap(), None);
    }

    #[test]
    fn a_directory_is_no_picture() {
        let error = picture_file(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}
