//! The first reading of an import: everything in the file is looked at, nothing is stored.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::records::exported::{ExportedConversation, ExportedPicture};
use crate::records::incoming::{self, Part, media_type};
use crate::records::store::conversations::title;
use crate::records::store::files::{Name, PictureFiles, file_fault};
use crate::records::store::fitness::{check_round, instant};
use crate::records::store::roles;
use crate::records::store::rows::{bounded, limits};
use crate::records::{ImportSource, Look, PictureSize, RoleId, RolePreset};
use crate::{Code, PictureId, Refusal};

/// The largest picture file.
const PICTURE_BYTES: usize = 20 * 1024 * 1024;
/// The longest edge of a picture.
const PIXELS: u32 = 100_000;
/// The most tokens that a picture can take in a question.
const TOKENS: u32 = 1 << 20;
/// Different pictures of one file; what is known of them is held in memory.
const PICTURES: usize = 1_000_000;

/// What the first reading has found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Pictures that the file brings.
    pub pictures: HashMap<PictureId, Seen>,
    /// Pictures that it speaks of and does not bring.
    pub elsewhere: HashSet<PictureId>,
    /// Those of `pictures` that cannot be read, in the order of the file.
    pub damaged: Vec<PictureId>,
    pub roles: HashSet<RoleId>,
    pub conversations: u64,
    pub rounds: u64,
}

/// What is known of a picture of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Its bytes were not opened: they are not in the file, or lie here already.
    Unopened,
    /// It can be read, and is so large.
    Readable(PictureSize),
    /// No decoder can read it.
    Damaged,
}

impl Checked {
    /// Whether the import needs this picture.
    pub fn needs(&self, id: PictureId) -> bool {
        self.pictures.contains_key(&id) || self.elsewhere.contains(&id)
    }

    fn picture(
        &mut self,
        picture: &ExportedPicture,
        files: &PictureFiles,
        look: Option<&Look>,
    ) -> Result<(), Refusal> {
        let id = picture.id;
        let bytes = fit(picture)?;
        let mut seen = Seen::Unopened;
        if let (Some(bytes), Some(look)) = (bytes, look)
            && !files
                .has(Name::Picture(id), picture.bytes)
                .map_err(file_fault)?
        {
            seen = look(&bytes).map_or(Seen::Damaged, Seen::Readable);
        }
        // Named twice, what was opened counts.
        let known = self.pictures.entry(id).or_insert(seen);
        if *known == Seen::Unopened {
            *known = seen;
        }
        if seen == Seen::Damaged && !self.damaged.contains(&id) {
            self.damaged.push(id);
        }
        self.room()
    }

    fn role(&mut self, role: &RolePreset) -> Result<(), Refusal> {
        self.roles.insert(role.id);
        match self.roles.len() > roles::ROLES {
            true => Err(roles::too_many()),
            false => roles::fitting(role).map(drop),
        }
    }

    fn conversation(&mut self, conversation: &ExportedConversation) -> Result<(), Refusal> {
        self.conversations += 1;
        instant("created_at", conversation.created_at)?;
        instant("updated_at", conversation.updated_at)?;
        title(&conversation.title)?;
        let customer = conversation.customer.as_deref().unwrap_or_default();
        bounded("customer", customer, limits::CUSTOMER)?;
        for round in &conversation.rounds {
            self.rounds += 1;
            check_round(round)?;
            for picture in &round.pictures {
                if !self.pictures.contains_key(picture) && self.elsewhere.insert(*picture) {
                    self.room()?;
                }
            }
        }
        Ok(())
    }

    fn room(&self) -> Result<(), Refusal> {
        match self.pictures.len() + self.elsewhere.len() > PICTURES {
            true => Err(Refusal::import_unfit(
                "it names more than a million pictures",
            )),
            false => Ok(()),
        }
    }
}

/// Reads all of a file. Blocks.
pub fn check(
    source: &mut ImportSource,
    files: &PictureFiles,
    look: Option<&Look>,
) -> Result<Checked, Refusal> {
    let mut checked = Checked::default();
    let mut unfit = None;
    let read = incoming::read(source, &mut |part| {
        let fits = match &part {
            Part::Picture(picture) => checked.picture(picture, files, look),
            Part::Role(role) => checked.role(role),
            Part::Conversation(conversation) => checked.conversation(conversation),
        };
        unfit = fits.err();
        unfit.is_none()
    });
    match unfit {
        Some(refusal) => Err(of_file(refusal)),
        None => read.map(|()| checked),
    }
}

/// The bytes of a picture, where the file has them, and nothing about it is impossible.
pub fn fit(picture: &ExportedPicture) -> Result<Option<Vec<u8>>, Refusal> {
    let id = picture.id;
    let unfit = |why: &str| Refusal::import_unfit(format_args!("the picture {id} {why}"));
    if !(1..=PIXELS).contains(&picture.width) || !(1..=PIXELS).contains(&picture.height) {
        return Err(unfit("has no size that a picture can have"));
    }
    if !(1..=TOKENS).contains(&picture.tokens) {
        return Err(unfit("takes a number of tokens that no picture can take"));
    }
    let kinds = [
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/bmp",
        "image/gif",
    ];
    if !kinds.contains(&picture.media_type.as_str()) {
        return Err(unfit("is of a kind that the desk does not show"));
    }
    if picture.bytes == 0 || picture.bytes > PICTURE_BYTES as u64 {
        return Err(unfit("is empty, or larger than 20 MB"));
    }
    let Some(data) = &picture.data else {
        return Ok(None);
    };
    let bytes = STANDARD
        .decode(data)
        .map_err(|_| unfit("is not written in base64"))?;
    if PictureId::of(&bytes) != id || bytes.len() as u64 != picture.bytes {
        return Err(unfit("has other bytes than its hash says"));
    }
    if media_type(&bytes) != Some(picture.media_type.as_str()) {
        return Err(unfit("is not of the kind it says"));
    }
    Ok(Some(bytes))
}

/// What a field of the file may not hold is a fault of the file.
fn of_file(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::FieldOutOfRange => Refusal::import_unfit(refusal.message.trim_end_matches('.')),
        _ => refusal,
    }
}
