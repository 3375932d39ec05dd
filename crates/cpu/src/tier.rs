//! Which instruction sets this processor has, and which of them is used.
//!
//! A tier is a proof: it exists only after detection, so a kernel that takes a `Tier` may rest on it.
//! `LOOKDESK_TIER` (or an option) may only lower the tier, so one machine can test them all.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "asks the processor and the kernel for tiles")]
mod amx;

/// An instruction tier. Later ones are faster and have everything earlier ones have, but for AVX-VNNI, which
/// processors with AVX-512 may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tier {
    /// What vectors there are.
    level: Level,
    tiles: Option<TileUnit>,
}

/// What multiplies tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TileUnit {
    /// Plain code, for tests.
    Emulated,
    /// The processor. Exists only where it has AMX and the kernel allows it.
    #[cfg(target_arch = "x86_64")]
    Hardware,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Portable,
    Avx2,
    AvxVnni,
    Avx512,
    Avx512Vnni,
    Avx512Bf16,
    Amx,
}

/// What was found out about one tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierReport {
    /// Its name, as `LOOKDESK_TIER` takes it.
    pub name: &'static str,
    /// This processor can run it.
    pub available: bool,
    /// It is the one in use.
    pub chosen: bool,
    /// Why it is passed over, or what it brings.
    pub reason: String,
}

/// A tier by a name nobody knows, or one this processor lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TierError {
    /// No such name.
    #[error(
        "{name:?} is no instruction tier; use one of: portable, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx"
    )]
    Unknown {
        /// What was given.
        name: String,
    },
    /// A tier can be lowered, not raised.
    #[error("{name} cannot be used here: {reason}; the best tier is {best}")]
    Missing {
        /// What was asked for.
        name: &'static str,
        /// What stands in its way.
        reason: String,
        /// What there is.
        best: &'static str,
    },
}

const LEVELS: [Level; 7] = [
    Level::Portable,
    Level::Avx2,
    Level::AvxVnni,
    Level::Avx512,
    Level::Avx512Vnni,
    Level::Avx512Bf16,
    Level::Amx,
];

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avxvnni",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512vnni",
            Self::Avx512Bf16 => "avx512bf16",
            Self::Amx => "amx",
        }
    }

    /// Instruction sets the level needs that this processor lacks.
    #[cfg(target_arch = "x86_64")]
    fn missing(self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        let mut need = |has: bool, name| {
            if !has {
                missing.push(name);
            }
        };
        if self >= Self::Avx2 {
            need(is_x86_feature_detected!("avx2"), "AVX2");
            need(is_x86_feature_detected!("fma"), "FMA");
            need(is_x86_feature_detected!("f16c"), "F16C");
        }
        if self == Self::AvxVnni {
            need(is_x86_feature_detected!("avxvnni"), "AVX-VNNI");
        }
        if self >= Self::Avx512 {
            need(is_x86_feature_detected!("avx512f"), "AVX-512F");
            need(is_x86_feature_detected!("avx512bw"), "AVX-512BW");
            need(is_x86_feature_detected!("avx512vl"), "AVX-512VL");
            need(is_x86_feature_detected!("avx512dq"), "AVX-512DQ");
        }
        if self >= Self::Avx512Vnni {
            need(is_x86_feature_detected!("avx512vnni"), "AVX-512 VNNI");
        }
        if self >= Self::Avx512Bf16 {
            need(is_x86_feature_detected!("avx512bf16"), "AVX-512 BF16");
        }
        if self == Self::Amx {
            missing.extend(amx::missing());
        }
        missing
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn missing(self) -> Vec<&'static str> {
        if self == Self::Portable {
            Vec::new()
        } else {
            vec!["an x86-64 processor"]
        }
    }

    /// The best level below AMX.
    fn vectors() -> Self {
        let level = LEVELS
            .into_iter()
            .rev()
            .find(|level| *level < Self::Amx && level.missing().is_empty());
        level.unwrap_or(Self::Portable)
    }

    /// Why this machine cannot run it.
    fn obstacle(self) -> Option<String> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Some(format!("this processor lacks {}", missing.join(", ")));
        }
        #[cfg(target_arch = "x86_64")]
        if self == Self::Amx {
            return amx::ready().err().map(|refusal| refusal.to_string());
        }
        None
    }

    fn brings(self) -> &'static str {
        match self {
            Self::Portable => "plain code; slow",
            Self::Avx2 => "8 float32 lanes",
            Self::AvxVnni => "8 float32 lanes, 8 lanes of byte quads",
            Self::Avx512 => "16 float32 lanes",
            Self::Avx512Vnni => "16 float32 lanes, 16 lanes of byte quads",
            Self::Avx512Bf16 => "16 lanes of bfloat16 pairs and of byte quads",
            Self::Amx => "tiles of 16 by 16 sums of bfloat16 pairs",
        }
    }
}

impl Tier {
    /// The best tier of this processor.
    pub fn best() -> Self {
        let best = LEVELS
            .into_iter()
            .rev()
            .find(|level| level.obstacle().is_none());
        Self::of(best.unwrap_or(Level::Portable))
    }

    /// A level without obstacles.
    fn of(level: Level) -> Self {
        let tiles = match level {
            #[cfg(target_arch = "x86_64")]
            Level::Amx => Some(TileUnit::Hardware),
            _ => None,
        };
        Self { level, tiles }
    }

    /// The best vectors of this processor without its tiles, and tiles in plain code: the AMX tier's blocking and
    /// layouts run on any machine. For tests; very slow.
    #[doc(hidden)]
    pub fn emulated_amx() -> Self {
        Self {
            level: Level::vectors(),
            tiles: Some(TileUnit::Emulated),
        }
    }

    /// The best tier, or the lower one that `LOOKDESK_TIER` names.
    pub fn from_environment() -> Result<Self, TierError> {
        match std::env::var("LOOKDESK_TIER") {
            Ok(name) if !name.is_empty() => Self::named(&name),
            _ => Ok(Self::best()),
        }
    }

    /// A tier by name, if this processor has it.
    pub fn named(name: &str) -> Result<Self, TierError> {
        let level = LEVELS
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| TierError::Unknown {
                name: name.to_owned(),
            })?;
        match level.obstacle() {
            None => Ok(Self::of(level)),
            Some(reason) => Err(TierError::Missing {
                name: level.name(),
                reason,
                best: Self::best().name(),
            }),
        }
    }

    /// Every tier this processor can run, lowest first.
    pub fn available() -> Vec<Self> {
        LEVELS
            .into_iter()
            .filter(|level| level.obstacle().is_none())
            .map(Self::of)
            .collect()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self.tiles {
            Some(TileUnit::Emulated) => "amx, emulated",
            _ => self.level.name(),
        }
    }

    pub(crate) fn level(self) -> Level {
        self.level
    }

    pub(crate) fn tile_unit(self) -> Option<TileUnit> {
        self.tiles
    }
}

/// What was found, best tier first; `chosen` is the one in use.
pub fn detect(chosen: Tier) -> Vec<TierReport> {
    let report = |level: Level| {
        let obstacle = level.obstacle();
        let available = obstacle.is_none();
        let reason = match obstacle {
            Some(obstacle) => format!("passed over: {obstacle}"),
            None if level > chosen.level => format!(
                "{}; passed over: a lower tier was asked for",
                level.brings()
            ),
            None => level.brings().to_owned(),
        };
        TierReport {
            name: level.name(),
            available,
            chosen: level == chosen.level,
            reason,
        }
    };
    LEVELS.into_iter().rev().map(report).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_can_run_the_portable_tier() {
        assert_eq!(
            Tier::named("portable").expect("always there").name(),
            "portable"
        );
        assert!(Tier::available().contains(&Tier::best()));
    }

    #[test]
    fn an_unknown_tier_is_refused_with_the_names_that_exist() {
        let error = Tier::named("avx1024")
            .expect_err("no such tier")
            .to_string();
        assert!(
            error.contains("avx1024") && error.contains("portable, avx2"),
            "{error}"
        );
    }

    #[test]
    fn exactly_one_tier_is_chosen_and_higher_ones_say_why_they_are_passed_over() {
        let lowest = Tier::named("portable").expect("always there");
        let reports = detect(lowest);
        assert_eq!(reports.iter().filter(|report| report.chosen).count(), 1);
        for report in reports.iter().filter(|report| !report.chosen) {
            assert!(report.reason.contains("passed over"), "{report:?}");
        }
    }
}
