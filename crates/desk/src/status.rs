//! How things stand: what the device bar of the page shows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an answerer says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineStatus {
    /// Whether it can answer.
    pub state: State,
    /// Who answers.
    pub model: ModelFacts,
    /// On what.
    pub device: DeviceFacts,
    /// The machine's memory.
    pub memory: Memory,
    /// Who is being answered and who waits.
    pub queue: Queue,
    /// What it can take.
    pub limits: EngineLimits,
}

/// What an answerer can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineLimits {
    /// Media types it can read.
    pub picture_types: Vec<String>,
    /// The most tokens one picture gets.
    pub image_tokens: u32,
    /// The longest answer.
    pub max_tokens: u32,
    /// Question and answer together.
    pub context_tokens: u32,
}

/// What an engine has counted, for whoever draws curves. Pages are pieces of the
/// memory that holds what the model has read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// All pages.
    pub pages_total: u64,
    /// Pages that running answers use.
    pub pages_used: u64,
    /// Of those, pages that more than one uses.
    pub pages_shared: u64,
    /// Pages kept for questions to come.
    pub pages_cached: u64,
    /// Kept pages given up for want of room, since the start.
    pub pages_evicted: u64,
    /// Prompt tokens of the questions started so far.
    pub prompt_tokens: u64,
    /// Of them, tokens found in the cache.
    pub cached_tokens: u64,
    /// Pictures the vision tower has read.
    pub pictures_read: u64,
    /// Pictures that had been read before.
    pub pictures_cached: u64,
    /// Answers put back to make room for older ones.
    pub preempted: u64,
    /// From a question's arrival to its first token, of all that came so far.
    pub first_token: Durations,
    /// From one token of an answer to the next, when they were computed, not when somebody read them.
    pub inter_token: Durations,
}

/// How often something took how long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    /// All of them together. Seconds.
    pub sum_s: f64,
    /// Upper end in seconds and count of each range, from the shortest; the last has no end.
    pub ranges: Vec<(f64, u64)>,
}

impl Durations {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|(_, count)| count).sum()
    }
}

/// How the desk is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeskStatus {
    /// Of this program.
    pub version: String,
    /// Whether questions can be answered.
    pub state: State,
    /// Who answers.
    pub model: ModelFacts,
    /// On what.
    pub device: DeviceFacts,
    /// The machine's memory.
    pub memory: Memory,
    /// Who is being answered and who waits.
    pub queue: Queue,
    /// What the machine's instruments show.
    pub readings: Readings,
    /// What is kept of what is asked.
    pub records: RecordsFacts,
    /// What a question may hold.
    pub limits: Limits,
    /// What a setting is when nobody set it.
    pub defaults: Defaults,
}

/// Whether questions can be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    /// Not yet.
    Loading {
        /// 0 to 100.
        #[schema(maximum = 100)]
        percent: u8,
        /// What is happening, in a few words.
        what: String,
    },
    /// Yes.
    Ready,
    /// No, and waiting will not help.
    Failed {
        /// What happened and what to do.
        message: String,
    },
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelFacts {
    /// Its name, as people know it.
    pub name: String,
    /// Whether it is the small demo model inside the program.
    pub demo: bool,
    /// How its weights are held, such as `q8`.
    pub precision: String,
    /// How many weights it has.
    pub parameters: u64,
}

/// What the model runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceFacts {
    /// Such as the processor's name.
    pub name: String,
    /// Threads that compute.
    pub threads: u32,
    /// Which instruction set was found, such as `avx2`.
    pub tier: String,
}

/// The machine's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Memory {
    /// By this program.
    pub used_bytes: u64,
    /// Of the machine.
    pub total_bytes: u64,
}

/// What the machine's instruments show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Readings {
    /// Of all processors together, since the reading before.
    #[schema(minimum = 0, maximum = 100)]
    pub cpu_percent: f32,
    /// The hottest sensor of the processor; null where there is none.
    pub cpu_temperature_c: Option<f32>,
    /// Memory that this program uses.
    pub process_memory_bytes: u64,
    /// NVIDIA devices.
    pub gpus: Vec<GpuReading>,
}

/// What one graphics processor shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GpuReading {
    /// Its name.
    pub name: String,
    /// By all programs.
    pub memory_used_bytes: u64,
    /// Of the device.
    pub memory_total_bytes: u64,
    /// Null where the device does not say.
    pub temperature_c: Option<f32>,
    /// How much of the time it was busy; null where the device does not say.
    pub utilization_percent: Option<f32>,
}

/// What is kept of what is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordsFacts {
    /// Whether anything outlives the program.
    pub kept: bool,
    /// After how many days without a question a conversation is deleted for good; null for never.
    pub keep_days: Option<u32>,
    /// The largest file that can be imported.
    pub import_bytes: u64,
}

/// Who is being answered and who waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Questions being answered.
    pub running: u32,
    /// Questions that wait.
    pub waiting: u32,
}

/// What a question may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// The largest file.
    pub picture_bytes: u64,
    /// The most pictures in one message.
    pub pictures_per_question: u32,
    /// Media types that can be read.
    pub picture_types: Vec<String>,
    /// The most tokens one picture gets.
    pub image_tokens: u32,
    /// The longest answer.
    pub max_tokens: u32,
    /// Question and answer together.
    pub context_tokens: u32,
}

/// What a setting is when nobody set it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Defaults {
    /// Low: a support answer should say the same thing twice.
    pub temperature: f32,
    /// The model's own recommendation.
    pub top_p: f32,
    /// The model's own recommendation.
    pub top_k: u32,
    /// A few sentences.
    pub max_tokens: u32,
    /// Rounds of conversation that a new question takes along.
    pub rounds: u32,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            temperature: 0.25,
            top_p: 0.8,
            top_k: 20,
            max_tokens: 256,
            rounds: 5,
        }
    }
}
